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
LATE_WINDOW = 512  # numbers; what comes later than that is not worth a correction


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
    """Arrivals by extended transport-wide sequence number, until they have been reported.

    What arrives after its number was reported as missing is reported by itself, in a feedback of its own that
    says nothing about its neighbours.
    """

    __slots__ = ("_arrivals", "_count", "_last", "_next", "_reported")

    def __init__(self) -> None:
        self._arrivals: dict[int, Instant] = {}
        self._reported: set[int] = set()
        self._last: int | None = None
        self._next: int | None = None
        self._count = 0

    def add(self, arrivals: Iterable[tuple[int, Instant]]) -> None:
        """Note (sequence number, time) pairs; repeats keep their first time."""
        for number, at in arrivals:
            extended = number if self._last is None else unwrap_16(self._last, number)
            if self._last is None or extended > self._last:
                self._last = extended
            too_late = self._next is not None and extended < self._next - LATE_WINDOW
            if too_late or extended in self._reported:
                continue
            if len(self._arrivals) < MAX_PENDING:
                self._arrivals.setdefault(extended, at)

    def build(self) -> list[Feedback]:
        """Everything not yet reported, in as many feedbacks as it takes."""
        feedbacks = []
        pending = sorted(self._arrivals)
        border = self._next
        late = [extended for extended in pending if border is not None and extended < border]
        for run in _consecutive(late):
            while run:
                feedback = self._build_one(run, run[0])
                run = run[len(feedback.deltas) :]
                feedbacks.append(feedback)
        fresh = pending[len(late) :]
        while fresh:
            far = self._next is None or fresh[0] - self._next > MAX_STATUSES
            base = fresh[0] if far or self._next is None else self._next
            feedback = self._build_one(fresh, base)
            self._next = base + len(feedback.deltas)
            fresh = [extended for extended in fresh if extended >= self._next]
            feedbacks.append(feedback)
        self._reported.update(pending)
        self._arrivals.clear()
        if self._next is not None:
            oldest = self._next - LATE_WINDOW
            self._reported = {extended for extended in self._reported if extended >= oldest}
        return feedbacks

    def _build_one(self, received: list[int], base: int) -> Feedback:
        """As many of ``received`` as one feedback that begins at ``base`` holds; one at least."""
        # The reference is the first packet's time, rounded down: deltas of the first stay small.
        reference = self._arrivals[received[0]] // REFERENCE_US
        deltas: list[int | None] = []
        clock = reference * REFERENCE_US
        for taken, extended in enumerate(received):
            delta = (self._arrivals[extended] - clock) // DELTA_US
            hole = extended - base - len(deltas)
            full = len(deltas) + hole >= MAX_STATUSES or taken >= MAX_DELTAS
            if taken and (full or not -MAX_DELTA <= delta <= MAX_DELTA):
                break
            deltas.extend([None] * hole)
            deltas.append(delta)
            clock += delta * DELTA_US
        feedback = Feedback(base & 0xFFFF, self._count, reference & 0xFF_FFFF, tuple(deltas))
        self._count = self._count + 1 & 0xFF
        return feedback


def _consecutive(numbers: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
