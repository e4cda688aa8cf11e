"""What arrived of one stream and what did not: loss, duplicates, reordering, restarts, jitter.

Source: RFC 3550 §6.4.1 (loss as expected minus received), appendix A.1 (``MAX_DROPOUT``, and a restart when
two packets in a row agree on a new number), appendix A.8 (jitter, here in floating point).
One deliberate difference: a duplicate does not make up for a packet that never came, so ``lost`` counts
distinct sequence numbers.
"""

from collections import Counter
from enum import Enum, auto

from rtpfwd.inspection.series import Spread
from rtpfwd.wire.serial import distance_16, distance_32

MAX_DROPOUT = 3000
WINDOW = 4096
RUN_CLASSES = ((1, "1"), (2, "2"), (5, "3-5"), (10, "6-10"), (100, "11-100"))
LONGER_RUN = "over 100"


class Arrival(Enum):
    """What one packet was."""

    NEW = auto()
    LATE = auto()
    DUPLICATE = auto()
    STRAY = auto()


class Reception:
    """Feed it every packet of a stream in the order of capture; ``finish`` before reading losses."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.reordered = 0
        self.restarts = 0
        self.strays = 0
        self.longest_run = 0
        self.runs: Counter[str] = Counter()
        self.lost_times: list[int] = []  # of what is given up for lost since the list was last emptied
        self._lost = 0
        self._base = 0
        self._highest = -1
        self._missing: dict[int, int] = {}  # extended number to when the gap showed, ascending
        self._last_lost = -2
        self._run = 0
        self._next_stray: int | None = None

    @property
    def lost(self) -> int:
        """Packets that did not come, over all restarts."""
        return self._lost + len(self._missing)

    def receive(self, sequence_number: int, time_us: int) -> Arrival:
        """Counts one packet."""
        if self._highest < 0:
            self._begin(sequence_number)
            return Arrival.NEW
        extended = self._highest + distance_16(sequence_number, self._highest & 0xFFFF)
        step = extended - self._highest
        if not -MAX_DROPOUT <= step <= MAX_DROPOUT:
            return self._jump(sequence_number)
        self._next_stray = None
        if step > 0:
            for absent in range(self._highest + 1, extended):
                self._missing[absent] = time_us
            self._highest = extended
            if self._missing:
                self._give_up(extended - WINDOW)
            return Arrival.NEW
        if self._missing.pop(extended, None) is not None:
            self.reordered += 1
            return Arrival.LATE
        if extended < self._base:  # the capture began in the middle of a reordering
            earlier = dict.fromkeys(range(extended + 1, self._base), time_us)
            self._missing = earlier | self._missing
            self._base = extended
            self.reordered += 1
            return Arrival.LATE
        self.duplicates += 1
        return Arrival.DUPLICATE

    def finish(self) -> None:
        """No packet comes any more: what is missing is lost."""
        self._give_up(self._highest + 1)
        self._end_run()

    def _begin(self, sequence_number: int) -> None:
        self._base = self._highest = sequence_number + 0x10000  # room for what comes before it

    def _jump(self, sequence_number: int) -> Arrival:
        if sequence_number == self._next_stray:
            self.restarts += 1
            self.strays -= 1  # the one before was the first of the new numbering
            self.finish()
            self._last_lost, self._next_stray = -2, None
            self._begin(sequence_number)
            self._base -= 1
            return Arrival.NEW
        self.strays += 1
        self._next_stray = sequence_number + 1 & 0xFFFF
        return Arrival.STRAY

    def _give_up(self, before: int) -> None:
        while self._missing:
            number = next(iter(self._missing))
            if number >= before:
                return
            self.lost_times.append(self._missing.pop(number))
            self._lost += 1
            if number != self._last_lost + 1:
                self._end_run()
            self._run += 1
            self._last_lost = number

    def _end_run(self) -> None:
        if self._run:
            self.longest_run = max(self.longest_run, self._run)
            label = next((name for limit, name in RUN_CLASSES if self._run <= limit), LONGER_RUN)
            self.runs[label] += 1
            self._run = 0


class Jitter:
    """Interarrival jitter in milliseconds; ``value_ms`` is the running estimate of RFC 3550."""

    __slots__ = ("_clock_rate", "_time_us", "_timestamp", "spread", "value_ms")

    def __init__(self, clock_rate: int) -> None:
        self.value_ms = 0.0
        self.spread = Spread()
        self._clock_rate = clock_rate
        self._time_us: int | None = None
        self._timestamp = 0

    def receive(self, timestamp: int, time_us: int) -> None:
        """Takes one packet in: its RTP timestamp and when it came."""
        if self._time_us is not None:
            media_ms = distance_32(timestamp, self._timestamp) * 1000 / self._clock_rate
            difference = abs((time_us - self._time_us) / 1000 - media_ms)
            self.value_ms += (difference - self.value_ms) / 16
            self.spread.add(self.value_ms)
        self._time_us, self._timestamp = time_us, timestamp

    def restart(self) -> None:
        """The next packet's timestamp has nothing to do with those before."""
        self._time_us = None
