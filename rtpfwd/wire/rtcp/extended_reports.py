"""Extended reports (XR): round trip times for those who only receive.

Source: RFC 3611 §2, §4.4 (receiver reference time) and §4.5 (DLRR). Browsers use these two; every other block
is kept as bytes so that it survives a round trip.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self, TypeAlias

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.header import PacketType, serialize_packet

RECEIVER_REFERENCE_TIME = 4
DLRR = 5


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """RRTR: the receiver's wall clock as a 64-bit NTP time."""

    ntp: int


@dataclass(frozen=True, slots=True)
class DlrrItem:
    """The answer to one RRTR: the middle 32 bits of its NTP time, and the delay since in units of 2^-16 s."""

    ssrc: int
    last_receiver_report: int
    delay_since_last_receiver_report: int


@dataclass(frozen=True, slots=True)
class DelaySinceLastReceiverReport:
    """DLRR: answers to one or more receivers."""

    items: tuple[DlrrItem, ...]


@dataclass(frozen=True, slots=True)
class UnknownBlock:
    """A block that is carried and not understood; ``content`` is a multiple of four bytes."""

    block_type: int
    type_specific: int
    content: bytes


ReportBlock: TypeAlias = ReceiverReferenceTime | DelaySinceLastReceiverReport | UnknownBlock


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """XR: blocks from one source."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads all blocks.

        Raises ``MalformedPacket`` for one that reaches past the body or has a wrong length.
        """
        if len(body) < 4:
            raise MalformedPacket(f"XR body of {len(body)} bytes: need 4")
        blocks = []
        offset = 4
        while offset < len(body):
            content_start = offset + _BLOCK.size
            if content_start > len(body):
                raise MalformedPacket(
                    f"XR body of {len(body)} bytes: need {content_start} for a block header"
                )
            block_type, type_specific, words = _BLOCK.unpack_from(body, offset)
            offset = content_start + words * 4
            if offset > len(body):
                raise MalformedPacket(f"XR body of {len(body)} bytes: need {offset} for a block")
            blocks.append(_parse_block(block_type, type_specific, body[content_start:offset]))
        return cls(int.from_bytes(body[:4]), tuple(blocks))

    def serialize(self) -> bytes:
        """The whole packet; raises ``InvalidParameters`` for a field that does not fit its place."""
        try:
            body = _SSRC.pack(self.ssrc) + b"".join(map(_serialize_block, self.blocks))
        except struct_error as error:
            raise InvalidParameters(f"XR field out of range: {error}") from None
        return serialize_packet(PacketType.EXTENDED_REPORT, 0, body)


_SSRC = Struct("!I")
_BLOCK = Struct("!BBH")
_RRTR = Struct("!Q")
_DLRR_ITEM = Struct("!III")


def _parse_block(block_type: int, type_specific: int, content: Buffer) -> ReportBlock:
    if block_type == RECEIVER_REFERENCE_TIME:
        if len(content) != _RRTR.size:
            raise MalformedPacket(f"RRTR block of {len(content)} bytes: need {_RRTR.size}")
        return ReceiverReferenceTime(*_RRTR.unpack(content))
    if block_type == DLRR:
        if len(content) % _DLRR_ITEM.size:
            raise MalformedPacket(f"DLRR block of {len(content)} bytes: need 12n")
        return DelaySinceLastReceiverReport(
            tuple(DlrrItem(*fields) for fields in _DLRR_ITEM.iter_unpack(content))
        )
    return UnknownBlock(block_type, type_specific, bytes(content))


def _serialize_block(block: ReportBlock) -> bytes:
    if isinstance(block, ReceiverReferenceTime):
        return _BLOCK.pack(RECEIVER_REFERENCE_TIME, 0, 2) + _RRTR.pack(block.ntp)
    if isinstance(block, DelaySinceLastReceiverReport):
        items = [
            _DLRR_ITEM.pack(item.ssrc, item.last_receiver_report, item.delay_since_last_receiver_report)
            for item in block.items
        ]
        return _BLOCK.pack(DLRR, 0, 3 * len(items)) + b"".join(items)
    if block.block_type in (RECEIVER_REFERENCE_TIME, DLRR) or len(block.content) % 4:
        raise InvalidParameters(
            f"XR block {block.block_type} of {len(block.content)} bytes: need another kind, 4n"
        )
    words = len(block.content) // 4
    return _BLOCK.pack(block.block_type, block.type_specific, words) + block.content
