"""When a consumer may go up: room that has lasted, and longer waits after every time that it went wrong.

Down is never held back. Source of the periods: mediasoup's stream managers (10 s without an upgrade once a
layer of more than 8 s had to be given up); that a failed upgrade doubles the wait is ours, and what LiveKit
does with its probes.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.demands import LayerPair


@dataclass(frozen=True, slots=True)
class HysteresisSettings:
    """Durations in microseconds."""

    hold_us: int = seconds(2)
    """There has to be room for so long before a consumer goes up, or is sent again."""
    settled_us: int = seconds(8)
    """Layers given up after more than this were good for a while; mediasoup BweDowngradeMinActiveMs."""
    wait_us: int = seconds(10)
    """No way up after that; mediasoup BweDowngradeConservativeMs."""
    failed_soon_us: int = seconds(20)
    """An upgrade taken back within this was a mistake: the next wait is twice as long."""
    max_wait_us: int = seconds(120)


class Hysteresis:
    """The past of one consumer, as far as the way up depends on it."""

    __slots__ = ("_failures", "_rose_from", "_settings", "_since", "_wanted_since", "blocked_until", "layers")

    def __init__(self, settings: HysteresisSettings, now: Instant) -> None:
        self.layers: LayerPair | None = None
        """What it was last given."""
        self.blocked_until = now
        self._settings = settings
        self._since = now
        self._rose_from: LayerPair | None = None
        self._failures = 0
        self._wanted_since: Instant | None = None

    def is_blocked(self, now: Instant) -> bool:
        """Still waiting because of a failure."""
        return now < self.blocked_until

    def may_rise(self, wants: bool, at_once: bool, now: Instant) -> bool:
        """Tell whether there is room for more now (``wants``), and learn whether to take it. ``at_once``:
        somebody asked for it, so that room need not have lasted; past failures count all the same.
        """
        if not wants:
            self._wanted_since = None
            return False
        if self._wanted_since is None:
            self._wanted_since = now
        held = at_once or now - self._wanted_since >= self._settings.hold_us
        return held and now >= self.blocked_until

    def may_resume(self, wants: bool, now: Instant) -> bool:
        """The same for who has nothing at all: room has to last, but former failures do not count."""
        if not wants:
            self._wanted_since = None
            return False
        if self._wanted_since is None:
            self._wanted_since = now
        return now - self._wanted_since >= self._settings.hold_us

    def settle(self, layers: LayerPair | None, lowered: bool, now: Instant, outage: bool = False) -> None:
        """Note what the consumer gets now. ``lowered``: less than before, for want of bandwidth. ``outage``:
        nothing came through at all, which says nothing about layers.

        Only an upgrade that is taken back to where it came from was a mistake; further down than that, and
        it is the link that shrank.
        """
        if layers == self.layers:
            return
        active_us = now - self._since
        settings = self._settings
        if lowered and not outage:
            rose_from = self._rose_from
            mistaken = rose_from is not None and layers is not None and layers >= rose_from
            if mistaken and active_us < settings.failed_soon_us:
                self._failures += 1
                self._block(now)
            elif active_us > settings.settled_us:
                self._failures = 0
                self._block(now)
        rose = layers is not None and self.layers is not None and layers > self.layers
        if rose and self._rose_from is not None and active_us >= settings.failed_soon_us:
            self._failures = 0
        self._rose_from = self.layers if rose else None
        self._since = now
        self._wanted_since = None
        self.layers = layers

    def refuse(self, now: Instant) -> None:
        """An upgrade failed before it was made."""
        self._failures += 1
        self._wanted_since = None
        self._block(now)

    def _block(self, now: Instant) -> None:
        settings = self._settings
        wait = min(settings.wait_us << min(self._failures, 16), settings.max_wait_us)
        self.blocked_until = Instant(now + wait)
