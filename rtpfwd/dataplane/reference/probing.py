"""Which probe is under way on a transport, what it still lacks, and which come after it.

libwebrtc's bitrate prober is the model: a cluster of packets at one rate, done when enough bytes and enough
packets have left. The pacer asks here how fast the line is meanwhile, the writers tell what left.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.dataplane.tables import Probe

MAX_WAITING = 8
"""Probes after the one under way; further ones are refused, counted."""
SMALLEST_PADDING = 100
"""Bytes that a padding packet shall have at least, on the wire."""
LARGEST_PADDING = 1400
"""mediasoup's largest probation packet, before SRTP."""
GRACE_US = milliseconds(200)
LONGEST_US = 2_000_000


class Probes:
    """The probes of one transport. ``cluster`` and ``rate_bps`` are those of the one under way, or 0."""

    __slots__ = ("_bytes", "_packets", "_waiting", "cluster", "deadline", "dropped", "rate_bps")

    def __init__(self) -> None:
        self.cluster = 0
        self.rate_bps = 0
        self.deadline = Instant(0)
        self.dropped = 0
        self._bytes = 0
        self._packets = 0
        self._waiting: deque[Probe] = deque()

    def add(self, probe: Probe, now: Instant) -> bool:
        """Begin a probe, or put it behind the others; returns whether it began."""
        if self.cluster:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(probe)
            else:
                self.dropped += 1
            return False
        self._begin(probe, now)
        return True

    def count(self, size: int, now: Instant) -> None:
        """A numbered packet of ``size`` bytes, SRTP included, left for the probe under way."""
        self._bytes -= size
        self._packets -= 1
        if self._bytes <= 0 and self._packets <= 0:
            self._next(now)

    def expire(self, now: Instant) -> None:
        """Give up a probe that takes twice its time and ``GRACE_US``: there is no path, or nothing to send.

        What left of it bears its number all the same.
        """
        if self.cluster and now >= self.deadline:
            self.dropped += 1
            self._next(now)

    def padding_size(self) -> int:
        """How many bytes the next padding packet should have on the wire, for the packets to be many enough
        and the bytes not to be too many.
        """
        share = -(-self._bytes // max(self._packets, 1))
        return min(max(share, SMALLEST_PADDING), LARGEST_PADDING)

    def _next(self, now: Instant) -> None:
        self.cluster = self.rate_bps = 0
        if self._waiting:
            self._begin(self._waiting.popleft(), now)

    def _begin(self, probe: Probe, now: Instant) -> None:
        self.cluster = probe.cluster
        self.rate_bps = probe.rate_bps
        self._bytes = probe.size_bytes
        self._packets = probe.packets
        nominal = probe.size_bytes * 8 * MICROSECONDS // probe.rate_bps
        self.deadline = Instant(now + min(2 * nominal + GRACE_US, LONGEST_US))
