"""What a decoder could show of a VP8 stream, and when: whole pictures, in order, from a key frame on.

A picture is whole when every packet from its first (RFC 7741 §4.2: S set, partition 0) to the one with the
marker is there. After a hole that is never filled, the next whole key frame goes on. Left out: a playout
delay; a picture is shown the moment that it can be.
"""

from __future__ import annotations

from itertools import pairwise

from rtpfwd.clock import Instant
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor

PACKETS_KEPT = 4096
"""Packets that wait for an earlier one; half of them are given up beyond that."""


class PictureLog:
    """Fed with extended sequence numbers in order of arrival, each once."""

    __slots__ = ("_key_starts", "_next", "_waiting", "key_pictures", "shown_at")

    def __init__(self) -> None:
        self.shown_at: list[Instant] = []
        self.key_pictures = 0
        self._next: int | None = None
        self._waiting: dict[int, bool] = {}  # sequence number -> whether it ends a picture
        self._key_starts: list[int] = []

    @property
    def longest_freeze_us(self) -> int:
        """The longest time between two pictures."""
        shown = self.shown_at
        return max((later - earlier for earlier, later in pairwise(shown)), default=0)

    def add(self, sequence: int, descriptor: Vp8Descriptor, marker: bool, now: Instant) -> None:
        """A packet arrived."""
        if self._next is not None and sequence < self._next:
            return
        self._waiting[sequence] = marker
        if descriptor.is_keyframe:
            self._key_starts.append(sequence)
        while self._next is not None and (end := self._end_of(self._next)) is not None:
            self._show(end, now)
        for start in sorted(self._key_starts):
            # A picture that others hold up is overtaken by a later key frame.
            end = self._end_of(start)
            if end is not None and (self._next is None or start >= self._next):
                self.key_pictures += 1
                self._show(end, now)
                while (end := self._end_of(end + 1)) is not None:
                    self._show(end, now)
        if len(self._waiting) > PACKETS_KEPT:
            self._forget_before(sequence - PACKETS_KEPT // 2)

    def _end_of(self, start: int) -> int | None:
        """The last packet of the whole picture that starts here."""
        sequence = start
        while (marker := self._waiting.get(sequence)) is not None:
            if marker:
                return sequence
            sequence += 1
        return None

    def _show(self, end: int, now: Instant) -> None:
        self._next = end + 1
        self.shown_at.append(now)
        self._forget_before(end + 1)

    def _forget_before(self, sequence: int) -> None:
        if self._key_starts:
            self._key_starts = [start for start in self._key_starts if start >= sequence]
        if len(self._waiting) < 64:
            self._waiting = {one: end for one, end in self._waiting.items() if one >= sequence}
        else:
            for one in [one for one in self._waiting if one < sequence]:
                del self._waiting[one]
