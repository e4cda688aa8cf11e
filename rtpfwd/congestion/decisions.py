"""Why the estimate is what it is: one record for each change, for the ledger of whoever asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rtpfwd.clock import Instant

Figures = Mapping[str, int | float | str | None]


class Reason(StrEnum):
    """What moved the estimate."""

    START = "start"
    INCREASE = "increase"
    """Nothing was in the way."""
    OVERUSE = "overuse"
    """The queue grew."""
    LOSS = "loss"
    LOSS_RECOVERY = "loss_recovery"
    """The limit that loss had set was eased."""
    PROBE = "probe"
    REMB = "remb"
    NO_FEEDBACK = "no_feedback"
    """Packets left, nothing was heard of them."""
    LIMIT = "limit"
    """The application's minimum or maximum."""


@dataclass(frozen=True, slots=True)
class EstimateChange:
    """One change. ``figures`` are what it followed from, by name; names end in their unit."""

    at: Instant
    before_bps: int
    after_bps: int
    reason: Reason
    figures: Figures


class DecisionLog:
    """Changes until they are taken. Steps of one steady climb are one change."""

    __slots__ = ("_changes",)

    def __init__(self, size: int) -> None:
        self._changes: deque[EstimateChange] = deque(maxlen=size)

    def add(self, change: EstimateChange) -> None:
        """Note a change."""
        changes = self._changes
        if change.reason in (Reason.INCREASE, Reason.LOSS_RECOVERY) and changes:
            last = changes[-1]
            if last.reason is change.reason:
                changes[-1] = EstimateChange(
                    last.at, last.before_bps, change.after_bps, change.reason, change.figures
                )
                return
        changes.append(change)

    def take(self) -> list[EstimateChange]:
        """All since the last call, the oldest first."""
        taken = list(self._changes)
        self._changes.clear()
        return taken
