"""Which packets of a receive stream are missing, and when to ask for them (again).

Source: RFC 4585 §6.2.1 for what a NACK says; the timings, limits and trimming are mediasoup's
``NackGenerator``: first after 10 ms (reordering mostly heals by then), again after a round trip, ten times,
at most a thousand numbers; on overflow forget what lies before a key frame, else everything and ask for one.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import NacksDue, PlaneLimits

FIRST_DELAY_US = 10_000  # mediasoup's Producer.cpp
KEY_FRAMES_REMEMBERED = 32


class _Missing:
    __slots__ = ("asked", "next_at")

    def __init__(self, next_at: int) -> None:
        self.asked = 0
        self.next_at = next_at


class NackList:
    """The holes of one stream, by extended sequence number in ascending order."""

    __slots__ = ("_highest", "_key_frames", "_limits", "_missing", "_news")

    def __init__(self, limits: PlaneLimits) -> None:
        self._limits = limits
        self._missing: dict[int, _Missing] = {}
        self._key_frames: deque[int] = deque(maxlen=KEY_FRAMES_REMEMBERED)
        self._highest: int | None = None
        self._news = False

    def __len__(self) -> int:
        return len(self._missing)

    def restart(self) -> None:
        """The numbering began anew: nothing before is missing."""
        self._missing.clear()
        self._key_frames.clear()
        self._highest = None

    def received(self, sequence: int, key_frame: bool, now: Instant) -> bool:
        """Note an arrival of any kind; returns ``False`` when too much is missing for repair."""
        if key_frame:
            self._key_frames.append(sequence)
        highest = self._highest
        if highest is None:
            self._highest = sequence
            return True
        if sequence <= highest:
            self._missing.pop(sequence, None)
            return True
        self._highest = sequence
        if sequence == highest + 1:
            return True
        return self._add(highest + 1, sequence, now)

    def take_news(self) -> bool:
        """Whether numbers went missing since the last call, so that the next ``due`` must be planned."""
        news, self._news = self._news, False
        return news

    def is_missing(self, sequence: int) -> bool:
        """Whether this number is still being asked for."""
        return sequence in self._missing

    def due(self, rtt_us: int, now: Instant) -> NacksDue:
        """The numbers to ask for now. Each counts as asked; after the last try it is given up."""
        asking: list[int] = []
        given_up: list[int] = []
        next_due: int | None = None
        for sequence, missing in self._missing.items():
            if missing.next_at <= now:
                asking.append(sequence & 0xFFFF)
                missing.asked += 1
                missing.next_at = now + rtt_us
                if missing.asked >= self._limits.nack_retries:
                    given_up.append(sequence)
                    continue
            if next_due is None or missing.next_at < next_due:
                next_due = missing.next_at
        for sequence in given_up:
            del self._missing[sequence]
        return NacksDue(tuple(asking), None if next_due is None else Instant(next_due))

    def _add(self, first: int, end: int, now: Instant) -> bool:
        self._forget_before(end - self._limits.nack_max_age)
        if len(self._missing) + end - first > self._limits.nack_list and not self._trim_to_key_frame(
            first, end
        ):
            self._missing.clear()
            return False
        self._news = True
        at = now + FIRST_DELAY_US
        for sequence in range(first, end):
            self._missing[sequence] = _Missing(at)
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
