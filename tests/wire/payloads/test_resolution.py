import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.bits import BitWriter
from rtpfwd.wire.payloads.h264 import parse_h264
from rtpfwd.wire.payloads.resolution import parse_sps, resolutions_of
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9

# Of the shape that OpenH264 writes (constrained baseline 3.1), and x264 (high, cropped to 1080).
OPENH264 = bytes.fromhex("6742c01f8c8d40501e900f08846a")
X264_1080 = bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0")


def test_the_size_in_a_parameter_set_is_read_with_its_cropping() -> None:
    assert parse_sps(OPENH264) == ((640, 480),)
    assert parse_sps(X264_1080) == ((1920, 1080),)


def test_a_parameter_set_is_found_alone_and_in_an_aggregate() -> None:
    aggregate = b"\x78" + len(OPENH264).to_bytes(2) + OPENH264 + b"\x00\x02\x68\xce"
    for payload in (OPENH264, aggregate):
        assert resolutions_of("video/H264", payload, parse_h264(payload)) == ((640, 480),)
    assert resolutions_of("video/H264", b"\x65\x88", parse_h264(b"\x65\x88")) is None
    assert resolutions_of("video/H264", b"\x78\x00\xff\x67", parse_h264(b"\x78\x00\xff\x67")) is None


def test_vp8_and_vp9_name_it_in_key_frames() -> None:
    eight = bytes.fromhex("90 80 05 50 42 00 9d 01 2a 80 02 e0 41")  # a scaling bit does not count
    assert resolutions_of("video/VP8", eight, parse_vp8(eight)) == ((640, 480),)
    assert resolutions_of("video/VP8", eight[:-1], parse_vp8(eight[:-1])) is None
    nine = bytes.fromhex("8a 05 38 014000b4 02800168 01 04 01 49")
    assert resolutions_of("video/VP9", nine, parse_vp9(nine)) == ((320, 180), (640, 360))
    assert resolutions_of("video/AV1", b"\x08\x0a", parse_h264(b"\x08\x0a")) is None


def test_a_parameter_set_of_one_size_for_all_its_profiles_is_read_alike() -> None:
    writer = BitWriter()
    for value, bits in ((66, 8), (0xC0, 8), (31, 8), (1, 1), (1, 1), (0b011, 3)):
        writer.write(value, bits)  # profile, level, id 0, frame number, order type 2
    writer.write(1, 1)
    writer.write(0, 1)
    for side in (20, 15):  # 320 x 240 in macroblocks, minus one, as ue(v)
        size = side.bit_length()
        writer.write(side, 2 * size - 1)
    writer.write(0b1100, 4)
    assert parse_sps(b"\x67" + writer.serialize()) == ((320, 240),)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_have_a_size_or_none(data: bytes) -> None:
    for mime_type, parse in (("video/H264", parse_h264), ("video/VP8", parse_vp8), ("video/VP9", parse_vp9)):
        found = resolutions_of(mime_type, data, parse(data))
        assert found is None or all(width >= 0 and height >= 0 for width, height in found)
    found = parse_sps(b"\x67" + data)
    assert found is None or (1 <= found[0][0] <= 16_384 and 1 <= found[0][1] <= 16_384)


@pytest.mark.parametrize("unit", [b"", b"\x67", b"\x67\x42", b"\x67" + bytes(250)])
def test_a_cut_parameter_set_has_no_size(unit: bytes) -> None:
    assert parse_sps(unit) is None
