"""When the flight recorder should be kept: something has gone wrong with a transport just now.

Looks at a worker once a second: at its ledger since the last look, and at the states of its transports.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.sfu.ledger import What
from rtpfwd.sfu.worker import Worker


class Trigger(StrEnum):
    """Why."""

    ICE_LOST = "ice_lost"
    SCORE_DROP = "score_drop"
    KEY_FRAME_STORM = "key_frame_storm"
    ESTIMATE_COLLAPSE = "estimate_collapse"


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """Tunables."""

    score_drop: int = 4
    """Points that a producer's score falls between two looks."""
    key_frames: int = 10
    key_frames_in_us: int = seconds(10)
    """So many requests of one producer in this time are a storm."""
    collapse: float = 0.4
    """An estimate that falls to this share of what it was within two seconds."""
    quiet_us: int = seconds(120)
    """After one of a transport, its others wait so long."""


class FlightTriggers:
    """For one worker."""

    def __init__(self, worker: Worker, settings: TriggerSettings | None = None) -> None:
        self._worker = worker
        self._settings = settings or TriggerSettings()
        self._seen = worker.context.ledger.noted
        self._ice: dict[TransportId, str] = {}
        self._scores: dict[str, int] = {}
        self._requests: dict[str, deque[Instant]] = {}
        self._estimates: dict[str, deque[tuple[Instant, int]]] = {}
        self._quiet_until: dict[TransportId, Instant] = {}

    def check(self, now: Instant) -> list[tuple[TransportId, Trigger]]:
        """What has happened since the last look, one for each transport at most."""
        found: dict[TransportId, Trigger] = {}
        self._look_at_ledger(found)
        transports = self._worker.context.transports
        for number, transport in transports.items():
            state = transport.ice_state
            if state == "disconnected" and self._ice.get(number) not in (None, "new", "disconnected"):
                found[number] = Trigger.ICE_LOST
            self._ice[number] = state
            for producer in transport.producers.values():
                score = max((stream.score.value for stream in producer.streams), default=0)
                before = self._scores.get(producer.id, 0)
                if before - score >= self._settings.score_drop and not producer.paused:
                    found.setdefault(number, Trigger.SCORE_DROP)
                self._scores[producer.id] = score
        self._forget_gone()
        fresh = [
            (number, why)
            for number, why in found.items()
            if number in transports and self._quiet_until.get(number, now) <= now
        ]
        for number, _ in fresh:
            self._quiet_until[number] = Instant(now + self._settings.quiet_us)
        return fresh

    def _look_at_ledger(self, found: dict[TransportId, Trigger]) -> None:
        ledger = self._worker.context.ledger
        if ledger.noted == self._seen:
            return
        by_id = {one.id: number for number, one in self._worker.context.transports.items()}
        producers = {
            producer.id: number
            for number, one in self._worker.context.transports.items()
            for producer in one.producers.values()
        }
        for decision in ledger:
            if decision.number < self._seen:
                continue
            subject = decision.subject_id
            if decision.what is What.KEY_FRAME_REQUEST and subject in producers:
                times = self._requests.setdefault(subject, deque(maxlen=self._settings.key_frames))
                times.append(decision.at)
                if (
                    len(times) == self._settings.key_frames
                    and times[-1] - times[0] <= self._settings.key_frames_in_us
                ):
                    found.setdefault(producers[subject], Trigger.KEY_FRAME_STORM)
            elif decision.what is What.ESTIMATE and subject in by_id and isinstance(decision.after, int):
                past = self._estimates.setdefault(subject, deque(maxlen=64))
                while past and decision.at - past[0][0] > seconds(2):
                    past.popleft()
                highest = max((one for _, one in past), default=0)
                past.append((decision.at, decision.after))
                if decision.after < highest * self._settings.collapse:
                    found.setdefault(by_id[subject], Trigger.ESTIMATE_COLLAPSE)
        self._seen = ledger.noted

    def _forget_gone(self) -> None:
        transports = self._worker.context.transports
        producers = {producer for one in transports.values() for producer in one.producers}
        ids = {one.id for one in transports.values()}
        for number in self._ice.keys() - transports.keys():
            del self._ice[number]
        for number in self._quiet_until.keys() - transports.keys():
            del self._quiet_until[number]
        for gone in self._scores.keys() - producers:
            del self._scores[gone]
        for gone in self._requests.keys() - producers:
            del self._requests[gone]
        for gone in self._estimates.keys() - ids:
            del self._estimates[gone]
