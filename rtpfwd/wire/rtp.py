"""The RTP packet: fixed header, contributing sources, header extension block, payload, padding.

Source: RFC 3550 §5.1 and §5.3.1. The elements inside the extension block are ``header_extensions.py``'s.

Two readers: ``parse_header`` finds the borders and copies nothing (the per-packet path); ``RtpPacket.parse``
takes the packet apart (tests, probes, tools). Both expect plain RTP: in SRTP the payload and its padding are
ciphertext, so use ``peek_ssrc`` and ``peek_sequence_number`` before unprotecting and these after.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer

RTP_HEADER_SIZE = 12
RTP_VERSION_BITS = 0x80
MAX_CSRCS = 15
MAX_PADDING = 255


@dataclass(slots=True)
class RtpHeader:
    """The fixed header, and where the rest of the packet is: offsets in bytes from the packet's start.

    ``header_length`` counts CSRCs and extension, so the payload is ``data[header_length:payload_end]`` and
    padding follows it. The extension block is ``data[extension_start:extension_end]``, both 0 when
    ``extension_profile`` is None. A padding-only packet has ``payload_end == header_length``.
    """

    marker: bool
    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    header_length: int
    payload_end: int
    extension_profile: int | None
    extension_start: int
    extension_end: int


@dataclass(slots=True)
class RtpPacket:
    """A whole RTP packet, copied out of its datagram.

    ``extension`` is the block behind the profile word, a multiple of four bytes; ``padding`` is the number of
    padding bytes including the last one, which holds that number.
    """

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension_profile: int | None = None
    extension: bytes = b""
    payload: bytes = b""
    padding: int = 0

    @classmethod
    def parse(cls, data: Buffer) -> Self:
        """Takes one plain RTP packet apart.

        Raises ``MalformedPacket`` exactly where ``parse_header`` does.
        """
        header = parse_header(data)
        csrc_count = data[0] & 0x0F
        return cls(
            payload_type=header.payload_type,
            sequence_number=header.sequence_number,
            timestamp=header.timestamp,
            ssrc=header.ssrc,
            marker=header.marker,
            csrcs=Struct(f"!{csrc_count}I").unpack_from(data, RTP_HEADER_SIZE),
            extension_profile=header.extension_profile,
            extension=bytes(data[header.extension_start : header.extension_end]),
            payload=bytes(data[header.header_length : header.payload_end]),
            padding=len(data) - header.payload_end,
        )

    def serialize(self) -> bytes:
        """The packet's bytes; raises ``InvalidParameters`` for a field that does not fit its place."""
        self._check()
        has_extension = self.extension_profile is not None
        first = RTP_VERSION_BITS | bool(self.padding) << 5 | has_extension << 4 | len(self.csrcs)
        try:
            parts = [
                _FIXED.pack(
                    first,
                    self.marker << 7 | self.payload_type,
                    self.sequence_number,
                    self.timestamp,
                    self.ssrc,
                ),
                Struct(f"!{len(self.csrcs)}I").pack(*self.csrcs),
            ]
            if has_extension:
                parts.append(_EXTENSION.pack(self.extension_profile, len(self.extension) // 4))
        except struct_error as error:
            raise InvalidParameters(f"RTP header field out of range: {error}") from None
        parts += [self.extension, self.payload]
        if self.padding:
            parts.append(bytes(self.padding - 1) + bytes((self.padding,)))
        return b"".join(parts)

    def __str__(self) -> str:
        return (
            f"RTP ssrc={self.ssrc} pt={self.payload_type} seq={self.sequence_number} ts={self.timestamp}"
            f"{' marker' if self.marker else ''} payload={len(self.payload)}B padding={self.padding}B"
        )

    def _check(self) -> None:
        if not 0 <= self.payload_type <= 127:
            raise InvalidParameters(f"payload_type {self.payload_type}: need 0 to 127")
        if len(self.csrcs) > MAX_CSRCS:
            raise InvalidParameters(f"{len(self.csrcs)} csrcs: need at most {MAX_CSRCS}")
        if not 0 <= self.padding <= MAX_PADDING:
            raise InvalidParameters(f"padding {self.padding}: need 0 to {MAX_PADDING}")
        if len(self.extension) % 4:
            raise InvalidParameters(f"extension of {len(self.extension)} bytes: need a multiple of 4")
        if self.extension and self.extension_profile is None:
            raise InvalidParameters("extension without extension_profile")


def parse_header(data: Buffer) -> RtpHeader:
    """Finds the borders of one plain RTP packet without copying any of it.

    Raises ``MalformedPacket`` for a version other than 2, for CSRCs or an extension reaching past the end,
    and for padding of zero bytes or more bytes than follow the header.
    """
    size = len(data)
    if size < RTP_HEADER_SIZE:
        raise MalformedPacket(f"RTP packet of {size} bytes: need {RTP_HEADER_SIZE}")
    first, second, sequence_number, timestamp, ssrc = _unpack_fixed(data)
    if first & 0xC0 != RTP_VERSION_BITS:
        raise MalformedPacket(f"RTP version {first >> 6}: need 2")
    header_length = RTP_HEADER_SIZE + (first & 0x0F) * 4
    profile = None
    extension_start = extension_end = 0
    if first & 0x10:
        extension_start = header_length + 4
        if extension_start > size:
            raise MalformedPacket(
                f"RTP packet of {size} bytes: need {extension_start} for the extension header"
            )
        profile, words = _unpack_extension(data, header_length)
        header_length = extension_end = extension_start + words * 4
    if header_length > size:
        raise MalformedPacket(f"RTP packet of {size} bytes: need {header_length} for the header")
    payload_end = size
    if first & 0x20:
        padding = data[-1]
        payload_end -= padding
        if not padding or payload_end < header_length:
            raise MalformedPacket(f"RTP padding of {padding} bytes: need 1 to {size - header_length}")
    return RtpHeader(
        second >= 0x80,
        second & 0x7F,
        sequence_number,
        timestamp,
        ssrc,
        header_length,
        payload_end,
        profile,
        extension_start,
        extension_end,
    )


def peek_ssrc(data: Buffer) -> int:
    """The SSRC of an RTP or SRTP packet of at least 12 bytes (``demux.classify`` has looked)."""
    return int.from_bytes(data[8:12])


def peek_sequence_number(data: Buffer) -> int:
    """The sequence number of an RTP or SRTP packet of at least 12 bytes (``demux.classify`` has looked)."""
    return data[2] << 8 | data[3]


_FIXED = Struct("!BBHII")
_EXTENSION = Struct("!HH")
_unpack_fixed = _FIXED.unpack_from
_unpack_extension = _EXTENSION.unpack_from
