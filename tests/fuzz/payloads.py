"""Payload descriptors: VP8 with its rewriting, VP9, H.264, AV1, Opus, and the dependency descriptor.

The first byte of an input chooses the codec. For the dependency descriptor the second one is the length of a
first value, whose structure the rest is read against.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.payloads.dependency_descriptor import (
    MAX_TEMPLATES,
    describe,
    parse_dependency_descriptor,
    serialize_dependency_descriptor,
    switch_layers,
)
from rtpfwd.wire.payloads.opus import is_dtx
from rtpfwd.wire.payloads.registry import descriptor_parser
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor, parse_vp8, rewrite_vp8

CODECS = ("video/VP8", "video/VP9", "video/H264", "video/AV1")
DEPENDENCY_DESCRIPTOR, OPUS = 4, 5


def run(data: bytes) -> Hashable:
    if not data:
        return None
    choice, payload = data[0] % 6, data[1:]
    if choice == DEPENDENCY_DESCRIPTOR:
        return _dependency_descriptor(payload)
    if choice == OPUS:
        return choice, is_dtx(payload)
    parse = descriptor_parser(CODECS[choice])
    assert parse is not None
    described = parse(payload)
    assert described == parse(b"before" + payload, 6) == parse(payload + b"behind", 0, len(payload))
    assert described == parse(memoryview(payload)) == parse(bytearray(payload))
    assert 0 <= described.spatial_layer <= 7 and 0 <= described.temporal_layer <= 7
    assert (described.picture_id is None) == (described.picture_id_bits == 0)
    assert described.picture_id is None or described.picture_id >> described.picture_id_bits == 0
    if isinstance(described, Vp8Descriptor):
        _check_vp8(described, payload)
    return choice, str(described)[:160]


def _check_vp8(described: Vp8Descriptor, payload: bytes) -> None:
    packet = bytearray(b"head" + payload)
    rewrite_vp8(packet, 4, described, 0x5ABC, 0x1DE)
    again = parse_vp8(packet, 4)
    assert len(packet) == 4 + len(payload) and packet[:4] == b"head"
    assert again.picture_id_bits == described.picture_id_bits
    if described.picture_id is not None:
        assert again.picture_id == 0x5ABC & (1 << described.picture_id_bits) - 1
    if described.tl0_picture_index is not None:
        assert again.tl0_picture_index == 0xDE
    rewrite_vp8(packet, 4, again, described.picture_id or 0, described.tl0_picture_index or 0)
    assert packet[4:] == payload, "more than the two counters was written"


def _dependency_descriptor(data: bytes) -> Hashable:
    if not data:
        return None
    values = data[1 : 1 + data[0]], data[1 + data[0] :][:255]
    structure = None
    told: list[Hashable] = []
    for value in values:
        try:
            descriptor, following = parse_dependency_descriptor(value, structure)
        except MalformedPacket as error:
            told.append("".join(letter for letter in str(error) if not letter.isdigit()))
            continue
        assert len(following.templates) <= MAX_TEMPLATES
        described = describe(descriptor, following)
        assert set(switch_layers(descriptor, following)) <= set(following.target_layers)
        written = serialize_dependency_descriptor(descriptor, following)
        again, _ = parse_dependency_descriptor(written, structure)
        assert again == descriptor
        structure = following
        told.append((described.is_keyframe, described.spatial_layer, described.temporal_layer))
    return tuple(told)


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("payloads", run)
