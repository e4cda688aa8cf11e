"""Makes pcapng: each call gives the bytes to append to the file.

Source: draft-ietf-opsawg-pcapng. One little-endian section, times in microseconds, so that the same calls
give the same bytes everywhere. Wireshark opens what comes out, cut off after any block.

Call ``header`` once and first, ``interface`` before the packets of that interface; the rest in any order.
"""

import json
from collections.abc import Iterable
from struct import pack
from typing import NewType

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.internet import serialize_udp
from rtpfwd.wire.captures.items import Direction, JsonValue, LinkType
from rtpfwd.wire.captures.pcapng_blocks import (
    TLS_KEY_LOG,
    Block,
    CustomBlock,
    DecryptionSecrets,
    EnhancedPacket,
    InterfaceDescription,
    InterfaceStatistics,
    Option,
    SectionHeader,
    serialize_block,
)
from rtpfwd.wire.captures.pcapng_reader import RECORD_ENTERPRISE, RECORD_MAGIC
from rtpfwd.wire.datagram import Address

InterfaceNumber = NewType("InterfaceNumber", int)
MAX_TIME_US = (1 << 64) - 1


class PcapngWriter:
    """The interfaces described so far are its only state."""

    def __init__(self) -> None:
        self._interfaces = 0

    def header(self, *, application: str = "rtpfwd", system: str = "", comments: Iterable[str] = ()) -> bytes:
        """The start of the file; a later one starts a new section, whose interfaces count from 0 again."""
        self._interfaces = 0
        options = _texts(Option.COMMENT, comments)
        options += _text(Option.SHB_SYSTEM, system) + _text(Option.SHB_APPLICATION, application)
        return _block(SectionHeader(options=options))

    def interface(
        self,
        name: str,
        description: str = "",
        *,
        link_type: int = LinkType.RAW,
        filter_text: str = "",
        comments: Iterable[str] = (),
    ) -> tuple[InterfaceNumber, bytes]:
        """An interface: its number for ``packet`` and its bytes.

        ``LinkType.RAW`` (packets start with the IP header) is what ``datagram`` needs.
        """
        options = _texts(Option.COMMENT, comments)
        options += _text(Option.IF_NAME, name) + _text(Option.IF_DESCRIPTION, description)
        options += ((Option.IF_RESOLUTION, b"\x06"),)
        if filter_text:
            options += ((Option.IF_FILTER, b"\x00" + filter_text.encode(errors="replace")),)
        block = _block(InterfaceDescription(link_type, 0, options))
        self._interfaces += 1
        return InterfaceNumber(self._interfaces - 1), block

    def packet(
        self,
        interface: InterfaceNumber,
        time_us: int,
        frame: Buffer,
        *,
        direction: Direction = Direction.UNKNOWN,
        comments: Iterable[str] = (),
        packet_id: int | None = None,
        original_size: int | None = None,
    ) -> bytes:
        """A frame as the interface's link type has it. ``original_size``: its size where it is cut.

        ``comments`` show in Wireshark's packet list; ``packet_id`` (64 bits) is the same for all captures of
        one packet. Raises ``InvalidParameters`` for an interface that was not described and for numbers that
        do not fit.
        """
        self._check(interface, time_us)
        options = _texts(Option.COMMENT, comments)
        if direction:
            options += ((Option.EPB_FLAGS, pack("<I", direction)),)
        if packet_id is not None:
            if not 0 <= packet_id < 1 << 64:
                raise InvalidParameters(f"packet id {packet_id}: need 64 bits")
            options += ((Option.EPB_PACKET_ID, pack("<Q", packet_id)),)
        size = len(frame) if original_size is None else original_size
        return _block(EnhancedPacket(interface, time_us, bytes(frame), size, options))

    def datagram(
        self,
        interface: InterfaceNumber,
        time_us: int,
        source: Address,
        destination: Address,
        payload: Buffer,
        *,
        direction: Direction = Direction.UNKNOWN,
        comments: Iterable[str] = (),
        packet_id: int | None = None,
        missing: int = 0,
    ) -> bytes:
        """A UDP payload in an IP packet with these addresses; ``missing`` bytes of its end were not kept.

        Raises as ``packet`` and ``serialize_udp`` do.
        """
        frame = serialize_udp(source, destination, payload, missing=missing)
        return self.packet(
            interface, time_us, frame, direction=direction, comments=comments, packet_id=packet_id,
            original_size=len(frame) + missing,
        )  # fmt: skip

    def record(self, time_us: int, kind: str, value: JsonValue = None) -> bytes:
        """Something that happened and is not a packet, as JSON in a custom block; Wireshark steps over it.

        Raises ``InvalidParameters`` for what is not JSON.
        """
        document = {"time_us": time_us, "kind": kind, "value": value}
        try:
            text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidParameters(f"record {kind!r}: {error}") from None
        data = RECORD_MAGIC + text
        # Spaces behind JSON mean nothing, so the padding needs no length of its own.
        return _block(CustomBlock(RECORD_ENTERPRISE, data + b" " * (-len(data) % 4)))

    def comment(self, time_us: int, text: str) -> bytes:
        """A remark that belongs to no packet: a record of kind ``comment``."""
        return self.record(time_us, "comment", text)

    def key_log(self, lines: str) -> bytes:
        """Secrets of DTLS sessions in NSS key log form. Must stand before the packets that it opens."""
        return _block(DecryptionSecrets(TLS_KEY_LOG, lines.encode()))

    def statistics(self, interface: InterfaceNumber, time_us: int, *, received: int, dropped: int) -> bytes:
        """What the interface has counted up to ``time_us``; best at the end of the file."""
        self._check(interface, time_us)
        if not 0 <= received < 1 << 64 or not 0 <= dropped < 1 << 64:
            raise InvalidParameters(f"{received} received, {dropped} dropped: need 64 bits")
        options = ((Option.ISB_RECEIVED, pack("<Q", received)), (Option.ISB_DROPPED, pack("<Q", dropped)))
        return _block(InterfaceStatistics(interface, time_us, options))

    def _check(self, interface: int, time_us: int) -> None:
        if not 0 <= interface < self._interfaces:
            raise InvalidParameters(f"interface {interface}: need one of {self._interfaces} described")
        if not 0 <= time_us <= MAX_TIME_US:
            raise InvalidParameters(f"time {time_us} µs: need 64 bits")


def _block(block: Block) -> bytes:
    return serialize_block(block, "<")


def _text(code: int, text: str) -> tuple[tuple[int, bytes], ...]:
    return ((code, text.encode(errors="replace")),) if text else ()


def _texts(code: int, texts: Iterable[str]) -> tuple[tuple[int, bytes], ...]:
    return tuple((code, text.encode(errors="replace")) for text in texts)
