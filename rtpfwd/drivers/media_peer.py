"""A whole client in one sans-IO object: ICE, DTLS, SRTP, media in and out, RTCP. The other end for tests and
benches.

What it does is what a browser does where an SFU can tell: key frames when asked (PLI, FIR), RTX when asked
(NACK), reports each second (sender, receiver, and the answer to RRTR), NACK for what it misses itself, and a
key frame request when no picture can be shown. What it sends is ``fake_media``'s, or an encoder model's.
With a ``sender`` it numbers, paces and estimates; with ``feedback`` it tells what arrives. Left out: SDP, the
JSON values of mediasoup's API go in and out as they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from rtpfwd.clock import Instant, ntp_middle, seconds, unix_us_to_ntp, us_to_ntp_short
from rtpfwd.drivers.encoder_model import EncoderSpec
from rtpfwd.drivers.encoder_source import EncodedCamera
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec, read_mark
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.receive_loop import PROBATOR_SSRC, ReceiverFeedback
from rtpfwd.drivers.send_loop import SendLoop
from rtpfwd.errors import MalformedPacket
from rtpfwd.protocols.certificate import Fingerprint
from rtpfwd.protocols.controlling_peer import CheckAnswered, ControllingPeer, RtcpArrived, RtpArrived
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.dtls_states import DtlsRole
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Address, Datagram, Path
from rtpfwd.wire.rtcp.compound import RtcpPacket, parse_compound, serialize_compound
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.feedback import FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.reports import (
    CNAME_ITEM,
    Goodbye,
    ReceiverReport,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket

JsonObject = dict[str, Any]

REPORT_INTERVAL_US = seconds(1)
REPORTER_SSRC = 1  # libwebrtc's, for reports of a client that sends nothing
MAX_BLOCKS = 31


def seeded_entropy(seed: int) -> Callable[[int], bytes]:
    """Bytes that look random and are the same each time; for tests only."""
    return random.Random(seed).randbytes


class MediaPeer:
    """One client on one WebRtcTransport. Its verbs are a virtual network's ``Endpoint``."""

    def __init__(self, peer: ControllingPeer, fingerprints: list[Fingerprint]) -> None:
        self.peer = peer
        self.dtls_parameters: JsonObject = {
            "role": peer.role.value,
            "fingerprints": [{"algorithm": one.algorithm, "value": one.value} for one in fingerprints],
        }
        """For ``transport.connect``."""
        self.sources: dict[int, MediaSource] = {}
        self.sinks: dict[int, MediaSink] = {}
        self.key_frame_requests = 0
        """PLIs and FIRs that arrived for a source."""
        self.nacked = 0
        """Sequence numbers that were asked of us."""
        self.nacks: list[tuple[Instant, int, tuple[int, ...]]] = []
        """What was asked of us, when: (time, SSRC, sequence numbers)."""
        self.unknown_ssrcs = self.malformed = self.padding_packets = 0
        self.answers_nacks = True
        self.clock_offset_us = 0
        """How far this client's wall clock is ahead of the virtual one."""
        self.sender: SendLoop | None = None
        """Numbers and paces what is sent; made with the first camera, or before."""
        self.feedback: ReceiverFeedback | None = None
        """Tells the sender what arrives."""
        self.cameras: list[EncodedCamera] = []
        self._reference_time: tuple[int, int, Instant] | None = None
        self._next_report: Instant | None = None
        self._waiting: list[MediaSource | EncodedCamera] = []
        self._reached = False

    @classmethod
    def for_transport(
        cls,
        ice_parameters: JsonObject,
        ice_candidates: list[JsonObject],
        dtls_parameters: JsonObject,
        context: DtlsContext,
        entropy: Callable[[int], bytes],
        *,
        role: DtlsRole = DtlsRole.CLIENT,
    ) -> MediaPeer:
        """A client for the transport that these describe, at its first candidate; nothing is sent before
        ``start``.
        """
        candidate = ice_candidates[0]
        host, port = candidate["address"], candidate["port"]
        server: Address = (host, port, 0, 0) if ":" in host else (host, port)
        peer = ControllingPeer(
            context,
            entropy,
            server=server,
            server_ufrag=ice_parameters["usernameFragment"],
            server_password=ice_parameters["password"],
            server_fingerprints=[
                Fingerprint(one["algorithm"], one["value"]) for one in dtls_parameters["fingerprints"]
            ],
            role=role,
        )
        return cls(peer, context.fingerprints)

    @property
    def connected(self) -> bool:
        """Whether media can flow: there are SRTP keys and a check was answered."""
        return self._reached and self.peer.connected

    def start(self, now: Instant) -> None:
        """Begin with connectivity checks."""
        self.peer.start(now)

    def set_keys(self, keys: SrtpKeys) -> None:
        """Use ``keys`` in place of a handshake."""
        self.peer.set_keys(keys)

    def restart_ice(self, ice_parameters: JsonObject, now: Instant) -> None:
        """Go on with what ``transport.restart_ice()`` gave."""
        self.peer.restart_ice(ice_parameters["usernameFragment"], ice_parameters["password"], now)

    def add_source(self, spec: SourceSpec) -> MediaSource:
        """Send this stream from the moment that there are keys."""
        return self.add_own_source(MediaSource(spec))

    def add_own_source(self, source: MediaSource) -> MediaSource:
        """The same for a source of another make."""
        self.sources[source.spec.ssrc] = source
        self._waiting.append(source)
        return source

    def add_camera(
        self, spec: EncoderSpec, streams: tuple[SourceSpec, ...], *, target_bps: int
    ) -> EncodedCamera:
        """Send what this encoder makes, paced, from the moment that there are keys. ``target_bps`` holds
        until an estimator says otherwise.
        """
        camera = EncodedCamera(spec, streams, target_bps=target_bps)
        if self.sender is None:
            self.sender = SendLoop()
        self.cameras.append(camera)
        self.sender.cameras.append(camera)
        self.sender.make_padding = self._make_padding
        self.sources |= {source.spec.ssrc: source for source in camera.sources}
        self._waiting.append(camera)
        return camera

    def add_sink(self, rtp_parameters: JsonObject, *, decode: bool = False) -> MediaSink:
        """Expect the stream of a consumer with these ``rtpParameters``; ``decode`` video with a model."""
        sink = MediaSink(rtp_parameters, decode=decode)
        self.sinks[sink.ssrc] = sink
        if sink.rtx_ssrc is not None:
            self.sinks[sink.rtx_ssrc] = sink
        return sink

    def request_key_frame(self, sink: MediaSink) -> None:
        """Send a PLI for a stream."""
        self.send_rtcp([self._empty_report(), PictureLossIndication(REPORTER_SSRC, sink.ssrc)])

    def send_rtcp(self, packets: list[RtcpPacket]) -> None:
        """Send these as one datagram, as they are; nothing before there are keys."""
        if self.connected:
            self.peer.send_rtcp(serialize_compound(packets))

    def receive(self, data: bytes, path: Path, now: Instant) -> None:
        """Take a datagram."""
        self.peer.receive(data, now)
        self._after(now)

    def handle_timeout(self, now: Instant) -> None:
        """Checks, DTLS, frames, reports, NACKs: whatever is due."""
        due = self.peer.next_timeout()
        if due is not None and due <= now:
            self.peer.handle_timeout(now)
        self._after(now)
        if not self.connected:
            return
        for source in self.sources.values():
            for packet in source.take_due(now):
                self.peer.send_rtp(packet if self.sender is None else self.sender.send_now(packet, now))
        if self.sender is not None:
            for camera in self.cameras:
                self.sender.enqueue(camera.take_due(now), now)
            for packet in self.sender.take_due(now):
                self.peer.send_rtp(packet)
        if self.feedback is not None:
            told = self.feedback.take_due(REPORTER_SSRC, list(self.sinks), now)
            if told:
                self.send_rtcp(told)
        if self._next_report is not None and self._next_report <= now:
            self._next_report = Instant(now + REPORT_INTERVAL_US)
            self._report(now)

    def next_timeout(self) -> Instant | None:
        """The earliest of all that."""
        deadlines = [self.peer.next_timeout()]
        if self.connected:
            deadlines.append(self._next_report)
            deadlines += [source.next_timeout() for source in self.sources.values()]
            for ssrc, sink in self.sinks.items():
                if ssrc == sink.ssrc:  # not for its RTX again
                    deadlines += (sink.next_nack(), sink.next_key_frame_request())
            deadlines += [camera.next_timeout() for camera in self.cameras]
            deadlines += [self.sender.next_timeout()] if self.sender is not None else []
            deadlines += [self.feedback.next_timeout()] if self.feedback is not None else []
            if self._waiting:
                return Instant(0)
        return min((at for at in deadlines if at is not None), default=None)

    def transmit(self) -> list[Datagram]:
        """What to send, once."""
        return self.peer.transmit()

    def close(self) -> None:
        """Say BYE and close_notify."""
        if self.connected and self.sources:
            self.send_rtcp([self._empty_report(), Goodbye(tuple(self.sources))])
        self.sources.clear()
        self.cameras.clear()
        self._next_report = None
        self.peer.close()

    def _after(self, now: Instant) -> None:
        """What follows from the events of the inner peer, and from time."""
        for event in self.peer.events():
            if isinstance(event, RtpArrived):
                self._receive_rtp(event.packet, now)
            elif isinstance(event, RtcpArrived):
                self._receive_rtcp(event.packet, now)
            elif isinstance(event, CheckAnswered):
                self._reached = True
        if not self.connected:
            return
        if self._next_report is None:
            self._next_report = Instant(now + REPORT_INTERVAL_US)
        while self._waiting:
            self._waiting.pop(0).start(now)
        feedback: list[RtcpPacket] = []
        for ssrc, sink in self.sinks.items():
            if ssrc != sink.ssrc:
                continue
            missing = sink.take_nacks(now)
            if missing:
                feedback.append(Nack(REPORTER_SSRC, ssrc, tuple(missing)))
            if sink.take_key_frame_request(now):
                feedback.append(PictureLossIndication(REPORTER_SSRC, ssrc))
        if feedback:
            self.send_rtcp([self._empty_report(), *feedback])

    def _receive_rtp(self, data: bytes, now: Instant) -> None:
        try:
            packet = RtpPacket.parse(data)
        except MalformedPacket:
            self.malformed += 1
            return
        sink = self.sinks.get(packet.ssrc)
        if self.feedback is not None and (sink is not None or packet.ssrc == PROBATOR_SSRC):
            original = sink is not None and packet.ssrc == sink.ssrc
            mark = read_mark(packet.payload) if original else None
            delay_us = now - mark.sent_at if mark is not None else None
            self.feedback.arrived(packet, len(data), delay_us, now)
        if packet.ssrc == PROBATOR_SSRC:
            self.padding_packets += 1
            return
        if sink is None:
            self.unknown_ssrcs += 1
            return
        sink.receive(packet, now)

    def _receive_rtcp(self, data: bytes, now: Instant) -> None:
        packets, malformed = parse_compound(data)
        self.malformed += malformed is not None
        for packet in packets:
            match packet:
                case PictureLossIndication():
                    self._key_frame_asked(packet.media_ssrc)
                case FullIntraRequest():
                    for entry in packet.entries:
                        self._key_frame_asked(entry.ssrc)
                case Nack():
                    self._repeat(packet, now)
                case ExtendedReport():
                    for block in packet.blocks:
                        if isinstance(block, ReceiverReferenceTime):
                            self._reference_time = packet.ssrc, ntp_middle(block.ntp), now
                case TransportFeedback():
                    if self.sender is not None:
                        self.sender.feedback(packet, now)
                case SenderReport():
                    sink = self.sinks.get(packet.ssrc)
                    if sink is not None:
                        sink.note_sender_report(packet, now)

    def _key_frame_asked(self, ssrc: int) -> None:
        source = self.sources.get(ssrc)
        if source is not None:
            self.key_frame_requests += 1
            source.key_frame_wanted = True

    def _repeat(self, nack: Nack, now: Instant) -> None:
        source = self.sources.get(nack.media_ssrc)
        if source is None:
            return
        self.nacked += len(nack.sequence_numbers)
        self.nacks.append((now, nack.media_ssrc, nack.sequence_numbers))
        if not self.answers_nacks:
            return
        for number in nack.sequence_numbers:
            packet = source.retransmit(number)
            if packet is not None:
                self.peer.send_rtp(packet if self.sender is None else self.sender.send_now(packet, now))

    def _make_padding(self, size: int) -> bytes | None:
        """For probes: on the first RTX stream of a camera that has sent."""
        for camera in self.cameras:
            for source in camera.sources:
                if source.packets and (made := source.make_probe(size)) is not None:
                    return made
        return None

    def _report(self, now: Instant) -> None:
        blocks = [
            block
            for ssrc, sink in self.sinks.items()
            if ssrc == sink.ssrc and (block := sink.report_block(now)) is not None
        ][:MAX_BLOCKS]
        reports: list[RtcpPacket] = [
            SenderReport(
                ssrc,
                unix_us_to_ntp(now + self.clock_offset_us),
                source.timestamp_at(now),
                source.packets & 0xFFFF_FFFF,
                source.octets & 0xFFFF_FFFF,
            )
            for ssrc, source in self.sources.items()
            if source.packets
        ]
        if blocks or not reports:
            reports.append(ReceiverReport(REPORTER_SSRC, tuple(blocks)))
        if self._reference_time is not None:
            ssrc, middle, heard_at = self._reference_time
            item = DlrrItem(ssrc, middle, us_to_ntp_short(now - heard_at))
            reports.append(ExtendedReport(REPORTER_SSRC, (DelaySinceLastReceiverReport((item,)),)))
            self._reference_time = None
        names = [SdesChunk(ssrc, ((CNAME_ITEM, b"rtpfwd-test"),)) for ssrc in self.sources]
        if names:
            reports.append(SourceDescription(tuple(names)))
        self.send_rtcp(reports)

    @staticmethod
    def _empty_report() -> RtcpPacket:
        return ReceiverReport(REPORTER_SSRC)
