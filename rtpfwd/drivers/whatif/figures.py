"""What one run found, and what many of them say together: medians, with the tenth and the ninetieth
percentile over seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

Quantiles = tuple[float, float, float]
"""Tenth percentile, median, ninetieth percentile."""


@dataclass(slots=True)
class RunFigures:
    """One run, all viewers together. Times of a share or a rate are those in which media was played.

    None: there was nothing to measure, such as a repair's latency where nothing was lost.
    """

    residual_loss_percent: float | None = None
    """Of video: packets that never came at a viewer, of those that its numbering promised."""
    audio_loss_percent: float | None = None
    """The same of sound, which is repaired only where applications ask for it."""
    repair_p50_ms: float | None = None
    repair_p95_ms: float | None = None
    """From a viewer's noticing a hole to its being filled."""
    overhead_percent: float = 0.0
    """Retransmissions and padding towards viewers, in bytes, of the bytes of media."""
    first_picture_ms: float | None = None
    """From the first packet to the first picture shown, the mean of videos and viewers; to the end where
    there was none."""
    freezes: float = 0.0
    """Pauses of the picture (W3C's ``freezeCount``), for each viewer."""
    freeze_s: float = 0.0
    """How long they were together, for each viewer."""
    pictures_per_s: float | None = None
    """Decoded and shown, of each video and viewer."""
    late_p95_ms: float | None = None
    """Of pictures: how much later they could be decoded than the quickest one."""
    playout_delay_ms: float | None = None
    """How much later than that the viewers' adaptive playout showed them, in the median: the price of not
    freezing."""
    mean_spatial: float | None = None
    """Spatial layer or simulcast encoding being sent, averaged over time; 0 is the lowest."""
    mean_temporal: float | None = None
    estimate_kbps: float | None = None
    """The server's estimate of a viewer's downlink; the median over time."""
    estimate_to_capacity_percent: float | None = None
    """The same of the link's rate, where it is limited."""
    sent_kbps: float = 0.0
    """To each viewer: media, repairs, padding, RTCP, with IP and UDP."""
    key_frames_asked: float = 0.0
    """Of publishers, after the first ones."""
    nacked_upstream: float = 0.0
    """Sequence numbers asked of publishers."""
    layer_shares: dict[str, float] = field(default_factory=dict)
    """Share of time by layer (``S1T2``), ``-`` while nothing was sent."""


SCALARS = tuple(one.name for one in fields(RunFigures) if one.name != "layer_shares")


@dataclass(frozen=True, slots=True)
class Spread:
    """The same figures over seeds."""

    runs: int
    values: dict[str, Quantiles | None]
    layer_shares: dict[str, float]
    """Mean over the runs."""

    def to_json(self) -> dict[str, Any]:
        """As JSON: ``{name: {p10, p50, p90} or null, ...}``, names in camelCase."""
        return {
            **{
                _camel(name): None if one is None else dict(zip(("p10", "p50", "p90"), one, strict=True))
                for name, one in self.values.items()
            },
            "layerShares": {name: round(share, 4) for name, share in self.layer_shares.items()},
        }


def _quantiles(ordered: Sequence[float]) -> Quantiles:
    tenth, middle, ninetieth = (round(quantile(ordered, share), 4) for share in (0.1, 0.5, 0.9))
    return tenth, middle, ninetieth


def spread(runs: Sequence[RunFigures]) -> Spread:
    """Of one variant's runs."""
    values: dict[str, Quantiles | None] = {}
    for name in SCALARS:
        known = sorted(value for one in runs if (value := getattr(one, name)) is not None)
        values[name] = _quantiles(known) if known else None
    shares: Counter[str] = Counter()
    for one in runs:
        shares.update(one.layer_shares)
    total = len(runs) or 1
    return Spread(len(runs), values, {name: share / total for name, share in sorted(shares.items())})


def quantile(ordered: Sequence[float], share: float) -> float:
    """A quantile of values in order, interpolated; raises ``IndexError`` for none."""
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(one.capitalize() for one in rest)
