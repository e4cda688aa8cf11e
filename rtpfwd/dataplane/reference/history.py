"""The last packets of a receive stream: answers retransmission requests and tells duplicates.

One ring for each receive stream, shared by all its consumers. mediasoup keeps a store for each consumer;
sharing makes memory independent of the audience (the numbering of a send stream maps its numbers back, see
numbering.py).
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.dataplane.reference.packet import Packet


class History:
    """A ring of ``capacity`` packets (a power of two) by extended sequence number, none older than
    ``keep_us``.
    """

    __slots__ = ("_floor", "_highest", "_keep_us", "_mask", "_ring")

    def __init__(self, capacity: int, keep_us: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError(f"history capacity {capacity} is not a power of two")
        self._ring: list[Packet | None] = [None] * capacity
        self._mask = capacity - 1
        self._keep_us = keep_us
        self._floor = 0
        self._highest: int | None = None

    def restart(self, sequence: int) -> None:
        """Forget everything; numbering begins at ``sequence``, a few late ones before it still accepted."""
        for slot in range(len(self._ring)):
            self._ring[slot] = None
        self._highest = None
        self._floor = sequence - min(64, len(self._ring) // 2)

    def too_old(self, sequence: int) -> bool:
        """Whether the number lies before everything that is remembered."""
        return sequence < self._floor

    def has(self, sequence: int) -> bool:
        """Whether this packet arrived already."""
        packet = self._ring[sequence & self._mask]
        return packet is not None and packet.sequence == sequence

    def get(self, sequence: int) -> Packet | None:
        """The packet, while it is kept."""
        packet = self._ring[sequence & self._mask]
        return packet if packet is not None and packet.sequence == sequence else None

    def add(self, packet: Packet, now: Instant) -> None:
        """Keep a packet, and let go of those that are too old or in its place."""
        sequence = packet.sequence
        highest = self._highest
        if highest is None or sequence > highest:
            self._highest = sequence
            lowest = sequence - self._mask
            if self._floor < lowest:
                self._release(lowest)
        self._ring[sequence & self._mask] = packet
        self._expire(now - self._keep_us)

    def _expire(self, before: int) -> None:
        # At most a few steps for each packet: the floor follows time as packets come.
        ring, mask, highest = self._ring, self._mask, self._highest
        floor = self._floor
        assert highest is not None
        for _ in range(8):
            if floor >= highest:
                break
            packet = ring[floor & mask]
            if packet is not None and packet.sequence == floor:
                if packet.arrival >= before:
                    break
                ring[floor & mask] = None
            elif not self._gap_is_old(floor, before):
                break
            floor += 1
        self._floor = floor

    def _gap_is_old(self, floor: int, before: int) -> bool:
        # A hole is as old as the next packet after it; until that one is too old, a repair may still come.
        for ahead in range(1, 9):
            packet = self._ring[floor + ahead & self._mask]
            if packet is not None and packet.sequence == floor + ahead:
                return packet.arrival < before
        return False

    def _release(self, lowest: int) -> None:
        ring, mask = self._ring, self._mask
        if lowest - self._floor > mask:
            for slot in range(len(ring)):
                ring[slot] = None
        else:
            for sequence in range(self._floor, lowest):
                ring[sequence & mask] = None
        self._floor = lowest
