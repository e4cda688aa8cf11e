import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.vp9 import Vp9Descriptor, parse_vp9


def parse(text: str) -> Vp9Descriptor:
    return parse_vp9(bytes.fromhex(text))


def test_a_base_layer_frame_without_prediction_is_a_key_frame() -> None:
    # I L B; picture id 0x1234; TID 0 U 0 SID 0 D 0; TL0PICIDX 9
    described = parse("a8 9234 00 09 49")
    assert described.is_keyframe
    assert described.begins_picture
    assert not described.ends_picture
    assert (described.picture_id, described.picture_id_bits, described.tl0_picture_index) == (0x1234, 15, 9)


@pytest.mark.parametrize("text", ["e8 9234 00 09 49", "a0 9234 00 09 49", "a8 9234 03 09 49"])
def test_prediction_a_later_packet_or_an_upper_layer_is_no_key_frame(text: str) -> None:
    assert not parse(text).is_keyframe


def test_layers_and_their_flags_are_read() -> None:
    described = parse("ad 05 55 09 49")  # I L B E Z; TID 2, U, SID 2, D
    assert (described.temporal_layer, described.spatial_layer) == (2, 2)
    assert described.switching_up_point
    assert described.inter_layer_predicted
    assert described.not_inter_layer_reference
    assert described.ends_picture
    assert (described.picture_id, described.picture_id_bits) == (5, 7)


def test_flexible_mode_has_references_instead_of_a_tl0_index() -> None:
    described = parse("f8 05 20 0304 49")
    assert described.temporal_layer == 1
    assert described.tl0_picture_index is None
    assert parse("f8 05 20 03030349") == Vp9Descriptor(), "more than three references"


def test_a_scalability_structure_names_the_resolutions() -> None:
    # V: two layers, Y and G; 320x180 and 640x360; one picture with one reference
    described = parse("8a 05 38 014000b4 02800168 01 04 01 49")
    assert described.spatial_layers == 2
    assert described.resolutions == ((320, 180), (640, 360))
    assert described.is_keyframe


@pytest.mark.parametrize(
    "text",
    ["", "a8", "a892", "a89234", "a8923400", "a892340009", "8a0538014000b40280", "8a0508ff0401", "8a0508ff"],
)
def test_a_truncated_descriptor_is_a_delta_frame_of_the_base_layer(text: str) -> None:
    assert parse(text) == Vp9Descriptor()


def test_bytes_outside_the_payload_do_not_count() -> None:
    data = bytes.fromhex("ffff a8 05 00 09 49")
    assert parse_vp9(data, 2).is_keyframe
    assert parse_vp9(data, 2, 6) == Vp9Descriptor()


@given(st.binary(max_size=40))
@settings(max_examples=200)
def test_any_bytes_have_a_description(data: bytes) -> None:
    described = parse_vp9(data)
    assert 0 <= described.spatial_layer <= 7
    assert 0 <= described.temporal_layer <= 7
    assert not (described.is_keyframe and described.inter_picture_predicted)
