"""RTP packets of real shape: a microphone's, a camera's, probes and repairs."""

from __future__ import annotations

from collections.abc import Mapping

from rtpfwd.wire.header_extensions import parse_elements, serialize_elements
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import wrap_payload

OPUS_TYPE, VP8_TYPE, RTX_TYPE = 111, 96, 97
KEY_FRAME_START = b"\x50\x42\x00\x9d\x01\x2a\x80\x02\xe0\x01"  # RFC 6386 §9.1: a key frame of 640 x 480
DELTA_FRAME_START = b"\x51\x00\x00"


def rtp(
    ssrc: int,
    sequence_number: int,
    *,
    timestamp: int = 0,
    payload_type: int = OPUS_TYPE,
    payload: bytes | None = None,
    marker: bool = False,
    padding: int = 0,
    elements: Mapping[int, bytes] | None = None,
) -> RtpPacket:
    """Any packet; the payload names its own sequence number unless one is given."""
    packet = RtpPacket(
        payload_type=payload_type,
        sequence_number=sequence_number & 0xFFFF,
        timestamp=timestamp & 0xFFFF_FFFF,
        ssrc=ssrc,
        marker=marker,
        payload=b"\xf8 opus %d" % sequence_number if payload is None else payload,
        padding=padding,
    )
    if elements:
        packet.extension_profile, packet.extension = serialize_elements(elements)
    return packet


def vp8(
    ssrc: int,
    sequence_number: int,
    *,
    timestamp: int = 0,
    key: bool = False,
    first: bool = True,
    picture_id: int = 0,
    tl0: int = 0,
    marker: bool = True,
    size: int = 60,
    elements: Mapping[int, bytes] | None = None,
) -> RtpPacket:
    """A packet of a VP8 picture with a 15-bit picture id and TL0PICIDX (RFC 7741 §4.2)."""
    descriptor = bytes((0x90 if first else 0x80, 0xC0, 0x80 | picture_id >> 8 & 0x7F, picture_id & 0xFF, tl0))
    start = (KEY_FRAME_START if key else DELTA_FRAME_START) if first else b""
    payload = descriptor + start + b"vp8 %d" % sequence_number
    return rtp(
        ssrc, sequence_number, timestamp=timestamp, payload_type=VP8_TYPE, marker=marker, elements=elements,
        payload=payload.ljust(size, b"."),
    )  # fmt: skip


def rtx(ssrc: int, sequence_number: int, original: RtpPacket, *, payload_type: int = RTX_TYPE) -> RtpPacket:
    """The retransmission of ``original`` (RFC 4588 §4)."""
    return RtpPacket(
        payload_type=payload_type,
        sequence_number=sequence_number & 0xFFFF,
        timestamp=original.timestamp,
        ssrc=ssrc,
        marker=original.marker,
        payload=wrap_payload(original.sequence_number, original.payload),
    )


def padding_only(
    ssrc: int, sequence_number: int, *, timestamp: int = 0, payload_type: int = VP8_TYPE
) -> RtpPacket:
    """What a browser probes with."""
    return rtp(
        ssrc, sequence_number, timestamp=timestamp, payload_type=payload_type, payload=b"", padding=200
    )  # fmt: skip


def elements_of(packet: RtpPacket) -> dict[int, bytes]:
    """Its header extensions by id."""
    return parse_elements(packet.extension_profile, packet.extension)
