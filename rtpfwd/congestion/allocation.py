"""Which layers each video consumer of one transport gets out of the bandwidth that there is.

First the lowest layer for everyone in order of rank (screens, then priority, then who is there already, then
key), then more in proportion to priority (sharing.py). Down at once, up only with room to spare that lasts
(hysteresis.py). Sound is not allocated: its rate is taken off the budget first.

Sources: mediasoup's ``DistributeAvailableOutgoingBitrate`` for the rounds, the caps and the conservative
period; Jitsi's bridge for screens that are sent although they do not fit. Left out: the allowance for loss
that mediasoup gives transports with REMB feedback; that belongs to the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.demands import Assignment, Demand, LayerPair, NextStep, PixelSize, Reason, VideoKind
from rtpfwd.congestion.hysteresis import Hysteresis, HysteresisSettings
from rtpfwd.congestion.ladder import Ladder, build_ladder, is_hidden
from rtpfwd.congestion.sharing import Share, price, share


@dataclass(frozen=True, slots=True)
class AllocationSettings:
    """Tunables of an allocator."""

    up_margin_percent: int = 110
    """Going up needs so much of the rate after it. With the tolerance below, an estimate that wavers by 8 %
    around a border never crosses both.
    """
    tolerance_percent: int = 8
    """What is being sent may exceed a sinking budget by so much before somebody goes down."""
    resume_margin_percent: int = 120
    """A consumer for whom there was not enough begins again with so much of its lowest layer's rate free."""
    pause_after_us: int = seconds(2)
    """Who has a picture keeps its lowest layer for so long although it does not fit: an estimate that fell
    finds its feet, and no picture is worse than a late one. As long it waits for a layer that fell silent
    where those above do not fit.
    """
    asked_us: int = seconds(2)
    """What somebody asked for is given at once when there is room for it within this time: its publisher may
    have to begin to send it, and a probe to find the room.
    """
    held_percent: int = 75
    """Layers held already count with so much of their rate among equals, so that noise swaps nobody."""
    screen_weight: int = 8
    """A screen's priority counts so many times (LiveKit gives screens the highest priority there is)."""
    screen_oversend_bps: int = 500_000
    """The foremost screen's lowest layer is sent up to this rate even where it does not fit; Jitsi's
    ``max-oversend-bitrate``. 0: never.
    """
    shown_percent: int = 90
    """A picture is sharp enough with so much of the length and breadth at which it is shown."""
    camera_min_temporal: int = 1
    """A camera goes up to a spatial layer with this temporal layer at least (where there is one); 0: as
    mediasoup.
    """
    fill_leftover: bool = True
    """What is left over may go to small layers out of turn, as in mediasoup. False: a larger budget never
    gives anybody less.
    """
    hysteresis: HysteresisSettings = field(default_factory=HysteresisSettings)


class _Party:
    """A consumer that wants something, for the length of one allocation."""

    __slots__ = ("demand", "fresh", "ladder", "level", "share", "state", "waits", "wish")

    def __init__(self, demand: Demand, state: _State, ladder: Ladder, fresh: bool, one: Share) -> None:
        self.demand = demand
        self.state = state
        self.ladder = ladder
        self.fresh = fresh
        self.share = one
        self.level = -1
        self.wish = -1
        """The rung that the estimate allows, with the margin for going up kept free; -1: none."""
        self.waits = False
        """For the return of what it has, as the publisher sends nothing now that fits."""


class _State:
    """What is remembered of a consumer."""

    __slots__ = (
        "asked",
        "asked_at",
        "built_with",
        "climb",
        "demand",
        "ladder",
        "poor_since",
        "starved_of",
        "top",
    )

    def __init__(self, climb: Hysteresis) -> None:
        self.climb = climb
        self.starved_of: LayerPair | None = None
        """The lowest layer there was when there was not enough even for that; None: nobody refused it."""
        self.poor_since: Instant | None = None
        """Since when its lowest layer is sent although it does not fit."""
        self.top = (-1, -1)
        self.asked: tuple[object, ...] = ()
        self.asked_at: Instant | None = None
        self.demand: Demand | None = None
        self.built_with: LayerPair | None = None
        self.ladder: Ladder | None = None
        """Of that demand, with those layers in use."""


class Allocator:
    """One transport's. Remembers consumers by ``Demand.key``; those no longer among the demands are
    forgotten.
    """

    __slots__ = ("_parties", "_reserved", "_states", "settings")

    def __init__(self, settings: AllocationSettings) -> None:
        self.settings = settings
        self._states: dict[int, _State] = {}
        self._parties: list[_Party] = []
        self._reserved = 0

    def allocate(
        self,
        demands: Sequence[Demand],
        available_bps: int,
        reserved_bps: int,
        now: Instant,
        *,
        outage: bool = False,
    ) -> list[Assignment]:
        """Share out ``available_bps`` less ``reserved_bps`` (sound and what else must go); one assignment for
        each demand, in their order. To be called when anything changed, and a few times each second, since
        the way up depends on time. During an ``outage`` going down costs no wait before going up again.
        """
        settings = self.settings
        budget = max(available_bps - reserved_bps, 0)
        self._reserved = reserved_bps
        states = self._states
        self._states = {}
        assignments: dict[int, Assignment] = {}
        parties: list[_Party] = []
        for demand in demands:
            state = states.get(demand.key) or _State(Hysteresis(settings.hysteresis, now))
            self._states[demand.key] = state
            party = self._enter(demand, state)
            if isinstance(party, Reason):
                state.climb.settle(None, False, now)
                state.starved_of = None
                assignments[demand.key] = Assignment(demand.key, None, 0, party, 0, budget)
            else:
                parties.append(party)
        parties.sort(key=_rank)
        self._parties = parties
        _let_foremost_screen_oversend(parties, settings.screen_oversend_bps)
        self._wish(parties, budget, now)
        used = self._settle(parties, budget, now, outage)
        for party in parties:
            assignments[party.demand.key] = _explain(party, budget - used)
        return [assignments[demand.key] for demand in demands]

    def desired_bps(self, demands: Sequence[Demand]) -> int:
        """What the demands could use at best, in bits per second without what is reserved."""
        total = 0
        for demand in demands:
            if demand.paused or is_hidden(demand):
                continue
            state = self._states.get(demand.key)
            ladder = self._ladder(demand, state)
            if ladder is not None:
                total += ladder.rates[-1]
        return total

    def next_step(self, now: Instant) -> NextStep | None:
        """The next improvement after the last ``allocate``: whom it reaches, and at what ``available_bps``.
        None when everybody has all that there is. Who has nothing comes first, and who need not wait.
        """
        settings = self.settings
        total = sum(party.share.rates[party.level] for party in self._parties if party.level >= 0)
        lowest = 0
        best: tuple[bool, bool, int, NextStep] | None = None
        for party in self._parties:
            rates = party.share.rates
            blocked_until = party.state.climb.blocked_until
            level = party.level + 1
            if level < len(rates):
                if level == 0:
                    needed = _percent_up(lowest, settings.up_margin_percent)
                    needed += _percent_up(rates[0], settings.resume_margin_percent) + 2
                    order = 0
                else:
                    needed = total + rates[level] - rates[level - 1]
                    needed = _percent_up(needed, settings.up_margin_percent) + 1
                    order = price(party.share, level, settings.held_percent)
                step = NextStep(
                    party.demand.key,
                    party.ladder.layers[level],
                    needed + self._reserved,
                    blocked_until,
                    level == 0,
                    total
                    + rates[max(party.wish, level)]
                    - (rates[party.level] if level else 0)
                    + self._reserved,
                )
                waits = party.state.climb.is_blocked(now)
                candidate = (waits, level > 0, order, step)
                if best is None or candidate[:3] < best[:3]:
                    best = candidate
            lowest += rates[0]
        return None if best is None else best[3]

    def trial_failed(self, key: int, now: Instant) -> None:
        """The link did not bear the next step of this consumer: it waits longer before it is tried again."""
        state = self._states.get(key)
        if state is not None:
            state.climb.refuse(now)

    def _enter(self, demand: Demand, state: _State) -> _Party | Reason:
        """The demand as a party to the sharing, or why it is none."""
        if demand.paused:
            return Reason.PAUSED
        if demand.shown is not None and is_hidden(demand):
            return Reason.HIDDEN
        ladder = self._ladder(demand, state)
        if ladder is None:
            return Reason.LAYER_INACTIVE
        held = state.climb.layers
        refused = state.starved_of
        if demand.simulcast and refused is not None and ladder.layers[0][0] < refused[0]:
            # It was refused the stream that came first, not this one, which has begun since.
            state.starved_of = None
        fresh = held is None and state.starved_of is None
        weight = demand.priority
        if demand.kind is VideoKind.SCREEN:
            weight *= self.settings.screen_weight
        top = len(ladder.rates) - 1
        one = Share(ladder.rates, weight, top, -1 if held is None else ladder.level_of(held))
        return _Party(demand, state, ladder, fresh, one)

    def _ladder(self, demand: Demand, state: _State | None) -> Ladder | None:
        settings = self.settings
        held = None if state is None else state.climb.layers
        if held is None:
            held = demand.forwarded
        if state is None:
            return build_ladder(demand, held, settings.shown_percent, settings.camera_min_temporal)
        known = state.demand
        same = known is not None and demand.options is known.options and demand == known
        if not same or held != state.built_with:
            state.ladder = build_ladder(demand, held, settings.shown_percent, settings.camera_min_temporal)
            state.demand = demand
            state.built_with = held
        return state.ladder

    def _wish(self, parties: list[_Party], budget: int, now: Instant) -> None:
        """Set what each would get with the margin for going up kept free, and how far each may go now."""
        settings = self.settings
        for party in parties:
            if party.state.starved_of is not None:
                # In sharing the whole budget shrinks by the one margin: the entry makes it the other.
                entry = party.share.rates[0] * settings.resume_margin_percent
                party.share.entry_bps = -(-entry // settings.up_margin_percent)
        room = budget * 100 // settings.up_margin_percent
        shares = [party.share for party in parties]
        wishes = share(shares, room, settings.held_percent, settings.fill_leftover)
        for party, wish in zip(parties, wishes, strict=True):
            one = party.share
            one.entry_bps = -1
            party.wish = wish
            state = party.state
            top = party.ladder.layers[-1]
            asked = _asked(party.demand)
            if asked != state.asked:
                state.asked_at = now if state.asked else None
            lately = state.asked_at is not None and now - state.asked_at < settings.asked_us
            at_once = lately or top > state.top
            state.asked, state.top = asked, top
            if party.fresh:
                one.cap = max(wish, 0)
            elif state.starved_of is not None:
                # A probe found the room, and probes are short: the lowest layer first.
                one.cap = 0 if state.climb.may_resume(wish >= 0, now) else one.held
            elif state.climb.may_rise(wish > one.held, at_once, now):
                one.cap = wish
            else:
                one.cap = one.held

    def _settle(self, parties: list[_Party], budget: int, now: Instant, outage: bool) -> int:
        """Share the budget as far as each may go, note what came of it, return what it costs."""
        settings = self.settings
        held = sum(party.share.rates[party.share.held] for party in parties if party.share.held >= 0)
        if budget < held <= budget * (100 + settings.tolerance_percent) // 100:
            budget = held
        shares = [party.share for party in parties]
        levels = share(shares, budget, settings.held_percent, settings.fill_leftover)
        used = 0
        for party, shared in zip(parties, levels, strict=True):
            state, level = party.state, shared
            if level >= 0 or party.share.held < 0:
                state.poor_since = None
            elif state.poor_since is None:
                state.poor_since = now
            given = None
            if state.poor_since is not None and now - state.poor_since < settings.pause_after_us:
                had = state.climb.layers
                party.waits = had is not None and party.ladder.layers[0][0] > had[0]
                if party.waits:
                    given = had
                else:
                    level = 0
            party.level = level
            state.starved_of = party.ladder.layers[0] if level < 0 and not party.waits else None
            if level >= 0:
                used += party.share.rates[level]
                given = party.ladder.layers[level]
            state.climb.settle(given, level < party.share.held and not party.waits, now, outage)
        return used


def _rank(party: _Party) -> tuple[bool, int, bool, int]:
    demand = party.demand
    return demand.kind is not VideoKind.SCREEN, -demand.priority, party.share.held < 0, demand.key


def _asked(demand: Demand) -> tuple[object, PixelSize | None, int]:
    """What of a demand is somebody's will: changes of it are obeyed without delay."""
    return demand.preferred, demand.shown, demand.priority


def _let_foremost_screen_oversend(parties: list[_Party], limit_bps: int) -> None:
    if parties and parties[0].demand.kind is VideoKind.SCREEN:
        parties[0].share.oversend_bps = limit_bps


def _percent_up(rate: int, percent: int) -> int:
    """``percent`` of a rate, rounded up."""
    return -(-rate * percent // 100)


def _explain(party: _Party, left: int) -> Assignment:
    ladder, level, wish = party.ladder, party.level, party.wish
    rates = ladder.rates
    if party.waits:
        had = party.state.climb.layers
        return Assignment(party.demand.key, had, 0, Reason.LAYER_INACTIVE, rates[0], max(left, 0))
    if level < 0:
        reason = Reason.NOT_ENOUGH_BANDWIDTH if wish < 0 else Reason.HYSTERESIS
        return Assignment(party.demand.key, None, 0, reason, rates[0], max(left, 0))
    rate = rates[level]
    available = max(rate + left, 0)
    if level == len(rates) - 1:
        over = left < 0 and level == 0 and party.share.oversend_bps
        reason = Reason.OVERSENT if over else ladder.top_reason
        return Assignment(party.demand.key, ladder.layers[level], rate, reason, rate, available)
    needed = rates[level + 1]
    if wish > level or needed <= available:
        reason = Reason.HYSTERESIS
    elif level:
        reason = Reason.BANDWIDTH
    else:
        reason = Reason.OVERSENT if left < 0 and party.share.oversend_bps else Reason.BASE_LAYER
    return Assignment(party.demand.key, ladder.layers[level], rate, reason, needed, available)
