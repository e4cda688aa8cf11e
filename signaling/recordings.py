"""Captures as the operators' API asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtpfwd.drivers.captures import Captures, CaptureSettings

from .settings import Settings

if TYPE_CHECKING:
    from .operators.captures import CaptureTarget, FlightTarget


def capture_settings(settings: Settings) -> CaptureSettings:
    """What the driver may record."""
    return CaptureSettings(directory=settings.capture_dir, max_bytes=settings.capture_mb << 20)


class Recordings:
    """``operators.captures.CaptureControl`` over a driver's captures."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    def start(self, target: CaptureTarget) -> dict[str, Any]:
        """The new recording. Raises ``NotFoundError``, ``LimitExceeded``, ``InvalidState``, ``OSError``."""
        return self._captures.start(
            **_named(target.scope, target.id),
            name=target.scope,
            wire=target.wire,
            max_bytes=target.max_bytes,
        ).to_json()

    def stop(self, capture_id: str) -> dict[str, Any]:
        """The recording that ended. Raises ``NotFoundError``."""
        return self._captures.stop(capture_id).to_json()

    def dumps(self) -> list[dict[str, Any]]:
        """The flight recorder's files, latest first."""
        return self._captures.dumps()[::-1]

    def list(self) -> list[dict[str, Any]]:
        """All, latest first."""
        return self._captures.listing()[::-1]

    def dump(self, target: FlightTarget) -> dict[str, Any]:
        """The flight recorder's last minute of all, a room, a peer or a transport. Raises as ``start``."""
        path = self._captures.dump_flight(**_named(target.scope, target.id), max_bytes=target.max_bytes)
        return {"file": str(path)}


def _named(scope: str, target_id: str | None) -> dict[str, Any]:
    """The argument by which ``Captures`` knows it."""
    names = {"room": "router_id", "peer": "peer_id", "transport": "transport_id"}
    return {} if scope == "server" else {names.get(scope, "stream_id"): target_id}
