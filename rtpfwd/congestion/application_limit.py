"""Does the application send less than it might? Then what arrives is no measure of the link.

Source: libwebrtc's detector of the application-limited region: a budget that fills at a part of the estimate
and is emptied by what is sent.
"""

from __future__ import annotations

from rtpfwd.clock import MICROSECONDS, Instant

ENTER, LEAVE = 0.8, 0.5  # of a full budget (libwebrtc)


class ApplicationLimit:
    """``limited``, and since when it is."""

    __slots__ = ("_at", "_budget", "_share", "_window_us", "limited", "since")

    def __init__(self, share: float, window_us: int) -> None:
        self._share = share
        self._window_us = window_us
        self._at: Instant | None = None
        self._budget = 0.0
        self.limited = False
        self.since: Instant | None = None

    def sent(self, size_bytes: int, target_bps: int, now: Instant) -> None:
        """``size_bytes`` left since the last call."""
        rate = self._share * target_bps / 8 / MICROSECONDS  # bytes a microsecond
        full = rate * self._window_us
        elapsed = 0 if self._at is None else now - self._at
        self._at = now
        budget = min(max(self._budget + elapsed * rate - size_bytes, -full), full)
        self._budget = budget
        if budget > ENTER * full and not self.limited:
            self.limited = True
            self.since = now
        elif budget < LEAVE * full and self.limited:
            self.limited = False
            self.since = None
