"""The reference data plane: a packet's way from top to bottom, in readable Python. The oracle of every other
plane.

``forward`` reads in the order a packet travels: classify, find the transport, unprotect, parse, find the
stream, count and order, route, and for each send stream renumber, write, protect. Nothing from the network
raises out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    Drop,
    DtlsReceived,
    KeyFrameNeeded,
    KeyFrameReceived,
    NacksDue,
    OrientationChanged,
    PacketsMissing,
    PlaneCounters,
    PlaneLimits,
    ReceiveCounters,
    ReceiveStreamId,
    ReceiveStreamSpec,
    RtcpReceived,
    SendCounters,
    SendStreamId,
    SendStreamSpec,
    SourceSwitched,
    StreamStarted,
    StunReceived,
    TransportId,
    UnknownSsrc,
    Upcall,
)
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.route_table import RouteTable, Transport
from rtpfwd.dataplane.reference.send_stream import SendStream
from rtpfwd.errors import InvalidState, MalformedPacket, Unauthentic
from rtpfwd.protocols.srtp import RtpReceiver, RtpSender, SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.extension_values import parse_mid, parse_rid
from rtpfwd.wire.header_extensions import (
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_CC,
    VIDEO_ORIENTATION,
    parse_elements,
)
from rtpfwd.wire.rtp import RtpHeader, parse_header, peek_ssrc
from rtpfwd.wire.rtx import OSN_SIZE

SRTP_OVERHEAD = 16  # the longest authentication tag (AEAD)


class ReferencePlane:
    """``DataPlane`` in pure Python, over pylibsrtp. See interface.py for what each method promises."""

    def __init__(self, limits: PlaneLimits | None = None) -> None:
        self._limits = limits or PlaneLimits()
        self._table = RouteTable()
        self._send_streams: dict[SendStreamId, SendStream] = {}
        self._layouts: dict[tuple[tuple[tuple[str, int], ...], bytes], Layout] = {}
        self._upcalls: list[Upcall] = []
        self._claimed: list[tuple[Transport, list[bytes]]] = []
        self._drops = [0] * len(Drop)
        self._kinds = dict.fromkeys(Kind, 0)
        self._datagrams = self._accepted = self._held = self._forwarded = 0

    # -- tables
    # ------------------------------------------------------------------------------------------------------

    def add_transport(self, transport: TransportId) -> None:
        """A transport without keys or paths."""
        self._table.add_transport(transport)

    def set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """Give the transport its SRTP keys."""
        entry = self._table.transport(transport)
        if entry.receiver is not None:
            raise InvalidState(f"transport {transport} already has its keys")
        entry.receiver = RtpReceiver(keys)
        entry.sender = RtpSender(keys)

    def set_receive_extensions(self, transport: TransportId, extension_ids: Mapping[str, int]) -> None:
        """Header extension ids that the peer sends with."""
        self._table.transport(transport).extension_ids = dict(extension_ids)

    def add_path(self, transport: TransportId, path: Path) -> None:
        """A validated 5-tuple."""
        self._table.add_path(transport, path)

    def remove_path(self, path: Path) -> None:
        """Forget a 5-tuple."""
        self._table.remove_path(path)

    def select_path(self, transport: TransportId, path: Path | None) -> None:
        """Where output goes."""
        self._table.transport(transport).selected = path

    def add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        """Claim an SSRC; what is held for it goes through at the next ``forward`` or ``handle_timeout``."""
        self._table.add_stream(ReceiveStream(stream, spec, self._limits))
        entry = self._table.transport(spec.transport)
        self._claim(entry, spec.ssrc)
        if spec.rtx_ssrc is not None:
            self._claim(entry, spec.rtx_ssrc)

    def add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        """Claim an RTX SSRC learnt later."""
        entry = self._table.stream(stream)
        self._table.add_rtx(entry, ssrc)
        self._claim(self._table.transport(entry.spec.transport), ssrc)

    def set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        """Drop, or no longer drop, what arrives."""
        self._table.stream(stream).paused = paused

    def add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        """An outgoing stream without a source."""
        if stream in self._send_streams:
            raise InvalidState(f"send stream {stream} is already in the table")
        key = (tuple(sorted(spec.extension_ids.items())), spec.mid)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout(spec.extension_ids, spec.mid)
        self._send_streams[stream] = SendStream(stream, spec, self._table.transport(spec.transport), layout)

    def set_source(self, stream: SendStreamId, source: ReceiveStreamId | None, now: Instant) -> None:
        """What this stream shall forward."""
        entry = self._send_stream(stream)
        if source is not None:
            self._table.stream(source)
        entry.set_target(source)
        self._table.route(entry)

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """Pause at once, resume at a key frame."""
        self._send_stream(stream).set_paused(paused)

    def remove_transport(self, transport: TransportId) -> None:
        """Remove it with its paths and streams."""
        entry = self._table.transport(transport)
        for path in list(entry.paths):
            self._table.remove_path(path)
        for receive_stream in list(entry.streams.values()):
            self.remove_receive_stream(receive_stream.id)
        for send_stream in [one for one in self._send_streams.values() if one.transport is entry]:
            self.remove_send_stream(send_stream.id)
        for packets in entry.held.values():
            self._give_up(len(packets))
        for claimant, packets in self._claimed:
            if claimant is entry:
                self._give_up(len(packets))
        self._claimed = [claim for claim in self._claimed if claim[0] is not entry]
        del self._table.transports[transport]

    def remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        """Forget a receive stream."""
        for send_stream in self._table.remove_stream(stream):
            send_stream.lost_source(stream)
            self._table.route(send_stream)

    def remove_send_stream(self, stream: SendStreamId) -> None:
        """Forget a send stream."""
        self._table.unroute(self._send_stream(stream))
        del self._send_streams[stream]

    def retry_unknown(self, transport: TransportId) -> None:
        """Ask again whose the held SSRCs are."""
        entry = self._table.transport(transport)
        for packets in entry.held.values():
            for plain in packets:
                header = parse_header(plain)
                self._ask(entry, header, _elements(plain, header))

    # -- packets
    # -----------------------------------------------------------------------------------------------------

    def forward(self, arrived: Sequence[Datagram], now: Instant) -> list[Datagram]:
        """Take datagrams off the network, return those to send."""
        out: list[Datagram] = self._release_claimed(now) if self._claimed else []
        self._datagrams += len(arrived)
        kinds = self._kinds
        for data, path in arrived:
            kind = classify(data)
            if kind is Kind.RTP:
                self._receive_rtp(data, path, now, out)
                continue
            kinds[kind] += 1
            if kind is Kind.STUN:
                self._upcalls.append(StunReceived(data, path))
            elif kind is Kind.RTCP:
                self._receive_rtcp(data, path)
            elif kind is Kind.DTLS:
                self._receive_dtls(data, path)
        return out

    def retransmit(
        self, stream: SendStreamId, sequence_numbers: Sequence[int], rtt_us: int, now: Instant
    ) -> list[Datagram]:
        """Answer a NACK on the RTX SSRC, or with the same ciphertext where the peer has no RTX."""
        entry = self._send_stream(stream)
        path = entry.transport.selected
        out: list[Datagram] = []
        if path is None:
            return out
        for sequence_number in sequence_numbers:
            entry.resends.asked += 1
            data = self._resend(entry, sequence_number, rtt_us, now)
            if data is None:
                entry.resends.not_found += 1
            else:
                out.append((data, path))
        return out

    def next_timeout(self) -> Instant | None:
        """At once while claimed packets wait, else nothing: this plane does not pace."""
        return Instant(0) if self._claimed else None

    def handle_timeout(self, now: Instant) -> list[Datagram]:
        """Route packets whose SSRC has been claimed."""
        return self._release_claimed(now)

    # -- what the control plane must know
    # ------------------------------------------------------------------------------

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls since the last call."""
        upcalls, self._upcalls = self._upcalls, []
        return upcalls

    def take_arrivals(self, transport: TransportId) -> list[tuple[int, Instant]]:
        """Transport-wide arrivals since the last call."""
        entry = self._table.transport(transport)
        arrivals, entry.arrivals = entry.arrivals, []
        return arrivals

    def due_nacks(self, stream: ReceiveStreamId, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask the publisher for now."""
        return self._table.stream(stream).due_nacks(rtt_us, now)

    def receive_counters(self, stream: ReceiveStreamId) -> ReceiveCounters:
        """Running totals of a receive stream."""
        return self._table.stream(stream).counters()

    def send_counters(self, stream: SendStreamId) -> SendCounters:
        """Running totals of a send stream."""
        return self._send_stream(stream).counters()

    def counters(self) -> PlaneCounters:
        """Running totals of the plane."""
        drops = self._drops
        return PlaneCounters(
            datagrams=self._datagrams,
            stun=self._kinds[Kind.STUN],
            dtls=self._kinds[Kind.DTLS] - drops[Drop.DTLS_UNVALIDATED_TUPLE],
            rtcp=self._kinds[Kind.RTCP] - drops[Drop.RTCP_UNVALIDATED_TUPLE] - drops[Drop.RTCP_BEFORE_KEYS],
            rtp=self._accepted,
            held=self._held,
            forwarded=self._forwarded,
            drops={
                reason: count
                for reason, count in ((reason, self._drop_count(reason)) for reason in Drop)
                if count
            },
        )

    # -- one datagram
    # --------------------------------------------------------------------------------------------------

    def _receive_dtls(self, data: bytes, path: Path) -> None:
        transport = self._table.paths.get(path)
        if transport is None:
            self._drops[Drop.DTLS_UNVALIDATED_TUPLE] += 1
        else:
            self._upcalls.append(DtlsReceived(transport.id, data, path))

    def _receive_rtcp(self, data: bytes, path: Path) -> None:
        transport = self._table.paths.get(path)
        if transport is None:
            self._drops[Drop.RTCP_UNVALIDATED_TUPLE] += 1
        elif transport.receiver is None:
            self._drops[Drop.RTCP_BEFORE_KEYS] += 1
        else:
            self._upcalls.append(RtcpReceived(transport.id, data))

    def _receive_rtp(self, data: bytes, path: Path, now: Instant, out: list[Datagram]) -> None:
        drops = self._drops
        transport = self._table.paths.get(path)
        if transport is None:
            drops[Drop.RTP_UNVALIDATED_TUPLE] += 1
            return
        if transport.receiver is None:
            drops[Drop.RTP_BEFORE_KEYS] += 1
            return
        ssrc = peek_ssrc(data)
        known = ssrc in transport.streams or ssrc in transport.rtx
        if (
            not known
            and ssrc not in transport.held
            and transport.ssrc_count() >= self._limits.ssrcs_per_transport
        ):
            drops[Drop.SSRC_LIMIT] += 1
            return
        if len(data) > self._limits.packet_bytes + SRTP_OVERHEAD:
            drops[Drop.RTP_TOO_BIG] += 1
            return
        try:
            plain = transport.receiver.unprotect(data)
            header = parse_header(plain)
        except Unauthentic as error:
            drops[Drop.SRTP_REPLAY if error.replayed else Drop.SRTP_AUTH_FAIL] += 1
            return
        except MalformedPacket:
            drops[Drop.RTP_MALFORMED] += 1
            return
        elements = _elements(plain, header)
        self._note_transport_number(transport, elements, now)
        if known:
            self._receive_plain(transport, plain, header, elements, now, out)
        else:
            self._hold(transport, plain, header, elements)

    def _receive_plain(
        self,
        transport: Transport,
        plain: bytes,
        header: RtpHeader,
        elements: dict[int, bytes],
        now: Instant,
        out: list[Datagram],
    ) -> None:
        stream = transport.streams.get(header.ssrc)
        if stream is not None:
            verdict = self._receive_original(stream, plain, header, elements, now, out)
        else:
            verdict = self._receive_rtx(transport.rtx[header.ssrc], plain, header, elements, now, out)
        if verdict is None:
            self._accepted += 1
        else:
            self._drops[verdict] += 1

    def _receive_original(
        self,
        stream: ReceiveStream,
        plain: bytes,
        header: RtpHeader,
        elements: dict[int, bytes],
        now: Instant,
        out: list[Datagram],
    ) -> Drop | None:
        payload_type = stream.spec.payload_types.get(header.payload_type)
        if payload_type is None:
            stream.discarded += 1
            return Drop.UNKNOWN_PAYLOAD_TYPE
        if not stream.started:
            self._upcalls.append(StreamStarted(stream.id))
        sequence = stream.accept(header.sequence_number)
        if isinstance(sequence, Drop):
            if sequence is Drop.DUPLICATE:
                stream.duplicates += 1
            stream.discarded += 1
            return sequence
        stream.count_original(len(plain), header.timestamp, now)
        if header.payload_end == header.header_length:
            self._absorb(stream, sequence, now)
            return Drop.PADDING_ONLY
        payload = plain[header.header_length : header.payload_end]
        return self._route(stream, sequence, header, payload_type, payload, elements, now, out)

    def _receive_rtx(
        self,
        stream: ReceiveStream,
        plain: bytes,
        header: RtpHeader,
        elements: dict[int, bytes],
        now: Instant,
        out: list[Datagram],
    ) -> Drop | None:
        spec = stream.spec
        if header.payload_end == header.header_length:
            return Drop.PADDING_ONLY
        payload_start = header.header_length + OSN_SIZE
        if header.payload_end < payload_start:
            return Drop.RTX_MALFORMED
        media_type = spec.rtx_payload_types.get(header.payload_type)
        payload_type = None if media_type is None else spec.payload_types.get(media_type)
        if payload_type is None:
            stream.discarded += 1
            return Drop.UNKNOWN_PAYLOAD_TYPE
        stream.retransmitted += 1
        stream.rtx_bytes += len(plain)
        if header.payload_end == payload_start:
            return Drop.PADDING_ONLY
        sequence = stream.restore(plain[header.header_length] << 8 | plain[header.header_length + 1])
        if isinstance(sequence, Drop):
            return sequence
        stream.repaired += 1
        stream.packets += 1
        stream.bytes += len(plain) - OSN_SIZE
        payload = plain[payload_start : header.payload_end]
        return self._route(stream, sequence, header, payload_type, payload, elements, now, out)

    def _route(
        self,
        stream: ReceiveStream,
        sequence: int,
        header: RtpHeader,
        payload_type: int,
        payload: bytes,
        elements: dict[int, bytes],
        now: Instant,
        out: list[Datagram],
    ) -> Drop | None:
        uris = stream.uris
        packet = Packet(
            stream.id,
            sequence,
            header.timestamp,
            header.marker,
            payload_type,
            [(uris[number], value) for number, value in elements.items() if number in uris],
            payload,
            stream.describe(payload) if stream.describe is not None else None,
            now,
        )
        self._note_missing(stream, stream.note(packet, now))
        if stream.spec.extension_ids.get(VIDEO_ORIENTATION) in elements:
            self._note_orientation(stream, elements)
        if stream.paused:
            return Drop.PRODUCER_PAUSED
        if packet.key_frame and stream.last_key_timestamp != packet.timestamp:
            stream.last_key_timestamp = packet.timestamp
            stream.key_frames += 1
            self._upcalls.append(KeyFrameReceived(stream.id))
        upcalls = self._upcalls
        before = len(upcalls)
        for send_stream in self._table.routes[stream.id]:
            protected = send_stream.forward(packet, now, upcalls)
            if protected is not None:
                # forward() checked that the path is there.
                out.append((protected, send_stream.transport.selected))  # type: ignore[arg-type]
                self._forwarded += 1
        if len(upcalls) > before:
            self._reroute(upcalls[before:])
        return None

    def _absorb(self, stream: ReceiveStream, sequence: int, now: Instant) -> None:
        # A padding-only packet probes the link. Its number is used up, but nobody shall miss it.
        self._note_missing(stream, stream.arrived(sequence, False, now))
        for send_stream in self._table.routes[stream.id]:
            send_stream.skip(stream.id, sequence)

    def _note_missing(self, stream: ReceiveStream, repairable: bool) -> None:
        if not repairable:
            self._upcalls.append(KeyFrameNeeded(stream.id))
        elif stream.nacks is not None and stream.nacks.take_news():
            self._upcalls.append(PacketsMissing(stream.id))

    def _note_orientation(self, stream: ReceiveStream, elements: dict[int, bytes]) -> None:
        value = elements[stream.spec.extension_ids[VIDEO_ORIENTATION]]
        if value and value[0] != stream.orientation:
            stream.orientation = value[0]
            self._upcalls.append(OrientationChanged(stream.id, value[0]))

    def _note_transport_number(self, transport: Transport, elements: dict[int, bytes], now: Instant) -> None:
        number = elements.get(transport.extension_ids.get(TRANSPORT_CC, -1))
        if number is not None and len(number) == 2:
            transport.note_arrival(number[0] << 8 | number[1], now)

    def _reroute(self, upcalls: list[Upcall]) -> None:
        for upcall in upcalls:
            if isinstance(upcall, SourceSwitched):
                self._table.route(self._send_streams[upcall.stream])

    def _resend(self, entry: SendStream, sequence_number: int, rtt_us: int, now: Instant) -> bytes | None:
        if not entry.resends.may_resend(sequence_number, rtt_us, now):
            return None
        if entry.spec.keep_ciphertext:
            return entry.resends.verbatim(sequence_number)
        found = entry.find(sequence_number)
        if found is None:
            return None
        segment, source_number = found
        stream = self._table.streams.get(segment.source)
        original = stream.history.get(source_number) if stream is not None else None
        return None if original is None else entry.resend(sequence_number, original, segment, now)

    # -- SSRCs that nobody has claimed yet
    # ------------------------------------------------------------------------------

    def _hold(
        self, transport: Transport, plain: bytes, header: RtpHeader, elements: dict[int, bytes]
    ) -> None:
        packets = transport.held.setdefault(header.ssrc, [])
        if len(packets) >= self._limits.held_packets_per_ssrc:
            self._drops[Drop.UNKNOWN_SSRC] += 1
            return
        packets.append(plain)
        self._held += 1
        self._ask(transport, header, elements)

    def _ask(self, transport: Transport, header: RtpHeader, elements: dict[int, bytes]) -> None:
        ids = transport.extension_ids
        mid = elements.get(ids.get(MID, -1))
        rid = elements.get(ids.get(RTP_STREAM_ID, -1))
        repaired = elements.get(ids.get(REPAIRED_RTP_STREAM_ID, -1))
        self._upcalls.append(
            UnknownSsrc(
                transport.id,
                header.ssrc,
                header.payload_type,
                None if mid is None else parse_mid(mid),
                None if rid is None else parse_rid(rid),
                None if repaired is None else parse_rid(repaired),
            )
        )

    def _claim(self, transport: Transport, ssrc: int) -> None:
        packets = transport.held.pop(ssrc, None)
        if packets:
            self._claimed.append((transport, packets))

    def _release_claimed(self, now: Instant) -> list[Datagram]:
        out: list[Datagram] = []
        claimed, self._claimed = self._claimed, []
        for transport, packets in claimed:
            self._held -= len(packets)
            for plain in packets:
                header = parse_header(plain)
                if header.ssrc in transport.streams or header.ssrc in transport.rtx:
                    self._receive_plain(transport, plain, header, _elements(plain, header), now, out)
                else:
                    self._drops[Drop.UNKNOWN_SSRC] += 1
        return out

    def _give_up(self, packets: int) -> None:
        self._held -= packets
        self._drops[Drop.UNKNOWN_SSRC] += packets

    def _send_stream(self, stream: SendStreamId) -> SendStream:
        try:
            return self._send_streams[stream]
        except KeyError:
            raise InvalidState(f"no send stream {stream} in the table") from None

    def _drop_count(self, reason: Drop) -> int:
        return self._kinds[Kind.UNKNOWN] if reason is Drop.UNCLASSIFIED else self._drops[reason]


def _elements(plain: bytes, header: RtpHeader) -> dict[int, bytes]:
    if header.extension_profile is None:
        return {}
    return parse_elements(header.extension_profile, plain[header.extension_start : header.extension_end])
