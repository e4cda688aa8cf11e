"""Padding for peers that answer with REMB only, so that their REMB can grow to what the next step needs.

Such a receiver believes in no more than half as much again as what arrives (libwebrtc's receive-side
control), so that a REMB stays where the layers that are sent have brought it. Hence padding: nearly as much
as the REMB itself allows, and no more than the next step needs, a quarter of a second at a time, until the
step is covered. When the REMB falls meanwhile, or no longer grows, it knew its link: the next attempt waits,
twice as long each time. mediasoup probes these peers not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.congestion.demands import NextStep
from rtpfwd.dataplane.interface import Probe

FIRST_CLUSTER = 2_000_000
"""Clusters of this padding; those of trials and of the estimate count from lower numbers."""
STRETCH_US = milliseconds(250)
"""Of one probe."""
UNCOUNTED_US = (STRETCH_US - milliseconds(200)) // 2
"""What is asked for where packets bear no transport-wide numbers: nothing of such a probe is counted, and it
ends by its deadline, 200 ms and twice its own time.
"""


@dataclass(frozen=True, slots=True)
class RembGrowthSettings:
    """Tunables. Durations in microseconds."""

    rate_percent: int = 85
    """Of the REMB are sent in all: enough for it to grow, and not much too much where it is too high."""
    enough_percent: int = 70
    """Of the REMB are sent without padding: it can grow by itself."""
    patience_us: int = seconds(4)
    """A REMB that has not grown for so long will not grow."""
    growth_percent: int = 105
    """Less than this in that time is no growth."""
    fall_percent: int = 90
    """Below this part of the best REMB of an attempt the attempt has failed."""
    wait_us: int = seconds(10)
    """After a failure; twice as long after each further one ..."""
    max_wait_us: int = seconds(120)
    """... up to this."""


class RembGrowth:
    """One for each transport."""

    __slots__ = ("_best_at", "_best_bps", "_cluster", "_due_at", "_failures", "_settings", "_wait_until")

    def __init__(self, settings: RembGrowthSettings) -> None:
        self._settings = settings
        self._cluster = FIRST_CLUSTER
        self._failures = 0
        self._wait_until: Instant | None = None
        self._best_at: Instant | None = None
        """Since when the best REMB of this attempt is the best; None while there is no attempt."""
        self._best_bps = 0
        self._due_at: Instant | None = None

    def probe(
        self,
        step: NextStep | None,
        remb_bps: int | None,
        target_bps: int,
        media_bps: int,
        numbered: bool,
        now: Instant,
    ) -> Probe | None:
        """The next stretch of padding, if any. ``target_bps`` is the estimate that was made of the REMB,
        ``media_bps`` what is sent, or about to be, without padding; ``numbered``: whether packets bear
        transport-wide numbers all the same.
        """
        if step is None or remb_bps is None:
            self._best_at = None
            return None
        if target_bps >= step.available_bps:
            self._failures = 0
            self._best_at = None
            return None
        if self._wait_until is not None and now < self._wait_until:
            return None
        settings = self._settings
        if self._best_at is None or remb_bps * 100 >= self._best_bps * settings.growth_percent:
            self._best_at, self._best_bps = now, remb_bps
        fell = remb_bps * 100 < self._best_bps * settings.fall_percent
        if fell or now - self._best_at >= settings.patience_us:
            wait_us = min(settings.wait_us << min(self._failures, 16), settings.max_wait_us)
            self._wait_until = Instant(now + wait_us)
            self._failures += 1
            self._best_at = None
            return None
        if self._due_at is not None and now < self._due_at:
            return None
        if media_bps * 100 >= remb_bps * settings.enough_percent:
            return None  # and a probe would slow the media down to its own rate
        self._due_at = Instant(now + STRETCH_US)
        self._cluster += 1
        rate_bps = min(remb_bps * settings.rate_percent // 100, step.available_bps)
        length_us = STRETCH_US if numbered else UNCOUNTED_US
        return Probe(self._cluster, rate_bps, rate_bps * length_us // (8 * MICROSECONDS), 1)
