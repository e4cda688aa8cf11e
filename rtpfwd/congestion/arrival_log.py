"""What arrived when, as a publisher's congestion control wants to be told: one feedback record at a time.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1. Records in, records out; the wire form is
made elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtpfwd.clock import Instant
from rtpfwd.wire.serial import unwrap_16

REFERENCE_US = 64_000
DELTA_US = 250
MAX_DELTA = 0x7FFF
MAX_STATUSES = (
    1000  # of one feedback; what a datagram of 1200 bytes holds with two-byte deltas is less than that
)
MAX_DELTAS = 400
MAX_PENDING = 8192


@dataclass(frozen=True, slots=True)
class Feedback:
    """One transport-wide feedback: ``deltas[i]`` is about ``base + i``; None: not received; else units of 250
    µs.
    """

    base_sequence_number: int
    feedback_count: int
    reference_time: int
    deltas: tuple[int | None, ...]


class ArrivalLog:
    """Arrivals by extended transport-wide sequence number, until they have been reported."""

    __slots__ = ("_arrivals", "_count", "_last", "_next")

    def __init__(self) -> None:
        self._arrivals: dict[int, Instant] = {}
        self._last: int | None = None
        self._next: int | None = None
        self._count = 0

    def add(self, arrivals: Iterable[tuple[int, Instant]]) -> None:
        """Note (sequence number, time) pairs; repeats keep their first time, numbers already reported are
        left out.
        """
        for number, at in arrivals:
            extended = number if self._last is None else unwrap_16(self._last, number)
            if self._last is None or extended > self._last:
                self._last = extended
            if self._next is not None and extended < self._next:
                continue
            if len(self._arrivals) < MAX_PENDING:
                self._arrivals.setdefault(extended, at)

    def build(self) -> list[Feedback]:
        """Everything not yet reported, in as many feedbacks as it takes."""
        feedbacks = []
        while self._arrivals:
            feedbacks.append(self._build_one())
        return feedbacks

    def _build_one(self) -> Feedback:
        received = sorted(self._arrivals)
        base = received[0] if self._next is None or received[0] - self._next > MAX_STATUSES else self._next
        # The reference is the first packet's time, rounded down: deltas of the first stay small.
        reference = self._arrivals[received[0]] // REFERENCE_US
        deltas: list[int | None] = []
        clock = reference * REFERENCE_US
        taken = 0
        for extended in received:
            delta = (self._arrivals[extended] - clock) // DELTA_US
            hole = extended - base - len(deltas)
            full = len(deltas) + hole >= MAX_STATUSES or taken >= MAX_DELTAS
            if taken and (full or not -MAX_DELTA <= delta <= MAX_DELTA):
                break
            deltas.extend([None] * hole)
            deltas.append(delta)
            clock += delta * DELTA_US
            taken += 1
        for extended in received[:taken]:
            del self._arrivals[extended]
        self._next = base + len(deltas)
        feedback = Feedback(base & 0xFFFF, self._count, reference & 0xFF_FFFF, tuple(deltas))
        self._count = self._count + 1 & 0xFF
        return feedback
