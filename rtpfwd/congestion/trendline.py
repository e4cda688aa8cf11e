"""Is the queue growing? A line through the last delays, against a threshold that adapts.

Source: libwebrtc's trendline estimator and overuse detector (draft-ietf-rmcat-gcc-02 §5.3 and §5.4 have a
Kalman filter in the line's place). The line's sums are kept as whole numbers of microseconds and updated by
difference: exact, so they never drift, and a group costs the same whatever the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum

from rtpfwd.congestion.arrival_groups import GroupDelta
from rtpfwd.congestion.settings import DelaySettings

ADAPT_OFFSET_MS = 15.0  # spikes beyond threshold and this do not move the threshold (libwebrtc)
ADAPT_STEP_MS = 100.0
MAX_STEP_US = 10_000_000  # a longer silence counts as this much


class Usage(Enum):
    """What the delay says of the link."""

    NORMAL = "normal"
    OVERUSE = "overuse"
    UNDERUSE = "underuse"


class Trendline:
    """One path's delay: ``usage``, and what it follows from (``trend_ms`` against ``threshold_ms``)."""

    __slots__ = (
        "_accumulated",
        "_adapted_at",
        "_deltas",
        "_first_at",
        "_overusing_count",
        "_overusing_us",
        "_points",
        "_previous_slope",
        "_settings",
        "_smoothed",
        "_sum_x",
        "_sum_xx",
        "_sum_xy",
        "_sum_y",
        "threshold_ms",
        "trend_ms",
        "usage",
    )

    def __init__(self, settings: DelaySettings) -> None:
        self._settings = settings
        self._points: deque[tuple[int, int]] = deque()
        self._sum_x = self._sum_y = self._sum_xx = self._sum_xy = 0
        self._first_at: int | None = None
        self._adapted_at: int | None = None
        self._accumulated = 0
        self._smoothed = 0.0
        self._deltas = 0
        self._previous_slope = 0.0
        self._overusing_us: int | None = None
        self._overusing_count = 0
        self.threshold_ms = settings.initial_threshold_ms
        self.trend_ms = 0.0
        self.usage = Usage.NORMAL

    def update(self, steps: Iterable[GroupDelta]) -> Usage:
        """Take the steps from group to group; returns what holds after the last."""
        for send_delta, arrival_delta, arrived_at in steps:
            self._add_point(send_delta, arrival_delta, arrived_at)
            slope = self._slope()
            if slope is None:
                slope = self._previous_slope
            self._judge(slope, min(send_delta, MAX_STEP_US), arrived_at)
        return self.usage

    def _add_point(self, send_delta: int, arrival_delta: int, arrived_at: int) -> None:
        settings = self._settings
        if self._first_at is None:
            self._first_at = arrived_at
        if self._deltas < settings.max_deltas:
            self._deltas += 1
        self._accumulated += max(arrival_delta - send_delta, -MAX_STEP_US)
        smoothing = settings.smoothing
        self._smoothed = smoothing * self._smoothed + (1 - smoothing) * self._accumulated
        x, y = arrived_at - self._first_at, round(self._smoothed)
        self._points.append((x, y))
        self._sum_x += x
        self._sum_y += y
        self._sum_xx += x * x
        self._sum_xy += x * y
        if len(self._points) > settings.window:
            x, y = self._points.popleft()
            self._sum_x -= x
            self._sum_y -= y
            self._sum_xx -= x * x
            self._sum_xy -= x * y

    def _slope(self) -> float | None:
        """Delay gained for each unit of time, by least squares; ``None`` until the window is full."""
        count = len(self._points)
        if count < self._settings.window:
            return None
        divisor = count * self._sum_xx - self._sum_x * self._sum_x
        if divisor <= 0:
            return None
        return (count * self._sum_xy - self._sum_x * self._sum_y) / divisor

    def _judge(self, slope: float, send_delta: int, arrived_at: int) -> None:
        if self._deltas < 2:
            return
        settings = self._settings
        trend = self._deltas * slope * settings.gain
        self.trend_ms = trend
        threshold = self.threshold_ms
        if trend > threshold:
            if self._overusing_us is None:
                self._overusing_us = send_delta // 2  # it began somewhere within the step
            else:
                self._overusing_us += send_delta
            self._overusing_count += 1
            if (
                self._overusing_us > settings.overuse_us
                and self._overusing_count > 1
                and slope >= self._previous_slope
            ):
                self._overusing_us = 0
                self._overusing_count = 0
                self.usage = Usage.OVERUSE
        else:
            self._overusing_us = None
            self._overusing_count = 0
            self.usage = Usage.UNDERUSE if trend < -threshold else Usage.NORMAL
        self._previous_slope = slope
        self._adapt(abs(trend), arrived_at)

    def _adapt(self, trend: float, arrived_at: int) -> None:
        settings = self._settings
        elapsed_ms = 0.0 if self._adapted_at is None else (arrived_at - self._adapted_at) / 1000
        self._adapted_at = arrived_at
        threshold = self.threshold_ms
        if trend > threshold + ADAPT_OFFSET_MS:
            return
        pace = settings.threshold_down if trend < threshold else settings.threshold_up
        threshold += pace * (trend - threshold) * min(elapsed_ms, ADAPT_STEP_MS)
        self.threshold_ms = min(max(threshold, settings.min_threshold_ms), settings.max_threshold_ms)
