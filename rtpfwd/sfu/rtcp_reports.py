"""RTCP of one transport, written: the regular reports, and the feedback that lets a publisher send at full
rate.

Source: RFC 3550 §6.4 (SR, RR, SDES), RFC 3611 (RRTR, DLRR),
draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-alvestrand-rmcat-remb-03. Intervals are mediasoup's.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtpfwd.clock import Instant
from rtpfwd.congestion.arrival_log import ArrivalLog
from rtpfwd.congestion.rate_window import RateWindow
from rtpfwd.congestion.receive_limit import ReceiveLimit
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.wire.rtcp.compound import RtcpPacket
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.header import MAX_COUNT
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import (
    CNAME_ITEM,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

BLOCKS_PER_REPORT = MAX_COUNT
SENDER_REPORTS_PER_COMPOUND = 12  # with their CNAMEs, under 1200 bytes
CNAME_MAX = 64  # bytes written; ours are short, a publisher's may be anything


class RtcpReports:
    """Builds what this transport sends by itself. ``ssrc`` is the transport's own in all of it."""

    def __init__(self, context: Context, ssrc: int) -> None:
        self.ssrc = ssrc
        self.available_incoming_bps = 0
        self._context = context
        self._arrivals = ArrivalLog()
        self._limit = ReceiveLimit(context.settings.initial_remb_bps)
        self._rate = RateWindow()
        self._expected = self._received = 0

    def regular(
        self,
        incoming: Iterable[IncomingStream],
        consumers: Iterable[Consumer],
        dlrr: DelaySinceLastReceiverReport | None,
        now: Instant,
    ) -> list[list[RtcpPacket]]:
        """The compounds due each interval: reception reports of what comes in, sender reports of what goes
        out.
        """
        compounds = self._reception(list(incoming), dlrr, now)
        batch: list[SenderReport] = []
        chunks: list[SdesChunk] = []
        for consumer in consumers:
            report = consumer.sender_report(now)
            if report is None:
                continue
            batch.append(report)
            cname = (consumer.parameters.rtcp.cname or "").encode()[:CNAME_MAX]
            chunks.append(SdesChunk(consumer.ssrc, ((CNAME_ITEM, cname),)))
            if len(batch) == SENDER_REPORTS_PER_COMPOUND:
                compounds.append([*batch, SourceDescription(tuple(chunks))])
                batch, chunks = [], []
        if batch:
            compounds.append([*batch, SourceDescription(tuple(chunks))])
        return compounds

    def transport_feedback(
        self, arrivals: list[tuple[int, Instant]], media_ssrc: int
    ) -> list[TransportFeedback]:
        """Transport-wide feedback about the arrivals since the last call."""
        self._arrivals.add(arrivals)
        return [
            TransportFeedback(
                sender_ssrc=self.ssrc,
                media_ssrc=media_ssrc,
                base_sequence_number=feedback.base_sequence_number,
                feedback_count=feedback.feedback_count,
                # Signed on the wire, like the difference that it is used for.
                reference_time=(feedback.reference_time + 0x80_0000 & 0xFF_FFFF) - 0x80_0000,
                packets=feedback.deltas,
            )
            for feedback in self._arrivals.build()
        ]

    def bitrate_limit(self, bitrate_bps: int, ssrcs: list[int]) -> ReceiverEstimatedMaxBitrate:
        """REMB with a given limit."""
        return ReceiverEstimatedMaxBitrate(self.ssrc, 0, bitrate_bps, tuple(ssrcs[:255]))

    def estimate(self, incoming: Iterable[IncomingStream], now: Instant) -> int:
        """The loss-based estimate for publishers without transport-wide feedback, in bits per second."""
        expected = received = total = 0
        for stream in incoming:
            counters = self._context.plane.receive_counters(stream.id)
            expected += counters.expected
            received += counters.received
            total += counters.bytes
        rate = self._rate.update(total, now)
        self.available_incoming_bps = self._limit.update(
            rate, expected - self._expected - (received - self._received), expected - self._expected
        )
        self._expected, self._received = expected, received
        return self.available_incoming_bps

    def _reception(
        self, streams: list[IncomingStream], dlrr: DelaySinceLastReceiverReport | None, now: Instant
    ) -> list[list[RtcpPacket]]:
        plane = self._context.plane
        blocks: list[ReportBlock] = []
        for stream in streams:
            counters = plane.receive_counters(stream.id)
            if counters.packets:
                blocks.append(stream.report_block(counters, now))
                stream.rate.update(counters.bytes, now)
        extended: list[ReceiverReferenceTime | DelaySinceLastReceiverReport] = []
        if blocks:
            extended.append(ReceiverReferenceTime(self._context.ntp(now)))
        if dlrr is not None:
            extended.append(dlrr)
        if not blocks and not extended:
            return []
        first: list[RtcpPacket] = [ReceiverReport(self.ssrc, tuple(blocks[:BLOCKS_PER_REPORT]))]
        if extended:
            first.append(ExtendedReport(self.ssrc, tuple(extended)))
        compounds = [first]
        for start in range(BLOCKS_PER_REPORT, len(blocks), BLOCKS_PER_REPORT):
            compounds.append([ReceiverReport(self.ssrc, tuple(blocks[start : start + BLOCKS_PER_REPORT]))])
        return compounds
