"""When to probe, and how fast.

Source: libwebrtc's probe controller (exponential first probes, probes while the application is limited, a
recovery probe after a large fall), mediasoup's bound by what allocation can use, and LiveKit's back-off of
probes that found nothing. Probes go on by doubling as long as they find what they ask for.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtpfwd.clock import MICROSECONDS, Instant
from rtpfwd.congestion.probe_result import Probe
from rtpfwd.congestion.settings import ProbeSettings


class ProbeControl:
    """Decides; ``take`` has the probes that are due."""

    __slots__ = (
        "_back_off_us",
        "_counts",
        "_due",
        "_duration_us",
        "_further_above",
        "_last_at",
        "_max_bps",
        "_next_at",
        "_next_cluster",
        "_recovered_at",
        "_settings",
        "_started",
        "_succeeded",
        "_wait_until",
        "demand_bps",
    )

    def __init__(self, settings: ProbeSettings, max_bps: int) -> None:
        self._settings = settings
        self._max_bps = max_bps
        self.demand_bps: int | None = None
        self._due: list[Probe] = []
        self._next_cluster = 1
        self._started = False
        self._wait_until: Instant | None = None
        self._further_above: int | None = None
        self._counts = False
        self._duration_us = settings.duration_us
        self._succeeded = False
        self._back_off_us = settings.back_off_base_us
        self._next_at: Instant | None = None
        self._last_at: Instant | None = None
        self._recovered_at: Instant | None = None

    @property
    def ceiling_bps(self) -> int:
        """No probe is faster; nothing above is of use."""
        if self.demand_bps is None:
            return self._max_bps
        return min(self._max_bps, round(self.demand_bps * self._settings.demand_factor))

    @property
    def back_off_us(self) -> int:
        """What the next failure costs."""
        return self._back_off_us

    def is_first(self, probe: Probe) -> bool:
        """Whether ``probe`` is one of those that opened the link."""
        return probe.cluster <= len(self._settings.first_factors)

    def set_max(self, max_bps: int) -> None:
        """The application's maximum."""
        self._max_bps = max_bps

    def set_demand(self, desired_bps: int, estimate_bps: int, now: Instant) -> None:
        """What allocation could use. A rise that the estimate does not cover is worth a probe at once."""
        before = self.demand_bps
        if before is not None and abs(desired_bps - before) < self._settings.demand_change * before:
            return
        self.demand_bps = desired_bps
        rose = before is not None and desired_bps > before
        waits = self._next_at is not None and now < self._next_at and self._back_off_us > 0
        if rose and self._started and self._wait_until is None and not (waits and self._failed_lately):
            self._double(estimate_bps, now)

    def start(self, initial_bps: int, now: Instant) -> None:
        """Packets flow and demand is there: the first, exponential probes. Once."""
        if self._started:
            return
        self._started = True
        self._issue(
            [round(factor * initial_bps) for factor in self._settings.first_factors], initial_bps, now
        )
        self._counts = False
        self._next_at = Instant(now + self._settings.interval_us)

    def note_result(self, rate_bps: int, estimate_bps: int, now: Instant) -> bool:
        """A probe was measured. Returns whether it raises the estimate enough to count as a success."""
        success = rate_bps > estimate_bps * self._settings.success_gain
        if success:
            self._succeeded = True
            self._back_off_us = self._settings.back_off_base_us
        if (
            self._further_above is not None
            and rate_bps >= self._further_above
            and self._wait_until is not None
        ):
            self._further_above = None
            counts = self._counts
            self._double(max(rate_bps, estimate_bps), now)
            self._counts = counts and not self._succeeded
        return success

    def recover(self, rate_bps: int, estimate_bps: int, now: Instant) -> None:
        """A large fall may have been a mishap: ask for (most of) the old rate."""
        settings = self._settings
        lately = self._recovered_at is not None and now - self._recovered_at < settings.recovery_spacing_us
        if lately or not self._started:
            return
        self._recovered_at = now
        if self._issue([round(rate_bps * settings.recovery_factor)], estimate_bps, now):
            self._counts = False

    def hurry(self, estimate_bps: int, now: Instant) -> None:
        """There is evidence that the link carries more: probe sooner than the back-off has it."""
        settings = self._settings
        wait_us = max(settings.back_off_base_us, self._back_off_us // 2)
        if (
            self._started
            and self._wait_until is None
            and (self._last_at is None or now - self._last_at >= wait_us)
        ):
            self._duration_us = settings.long_duration_us
            self._double(estimate_bps, now)

    def forgive(self) -> None:
        """Probes that failed do not count: there is nothing that another could spoil."""
        self._back_off_us = self._settings.back_off_base_us
        if self._wait_until is None and self._last_at is not None and self._next_at is not None:
            self._next_at = min(self._next_at, Instant(self._last_at + self._settings.interval_us))

    def tick(self, estimate_bps: int, allowed: bool, now: Instant) -> None:
        """Time passed. ``allowed``: nothing speaks against a periodic probe."""
        if self._wait_until is not None and now >= self._wait_until:
            self._conclude(now)
        if (
            allowed
            and self._started
            and self._wait_until is None
            and self._next_at is not None
            and now >= self._next_at
        ):
            self._next_at = Instant(now + self._settings.interval_us)
            self._double(estimate_bps, now)

    def next_timeout(self) -> Instant | None:
        """When ``tick`` must come. Periodic probes need no timer: they wait for feedback anyway."""
        return self._wait_until

    def take(self) -> list[Probe]:
        """Probes due, each once."""
        due, self._due = self._due, []
        return due

    @property
    def _failed_lately(self) -> bool:
        return self._back_off_us > self._settings.back_off_base_us

    def _double(self, estimate_bps: int, now: Instant) -> None:
        if self._issue([round(estimate_bps * self._settings.periodic_factor)], estimate_bps, now):
            self._counts = True

    def _issue(self, rates: Iterable[int], estimate_bps: int, now: Instant) -> bool:
        """Queue clusters at ``rates`` as far as the ceiling allows and the estimate does not cover them."""
        settings = self._settings
        ceiling = self.ceiling_bps
        highest = 0
        for rate in rates:
            rate_bps = min(rate, ceiling)
            if rate_bps <= max(highest, round(estimate_bps * settings.success_gain)):
                continue
            highest = rate_bps
            size = rate_bps * self._duration_us // (8 * MICROSECONDS)
            self._due.append(Probe(self._next_cluster, rate_bps, size, settings.packets))
            self._next_cluster += 1
        if not highest:
            return False
        self._further_above = round(highest * settings.further_threshold) if highest < ceiling else None
        self._succeeded = False
        self._last_at = now
        self._wait_until = Instant(now + settings.result_wait_us)
        return True

    def _conclude(self, now: Instant) -> None:
        """A series of probes is over."""
        settings = self._settings
        self._wait_until = None
        self._further_above = None
        self._duration_us = settings.duration_us
        wait_us = settings.interval_us
        if self._counts and not self._succeeded:
            wait_us = max(wait_us, self._back_off_us)
            self._back_off_us = min(
                round(self._back_off_us * settings.back_off_factor), settings.back_off_max_us
            )
        self._next_at = Instant(now + wait_us)
