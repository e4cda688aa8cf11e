"""Whether what a viewer got is whole: no hole in the numbers that its decoder follows.

Sequence numbers as RFC 3550 has them; picture ids and TL0PICIDX as RFC 7741 (VP8) and RFC 9628 (VP9) have
them, both of which must go on by one even where an SFU drops layers or changes the source. The order of
sending does not matter, and what was sent again counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtpfwd.drivers.played_capture import SentPacket
from rtpfwd.wire.serial import distance, unwrap, unwrap_16

KEPT = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where something is missing. ``after`` and ``before`` are extended numbers of ``what``;
    ``sequence_number`` is that of the first packet behind the gap.
    """

    what: str
    ssrc: int
    after: int
    before: int
    sequence_number: int

    def __str__(self) -> str:
        return (
            f"SSRC {self.ssrc:#010x}: {self.what} goes from {self.after} to {self.before} "
            f"at sequence number {self.sequence_number}"
        )


def find_gaps(packets: Iterable[SentPacket]) -> list[Gap]:
    """All gaps of every stream among ``packets``; what they hold is decided by their own codec."""
    streams: dict[int, list[SentPacket]] = {}
    for packet in packets:
        streams.setdefault(packet.rtp.ssrc, []).append(packet)
    return [gap for ssrc, found in streams.items() for gap in _of_stream(ssrc, found)]


def assert_no_gaps(packets: Iterable[SentPacket]) -> None:
    """Raises ``AssertionError`` with the first gaps; also where there are no packets to look at."""
    kept = list(packets)
    if not kept:
        raise AssertionError("no packets at all")
    gaps = find_gaps(kept)
    if gaps:
        more = f"\n... and {len(gaps) - KEPT} more" if len(gaps) > KEPT else ""
        raise AssertionError(f"{len(gaps)} gaps:\n" + "\n".join(map(str, gaps[:KEPT])) + more)


def _of_stream(ssrc: int, packets: Sequence[SentPacket]) -> list[Gap]:
    last = 0x10000 + packets[0].rtp.sequence_number
    by_number: dict[int, SentPacket] = {}
    for packet in packets:
        number = unwrap_16(last, packet.rtp.sequence_number)
        last = max(last, number)
        by_number.setdefault(number, packet)
    order = sorted(by_number)
    gaps = [
        Gap("sequence number", ssrc, one, other, other & 0xFFFF)
        for one, other in pairwise(order)
        if other != one + 1
    ]
    return gaps + _of_pictures(ssrc, [by_number[one] for one in order])


def _of_pictures(ssrc: int, packets: Sequence[SentPacket]) -> list[Gap]:
    """Picture ids and TL0PICIDX, in the order of sequence numbers."""
    gaps: list[Gap] = []
    picture = base = None
    for packet in packets:
        descriptor = packet.descriptor
        if descriptor is None or descriptor.picture_id is None:
            continue
        number = descriptor.picture_id
        bits = descriptor.picture_id_bits
        if picture is not None:
            number = unwrap(picture, number, bits)
            if number not in (picture, picture + 1):
                gaps.append(Gap("picture id", ssrc, picture, number, packet.rtp.sequence_number))
        fresh = number != picture
        picture = number
        index = descriptor.tl0_picture_index
        if index is None:
            continue
        if base is not None:
            step = distance(index, base & 0xFF, 8)
            # A picture of the base layer counts on, all others tell which one they build on.
            wanted = 1 if fresh and descriptor.temporal_layer == 0 else 0
            if step != wanted:
                gaps.append(Gap("TL0PICIDX", ssrc, base, base + step, packet.rtp.sequence_number))
            base += step
        else:
            base = index
    return gaps
