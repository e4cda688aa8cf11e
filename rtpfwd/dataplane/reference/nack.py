"""Which packets of a receive stream are missing, and when to ask for them (again).

Source: RFC 4585 §6.2.1 for what a NACK says; the timings, limits and trimming are mediasoup's
``NackGenerator``: first after 10 ms (more on a link that reorders, see nack_delay.py), again after a round
trip, ten times, at most a thousand numbers; on overflow forget what lies before a key frame, else everything
and ask for one. Unlike mediasoup, what was lost in an outage is not asked for: it would come when nobody
wants it any more, in one clump.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import NacksDue, PlaneLimits
from rtpfwd.dataplane.reference.nack_delay import MIN_DELAY_US, NackDelay

FIRST_DELAY_US = MIN_DELAY_US
KEY_FRAMES_REMEMBERED = 32
OUTAGE_US = 1_000_000  # silence for so long with
OUTAGE_PACKETS = 64  # more than so many packets lost is an outage, not a slow stream


class _Missing:
    __slots__ = ("asked", "asked_at", "next_at", "seen_at")

    def __init__(self, seen_at: Instant, next_at: int) -> None:
        self.asked = 0
        self.asked_at = seen_at
        self.seen_at = seen_at
        self.next_at = next_at


class NackList:
    """The holes of one stream, by extended sequence number in ascending order."""

    __slots__ = (
        "_delay",
        "_highest",
        "_key_frames",
        "_last_at",
        "_limits",
        "_missing",
        "_news",
        "_rtt_us",
        "_uses_rtx",
    )

    def __init__(self, limits: PlaneLimits) -> None:
        self._limits = limits
        self._missing: dict[int, _Missing] = {}
        self._key_frames: deque[int] = deque(maxlen=KEY_FRAMES_REMEMBERED)
        self._highest: int | None = None
        self._last_at: Instant | None = None
        self._news = False
        self._delay = NackDelay()
        self._rtt_us = 0
        self._uses_rtx = False

    @property
    def first_delay_us(self) -> int:
        """How long a hole seen now waits before it is asked for."""
        return self._delay.delay_us

    def __len__(self) -> int:
        return len(self._missing)

    def restart(self) -> None:
        """The numbering began anew: nothing before is missing."""
        self._missing.clear()
        self._key_frames.clear()
        self._highest = None
        self._delay.forget()

    def received(self, sequence: int, key_frame: bool, now: Instant) -> bool:
        """Note an arrival of any kind; returns ``False`` when too much is missing for repair."""
        if key_frame:
            self._key_frames.append(sequence)
        self._delay.tick(now)
        highest = self._highest
        last_at, self._last_at = self._last_at, now
        if highest is None:
            self._highest = sequence
            return True
        if sequence <= highest:
            self._fill(sequence, now)
            return True
        self._highest = sequence
        if sequence == highest + 1:
            return True
        silent = last_at is not None and now - last_at >= OUTAGE_US
        if silent and sequence - highest > OUTAGE_PACKETS:
            self._missing.clear()
            return False
        return self._add(highest + 1, sequence, now)

    def repaired(self, sequence: int) -> None:
        """An RTX packet brings this one; ``received`` follows."""
        self._uses_rtx = True
        missing = self._missing.pop(sequence, None)
        if missing is not None:
            self._delay.repaired(sequence, missing.seen_at)

    def came_again(self, sequence: int) -> None:
        """A packet that is here already arrived by itself: it was late, not lost."""
        self._delay.original_came(sequence)

    def take_news(self) -> bool:
        """Whether numbers went missing since the last call, so that the next ``due`` must be planned."""
        news, self._news = self._news, False
        return news

    def is_missing(self, sequence: int) -> bool:
        """Whether this number is still being asked for."""
        return sequence in self._missing

    def due(self, rtt_us: int, now: Instant) -> NacksDue:
        """The numbers to ask for now. Each counts as asked; after the last try it is given up."""
        self._rtt_us = rtt_us
        asking: list[int] = []
        given_up: list[int] = []
        next_due: int | None = None
        for sequence, missing in self._missing.items():
            if missing.next_at <= now:
                asking.append(sequence & 0xFFFF)
                missing.asked += 1
                missing.asked_at = now
                missing.next_at = now + rtt_us
                if missing.asked >= self._limits.nack_retries:
                    given_up.append(sequence)
                    continue
            if next_due is None or missing.next_at < next_due:
                next_due = missing.next_at
        for sequence in given_up:
            self._delay.repaired(sequence, self._missing.pop(sequence).seen_at)
        return NacksDue(tuple(asking), None if next_due is None else Instant(next_due))

    def _fill(self, sequence: int, now: Instant) -> None:
        missing = self._missing.pop(sequence, None)
        if missing is None:
            return
        # Without RTX a repair looks like the packet itself: then only the time tells them apart.
        if missing.asked and not self._uses_rtx and now - missing.asked_at >= self._rtt_us * 3 // 4:
            self._delay.repaired(sequence, missing.seen_at)
        else:
            self._delay.filled(now - missing.seen_at)

    def _add(self, first: int, end: int, now: Instant) -> bool:
        self._forget_before(end - self._limits.nack_max_age)
        if len(self._missing) + end - first > self._limits.nack_list and not self._trim_to_key_frame(
            first, end
        ):
            self._missing.clear()
            return False
        self._news = True
        at = now + self._delay.delay_us
        for sequence in range(first, end):
            self._missing[sequence] = _Missing(now, at)
        return True

    def _trim_to_key_frame(self, first: int, end: int) -> bool:
        while self._key_frames:
            self._forget_before(self._key_frames.popleft())
            if len(self._missing) + end - first <= self._limits.nack_list:
                return True
        return False

    def _forget_before(self, sequence: int) -> None:
        for missing in [known for known in self._missing if known < sequence]:
            del self._missing[missing]
