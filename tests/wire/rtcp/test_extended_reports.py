import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
    UnknownBlock,
)
from tests.wire.rtcp import strategies as some


def test_rrtr_and_dlrr_read_as_rfc_3611_draws_them() -> None:
    body = bytes.fromhex("00000001 04000002 e6f0aabb80000000 05000003 00000002 aabb8000 00010000 06ff0000")
    report = ExtendedReport.parse(body)
    assert report.blocks == (
        ReceiverReferenceTime(0xE6F0AABB80000000),
        DelaySinceLastReceiverReport((DlrrItem(2, 0xAABB8000, 0x10000),)),
        UnknownBlock(6, 0xFF, b""),
    )
    assert report.serialize() == bytes.fromhex("80cf0009") + body


@pytest.mark.parametrize(
    "body",
    [
        "0000",
        "00000001 0400",
        "00000001 04000002 00000000",  # reaches past the body
        "00000001 04000001 00000000",  # RRTR of another length
        "00000001 05000001 00000000",  # DLRR of another length
        "00000001 06ffffff",
    ],
)
def test_a_lying_block_is_malformed(body: str) -> None:
    with pytest.raises(MalformedPacket):
        ExtendedReport.parse(bytes.fromhex(body))


@pytest.mark.parametrize(
    "report",
    [
        ExtendedReport(-1),
        ExtendedReport(1, (ReceiverReferenceTime(1 << 64),)),
        ExtendedReport(1, (DelaySinceLastReceiverReport((DlrrItem(1, 1 << 32, 0),)),)),
        ExtendedReport(1, (UnknownBlock(4, 0, bytes(8)),)),
        ExtendedReport(1, (UnknownBlock(6, 0, b"123"),)),
        ExtendedReport(1, (UnknownBlock(256, 0, b""),)),
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(report: ExtendedReport) -> None:
    with pytest.raises(InvalidParameters):
        report.serialize()


@given(some.extended_reports)
@settings(max_examples=150)
def test_extended_reports_survive_a_round_trip(report: ExtendedReport) -> None:
    assert ExtendedReport.parse(report.serialize()[4:]) == report


@given(st.binary(max_size=60))
def test_any_body_parses_or_is_malformed(body: bytes) -> None:
    try:
        report = ExtendedReport.parse(body)
    except MalformedPacket:
        return
    assert ExtendedReport.parse(report.serialize()[4:]) == report
