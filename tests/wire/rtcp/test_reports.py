import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.reports import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from tests.wire.rtcp import strategies as some

BLOCK = "11223344 20ffffff 00012345 00000010 aabbccdd 00018000"


def test_a_sender_report_reads_as_rfc_3550_draws_it() -> None:
    body = bytes.fromhex("00000001 e6f0aabb80000000 00001000 00000064 00010000" + BLOCK)
    report = SenderReport.parse(1, body)
    assert (report.ssrc, report.ntp, report.rtp_timestamp) == (1, 0xE6F0AABB80000000, 0x1000)
    assert (report.packet_count, report.octet_count) == (100, 0x10000)
    assert report.reports == (ReportBlock(0x11223344, 0x20, -1, 0x12345, 16, 0xAABBCCDD, 0x18000),)
    assert report.serialize() == bytes.fromhex("81c8000c") + body


@pytest.mark.parametrize(
    ("raw", "lost"), [("000000", 0), ("7fffff", 8388607), ("800000", -8388608), ("fffffe", -2)]
)
def test_cumulative_loss_is_signed_24_bits(raw: str, lost: int) -> None:
    report = ReceiverReport.parse(1, bytes.fromhex(f"00000001 11223344 00{raw}") + bytes(16))
    assert report.reports[0].packets_lost == lost


def test_a_profile_specific_extension_is_skipped() -> None:
    assert ReceiverReport.parse(0, bytes.fromhex("00000001 deadbeef")) == ReceiverReport(1)


def test_a_count_beyond_the_body_is_malformed() -> None:
    with pytest.raises(MalformedPacket, match="need 748"):
        ReceiverReport.parse(31, bytes(28))
    with pytest.raises(MalformedPacket, match="need 24"):
        SenderReport.parse(0, bytes(23))
    with pytest.raises(MalformedPacket):
        SourceDescription.parse(31, bytes(8))
    with pytest.raises(MalformedPacket, match="need 124"):
        Goodbye.parse(31, bytes(4))


def test_a_source_description_has_a_cname() -> None:
    body = bytes.fromhex("00000007 0103") + b"abc" + bytes(3)
    description = SourceDescription.parse(1, body)
    assert description.chunks[0].cname == "abc"
    assert description.serialize() == bytes.fromhex("81ca0003") + body
    assert SdesChunk(1, ((1, b"\xff"),)).cname is None
    assert SdesChunk(1, ((2, b"name"),)).cname is None


@pytest.mark.parametrize(
    "body",
    ["0000", "00000001", "00000001 01", "00000001 0103 6162", "00000001 0102 6162", "00000001 01ff0000"],
)
def test_a_truncated_source_description_is_malformed(body: str) -> None:
    with pytest.raises(MalformedPacket):
        SourceDescription.parse(1, bytes.fromhex(body))


def test_a_goodbye_may_give_a_reason() -> None:
    assert Goodbye.parse(1, bytes.fromhex("00000001 02") + b"byX") == Goodbye((1,), b"by")
    assert Goodbye.parse(2, bytes(8)) == Goodbye((0, 0), None)
    with pytest.raises(MalformedPacket):
        Goodbye.parse(1, bytes.fromhex("00000001 04") + b"byX")


BAD_BLOCK = ReportBlock(1, 0, 1 << 23, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "packet",
    [
        SenderReport(1 << 32, 0, 0, 0, 0),
        ReceiverReport(-1),
        ReceiverReport(1, (BAD_BLOCK,)),
        ReceiverReport(1, (ReportBlock(1, 256, 0, 0, 0, 0, 0),)),
        ReceiverReport(1, (ReportBlock(1, 0, 0, 0, 0, 0, 0),) * 32),
        SourceDescription((SdesChunk(1, ((0, b""),)),)),
        SourceDescription((SdesChunk(1, ((1, bytes(256)),)),)),
        SourceDescription((SdesChunk(1),) * 32),
        Goodbye((1,) * 32),
        Goodbye((), bytes(256)),
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(
    packet: SenderReport | ReceiverReport | SourceDescription | Goodbye,
) -> None:
    with pytest.raises(InvalidParameters):
        packet.serialize()


@given(some.sender_reports, some.receiver_reports, some.source_descriptions, some.goodbyes)
@settings(max_examples=100)
def test_reports_survive_a_round_trip(
    sender: SenderReport, receiver: ReceiverReport, description: SourceDescription, goodbye: Goodbye
) -> None:
    assert SenderReport.parse(len(sender.reports), sender.serialize()[4:]) == sender
    assert ReceiverReport.parse(len(receiver.reports), receiver.serialize()[4:]) == receiver
    assert SourceDescription.parse(len(description.chunks), description.serialize()[4:]) == description
    assert Goodbye.parse(len(goodbye.ssrcs), goodbye.serialize()[4:]) == goodbye


@given(st.integers(0, 31), st.binary(max_size=80))
@settings(max_examples=200)
def test_any_body_parses_or_is_malformed(count: int, body: bytes) -> None:
    for packet_class in (SenderReport, ReceiverReport, SourceDescription, Goodbye):
        try:
            packet = packet_class.parse(count, body)
        except MalformedPacket:
            continue
        assert packet_class.parse(count, packet.serialize()[4:]) == packet
