"""Reads pcapng from chunks: sections in either byte order, any time resolution, interfaces numbered through.

Source: draft-ietf-opsawg-pcapng §3.2 (block order), §4.2 (``if_tsresol``, ``if_tsoffset``).
Blocks of types that nobody here knows are skipped. A simple packet has no time: it gets that of the packet
before it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from rtpfwd.clock import MICROSECONDS
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import (
    CapturedFrame,
    Direction,
    FrameItem,
    Interface,
    Record,
    Secrets,
    Section,
    Statistics,
)
from rtpfwd.wire.captures.pcapng_blocks import (
    BLOCK_OVERHEAD,
    BYTE_ORDER_MAGIC,
    MAX_BLOCK_SIZE,
    SECTION_MAGIC,
    ByteOrder,
    CustomBlock,
    DecryptionSecrets,
    EnhancedPacket,
    InterfaceDescription,
    InterfaceStatistics,
    Option,
    SectionHeader,
    SimplePacket,
    option_number,
    option_text,
    option_texts,
    parse_block,
)
from rtpfwd.wire.captures.source import ByteSource

RECORD_ENTERPRISE = 32473  # RFC 5612: the number for examples and documentation, hence the magic behind it
RECORD_MAGIC = b"rtpfwd\x00\x01"
MAX_INTERFACES = 65536


@dataclass(slots=True)
class _Clock:
    """How one interface counts time: units a second, and seconds to add."""

    units: int = MICROSECONDS
    offset_s: int = 0

    def to_us(self, timestamp: int) -> int:
        return timestamp * MICROSECONDS // self.units + self.offset_s * MICROSECONDS


class PcapngParser:
    """See ``source.FormatParser``."""

    def __init__(self) -> None:
        self.truncated = False
        self._source = ByteSource()
        self._order: ByteOrder = "<"
        self._interfaces: list[tuple[Interface, int, _Clock]] = []  # of this section, with snap lengths
        self._interfaces_before = 0
        self._last_us = 0

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        self._source.feed(data)

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete.

        Raises ``MalformedPacket`` for a block whose length is no multiple of four, below 12, above 16 MiB or
        not repeated at its end; for a section of another major version; a packet of an interface that was
        not described; and as ``parse_block`` does.
        """
        source = self._source
        while len(source) >= BLOCK_OVERHEAD:
            head = source.peek(12)
            if head[:4] == SECTION_MAGIC:
                self._order = _byte_order(head, source.position)
            elif source.position == 0:
                raise MalformedPacket("not pcapng: no section header at 0")
            block_type, total = unpack_from(self._order + "II", head)
            if total % 4 or not BLOCK_OVERHEAD <= total <= MAX_BLOCK_SIZE:
                raise MalformedPacket(
                    f"pcapng block at {source.position}: length {total}, need a multiple of 4 "
                    f"from {BLOCK_OVERHEAD} to {MAX_BLOCK_SIZE}"
                )
            if len(source) < total:
                return
            offset = source.position
            whole = source.take(total)
            (again,) = unpack_from(self._order + "I", whole, total - 4)
            if again != total:
                raise MalformedPacket(f"pcapng block at {offset}: length {total}, at its end {again}")
            item = self._read(block_type, whole[8:-4], offset)
            if item is not None:
                yield item

    def end(self) -> Iterator[FrameItem]:
        """Tells the end of the file. Raises ``MalformedPacket`` when there was not even a section header."""
        self.truncated = len(self._source) > 0
        if self._source.position == 0:
            raise MalformedPacket(f"pcapng file of {len(self._source)} bytes: need a whole section header")
        return iter(())

    def _read(self, block_type: int, body: bytes, offset: int) -> FrameItem | None:
        match parse_block(block_type, body, self._order, offset):
            case SectionHeader() as header:
                return self._start_section(header, offset)
            case InterfaceDescription() as description:
                return self._add_interface(description, offset)
            case EnhancedPacket() as packet:
                return self._frame(packet, offset)
            case SimplePacket(data, original_size):
                interface, snap_length, _ = self._interface(0, offset)
                captured = min(original_size, snap_length or original_size)
                if captured > len(data):
                    raise MalformedPacket(f"pcapng packet at {offset}: {len(data)} bytes, need {captured}")
                return CapturedFrame(
                    self._last_us, data[:captured], interface.link_type, original_size, interface.index
                )
            case InterfaceStatistics(number, timestamp, options):
                interface, _, clock = self._interface(number, offset)
                return Statistics(
                    interface.index,
                    clock.to_us(timestamp),
                    option_number(options, Option.ISB_RECEIVED, self._order, 8),
                    option_number(options, Option.ISB_DROPPED, self._order, 8),
                )
            case DecryptionSecrets(kind, data):
                return Secrets(kind, data)
            case CustomBlock(enterprise, data) if enterprise == RECORD_ENTERPRISE:
                return _parse_record(data, offset)
        return None

    def _start_section(self, header: SectionHeader, offset: int) -> Section:
        if header.major != 1:
            raise MalformedPacket(f"pcapng section at {offset}: version {header.major}, need 1")
        self._interfaces_before += len(self._interfaces)
        self._interfaces = []
        return Section(
            option_text(header.options, Option.SHB_HARDWARE),
            option_text(header.options, Option.SHB_SYSTEM),
            option_text(header.options, Option.SHB_APPLICATION),
            option_texts(header.options, Option.COMMENT),
        )

    def _add_interface(self, description: InterfaceDescription, offset: int) -> Interface:
        index = self._interfaces_before + len(self._interfaces)
        if index >= MAX_INTERFACES:
            raise MalformedPacket(
                f"pcapng interface at {offset}: {index + 1} of them, need at most {MAX_INTERFACES}"
            )
        options = description.options
        interface = Interface(
            index,
            description.link_type,
            option_text(options, Option.IF_NAME),
            option_text(options, Option.IF_DESCRIPTION),
            # The first byte says what kind of filter it is: 0 is text.
            option_text(options, Option.IF_FILTER).removeprefix("\x00"),
            option_texts(options, Option.COMMENT),
        )
        clock = _Clock()
        resolution = option_number(options, Option.IF_RESOLUTION, self._order, 1)
        if resolution is not None:
            clock.units = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        offset_s = option_number(options, Option.IF_OFFSET, self._order, 8)
        if offset_s is not None:
            clock.offset_s = (offset_s ^ 1 << 63) - (1 << 63)
        self._interfaces.append((interface, description.snap_length, clock))
        return interface

    def _frame(self, packet: EnhancedPacket, offset: int) -> CapturedFrame:
        interface, _, clock = self._interface(packet.interface, offset)
        self._last_us = clock.to_us(packet.timestamp)
        if not packet.options:
            return CapturedFrame(
                self._last_us, packet.data, interface.link_type, packet.original_size, interface.index
            )
        flags = option_number(packet.options, Option.EPB_FLAGS, self._order, 4) or 0
        return CapturedFrame(
            self._last_us,
            packet.data,
            interface.link_type,
            packet.original_size,
            interface.index,
            Direction(flags & 3) if flags & 3 != 3 else Direction.UNKNOWN,
            option_texts(packet.options, Option.COMMENT),
            option_number(packet.options, Option.EPB_PACKET_ID, self._order, 8),
        )

    def _interface(self, number: int, offset: int) -> tuple[Interface, int, _Clock]:
        if number >= len(self._interfaces):
            raise MalformedPacket(
                f"pcapng block at {offset}: interface {number}, need one of {len(self._interfaces)} described"
            )
        return self._interfaces[number]


def _byte_order(head: bytes, offset: int) -> ByteOrder:
    if unpack_from("<I", head, 8)[0] == BYTE_ORDER_MAGIC:
        return "<"
    if unpack_from(">I", head, 8)[0] == BYTE_ORDER_MAGIC:
        return ">"
    raise MalformedPacket(
        f"pcapng section at {offset}: byte order magic {head[8:12].hex()}, need {BYTE_ORDER_MAGIC:x}"
    )


def _parse_record(data: bytes, offset: int) -> Record | None:
    """None for what others put under the number for examples; a broken record of ours raises."""
    if not data.startswith(RECORD_MAGIC):
        return None
    try:
        document = json.loads(data[len(RECORD_MAGIC) :])
        time_us, kind, value = document["time_us"], document["kind"], document["value"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedPacket(f"record at {offset}: {error!r}, need time_us, kind and value") from None
    if not isinstance(time_us, int) or not isinstance(kind, str):
        raise MalformedPacket(f"record at {offset}: time_us and kind need to be a number and a text")
    return Record(time_us, kind, value)
