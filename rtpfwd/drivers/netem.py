"""A network emulator: what a link does to datagrams, seeded, in integer microseconds, without any IO.

Each stage is a ``LinkModel`` around another one and does one thing; ``emulate`` builds the usual stack of
them from a ``LinkSpec``, and ``PRESETS`` names a few. The stages keep the order of sending unless they say
that they do not. Every stage draws from a generator of its own, so that changing one figure does not shuffle
the rest.

Source: E. N. Gilbert 1960 and E. O. Elliott 1963 for bursty loss; the stages are those of Linux' netem. Left
out: corruption (SRTP makes a loss of it), cross traffic, correlation of delays.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.drivers.links import FixedDelay, LinkModel
from rtpfwd.errors import InvalidParameters, NotFoundError

IP_UDP_BYTES = 28
"""What IPv4 and UDP add to each datagram on the wire."""
SPACING_SHARE = 16  # weight of one interval in the mean spacing: a sixteenth
MAX_SPACING_US = milliseconds(100)  # a pause is no spacing


@dataclass(slots=True)
class LinkCounters:
    """Datagrams, by what happened to them; the stages of one link share one."""

    offered: int = 0
    delivered: int = 0
    """Arrivals, duplicates included."""
    lost: int = 0
    """By chance, of both kinds of loss, and by ``BurstEvery``."""
    overflowed: int = 0
    """Dropped at the tail of a full queue."""
    during_outage: int = 0
    reordered: int = 0
    duplicated: int = 0


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One direction of a link. Shares and chances are from 0 to 1; zero switches a stage off."""

    delay_us: int = milliseconds(10)
    loss: float = 0.0
    """Share of datagrams lost."""
    loss_burst: float = 1.0
    """Mean length of a run of losses; more than 1 makes the loss bursty (Gilbert)."""
    jitter_us: int = 0
    """Up to this much more delay, uniformly."""
    keep_order: bool = True
    """Whether jitter keeps the order of sending, as queues do; otherwise datagrams overtake one another."""
    reorder: float = 0.0
    """Share of datagrams that are held back."""
    reorder_by: tuple[int, int] = (3, 30)
    """By so many places, at the mean spacing of the link's datagrams."""
    duplicate: float = 0.0
    rate_bps: int = 0
    """Bits per second on the wire; 0: no limit."""
    queue_us: int = milliseconds(200)
    """What the queue before a limited rate holds, in time to drain."""
    outages: tuple[tuple[int, int], ...] = ()
    """(from, to) instants between which nothing that is sent arrives."""


class EmulatedLink:
    """A built link: the stages of a spec, and what they counted."""

    __slots__ = ("_first", "counters", "spec")

    def __init__(self, spec: LinkSpec, first: LinkModel, counters: LinkCounters) -> None:
        self.spec = spec
        self.counters = counters
        self._first = first

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """What comes of all stages."""
        arrivals = self._first.arrivals(data, now)
        self.counters.offered += 1
        self.counters.delivered += len(arrivals)
        return arrivals


class BurstLoss:
    """Loses in runs: the Gilbert-Elliott model.

    Between datagrams the link turns bad with chance ``enter`` and good again with chance ``leave``; it loses
    with chance ``bad`` and ``good`` in its two states.
    """

    def __init__(
        self,
        inner: LinkModel,
        enter: float,
        leave: float,
        *,
        seed: int,
        bad: float = 1.0,
        good: float = 0.0,
        counters: LinkCounters | None = None,
    ) -> None:
        for chance in (enter, leave, bad, good):
            _check_share(chance)
        self.counters = counters or LinkCounters()
        self._inner = inner
        self._turn = {False: enter, True: leave}
        self._lose = {False: good, True: bad}
        self._is_bad = False
        self._random = _generator(seed, "burst loss")

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None or the inner model's."""
        if self._random.random() < self._turn[self._is_bad]:
            self._is_bad = not self._is_bad
        if self._random.random() < self._lose[self._is_bad]:
            self.counters.lost += 1
            return ()
        return self._inner.arrivals(data, now)


class UniformLoss:
    """Loses each datagram with chance ``share``, independently."""

    def __init__(
        self, inner: LinkModel, share: float, *, seed: int, counters: LinkCounters | None = None
    ) -> None:
        _check_share(share)
        self.counters = counters or LinkCounters()
        self._inner = inner
        self._share = share
        self._random = _generator(seed, "uniform loss")

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None or the inner model's."""
        if self._random.random() < self._share:
            self.counters.lost += 1
            return ()
        return self._inner.arrivals(data, now)


class BurstEvery:
    """Loses ``length`` datagrams in a row, for the first time ``every_us`` after the first datagram, then
    every ``every_us``.
    """

    def __init__(
        self, inner: LinkModel, every_us: int, length: int, *, counters: LinkCounters | None = None
    ) -> None:
        self.counters = counters or LinkCounters()
        self._inner = inner
        self._every_us = every_us
        self._length = length
        self._next_at: int | None = None
        self._left = 0

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None or the inner model's."""
        if self._next_at is None:
            self._next_at = now + self._every_us
        if now >= self._next_at:
            self._next_at += self._every_us
            self._left = self._length
        if self._left:
            self._left -= 1
            self.counters.lost += 1
            return ()
        return self._inner.arrivals(data, now)


class Outages:
    """Loses all that is sent from one instant until before another, for each pair in ``spans``."""

    def __init__(
        self, inner: LinkModel, spans: Sequence[tuple[int, int]], *, counters: LinkCounters | None = None
    ) -> None:
        self.counters = counters or LinkCounters()
        self.spans = list(spans)
        self._inner = inner

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None or the inner model's."""
        if any(begin <= now < end for begin, end in self.spans):
            self.counters.during_outage += 1
            return ()
        return self._inner.arrivals(data, now)


class RateLimit:
    """Sends at ``rate_bps`` out of a queue that drains within ``queue_us``; what finds it full is lost."""

    def __init__(
        self, inner: LinkModel, rate_bps: int, queue_us: int, *, counters: LinkCounters | None = None
    ) -> None:
        if rate_bps <= 0 or queue_us < 0:
            raise InvalidParameters(f"rate {rate_bps} bit/s, queue {queue_us} us: need a rate above 0")
        self.counters = counters or LinkCounters()
        self.rate_bps = rate_bps
        """May be changed: what is sent from then on takes the new rate."""
        self._inner = inner
        self._queue_us = queue_us
        self._free_at = 0

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """None, or the inner model's from when the last bit left the queue."""
        start = max(self._free_at, now)
        if start - now > self._queue_us:
            self.counters.overflowed += 1
            return ()
        self._free_at = start + (len(data) + IP_UDP_BYTES) * 8 * MICROSECONDS // self.rate_bps
        return self._inner.arrivals(data, Instant(self._free_at))


class Jitter:
    """Adds 0 to ``spread_us`` to each arrival, uniformly. With ``keep_order`` nothing arrives before what was
    sent before it: it waits as in a queue.
    """

    def __init__(self, inner: LinkModel, spread_us: int, *, seed: int, keep_order: bool = True) -> None:
        self._inner = inner
        self._spread_us = spread_us
        self._keep_order = keep_order
        self._last = 0
        self._random = _generator(seed, "jitter")

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's, later."""
        late = [
            Instant(at + self._random.randint(0, self._spread_us)) for at in self._inner.arrivals(data, now)
        ]
        if self._keep_order:
            late = [Instant(max(at, self._last)) for at in late]
            self._last = max(late, default=self._last)
        return late


class Reorder:
    """Holds back a ``share`` of the datagrams for as long as ``by`` (fewest, most) others take to be sent.

    A model has to say when a datagram arrives while it is being sent, so those others are foreseen from the
    mean spacing so far. The first datagrams, before there is one, are left alone.
    """

    def __init__(
        self,
        inner: LinkModel,
        share: float,
        by: tuple[int, int] = (3, 30),
        *,
        seed: int,
        counters: LinkCounters | None = None,
    ) -> None:
        _check_share(share)
        if not 0 < by[0] <= by[1]:
            raise InvalidParameters(f"reorder by {by}: need 1 or more, fewest first")
        self.counters = counters or LinkCounters()
        self._inner = inner
        self._share = share
        self._by = by
        self._random = _generator(seed, "reorder")
        self._last_at: int | None = None
        self._spacing_us: float | None = None

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's, or those much later."""
        self._note(now)
        arrivals = self._inner.arrivals(data, now)
        held = self._random.random() < self._share
        places = self._random.randint(*self._by)
        if not held or not arrivals or self._spacing_us is None:
            return arrivals
        self.counters.reordered += 1
        return [Instant(at + round(places * self._spacing_us)) for at in arrivals]

    def _note(self, now: Instant) -> None:
        if self._last_at is not None:
            spacing = min(now - self._last_at, MAX_SPACING_US)
            before = spacing if self._spacing_us is None else self._spacing_us
            self._spacing_us = before + (spacing - before) / SPACING_SHARE
        self._last_at = now


class Duplicate:
    """Lets a ``share`` of what arrives do so a second time, up to ``within_us`` later."""

    def __init__(
        self,
        inner: LinkModel,
        share: float,
        *,
        seed: int,
        within_us: int = milliseconds(20),
        counters: LinkCounters | None = None,
    ) -> None:
        _check_share(share)
        self.counters = counters or LinkCounters()
        self._inner = inner
        self._share = share
        self._within_us = within_us
        self._random = _generator(seed, "duplicate")

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's, once or twice."""
        arrivals = list(self._inner.arrivals(data, now))
        if arrivals and self._random.random() < self._share:
            self.counters.duplicated += 1
            arrivals.append(Instant(arrivals[0] + self._random.randint(0, self._within_us)))
        return arrivals


def emulate(spec: LinkSpec, *, seed: int) -> EmulatedLink:
    """The link that ``spec`` describes: outages, loss, queue, delay with jitter, reordering, duplication.

    Raises ``InvalidParameters`` for shares outside 0 to 1 and what else no link can be.
    """
    counters = LinkCounters()
    _check_share(spec.loss)
    if spec.delay_us < 0 or spec.jitter_us < 0 or spec.rate_bps < 0:
        raise InvalidParameters("a link's delay, jitter and rate are not negative")
    link: LinkModel = FixedDelay(spec.delay_us)
    if spec.jitter_us:
        link = Jitter(link, spec.jitter_us, seed=seed, keep_order=spec.keep_order)
    if spec.reorder:
        link = Reorder(link, spec.reorder, spec.reorder_by, seed=seed, counters=counters)
    if spec.duplicate:
        link = Duplicate(link, spec.duplicate, seed=seed, counters=counters)
    if spec.rate_bps:
        link = RateLimit(link, spec.rate_bps, spec.queue_us, counters=counters)
    if spec.loss and spec.loss_burst > 1:
        # Runs of mean length b and a share s of time in the bad state: s = enter / (enter + leave).
        leave = 1 / spec.loss_burst
        enter = min(leave * spec.loss / (1 - spec.loss), 1.0) if spec.loss < 1 else 1.0
        link = BurstLoss(link, enter, leave, seed=seed, counters=counters)
    elif spec.loss:
        link = UniformLoss(link, spec.loss, seed=seed, counters=counters)
    if spec.outages:
        link = Outages(link, spec.outages, counters=counters)
    return EmulatedLink(spec, link, counters)


PRESETS: dict[str, LinkSpec] = {
    "clean": LinkSpec(),
    "lossy-1": LinkSpec(loss=0.01),
    "lossy-5": LinkSpec(loss=0.05),
    "lossy-10": LinkSpec(loss=0.10),
    "lossy-20": LinkSpec(loss=0.20),
    "bursty-5": LinkSpec(loss=0.05, loss_burst=5),
    "reordering": LinkSpec(reorder=0.05),
    "wifi": LinkSpec(delay_us=milliseconds(5), jitter_us=milliseconds(15), loss=0.01, loss_burst=3),
    "lte": LinkSpec(
        delay_us=milliseconds(30), jitter_us=milliseconds(30), loss=0.005, loss_burst=4, rate_bps=20_000_000
    ),
    "dsl-upload": LinkSpec(
        delay_us=milliseconds(12), jitter_us=milliseconds(2), loss=0.001, rate_bps=1_000_000,
        queue_us=milliseconds(400),
    ),
    "satellite": LinkSpec(delay_us=milliseconds(250), jitter_us=milliseconds(100), loss=0.005),
}  # fmt: skip
"""One direction each; a name stands for an order of magnitude, not for a measurement."""


def preset(name: str, *, seed: int, **changes: Any) -> EmulatedLink:
    """A named link, with some of its figures changed, such as ``delay_us``.

    Raises ``NotFoundError`` for a name that is not in ``PRESETS``, ``InvalidParameters`` for a figure that a
    ``LinkSpec`` does not have.
    """
    spec = PRESETS.get(name)
    if spec is None:
        raise NotFoundError(f"no link preset {name!r}; there are {', '.join(PRESETS)}")
    unknown = changes.keys() - {field.name for field in fields(LinkSpec)}
    if unknown:
        raise InvalidParameters(f"a link has no {', '.join(sorted(unknown))}")
    return emulate(replace(spec, **changes), seed=seed)


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise InvalidParameters(f"share {share}: need 0 to 1")


def _generator(seed: int, stage: str) -> random.Random:
    return random.Random(f"{stage} {seed}")
