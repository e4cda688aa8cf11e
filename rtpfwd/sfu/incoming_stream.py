"""One encoding of a producer, seen from the control plane: its ids, the publisher's clock, loss and liveness.

Source: RFC 3550 A.3 (fraction lost), §6.4.1 (LSR and DLSR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant, ntp_middle, us_to_ntp_short
from rtpfwd.congestion.rate_window import RateWindow
from rtpfwd.dataplane.interface import ReceiveCounters, ReceiveStreamId
from rtpfwd.sfu.score import Score
from rtpfwd.wire.rtcp.reports import ReportBlock, SenderReport

if TYPE_CHECKING:
    from rtpfwd.sfu.producer import Producer

MAX_LOST = 0x7F_FFFF  # signed 24 bits


class IncomingStream:
    """``position`` is the encoding's place in the producer's list: its spatial layer when there are
    several.
    """

    __slots__ = (
        "_previous_expected",
        "_previous_received",
        "_previous_repaired",
        "active",
        "fir_count",
        "fraction_lost",
        "id",
        "packet_rate",
        "pli_count",
        "position",
        "producer",
        "rate",
        "report",
        "report_at",
        "rid",
        "rtt_us",
        "rtx_rate",
        "rtx_ssrc",
        "score",
        "ssrc",
    )

    def __init__(
        self,
        stream: ReceiveStreamId,
        producer: Producer,
        position: int,
        ssrc: int,
        rtx_ssrc: int | None,
        rid: str | None,
    ) -> None:
        self.id = stream
        self.producer = producer
        self.position = position
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.rid = rid
        self.active = False
        self.report: SenderReport | None = None
        self.report_at = Instant(0)
        self.rtt_us: int | None = None
        self.fraction_lost = 0
        self.pli_count = self.fir_count = 0
        self.rate = RateWindow()
        self.rtx_rate = RateWindow()
        self.packet_rate = RateWindow()
        self.score = Score()
        self._previous_expected = self._previous_received = self._previous_repaired = 0

    def note_sender_report(self, report: SenderReport, now: Instant) -> None:
        """The publisher's two clocks at one moment."""
        self.report = report
        self.report_at = now

    def report_block(self, counters: ReceiveCounters, now: Instant) -> ReportBlock:
        """This interval's reception report; starts the next interval."""
        expected = counters.expected - self._previous_expected
        lost = expected - (counters.received - self._previous_received)
        repaired = counters.repaired - self._previous_repaired
        self._previous_expected = counters.expected
        self._previous_received = counters.received
        self._previous_repaired = counters.repaired
        self.fraction_lost = min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0
        if self.active:
            self.score.sample(expected, lost, repaired)
        report = self.report
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=self.fraction_lost,
            packets_lost=max(min(counters.expected - counters.received, MAX_LOST), -MAX_LOST - 1),
            highest_sequence_number=counters.highest_extended & 0xFFFF_FFFF,
            jitter=min(counters.jitter, 0xFFFF_FFFF),
            last_sender_report=ntp_middle(report.ntp) if report is not None else 0,
            delay_since_last_sender_report=us_to_ntp_short(now - self.report_at) if report is not None else 0,
        )
