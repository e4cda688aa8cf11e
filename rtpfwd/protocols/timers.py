"""Named deadlines, and one "when next?".

A machine that waits for many things keeps them here under hashable keys and gives its driver the earliest.
Time is whatever ``now`` the caller passes; nothing here reads a clock.

The heap is cleaned lazily: a moved or cancelled deadline leaves a stale entry behind, which is skipped when
it surfaces, and the heap is rebuilt when stale entries outnumber live ones, so that a timer re-armed per
packet costs bounded memory.
"""

import heapq
from typing import Generic, TypeVar

from rtpfwd.clock import Instant

Key = TypeVar("Key")  # hashable


class Timers(Generic[Key]):
    """A table of deadlines by key. Equal deadlines come due in the order in which they were set."""

    __slots__ = ("_deadlines", "_heap", "_serial")

    def __init__(self) -> None:
        self._deadlines: dict[Key, tuple[Instant, int]] = {}
        self._heap: list[tuple[Instant, int, Key]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._deadlines)

    def __contains__(self, key: Key) -> bool:
        return key in self._deadlines

    def set(self, key: Key, deadline: Instant) -> None:
        """Arm ``key`` for ``deadline`` (microseconds), in place of any deadline it had."""
        self._serial += 1  # unique, so the heap never compares keys
        self._deadlines[key] = (deadline, self._serial)
        heapq.heappush(self._heap, (deadline, self._serial, key))
        if len(self._heap) > 2 * len(self._deadlines) + 16:
            self._heap = [(at, serial, name) for name, (at, serial) in self._deadlines.items()]
            heapq.heapify(self._heap)

    def cancel(self, key: Key) -> None:
        """Disarm ``key``; nothing happens when it is not armed."""
        self._deadlines.pop(key, None)

    def next_timeout(self) -> Instant | None:
        """The earliest deadline, ``None`` when nothing is armed."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: Instant) -> list[Key]:
        """Disarm and return every key whose deadline is at or before ``now``, earliest first."""
        due: list[Key] = []
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            key = heapq.heappop(self._heap)[2]
            del self._deadlines[key]
            due.append(key)
            self._drop_stale()
        return due

    def _drop_stale(self) -> None:
        heap = self._heap
        while heap:
            deadline, serial, key = heap[0]
            if self._deadlines.get(key) == (deadline, serial):
                return
            heapq.heappop(heap)
