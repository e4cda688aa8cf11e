"""The control loop around one transport's media: reports, feedback, NACKs, key frame requests, liveness.

Runs on the transport's named deadlines; sends RTCP as soon as SRTP keys and a selected tuple are there, and
never before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.sfu.bandwidth import BandwidthControl
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.context import Context, Deadline
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.keyframe_requests import KeyFrameRequests
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.rtcp_reports import RtcpReports
from rtpfwd.sfu.rtcp_session import RtcpSession
from rtpfwd.wire.datagram import Path
from rtpfwd.wire.header_extensions import ABS_SEND_TIME, TRANSPORT_CC
from rtpfwd.wire.rtcp.compound import RtcpPacket
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.reports import ReceiverReport

MIN_RTT_US = milliseconds(10)  # of repairs; the peer's reports may claim that there is none at all
NACK_NUMBERS_PER_PACKET = 256  # each may take four bytes, and a datagram has some 1200

UNREPAIRABLE = 16
"""So many packets refused for the repair budget, and only a key frame ends the standstill soon."""
SILENCE_US = seconds(3)
"""Receivers of video report each second, but a report may be lost; who was silent so long lost media too."""


class MediaControl:
    """One for each transport. ``incoming`` and ``consumers`` are by SSRC, RTX SSRCs included."""

    def __init__(
        self,
        context: Context,
        transport: TransportId,
        transport_id: str,
        ssrc: int,
        tell_downlink: Callable[[JsonObject], None],
        trace: Callable[[str, JsonObject, Instant], None],
    ) -> None:
        self.incoming: dict[int, IncomingStream] = {}
        self.consumers: dict[int, Consumer] = {}
        self.selected: Path | None = None
        self.session: RtcpSession | None = None
        self.reports = RtcpReports(context, ssrc)
        self.bytes_sent = self.bytes_received = 0
        self.max_incoming_bps = context.settings.max_incoming_bitrate_bps
        self._context = context
        self._transport = transport
        self._key_frames = KeyFrameRequests(lambda: context.settings.key_frames)
        self._producers: dict[str, Producer] = {}
        self._fir_number = 0
        self._last_remb_at: Instant | None = None
        self._heard_at: Instant | None = None
        self.bandwidth = BandwidthControl(
            context, transport, transport_id, self._consumer_list, tell_downlink, trace
        )

    # -- the transport's news ------------------------------------------------------------------------------

    def start(self, keys: SrtpKeys, now: Instant) -> None:
        """SRTP keys are there: reports begin, consumers ask for key frames."""
        self.session = RtcpSession(
            self._context, keys, self.incoming, self.consumers, self._resend, self.bandwidth
        )
        rtcp = self._context.settings.rtcp
        self._arm(Deadline.REPORT, now + rtcp.first_report_us)
        if self._producers:
            self._arm(Deadline.FEEDBACK, now + rtcp.feedback_interval_us)
        for consumer in self._consumer_list():
            consumer.start(now)

    def is_reachable(self) -> bool:
        """Whether media can be sent to the peer."""
        return self.session is not None and self.selected is not None

    def select(self, path: Path | None, now: Instant) -> None:
        """Where RTCP goes. Who can be reached again needs key frames: what was sent meanwhile is lost."""
        unreachable = self.selected is None
        self.selected = path
        if unreachable and self.session is not None:
            for consumer in self._consumer_list():
                consumer.start(now)

    def add_producer(self, producer: Producer, now: Instant) -> None:
        """Feedback begins with the first producer, the watch over liveness with the first simulcast one."""
        self._producers[producer.id] = producer
        if self.session is not None:
            self._arm(Deadline.FEEDBACK, now + self._context.settings.rtcp.feedback_interval_us)
        if len(producer.parameters.encodings) > 1:
            self._arm(Deadline.ACTIVITY, now + self._context.settings.activity_check_us)

    def remove_producer(self, producer: Producer) -> None:
        """Its streams are gone."""
        self._producers.pop(producer.id, None)
        for ssrc in [ssrc for ssrc, stream in self.incoming.items() if stream.producer is producer]:
            del self.incoming[ssrc]
            self._key_frames.forget(ssrc)

    def index(self, producer: Producer) -> None:
        """Streams or RTX SSRCs of a producer became known."""
        for stream in producer.streams:
            self.incoming[stream.ssrc] = stream
            if stream.rtx_ssrc is not None:
                self.incoming[stream.rtx_ssrc] = stream

    def add_consumer(self, consumer: Consumer, now: Instant) -> None:
        """Start it when the peer can receive already."""
        self.consumers[consumer.ssrc] = consumer
        if consumer.rtx_ssrc is not None:
            self.consumers[consumer.rtx_ssrc] = consumer
        self.bandwidth.consumer_added(consumer, now)
        consumer.start(now)

    def remove_consumer(self, consumer: Consumer) -> None:
        """Its SSRCs are gone."""
        for ssrc in (consumer.ssrc, consumer.rtx_ssrc):
            if ssrc is not None:
                self.consumers.pop(ssrc, None)

    def receive(self, data: bytes, now: Instant) -> None:
        """An SRTCP datagram from a validated tuple."""
        if self.session is not None:
            self.bytes_received += len(data)
            if self.session.receive(data, now):
                self._note_heard(now)

    def packets_missing(self, now: Instant) -> None:
        """A gap appeared: look whom to ask, at once."""
        self._ask_missing(now)

    def key_frame_received(self, stream: IncomingStream, now: Instant) -> None:
        """What was asked for has come."""
        self._key_frames.received(stream.ssrc, now)
        self._arm_key_frames()

    def ask_key_frame(self, stream: IncomingStream, now: Instant) -> None:
        """Ask the publisher, unless it was asked just now."""
        if self._key_frames.ask(stream.ssrc, now):
            self._send_key_frame_request(stream, now)
        self._arm_key_frames()

    def tell_clock(self, consumer: Consumer, now: Instant) -> None:
        """A sender report at once, because another source forwards from now on.

        It has a media clock of its own, and that goes on from the old one only as well as its key frame was
        on time.
        """
        for compound in self.reports.regular([], [consumer], None, now):
            self._send(compound)

    def drops(self) -> Counter[str]:
        """Reasons for which RTCP was dropped."""
        return self.session.drops if self.session is not None else Counter()

    # -- deadlines -----------------------------------------------------------------------------------------

    def handle(self, deadline: Deadline, now: Instant) -> None:
        """One of this transport's media deadlines is due."""
        match deadline:
            case Deadline.REPORT:
                self._report(now)
            case Deadline.FEEDBACK:
                self._feedback(now)
            case Deadline.NACK:
                self._ask_missing(now)
            case Deadline.KEY_FRAME:
                for ssrc in self._key_frames.due(now):
                    if ssrc in self.incoming:
                        self._send_key_frame_request(self.incoming[ssrc], now)
                self._arm_key_frames()
            case Deadline.ACTIVITY:
                self._check_activity(now)
            case Deadline.BANDWIDTH:
                self.bandwidth.handle_timeout(now)
            case Deadline.SECURE | Deadline.OBSERVE | Deadline.WANTED:
                pass  # the transport's own, an observer's, and a producer's

    def _report(self, now: Instant) -> None:
        session = self.session
        if session is None:
            return
        rtcp = self._context.settings.rtcp
        spread = rtcp.report_interval_us * rtcp.report_jitter_percent // 100
        jitter = int.from_bytes(self._context.entropy(2)) * spread >> 16
        self._arm(Deadline.REPORT, now + rtcp.report_interval_us + jitter)
        dlrr = session.answers_to_reference_times(now)
        for compound in self.reports.regular(self._streams(), self._consumer_list(), dlrr, now):
            self._send(compound)
        for producer in self._producers.values():
            producer.tell_score()
        self._note_rates(now)

    def _note_rates(self, now: Instant) -> None:
        # So that whoever asks once, and never before, is told of the last second.
        plane = self._context.plane
        for stream in self._streams():
            received = plane.receive_counters(stream.id)
            stream.rate.update(received.bytes, now)
            stream.packet_rate.update(received.packets, now)
        for consumer in self._consumer_list():
            consumer.packet_rate.update(plane.send_counters(consumer.stream).packets, now)

    def _feedback(self, now: Instant) -> None:
        if self.session is None or not self._producers:
            return
        settings = self._context.settings.rtcp
        self._arm(Deadline.FEEDBACK, now + settings.feedback_interval_us)
        arrivals = self._context.plane.take_arrivals(self._transport)
        streams = self._streams()
        if arrivals and streams:
            for feedback in self.reports.transport_feedback(arrivals, streams[0].ssrc):
                self._send([feedback])
        due = self._last_remb_at is None or now - self._last_remb_at >= settings.remb_interval_us
        if due and streams:
            self._last_remb_at = now
            limit = self._remb_limit(now)
            if limit is not None:
                self._send(
                    [
                        ReceiverReport(self.reports.ssrc),
                        self.reports.bitrate_limit(limit, [s.ssrc for s in streams]),
                    ]
                )

    def _remb_limit(self, now: Instant) -> int | None:
        by_feedback = any(
            _uses(producer, TRANSPORT_CC, "transport-cc") for producer in self._producers.values()
        )
        by_remb = any(_uses(producer, ABS_SEND_TIME, "goog-remb") for producer in self._producers.values())
        if by_remb and not by_feedback:
            estimate = self.reports.estimate(self._streams(), now)
            return min(estimate, self.max_incoming_bps) if self.max_incoming_bps else estimate
        return self.max_incoming_bps or None

    def _ask_missing(self, now: Instant) -> None:
        next_due: Instant | None = None
        default = self._context.settings.rtcp.default_rtt_us
        for stream in self._streams():
            rtt_us = stream.rtt_us if stream.rtt_us is not None else default
            due = self._context.plane.due_nacks(stream.id, max(rtt_us, MIN_RTT_US), now)
            for start in range(0, len(due.sequence_numbers), NACK_NUMBERS_PER_PACKET):
                numbers = due.sequence_numbers[start : start + NACK_NUMBERS_PER_PACKET]
                self._send([Nack(self.reports.ssrc, stream.ssrc, numbers)])
                stream.producer.traces.tell("nack", "out", {"ssrc": stream.ssrc}, now)
            if due.next_due is not None and (next_due is None or due.next_due < next_due):
                next_due = due.next_due
        if next_due is not None:
            self._arm(Deadline.NACK, next_due)

    def _check_activity(self, now: Instant) -> None:
        settings = self._context.settings
        watched = [one for one in self._producers.values() if len(one.parameters.encodings) > 1]
        if watched:
            self._arm(Deadline.ACTIVITY, now + settings.activity_check_us)
        for producer in watched:
            streams = list(producer.streams)
            heard = [self._context.plane.receive_counters(stream.id).last_arrival for stream in streams]
            newest = max((at for at in heard if at is not None), default=now)
            for stream, last in zip(streams, heard, strict=True):
                if last is None:
                    continue
                dtx = producer.parameters.encodings[stream.position].dtx
                limit = settings.inactivity_dtx_us if dtx else settings.inactivity_us
                left_behind = newest - last >= settings.left_behind_us
                producer.set_active(stream, now - last < limit and not left_behind, now)

    # -- sending -------------------------------------------------------------------------------------------

    def _send_key_frame_request(self, stream: IncomingStream, now: Instant) -> None:
        parameters = stream.producer.parameters
        codec = parameters.codec_for(parameters.encodings[stream.position])
        if codec.has_feedback("nack", "pli") or not codec.has_feedback("ccm", "fir"):
            stream.pli_count += 1
            stream.producer.traces.tell("pli", "out", {"ssrc": stream.ssrc}, now)
            self._send([PictureLossIndication(self.reports.ssrc, stream.ssrc)])
        else:
            stream.fir_count += 1
            stream.producer.traces.tell("fir", "out", {"ssrc": stream.ssrc}, now)
            self._fir_number = self._fir_number + 1 & 0xFF
            self._send([FullIntraRequest(self.reports.ssrc, 0, (FirEntry(stream.ssrc, self._fir_number),))])

    def _resend(self, consumer: Consumer, numbers: tuple[int, ...], now: Instant) -> None:
        rtt_us = consumer.reports.rtt_us
        if rtt_us is None:
            rtt_us = self._context.settings.rtcp.default_rtt_us
        rtt_us = max(rtt_us, MIN_RTT_US)
        plane = self._context.plane
        before = plane.send_counters(consumer.stream).over_budget
        self._context.outgoing += plane.retransmit(consumer.stream, numbers, rtt_us, now)
        consumer.unrepaired += plane.send_counters(consumer.stream).over_budget - before
        if consumer.unrepaired >= UNREPAIRABLE:
            consumer.unrepaired = 0
            consumer.request_key_frame(now=now)

    def _note_heard(self, now: Instant) -> None:
        heard_at, self._heard_at = self._heard_at, now
        if heard_at is not None and now - heard_at >= SILENCE_US:
            for consumer in self._consumer_list():
                if consumer.kind == "video":
                    consumer.request_key_frame(now=now)

    def _send(self, packets: list[RtcpPacket]) -> None:
        if self.session is not None and self.selected is not None:
            data = self.session.protect(packets)
            self.bytes_sent += len(data)
            self._context.outgoing.append((data, self.selected))

    # -- small helps ---------------------------------------------------------------------------------------

    def _streams(self) -> list[IncomingStream]:
        return [stream for ssrc, stream in self.incoming.items() if stream.ssrc == ssrc]

    def _consumer_list(self) -> list[Consumer]:
        return [consumer for ssrc, consumer in self.consumers.items() if consumer.ssrc == ssrc]

    def _arm(self, deadline: Deadline, at: int) -> None:
        self._context.timers.set((self._transport, deadline), Instant(at))

    def _arm_key_frames(self) -> None:
        at = self._key_frames.next_timeout()
        if at is not None:
            self._arm(Deadline.KEY_FRAME, at)


def _uses(producer: Producer, uri: str, feedback: str) -> bool:
    parameters = producer.parameters
    return parameters.header_extension_id(uri) is not None and any(
        codec.has_feedback(feedback) for codec in parameters.codecs
    )
