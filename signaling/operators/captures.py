"""What the operators' API needs of whoever records packets.

Recording is not known here: a server without it has no ``CaptureControl``, answers 501, and its page has no
buttons.
"""

from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LEAST_BYTES = 10_000
MaxBytes = Annotated[int, Field(ge=LEAST_BYTES, le=1 << 40)]


class _Target(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    scope: str
    id: str | None = Field(default=None, min_length=1, max_length=64)
    max_bytes: MaxBytes | None = Field(default=None, alias="maxBytes")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.id is None) != (self.scope == "server"):
            raise ValueError("an id for every scope but server")
        return self


class CaptureTarget(_Target):
    """What to record: all, or what has that id (a room's is its router's); at most ``maxBytes``, if that is
    less than the server's own limit. ``wire``: as it is on the wire, with all keys.
    """

    scope: Literal["server", "room", "peer", "transport", "producer", "consumer"]
    wire: bool = False


class FlightTarget(_Target):
    """Of what the flight recorder's last minute is wanted; at most ``maxBytes`` of it, the latest."""

    scope: Literal["server", "room", "peer", "transport"]


class CaptureControl(Protocol):
    """Starts and ends recordings. Each is ``{id, running, ...}``; what else it holds (a file, counts) is
    shown to people as it is, and the API adds ``scope`` and ``of`` of its target.
    """

    def start(self, target: CaptureTarget) -> dict[str, Any]:
        """The new recording. Raises ``NotFoundError``, ``LimitExceeded``, ``InvalidState``, ``OSError``."""

    def stop(self, capture_id: str) -> dict[str, Any]:
        """The recording that ended. Raises ``NotFoundError``."""

    def dumps(self) -> list[dict[str, Any]]:
        """The flight recorder's files, latest first."""

    def list(self) -> list[dict[str, Any]]:
        """All, those that ended included, latest first."""

    def dump(self, target: FlightTarget) -> dict[str, Any]:
        """The flight recorder's last minute as ``{file}``, complete a moment later. Raises as ``start``."""
