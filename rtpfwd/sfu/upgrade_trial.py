"""Before more is sent, the link is tried with padding: what a receiver would see as a freeze is then a trial
that failed.

A short probe measures how fast a link is, not how much of it is free, and layers come in large steps. So an
upgrade is preceded by padding at the rate that it will have, for as long as the allocation waits anyway
(``HysteresisSettings.hold_us``); when the estimate falls meanwhile, the upgrade is refused and waits longer
the next time. LiveKit probes channels in the same way before it upgrades.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.congestion.demands import NextStep
from rtpfwd.dataplane.interface import Probe

FIRST_CLUSTER = 1_000_000
"""Clusters of trials; those of the estimate count from 1. To the estimate they are traffic as any other."""


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """Tunables of a trial."""

    duration_us: int = milliseconds(1600)
    """Of padding; shorter than the allocation waits before it goes up."""
    stretch_us: int = milliseconds(250)
    """What is sent at a time: a trial that fails goes on for no longer than this."""
    lasting_us: int = milliseconds(2500)
    """A fall of the estimate within this time of its beginning is the trial's."""
    leap_percent: int = 150
    """An upgrade over several rungs to more than this of the next one is tried with what it leads to."""
    needless_percent: int = 110
    """What adds less than this to what is being sent needs no trial."""


class UpgradeTrial:
    """One for each transport."""

    __slots__ = ("_began_at", "_cluster", "_due_at", "_settings", "step")

    def __init__(self, settings: TrialSettings) -> None:
        self._settings = settings
        self._cluster = FIRST_CLUSTER
        self._began_at = self._due_at = Instant(0)
        self.step: NextStep | None = None
        """What is being tried."""

    def begin(self, step: NextStep | None, target_bps: int, sent_bps: int, now: Instant) -> bool:
        """Whether to try ``step`` from now on: when it could be made as soon as the trial is over."""
        settings = self._settings
        if step is None or self.step is not None or target_bps < step.available_bps:
            return False
        if step.from_nothing:
            return False  # there is no picture that it could spoil
        if now < step.not_before - settings.duration_us:
            return False
        if step.available_bps * 100 <= sent_bps * settings.needless_percent:
            return False
        self.step = step
        self._began_at = self._due_at = now
        return True

    def probe(self, now: Instant) -> Probe | None:
        """The next stretch of padding; a trial is made of several, so that it can be broken off."""
        settings = self._settings
        step = self.step
        if step is None or now < self._due_at or now - self._began_at >= settings.duration_us:
            return None
        self._due_at = Instant(now + settings.stretch_us)
        self._cluster += 1
        rate_bps = step.available_bps
        if step.landing_bps * 100 > rate_bps * settings.leap_percent:
            rate_bps = step.landing_bps
        size = rate_bps * settings.stretch_us // (8 * MICROSECONDS)
        return Probe(self._cluster, rate_bps, size, 1)

    def failed(self, target_bps: int, now: Instant) -> int | None:
        """Whose upgrade the link did not bear; None while nothing speaks against it."""
        step = self.step
        if step is None:
            return None
        if now - self._began_at > self._settings.lasting_us:
            self.step = None
            return None
        if target_bps >= step.available_bps:
            return None
        self.step = None
        return step.key
