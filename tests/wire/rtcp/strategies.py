"""Hypothesis strategies for every RTCP packet, shared by the tests of this folder."""

from hypothesis import strategies as st

from rtpfwd.wire.rtcp.compound import UnknownPacket
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
    UnknownBlock,
)
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
U64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
WORDS = st.binary(max_size=16).map(lambda raw: raw[: len(raw) // 4 * 4])

report_blocks = st.lists(
    st.builds(ReportBlock, U32, U8, st.integers(-(1 << 23), (1 << 23) - 1), U32, U32, U32, U32), max_size=4
).map(tuple)
sender_reports = st.builds(SenderReport, U32, U64, U32, U32, U32, report_blocks)
receiver_reports = st.builds(ReceiverReport, U32, report_blocks)
sdes_items = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=20)), max_size=3).map(tuple)
source_descriptions = st.builds(
    SourceDescription, st.lists(st.builds(SdesChunk, U32, sdes_items), max_size=3).map(tuple)
)
goodbyes = st.builds(Goodbye, st.lists(U32, max_size=5).map(tuple), st.none() | st.binary(max_size=30))
nacks = st.builds(Nack, U32, U32, st.lists(U16, min_size=1, max_size=30).map(tuple))
plis = st.builds(PictureLossIndication, U32, U32)
firs = st.builds(
    FullIntraRequest, U32, U32, st.lists(st.builds(FirEntry, U32, U8), min_size=1, max_size=4).map(tuple)
)
rembs = st.builds(
    ReceiverEstimatedMaxBitrate,
    U32,
    U32,
    st.builds(
        lambda mantissa, exponent: mantissa << exponent, st.integers(0, (1 << 18) - 1), st.integers(0, 46)
    ),
    st.lists(U32, max_size=5).map(tuple),
)
deltas = st.none() | st.integers(0, 255) | st.integers(-0x8000, 0x7FFF)
statuses = st.lists(st.tuples(deltas, st.integers(1, 20)), min_size=1, max_size=12).map(
    lambda runs: tuple(delta for delta, length in runs for _ in range(length))
)
transport_feedbacks = st.builds(
    TransportFeedback, U32, U32, U16, U8, st.integers(-(1 << 23), (1 << 23) - 1), statuses
)
dlrr_items = st.lists(st.builds(DlrrItem, U32, U32, U32), max_size=3).map(tuple)
xr_blocks = (
    st.builds(ReceiverReferenceTime, U64)
    | st.builds(DelaySinceLastReceiverReport, dlrr_items)
    | st.builds(UnknownBlock, U8.filter(lambda kind: kind not in (4, 5)), U8, WORDS)
)
extended_reports = st.builds(ExtendedReport, U32, st.lists(xr_blocks, max_size=3).map(tuple))
unknown_packets = st.builds(UnknownPacket, st.sampled_from([192, 204, 208, 223]), st.integers(0, 31), WORDS)

rtcp_packets = (
    sender_reports
    | receiver_reports
    | source_descriptions
    | goodbyes
    | nacks
    | plis
    | firs
    | rembs
    | transport_feedbacks
    | extended_reports
    | unknown_packets
)
