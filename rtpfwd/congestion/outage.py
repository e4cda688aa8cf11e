"""Packets leave and nothing is heard of them: how long already, and what to do about it.

libwebrtc leaves this to its congestion window; the rule here is our own. Silence counts from the first packet
that was sent after the last feedback: who sends nothing misses nothing.
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.congestion.settings import RateSettings


class Outage:
    """``before_bps`` is the estimate before it began, ``None`` while there is no outage."""

    __slots__ = ("_after_us", "_every_us", "_factor", "_next_at", "_waiting_since", "before_bps")

    def __init__(self, settings: RateSettings) -> None:
        self._after_us = settings.outage_after_us
        self._every_us = settings.outage_every_us
        self._factor = settings.outage_factor
        self._waiting_since: Instant | None = None
        self._next_at: Instant | None = None
        self.before_bps: int | None = None

    def sent(self, at: Instant, rtt_us: int) -> None:
        """A packet left."""
        if self._waiting_since is None:
            self._waiting_since = at
            self._next_at = Instant(at + max(self._after_us, 3 * rtt_us))

    def heard(self) -> int | None:
        """Feedback came. Returns the estimate before the outage that it ends, if there was one."""
        before, self.before_bps = self.before_bps, None
        self._waiting_since = None
        self._next_at = None
        return before

    def step(self, estimate_bps: int, now: Instant) -> int | None:
        """The lower estimate when one is due."""
        if self._next_at is None or now < self._next_at:
            return None
        self._next_at = Instant(now + self._every_us)
        if self.before_bps is None:
            self.before_bps = estimate_bps
        return round(estimate_bps * self._factor)

    def next_timeout(self) -> Instant | None:
        """When ``step`` has something."""
        return self._next_at
