"""What callers may pass, where several objects ask the same of it. All raise ``InvalidParameters``."""

from __future__ import annotations

from typing import Any

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.extension_values import MID_MAX_SIZE

MAX_SHOWN = 16_384
"""Pixels, of a length that a receiver may claim to show: more is no screen's."""
MAX_BITRATE_BPS = 2**32 - 1  # mediasoup's worker keeps 32 bits


def check_bitrate(bitrate: Any) -> int:
    """Bits per second, from 0 to 32 bits of it."""
    if not isinstance(bitrate, int) or isinstance(bitrate, bool) or not 0 <= bitrate <= MAX_BITRATE_BPS:
        raise InvalidParameters(f"bitrate must be a number from 0 to {MAX_BITRATE_BPS} bits per second")
    return bitrate


def check_bitrate_limits(min_bps: Any, max_bps: Any) -> tuple[int, int]:
    """Two bitrates, 0 for none, the first not above the second."""
    if check_bitrate(min_bps) > check_bitrate(max_bps) > 0:
        raise InvalidParameters(f"the lower limit {min_bps} is above the upper one {max_bps}")
    return min_bps, max_bps


def check_mid(mid: Any) -> None:
    """A MID for a consumer, or None."""
    if mid is not None and (not isinstance(mid, str) or not 0 < len(mid.encode()) <= MID_MAX_SIZE):
        raise InvalidParameters(f"if given, mid must be a string of 1 to {MID_MAX_SIZE} bytes")


def check_app_data(app_data: Any) -> dict[str, Any]:
    """``app_data`` as given, or an empty object, as mediasoup does."""
    if app_data is None:
        return {}
    if not isinstance(app_data, dict):
        raise InvalidParameters("if given, appData must be an object")
    return app_data


def check_layers(layers: Any) -> tuple[int, int | None]:
    """``{spatialLayer, temporalLayer?}`` (mediasoup's ConsumerLayers)."""
    if not isinstance(layers, dict):
        raise InvalidParameters("preferredLayers must be an object")
    spatial: Any = layers.get("spatialLayer")
    temporal: Any = layers.get("temporalLayer")
    if not _is_count(spatial):
        raise InvalidParameters("spatialLayer must be a number")
    if temporal is not None and not _is_count(temporal):
        raise InvalidParameters("if given, temporalLayer must be a number")
    return spatial, temporal


def check_shown_size(width: Any, height: Any) -> tuple[int, int]:
    """Two lengths in pixels; 0 for not shown."""
    if not all(_is_count(length) and length <= MAX_SHOWN for length in (width, height)):
        raise InvalidParameters(f"shown size must be two numbers from 0 to {MAX_SHOWN}")
    return width, height


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
