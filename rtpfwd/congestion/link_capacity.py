"""What the link carried whenever its queue began to grow: a mean and how far it strays.

Source: libwebrtc's link capacity estimator (draft-ietf-rmcat-gcc-02 §5.5, the average of the incoming rate in
the decrease state). In kilobits, as the deviation is scaled by the mean.
"""

from __future__ import annotations

MIN_DEVIATION, MAX_DEVIATION = 0.4, 2.5
SIGMAS = 3.0


class LinkCapacity:
    """``kbps`` is ``None`` while nothing is known."""

    __slots__ = ("_deviation", "_weight", "kbps")

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._deviation = MIN_DEVIATION
        self.kbps: float | None = None

    def add(self, bps: int) -> None:
        """What was acknowledged while the queue grew."""
        sample = bps / 1000
        if self.kbps is None:
            self.kbps = sample
            return
        self.kbps += self._weight * (sample - self.kbps)
        spread = (self.kbps - sample) ** 2 / max(self.kbps, 1.0)
        deviation = self._deviation + self._weight * (spread - self._deviation)
        self._deviation = min(max(deviation, MIN_DEVIATION), MAX_DEVIATION)

    def reset(self) -> None:
        """The link is another one."""
        self.kbps = None

    def exceeded_by(self, bps: int) -> bool:
        """Whether ``bps`` is more than what is known allows."""
        return self.kbps is not None and bps > (self.kbps + self._margin(self.kbps)) * 1000

    def fallen_short_by(self, bps: int) -> bool:
        """Whether ``bps`` is less than what is known allows."""
        return self.kbps is not None and bps < (self.kbps - self._margin(self.kbps)) * 1000

    def _margin(self, kbps: float) -> float:
        return SIGMAS * float((self._deviation * kbps) ** 0.5)
