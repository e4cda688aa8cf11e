from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire import extension_values as values


@pytest.mark.parametrize("mid", ["0", "audio", "probator", "a-b_c.d", "x" * 32])
def test_tokens_are_mids(mid: str) -> None:
    assert values.parse_mid(values.serialize_mid(mid)) == mid


@pytest.mark.parametrize(
    "raw", [b"", b"x" * 33, b"x" * 255, b"\xff\xfe", b"a b", b"a/b", b"a\0", b"<", "é".encode()]
)
def test_other_text_is_no_mid(raw: bytes) -> None:
    assert values.parse_mid(raw) is None


@pytest.mark.parametrize("raw", [b"", b"x" * 17, b"r/0", b"r\0", b"<r>", b"r-0", b"r_0", b"\xff", b"r0\n"])
def test_only_letters_and_digits_are_rids(raw: bytes) -> None:
    assert values.parse_rid(raw) is None
    assert values.parse_rid(b"r0") == "r0"


@pytest.mark.parametrize("text", ["", "r-0", "x" * 17, "é"])
def test_a_rid_that_would_not_be_read_is_not_written(text: str) -> None:
    with pytest.raises(InvalidParameters):
        values.serialize_rid(text)


def test_audio_level_has_the_voice_flag_on_top() -> None:
    assert values.parse_audio_level(b"\xff") == values.AudioLevel(voice=True, level=127)
    assert values.parse_audio_level(b"\x1e") == values.AudioLevel(voice=False, level=30)


def test_abs_send_time_counts_a_second_as_two_to_the_18() -> None:
    assert values.us_to_abs_send_time(1_000_000) == 1 << 18
    assert values.us_to_abs_send_time(64_000_000) == 0
    assert values.abs_send_time_to_us(1 << 17) == 500_000
    assert values.parse_abs_send_time(b"\x04\x00\x00") == 1 << 18


@given(st.integers(0, 63_999_990))
def test_abs_send_time_is_exact_to_two_microseconds(time_us: int) -> None:
    assert abs(values.abs_send_time_to_us(values.us_to_abs_send_time(time_us)) - time_us) <= 2


@pytest.mark.parametrize(
    ("raw", "orientation"),
    [
        (0, values.VideoOrientation(camera=False, flip=False, rotation=0)),
        (1, values.VideoOrientation(camera=False, flip=False, rotation=90)),
        (0x0E, values.VideoOrientation(camera=True, flip=True, rotation=180)),
        (0xF3, values.VideoOrientation(camera=False, flip=False, rotation=270)),
    ],
)
def test_video_orientation_reads_its_four_bits(raw: int, orientation: values.VideoOrientation) -> None:
    assert values.parse_video_orientation(bytes((raw,))) == orientation
    assert values.serialize_video_orientation(orientation) == bytes((raw & 0x0F,))


def test_playout_delay_is_twice_twelve_bits_of_ten_milliseconds() -> None:
    assert values.parse_playout_delay(bytes.fromhex("00a064")) == values.PlayoutDelay(100, 1000)


def test_transmission_offset_is_signed() -> None:
    assert values.parse_transmission_offset(b"\xff\xff\xff") == -1


def test_abs_capture_time_comes_with_and_without_the_offset() -> None:
    assert values.parse_abs_capture_time(bytes(7) + b"\1") == values.AbsCaptureTime(1)
    assert values.parse_abs_capture_time(bytes(7) + b"\1" + b"\xff" * 8) == values.AbsCaptureTime(1, -1)


def test_other_lengths_are_none() -> None:
    assert values.parse_audio_level(b"ab") is None
    assert values.parse_abs_send_time(b"ab") is None
    assert values.parse_transport_sequence_number(b"abc") is None
    assert values.parse_video_orientation(b"") is None
    assert values.parse_transmission_offset(b"ab") is None
    assert values.parse_abs_capture_time(bytes(12)) is None
    assert values.parse_playout_delay(b"ab") is None
    assert values.parse_packet_id(b"ab") is None


@pytest.mark.parametrize(
    ("serialize", "value"),
    [
        (values.serialize_audio_level, values.AudioLevel(voice=False, level=128)),
        (values.serialize_abs_send_time, 1 << 24),
        (values.serialize_transport_sequence_number, 65536),
        (values.serialize_video_orientation, values.VideoOrientation(camera=False, flip=False, rotation=45)),
        (values.serialize_transmission_offset, 1 << 23),
        (values.serialize_abs_capture_time, values.AbsCaptureTime(-1)),
        (values.serialize_abs_capture_time, values.AbsCaptureTime(0, 1 << 63)),
        (values.serialize_playout_delay, values.PlayoutDelay(0, 40_960)),
        (values.serialize_packet_id, -1),
    ],
)
def test_values_that_do_not_fit_are_the_callers_fault(
    serialize: Callable[[Any], bytes], value: object
) -> None:
    with pytest.raises(InvalidParameters):
        serialize(value)


ROUND_TRIPS: list[tuple[Callable[[Any], bytes], Callable[[Any], object], st.SearchStrategy[Any]]] = [
    (
        values.serialize_audio_level,
        values.parse_audio_level,
        st.builds(values.AudioLevel, st.booleans(), st.integers(0, 127)),
    ),
    (values.serialize_abs_send_time, values.parse_abs_send_time, st.integers(0, (1 << 24) - 1)),
    (
        values.serialize_transport_sequence_number,
        values.parse_transport_sequence_number,
        st.integers(0, 65535),
    ),
    (
        values.serialize_video_orientation,
        values.parse_video_orientation,
        st.builds(values.VideoOrientation, st.booleans(), st.booleans(), st.sampled_from([0, 90, 180, 270])),
    ),
    (
        values.serialize_transmission_offset,
        values.parse_transmission_offset,
        st.integers(-(1 << 23), (1 << 23) - 1),
    ),
    (
        values.serialize_abs_capture_time,
        values.parse_abs_capture_time,
        st.builds(
            values.AbsCaptureTime,
            st.integers(0, (1 << 64) - 1),
            st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        ),
    ),
    (
        values.serialize_playout_delay,
        values.parse_playout_delay,
        st.builds(
            values.PlayoutDelay,
            st.integers(0, 4095).map(lambda steps: steps * 10),
            st.integers(0, 4095).map(lambda steps: steps * 10),
        ),
    ),
    (values.serialize_packet_id, values.parse_packet_id, st.integers(0, (1 << 32) - 1)),
]


@given(st.data())
def test_every_value_survives_a_round_trip(data: st.DataObject) -> None:
    for serialize, parse, strategy in ROUND_TRIPS:
        value = data.draw(strategy)
        assert parse(serialize(value)) == value
