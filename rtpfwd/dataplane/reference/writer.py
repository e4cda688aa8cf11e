"""Writing the packets of one outgoing stream: header, renumbered payload, cipher, counts.

``SendStream`` has chosen and numbered; here a packet becomes bytes and leaves. Repairs go out on the RTX
SSRC with numbers of their own (RFC 4588 §4), or as the same ciphertext again.
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import PacketTrace, SendDrop, SendStreamId, SendStreamSpec, Upcall
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.numbering import Segment
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.padding import NO_STREAM, leave
from rtpfwd.dataplane.reference.retransmission import Resends
from rtpfwd.dataplane.reference.rewriting import dependency_value, marker_of, rewritten_payload
from rtpfwd.dataplane.reference.route_table import Transport
from rtpfwd.errors import RtpfwdError
from rtpfwd.wire.datagram import Datagram


class StreamWriter:
    """One for each send stream. ``drops`` is the send stream's own list."""

    __slots__ = (
        "_drops",
        "_id",
        "_layout",
        "_resends",
        "_spec",
        "_transport",
        "bytes",
        "packets",
        "payload_bytes",
        "traces",
    )

    def __init__(
        self,
        stream: SendStreamId,
        spec: SendStreamSpec,
        transport: Transport,
        layout: Layout,
        resends: Resends,
        drops: list[int],
    ) -> None:
        self._id = stream
        self._spec = spec
        self._transport = transport
        self._layout = layout
        self._resends = resends
        self._drops = drops
        self.packets = self.bytes = self.payload_bytes = 0
        self.traces: list[Upcall] | None = None

    def media(self, packet: Packet, segment: Segment, number: int, now: Instant, out: list[Datagram]) -> None:
        """Send a packet of the source as number ``number`` (extended)."""
        payload = packet.payload
        if segment.rewrites_payload:
            payload = rewritten_payload(packet, segment)
        spec = self._spec
        size = self._send(
            packet,
            payload,
            packet.payload_type,
            number & 0xFFFF,
            spec.ssrc,
            segment,
            now,
            out,
            number & 0xFFFF,
        )
        if size:
            self.packets += 1
            self.bytes += size
            self.payload_bytes += len(payload)
            self._resends.earn(size)

    def repair(
        self, packet: Packet, segment: Segment, sequence_number: int, now: Instant, out: list[Datagram]
    ) -> None:
        """Send it again on the RTX SSRC; ``sequence_number`` is the one it went out with."""
        sizes = self._on_rtx(packet, segment, sequence_number, now, out)
        if sizes is None:
            self._resends.not_found += 1
        elif sizes[0]:
            self._resends.count_rtx(*sizes)

    def repeat(
        self, packet: Packet, segment: Segment, sequence_number: int, now: Instant, out: list[Datagram]
    ) -> int:
        """The same as padding, which no counter of this stream knows of; its size before SRTP, or 0."""
        sizes = self._on_rtx(packet, segment, sequence_number, now, out)
        return sizes[0] if sizes is not None else 0

    def empty(
        self, payload_type: int, timestamp: int, padding: int, now: Instant, out: list[Datagram]
    ) -> int:
        """Send ``padding`` bytes of nothing on the RTX SSRC (RFC 3550 §5.1); the size before SRTP, or 0.

        ``payload_type`` is the media's, ``timestamp`` an outgoing one.
        """
        spec, layout, transport = self._spec, self._layout, self._transport
        rtx_payload_type = spec.rtx_payload_types.get(payload_type)
        if rtx_payload_type is None or spec.rtx_ssrc is None:
            return 0
        plain = layout.write(
            Packet(NO_STREAM, 0, timestamp, False, payload_type, [], b"", None, now),
            bytes(padding - 1) + bytes((padding,)),
            rtx_payload_type,
            self._resends.next_sequence_number(),
            timestamp,
            spec.rtx_ssrc,
            number := transport.next_number() if layout.numbered else 0,
            now,
        )
        plain = bytes((plain[0] | 0x20,)) + plain[1:]
        return leave(transport, plain, number if layout.numbered else None, now, out)

    def verbatim(self, ciphertext: bytes, out: list[Datagram]) -> None:
        """Send the same bytes again. No departure: the transport-wide number in them is the old one, which
        its first sending has on record.
        """
        self._resends.count_verbatim(len(ciphertext))
        out.append((ciphertext, self._transport.selected))  # type: ignore[arg-type]  # whoever calls has looked

    def _on_rtx(
        self, packet: Packet, segment: Segment, sequence_number: int, now: Instant, out: list[Datagram]
    ) -> tuple[int, int] | None:
        # RFC 4588 §4: the original number leads the payload, on an SSRC with numbers of its own.
        spec = self._spec
        payload_type = spec.rtx_payload_types.get(packet.payload_type)
        if payload_type is None or spec.rtx_ssrc is None:
            return None
        payload = packet.payload
        if segment.rewrites_payload:
            payload = rewritten_payload(packet, segment)
        payload = sequence_number.to_bytes(2) + payload
        number = self._resends.next_sequence_number()
        size = self._send(packet, payload, payload_type, number, spec.rtx_ssrc, segment, now, out, None)
        return size, len(payload)

    def _send(
        self,
        packet: Packet,
        payload: bytes,
        payload_type: int,
        sequence_number: int,
        ssrc: int,
        segment: Segment,
        now: Instant,
        out: list[Datagram],
        keep_as: int | None,
    ) -> int:
        transport = self._transport
        layout = self._layout
        numbered = layout.numbered
        transport_number = transport.next_number() if numbered else 0
        ends, dependency = False, None
        if segment.rewrites_header:
            ends, dependency = marker_of(packet, segment), dependency_value(packet, segment)
        plain = layout.write(
            packet,
            payload,
            payload_type,
            sequence_number,
            packet.timestamp + segment.timestamp_offset & 0xFFFF_FFFF,
            ssrc,
            transport_number,
            now,
            ends,
            dependency,
        )
        try:
            protected = transport.sender.protect(plain)  # type: ignore[union-attr]  # whoever calls has looked
        except RtpfwdError:
            self._drops[SendDrop.PROTECT_FAILED] += 1
            if numbered:
                transport.unsent += 1
            return 0
        if numbered:
            if transport.probes.cluster:
                transport.note_departure(transport_number, len(protected), now)
            else:
                transport.departures.append((transport_number, now, len(protected), 0))
        if self.traces is not None:
            self._trace(packet, len(plain), len(payload), payload_type, sequence_number, ssrc, segment)
        if keep_as is not None and self._spec.keep_ciphertext:
            self._resends.keep(keep_as, protected, now)
        out.append((protected, transport.selected))  # type: ignore[arg-type]  # whoever calls has looked
        return len(plain)

    def _trace(
        self,
        packet: Packet,
        size: int,
        payload_size: int,
        payload_type: int,
        sequence_number: int,
        ssrc: int,
        segment: Segment,
    ) -> None:
        if self.traces is not None:
            self.traces.append(
                PacketTrace(
                    receive_stream=None,
                    send_stream=self._id,
                    ssrc=ssrc,
                    payload_type=payload_type,
                    sequence_number=sequence_number,
                    timestamp=packet.timestamp + segment.timestamp_offset & 0xFFFF_FFFF,
                    marker=marker_of(packet, segment),
                    key_frame=packet.key_frame,
                    is_rtx=ssrc != self._spec.ssrc,
                    size=size,
                    payload_size=payload_size,
                    spatial_layer=packet.layer >> 3,
                    temporal_layer=packet.layer & 7,
                )
            )
