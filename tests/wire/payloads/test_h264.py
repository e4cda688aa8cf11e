import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.h264 import parse_h264


def parse(text: str) -> PayloadDescriptor:
    return parse_h264(bytes.fromhex(text))


@pytest.mark.parametrize(
    "text",
    [
        "67 42e01f",  # SPS
        "65 88",  # IDR slice
        "78 0004 6742e01f 0002 68ce",  # STAP-A of SPS and PPS
        "78 0002 0910 0003 658880",  # STAP-A of delimiter and IDR slice
        "7c 85 88",  # FU-A, start of an IDR slice
        "7c 87 42",  # FU-A, start of an SPS
    ],
)
def test_an_idr_slice_or_a_parameter_set_starts_a_key_frame(text: str) -> None:
    described = parse(text)
    assert described.is_keyframe
    assert described.switching_up_point
    assert described.begins_picture


@pytest.mark.parametrize(
    "text", ["41 9a", "68 ce", "06 05", "7c 05 88", "7c 45 88", "7c 81 9a", "78 0002 419a"]
)
def test_other_units_and_later_fragments_do_not(text: str) -> None:
    assert not parse(text).is_keyframe


def test_a_slice_with_the_first_macroblock_begins_a_picture() -> None:
    assert parse("41 9a").begins_picture
    assert not parse("41 5a").begins_picture
    assert not parse("65 40").begins_picture


@pytest.mark.parametrize(
    "text", ["", "67", "78", "78 00", "78 0004 6742", "78 0000", "78 0002 6742 0009 68", "7c 85"]
)
def test_a_truncated_or_lying_payload_is_a_delta_frame_of_the_base_layer(text: str) -> None:
    assert parse(text) == PayloadDescriptor()


def test_bytes_outside_the_payload_do_not_count() -> None:
    assert parse_h264(bytes.fromhex("41 67 42"), 1).is_keyframe
    assert parse_h264(bytes.fromhex("67 42"), 0, 1) == PayloadDescriptor()


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x78" + tail))
@settings(max_examples=200)
def test_any_bytes_have_a_description(data: bytes) -> None:
    described = parse_h264(data)
    assert (described.spatial_layer, described.temporal_layer) == (0, 0)
    assert parse_h264(memoryview(data)) == described
