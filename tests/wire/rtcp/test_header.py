import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.header import PacketType, parse_header, serialize_packet


def test_a_header_gives_the_borders_of_its_packet() -> None:
    header = parse_header(b"before" + bytes.fromhex("81c90001 00000001") + b"after", 6)
    assert (header.packet_type, header.count) == (PacketType.RECEIVER_REPORT, 1)
    assert (header.body_start, header.body_end, header.end) == (10, 14, 14)


def test_padding_is_taken_off_even_when_it_is_no_multiple_of_four() -> None:
    header = parse_header(bytes.fromhex("a1c90001 00000003"), 0)
    assert (header.body_start, header.body_end, header.end) == (4, 5, 8)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("81c900", "3 bytes: need 4"),
        ("41c90000", "version 1"),
        ("81c90001", "need 8"),
        ("a1c90000", "padding of 0"),
        ("a1c90001 00000000", "padding of 0"),
        ("a1c90001 00000005", "padding of 5"),
    ],
)
def test_a_header_that_lies_is_malformed(data: str, complaint: str) -> None:
    with pytest.raises(MalformedPacket, match=complaint):
        parse_header(bytes.fromhex(data), 0)


@pytest.mark.parametrize(("count", "body"), [(32, b""), (-1, b""), (0, b"123"), (0, bytes(0x40000))])
def test_packets_that_cannot_be_framed_are_the_callers_fault(count: int, body: bytes) -> None:
    with pytest.raises(InvalidParameters):
        serialize_packet(200, count, body)


@given(st.integers(0, 255), st.integers(0, 31), st.integers(0, 20))
def test_framing_survives_a_round_trip(packet_type: int, count: int, words: int) -> None:
    data = serialize_packet(packet_type, count, bytes(words * 4))
    header = parse_header(data, 0)
    assert (header.packet_type, header.count) == (packet_type, count)
    assert (header.body_start, header.body_end, header.end) == (4, len(data), len(data))
