"""When a transport's packets may leave: an even line instead of clumps.

A leaky bucket over one virtual line: each packet occupies it for its size at the pacing rate, and what
finds it free leaves at once. A short burst is free of charge, audio never waits, retransmissions go before
video, and a queue that would take longer than ``MAX_QUEUE_US`` to drain is drained faster. mediasoup sends
repairs and key frames in one clump; libwebrtc's pacer is the model of order and rates.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.dataplane.interface import SendDrop

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.egress import Outgoing

BURST_US = milliseconds(10)
MAX_QUEUE_US = milliseconds(250)
DEFAULT_RATE_BPS = 5_000_000
MAX_QUEUED = 1024
"""Packets of one transport; the oldest video is dropped beyond that, counted."""


class Pacer:
    """The send queue of one transport."""

    __slots__ = ("_free_at", "_media", "_rate_bps", "_repairs", "queued_bytes")

    def __init__(self, rate_bps: int = DEFAULT_RATE_BPS) -> None:
        self._rate_bps = rate_bps
        self._free_at = Instant(0)
        self._media: deque[Outgoing] = deque()
        self._repairs: deque[Outgoing] = deque()
        self.queued_bytes = 0

    def __len__(self) -> int:
        return len(self._media) + len(self._repairs)

    def set_rate(self, rate_bps: int) -> None:
        """The rate from now on, in bits per second, at least 1."""
        self._rate_bps = max(rate_bps, 1)

    def free(self, now: Instant) -> bool:
        """Whether a packet that comes now may leave at once."""
        return self._free_at <= now and not self.queued_bytes

    def occupy(self, size: int, now: Instant) -> None:
        """A packet of ``size`` bytes leaves now."""
        rate = max(self._rate_bps, self.queued_bytes * 8 * MICROSECONDS // MAX_QUEUE_US)
        start = max(self._free_at, now - BURST_US)
        self._free_at = Instant(start + size * 8 * MICROSECONDS // rate)

    def push(self, outgoing: Outgoing, repair: bool) -> None:
        """A packet that has to wait; when the queue is full, the oldest video gives way, counted."""
        (self._repairs if repair else self._media).append(outgoing)
        self.queued_bytes += outgoing.size
        if len(self) > MAX_QUEUED:
            oldest = self._media.popleft() if self._media else self._repairs.popleft()
            self.queued_bytes -= oldest.size
            oldest.stream.drops[SendDrop.QUEUE_OVERFLOW] += 1

    def pop(self, now: Instant) -> Outgoing | None:
        """The next packet that may leave now; it occupies the line."""
        if self._free_at > now:
            return None
        queue = self._repairs or self._media
        if not queue:
            return None
        outgoing = queue.popleft()
        self.occupy(outgoing.size, now)
        self.queued_bytes -= outgoing.size
        return outgoing

    def clear(self) -> int:
        """Forget what waits; returns how many packets that was."""
        count = len(self)
        self._media.clear()
        self._repairs.clear()
        self.queued_bytes = 0
        return count

    def next_timeout(self) -> Instant | None:
        """When ``pop`` has something."""
        return self._free_at if self.queued_bytes else None
