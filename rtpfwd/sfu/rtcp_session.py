"""RTCP of one transport, read: each packet of a compound finds the stream it is about.

RTCP is terminated here; nothing of it is forwarded. Bounded: a compound is as long as its datagram, a NACK
list is cut, what is about somebody else's stream is ignored. Source: RFC 3550 §6, RFC 4585, RFC 5104, RFC
3611.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from rtpfwd.clock import Instant, ntp_middle, ntp_short_to_us, us_to_ntp_short
from rtpfwd.errors import MalformedPacket, Unauthentic
from rtpfwd.protocols.srtp import RtcpReceiver, RtcpSender, SrtpKeys
from rtpfwd.sfu.bandwidth import BandwidthControl
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.wire.rtcp.compound import RtcpPacket, parse_compound, serialize_compound
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.feedback import FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import ReceiverReport, ReportBlock, SenderReport
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

MAX_DLRR_SOURCES = 16
MAX_REMB_BPS = 1_000_000_000
"""What a REMB says beyond that is as good as no limit."""


class RtcpSession:
    """Both SRTCP directions of a transport, and what the peer's reports say."""

    def __init__(
        self,
        context: Context,
        keys: SrtpKeys,
        incoming: Mapping[int, IncomingStream],
        consumers: Mapping[int, Consumer],
        resend: Callable[[Consumer, tuple[int, ...], Instant], None],
        bandwidth: BandwidthControl,
    ) -> None:
        self._context = context
        self._sender = RtcpSender(keys)
        self._receiver = RtcpReceiver(keys)
        self._incoming = incoming
        self._consumers = consumers
        self._resend = resend
        self._bandwidth = bandwidth
        self._reference_times: dict[int, tuple[int, Instant]] = {}
        self._fir_seen: dict[tuple[int, int], int] = {}
        self.drops: Counter[str] = Counter()
        self.feedbacks = 0
        """Transport-wide feedbacks received."""

    def protect(self, packets: list[RtcpPacket]) -> bytes:
        """An SRTCP datagram of these packets."""
        return self._sender.protect(serialize_compound(packets))

    def receive(self, data: bytes, now: Instant) -> bool:
        """Take an SRTCP datagram; returns whether the peer wrote it. What is wrong counts in ``drops``."""
        try:
            plain = self._receiver.unprotect(data)
        except Unauthentic as error:
            self.drops["srtcp_replay" if error.replayed else "srtcp_auth_fail"] += 1
            return False
        except MalformedPacket:
            self.drops["srtcp_malformed"] += 1
            return False
        packets, malformed = parse_compound(plain)
        if malformed is not None:
            self.drops["rtcp_malformed"] += 1
        for packet in packets:
            self._take(packet, now)
        return True

    def answers_to_reference_times(self, now: Instant) -> DelaySinceLastReceiverReport | None:
        """DLRR for the RRTRs since the last call (RFC 3611 §4.5)."""
        if not self._reference_times:
            return None
        items = tuple(
            DlrrItem(ssrc, middle, us_to_ntp_short(now - at))
            for ssrc, (middle, at) in self._reference_times.items()
        )
        self._reference_times.clear()
        return DelaySinceLastReceiverReport(items)

    def _take(self, packet: RtcpPacket, now: Instant) -> None:
        match packet:
            case SenderReport(ssrc=ssrc, reports=reports):
                stream = self._incoming.get(ssrc)
                if stream is not None and stream.ssrc == ssrc:
                    stream.note_sender_report(packet, now)
                    info = {"ssrc": ssrc, "ntp": packet.ntp, "rtpTimestamp": packet.rtp_timestamp}
                    stream.producer.traces.tell("sr", "in", info, now)
                self._take_blocks(reports, now)
            case ReceiverReport(reports=reports):
                self._take_blocks(reports, now)
            case Nack(media_ssrc=ssrc, sequence_numbers=numbers):
                self._take_nack(ssrc, numbers, now)
            case PictureLossIndication(media_ssrc=ssrc):
                self._ask_key_frame(ssrc, now, "pli_count")
            case FullIntraRequest(sender_ssrc=sender, entries=entries):
                for entry in entries:
                    # The same number again is the same request repeated (RFC 5104 §4.3.1.2).
                    known = self._fir_seen.get((sender, entry.ssrc))
                    if entry.ssrc in self._consumers and known != entry.sequence_number:
                        self._fir_seen[sender, entry.ssrc] = entry.sequence_number
                        if len(self._fir_seen) > 1024:
                            del self._fir_seen[next(iter(self._fir_seen))]
                        self._ask_key_frame(entry.ssrc, now, "fir_count")
            case ReceiverEstimatedMaxBitrate(bitrate_bps=bitrate):
                self._bandwidth.remb(min(bitrate, MAX_REMB_BPS), now)
            case TransportFeedback():
                self.feedbacks += 1
                self._bandwidth.feedback(packet, now)
            case ExtendedReport():
                self._take_extended(packet, now)
            case _:
                pass  # SDES and BYE tell nothing that ICE and signaling do not

    def _take_blocks(self, blocks: tuple[ReportBlock, ...], now: Instant) -> None:
        for block in blocks:
            consumer = self._consumers.get(block.ssrc)
            if consumer is not None and block.ssrc == consumer.ssrc:
                consumer.note_report(block, now)
                if consumer.kind == "video":
                    self._bandwidth.report(block.fraction_lost / 256, consumer.reports.rtt_us, now)

    def _take_nack(self, ssrc: int, numbers: tuple[int, ...], now: Instant) -> None:
        consumer = self._consumers.get(ssrc)
        if consumer is None or ssrc != consumer.ssrc:
            return
        consumer.nack_count += 1
        consumer.traces.tell("nack", "in", {"ssrc": ssrc}, now)
        # Unique, in order: a repeated number is one request.
        unique = tuple(dict.fromkeys(numbers))
        limit = self._context.settings.rtcp.nack_numbers_per_report
        if len(unique) > limit:
            self.drops["nack_numbers_over_limit"] += len(unique) - limit
            consumer.request_key_frame(now=now)
        self._resend(consumer, unique[:limit], now)

    def _ask_key_frame(self, ssrc: int, now: Instant, counter: str) -> None:
        consumer = self._consumers.get(ssrc)
        if consumer is not None and ssrc == consumer.ssrc:
            setattr(consumer, counter, getattr(consumer, counter) + 1)
            consumer.traces.tell(counter.removesuffix("_count"), "in", {"ssrc": ssrc}, now)
            consumer.request_key_frame(now=now)

    def _take_extended(self, report: ExtendedReport, now: Instant) -> None:
        for block in report.blocks:
            if isinstance(block, ReceiverReferenceTime):
                if report.ssrc in self._reference_times or len(self._reference_times) < MAX_DLRR_SOURCES:
                    self._reference_times[report.ssrc] = (ntp_middle(block.ntp), now)
            elif isinstance(block, DelaySinceLastReceiverReport):
                for item in block.items:
                    self._take_dlrr(item, now)

    def _take_dlrr(self, item: DlrrItem, now: Instant) -> None:
        if item.last_receiver_report == 0:
            return
        elapsed = ntp_middle(self._context.ntp(now)) - item.last_receiver_report & 0xFFFF_FFFF
        rtt_us = ntp_short_to_us(elapsed) - ntp_short_to_us(item.delay_since_last_receiver_report)
        limit = self._context.settings.rtcp.max_rtt_us
        for stream in self._incoming.values():
            stream.rtt_us = min(max(rtt_us, 0), limit)
