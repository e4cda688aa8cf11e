"""REMB: the most that a receiver believes its path can carry.

Source: draft-alvestrand-rmcat-remb-03 §2.2; a payload-specific application layer feedback (RFC 4585 §6.4).
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.header import PacketType, serialize_packet

REMB_FORMAT = 15
REMB_IDENTIFIER = b"REMB"
MANTISSA_BITS = 18
MAX_BITRATE_BPS = (1 << 64) - 1  # what libwebrtc can hold; the format reaches further


@dataclass(frozen=True, slots=True)
class ReceiverEstimatedMaxBitrate:
    """``bitrate_bps`` is the total for all of ``ssrcs`` in bits per second.

    ``media_ssrc`` is unused and 0.
    """

    sender_ssrc: int
    media_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads one REMB.

        Raises ``MalformedPacket`` for another identifier, a wrong length or beyond 64 bits.
        """
        if len(body) < _FIXED.size or bytes(body[8:12]) != REMB_IDENTIFIER:
            raise MalformedPacket(f"REMB body of {len(body)} bytes: need {_FIXED.size} with the identifier")
        sender_ssrc, media_ssrc, _, packed = _FIXED.unpack_from(body)
        count = packed >> 24
        needed = _FIXED.size + count * 4
        if len(body) != needed:
            raise MalformedPacket(f"REMB body of {len(body)} bytes: need {needed}")
        bitrate_bps = (packed & (1 << MANTISSA_BITS) - 1) << (packed >> MANTISSA_BITS & 0x3F)
        if bitrate_bps > MAX_BITRATE_BPS:
            raise MalformedPacket(f"REMB bitrate of {bitrate_bps.bit_length()} bits: need at most 64")
        return cls(sender_ssrc, media_ssrc, bitrate_bps, Struct(f"!{count}I").unpack_from(body, _FIXED.size))

    def serialize(self) -> bytes:
        """The whole packet, the bitrate rounded down to its 18 highest bits.

        Raises ``InvalidParameters`` for more than 255 SSRCs or a number out of range.
        """
        if not 0 <= self.bitrate_bps <= MAX_BITRATE_BPS or len(self.ssrcs) > 255:
            raise InvalidParameters(
                f"REMB of {self.bitrate_bps} bit/s for {len(self.ssrcs)} SSRCs does not fit"
            )
        exponent = max(0, self.bitrate_bps.bit_length() - MANTISSA_BITS)
        packed = len(self.ssrcs) << 24 | exponent << MANTISSA_BITS | self.bitrate_bps >> exponent
        try:
            fixed = _FIXED.pack(self.sender_ssrc, self.media_ssrc, REMB_IDENTIFIER, packed)
            body = fixed + Struct(f"!{len(self.ssrcs)}I").pack(*self.ssrcs)
        except struct_error as error:
            raise InvalidParameters(f"SSRC out of range: {error}") from None
        return serialize_packet(PacketType.PAYLOAD_FEEDBACK, REMB_FORMAT, body)


_FIXED = Struct("!II4sI")
