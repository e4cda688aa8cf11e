"""What the operators' API needs of whoever records packets.

Recording is not known here: a server without it has no ``CaptureControl``, answers 501, and its page has no
buttons.
"""

from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CaptureTarget(BaseModel):
    """What to record: all, or what has that id (a room's is its router's)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    scope: Literal["server", "room", "transport", "producer", "consumer"]
    id: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _check(self) -> "CaptureTarget":
        if (self.id is None) != (self.scope == "server"):
            raise ValueError("an id for every scope but server")
        return self


class CaptureControl(Protocol):
    """Starts and ends recordings. Each is ``{id, running, ...}``; what else it holds (a file, counts) is
    shown to people as it is, and the API adds ``scope`` and ``of`` of its target.
    """

    def start(self, target: CaptureTarget) -> dict[str, Any]:
        """The new recording. Raises ``NotFoundError``, ``LimitExceeded``, ``InvalidState``, ``OSError``."""

    def stop(self, capture_id: str) -> dict[str, Any]:
        """The recording that ended. Raises ``NotFoundError``."""

    def list(self) -> list[dict[str, Any]]:
        """All, those that ended included, latest first."""
