"""From a datagram to a packet of a stream: classify, find the transport, unprotect, parse, find the stream,
order, restore.

Every step that ends a packet's way counts it under one ``Drop``; an SSRC that nobody has claimed is held for
a while. What comes out goes to the two callbacks: ``route`` a packet, or ``absorb`` a number that carried
only padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import (
    Drop,
    DtlsReceived,
    PlaneLimits,
    RtcpReceived,
    StreamStarted,
    StunReceived,
    UnknownSsrc,
    Upcall,
)
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.route_table import Held, RouteTable, Transport
from rtpfwd.errors import MalformedPacket, Unauthentic
from rtpfwd.wire.datagram import Datagram, Path
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.extension_values import parse_mid, parse_rid
from rtpfwd.wire.header_extensions import (
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_CC,
    parse_elements,
)
from rtpfwd.wire.rtp import RtpHeader, parse_header, peek_ssrc
from rtpfwd.wire.rtx import OSN_SIZE

SRTP_OVERHEAD = 16  # the longest authentication tag (AEAD)
HELD_US = seconds(5)  # signaling that takes longer has lost the beginning

Route = Callable[[ReceiveStream, Packet, dict[int, bytes], Instant, list[Datagram]], Drop | None]
Absorb = Callable[[ReceiveStream, int, Instant], None]


class Ingress:
    """The receiving half of the plane. ``upcalls`` is the plane's own list."""

    def __init__(
        self, table: RouteTable, limits: PlaneLimits, upcalls: list[Upcall], route: Route, absorb: Absorb
    ) -> None:
        self._table = table
        self._limits = limits
        self._upcalls = upcalls
        self._route = route
        self._absorb = absorb
        self._claimed: list[tuple[Transport, Held]] = []
        self._drops = [0] * len(Drop)
        self._kinds = dict.fromkeys(Kind, 0)
        self.datagrams = self.accepted = self.held = 0

    @property
    def waiting(self) -> bool:
        """Whether packets wait whose SSRC has been claimed."""
        return bool(self._claimed)

    def kinds(self) -> tuple[int, int, int]:
        """STUN, DTLS and RTCP datagrams that were passed up."""
        kinds, drops = self._kinds, self._drops
        return (
            kinds[Kind.STUN],
            kinds[Kind.DTLS] - drops[Drop.DTLS_UNVALIDATED_TUPLE],
            kinds[Kind.RTCP] - drops[Drop.RTCP_UNVALIDATED_TUPLE] - drops[Drop.RTCP_BEFORE_KEYS],
        )

    def drops(self) -> Mapping[Drop, int]:
        """Drops by reason, without those that never happened."""
        self._drops[Drop.UNCLASSIFIED] = self._kinds[Kind.UNKNOWN]
        return {reason: self._drops[reason] for reason in Drop if self._drops[reason]}

    def receive(self, data: bytes, path: Path, now: Instant, out: list[Datagram]) -> None:
        """Take one datagram. Never raises on what it holds."""
        self.datagrams += 1
        kind = classify(data)
        if kind is Kind.RTP:
            self._receive_rtp(data, path, now, out)
            return
        self._kinds[kind] += 1
        if kind is Kind.STUN:
            self._upcalls.append(StunReceived(data, path))
        elif kind is Kind.RTCP:
            self._receive_rtcp(data, path)
        elif kind is Kind.DTLS:
            self._receive_dtls(data, path)

    # -- SSRCs that nobody has claimed yet -----------------------------------------------------------------

    def claim(self, transport: Transport, ssrc: int) -> None:
        """An SSRC has a stream now: its packets go through at the next ``release``."""
        held = transport.held.pop(ssrc, None)
        if held is not None:
            self._claimed.append((transport, held))

    def release(self, now: Instant, out: list[Datagram]) -> None:
        """Let packets through whose SSRC has been claimed."""
        claimed, self._claimed = self._claimed, []
        for transport, held in claimed:
            if now - held.since > HELD_US:
                self._give_up(held)
                continue
            self.held -= len(held.packets)
            for plain in held.packets:
                header = parse_header(plain)
                if header.ssrc in transport.streams or header.ssrc in transport.rtx:
                    self._receive_plain(transport, plain, header, _elements(plain, header), now, out)
                else:
                    self._drops[Drop.UNKNOWN_SSRC] += 1

    def retry(self, transport: Transport) -> None:
        """Ask again whose the held SSRCs are."""
        for held in transport.held.values():
            for plain in held.packets:
                header = parse_header(plain)
                self._ask(transport, header, _elements(plain, header))

    def forget(self, transport: Transport) -> None:
        """Give up what is held for a transport that goes."""
        for held in transport.held.values():
            self._give_up(held)
        transport.held.clear()
        for claimant, held in self._claimed:
            if claimant is transport:
                self._give_up(held)
        self._claimed = [claim for claim in self._claimed if claim[0] is not transport]

    # -- one datagram --------------------------------------------------------------------------------------

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
        if not known and ssrc not in transport.held:
            if transport.ssrc_count() >= self._limits.ssrcs_per_transport:
                self._expire_held(transport, now)
            if transport.ssrc_count() >= self._limits.ssrcs_per_transport:
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
            self._hold(transport, plain, header, elements, now)

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
            self.accepted += 1
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
        if stream.audio_levels is not None and not stream.paused:
            stream.audio_levels.note(elements, now)
        payload = plain[header.header_length : header.payload_end]
        packet = _packet(stream, sequence, header, payload_type, payload, elements, now)
        if stream.layering is not None:
            stream.layering.note(packet, len(plain))
        return self._route(stream, packet, elements, now, out)

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
            stream.rtx_discarded += 1
            return Drop.RTX_MALFORMED
        media_type = spec.rtx_payload_types.get(header.payload_type)
        payload_type = None if media_type is None else spec.payload_types.get(media_type)
        if payload_type is None:
            stream.rtx_discarded += 1
            return Drop.UNKNOWN_PAYLOAD_TYPE
        stream.retransmitted += 1
        stream.rtx_bytes += len(plain)
        if header.payload_end == payload_start:
            return Drop.PADDING_ONLY
        sequence = stream.restore(plain[header.header_length] << 8 | plain[header.header_length + 1])
        if isinstance(sequence, Drop):
            stream.rtx_discarded += 1
            return sequence
        stream.repaired += 1
        stream.packets += 1
        stream.bytes += len(plain) - OSN_SIZE
        payload = plain[payload_start : header.payload_end]
        packet = _packet(stream, sequence, header, payload_type, payload, elements, now)
        if stream.layering is not None:
            stream.layering.note(packet, len(plain) - OSN_SIZE)
        return self._route(stream, packet, elements, now, out)

    def _note_transport_number(self, transport: Transport, elements: dict[int, bytes], now: Instant) -> None:
        number = elements.get(transport.extension_ids.get(TRANSPORT_CC, -1))
        if number is not None and len(number) == 2:
            transport.note_arrival(number[0] << 8 | number[1], now)

    def _hold(
        self, transport: Transport, plain: bytes, header: RtpHeader, elements: dict[int, bytes], now: Instant
    ) -> None:
        held = transport.held.get(header.ssrc)
        if held is not None and now - held.since > HELD_US:
            self._give_up(held)
            held = None
        if held is None:
            held = transport.held[header.ssrc] = Held(now)
            self._expire_held(transport, now)
        held.last = now
        if len(held.packets) >= self._limits.held_packets_per_ssrc:
            self._drops[Drop.UNKNOWN_SSRC] += 1
            return
        held.packets.append(plain)
        self.held += 1
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

    def _expire_held(self, transport: Transport, now: Instant) -> None:
        # SSRCs of closed producers, whose last packets were under way, and whatever a peer makes up.
        for ssrc in [ssrc for ssrc, held in transport.held.items() if now - held.last > HELD_US]:
            self._give_up(transport.held.pop(ssrc))
            transport.forget_received(ssrc)

    def _give_up(self, held: Held) -> None:
        self.held -= len(held.packets)
        self._drops[Drop.UNKNOWN_SSRC] += len(held.packets)


def _packet(
    stream: ReceiveStream,
    sequence: int,
    header: RtpHeader,
    payload_type: int,
    payload: bytes,
    elements: dict[int, bytes],
    now: Instant,
) -> Packet:
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
    if stream.dependency is not None and stream.dependency_id in elements:
        stream.dependency.describe(packet, elements[stream.dependency_id])
    return packet


def _elements(plain: bytes, header: RtpHeader) -> dict[int, bytes]:
    if header.extension_profile is None:
        return {}
    return parse_elements(header.extension_profile, plain[header.extension_start : header.extension_end])
