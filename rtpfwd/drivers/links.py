"""How a simulated link treats datagrams, so that every run of a story is the same.

A link model says when a datagram arrives: never (lost), once, or more often (duplicated). Unequal times
reorder. Models wrap one another; loss, jitter, rates and what else networks do are in netem.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rtpfwd.clock import Instant, milliseconds


class LinkModel(Protocol):
    """One direction of a link."""

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """When the datagram, sent ``now``, comes out at the far end: any number of times, none before
        ``now``.
        """


class FixedDelay:
    """Everything arrives once, ``delay_us`` later."""

    def __init__(self, delay_us: int = milliseconds(10)) -> None:
        self.delay_us = delay_us

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """Once."""
        return (Instant(now + self.delay_us),)


class Hook:
    """Asks ``decide`` about each datagram: ``None`` leaves it to ``inner``, anything else is the arrival
    times.

    An empty sequence loses it, two times duplicate it, a late one reorders it.
    """

    def __init__(
        self, inner: LinkModel, decide: Callable[[bytes, Instant], Sequence[Instant] | None]
    ) -> None:
        self._inner = inner
        self._decide = decide

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The hook's answer, or the inner model's."""
        decided = self._decide(data, now)
        return self._inner.arrivals(data, now) if decided is None else decided
