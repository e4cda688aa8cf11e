"""What a REMB is worth: the estimate of peers without transport-wide feedback, an upper bound for others.

Source: mediasoup's ``TransportCongestionControlClient`` (draft-alvestrand-rmcat-remb-03 for the message): the
receiver's word counts with an allowance while it loses little, and less while it loses much.
"""

from __future__ import annotations

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.settings import LossSettings

STALE_US = seconds(10)  # browsers repeat it each second; one that fell silent binds nobody for ever


class RembLimit:
    """The latest REMB of a transport."""

    __slots__ = ("_at", "_settings", "bps", "loss")

    def __init__(self, settings: LossSettings) -> None:
        self._settings = settings
        self._at: Instant | None = None
        self.bps: int | None = None
        self.loss = 0.0

    def note(self, bps: int, now: Instant) -> None:
        """A REMB came, in bits per second."""
        self.bps = bps
        self._at = now

    def note_loss(self, fraction: float) -> None:
        """A receiver report's loss, 0 to 1."""
        self.loss = min(max(fraction, 0.0), 1.0)

    def allowed_bps(self) -> int | None:
        """The REMB, corrected by loss: the estimate where nothing else is known."""
        if self.bps is None:
            return None
        if self.loss < self._settings.low:
            return round(self.bps * self._settings.remb_allowance)
        if self.loss > self._settings.high:
            return round(self.bps * (1 - 0.5 * self.loss))
        return self.bps

    def cap_bps(self, now: Instant) -> int | None:
        """The REMB as an upper bound; ``None`` when there is none, or none any more."""
        if self._at is None or now - self._at >= STALE_US:
            return None
        return self.bps
