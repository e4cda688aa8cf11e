import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtp import RtpPacket, parse_header, peek_sequence_number, peek_ssrc

FIXED = bytes.fromhex("80e3 1234 0000abcd 11223344")
U32 = st.integers(0, 0xFFFF_FFFF)


@st.composite
def packets(draw: st.DrawFn) -> RtpPacket:
    profile = draw(st.none() | st.sampled_from([0xBEDE, 0x1000]) | st.integers(0, 0xFFFF))
    words = 0 if profile is None else draw(st.integers(0, 4))
    return RtpPacket(
        marker=draw(st.booleans()),
        payload_type=draw(st.integers(0, 127)),
        sequence_number=draw(st.integers(0, 0xFFFF)),
        timestamp=draw(U32),
        ssrc=draw(U32),
        csrcs=tuple(draw(st.lists(U32, max_size=15))),
        extension_profile=profile,
        extension=draw(st.binary(min_size=words * 4, max_size=words * 4)),
        payload=draw(st.binary(max_size=30)),
        padding=draw(st.integers(0, 255)),
    )


def test_the_fixed_header_reads_as_rfc_3550_draws_it() -> None:
    packet = RtpPacket.parse(FIXED + b"media")
    assert packet == RtpPacket(
        marker=True,
        payload_type=0x63,
        sequence_number=0x1234,
        timestamp=0xABCD,
        ssrc=0x11223344,
        payload=b"media",
    )


def test_the_header_view_gives_every_border() -> None:
    data = (
        bytes.fromhex("b2 60 0001 00000002 00000003  00000004 00000005  bede0001 10aa0000") + b"media\0\0\3"
    )
    header = parse_header(data)
    assert (header.extension_profile, header.extension_start, header.extension_end) == (0xBEDE, 24, 28)
    assert (header.header_length, header.payload_end) == (28, 33)
    assert not header.marker
    assert RtpPacket.parse(data).csrcs == (4, 5)


def test_padding_only_packets_are_legal() -> None:
    header = parse_header(b"\xa0" + FIXED[1:] + bytes(254) + b"\xff")
    assert header.payload_end == header.header_length == 12


def test_an_extension_of_no_words_is_there_and_empty() -> None:
    header = parse_header(b"\x90" + FIXED[1:] + bytes.fromhex("bede0000"))
    assert header.extension_profile == 0xBEDE
    assert header.extension_start == header.extension_end == header.header_length == 16


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "0 bytes: need 12"),
        (FIXED[:11], "11 bytes: need 12"),
        (b"\x40" + FIXED[1:], "version 1"),
        (b"\xc0" + FIXED[1:], "version 3"),
        (b"\x81" + FIXED[1:] + bytes(3), "need 16 for the header"),
        (b"\x90" + FIXED[1:] + bytes(3), "need 16 for the extension header"),
        (b"\x90" + FIXED[1:] + bytes.fromhex("bede0001 000000"), "need 20 for the header"),
        (b"\x90" + FIXED[1:] + bytes.fromhex("bedeffff"), "need 262156"),
        (b"\xa0" + FIXED[1:] + b"\0", "padding of 0"),
        (b"\xa0" + FIXED[1:] + b"\2", "padding of 2"),
        (b"\xa0" + FIXED[1:-1] + b"\1", "padding of 1"),  # the SSRC's last byte is no padding
    ],
)
def test_borders_outside_the_packet_are_malformed(data: bytes, complaint: str) -> None:
    with pytest.raises(MalformedPacket, match=complaint):
        parse_header(data)
    with pytest.raises(MalformedPacket, match=complaint):
        RtpPacket.parse(data)


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0),
        RtpPacket(0, 65536, 0, 0),
        RtpPacket(0, 0, -1, 0),
        RtpPacket(0, 0, 0, 1 << 32),
        RtpPacket(0, 0, 0, 0, csrcs=(0,) * 16),
        RtpPacket(0, 0, 0, 0, csrcs=(1 << 32,)),
        RtpPacket(0, 0, 0, 0, padding=256),
        RtpPacket(0, 0, 0, 0, extension=b"1234"),
        RtpPacket(0, 0, 0, 0, extension_profile=0xBEDE, extension=b"123"),
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(packet: RtpPacket) -> None:
    with pytest.raises(InvalidParameters):
        packet.serialize()


def test_a_packet_prints_on_one_line() -> None:
    assert (
        str(RtpPacket(96, 7, 90, 5, marker=True))
        == "RTP ssrc=5 pt=96 seq=7 ts=90 marker payload=0B padding=0B"
    )


@given(packets())
@settings(max_examples=200)
def test_what_is_serialized_parses_back(packet: RtpPacket) -> None:
    data = packet.serialize()
    assert RtpPacket.parse(data) == packet
    assert RtpPacket.parse(memoryview(bytearray(data))) == packet
    assert (peek_ssrc(data), peek_sequence_number(data)) == (packet.ssrc, packet.sequence_number)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"\xb1" + rest))
@settings(max_examples=200)
def test_any_bytes_parse_or_are_malformed(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except MalformedPacket:
        return
    again = RtpPacket.parse(packet.serialize())
    assert again == packet
