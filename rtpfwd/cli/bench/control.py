"""What the control plane's estimating costs: feedback on generated records, no sockets, one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.congestion.arrival_log import ArrivalLog, Feedback
from rtpfwd.congestion.departure_log import Departure
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings

PACKET_BYTES = 1100
FEEDBACK_US = milliseconds(100)
WAY_US = milliseconds(20)
WARM_UP = 20
FEEDBACKS_PER_S = 10


@dataclass(frozen=True, slots=True)
class ControlBenchSettings:
    """``packets`` in each feedback, ``feedbacks`` for each of ``transports``."""

    transports: int = 100
    packets: int = 25
    feedbacks: int = 100


@dataclass(frozen=True, slots=True)
class ControlBenchResult:
    """CPU time, not wall time."""

    transports: int
    packets: int
    feedbacks: int
    cpu_us_per_feedback: float
    """Departures, feedback and timers together."""
    core_share: float
    """Of one core, with ten feedbacks a second for each transport."""


def run_control(settings: ControlBenchSettings) -> ControlBenchResult:
    """Feed every transport's estimator in turn, as a worker does, and take the time."""
    rounds = _rounds(settings.packets, WARM_UP + settings.feedbacks)
    estimators = [
        SendSideEstimator(EstimatorSettings(), Instant(FEEDBACK_US)) for _ in range(settings.transports)
    ]
    for one in rounds[:WARM_UP]:
        _feed(estimators, one)
    before = time.process_time_ns()
    for one in rounds[WARM_UP:]:
        _feed(estimators, one)
    spent_us = (time.process_time_ns() - before) / 1000
    each = spent_us / (settings.transports * settings.feedbacks)
    return ControlBenchResult(
        settings.transports,
        settings.packets,
        settings.feedbacks,
        each,
        each * settings.transports * FEEDBACKS_PER_S / 1e6,
    )


_Round = tuple[list[Departure], list[Feedback], Instant]


def _rounds(packets: int, count: int) -> list[_Round]:
    """Three frames in each feedback's time, paced, over a line whose delay moves by a millisecond or two."""
    rounds: list[_Round] = []
    log = ArrivalLog()
    number = 0
    for turn in range(1, count + 1):
        departures: list[Departure] = []
        for index in range(packets):
            frame, within = divmod(index * 3, packets)
            sent_at = Instant(turn * FEEDBACK_US + frame * FEEDBACK_US // 3 + within * 500)
            departures.append((number & 0xFFFF, sent_at, PACKET_BYTES, 0))
            if number % 50:
                log.add([(number & 0xFFFF, Instant(sent_at + WAY_US + number * 7919 % 2000))])
            number += 1
        rounds.append((departures, log.build(), Instant((turn + 1) * FEEDBACK_US + WAY_US)))
    return rounds


def _feed(estimators: list[SendSideEstimator], one: _Round) -> None:
    departures, feedbacks, now = one
    for estimator in estimators:
        estimator.sent(departures)
        for feedback in feedbacks:
            estimator.feedback(feedback, now)
        due = estimator.next_timeout()
        if due is not None and due <= now:
            estimator.handle_timeout(now)
        estimator.probes()
        estimator.take_decisions()
