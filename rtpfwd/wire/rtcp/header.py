"""The four bytes that every RTCP packet starts with, and its padding.

Source: RFC 3550 §6.4.1 and appendix A.2; the packet types are IANA's ("RTCP Control Packet Types").
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer

RTCP_HEADER_SIZE = 4
MAX_COUNT = 31  # five bits


class PacketType(IntEnum):
    """The RTCP packet types that this floor knows."""

    SENDER_REPORT = 200
    RECEIVER_REPORT = 201
    SOURCE_DESCRIPTION = 202
    GOODBYE = 203
    APPLICATION = 204
    TRANSPORT_FEEDBACK = 205
    PAYLOAD_FEEDBACK = 206
    EXTENDED_REPORT = 207


@dataclass(frozen=True, slots=True)
class RtcpHeader:
    """One packet's place in its datagram: offsets in bytes from the datagram's start.

    ``count`` is the five bits that reports use as a count and feedback as its format. The body is
    ``data[body_start:body_end]``, padding already taken off; the next packet starts at ``end``.
    """

    packet_type: int
    count: int
    body_start: int
    body_end: int
    end: int


def parse_header(data: Buffer, offset: int) -> RtcpHeader:
    """Reads the header at ``offset``; raises ``MalformedPacket`` for version, length or padding.

    Padding need not be a multiple of four: libwebrtc fills transport-wide feedback up with one to three such
    bytes.
    """
    size = len(data) - offset
    if size < RTCP_HEADER_SIZE:
        raise MalformedPacket(f"RTCP header of {size} bytes: need {RTCP_HEADER_SIZE}")
    first, packet_type, words = _HEADER.unpack_from(data, offset)
    if first & 0xC0 != 0x80:
        raise MalformedPacket(f"RTCP version {first >> 6}: need 2")
    length = (words + 1) * 4
    if length > size:
        raise MalformedPacket(f"RTCP packet of type {packet_type} has {size} bytes: need {length}")
    end = offset + length
    body_start = offset + RTCP_HEADER_SIZE
    body_end = end
    if first & 0x20:
        padding = data[end - 1] if words else 0
        body_end -= padding
        if not padding or body_end < body_start:
            raise MalformedPacket(f"RTCP padding of {padding} bytes: need 1 to {length - RTCP_HEADER_SIZE}")
    return RtcpHeader(packet_type, first & 0x1F, body_start, body_end, end)


def serialize_packet(packet_type: int, count: int, body: Buffer) -> bytes:
    """A packet without padding.

    Raises ``InvalidParameters`` for a body that is not whole 32-bit words or too long.
    """
    words, rest = divmod(len(body), 4)
    if rest or words > 0xFFFF:
        raise InvalidParameters(f"RTCP body of {len(body)} bytes: need a multiple of 4 up to {0xFFFF * 4}")
    if not 0 <= count <= MAX_COUNT:
        raise InvalidParameters(f"RTCP count {count}: need 0 to {MAX_COUNT}")
    return _HEADER.pack(0x80 | count, packet_type, words) + body


_HEADER = Struct("!BBH")
