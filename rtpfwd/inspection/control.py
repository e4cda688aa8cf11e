"""What RTCP in a capture says: counts by type, round trips, feedback about each stream, estimates.

Source: RFC 3550 §6.4.1 (round trip from LSR and DLSR), RFC 3611 §4.5 (the same for who only receives),
RFC 4585, RFC 5104. A round trip here is from the place of the capture to the one that reports and back: the
report's time in the capture minus the sender report's, minus the delay that the reporter declares.
"""

from collections import Counter
from dataclasses import dataclass, field

from rtpfwd.clock import ntp_middle, ntp_short_to_us
from rtpfwd.errors import MalformedPacket
from rtpfwd.inspection.series import Keep, Series, Spread
from rtpfwd.wire.rtcp.compound import RtcpPacket, UnknownPacket, parse_compound
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.feedback import FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.header import PacketType, parse_header
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import Goodbye, ReceiverReport, SenderReport, SourceDescription
from rtpfwd.wire.rtcp.reports import ReportBlock as ReceptionBlock
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

MAX_SOURCES = 4096
REMEMBERED_REPORTS = 1024


@dataclass(slots=True)
class Feedback:
    """What receivers told about one SSRC. ``fraction_lost`` in parts of 1, ``reported_lost`` cumulative."""

    nacks: int = 0
    nacked_packets: int = 0
    plis: int = 0
    firs: int = 0
    reports: int = 0
    fraction_lost_max: float = 0.0
    reported_lost: int | None = None


@dataclass(slots=True)
class ControlStatistics:
    """All of a capture's RTCP. ``types`` counts packets in datagrams, not datagrams."""

    origin_us: int
    types: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    encrypted: int = 0
    feedback: dict[int, Feedback] = field(default_factory=dict)
    round_trips: dict[int, Spread] = field(default_factory=dict)
    round_trip_series: dict[int, Series] = field(default_factory=dict)
    estimates: dict[int, Spread] = field(default_factory=dict)
    estimate_series: dict[int, Series] = field(default_factory=dict)
    transport_reported: int = 0
    transport_lost: int = 0
    cnames: dict[int, str] = field(default_factory=dict)
    goodbyes: set[int] = field(default_factory=set)
    _sent: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # (SSRC, middle of NTP) to time of capture

    def receive(self, data: bytes, time_us: int) -> None:
        """Takes one datagram of plain or secure RTCP.

        SRTCP has a readable first header and noise behind it: when the lengths do not lead exactly to the
        datagram's end, nothing in it is believed.
        """
        if not _lengths_add_up(data):
            self.encrypted += 1
            return
        packets, wrong = parse_compound(data)
        self.malformed += wrong is not None
        for packet in packets:
            self._take(packet, time_us)

    def _take(self, packet: RtcpPacket, time_us: int) -> None:
        self.types[_type_name(packet)] += 1
        match packet:
            case SenderReport(ssrc, ntp):
                self._remember(ssrc, ntp_middle(ntp), time_us)
                self._take_reports(packet.ssrc, packet.reports, time_us)
            case ReceiverReport(ssrc, reports):
                self._take_reports(ssrc, reports, time_us)
            case SourceDescription(chunks):
                for chunk in chunks:
                    if chunk.cname is not None and len(self.cnames) < MAX_SOURCES:
                        self.cnames[chunk.ssrc] = chunk.cname
            case Goodbye(ssrcs):
                if len(self.goodbyes) < MAX_SOURCES:
                    self.goodbyes.update(ssrcs)
            case Nack():
                self._about(packet.media_ssrc).nacks += 1
                self._about(packet.media_ssrc).nacked_packets += len(packet.sequence_numbers)
            case PictureLossIndication():
                self._about(packet.media_ssrc).plis += 1
            case FullIntraRequest(entries=entries):
                for entry in entries:
                    self._about(entry.ssrc).firs += 1
            case ReceiverEstimatedMaxBitrate():
                self._take_estimate(packet, time_us)
            case TransportFeedback():
                self.transport_reported += len(packet.packets)
                self.transport_lost += packet.packets.count(None)
            case ExtendedReport():
                self._take_extended(packet, time_us)

    def _take_reports(self, reporter: int, reports: tuple[ReceptionBlock, ...], time_us: int) -> None:
        for report in reports:
            about = self._about(report.ssrc)
            about.reports += 1
            about.fraction_lost_max = max(about.fraction_lost_max, report.fraction_lost / 256)
            about.reported_lost = report.packets_lost
            if report.last_sender_report:
                self._round_trip(
                    reporter,
                    (report.ssrc, report.last_sender_report),
                    report.delay_since_last_sender_report,
                    time_us,
                )

    def _take_extended(self, packet: ExtendedReport, time_us: int) -> None:
        for block in packet.blocks:
            if isinstance(block, ReceiverReferenceTime):
                self._remember(packet.ssrc, ntp_middle(block.ntp), time_us)
            elif isinstance(block, DelaySinceLastReceiverReport):
                for item in block.items:
                    asked = item.ssrc, item.last_receiver_report
                    self._round_trip(packet.ssrc, asked, item.delay_since_last_receiver_report, time_us)

    def _take_estimate(self, packet: ReceiverEstimatedMaxBitrate, time_us: int) -> None:
        sender = packet.sender_ssrc
        if sender not in self.estimates:
            if len(self.estimates) >= MAX_SOURCES:
                return
            self.estimates[sender] = Spread()
            self.estimate_series[sender] = Series(self.origin_us, Keep.LAST)
        self.estimates[sender].add(packet.bitrate_bps)
        self.estimate_series[sender].add(time_us, packet.bitrate_bps)

    def _remember(self, ssrc: int, middle: int, time_us: int) -> None:
        while len(self._sent) >= REMEMBERED_REPORTS:
            del self._sent[next(iter(self._sent))]
        self._sent.setdefault((ssrc, middle), time_us)

    def _round_trip(self, reporter: int, asked: tuple[int, int], delay: int, time_us: int) -> None:
        sent_us = self._sent.get(asked)
        if sent_us is None:
            return
        round_trip_ms = max(time_us - sent_us - ntp_short_to_us(delay), 0) / 1000
        if reporter not in self.round_trips:
            if len(self.round_trips) >= MAX_SOURCES:
                return
            self.round_trips[reporter] = Spread()
            self.round_trip_series[reporter] = Series(self.origin_us, Keep.MAX)
        self.round_trips[reporter].add(round_trip_ms)
        self.round_trip_series[reporter].add(time_us, round_trip_ms)

    def _about(self, ssrc: int) -> Feedback:
        """Beyond the limit, feedback is counted by type only."""
        found = self.feedback.get(ssrc)
        if found is None:
            found = Feedback()
            if len(self.feedback) < MAX_SOURCES:
                self.feedback[ssrc] = found
        return found


_NAMES: dict[type, str] = {
    SenderReport: "sr",
    ReceiverReport: "rr",
    SourceDescription: "sdes",
    Goodbye: "bye",
    Nack: "nack",
    PictureLossIndication: "pli",
    FullIntraRequest: "fir",
    ReceiverEstimatedMaxBitrate: "remb",
    TransportFeedback: "transport_cc",
    ExtendedReport: "xr",
}


def _type_name(packet: RtcpPacket) -> str:
    if isinstance(packet, UnknownPacket) and packet.packet_type == PacketType.APPLICATION:
        return "app"
    return _NAMES.get(type(packet), "other")


def _lengths_add_up(data: bytes) -> bool:
    offset = 0
    try:
        while offset < len(data):
            offset = parse_header(data, offset).end
    except MalformedPacket:
        return False
    return offset == len(data)
