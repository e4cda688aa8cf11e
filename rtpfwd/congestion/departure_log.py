"""What was sent, matched with what the receiver says of it.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1. Feedback is a stranger's: it may repeat, come
late, contradict itself, speak of packets that never were, and claim any time. None of that raises, and each
costs no more than its length. The arrival clock is the receiver's; only differences of it mean something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtpfwd.clock import Instant
from rtpfwd.congestion.arrival_log import DELTA_US, REFERENCE_US, Feedback
from rtpfwd.wire.serial import distance, unwrap_16

REFERENCE_BITS = 24
FIRST_LAP = 1 << 16  # numbers are unwrapped from here, so that none is negative

Departure = tuple[int, Instant, int, int]
"""Transport-wide sequence number (16 bits), when sent, bytes of UDP payload, probe cluster or 0."""

Received = tuple[Instant, int, int, int]
"""When sent, when arrived (microseconds of the receiver), bytes, probe cluster or 0."""


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """News of one feedback; what an earlier one said already is left out."""

    received: list[Received]
    """In order of sequence numbers."""
    lost: list[Instant]
    """Departure times of packets that are missing for the first time."""
    recovered: int
    """Packets of ``received`` that an earlier feedback called missing."""
    last_sent_at: Instant | None
    """The latest departure among ``received``."""


class DepartureLog:
    """One transport's packets on their way."""

    __slots__ = (
        "_highest_acked_total",
        "_history_us",
        "_last",
        "_lost",
        "_max_packets",
        "_max_statuses",
        "_packets",
        "_reference",
        "total_bytes",
    )

    def __init__(self, max_packets: int, history_us: int, max_statuses: int) -> None:
        # number -> (when sent, bytes, cluster, bytes sent until and with it), in order of numbers
        self._packets: dict[int, tuple[Instant, int, int, int]] = {}
        self._lost: set[int] = set()
        self._last: int | None = None
        self._reference: int | None = None
        self._highest_acked_total = 0
        self._max_packets = max_packets
        self._history_us = history_us
        self._max_statuses = max_statuses
        self.total_bytes = 0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def outstanding_bytes(self) -> int:
        """Sent after the newest packet that is known to have arrived."""
        return self.total_bytes - self._highest_acked_total

    def add(self, departures: Iterable[Departure]) -> None:
        """Note what left, in order."""
        packets = self._packets
        last = self._last
        total = self.total_bytes
        at = None
        for number, at, size, cluster in departures:
            if last is None:
                last = FIRST_LAP + number
            else:
                last += number - last & 0xFFFF
            total += size
            packets[last] = (at, size, cluster, total)
        self._last = last
        self.total_bytes = total
        if at is not None:
            self._forget(at)

    def match(self, feedback: Feedback) -> FeedbackReport:
        """What is new in ``feedback``."""
        received: list[Received] = []
        missing: list[Instant] = []
        recovered = 0
        last_sent_at: Instant | None = None
        clock = self._unwrap_reference(feedback.reference_time) * REFERENCE_US
        if self._last is None:
            return FeedbackReport(received, missing, 0, None)
        packets, lost = self._packets, self._lost
        acked_total = self._highest_acked_total
        number = unwrap_16(self._last, feedback.base_sequence_number) - 1
        for delta in feedback.deltas[: self._max_statuses]:
            number += 1
            if delta is None:
                if number not in lost and (record := packets.get(number)) is not None:
                    lost.add(number)
                    missing.append(record[0])
                continue
            clock += delta * DELTA_US
            record = packets.pop(number, None)
            if record is None:
                continue
            sent_at, size, cluster, total = record
            if lost and number in lost:
                lost.discard(number)
                recovered += 1
            received.append((sent_at, clock, size, cluster))
            if total > acked_total:
                acked_total = total
            last_sent_at = sent_at
        self._highest_acked_total = acked_total
        return FeedbackReport(received, missing, recovered, last_sent_at)

    def _unwrap_reference(self, reference: int) -> int:
        if self._reference is None:
            # Far from zero, so that no reference before the first one is negative.
            self._reference = reference + (1 << REFERENCE_BITS)
            return self._reference
        ahead = distance(reference, self._reference, REFERENCE_BITS)
        unwrapped = self._reference + ahead
        if ahead > 0:
            self._reference = unwrapped
        return unwrapped

    def _forget(self, now: Instant) -> None:
        packets = self._packets
        oldest_at = now - self._history_us
        surplus = len(packets) - self._max_packets
        gone: list[int] = []
        for number, record in packets.items():
            if surplus <= len(gone) and record[0] >= oldest_at:
                break
            gone.append(number)
        for number in gone:
            del packets[number]
            self._lost.discard(number)
