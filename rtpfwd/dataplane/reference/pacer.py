"""When a transport's packets may leave: an even line instead of clumps.

A leaky bucket over one virtual line: each packet occupies it for its size at the pacing rate, and what
finds it free leaves at once. A short burst is free of charge, audio never waits but occupies,
retransmissions go before video, and a queue that would take longer than ``MAX_QUEUE_US`` to drain is
drained faster. mediasoup sends repairs and key frames in one clump; libwebrtc's pacer is the model of order
and rates.

While a probe is under way the line runs at the probe's rate: what waits goes first, and where nothing waits
``wants_padding`` asks for a packet made on the spot. Padding is never stored.

What waits has its number, so it leaves also when its stream is paused or has another source meanwhile: left
out it would be a hole that the receiver asks for. Only a stream that is removed takes its packets along.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.dataplane.interface import Probe, SendDrop
from rtpfwd.dataplane.reference.probing import Probes

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.egress import Outgoing
    from rtpfwd.dataplane.reference.send_stream import SendStream

BURST_US = milliseconds(10)
PROBE_BURST_US = milliseconds(5)
"""What may leave at once in a probe when the timer is late."""
PROBE_PAUSE_US = milliseconds(1)
"""Between two turns of a probe, so that fast ones do not wake us for each packet (libwebrtc: same)."""
STALL_US = milliseconds(5)
MAX_QUEUE_US = milliseconds(250)
DEFAULT_RATE_BPS = 5_000_000
MAX_QUEUED = 1024
"""Packets of one transport; the oldest video is dropped beyond that, counted."""


class Pacer:
    """The send queue of one transport. ``queued_bytes`` is about what waits: headers are estimated."""

    __slots__ = ("_free_at", "_left_at", "_media", "_rate_bps", "_repairs", "probes", "queued_bytes")

    def __init__(self, rate_bps: int = DEFAULT_RATE_BPS) -> None:
        self._rate_bps = rate_bps
        self._free_at: int = 0  # an Instant, without the call that would say so for each packet
        self._left_at: int = 0
        self._media: deque[Outgoing] = deque()
        self._repairs: deque[Outgoing] = deque()
        self.queued_bytes = 0
        self.probes = Probes()

    def __len__(self) -> int:
        return len(self._media) + len(self._repairs)

    def set_rate(self, rate_bps: int) -> None:
        """The rate from now on, in bits per second, at least 1; a probe under way keeps its own."""
        self._rate_bps = max(rate_bps, 1)

    def free(self, now: Instant) -> bool:
        """Whether a packet that comes now may leave at once."""
        return self._free_at <= now and not self.queued_bytes

    def occupy(self, size: int, now: Instant) -> None:
        """A packet of ``size`` bytes leaves now. The line is never taken for longer than ``MAX_QUEUE_US``."""
        rate = self._rate_bps
        start = now - BURST_US
        if self.probes.cluster:
            rate = self.probes.rate_bps
            start = now - PROBE_BURST_US
            self._left_at = now
        elif self.queued_bytes:
            rate = max(rate, self.queued_bytes * 8 * MICROSECONDS // MAX_QUEUE_US)
        if start < self._free_at:
            start = self._free_at
        free_at = start + size * (8 * MICROSECONDS) // rate
        self._free_at = free_at if free_at < now + MAX_QUEUE_US else now + MAX_QUEUE_US

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

    def probe(self, probe: Probe, now: Instant) -> None:
        """Begin a probe now, whatever the line owes at its usual rate; after others, when these are done."""
        if self.probes.add(probe, now):
            self._free_at = now

    def wants_padding(self, now: Instant) -> int:
        """How many bytes of padding shall leave now, SRTP included; 0 for none."""
        probes = self.probes
        if not probes.cluster or self._free_at > now or self.queued_bytes:
            return 0
        return probes.padding_size()

    def stall(self, now: Instant) -> None:
        """There was nothing to pad with: try again in a moment, until the probe is given up."""
        self._free_at = now + STALL_US

    def forget(self, stream: SendStream) -> None:
        """Take the packets of a removed stream out of the queue."""
        for queue in (self._repairs, self._media):
            kept = [outgoing for outgoing in queue if outgoing.stream is not stream]
            if len(kept) < len(queue):
                queue.clear()
                queue.extend(kept)
        self.queued_bytes = sum(outgoing.size for queue in (self._repairs, self._media) for outgoing in queue)

    def next_timeout(self) -> Instant | None:
        """When ``pop`` has something, or a probe wants padding or comes to its end."""
        probes = self.probes
        if probes.cluster:
            return min(Instant(max(self._free_at, self._left_at + PROBE_PAUSE_US)), probes.deadline)
        return Instant(self._free_at) if self.queued_bytes else None
