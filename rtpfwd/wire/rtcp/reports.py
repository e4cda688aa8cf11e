"""Sender and receiver reports, source descriptions and goodbyes.

Source: RFC 3550 §6.4 (SR, RR), §6.5 (SDES), §6.6 (BYE). Left out: profile-specific extensions behind the
report blocks, which are skipped; SDES items other than CNAME are carried as bytes and not looked into.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.header import MAX_COUNT, PacketType, serialize_packet

CNAME_ITEM = 1
REPORT_BLOCK_SIZE = 24
SENDER_INFO_SIZE = 24  # with the SSRC in front of it


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one receiver saw of one stream (RFC 3550 §6.4.1).

    ``fraction_lost`` is in units of 1/256; ``packets_lost`` is cumulative, signed 24 bits (duplicates make it
    negative); ``highest_sequence_number`` is extended by the cycle count to 32 bits; ``jitter`` is in RTP
    ticks; ``last_sender_report`` is the middle 32 bits of an NTP time; ``delay_since_last_sender_report`` is
    in 2^-16 s.
    """

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence_number: int
    jitter: int
    last_sender_report: int
    delay_since_last_sender_report: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: ``ntp`` (64 bits) and ``rtp_timestamp`` are the same instant on two clocks.

    Counts wrap at 32 bits.
    """

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: Buffer) -> Self:
        """Reads a body that announces ``count`` report blocks.

        Raises ``MalformedPacket`` if it is shorter.
        """
        reports = _parse_reports("SR", count, body, SENDER_INFO_SIZE)
        ssrc, ntp, rtp_timestamp, packet_count, octet_count = _SENDER_INFO.unpack_from(body)
        return cls(ssrc, ntp, rtp_timestamp, packet_count, octet_count, reports)

    def serialize(self) -> bytes:
        """The whole packet.

        Raises ``InvalidParameters`` for a field out of range or more than 31 report blocks.
        """
        try:
            info = _SENDER_INFO.pack(
                self.ssrc, self.ntp, self.rtp_timestamp, self.packet_count, self.octet_count
            )
        except struct_error as error:
            raise InvalidParameters(f"SR field out of range: {error}") from None
        body = info + _serialize_reports(self.reports)
        return serialize_packet(PacketType.SENDER_REPORT, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: report blocks of one that sends nothing, or the rest of more than 31 blocks."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: Buffer) -> Self:
        """Reads a body that announces ``count`` report blocks.

        Raises ``MalformedPacket`` if it is shorter.
        """
        reports = _parse_reports("RR", count, body, 4)
        return cls(int.from_bytes(body[:4]), reports)

    def serialize(self) -> bytes:
        """The whole packet.

        Raises ``InvalidParameters`` for a field out of range or more than 31 report blocks.
        """
        body = _serialize_ssrcs((self.ssrc,)) + _serialize_reports(self.reports)
        return serialize_packet(PacketType.RECEIVER_REPORT, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class SdesChunk:
    """What a source says of itself: pairs of item type (1 to 255) and at most 255 bytes of text."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...] = ()

    @property
    def cname(self) -> str | None:
        """The first CNAME; None when there is none or it is not UTF-8."""
        for item_type, text in self.items:
            if item_type == CNAME_ITEM:
                try:
                    return text.decode()
                except UnicodeDecodeError:
                    return None
        return None


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES: a chunk per source."""

    chunks: tuple[SdesChunk, ...] = ()

    @classmethod
    def parse(cls, count: int, body: Buffer) -> Self:
        """Reads ``count`` chunks.

        Raises ``MalformedPacket`` for a chunk or item that reaches past the body.
        """
        chunks = []
        offset = 0
        for _ in range(count):
            chunk, offset = _parse_chunk(body, offset)
            chunks.append(chunk)
        return cls(tuple(chunks))

    def serialize(self) -> bytes:
        """The whole packet.

        Raises ``InvalidParameters`` for more than 31 chunks or an item that does not fit.
        """
        body = b"".join(_serialize_chunk(chunk) for chunk in self.chunks)
        return serialize_packet(PacketType.SOURCE_DESCRIPTION, len(self.chunks), body)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE: sources that leave, and why (at most 255 bytes; None when the sender gives no reason)."""

    ssrcs: tuple[int, ...]
    reason: bytes | None = None

    @classmethod
    def parse(cls, count: int, body: Buffer) -> Self:
        """Reads ``count`` sources and a reason.

        Raises ``MalformedPacket`` if the body is shorter than it says.
        """
        ssrcs_size = count * 4
        if len(body) < ssrcs_size:
            raise MalformedPacket(f"BYE body of {len(body)} bytes: need {ssrcs_size}")
        reason = None
        if len(body) > ssrcs_size:
            reason_end = ssrcs_size + 1 + body[ssrcs_size]
            if len(body) < reason_end:
                raise MalformedPacket(f"BYE body of {len(body)} bytes: need {reason_end}")
            reason = bytes(body[ssrcs_size + 1 : reason_end])
        return cls(Struct(f"!{count}I").unpack_from(body), reason)

    def serialize(self) -> bytes:
        """The whole packet.

        Raises ``InvalidParameters`` for more than 31 sources or a reason that does not fit.
        """
        body = _serialize_ssrcs(self.ssrcs)
        if self.reason is not None:
            if len(self.reason) > 255:
                raise InvalidParameters(f"BYE reason of {len(self.reason)} bytes: need at most 255")
            body += bytes((len(self.reason),)) + self.reason
        return serialize_packet(PacketType.GOODBYE, len(self.ssrcs), body + bytes(-len(body) % 4))


_SENDER_INFO = Struct("!IQIII")
_REPORT_BLOCK = Struct("!IIIIII")


def _parse_reports(name: str, count: int, body: Buffer, start: int) -> tuple[ReportBlock, ...]:
    needed = start + count * REPORT_BLOCK_SIZE
    if len(body) < needed:
        raise MalformedPacket(f"{name} body of {len(body)} bytes: need {needed}")
    blocks = []
    for offset in range(start, needed, REPORT_BLOCK_SIZE):
        ssrc, loss, highest, jitter, last, delay = _REPORT_BLOCK.unpack_from(body, offset)
        cumulative = (loss & 0xFF_FFFF ^ 0x80_0000) - 0x80_0000
        blocks.append(ReportBlock(ssrc, loss >> 24, cumulative, highest, jitter, last, delay))
    return tuple(blocks)


def _serialize_reports(reports: tuple[ReportBlock, ...]) -> bytes:
    if len(reports) > MAX_COUNT:
        raise InvalidParameters(f"{len(reports)} report blocks: need at most {MAX_COUNT}")
    parts = []
    for block in reports:
        if not -0x80_0000 <= block.packets_lost <= 0x7F_FFFF:
            raise InvalidParameters(f"packets_lost {block.packets_lost}: need a signed 24-bit number")
        loss = block.fraction_lost << 24 | block.packets_lost & 0xFF_FFFF
        try:
            parts.append(
                _REPORT_BLOCK.pack(
                    block.ssrc,
                    loss,
                    block.highest_sequence_number,
                    block.jitter,
                    block.last_sender_report,
                    block.delay_since_last_sender_report,
                )
            )
        except struct_error as error:
            raise InvalidParameters(f"report block field out of range: {error}") from None
    return b"".join(parts)


def _parse_chunk(body: Buffer, offset: int) -> tuple[SdesChunk, int]:
    if len(body) < offset + 4:
        raise MalformedPacket(f"SDES body of {len(body)} bytes: need {offset + 4} for the next chunk")
    start = offset
    ssrc = int.from_bytes(body[offset : offset + 4])
    offset += 4
    items = []
    while offset < len(body) and body[offset]:
        text_start = offset + 2
        text_end = text_start + body[offset + 1] if text_start <= len(body) else text_start
        if text_end > len(body):
            raise MalformedPacket(f"SDES body of {len(body)} bytes: need {text_end} for an item")
        items.append((body[offset], bytes(body[text_start:text_end])))
        offset = text_end
    if offset >= len(body):
        raise MalformedPacket(f"SDES chunk of {offset - start} bytes: need a null item at its end")
    # One to four null bytes lead to the next 32-bit border.
    return SdesChunk(ssrc, tuple(items)), offset + 4 - (offset - start) % 4


def _serialize_chunk(chunk: SdesChunk) -> bytes:
    parts = [_serialize_ssrcs((chunk.ssrc,))]
    for item_type, text in chunk.items:
        if not 1 <= item_type <= 255 or len(text) > 255:
            raise InvalidParameters(
                f"SDES item {item_type} of {len(text)} bytes: need 1 to 255 and at most 255"
            )
        parts.append(bytes((item_type, len(text))) + text)
    raw = b"".join(parts)
    return raw + bytes(4 - len(raw) % 4)


def _serialize_ssrcs(ssrcs: tuple[int, ...]) -> bytes:
    try:
        return Struct(f"!{len(ssrcs)}I").pack(*ssrcs)
    except struct_error as error:
        raise InvalidParameters(f"SSRC out of range: {error}") from None
