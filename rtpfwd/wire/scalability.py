"""Scalability modes such as ``L3T3_KEY``, and the pair of layer numbers.

Source: the names are W3C webrtc-svc's; what counts as one is mediasoup 3.27's ``parseScalabilityMode``, whose
pattern is not anchored at the end (``L3T3_KEY_SHIFT`` reads as ``L3T3_KEY``) and which never refuses
anything.
"""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class ScalabilityMode:
    """How many layers a stream has; ``ksvc``: spatial layers depend on each other in key frames only."""

    spatial_layers: int
    temporal_layers: int
    ksvc: bool


@dataclass(frozen=True, slots=True, order=True)
class Layers:
    """A spatial and a temporal layer number, both counted from 0, ordered spatial first."""

    spatial_layer: int
    temporal_layer: int


@lru_cache(maxsize=256)
def parse_scalability_mode(text: str | None) -> ScalabilityMode:
    """Reads a scalability mode; anything else, and nothing, is one spatial and one temporal layer."""
    match = _PATTERN.match(text or "")
    if match is None:
        return ScalabilityMode(spatial_layers=1, temporal_layers=1, ksvc=False)
    return ScalabilityMode(
        spatial_layers=int(match[1]), temporal_layers=int(match[2]), ksvc=match[3] is not None
    )


_PATTERN = re.compile(r"[LS]([1-9][0-9]?)T([1-9][0-9]?)(_KEY)?")
