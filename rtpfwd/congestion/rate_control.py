"""Additive increase, multiplicative decrease: the rate that the delay allows.

Source: draft-ietf-rmcat-gcc-02 §5.5, libwebrtc's AIMD rate control of today, and its back-off for senders
that are limited by their application (mediasoup turns that on).
"""

from __future__ import annotations

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.congestion.link_capacity import LinkCapacity
from rtpfwd.congestion.settings import RateSettings
from rtpfwd.congestion.trendline import Usage

PACKET_BITS = 1200 * 8
FRAMES_PER_S = 30
MIN_REACTION_US, MAX_REACTION_US = milliseconds(10), milliseconds(200)
HALVE_EVERY_US = milliseconds(200)
PROBE_TRUST = 0.95  # of its rate, until the media were measured at it
MAX_INCREASE_STEP_US = MICROSECONDS


class RateControl:
    """``bps`` is the rate; ``capacity`` what is known of the link."""

    __slots__ = (
        "_changed_at",
        "_decreased_at",
        "_holding",
        "_probed_at",
        "_probed_bps",
        "_settings",
        "bps",
        "capacity",
        "capacity_grew",
        "path_rtt_us",
        "rtt_us",
    )

    def __init__(self, settings: RateSettings, initial_bps: int) -> None:
        self._settings = settings
        self.bps = initial_bps
        self.capacity = LinkCapacity(settings.capacity_weight)
        self.rtt_us = settings.default_rtt_us
        self.path_rtt_us = settings.default_rtt_us
        """Without queues: who shares one with a greedy flow must not be slowed down by it too."""
        self.capacity_grew = False
        """Whether the last update found more arriving than the link was thought to carry."""
        self._changed_at: Instant | None = None
        self._decreased_at: Instant | None = None
        self._holding = True
        self._probed_bps = 0
        self._probed_at = Instant(0)

    def set(self, bps: int, now: Instant) -> None:
        """A better source (a probe, a limit) says so."""
        self.bps = bps
        self._changed_at = now

    def probed(self, bps: int, now: Instant) -> None:
        """A probe went through at ``bps``. The media need a while to show what they do at that rate."""
        self.set(bps, now)
        self._probed_bps = bps
        self._probed_at = now

    def forget_capacity(self) -> None:
        """The path may be another one."""
        self.capacity.reset()

    def update(
        self, usage: Usage, acknowledged_bps: int | None, app_limited: bool, limit_bps: int, now: Instant
    ) -> int:
        """One feedback's evidence; grows at most to ``limit_bps``. Returns the rate in bits per second."""
        self.capacity_grew = False
        if usage is Usage.OVERUSE:
            if self._may_decrease(acknowledged_bps, now):
                self._decrease(acknowledged_bps, app_limited, now)
        elif usage is Usage.UNDERUSE:
            # The queue drains: let it.
            self._holding = True
        else:
            if self._holding:
                self._holding = False
                self._changed_at = now
            self._increase(acknowledged_bps, limit_bps, now)
        return self.bps

    def increase_per_s(self) -> float:
        """Increase near the capacity, in bits per second each second: a packet in a response time."""
        frame_bits = self.bps / FRAMES_PER_S
        packet_bits = frame_bits / max(1, -(-frame_bits // PACKET_BITS))
        response_s = 2 * (self.path_rtt_us + self._settings.response_us) / MICROSECONDS
        return max(packet_bits / response_s, self._settings.min_additive_bps)

    def _may_decrease(self, acknowledged_bps: int | None, now: Instant) -> bool:
        if self._decreased_at is None:
            return True
        elapsed = now - self._decreased_at
        if acknowledged_bps is None:
            return elapsed >= HALVE_EVERY_US
        reaction_us = min(max(self.rtt_us, MIN_REACTION_US), MAX_REACTION_US)
        return elapsed >= reaction_us or 2 * acknowledged_bps < self.bps

    def _decrease(self, acknowledged_bps: int | None, app_limited: bool, now: Instant) -> None:
        back_off = self._settings.back_off
        before = self.bps
        if acknowledged_bps is None:
            self.bps = before // 2
        elif app_limited:
            # What arrives is what was sent, and says nothing of the link.
            self.bps = max(round(before * back_off), min(before, round(acknowledged_bps * back_off)))
        else:
            if now - self._probed_at < self._settings.acknowledged_window_us + 2 * self.rtt_us:
                # What arrived in the window was mostly sent before the probe's word counted.
                acknowledged_bps = max(acknowledged_bps, round(self._probed_bps * PROBE_TRUST))
            lowered = acknowledged_bps * back_off
            if lowered > before and self.capacity.kbps is not None:
                lowered = self.capacity.kbps * 1000 * back_off
            self.bps = min(before, round(lowered))
            if self.capacity.fallen_short_by(acknowledged_bps):
                self.capacity.reset()
            self.capacity.add(acknowledged_bps)
        self._holding = True
        self._changed_at = self._decreased_at = now

    def _increase(self, acknowledged_bps: int | None, limit_bps: int, now: Instant) -> None:
        settings = self._settings
        if acknowledged_bps is not None:
            if self.capacity.exceeded_by(acknowledged_bps):
                self.capacity.reset()
                self.capacity_grew = True
            limit_bps = min(
                limit_bps,
                round(acknowledged_bps * settings.max_over_acknowledged) + settings.over_acknowledged_bps,
            )
        elapsed_us = 0 if self._changed_at is None else min(now - self._changed_at, MAX_INCREASE_STEP_US)
        self._changed_at = now
        if self.bps >= limit_bps:
            return
        elapsed_s = elapsed_us / MICROSECONDS
        capacity_kbps = self.capacity.kbps
        if capacity_kbps is not None and self.bps >= capacity_kbps * 1000 * settings.fast_below:
            grown = self.bps + self.increase_per_s() * elapsed_s
        else:
            grown = self.bps * (1 + settings.increase_per_s) ** elapsed_s + 1
        self.bps = min(round(grown), limit_bps)
