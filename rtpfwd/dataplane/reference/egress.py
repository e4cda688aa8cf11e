"""Writing outgoing RTP packets: one header and extension block for each consumer, around a shared payload.

The extension elements of a source packet are the same for all consumers that negotiated the same ids and MID,
so their bytes are built once for a packet and layout; only the transport-wide number, which leads the block,
differs. Source: RFC 3550 §5.1, RFC 8285 (one-byte form where all elements fit, else two-byte), RFC 8843 §15
(MID).
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING

from rtpfwd.clock import MICROSECONDS, Instant
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.header_extensions import (
    ABS_SEND_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
    ONE_BYTE_PROFILE,
    TRANSPORT_CC,
    TWO_BYTE_PROFILE,
)

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.numbering import Segment
    from rtpfwd.dataplane.reference.send_stream import SendStream

_FIXED = Struct("!BBHII")
_WITH_EXTENSION = Struct("!BBHIIHH")
_WITH_NUMBER_ONE_BYTE = Struct("!BBHIIHHBH")
_WITH_NUMBER_TWO_BYTE = Struct("!BBHIIHHBBH")


class Outgoing:
    """A packet that waits for its turn: what its send stream needs to write it then.

    ``number`` is its extended outgoing number; of a repair, ``ciphertext`` is set where the very same
    bytes go out again.
    """

    __slots__ = ("ciphertext", "number", "packet", "repair", "segment", "size", "stream")

    def __init__(
        self,
        stream: SendStream,
        packet: Packet | None,
        segment: Segment | None,
        number: int,
        size: int,
        repair: bool,
        ciphertext: bytes | None = None,
    ) -> None:
        self.stream = stream
        self.packet = packet
        self.segment = segment
        self.number = number
        self.size = size
        self.repair = repair
        self.ciphertext = ciphertext


class Layout:
    """The header extensions that a send stream writes: ids by URI, and its MID."""

    __slots__ = (
        "__weakref__",
        "_at",
        "_built",
        "_ids",
        "_mid",
        "_tail",
        "_two_byte",
        "_value",
        "_words",
        "numbered",
    )

    def __init__(self, extension_ids: Mapping[str, int], mid: bytes) -> None:
        self._ids = dict(extension_ids)
        self._mid = mid
        self.numbered = TRANSPORT_CC in self._ids
        self._built: Packet | None = None
        self._at = Instant(0)
        self._value: bytes | None = None
        self._two_byte = False
        self._tail = b""
        self._words = 0

    def write(
        self,
        packet: Packet,
        payload: bytes,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        transport_number: int,
        now: Instant,
        ends: bool = False,
        dependency: bytes | None = None,
    ) -> bytes:
        """The whole plain RTP packet. ``transport_number`` is ignored where the layout has no place for
        it; ``ends`` sets the marker, whatever the packet has; ``dependency`` stands for the packet's own
        dependency descriptor unless it is None.
        """
        if self._built is not packet or self._at != now or self._value != dependency:
            self._build(packet, now, dependency)
        second = payload_type | 0x80 if ends or packet.marker else payload_type
        if self.numbered:
            if self._two_byte:
                header = _WITH_NUMBER_TWO_BYTE.pack(
                    0x90, second, sequence_number, timestamp, ssrc, TWO_BYTE_PROFILE, self._words,
                    self._ids[TRANSPORT_CC], 2, transport_number,
                )  # fmt: skip
            else:
                header = _WITH_NUMBER_ONE_BYTE.pack(
                    0x90, second, sequence_number, timestamp, ssrc, ONE_BYTE_PROFILE, self._words,
                    self._ids[TRANSPORT_CC] << 4 | 1, transport_number,
                )  # fmt: skip
            return header + self._tail + payload
        if not self._tail:
            return _FIXED.pack(0x80, second, sequence_number, timestamp, ssrc) + payload
        profile = TWO_BYTE_PROFILE if self._two_byte else ONE_BYTE_PROFILE
        header = _WITH_EXTENSION.pack(0x90, second, sequence_number, timestamp, ssrc, profile, self._words)
        return header + self._tail + payload

    def _build(self, packet: Packet, now: Instant, dependency: bytes | None) -> None:
        ids = self._ids
        elements: list[tuple[int, bytes]] = []
        if MID in ids and self._mid:
            elements.append((ids[MID], self._mid))
        if ABS_SEND_TIME in ids:
            elements.append((ids[ABS_SEND_TIME], _abs_send_time(now)))
        for uri, value in packet.elements:
            if uri in ids:
                changed = dependency is not None and uri == DEPENDENCY_DESCRIPTOR
                elements.append((ids[uri], dependency if changed else value))  # type: ignore[arg-type]  # not None then
        two_byte = any(not 0 < len(value) <= 16 or number > 14 for number, value in elements)
        if self.numbered and ids[TRANSPORT_CC] > 14:
            two_byte = True
        if two_byte:
            tail = b"".join(bytes((number, len(value))) + value for number, value in elements)
            front = 4 if self.numbered else 0
        else:
            tail = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in elements)
            front = 3 if self.numbered else 0
        tail += bytes(-(front + len(tail)) % 4)
        self._tail = tail
        self._words = (front + len(tail)) // 4
        self._two_byte = two_byte
        self._built = packet
        self._at = now
        self._value = dependency


def _abs_send_time(now: Instant) -> bytes:
    # 6.18 fixed-point seconds of any clock that runs evenly: receivers take differences only.
    return ((now << 18) // MICROSECONDS & 0xFF_FFFF).to_bytes(3)
