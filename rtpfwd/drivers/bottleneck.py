"""A queue in front of a rate that changes on schedule, alone or shared by several links.

The schedule is known beforehand, so a datagram that is still in the queue when the rate changes leaves at the
new rate. Pass one ``Bottleneck`` to the links of several peers to let them share it. Left out: queue
disciplines other than drop-tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.drivers.links import FixedDelay, LinkModel
from rtpfwd.drivers.netem import IP_UDP_BYTES, LinkCounters
from rtpfwd.errors import InvalidParameters

QUEUE_US = milliseconds(300)


class RateSchedule:
    """Bits per second from given instants on; before the first of them, the first one's. 0: stands still."""

    __slots__ = ("steps",)

    def __init__(self, steps: Sequence[tuple[int, int]]) -> None:
        """Raises ``InvalidParameters`` for no steps, steps out of order, or a last one that stands still."""
        if not steps or any(later[0] <= earlier[0] for earlier, later in pairwise(steps)):
            raise InvalidParameters("a rate schedule needs steps in order of time")
        if steps[-1][1] <= 0 or any(rate < 0 for _, rate in steps):
            raise InvalidParameters("rates are not negative, and the last one is above 0")
        self.steps = list(steps)

    def rate_at(self, now: int) -> int:
        """Bits per second at an instant."""
        rate = self.steps[0][1]
        for at, bps in self.steps:
            if at > now:
                break
            rate = bps
        return rate

    def finish(self, start: int, bits: int) -> int:
        """When ``bits`` have left that begin to leave at ``start``."""
        clock, rate = start, self.rate_at(start)
        for at, bps in self.steps:
            if at <= start:
                continue
            room = (at - clock) * rate // MICROSECONDS
            if room >= bits:
                break
            bits -= room
            clock, rate = at, bps
        return clock + bits * MICROSECONDS // rate


class Bottleneck:
    """The queue: what finds more than ``queue_us`` of waiting before it is lost."""

    __slots__ = ("_free_at", "bytes_sent", "counters", "queue_us", "schedule")

    def __init__(self, schedule: RateSchedule | int, *, queue_us: int = QUEUE_US) -> None:
        self.schedule = RateSchedule([(0, schedule)]) if isinstance(schedule, int) else schedule
        self.queue_us = queue_us
        self.counters = LinkCounters()
        self.bytes_sent = 0
        """On the wire, with IP and UDP."""
        self._free_at = 0

    def rate_at(self, now: int) -> int:
        """Bits per second at an instant."""
        return self.schedule.rate_at(now)

    def waiting_us(self, now: int) -> int:
        """How long a datagram would wait that came now."""
        return max(self._free_at - now, 0)

    def pass_through(self, size: int, now: Instant) -> Instant | None:
        """When a datagram of ``size`` bytes has left the queue; ``None``: it was full."""
        self.counters.offered += 1
        start = max(self._free_at, now)
        if start - now > self.queue_us:
            self.counters.overflowed += 1
            return None
        wire = size + IP_UDP_BYTES
        self._free_at = self.schedule.finish(start, wire * 8)
        self.bytes_sent += wire
        self.counters.delivered += 1
        return Instant(self._free_at)

    def link(self, inner: LinkModel | None = None) -> BottleneckLink:
        """A link through this queue, then through ``inner`` (a fixed 25 ms unless told)."""
        return BottleneckLink(self, inner or FixedDelay(milliseconds(25)))


class BottleneckLink:
    """One of the links that share a bottleneck. ``bytes_offered`` is what this one was given."""

    __slots__ = ("_inner", "bottleneck", "bytes_offered", "bytes_passed", "waits")

    def __init__(self, bottleneck: Bottleneck, inner: LinkModel) -> None:
        self.bottleneck = bottleneck
        self.bytes_offered = self.bytes_passed = 0
        self.waits: list[tuple[Instant, int]] = []
        """Of each datagram that passed: when it came, and how long it waited for others to leave."""
        self._inner = inner

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None, or the inner model's from when the last bit left the queue."""
        self.bytes_offered += len(data) + IP_UDP_BYTES
        waiting_us = self.bottleneck.waiting_us(now)
        left_at = self.bottleneck.pass_through(len(data), now)
        if left_at is None:
            return ()
        self.bytes_passed += len(data) + IP_UDP_BYTES
        self.waits.append((now, waiting_us))
        return self._inner.arrivals(data, left_at)
