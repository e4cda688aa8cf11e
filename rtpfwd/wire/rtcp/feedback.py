"""Feedback that asks for something: lost packets (NACK) or a key frame (PLI, FIR).

Source: RFC 4585 §6.2.1 (generic NACK) and §6.3.1 (PLI), RFC 5104 §4.3.1 (FIR). All start with the SSRC of the
one who asks and the SSRC of the media. Left out: SLI and RPSI, which no browser sends any more; TMMBR.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.header import PacketType, serialize_packet

NACK_FORMAT = 1
PLI_FORMAT = 1
FIR_FORMAT = 4
SSRCS_SIZE = 8


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK, a transport layer feedback.

    ``sequence_numbers`` (16 bits each) are wanted again, in the order of the wire.
    """

    sender_ssrc: int
    media_ssrc: int
    sequence_numbers: tuple[int, ...]

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads pairs of packet id and bit mask.

        Raises ``MalformedPacket`` unless there is at least one whole pair.

        A datagram of 1500 bytes can name at most 6290 numbers.
        """
        if len(body) < SSRCS_SIZE + 4 or len(body) % 4:
            raise MalformedPacket(f"NACK body of {len(body)} bytes: need 12 + 4n")
        sequence_numbers = []
        for pid, blp in _PID_BLP.iter_unpack(body[SSRCS_SIZE:]):
            sequence_numbers.append(pid)
            distance = 1
            while blp:
                if blp & 1:
                    sequence_numbers.append(pid + distance & 0xFFFF)
                blp >>= 1
                distance += 1
        sender_ssrc, media_ssrc = _SSRCS.unpack_from(body)
        return cls(sender_ssrc, media_ssrc, tuple(sequence_numbers))

    def serialize(self) -> bytes:
        """The whole packet, each pair taking as many numbers as follow within 16 in ascending order.

        Raises ``InvalidParameters`` for an empty list or a number out of range.
        """
        if not self.sequence_numbers:
            raise InvalidParameters("NACK without sequence numbers")
        pairs: list[tuple[int, int]] = []
        pid, blp = self.sequence_numbers[0], 0
        for sequence_number in self.sequence_numbers[1:]:
            distance = sequence_number - pid & 0xFFFF
            # Only a bit above all that are set keeps the order of the list.
            if 1 <= distance <= 16 and blp >> distance - 1 == 0:
                blp |= 1 << distance - 1
            else:
                pairs.append((pid, blp))
                pid, blp = sequence_number, 0
        pairs.append((pid, blp))
        try:
            items = b"".join(_PID_BLP.pack(*pair) for pair in pairs)
        except struct_error as error:
            raise InvalidParameters(f"NACK sequence number out of range: {error}") from None
        body = _serialize_ssrcs(self.sender_ssrc, self.media_ssrc) + items
        return serialize_packet(PacketType.TRANSPORT_FEEDBACK, NACK_FORMAT, body)


@dataclass(frozen=True, slots=True)
class PictureLossIndication:
    """PLI, a payload-specific feedback: the receiver of ``media_ssrc`` needs a key frame."""

    sender_ssrc: int
    media_ssrc: int

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads the two SSRCs; raises ``MalformedPacket`` below 8 bytes."""
        if len(body) < SSRCS_SIZE:
            raise MalformedPacket(f"PLI body of {len(body)} bytes: need {SSRCS_SIZE}")
        return cls(*_SSRCS.unpack_from(body))

    def serialize(self) -> bytes:
        """The whole packet; raises ``InvalidParameters`` for an SSRC out of range."""
        body = _serialize_ssrcs(self.sender_ssrc, self.media_ssrc)
        return serialize_packet(PacketType.PAYLOAD_FEEDBACK, PLI_FORMAT, body)


@dataclass(frozen=True, slots=True)
class FirEntry:
    """One stream asked for a key frame; ``sequence_number`` (8 bits) changes only with a new request."""

    ssrc: int
    sequence_number: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """FIR, a payload-specific feedback: like PLI, but obliging.

    ``media_ssrc`` is unused and 0 on the wire.
    """

    sender_ssrc: int
    media_ssrc: int
    entries: tuple[FirEntry, ...]

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads the entries; raises ``MalformedPacket`` unless there is at least one and all are whole."""
        if len(body) < SSRCS_SIZE + _FIR_ENTRY.size or len(body) % _FIR_ENTRY.size:
            raise MalformedPacket(f"FIR body of {len(body)} bytes: need 16 + 8n")
        entries = tuple(FirEntry(*fields) for fields in _FIR_ENTRY.iter_unpack(body[SSRCS_SIZE:]))
        sender_ssrc, media_ssrc = _SSRCS.unpack_from(body)
        return cls(sender_ssrc, media_ssrc, entries)

    def serialize(self) -> bytes:
        """The whole packet; raises ``InvalidParameters`` for no entry or one that does not fit."""
        if not self.entries:
            raise InvalidParameters("FIR without entries")
        try:
            items = b"".join(_FIR_ENTRY.pack(entry.ssrc, entry.sequence_number) for entry in self.entries)
        except struct_error as error:
            raise InvalidParameters(f"FIR entry out of range: {error}") from None
        body = _serialize_ssrcs(self.sender_ssrc, self.media_ssrc) + items
        return serialize_packet(PacketType.PAYLOAD_FEEDBACK, FIR_FORMAT, body)


_SSRCS = Struct("!II")
_PID_BLP = Struct("!HH")
_FIR_ENTRY = Struct("!IBxxx")


def _serialize_ssrcs(sender_ssrc: int, media_ssrc: int) -> bytes:
    try:
        return _SSRCS.pack(sender_ssrc, media_ssrc)
    except struct_error as error:
        raise InvalidParameters(f"SSRC out of range: {error}") from None
