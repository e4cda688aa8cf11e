"""What one consumer asks of its transport's bandwidth, what it gets, and why: the records of allocation.

Layers are ``(spatial, temporal)`` pairs counted from 0, spatial first (a stream of a simulcast producer is a
spatial layer). Rates are bits per second of RTP packets whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

LayerPair = tuple[int, int]
"""Spatial and temporal layer."""

PixelSize = tuple[int, int]
"""Width and height in physical pixels."""


class VideoKind(StrEnum):
    """What a picture is good for: faces want motion, screens want sharpness."""

    CAMERA = "camera"
    SCREEN = "screen"


class Reason(StrEnum):
    """Why a consumer gets the layers that it gets."""

    PREFERRED = "preferred"
    """All that the consumer allows itself, or all that there is."""
    SHOWN_SIZE = "shown_size"
    """More would not be seen at the size at which the picture is shown."""
    BANDWIDTH = "bandwidth"
    """The next better layer does not fit."""
    BASE_LAYER = "base_layer"
    """Only the lowest layer fits."""
    OVERSENT = "oversent"
    """The lowest layer of a screen, although it does not fit."""
    HYSTERESIS = "hysteresis"
    """The next better layer would fit, but not yet well or long enough."""
    LAYER_INACTIVE = "layer_inactive"
    """A better layer is allowed, but the publisher does not send it (or only just began to)."""
    NOT_ENOUGH_BANDWIDTH = "not_enough_bandwidth"
    """Nothing is sent: not even the lowest layer fits."""
    HIDDEN = "hidden"
    """Nothing is sent: the receiver says that nothing is shown."""
    PAUSED = "paused"
    """Nothing is sent: the consumer or its producer is paused."""


class LayerOption(NamedTuple):
    """One choice of layers and what it costs, lower layers that it needs included."""

    spatial: int
    temporal: int
    bitrate_bps: int
    trusted: bool = True
    """Alive for long enough to go up to (``LayerRateSettings.trusted_after_us``)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One video consumer.

    ``options``: what the publisher sends now, ascending. ``preferred``: the highest layers that the consumer
    wants (mediasoup's ``setPreferredLayers``), None for all. ``shown``: the size at which the receiver draws
    the picture; None: unknown, a zero: not at all. ``sizes``: what is known of the pictures' sizes by
    spatial layer, also of layers that are off now. ``forwarded``: what is really being sent at this moment.
    """

    key: int
    options: tuple[LayerOption, ...]
    priority: int = 1
    """1-255, as mediasoup's ``setPriority``."""
    kind: VideoKind = VideoKind.CAMERA
    preferred: LayerPair | None = None
    shown: PixelSize | None = None
    sizes: tuple[PixelSize | None, ...] = ()
    forwarded: LayerPair | None = None
    paused: bool = False
    simulcast: bool = False
    """Spatial layers are streams of their own, which begin one after the other."""


class Assignment(NamedTuple):
    """What one consumer gets."""

    key: int
    layers: LayerPair | None
    """None: nothing is sent."""
    bitrate_bps: int
    reason: Reason
    needed_bps: int
    """Rate of the next better choice; of this one where there is none."""
    available_bps: int
    """What the consumer could take: its own rate and what nobody uses."""


class NextStep(NamedTuple):
    """The next improvement that more bandwidth would bring."""

    key: int
    layers: LayerPair
    available_bps: int
    """``available_bps`` at which it comes about once held; what a probe should aim at."""
    not_before: int
    """It waits until then at least (microseconds, as ``Instant``)."""
    from_nothing: bool = False
    """The consumer has no picture at all now."""
    landing_bps: int = 0
    """What would be sent in all after it, and a trial sends: the estimate may allow several rungs at once."""
