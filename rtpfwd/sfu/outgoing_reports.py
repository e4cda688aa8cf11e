"""Sender reports of an outgoing stream, and the round-trip time that their answers tell.

The publisher's clock is carried over: NTP stays the publisher's own, so that all streams of one publisher
share a clock and play in sync; the RTP time is moved by the stream's offset. Source: RFC 3550 §6.4.1, RFC
7667 §3.7.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import MICROSECONDS, Instant, ntp_middle, ntp_short_to_us, us_to_ticks
from rtpfwd.dataplane.interface import SendCounters
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.wire.rtcp.reports import ReportBlock, SenderReport

REPORTS_REMEMBERED = 8


class OutgoingReports:
    """One for each consumer. ``rtt_us`` is None until a report block answered a sender report."""

    __slots__ = ("_clock_rate", "_max_rtt_us", "_sent", "_ssrc", "last_block", "rtt_us")

    def __init__(self, ssrc: int, clock_rate: int, max_rtt_us: int) -> None:
        self._ssrc = ssrc
        self._clock_rate = clock_rate
        self._max_rtt_us = max_rtt_us
        self._sent: deque[tuple[int, Instant]] = deque(maxlen=REPORTS_REMEMBERED)
        self.last_block: ReportBlock | None = None
        self.rtt_us: int | None = None

    def build(
        self, source: IncomingStream | None, counters: SendCounters, now: Instant
    ) -> SenderReport | None:
        """The report for now; None until something was sent and the publisher has told its clock."""
        if source is None or source.report is None or counters.packets == 0 or counters.source != source.id:
            return None
        elapsed = now - source.report_at
        ntp = source.report.ntp + ((elapsed << 32) // MICROSECONDS) & 0xFFFF_FFFF_FFFF_FFFF
        rtp = source.report.rtp_timestamp + us_to_ticks(elapsed, self._clock_rate) + counters.timestamp_offset
        self._sent.append((ntp_middle(ntp), now))
        return SenderReport(
            ssrc=self._ssrc,
            ntp=ntp,
            rtp_timestamp=rtp & 0xFFFF_FFFF,
            packet_count=counters.packets & 0xFFFF_FFFF,
            octet_count=counters.payload_bytes & 0xFFFF_FFFF,
        )

    def note(self, block: ReportBlock, now: Instant) -> None:
        """What the peer saw of the stream."""
        self.last_block = block
        if block.last_sender_report == 0:
            return  # it has seen no sender report (RFC 3550 §6.4.1)
        for middle, sent_at in self._sent:
            if middle == block.last_sender_report:
                rtt = now - sent_at - ntp_short_to_us(block.delay_since_last_sender_report)
                self.rtt_us = min(max(rtt, 0), self._max_rtt_us)
