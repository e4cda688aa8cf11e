"""A simulated network: events in order of time, and links with a rate schedule, a queue, delay, loss, jitter.

Everything is drawn from seeded generators, so that a scenario gives the same numbers on every run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

OVERHEAD = 28  # bytes of IPv4 and UDP, which a link counts and a sender does not
SECOND = 1_000_000


class Clock:
    """Events to come; ``now`` in microseconds."""

    def __init__(self) -> None:
        self.now = SECOND
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, when: int, action: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, action, arguments))

    def after(self, delay_us: int, action: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now + delay_us, action, *arguments)

    def run_until(self, end: int) -> None:
        events = self._events
        while events and events[0][0] <= end:
            self.now, _, action, arguments = heapq.heappop(events)
            action(*arguments)
        self.now = end

    @property
    def elapsed_s(self) -> float:
        return (self.now - SECOND) / SECOND


@dataclass(slots=True)
class Packet:
    """``size`` counts the UDP payload. ``deliver`` is called on arrival; links add to ``waited_us``."""

    size: int
    deliver: Callable[[Packet], None]
    number: int = 0
    sent_at: int = 0
    cluster: int = 0
    waited_us: int = 0
    content: Any = None
    queued_at: int = 0
    extra_delay_us: int = 0


@dataclass(slots=True)
class LinkSettings:
    """``schedule``: (second, bits per second) from then on; ``outages``: (from, until) seconds of silence."""

    schedule: list[tuple[float, float]]
    delay_ms: float = 50
    queue_ms: float = 300
    loss: float = 0.0
    jitter_ms: float = 0.0
    outages: list[tuple[float, float]] = field(default_factory=list)


class Link:
    """A drop-tail queue in front of a line."""

    def __init__(self, clock: Clock, settings: LinkSettings, seed: int) -> None:
        self._clock = clock
        self._settings = settings
        self._random = Random(seed)
        self._queue: deque[Packet] = deque()
        self._queued_bytes = 0
        self._busy = False
        self._last_delivery: dict[int, int] = {}
        self.rate = settings.schedule[0][1]
        self.dropped = 0
        self.carried_bytes = 0
        for second, rate in settings.schedule:
            clock.at(SECOND + round(second * SECOND), self._set_rate, rate)

    def capacity_at(self, second: float) -> float:
        """Bits per second that the schedule has then; nothing in an outage."""
        if any(start <= second < end for start, end in self._settings.outages):
            return 0.0
        return [rate for begins, rate in self._settings.schedule if begins <= second][-1]

    def push(self, packet: Packet) -> None:
        elapsed = self._clock.elapsed_s
        if any(start <= elapsed < end for start, end in self._settings.outages):
            self.dropped += 1
            return
        size = packet.size + OVERHEAD
        if self._queued_bytes + size > max(self.rate * self._settings.queue_ms / 8000, 3000):
            self.dropped += 1
            return
        packet.queued_at = self._clock.now
        self._queued_bytes += size
        self._queue.append(packet)
        if not self._busy:
            self._serve()

    def _set_rate(self, rate: float) -> None:
        self.rate = rate

    def _serve(self) -> None:
        packet = self._queue[0]
        self._busy = True
        packet.waited_us += self._clock.now - packet.queued_at
        self._clock.after(round((packet.size + OVERHEAD) * 8 * SECOND / self.rate), self._served)

    def _served(self) -> None:
        packet = self._queue.popleft()
        self._queued_bytes -= packet.size + OVERHEAD
        self.carried_bytes += packet.size + OVERHEAD
        settings = self._settings
        if settings.loss and self._random.random() < settings.loss:
            self.dropped += 1
        else:
            delay = settings.delay_ms * 1000 + packet.extra_delay_us
            if settings.jitter_ms:
                delay += self._random.uniform(0, settings.jitter_ms * 1000)
            # Jitter keeps the order of those that have the same way.
            arrival = max(self._clock.now + round(delay), self._last_delivery.get(packet.extra_delay_us, 0))
            self._last_delivery[packet.extra_delay_us] = arrival
            self._clock.at(arrival, packet.deliver, packet)
        if self._queue:
            self._serve()
        else:
            self._busy = False
