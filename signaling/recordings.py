"""Captures as the operators' API asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtpfwd.drivers.captures import Captures, CaptureSettings

from .settings import Settings

if TYPE_CHECKING:
    from .operators.captures import CaptureTarget


def capture_settings(settings: Settings) -> CaptureSettings:
    """What the driver may record."""
    return CaptureSettings(directory=settings.capture_dir, max_bytes=settings.capture_mb << 20)


class Recordings:
    """``operators.captures.CaptureControl`` over a driver's captures."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    def start(self, target: CaptureTarget) -> dict[str, Any]:
        """The new recording. Raises ``NotFoundError``, ``LimitExceeded``, ``InvalidState``, ``OSError``."""
        names = {"room": "router_id", "transport": "transport_id"}
        scope = {} if target.scope == "server" else {names.get(target.scope, "stream_id"): target.id}
        return self._captures.start(**scope, name=target.scope).to_json()  # type: ignore[arg-type]  # ids only

    def stop(self, capture_id: str) -> dict[str, Any]:
        """The recording that ended. Raises ``NotFoundError``."""
        return self._captures.stop(capture_id).to_json()

    def dump(self, target: CaptureTarget) -> dict[str, Any]:
        """The flight recorder's last minute of all, a room or a transport, as a file. Raises as ``start``."""
        names = {"room": "router_id", "transport": "transport_id"}
        scope = {names[target.scope]: target.id} if target.scope in names else {}
        return {"file": str(self._captures.dump_flight(**scope))}  # type: ignore[arg-type]  # ids only

    def list(self) -> list[dict[str, Any]]:
        """All, latest first."""
        return self._captures.listing()[::-1]
