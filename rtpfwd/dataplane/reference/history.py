"""The last packets of a receive stream: answers retransmission requests and tells duplicates.

One ring for each receive stream, shared by all its consumers. mediasoup keeps a store for each consumer;
sharing makes memory independent of the audience (the numbering of a send stream maps its numbers back, see
numbering.py).
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import Instant
from rtpfwd.dataplane.reference.packet import Packet

LATE_AT_START = 64  # packets before the first one that are still welcome


class History:
    """A ring of ``capacity`` packets (a power of two) by extended sequence number.

    Whatever is older than ``keep_us`` when a packet is added goes, and with it all numbers below its own.
    """

    __slots__ = ("_arrivals", "_floor", "_highest", "_keep_us", "_mask", "_ring")

    def __init__(self, capacity: int, keep_us: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError(f"history capacity {capacity} is not a power of two")
        self._ring: list[Packet | None] = [None] * capacity
        self._arrivals: deque[Packet] = deque(maxlen=capacity)
        self._mask = capacity - 1
        self._keep_us = keep_us
        self._floor = 0
        self._highest: int | None = None

    def restart(self, sequence: int) -> None:
        """Forget everything; numbering begins at ``sequence``, a few late ones before it still accepted."""
        self._ring[:] = [None] * len(self._ring)
        self._arrivals.clear()
        self._highest = None
        self._floor = sequence - min(LATE_AT_START, len(self._ring) // 2)

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
        arrivals = self._arrivals
        arrivals.append(packet)
        before = now - self._keep_us
        while arrivals and arrivals[0].arrival < before:
            self._expire(arrivals.popleft())

    def _expire(self, packet: Packet) -> None:
        slot = packet.sequence & self._mask
        if self._ring[slot] is packet:
            self._ring[slot] = None
        # A hole before it is as old: no repair will come for it.
        if packet.sequence >= self._floor:
            self._floor = packet.sequence + 1

    def _release(self, lowest: int) -> None:
        ring, mask = self._ring, self._mask
        if lowest - self._floor > mask:
            ring[:] = [None] * len(ring)
        else:
            for sequence in range(self._floor, lowest):
                ring[sequence & mask] = None
        self._floor = lowest
