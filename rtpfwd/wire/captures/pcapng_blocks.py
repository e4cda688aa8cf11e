"""The blocks of a pcapng file, one by one.

Source: draft-ietf-opsawg-pcapng (PCAP Next Generation Capture File Format), §3.1 block structure, §3.5
options, §4 block types. Each section has its own byte order, so both directions take it: ``"<"`` little
endian, ``">"`` big endian.
Left out: name resolution, journal and other blocks, which are kept as ``UnknownBlock``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from struct import error as struct_error
from struct import pack, unpack_from
from typing import Literal

from rtpfwd.errors import InvalidParameters, MalformedPacket

ByteOrder = Literal["<", ">"]
Options = tuple[tuple[int, bytes], ...]
"""Pairs of option code and value, in file order, without the end of options."""

BYTE_ORDER_MAGIC = 0x1A2B3C4D
SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
BLOCK_OVERHEAD = 12  # type, total length, total length again
MAX_BLOCK_SIZE = 16 << 20  # Wireshark's limit; a packet has at most 256 KiB
MAX_PACKET_SIZE = 1 << 18
TLS_KEY_LOG = 0x544C534B


class BlockType(IntEnum):
    """The block types that are read here."""

    SECTION_HEADER = 0x0A0D0D0A
    INTERFACE_DESCRIPTION = 1
    OBSOLETE_PACKET = 2
    SIMPLE_PACKET = 3
    INTERFACE_STATISTICS = 5
    ENHANCED_PACKET = 6
    DECRYPTION_SECRETS = 10
    CUSTOM = 0xBAD
    CUSTOM_NOT_COPIED = 0x40000BAD


class Option:
    """Option codes; those above 1 mean something else in each block."""

    END = 0
    COMMENT = 1
    SHB_HARDWARE, SHB_SYSTEM, SHB_APPLICATION = 2, 3, 4
    IF_NAME, IF_DESCRIPTION, IF_RESOLUTION, IF_FILTER, IF_OFFSET = 2, 3, 9, 11, 14
    EPB_FLAGS, EPB_PACKET_ID = 2, 5
    ISB_RECEIVED, ISB_DROPPED = 4, 5


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """SHB: the start of a section. ``section_length`` is -1 where the writer did not know it."""

    section_length: int = -1
    options: Options = ()
    major: int = 1
    minor: int = 0


@dataclass(frozen=True, slots=True)
class InterfaceDescription:
    """IDB: interfaces are numbered by their order in the section. ``snap_length`` 0: no limit."""

    link_type: int
    snap_length: int = 0
    options: Options = ()


@dataclass(frozen=True, slots=True)
class EnhancedPacket:
    """EPB. ``timestamp`` counts units of the interface's resolution, 64 bits."""

    interface: int
    timestamp: int
    data: bytes
    original_size: int
    options: Options = ()


@dataclass(frozen=True, slots=True)
class SimplePacket:
    """SPB: a packet of the first interface, without a time. ``data`` is not cut to a snap length."""

    data: bytes
    original_size: int


@dataclass(frozen=True, slots=True)
class InterfaceStatistics:
    """ISB: what an interface counted up to ``timestamp``."""

    interface: int
    timestamp: int
    options: Options = ()


@dataclass(frozen=True, slots=True)
class DecryptionSecrets:
    """DSB; ``kind`` 0x544C534B is an NSS key log."""

    kind: int
    data: bytes
    options: Options = ()


@dataclass(frozen=True, slots=True)
class CustomBlock:
    """CB: an organisation's own, named by its private enterprise number.

    ``data`` is what follows that number, options and padding included: nothing in the block says where the
    data ends.
    """

    enterprise: int
    data: bytes
    copied: bool = True


@dataclass(frozen=True, slots=True)
class UnknownBlock:
    """A block of another type; readers skip it."""

    block_type: int
    body: bytes


Block = (
    SectionHeader
    | InterfaceDescription
    | EnhancedPacket
    | SimplePacket
    | InterfaceStatistics
    | DecryptionSecrets
    | CustomBlock
    | UnknownBlock
)


def parse_block(block_type: int, body: bytes, order: ByteOrder, offset: int) -> Block:
    """One block from its body; ``offset`` is where the block is in the file, for error texts.

    Raises ``MalformedPacket`` for a body too short for its type, a packet reaching past it, and options that
    do.
    """
    needed = _FIXED_SIZES.get(block_type, 0)
    if len(body) < needed:
        raise MalformedPacket(
            f"pcapng block of type {block_type:#x} at {offset}: body of {len(body)} bytes, need {needed}"
        )
    match block_type:
        case BlockType.SECTION_HEADER:
            _, major, minor, length = unpack_from(order + "IHHq", body)
            return SectionHeader(length, parse_options(body, 16, order, offset), major, minor)
        case BlockType.INTERFACE_DESCRIPTION:
            link_type, _, snap_length = unpack_from(order + "HHI", body)
            return InterfaceDescription(link_type, snap_length, parse_options(body, 8, order, offset))
        case BlockType.ENHANCED_PACKET | BlockType.OBSOLETE_PACKET:
            # The obsolete one has 16 bits of interface and 16 of drops where the other has the interface.
            form = "IIIII" if block_type == BlockType.ENHANCED_PACKET else "HxxIIII"
            interface, high, low, captured, original = unpack_from(order + form, body)
            end = _packet_end(20, captured, body, offset)
            options = parse_options(body, end + -captured % 4, order, offset)
            return EnhancedPacket(interface, high << 32 | low, body[20:end], max(original, captured), options)
        case BlockType.SIMPLE_PACKET:
            (original,) = unpack_from(order + "I", body)
            return SimplePacket(body[4 : 4 + original], original)
        case BlockType.INTERFACE_STATISTICS:
            interface, high, low = unpack_from(order + "III", body)
            return InterfaceStatistics(interface, high << 32 | low, parse_options(body, 12, order, offset))
        case BlockType.DECRYPTION_SECRETS:
            kind, size = unpack_from(order + "II", body)
            if 8 + size > len(body):
                raise MalformedPacket(f"pcapng secrets at {offset}: {len(body)} bytes, need {8 + size}")
            options = parse_options(body, 8 + size + -size % 4, order, offset)
            return DecryptionSecrets(kind, body[8 : 8 + size], options)
        case BlockType.CUSTOM | BlockType.CUSTOM_NOT_COPIED:
            (enterprise,) = unpack_from(order + "I", body)
            return CustomBlock(enterprise, body[4:], block_type == BlockType.CUSTOM)
        case _:
            return UnknownBlock(block_type, body)


def serialize_block(block: Block, order: ByteOrder) -> bytes:
    """A whole block, padded; raises ``InvalidParameters`` for a number or option that does not fit."""
    try:
        block_type, body = _serialize_body(block, order)
    except struct_error as error:
        raise InvalidParameters(f"pcapng field out of range: {error}") from None
    body += bytes(-len(body) % 4)
    total = BLOCK_OVERHEAD + len(body)
    if total > MAX_BLOCK_SIZE:
        raise InvalidParameters(f"pcapng block of {total} bytes: need at most {MAX_BLOCK_SIZE}")
    return pack(order + "II", block_type, total) + body + pack(order + "I", total)


def parse_options(body: bytes, start: int, order: ByteOrder, offset: int) -> Options:
    """The options in ``body[start:]``. Fewer than four bytes are none; an end of options is not required.

    Raises ``MalformedPacket`` for an option that reaches past the body.
    """
    options = []
    while start + 4 <= len(body):
        code, size = unpack_from(order + "HH", body, start)
        if code == Option.END:
            break
        end = start + 4 + size
        if end > len(body):
            raise MalformedPacket(
                f"pcapng option {code} in the block at {offset}: body of {len(body)} bytes, need {end}"
            )
        options.append((code, body[start + 4 : end]))
        start = end + -size % 4
    return tuple(options)


def option_texts(options: Options, code: int) -> tuple[str, ...]:
    """The values of all options of that code as text; what is not UTF-8 is replaced."""
    return tuple(value.decode(errors="replace") for found, value in options if found == code)


def option_text(options: Options, code: int) -> str:
    """The first option of that code as text; empty when there is none."""
    return next(iter(option_texts(options, code)), "")


def option_number(options: Options, code: int, order: ByteOrder, size: int) -> int | None:
    """The first option of that code and size as an unsigned number; None when there is none."""
    for found, value in options:
        if found == code and len(value) == size:
            return int.from_bytes(value, "little" if order == "<" else "big")
    return None


_FIXED_SIZES: dict[int, int] = {
    BlockType.SECTION_HEADER: 16,
    BlockType.INTERFACE_DESCRIPTION: 8,
    BlockType.ENHANCED_PACKET: 20,
    BlockType.OBSOLETE_PACKET: 20,
    BlockType.SIMPLE_PACKET: 4,
    BlockType.INTERFACE_STATISTICS: 12,
    BlockType.DECRYPTION_SECRETS: 8,
    BlockType.CUSTOM: 4,
    BlockType.CUSTOM_NOT_COPIED: 4,
}


def _packet_end(start: int, captured: int, body: bytes, offset: int) -> int:
    if start + captured > len(body):
        raise MalformedPacket(
            f"pcapng packet at {offset}: body of {len(body)} bytes, need {start + captured}"
        )
    if captured > MAX_PACKET_SIZE:
        raise MalformedPacket(f"pcapng packet at {offset}: {captured} bytes, need at most {MAX_PACKET_SIZE}")
    return start + captured


def _serialize_body(block: Block, order: ByteOrder) -> tuple[int, bytes]:
    """Raises ``struct.error`` for a number that does not fit."""
    match block:
        case SectionHeader(section_length, options, major, minor):
            fixed = pack(order + "IHHq", BYTE_ORDER_MAGIC, major, minor, section_length)
            return BlockType.SECTION_HEADER, fixed + _serialize_options(options, order)
        case InterfaceDescription(link_type, snap_length, options):
            fixed = pack(order + "HHI", link_type, 0, snap_length)
            return BlockType.INTERFACE_DESCRIPTION, fixed + _serialize_options(options, order)
        case EnhancedPacket(interface, timestamp, data, original_size, options):
            if len(data) > MAX_PACKET_SIZE or original_size < len(data):
                raise InvalidParameters(f"packet of {len(data)} bytes, originally {original_size}: no room")
            fixed = pack(
                order + "IIIII", interface, timestamp >> 32, timestamp & 0xFFFF_FFFF, len(data), original_size
            )
            padded = data + bytes(-len(data) % 4)
            return BlockType.ENHANCED_PACKET, fixed + padded + _serialize_options(options, order)
        case SimplePacket(data, original_size):
            return BlockType.SIMPLE_PACKET, pack(order + "I", original_size) + data
        case InterfaceStatistics(interface, timestamp, options):
            fixed = pack(order + "III", interface, timestamp >> 32, timestamp & 0xFFFF_FFFF)
            return BlockType.INTERFACE_STATISTICS, fixed + _serialize_options(options, order)
        case DecryptionSecrets(kind, data, options):
            padded = data + bytes(-len(data) % 4)
            fixed = pack(order + "II", kind, len(data))
            return BlockType.DECRYPTION_SECRETS, fixed + padded + _serialize_options(options, order)
        case CustomBlock(enterprise, data, copied):
            block_type = BlockType.CUSTOM if copied else BlockType.CUSTOM_NOT_COPIED
            return block_type, pack(order + "I", enterprise) + data
        case UnknownBlock(block_type, body):
            return block_type, body


def _serialize_options(options: Iterable[tuple[int, bytes]], order: ByteOrder) -> bytes:
    parts = []
    for code, value in options:
        if len(value) > 0xFFFF or code == Option.END:
            raise InvalidParameters(f"pcapng option {code} of {len(value)} bytes: need at most 65535")
        parts.append(pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4))
    if parts:
        parts.append(bytes(4))
    return b"".join(parts)
