"""What bandwidth costs the control plane: feedback read and estimated from, layers allocated; no sockets."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.congestion.allocation import AllocationSettings, Allocator
from rtpfwd.congestion.arrival_log import ArrivalLog, Feedback
from rtpfwd.congestion.demands import Demand, LayerOption
from rtpfwd.congestion.departure_log import Departure
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

PACKET_BYTES = 1100
FEEDBACK_US = milliseconds(100)
WAY_US = milliseconds(20)
WARM_UP = 20
FEEDBACKS_PER_S = 10
ALLOCATIONS_PER_S = 4  # BandwidthSettings.interval_us
CONSUMERS = 4
LAYERS = ((50, 75, 100), (200, 300, 400), (800, 1200, 1600))
"""Of each consumer's producer, in kbit/s: spatial by temporal."""


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
    """Reading it, departures, estimate and timers together."""
    cpu_us_per_allocation: float
    """Among four consumers of nine layers each, whose rates move."""
    core_share: float
    """Of one core, with ten feedbacks and four allocations a second for each transport."""


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
    allocation = _time_allocations(settings.transports, settings.feedbacks)
    per_second = each * FEEDBACKS_PER_S + allocation * ALLOCATIONS_PER_S
    return ControlBenchResult(
        settings.transports,
        settings.packets,
        settings.feedbacks,
        each,
        allocation,
        per_second * settings.transports / 1e6,
    )


_Round = tuple[list[Departure], list[bytes], Instant]


def _time_allocations(transports: int, turns: int) -> float:
    """CPU microseconds of one allocation, its demands built anew as a worker builds them."""
    allocators = [Allocator(AllocationSettings()) for _ in range(transports)]
    before = time.process_time_ns()
    for turn in range(turns):
        now = Instant(turn * MICROSECONDS // ALLOCATIONS_PER_S)
        available_bps = 2_000_000 + turn * 7919 % 400_000
        for allocator in allocators:
            allocator.allocate(_demands(turn), available_bps, 0, now)
    return (time.process_time_ns() - before) / 1000 / (transports * turns)


def _demands(turn: int) -> list[Demand]:
    options = tuple(
        LayerOption(spatial, temporal, rate * (1000 + turn * 31 % 40))
        for spatial, row in enumerate(LAYERS)
        for temporal, rate in enumerate(row)
    )
    return [Demand(key, options) for key in range(CONSUMERS)]


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
        bodies = [_body(feedback) for feedback in log.build()]
        rounds.append((departures, bodies, Instant((turn + 1) * FEEDBACK_US + WAY_US)))
    return rounds


def _body(feedback: Feedback) -> bytes:
    base, count, reference = feedback.base_sequence_number, feedback.feedback_count, feedback.reference_time
    return TransportFeedback(1, 2, base, count, reference, feedback.deltas).serialize()[4:]


def _feed(estimators: list[SendSideEstimator], one: _Round) -> None:
    departures, bodies, now = one
    for estimator in estimators:
        estimator.sent(departures)
        for body in bodies:
            packet = TransportFeedback.parse(body)
            base, count, reference = packet.base_sequence_number, packet.feedback_count, packet.reference_time
            estimator.feedback(Feedback(base, count, reference, packet.packets), now)
        due = estimator.next_timeout()
        if due is not None and due <= now:
            estimator.handle_timeout(now)
        estimator.probes()
        estimator.take_decisions()
