from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.wire.payloads.opus import is_dtx


def test_a_toc_byte_alone_is_silence_where_its_code_has_one_length():
    assert is_dtx(bytes((0b0111_1000,))) and is_dtx(bytes((0b0111_1001,)))


def test_two_bytes_of_code_two_are_silence_and_one_is_malformed():
    assert is_dtx(bytes((0b0111_1010, 0)))
    assert not is_dtx(bytes((0b0111_1010,)))


def test_code_three_is_never_silence():
    assert not is_dtx(bytes((0b0111_1011,))) and not is_dtx(bytes((0b0111_1011, 1)))


@given(st.binary(min_size=3))
def test_anything_longer_is_sound(payload: bytes):
    assert not is_dtx(payload)


def test_nothing_is_not_silence():
    assert not is_dtx(b"")
