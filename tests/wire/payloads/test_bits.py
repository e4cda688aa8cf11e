import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.payloads.bits import BitReader, BitWriter


def test_bits_are_read_from_the_highest_on() -> None:
    reader = BitReader(b"\xa5\x0f")
    assert [reader.read(bits) for bits in (1, 3, 4, 0, 8)] == [1, 2, 5, 0, 15]
    with pytest.raises(MalformedPacket):
        reader.read(1)


def test_small_non_symmetric_numbers_are_shorter() -> None:
    # AV1 bitstream specification, section 4.10.7: for n = 5 the codes are 00, 01, 10, 110 and 111.
    assert [BitReader(bytes((code,))).read_non_symmetric(5) for code in (0x00, 0x40, 0x80, 0xC0, 0xE0)] == [
        0,
        1,
        2,
        3,
        4,
    ]


def test_numbers_that_do_not_fit_are_the_callers_fault() -> None:
    for value in (-1, 4):
        with pytest.raises(InvalidParameters):
            BitWriter().write(value, 2)
        with pytest.raises(InvalidParameters):
            BitWriter().write_non_symmetric(value, 4)


@given(st.lists(st.tuples(st.integers(1, 33), st.integers(0, 1 << 20))))
def test_numbers_survive_a_round_trip(pairs: list[tuple[int, int]]) -> None:
    numbers = [(limit, value % limit) for limit, value in pairs]
    writer = BitWriter()
    for limit, value in numbers:
        writer.write_non_symmetric(value, limit)
        writer.write(value, 6)
    reader = BitReader(writer.serialize())
    for limit, value in numbers:
        assert reader.read_non_symmetric(limit) == value
        assert reader.read(6) == value
