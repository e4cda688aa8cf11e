"""Transport-wide feedback: for every transport-wide sequence number in a range, whether and when it arrived.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1. A transport layer feedback (RFC 4585 §6.2)
with format 15. Left out: feedback without timestamps, which only libwebrtc's second version of the extension
asks for.

Reading is done in runs rather than packet by packet, so that a lying status count costs little: at most 65535
entries, and every arrival must bring its own bytes.
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error
from typing import Self

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.rtcp.header import PacketType, serialize_packet

TRANSPORT_CC_FORMAT = 15
DELTA_UNIT_US = 250
REFERENCE_TIME_UNIT_US = 64_000
MAX_STATUS_COUNT = 0xFFFF
MAX_RUN_LENGTH = 0x1FFF
ONE_BIT_SYMBOLS = 14
TWO_BIT_SYMBOLS = 7

NOT_RECEIVED = 0
SMALL_DELTA = 1
LARGE_DELTA = 2


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """``packets[i]`` is about transport sequence number ``base_sequence_number + i`` (16 bits, wrapping).

    None: not received. A number: received that many units of 250 µs (signed 16 bits) after the previous
    received packet, the first one counting from ``reference_time`` (signed 24 bits, units of 64 ms).
    ``feedback_count`` is 8 bits, one more with each feedback.
    """

    sender_ssrc: int
    media_ssrc: int
    base_sequence_number: int
    feedback_count: int
    reference_time: int
    packets: tuple[int | None, ...]

    @classmethod
    def parse(cls, body: Buffer) -> Self:
        """Reads one feedback.

        Raises ``MalformedPacket`` for no packets at all, chunks or deltas that reach past the body, and the
        reserved status symbol. A last chunk that covers more packets than announced is cut.
        """
        if len(body) < _FIXED.size:
            raise MalformedPacket(f"transport feedback body of {len(body)} bytes: need {_FIXED.size}")
        sender_ssrc, media_ssrc, base, status_count, time_and_count = _FIXED.unpack_from(body)
        if status_count == 0:
            raise MalformedPacket("transport feedback about 0 packets: need 1 to 65535")
        runs, offset = _parse_chunks(body, status_count)
        return cls(
            sender_ssrc=sender_ssrc,
            media_ssrc=media_ssrc,
            base_sequence_number=base,
            feedback_count=time_and_count & 0xFF,
            reference_time=(time_and_count >> 8 ^ 0x80_0000) - 0x80_0000,
            packets=tuple(_parse_deltas(body, offset, runs)),
        )

    def serialize(self) -> bytes:
        """The whole packet, filled up with zero bytes.

        Raises ``InvalidParameters`` for none or more than 65535 packets or a number out of range.
        """
        if not 1 <= len(self.packets) <= MAX_STATUS_COUNT:
            raise InvalidParameters(f"transport feedback about {len(self.packets)} packets: need 1 to 65535")
        if not -0x80_0000 <= self.reference_time <= 0x7F_FFFF or not 0 <= self.feedback_count <= 0xFF:
            raise InvalidParameters(
                f"reference time {self.reference_time}, count {self.feedback_count}: no room"
            )
        symbols = bytes(map(_symbol, self.packets))
        try:
            fixed = _FIXED.pack(
                self.sender_ssrc,
                self.media_ssrc,
                self.base_sequence_number,
                len(symbols),
                (self.reference_time & 0xFF_FFFF) << 8 | self.feedback_count,
            )
            deltas = b"".join(_serialize_delta(delta) for delta in self.packets if delta is not None)
        except struct_error as error:
            raise InvalidParameters(f"transport feedback field out of range: {error}") from None
        body = fixed + _serialize_chunks(symbols) + deltas
        body += bytes(-len(body) % 4)
        return serialize_packet(PacketType.TRANSPORT_FEEDBACK, TRANSPORT_CC_FORMAT, body)

    def arrivals_us(self) -> list[tuple[int, int | None]]:
        """Pairs of sequence number and arrival in microseconds on the receiver's clock.

        None for not received.
        """
        time_us = self.reference_time * REFERENCE_TIME_UNIT_US
        arrivals: list[tuple[int, int | None]] = []
        sequence_number = self.base_sequence_number
        for delta in self.packets:
            if delta is None:
                arrivals.append((sequence_number, None))
            else:
                time_us += delta * DELTA_UNIT_US
                arrivals.append((sequence_number, time_us))
            sequence_number = sequence_number + 1 & 0xFFFF
        return arrivals


_FIXED = Struct("!IIHHI")
_CHUNK = Struct("!H")
_LARGE = Struct("!h")


def _parse_chunks(body: Buffer, status_count: int) -> tuple[list[tuple[int, int]], int]:
    """The statuses as runs of (symbol, how many), and where the deltas start."""
    runs: list[tuple[int, int]] = []
    offset = _FIXED.size
    missing = status_count
    while missing:
        if offset + 2 > len(body):
            raise MalformedPacket(f"transport feedback ends {missing} packet statuses early")
        chunk = body[offset] << 8 | body[offset + 1]
        offset += 2
        if chunk < 0x8000:
            length = min(chunk & MAX_RUN_LENGTH, missing)
            runs.append((chunk >> 13, length))
            missing -= length
            continue
        if chunk < 0xC000:
            length = min(ONE_BIT_SYMBOLS, missing)
            runs += [(chunk >> shift & 1, 1) for shift in range(13, 13 - length, -1)]
        else:
            length = min(TWO_BIT_SYMBOLS, missing)
            runs += [(chunk >> shift & 3, 1) for shift in range(12, 12 - 2 * length, -2)]
        missing -= length
    return runs, offset


def _parse_deltas(body: Buffer, offset: int, runs: list[tuple[int, int]]) -> list[int | None]:
    packets: list[int | None] = []
    for symbol, length in runs:
        if symbol == NOT_RECEIVED:
            packets.extend([None] * length)
            continue
        if symbol > LARGE_DELTA:
            raise MalformedPacket(f"transport feedback status symbol {symbol}: need 0 to 2")
        end = offset + length * symbol  # the symbol is also the size of its delta
        if end > len(body):
            raise MalformedPacket(f"transport feedback body of {len(body)} bytes: need {end} for the deltas")
        if symbol == SMALL_DELTA:
            packets.extend(body[offset:end])
        else:
            packets.extend(Struct(f"!{length}h").unpack_from(body, offset))
        offset = end
    return packets


def _symbol(delta: int | None) -> int:
    if delta is None:
        return NOT_RECEIVED
    return SMALL_DELTA if 0 <= delta <= 0xFF else LARGE_DELTA


def _serialize_delta(delta: int) -> bytes:
    return bytes((delta,)) if 0 <= delta <= 0xFF else _LARGE.pack(delta)


def _serialize_chunks(symbols: bytes) -> bytes:
    """Takes at each place the chunk that covers most: a run, 14 symbols of one bit, or 7 of two."""
    chunks = bytearray()
    offset = 0
    while offset < len(symbols):
        symbol = symbols[offset]
        run = 1
        limit = min(len(symbols) - offset, MAX_RUN_LENGTH)
        while run < limit and symbols[offset + run] == symbol:
            run += 1
        window = symbols[offset : offset + ONE_BIT_SYMBOLS]
        in_vector = TWO_BIT_SYMBOLS if LARGE_DELTA in window else ONE_BIT_SYMBOLS
        if run >= min(in_vector, limit):
            chunks += _CHUNK.pack(symbol << 13 | run)
            offset += run
            continue
        window = window[:in_vector]
        bits = 14 // in_vector
        value = 0
        for vector_symbol in window:
            value = value << bits | vector_symbol
        value <<= bits * (in_vector - len(window))
        chunks += _CHUNK.pack((0x8000 if bits == 1 else 0xC000) | value)
        offset += in_vector
    return bytes(chunks)
