"""How long to wait for a hole to fill by itself before asking: learnt from what became of earlier holes.

On most links packets keep their order, a hole is a loss, and the 10 ms that mediasoup waits only cost time.
On links that reorder, asking so early repeats packets that are on their way. So the last holes are
remembered: those that filled by themselves, and after how long; and those that did not. The wait is the
shortest one with which at most one of twenty askings would have been needless. libwebrtc's receiver has the
same thought and counts in packets; time serves uneven streams better.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from rtpfwd.clock import Instant

MIN_DELAY_US = 10_000  # mediasoup's Producer.cpp
MAX_DELAY_US = 120_000
"""Who is later than that is asked for in any case: a repair that late would often be useless."""
HOLES_REMEMBERED = 256
REPAIRED_REMEMBERED = 128
LOST_FOR_EACH_NEEDLESS = 19  # one of twenty


class _Hole:
    __slots__ = ("lateness_us",)

    def __init__(self, lateness_us: int | None) -> None:
        self.lateness_us = lateness_us  # None: it did not fill by itself


class NackDelay:
    """What became of the last holes of one stream. ``delay_us`` is what to wait for the next one."""

    __slots__ = ("_arrived", "_holes", "_repaired", "delay_us")

    def __init__(self) -> None:
        self.delay_us = MIN_DELAY_US
        self._holes: deque[_Hole] = deque(maxlen=HOLES_REMEMBERED)
        self._repaired: OrderedDict[int, tuple[_Hole, Instant]] = OrderedDict()
        self._arrived: list[int] = []

    def filled(self, lateness_us: int) -> None:
        """A hole filled by itself, so long after it was seen."""
        self._holes.append(_Hole(lateness_us))
        self._learn()

    def repaired(self, sequence: int, seen_at: Instant) -> None:
        """A hole that was seen at that time was filled by a repair, or never."""
        hole = _Hole(None)
        self._holes.append(hole)
        self._repaired[sequence] = hole, seen_at
        if len(self._repaired) > REPAIRED_REMEMBERED:
            self._repaired.popitem(last=False)
        if self.delay_us > MIN_DELAY_US:
            self._learn()

    def original_came(self, sequence: int) -> None:
        """The packet itself came after its repair; when, the next ``tick`` says."""
        if sequence in self._repaired:
            self._arrived.append(sequence)

    def tick(self, now: Instant) -> None:
        """A packet arrived now."""
        if self._arrived:
            for sequence in self._arrived:
                found = self._repaired.pop(sequence, None)
                if found is not None:
                    found[0].lateness_us = now - found[1]
            self._arrived.clear()
            self._learn()

    def forget(self) -> None:
        """The numbering began anew; what the link is like is still known."""
        self._repaired.clear()
        self._arrived.clear()

    def _learn(self) -> None:
        late = sorted(
            hole.lateness_us
            for hole in self._holes
            if hole.lateness_us is not None and hole.lateness_us <= MAX_DELAY_US
        )
        needless = (len(self._holes) - len(late)) // LOST_FOR_EACH_NEEDLESS
        if needless >= len(late):
            self.delay_us = MIN_DELAY_US
        else:
            # An eighth more, because the next one may be a little later than the last.
            wanted = late[-1 - needless] * 9 // 8
            self.delay_us = min(max(wanted, MIN_DELAY_US), MAX_DELAY_US)
