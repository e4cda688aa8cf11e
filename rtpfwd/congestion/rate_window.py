"""Bits per second over the last second, from running byte totals.

Source: the window of mediasoup's ``RateCalculator`` (1000 ms). Fed with totals, not packets, so that the
plane only counts.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import MICROSECONDS, Instant, seconds

WINDOW_US = seconds(1)


class RateWindow:
    """Samples of (time, total bytes); at most one for each ``update``."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[Instant, int]] = deque()

    def update(self, total_bytes: int, now: Instant) -> int:
        """Note the total at ``now``; returns bits per second over the window (0 until two samples span
        time).
        """
        samples = self._samples
        if samples and samples[-1][0] == now:
            samples[-1] = (now, total_bytes)
        else:
            samples.append((now, total_bytes))
        # Keep one sample from before the window, so that the difference spans at least the window.
        while len(samples) > 2 and samples[1][0] <= now - WINDOW_US:
            samples.popleft()
        first_at, first_total = samples[0]
        if now <= first_at:
            return 0
        return (total_bytes - first_total) * 8 * MICROSECONDS // (now - first_at)
