"""One datagram of RTCP, both ways.

Source: RFC 3550 §6.1 (compound packets); RFC 5506 (reduced size: any packet may come first, and alone).

What cannot be understood is kept as ``UnknownPacket``; what is broken is left out and reported, and never
takes its neighbours with it: a packet whose body does not parse is stepped over, and only a broken header
(or more transport-wide feedback than makes sense) ends the reading.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.extended_reports import ExtendedReport
from rtpfwd.wire.rtcp.feedback import (
    FIR_FORMAT,
    NACK_FORMAT,
    PLI_FORMAT,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
)
from rtpfwd.wire.rtcp.header import PacketType, parse_header, serialize_packet
from rtpfwd.wire.rtcp.remb import REMB_FORMAT, REMB_IDENTIFIER, ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import Goodbye, ReceiverReport, SenderReport, SourceDescription
from rtpfwd.wire.rtcp.transport_cc import TRANSPORT_CC_FORMAT, TransportFeedback

MAX_STATUSES = 0xFFFF
"""Packets that all transport-wide feedback of a datagram may be about: one of 28 bytes reaches it by itself,
and forty of them would be work for tens of milliseconds.
"""


@dataclass(frozen=True, slots=True)
class UnknownPacket:
    """A packet of a type or format that nobody here reads; ``body`` is without header and padding."""

    packet_type: int
    count: int
    body: bytes

    def serialize(self) -> bytes:
        """The whole packet; raises ``InvalidParameters`` for a body that is not whole 32-bit words."""
        return serialize_packet(self.packet_type, self.count, self.body)


RtcpPacket: TypeAlias = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | Nack
    | PictureLossIndication
    | FullIntraRequest
    | ReceiverEstimatedMaxBitrate
    | TransportFeedback
    | ExtendedReport
    | UnknownPacket
)


def parse_compound(data: Buffer) -> tuple[list[RtcpPacket], str | None]:
    """The packets of a datagram, and what was wrong with the first one left out (None: nothing).

    Never raises.

    An empty datagram has no packets and nothing wrong.
    """
    packets: list[RtcpPacket] = []
    malformed: str | None = None
    offset = statuses = 0
    while offset < len(data):
        try:
            header = parse_header(data, offset)
        except MalformedPacket as error:
            return packets, malformed or str(error)
        try:
            packet = _parse_body(header.packet_type, header.count, data[header.body_start : header.body_end])
            if isinstance(packet, TransportFeedback):
                statuses += len(packet.packets)
                if statuses > MAX_STATUSES:
                    return packets, malformed or f"transport feedback about {statuses} packets in a datagram"
            packets.append(packet)
        except MalformedPacket as error:
            malformed = malformed or str(error)
        offset = header.end
    return packets, malformed


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """The datagram's bytes in the given order; what RFC 3550 wants first (SR or RR) is the caller's care."""
    return b"".join(packet.serialize() for packet in packets)


def _parse_body(packet_type: int, count: int, body: Buffer) -> RtcpPacket:
    match packet_type, count:
        case PacketType.SENDER_REPORT, _:
            return SenderReport.parse(count, body)
        case PacketType.RECEIVER_REPORT, _:
            return ReceiverReport.parse(count, body)
        case PacketType.SOURCE_DESCRIPTION, _:
            return SourceDescription.parse(count, body)
        case PacketType.GOODBYE, _:
            return Goodbye.parse(count, body)
        case PacketType.EXTENDED_REPORT, _:
            return ExtendedReport.parse(body)
        case PacketType.TRANSPORT_FEEDBACK, fmt if fmt == NACK_FORMAT:
            return Nack.parse(body)
        case PacketType.TRANSPORT_FEEDBACK, fmt if fmt == TRANSPORT_CC_FORMAT:
            return TransportFeedback.parse(body)
        case PacketType.PAYLOAD_FEEDBACK, fmt if fmt == PLI_FORMAT:
            return PictureLossIndication.parse(body)
        case PacketType.PAYLOAD_FEEDBACK, fmt if fmt == FIR_FORMAT:
            return FullIntraRequest.parse(body)
        case PacketType.PAYLOAD_FEEDBACK, fmt if fmt == REMB_FORMAT and body[8:12] == REMB_IDENTIFIER:
            return ReceiverEstimatedMaxBitrate.parse(body)
    return UnknownPacket(packet_type, count, bytes(body))
