import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.av1 import parse_av1
from rtpfwd.wire.payloads.base import PayloadDescriptor


def parse(text: str) -> PayloadDescriptor:
    return parse_av1(bytes.fromhex(text))


def test_the_n_bit_starts_a_key_frame() -> None:
    assert parse("18 30 00").is_keyframe  # W = 1, N, a frame OBU
    assert not parse("10 30 00").is_keyframe


def test_a_sequence_header_starts_a_key_frame() -> None:
    # W = 2: a sequence header of 3 bytes with its size, then a frame OBU to the end
    described = parse("20 03 08aabb 30cc")
    assert described.is_keyframe
    assert described.begins_picture
    # W = 0: every OBU has a size
    assert parse("00 02 30cc 03 08aabb").is_keyframe


def test_a_continued_obu_is_not_taken_for_a_header() -> None:
    described = parse("90 08aabb")  # Z: what looks like a sequence header is the middle of something
    assert not described.is_keyframe
    assert not described.begins_picture


def test_layers_come_from_the_obu_extension() -> None:
    described = parse("10 34 50 00")  # frame OBU with extension: temporal 2, spatial 2
    assert (described.temporal_layer, described.spatial_layer) == (2, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20 7f 08",  # size past the end
        "00 ffffffffffffffffff01",  # a size of nine bytes
        "88 30 00",  # N and Z exclude each other
        "00",
        "20",
    ],
)
def test_a_truncated_or_lying_payload_is_a_delta_frame_of_the_base_layer(text: str) -> None:
    assert parse(text) == PayloadDescriptor()


def test_bytes_outside_the_payload_do_not_count() -> None:
    data = bytes.fromhex("ff 20 03 08aabb 30cc")
    assert parse_av1(data, 1).is_keyframe
    assert parse_av1(data, 1, 4) == PayloadDescriptor()


@given(st.binary(max_size=40))
@settings(max_examples=200)
def test_any_bytes_have_a_description(data: bytes) -> None:
    described = parse_av1(data)
    assert 0 <= described.spatial_layer <= 3
    assert 0 <= described.temporal_layer <= 7
    assert parse_av1(memoryview(data)) == described
