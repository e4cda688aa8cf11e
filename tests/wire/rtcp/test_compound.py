from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.rtcp.compound import RtcpPacket, UnknownPacket, parse_compound, serialize_compound
from rtpfwd.wire.rtcp.feedback import PictureLossIndication
from rtpfwd.wire.rtcp.reports import ReceiverReport, SdesChunk, SourceDescription
from tests.wire.rtcp import strategies as some

REPORT = ReceiverReport(1)
PLI = PictureLossIndication(1, 2)
BROKEN_NACK = bytes.fromhex("81cd0002 00000001 00000002")


def test_a_reduced_size_packet_may_stand_alone() -> None:
    assert parse_compound(PLI.serialize()) == ([PLI], None)


def test_an_empty_datagram_has_no_packets() -> None:
    assert parse_compound(b"") == ([], None)


def test_a_broken_tail_keeps_the_good_head() -> None:
    data = serialize_compound([REPORT, PLI])
    packets, malformed = parse_compound(data + b"\x80\xc9\x00\x05")
    assert packets == [REPORT, PLI]
    assert malformed is not None
    assert "need 24" in malformed


def test_a_broken_body_is_stepped_over() -> None:
    packets, malformed = parse_compound(REPORT.serialize() + BROKEN_NACK + PLI.serialize())
    assert packets == [REPORT, PLI]
    assert malformed is not None
    assert "NACK" in malformed


def test_the_first_fault_is_the_one_reported() -> None:
    _, malformed = parse_compound(BROKEN_NACK + b"\x00")
    assert malformed is not None
    assert "NACK" in malformed


def test_unknown_types_and_formats_are_kept_as_bytes() -> None:
    application = bytes.fromhex("84cc0002 00000001 6e616d65")
    other_feedback = bytes.fromhex("9fce0002 00000001 00000002")
    no_remb = bytes.fromhex("8fce0003 00000001 00000000 4e4f5045")
    packets, malformed = parse_compound(application + other_feedback + no_remb)
    assert malformed is None
    assert packets == [
        UnknownPacket(204, 4, application[4:]),
        UnknownPacket(206, 31, other_feedback[4:]),
        UnknownPacket(206, 15, no_remb[4:]),
    ]
    assert serialize_compound(packets) == application + other_feedback + no_remb


def test_padding_of_the_last_packet_is_dropped() -> None:
    data = bytes.fromhex("a0c90002 00000001 00000004")
    assert parse_compound(data) == ([REPORT], None)


def test_a_compound_of_a_report_and_a_cname_reads_from_any_buffer() -> None:
    packets: list[RtcpPacket] = [REPORT, SourceDescription((SdesChunk(1, ((1, b"cname"),)),))]
    data = serialize_compound(packets)
    assert parse_compound(memoryview(bytearray(data))) == (packets, None)


@given(st.lists(some.rtcp_packets, max_size=4))
@settings(max_examples=200)
def test_every_compound_survives_a_round_trip(packets: list[RtcpPacket]) -> None:
    data = serialize_compound(packets)
    assert parse_compound(data) == (packets, None)
    assert parse_compound(memoryview(data)) == (packets, None)


@given(st.lists(some.rtcp_packets, min_size=1, max_size=3), st.data())
@settings(max_examples=150)
def test_one_wrong_byte_never_raises(packets: list[RtcpPacket], data: st.DataObject) -> None:
    raw = bytearray(serialize_compound(packets))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    read, _ = parse_compound(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert len(read) <= len(raw) // 4


@given(st.binary(max_size=100), st.integers(192, 223), st.integers(0, 31))
@settings(max_examples=200)
def test_any_datagram_parses_to_what_can_be_read(body: bytes, packet_type: int, count: int) -> None:
    data = bytes((0x80 | count, packet_type, 0, len(body) // 4)) + body
    packets, malformed = parse_compound(data)
    assert packets or malformed
