"""Reads recordings of our own several times as fast as ``CaptureReader``.

Packets in the form that ``Recorder`` writes (little endian, microseconds, IPv4 in raw frames, a direction and
no comment) are taken apart here, everything else goes to the general reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, LinkType, Record
from rtpfwd.wire.captures.pcapng_blocks import (
    BLOCK_OVERHEAD,
    MAX_BLOCK_SIZE,
    BlockType,
    InterfaceDescription,
    Option,
    SectionHeader,
    option_number,
    parse_block,
)
from rtpfwd.wire.captures.reader import CaptureReader
from rtpfwd.wire.datagram import Address

_HEAD = Struct("<II")
_PACKET = Struct("<IIIIII")  # total length, interface, time (high, low), bytes kept, bytes there were
_OPTIONS = Struct("<HHIII")  # direction, its length and value; end of options; total length again
_PORTS = Struct(">HH")
_LITTLE = b"\x0a\x0d\x0d\x0a", b"\x4d\x3c\x2b\x1a"
_DIRECTIONS = {int(one): one for one in Direction}
_ONE_ADDRESS = 1 << 16
_MICROSECONDS = 6


class QuickReader:
    """``CaptureReader.read`` for any capture, quicker for ours. ``truncated`` is known at the end."""

    def __init__(self) -> None:
        self.truncated = False
        self._slow = CaptureReader()
        self._quick: list[bool] = []  # by interface of the section
        self._before = 0  # interfaces of earlier sections
        self._number = 0
        self._ends: dict[bytes, tuple[Address, Address]] = {}

    def read(self, chunks: Iterable[bytes]) -> Iterator[CaptureItem]:
        """All items. Raises as ``CaptureReader`` does."""
        buffer = b""
        offset = 0
        source = iter(chunks)
        for chunk in source:
            buffer += chunk
            if len(buffer) >= 12:
                break
        if buffer[:4] != _LITTLE[0] or buffer[8:12] != _LITTLE[1]:
            yield from self._slow.read(_chain(buffer, source))
            self.truncated = self._slow.truncated
            return
        for chunk in _chain(b"", source):
            buffer += chunk
            position, size = 0, len(buffer)
            while size - position >= BLOCK_OVERHEAD:
                block_type, total = _HEAD.unpack_from(buffer, position)
                if (
                    block_type == BlockType.SECTION_HEADER
                    and buffer[position + 8 : position + 12] != _LITTLE[1]
                ):
                    # A section in the other byte order: the general reader goes on from here.
                    yield from self._slow.read(_chain(buffer[position:], source))
                    self.truncated = self._slow.truncated
                    return
                if total % 4 or not BLOCK_OVERHEAD <= total <= MAX_BLOCK_SIZE:
                    raise MalformedPacket(
                        f"pcapng block at {offset + position}: length {total}, need a multiple of 4 "
                        f"from {BLOCK_OVERHEAD} to {MAX_BLOCK_SIZE}"
                    )
                if position + total > size:
                    break
                item = self._packet(buffer, position, total) if block_type == 6 else None
                if item is not None:
                    yield item
                else:
                    yield from self._other(buffer[position : position + total], offset + position)
                position += total
            buffer = buffer[position:]
            offset += position
        self.truncated = len(buffer) > 0
        yield from self._slow.end()

    def _packet(self, buffer: bytes, position: int, total: int) -> CapturedDatagram | None:
        if total < 28 + 28 + 16:
            return None
        _, interface, high, low, kept, size = _PACKET.unpack_from(buffer, position + 4)
        start = position + 28
        behind = start + kept + (-kept & 3)
        if kept != size or behind + 16 != position + total or kept < 28:
            return None
        code, length, direction, end, again = _OPTIONS.unpack_from(buffer, behind)
        if code != Option.EPB_FLAGS or length != 4 or end or again != total or direction not in _DIRECTIONS:
            return None
        if interface >= len(self._quick) or not self._quick[interface]:
            return None
        # IPv4 without options, not a fragment, UDP, as long as the frame.
        if (
            buffer[start] != 0x45
            or buffer[start + 9] != 17
            or buffer[start + 6] & 0x3F
            or buffer[start + 7]
            or buffer[start + 2] << 8 | buffer[start + 3] != kept
            or (buffer[start + 24] << 8 | buffer[start + 25]) != kept - 20
        ):
            return None
        key = buffer[start + 12 : start + 24]
        ends = self._ends.get(key)
        if ends is None:
            ends = self._note_ends(key)
        self._number += 1
        return CapturedDatagram(
            self._number,
            high << 32 | low,
            buffer[start + 28 : start + kept],
            ends[0],
            ends[1],
            _DIRECTIONS[direction],
            self._before + interface,
        )

    def _note_ends(self, key: bytes) -> tuple[Address, Address]:
        if len(self._ends) >= _ONE_ADDRESS:
            self._ends.clear()
        ports = _PORTS.unpack_from(key, 8)
        hosts = [".".join(map(str, key[at : at + 4])) for at in (0, 4)]
        ends = self._ends[key] = (hosts[0], ports[0]), (hosts[1], ports[1])
        return ends

    def _other(self, block: bytes, offset: int) -> Iterator[CaptureItem]:
        self._look_at(block, offset)
        counts = self._slow.counts
        unseen = self._number - counts.frames  # whoever is malformed or no UDP has a number, too
        self._slow.feed(block)
        try:
            self._slow.decide()
            for item in self._slow.items():
                if isinstance(item, CapturedDatagram):
                    item.number = unseen + counts.frames
                unseen += isinstance(item, Record)
                yield item
            self._number = unseen + counts.frames
        except MalformedPacket as error:
            raise MalformedPacket(f"{error} (block at {offset} of the file)") from None

    def _look_at(self, block: bytes, offset: int) -> None:
        block_type = int.from_bytes(block[:4], "little")
        if block_type not in (BlockType.SECTION_HEADER, BlockType.INTERFACE_DESCRIPTION):
            return
        try:
            parsed = parse_block(block_type, block[8:-4], "<", offset)
        except MalformedPacket:
            self._quick.append(False)
            return
        if isinstance(parsed, SectionHeader):
            self._before += len(self._quick)
            # Another byte order from here on is the general reader's business.
            self._quick = []
        elif isinstance(parsed, InterfaceDescription):
            resolution = option_number(parsed.options, Option.IF_RESOLUTION, "<", 1)
            shifted = option_number(parsed.options, Option.IF_OFFSET, "<", 8)
            self._quick.append(
                parsed.link_type == LinkType.RAW
                and resolution in (None, _MICROSECONDS)
                and not shifted
                and not parsed.snap_length
            )


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
