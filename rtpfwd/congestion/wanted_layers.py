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

    __slots__ = ("_delay_us", "_encodings", "_lower", "_lower_since", "highest")

    def __init__(self, settings: WantedLayersSettings, encodings: int) -> None:
        self._delay_us = settings.down_delay_us
        self._encodings = encodings
        self._lower = encodings - 1
        self._lower_since: Instant | None = None
        self.highest = encodings - 1
        """The highest layer that the publisher should send, and all below; -1: none. It begins with all, so
        that the first consumer finds them.
        """

    def update(self, wants: Iterable[int], now: Instant) -> bool:
        """Every consumer's highest wanted layer (-1: none). Returns whether ``highest`` changed."""
        wanted = min(max(wants, default=-1), self._encodings - 1)
        if wanted >= self.highest:
            self._lower_since = None
            changed = wanted > self.highest
            self.highest = wanted
            return changed
        if self._lower_since is None:
            self._lower_since = now
            self._lower = wanted
        # What is wanted may go up and down below the present one meanwhile: the highest of the time counts.
        elif now - self._lower_since < self._delay_us:
            self._lower = max(self._lower, wanted)
        else:
            self._lower = wanted
        return self.handle_timeout(now)

    def handle_timeout(self, now: Instant) -> bool:
        """Go down if it is time. Returns whether ``highest`` changed."""
        if self._lower_since is None or now - self._lower_since < self._delay_us:
            return False
        self.highest = self._lower
        self._lower_since = None
        return True

    def next_timeout(self) -> Instant | None:
        """When ``handle_timeout`` has something to do."""
        return None if self._lower_since is None else Instant(self._lower_since + self._delay_us)

    def encodings(self) -> tuple[bool, ...]:
        """Which encodings the publisher should send, lowest first."""
        return tuple(number <= self.highest for number in range(self._encodings))
