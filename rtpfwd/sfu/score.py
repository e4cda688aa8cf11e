"""A stream's score, 0 (nothing arrives) to 10 (nothing is lost).

Source: mediasoup's ``RtpStreamRecv::UpdateScore``: for each report interval the delivered share to the fourth
power, repaired packets forgiven the less the more there are of them; then a weighted mean of the last 24, the
newest weighing most.
"""

from __future__ import annotations

from collections import deque

SAMPLES = 24


class Score:
    """Feed ``sample`` once an interval; ``value`` is the score."""

    __slots__ = ("_samples", "value")

    def __init__(self) -> None:
        self._samples: deque[int] = deque(maxlen=SAMPLES)
        self.value = 0

    def sample(self, expected: int, lost: int, repaired: int) -> int:
        """Packets of one interval: expected, lost on the way, and repaired among the lost. Returns the
        score.
        """
        if expected <= 0:
            return self.value
        lost = min(max(lost, 0), expected)
        repaired = min(repaired, lost)
        # A repair counts for less when the link needs many of them.
        received = expected - lost
        weight = (1 / (repaired / received + 1)) ** 4 if received else 0.0
        delivered = (received + repaired * weight) / expected
        self._samples.append(round(10 * delivered**4))
        weights = range(1, len(self._samples) + 1)
        total = sum(weight * sample for weight, sample in zip(weights, self._samples, strict=True))
        self.value = round(total / sum(weights))
        return self.value

    def reset(self, value: int) -> None:
        """The stream stopped (0) or started (10)."""
        self._samples.clear()
        self.value = value
