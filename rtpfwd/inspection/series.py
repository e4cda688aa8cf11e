"""Values over the time of a capture, in bounded memory: buckets that grow wider as the capture grows longer.

Also the smallest, mean and largest of a series of numbers, for which nothing needs to be kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from rtpfwd.clock import MICROSECONDS

MAX_BUCKETS = 600


class Keep(Enum):
    """What a bucket keeps of the values that fall into it."""

    SUM = "sum"
    MAX = "max"
    LAST = "last"


class Series:
    """Buckets of one second from ``origin_us``; whenever there are too many, two become one."""

    __slots__ = ("_buckets", "_keep", "_origin_us", "width_us")

    def __init__(self, origin_us: int, keep: Keep) -> None:
        self.width_us = MICROSECONDS
        self._origin_us = origin_us
        self._keep = keep
        self._buckets: dict[int, float] = {}

    def add(self, time_us: int, value: float) -> None:
        """Puts in a value; one from before the origin counts as at the origin."""
        index = max(time_us - self._origin_us, 0) // self.width_us
        while index >= MAX_BUCKETS:
            self._widen()
            index //= 2
        before = self._buckets.get(index)
        self._buckets[index] = value if before is None else _MERGE[self._keep](before, value)

    def points(self) -> list[tuple[int, float]]:
        """(start in microseconds since the origin, value) of all buckets that have one, in order."""
        return [(index * self.width_us, value) for index, value in sorted(self._buckets.items())]

    def _widen(self) -> None:
        self.width_us *= 2
        old, self._buckets = self._buckets, {}
        for index, value in sorted(old.items()):
            before = self._buckets.get(index // 2)
            self._buckets[index // 2] = value if before is None else _MERGE[self._keep](before, value)


class PeakRate:
    """The most that came within one second, seconds counted from the first value."""

    __slots__ = ("_first_us", "_second", "_sum", "peak")

    def __init__(self) -> None:
        self.peak = 0
        self._first_us: int | None = None
        self._second = 0
        self._sum = 0

    def add(self, time_us: int, value: int) -> None:
        """Times should not go back by more than a second; what is late counts in the current second."""
        if self._first_us is None:
            self._first_us = time_us
        second = (time_us - self._first_us) // MICROSECONDS
        if second > self._second:
            self._second, self._sum = second, 0
        self._sum += value
        self.peak = max(self.peak, self._sum)


@dataclass(slots=True)
class Spread:
    """Smallest, mean and largest of what was added; all 0 before."""

    count: int = 0
    smallest: float = 0.0
    largest: float = 0.0
    total: float = 0.0

    def add(self, value: float) -> None:
        """Takes one more value in."""
        self.smallest = min(self.smallest, value) if self.count else value
        self.largest = max(self.largest, value) if self.count else value
        self.total += value
        self.count += 1

    @property
    def mean(self) -> float:
        """The mean."""
        return self.total / self.count if self.count else 0.0


_MERGE: dict[Keep, Callable[[float, float], float]] = {
    Keep.SUM: lambda before, value: before + value,
    Keep.MAX: max,
    Keep.LAST: lambda before, value: value,
}
