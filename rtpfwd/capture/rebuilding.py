"""What a publisher sent, put together again from what arrived: losses filled in from their repairs.

A packet that came only as a repair (RFC 4588) goes back to its place, and is marked as lost on its first way;
padding and packets of other payload types go, and the numbering is closed behind them. What never came stays
a hole. Packets of one timestamp are a picture; which pictures are key frames and which belong to the lowest
temporal layer is read from the payload, or from the dependency descriptor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR, parse_elements
from rtpfwd.wire.payloads.dependency_descriptor import DependencyStructure, parse_dependency_descriptor
from rtpfwd.wire.payloads.registry import descriptor_parser
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import OSN_SIZE, unwrap_payload
from rtpfwd.wire.serial import distance, unwrap_16

RawPacket = tuple[int, bytes]
"""Microseconds since the first packet of all, and a plain RTP packet."""


@dataclass(slots=True)
class SentPacket:
    """A packet as it was sent. ``number`` is its extended sequence number without holes from padding."""

    at_us: int
    number: int
    timestamp: int
    marker: bool
    payload_type: int
    elements: dict[int, bytes]
    payload: bytes
    lost: bool = False
    """It did not arrive when it was first sent, only as a repair."""


@dataclass(slots=True)
class Picture:
    """The packets of one timestamp. Counters are those of its first packet; None where there are none."""

    packets: list[SentPacket]
    span: int = 1
    """From its first number to the next picture's."""
    key: bool = False
    whole: bool = False
    base: bool = True
    """Of the lowest temporal layer."""
    picture_id: int | None = None
    base_index: int | None = None
    frame_number: int | None = None

    @property
    def first(self) -> int:
        """Its first number."""
        return self.packets[0].number


@dataclass(slots=True)
class RebuiltStream:
    """One stream; ``packets`` and ``pictures`` are in the order of sending."""

    packets: list[SentPacket] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    repaired: int = 0
    """Packets that came only as a repair."""
    never_came: int = 0
    spatial_layers: int = 1
    temporal_layers: int = 1
    key_only: bool = False
    """Spatial layers depend on one another in key frames only."""
    picture_id_bits: int = 0

    @property
    def mean_picture_bytes(self) -> float:
        """Payload bytes of a picture."""
        size = sum(len(one.payload) for one in self.packets)
        return size / len(self.pictures) if self.pictures else 0.0


def rebuild(
    media: Sequence[RawPacket],
    repairs: Sequence[RawPacket],
    payload_types: frozenset[int],
    *,
    mime_type: str,
    clock_rate: int,
    extension_ids: Mapping[str, int],
) -> RebuiltStream:
    """The stream behind these packets. Broken packets are left out. ``clock_rate`` in hertz."""
    placed, not_media = _place(media, repairs, payload_types)
    if not placed:
        return RebuiltStream()
    _set_times(placed)
    numbers = sorted(placed)
    stream = RebuiltStream(repaired=sum(one.lost for one in placed.values()))
    closed = 0
    before: int | None = None
    for number in numbers:
        if before is not None:
            gap = number - before - 1
            padding = sum(one in not_media for one in range(before + 1, number)) if gap < 1000 else gap
            closed += padding
            stream.never_came += gap - padding
        before = number
        stream.packets.append(replace(placed[number], number=number - closed))
    _group(stream, mime_type, extension_ids.get(DEPENDENCY_DESCRIPTOR))
    return stream


def _place(
    media: Sequence[RawPacket], repairs: Sequence[RawPacket], payload_types: frozenset[int]
) -> tuple[dict[int, SentPacket], set[int]]:
    """Packets by extended number, and the numbers of what is no media."""
    placed: dict[int, SentPacket] = {}
    not_media: set[int] = set()
    last = 1 << 16
    order: list[tuple[int, bool, RtpPacket]] = []
    for is_repair, packets in ((False, media), (True, repairs)):
        for at, data in packets:
            try:
                order.append((at, is_repair, RtpPacket.parse(data)))
            except MalformedPacket:
                continue
    order.sort(key=lambda one: one[0])
    waiting: list[tuple[int, int, RtpPacket, bytes]] = []
    for at, is_repair, packet in order:
        if is_repair:
            if len(packet.payload) > OSN_SIZE:
                number, payload = unwrap_payload(packet.payload)
                waiting.append((at, unwrap_16(last, number), packet, payload))
            continue
        last = number = unwrap_16(last, packet.sequence_number)
        if not packet.payload or packet.payload_type not in payload_types:
            not_media.add(number)
        elif number not in placed:
            placed[number] = _sent(at, number, packet, packet.payload, packet.payload_type)
    if not placed:
        return placed, not_media
    main = next(iter(placed.values())).payload_type
    lowest, highest = min(placed), max(placed)
    for at, number, packet, payload in waiting:
        if number not in placed and number not in not_media and lowest <= number <= highest:
            placed[number] = _sent(at, number, packet, payload, main)
            placed[number].lost = True
    return placed, not_media


def _sent(at: int, number: int, packet: RtpPacket, payload: bytes, payload_type: int) -> SentPacket:
    elements = parse_elements(packet.extension_profile, packet.extension)
    return SentPacket(at, number, packet.timestamp, packet.marker, payload_type, elements, payload)


def _set_times(placed: dict[int, SentPacket]) -> None:
    """Repaired packets were sent with their picture, else just before the next one that arrived."""
    numbers = sorted(placed)
    following: SentPacket | None = None
    for number in reversed(numbers):
        packet = placed[number]
        if not packet.lost:
            following = packet
        elif following is not None:
            packet.at_us = min(packet.at_us, following.at_us)
    before: SentPacket | None = None
    for number in numbers:
        packet = placed[number]
        if packet.lost and before is not None and before.timestamp == packet.timestamp:
            packet.at_us = min(packet.at_us, before.at_us)
        before = packet


def _group(stream: RebuiltStream, mime_type: str, descriptor_id: int | None) -> None:
    pictures = stream.pictures
    for packet in stream.packets:
        if pictures and pictures[-1].packets[-1].timestamp == packet.timestamp:
            pictures[-1].packets.append(packet)
        else:
            pictures.append(Picture([packet]))
    for one, following in pairwise(pictures):
        one.span = following.first - one.first
    if pictures:
        pictures[-1].span = pictures[-1].packets[-1].number - pictures[-1].first + 1
    if mime_type.lower() == "video/av1" and descriptor_id is not None:
        _describe_by_extension(stream, descriptor_id)
    else:
        _describe_by_payload(stream, mime_type)
    for one in pictures:
        one.whole = one.span == len(one.packets) and one.packets[-1].marker
    # A recording that begins within a group of pictures: what nobody could decode is left out.
    begin = next((index for index, one in enumerate(pictures) if one.base), 0)
    stream.pictures = pictures[begin:]
    stream.packets = [packet for one in stream.pictures for packet in one.packets]


def _describe_by_payload(stream: RebuiltStream, mime_type: str) -> None:
    parse = descriptor_parser(mime_type)
    if parse is None:
        return
    spatial = temporal = 0
    between = False
    for picture in stream.pictures:
        described = [parse(one.payload) for one in picture.packets]
        picture.key = any(one.is_keyframe for one in described)
        picture.base = all(one.temporal_layer == 0 for one in described)
        picture.picture_id = described[0].picture_id
        picture.base_index = described[0].tl0_picture_index
        stream.picture_id_bits = described[0].picture_id_bits or stream.picture_id_bits
        spatial = max(spatial, *(one.spatial_layer for one in described))
        temporal = max(temporal, *(one.temporal_layer for one in described))
        between |= not picture.key and any(
            isinstance(one, Vp9Descriptor) and one.begins_picture and one.inter_layer_predicted
            for one in described
        )
    stream.spatial_layers, stream.temporal_layers = spatial + 1, temporal + 1
    stream.key_only = spatial > 0 and not between


def _describe_by_extension(stream: RebuiltStream, descriptor_id: int) -> None:
    structure: DependencyStructure | None = None
    spatial = temporal = 0
    for picture in stream.pictures:
        for packet in picture.packets:
            value = packet.elements.get(descriptor_id)
            if value is None:
                continue
            try:
                one, structure = parse_dependency_descriptor(value, structure)
            except MalformedPacket:
                continue
            picture.key |= one.structure is not None
            picture.base &= one.frame.temporal_layer == 0
            spatial = max(spatial, one.frame.spatial_layer)
            temporal = max(temporal, one.frame.temporal_layer)
            if picture.frame_number is None:
                picture.frame_number = one.frame_number
    stream.spatial_layers, stream.temporal_layers = spatial + 1, temporal + 1


def counted(stream: RebuiltStream) -> tuple[int, int, int]:
    """By how much picture id, base index and frame number move on from the stream's first picture to a
    picture after its last.
    """
    first, last = stream.pictures[0], stream.pictures[-1]
    return (
        _moved(first.picture_id, last.picture_id, stream.picture_id_bits or 15),
        _moved(first.base_index, last.base_index, 8),
        _moved(first.frame_number, last.frame_number, 16) + stream.spatial_layers - 1,
    )


def _moved(first: int | None, last: int | None, bits: int) -> int:
    if first is None or last is None:
        return 0
    return (distance(last, first, bits) & (1 << bits) - 1) + 1
