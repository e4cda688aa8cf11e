"""From a demand to the rungs that a consumer may stand on, and what limits them other than bandwidth.

The caps are mediasoup's ``preferredLayers`` and, as Jitsi's receivers constrain by height, the size at which
the picture is shown. A screen keeps its resolution and gives up frames first, down to the lowest temporal
layer of each spatial one; a camera does not go up to a sharper picture that moves less than the blurred one
(Jitsi's bridge has the same taste).
"""

from __future__ import annotations

from rtpfwd.congestion.demands import Demand, LayerOption, LayerPair, PixelSize, Reason, VideoKind

UNCAPPED = 1 << 30


class Ladder:
    """Choices in ascending order: ``layers[n]`` costs ``rates[n]`` bits per second, never less than
    ``rates[n - 1]``.

    ``top_reason``: why there is nothing above the last rung. Never empty.
    """

    __slots__ = ("layers", "rates", "top_reason")

    def __init__(self, layers: list[LayerPair], rates: list[int], top_reason: Reason) -> None:
        self.layers = layers
        self.rates = rates
        self.top_reason = top_reason

    def level_of(self, layers: LayerPair | None) -> int:
        """The rung that stands for ``layers``: the lowest not below it within the same spatial layer, else
        the highest below it, else the first. -1 for None.
        """
        if layers is None:
            return -1
        rungs = self.layers
        if layers == rungs[-1]:
            return len(rungs) - 1
        level = 0
        for index, rung in enumerate(rungs):
            if rung <= layers:
                level = index
            elif rung[0] == layers[0] and rungs[level] != layers:
                return index
            else:
                break
        return level


def is_hidden(demand: Demand) -> bool:
    """The receiver says that it shows nothing of it."""
    return demand.shown is not None and 0 in demand.shown


def shown_cap(shown: PixelSize | None, sizes: tuple[PixelSize | None, ...], percent: int) -> int:
    """The lowest spatial layer that is good enough for the size shown: with at least ``percent`` of its
    length and breadth, in area, so that a turned picture counts as what it is. ``UNCAPPED`` where none is
    known to be.
    """
    if shown is None:
        return UNCAPPED
    enough = shown[0] * shown[1] * percent * percent
    for spatial, size in enumerate(sizes):
        if size is not None and size[0] * size[1] * 10_000 >= enough:
            return spatial
    return UNCAPPED


def wanted_spatial(demand: Demand, spatial_layers: int, shown_percent: int) -> int:
    """The highest spatial layer that the consumer would take with all the bandwidth of the world; -1 for
    nothing. It says what the publisher should have ready.
    """
    if demand.paused or is_hidden(demand):
        return -1
    cap = min(shown_cap(demand.shown, demand.sizes, shown_percent), spatial_layers - 1)
    return cap if demand.preferred is None else min(cap, demand.preferred[0])


def build_ladder(
    demand: Demand, current: LayerPair | None, shown_percent: int, camera_min_temporal: int
) -> Ladder | None:
    """The rungs of a demand; None when the publisher sends nothing.

    Choices above the caps are out, unless nothing else is alive: then the lowest spatial layer serves.
    Choices not yet trusted are out too, unless they are in use (``current``) or nothing below is trusted.
    """
    options = demand.options
    if not options:
        return None
    by_size = shown_cap(demand.shown, demand.sizes, shown_percent)
    by_preference, temporal_cap = demand.preferred or (UNCAPPED, UNCAPPED)
    cap = by_size if by_size < by_preference else by_preference
    allowed = options
    top_option = options[-1]
    if cap < top_option[0] or temporal_cap < UNCAPPED:
        allowed = tuple([option for option in options if option[0] <= cap and option[1] <= temporal_cap])
        if not allowed:
            allowed = _lowest_spatial(options, temporal_cap)
    top_allowed = allowed[-1][0]
    usable = allowed
    if not all([option[3] for option in allowed]):  # noqa: C419 (twice as fast as a generator)
        in_use = -1 if current is None else current[0]
        first = next((option[0] for option in allowed if option[3]), UNCAPPED)
        usable = tuple([one for one in allowed if one[3] or one[0] == in_use or one[0] < first])
    lowest = usable[0][0]
    least = camera_min_temporal if demand.kind is VideoKind.CAMERA else 0
    layers: list[LayerPair] = []
    rates: list[int] = []
    highest = 0
    # The spatial layer of the last rung, if that moves too little to stay beside a better one. The one in
    # use stays: being left behind by its own ladder is no reason to go anywhere.
    slow = -1
    for spatial, temporal, rate, _ in usable:
        if rate > highest:
            highest = rate  # a better choice that seems cheaper has only just begun: it will not stay so
        if spatial == slow:
            layers[-1] = (spatial, temporal)
            rates[-1] = highest
        else:
            layers.append((spatial, temporal))
            rates.append(highest)
        slow = spatial if temporal < least and spatial > lowest and layers[-1] != current else -1
    top = layers[-1][0]
    if top < top_allowed or top > cap:
        reason = Reason.LAYER_INACTIVE
    elif top < cap:
        reason = _why_not_higher(demand, top, cap)
    else:
        reason = Reason.SHOWN_SIZE if by_size < by_preference else Reason.PREFERRED
    return Ladder(layers, rates, reason)


def _lowest_spatial(options: tuple[LayerOption, ...], temporal_cap: int) -> tuple[LayerOption, ...]:
    lowest = options[0][0]
    low = [option for option in options if option[0] == lowest and option[1] <= temporal_cap]
    return tuple(low) or options[:1]


def _why_not_higher(demand: Demand, top: int, cap: int) -> Reason:
    """All that is alive is allowed. Is there more that is not alive? Only ``sizes`` and the caps know."""
    known = max(len(demand.sizes) - 1, cap if cap < UNCAPPED else 0)
    return Reason.LAYER_INACTIVE if top < min(known, cap) else Reason.PREFERRED
