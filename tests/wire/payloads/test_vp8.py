import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.vp8 import Vp8Descriptor, parse_vp8, rewrite_vp8

KEY_FRAME = "10 50029d012a"  # P = 0, then the start code
DELTA = "51"


def parse(text: str) -> Vp8Descriptor:
    return parse_vp8(bytes.fromhex(text))


def test_a_first_partition_with_a_zero_bit_is_a_key_frame() -> None:
    described = parse(KEY_FRAME)
    assert described.is_keyframe
    assert described.begins_picture
    assert described.switching_up_point
    assert not parse("10" + DELTA).is_keyframe


@pytest.mark.parametrize("first", ["00", "11", "17"])
def test_a_key_frame_starts_only_with_partition_zero_and_its_s_bit(first: str) -> None:
    described = parse(first + "50029d012a")
    assert not described.is_keyframe
    assert not described.begins_picture


def test_every_field_of_the_descriptor_is_read() -> None:
    # X N S, I L T K, 15-bit picture id, TL0PICIDX, TID 2 with Y and KEYIDX 21
    described = parse("b0 f0 9234 56 b5" + DELTA)
    assert described == Vp8Descriptor(
        is_keyframe=False,
        temporal_layer=2,
        begins_picture=True,
        switching_up_point=True,
        picture_id=0x1234,
        picture_id_bits=15,
        tl0_picture_index=0x56,
        picture_id_offset=2,
        tl0_picture_index_offset=4,
        key_index=21,
        non_reference=True,
        layers_offset=5,
        payload_offset=6,
    )


def test_a_short_picture_id_has_seven_bits() -> None:
    described = parse("90 80 7f" + DELTA)
    assert (described.picture_id, described.picture_id_bits, described.picture_id_offset) == (0x7F, 7, 2)


def test_tid_counts_only_with_its_own_bit() -> None:
    described = parse("90 10 ff" + DELTA)  # K without T
    assert (described.temporal_layer, described.switching_up_point, described.key_index) == (0, False, 31)


@pytest.mark.parametrize("text", ["", "90", "9080", "908092", "90f0923456", "90f0923456b5", "10"])
def test_a_truncated_descriptor_is_a_delta_frame_of_the_base_layer(text: str) -> None:
    assert parse(text) == Vp8Descriptor()


def test_bytes_behind_the_payload_do_not_count() -> None:
    assert parse_vp8(bytes.fromhex("ffff" + KEY_FRAME), 2).is_keyframe
    assert parse_vp8(bytes.fromhex("ffff 10") + b"\x00", 2, 3) == Vp8Descriptor()


def test_rewriting_keeps_the_width_and_everything_else() -> None:
    packet = bytearray.fromhex("aaaa b0 f0 9234 56 b5 51")
    rewrite_vp8(packet, 2, parse_vp8(packet, 2), picture_id=0x8001, tl0_picture_index=0x1FF)
    assert packet == bytes.fromhex("aaaa b0 f0 8001 ff b5 51")


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_rewritten_counters_are_read_back(
    long: bool, has_id: bool, has_tl0: bool, picture: int, tl0: int
) -> None:
    head = bytes((0x90, has_id << 7 | has_tl0 << 6 | 0x20))
    picture_field = (b"\x80\x00" if long else b"\x00") if has_id else b""
    packet = bytearray(head + picture_field + bytes(has_tl0) + b"\x40\x51rest")
    before = bytes(packet)
    rewrite_vp8(packet, 0, parse_vp8(packet), picture, tl0)
    described = parse_vp8(packet)
    assert described.picture_id == (picture & (0x7FFF if long else 0x7F) if has_id else None)
    assert described.tl0_picture_index == (tl0 & 0xFF if has_tl0 else None)
    assert described.temporal_layer == 1
    assert packet[-6:] == before[-6:]


@given(st.binary(max_size=12))
@settings(max_examples=200)
def test_any_bytes_have_a_description(data: bytes) -> None:
    described = parse_vp8(memoryview(data))
    rewritten = bytearray(data)
    rewrite_vp8(rewritten, 0, described, described.picture_id or 0, described.tl0_picture_index or 0)
    assert rewritten == data, "writing what was read changes nothing"
