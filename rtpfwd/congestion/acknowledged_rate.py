"""How much arrives: the rate of acknowledged packets over the last half second.

Source: the idea of libwebrtc's robust throughput estimator. The window is kept as one sum for each feedback,
not for each packet. Both clocks are asked and the slower answer counts, so that neither a burst at the sender
nor a clump at the receiver passes for capacity; the longest silence at the receiver is taken out, so that a
pause or a stalled radio does not pass for a slow link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS
from rtpfwd.congestion.departure_log import Received
from rtpfwd.congestion.settings import RateSettings

MAX_BACKWARDS_US = 1_000_000  # arrival times that jump back further are another clock's (libwebrtc)
MIN_SPAN_US = 1000
MAX_CHUNKS = 64  # a receiver whose clock stands still would keep them all


@dataclass(slots=True)
class _Chunk:
    """What one feedback acknowledged."""

    packets: int
    size: int
    first_sent_at: int
    last_sent_at: int
    first_arrived_at: int
    last_arrived_at: int
    first_size: int
    last_size: int
    silence_before: int
    gap: int
    """The longest silence between two arrivals within."""


class AcknowledgedRate:
    """``bps`` is ``None`` until enough has arrived."""

    __slots__ = ("_chunks", "_min_packets", "_window_us", "bps")

    def __init__(self, settings: RateSettings) -> None:
        self._window_us = settings.acknowledged_window_us
        self._min_packets = settings.acknowledged_packets
        self._chunks: deque[_Chunk] = deque(maxlen=MAX_CHUNKS)
        self.bps: int | None = None

    def reset(self) -> None:
        """What was there says nothing any more (an outage)."""
        self._chunks.clear()
        self.bps = None

    def add(self, received: Sequence[Received]) -> int | None:
        """Note packets in order of arrival; returns the rate in bits per second."""
        if not received:
            return self.bps
        chunks = self._chunks
        previous = chunks[-1] if chunks else None
        if previous is not None and received[0][1] < previous.last_arrived_at - MAX_BACKWARDS_US:
            chunks.clear()
            previous = None
        chunk = _chunk(received, previous.last_arrived_at if previous is not None else received[0][1])
        chunks.append(chunk)
        oldest = chunk.last_arrived_at - self._window_us
        packets = sum(chunk.packets for chunk in chunks)
        # At low rates the window stretches until it holds enough packets.
        while (
            len(chunks) > 1
            and chunks[0].last_arrived_at < oldest
            and packets - chunks[0].packets >= 2 * self._min_packets
        ):
            packets -= chunks.popleft().packets
        self.bps = self._rate(packets)
        return self.bps

    def _rate(self, packets: int) -> int | None:
        chunks = self._chunks
        if packets < self._min_packets:
            return None
        size = 0
        sent_from = sent_to = chunks[0].first_sent_at
        arrived_from = arrived_to = chunks[0].first_arrived_at
        longest = second = 0
        for position, chunk in enumerate(chunks):
            size += chunk.size
            sent_from = min(sent_from, chunk.first_sent_at)
            sent_to = max(sent_to, chunk.last_sent_at)
            arrived_to = max(arrived_to, chunk.last_arrived_at)
            gap = max(chunk.gap, chunk.silence_before) if position else chunk.gap
            if gap > longest:
                longest, second = gap, longest
            elif gap > second:
                second = gap
        arrived_us = arrived_to - arrived_from - longest + second
        sent_us = sent_to - sent_from
        # A span between n packets holds n - 1 of them: the receiver's without the first, the sender's
        # without the last.
        by_receiver = (size - chunks[0].first_size) * 8 * MICROSECONDS // max(arrived_us, MIN_SPAN_US)
        by_sender = (size - chunks[-1].last_size) * 8 * MICROSECONDS // max(sent_us, MIN_SPAN_US)
        return min(by_receiver, by_sender)


def _chunk(received: Sequence[Received], before: int) -> _Chunk:
    size = 0
    gap = 0
    first, last = received[0], received[-1]
    arrived = first[1]
    for _, arrived_at, bytes_, _ in received:
        size += bytes_
        if arrived_at - arrived > gap:
            gap = arrived_at - arrived
        arrived = arrived_at
    return _Chunk(
        packets=len(received),
        size=size,
        first_sent_at=min(first[0], last[0]),
        last_sent_at=max(first[0], last[0]),
        first_arrived_at=first[1],
        last_arrived_at=arrived,
        first_size=first[2],
        last_size=last[2],
        silence_before=first[1] - before,
        gap=gap,
    )
