"""What fills a probe: repeated packets first, then empty ones on an RTX SSRC, then the probator's zeros.

A repetition is a retransmission that nobody asked for (RFC 4588 §4, a number of its own on the RTX SSRC):
the receiver takes it where the original was lost and else drops it. Where no packet of the right size is
kept, RTX carries padding alone (RFC 3550 §5.1), as libwebrtc does, once the stream has sent media. The
probator is mediasoup's: a stream that mediasoup-client announces to the browser by itself, of zeros.

Padding is the transport's: it is no retransmission in ``SendCounters`` and takes nothing of the repair
budget. Repetitions on a traced stream are traced; empty packets and the probator's are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import ProbatorSpec, ReceiveStreamId, SendStreamId
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.probing import LARGEST_PADDING
from rtpfwd.errors import RtpfwdError
from rtpfwd.wire.datagram import Datagram

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.route_table import Transport
    from rtpfwd.dataplane.reference.send_stream import FindPacket, SendStream

LOOKED_AT = 16
"""Packets of a stream, back from the last one, among which the best size is repeated."""
REMEMBERED = 64
"""Repetitions remembered, so that a probe does not repeat the same packet over and over."""
STREAMS_TRIED = 2
SRTP_TAG = 16
OVERHEAD = 40 + SRTP_TAG  # about: header with extensions
LARGEST_RTX_PADDING = 255
TICKS_A_PACKET = 20

NO_STREAM = ReceiveStreamId(-1)
"""The source of packets that have none."""


class Padding:
    """The padding of one transport. ``streams`` are its video streams with RTX; counts are before SRTP."""

    __slots__ = ("_next_numbers", "_probator", "_repeated", "bytes", "packets", "streams")

    def __init__(self) -> None:
        self.packets = self.bytes = 0
        self.streams: dict[SendStreamId, SendStream] = {}
        self._probator: _Probator | None = None
        self._next_numbers: dict[int, int] = {}
        self._repeated: dict[tuple[SendStreamId, int], int] = {}

    def set_probator(self, spec: ProbatorSpec | None) -> None:
        """The padding stream from now on. An SSRC that was in use before goes on with its numbers: one that
        came a second time with other bytes would reuse the cipher's nonce.
        """
        if self._probator is not None:
            self._next_numbers[self._probator.spec.ssrc] = self._probator.next_number
        if spec is None:
            self._probator = None
        else:
            first = self._next_numbers.get(spec.ssrc, spec.first_sequence_number)
            self._probator = _Probator(spec, first)

    def possible(self) -> bool:
        """Whether there is anything to pad with."""
        return self._probator is not None or any(one.writer.packets for one in self.streams.values())

    def send(
        self, transport: Transport, wanted: int, find: FindPacket, now: Instant, out: list[Datagram]
    ) -> int:
        """Send one packet of about ``wanted`` bytes, SRTP included; returns its real size there, or 0."""
        if transport.sender is None or transport.selected is None:
            return 0
        before = len(out)
        streams = sorted(
            (one for one in self.streams.values() if one.writer.packets),
            key=lambda one: one.last_sent(),
            reverse=True,
        )[:STREAMS_TRIED]
        size = 0
        for stream in streams:
            size = self._repeat(stream, wanted, find, now, out)
            if size:
                break
        else:
            if streams:
                size = streams[0].pad_empty(_empty_size(wanted), now, out)
            elif self._probator is not None:
                size = self._probator.send(transport, wanted, now, out)
        if not size:
            return 0
        self.packets += 1
        self.bytes += size
        return len(out[before][0])

    def _repeat(
        self, stream: SendStream, wanted: int, find: FindPacket, now: Instant, out: list[Datagram]
    ) -> int:
        best: tuple[tuple[int, int], tuple[SendStreamId, int]] | None = None
        chosen = None
        for back in range(LOOKED_AT):
            found = stream.sent_before(back, find)
            if found is None:
                continue
            packet, _, number = found
            size = len(packet.payload) + OVERHEAD
            if not wanted // 2 <= size <= wanted * 5 // 4:
                continue
            key = stream.id, number
            rank = (self._repeated.get(key, 0), abs(size - wanted)), key
            if best is None or rank < best:
                best, chosen = rank, found
        if best is None or chosen is None:
            return 0
        (times, _), key = best
        self._repeated.pop(key, None)
        self._repeated[key] = times + 1
        if len(self._repeated) > REMEMBERED:
            del self._repeated[next(iter(self._repeated))]
        packet, segment, number = chosen
        return stream.writer.repeat(packet, segment, number, now, out)


class _Probator:
    """The stream of zeros; ``next_number`` is the extended one of its next packet."""

    __slots__ = ("_header_size", "_layout", "next_number", "spec")

    def __init__(self, spec: ProbatorSpec, next_number: int) -> None:
        self.spec = spec
        self.next_number = next_number
        self._layout = Layout(spec.extension_ids, spec.mid)
        self._header_size = len(self._write(b"", 0, Instant(0)))

    def send(self, transport: Transport, wanted: int, now: Instant, out: list[Datagram]) -> int:
        """One packet; its size before SRTP."""
        numbered = self._layout.numbered
        transport_number = transport.next_number() if numbered else 0
        length = min(wanted - SRTP_TAG, LARGEST_PADDING)
        plain = self._write(bytes(max(length - self._header_size, 1)), transport_number, now)
        self.next_number += 1
        return leave(transport, plain, transport_number if numbered else None, now, out)

    def _write(self, payload: bytes, transport_number: int, now: Instant) -> bytes:
        spec, number = self.spec, self.next_number
        packet = Packet(NO_STREAM, number, 0, False, spec.payload_type, [], payload, None, now)
        timestamp = number * TICKS_A_PACKET & 0xFFFF_FFFF
        return self._layout.write(
            packet, payload, spec.payload_type, number & 0xFFFF, timestamp, spec.ssrc, transport_number, now
        )


def leave(
    transport: Transport, plain: bytes, transport_number: int | None, now: Instant, out: list[Datagram]
) -> int:
    """Protect and send a packet that is no media, and record its departure; its size before SRTP, or 0."""
    try:
        protected = transport.sender.protect(plain)  # type: ignore[union-attr]  # whoever calls has looked
    except RtpfwdError:
        if transport_number is not None:
            transport.unsent += 1
        return 0
    if transport_number is not None:
        transport.note_departure(transport_number, len(protected), now)
    out.append((protected, transport.selected))  # type: ignore[arg-type]  # whoever calls has looked
    return len(plain)


def _empty_size(wanted: int) -> int:
    return min(max(wanted - OVERHEAD, 1), LARGEST_RTX_PADDING)
