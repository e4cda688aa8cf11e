"""Which of a publisher's layers anybody wants, so that it need not send the others.

What counts is how high consumers would go with all the bandwidth of the world (``ladder.wanted_spatial``),
not what bandwidth allows them this second: a layer that bandwidth may allow again has to be there by then.
Up at once, down after a delay, as LiveKit's dynacast; when nobody wants anything everything is switched off
after that delay, and on again at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtpfwd.clock import Instant, seconds


@dataclass(frozen=True, slots=True)
class WantedLayersSettings:
    """Durations in microseconds."""

    down_delay_us: int = seconds(5)  # LiveKit dynacast's pause delay


class WantedLayers:
    """One producer's. ``encodings`` are its streams (or SVC spatial layers), counted from 0."""

    __slots__ = ("_delay_us", "_until", "highest")

    def __init__(self, settings: WantedLayersSettings, encodings: int) -> None:
        self._delay_us = settings.down_delay_us
        self._until: list[Instant | None] = [None] * encodings
        """By layer: until when to go on sending it; None while somebody wants it. Never later for a higher
        layer than for a lower one.
        """
        self.highest = encodings - 1
        """The highest layer that the publisher should send, and all below; -1: none. It begins with all, so
        that the first consumer finds them.
        """

    def update(self, wants: Iterable[int], now: Instant) -> bool:
        """Every consumer's highest wanted layer (-1: none). Returns whether ``highest`` changed."""
        wanted = min(max(wants, default=-1), len(self._until) - 1)
        for layer, until in enumerate(self._until):
            if layer <= wanted:
                self._until[layer] = None
            elif until is None:
                self._until[layer] = Instant(now + self._delay_us)
        before = self.highest
        self.highest = max(before, wanted)
        self.handle_timeout(now)
        return self.highest != before

    def handle_timeout(self, now: Instant) -> bool:
        """Go down if it is time. Returns whether ``highest`` changed."""
        before = self.highest
        while self.highest >= 0:
            until = self._until[self.highest]
            if until is None or now < until:
                break
            self.highest -= 1
        return self.highest != before

    def next_timeout(self) -> Instant | None:
        """When ``handle_timeout`` has something to do."""
        return self._until[self.highest] if self.highest >= 0 else None

    def encodings(self) -> tuple[bool, ...]:
        """Which encodings the publisher should send, lowest first."""
        return tuple(number <= self.highest for number in range(len(self._until)))
