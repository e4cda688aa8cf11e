from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.wire import serial

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)


def test_a_number_after_the_wrap_is_newer() -> None:
    assert serial.is_newer_16(0, 65535)
    assert not serial.is_newer_16(65535, 0)
    assert serial.is_newer_32(5, 0xFFFF_FFFF)
    assert not serial.is_newer_32(0xFFFF_FFFF, 5)


def test_an_equal_number_is_not_newer() -> None:
    assert not serial.is_newer_16(7, 7)
    assert not serial.is_newer_32(7, 7)


def test_half_the_circle_apart_neither_is_newer() -> None:
    assert not serial.is_newer_16(0x8000, 0)
    assert not serial.is_newer_16(0, 0x8000)
    assert serial.distance_16(0x8000, 0) == serial.distance_16(0, 0x8000) == -0x8000


def test_unwrapping_follows_the_counter_over_the_wrap_and_back() -> None:
    assert serial.unwrap_16(65535, 0) == 65536
    assert serial.unwrap_16(65536, 65535) == 65535
    assert serial.unwrap_16(0, 65535) == -1
    assert serial.unwrap_32(0xFFFF_FFFF, 3) == 0x1_0000_0003


def test_short_circles_wrap_at_their_own_width() -> None:
    assert serial.distance(0, 127, 7) == 1
    assert serial.unwrap(0x7FFF, 2, 15) == 0x8002
    assert serial.unwrap(300, 255, 8) == 255


@given(U16, U16)
def test_distance_added_to_the_older_gives_the_newer(a: int, b: int) -> None:
    distance = serial.distance_16(a, b)
    assert -0x8000 <= distance < 0x8000
    assert (b + distance) & 0xFFFF == a
    assert serial.is_newer_16(a, b) == (distance > 0)
    assert serial.distance(a, b, 16) == distance


@given(U32, U32)
def test_the_same_holds_for_32_bits(a: int, b: int) -> None:
    distance = serial.distance_32(a, b)
    assert (b + distance) & 0xFFFF_FFFF == a
    assert serial.is_newer_32(a, b) == (distance > 0)
    assert serial.distance(a, b, 32) == distance


@given(st.integers(0, 1 << 48), st.integers(-0x8000, 0x7FFF))
def test_unwrapping_finds_any_number_within_half_a_circle(last: int, step: int) -> None:
    assert serial.unwrap_16(last, last + step & 0xFFFF) == last + step
    assert serial.unwrap_32(last, last + step & 0xFFFF_FFFF) == last + step
    assert serial.unwrap(last, last + step & 0xFF_FFFF, 24) == last + step
