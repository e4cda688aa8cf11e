"""What the bytes of an RTP header extension element mean.

Source: RFC 9143 and RFC 8852 (MID, RID), RFC 6464 (audio level), RFC 5450 (transmission offset), 3GPP TS
26.114 §7.4.5 (video orientation), and the pages of webrtc.org for abs-send-time, abs-capture-time,
playout-delay and the transport sequence number.

Every ``parse_x`` returns None for bytes that are not an x: an element is the sender's text and the rest of
the packet is still good. Every ``serialize_x`` raises ``InvalidParameters`` for a value that does not fit.
"""

import re
from dataclasses import dataclass
from struct import Struct

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire import Buffer

MID_MAX_SIZE = 32
RID_MAX_SIZE = 16
PLAYOUT_DELAY_STEP_MS = 10
PLAYOUT_DELAY_MAX_MS = 0xFFF * PLAYOUT_DELAY_STEP_MS


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """``level`` is 0 (overload) to 127 (silence) in -dBov.

    ``voice``: the encoder believes that it is speech.
    """

    voice: bool
    level: int


@dataclass(frozen=True, slots=True)
class VideoOrientation:
    """How to turn the picture for display.

    ``rotation`` is clockwise in degrees (0, 90, 180 or 270); ``flip``: mirrored left to right; ``camera``: it
    looks away from the user.
    """

    camera: bool
    flip: bool
    rotation: int


@dataclass(frozen=True, slots=True)
class AbsCaptureTime:
    """When the frame was captured: ``ntp`` on the capturer's clock (64-bit NTP).

    ``clock_offset`` (signed, units of 2^-32 s; None when absent) is what to add for the sender's own clock.
    """

    ntp: int
    clock_offset: int | None = None


@dataclass(frozen=True, slots=True)
class PlayoutDelay:
    """The least and the most delay that the receiver should play with, in milliseconds, multiples of 10."""

    minimum_ms: int
    maximum_ms: int


def parse_mid(value: Buffer) -> str | None:
    """A MID: an SDP token (RFC 8866 §9) of 1 to 32 characters."""
    return _parse_text(value, _TOKEN, MID_MAX_SIZE)


def serialize_mid(mid: str) -> bytes:
    """The bytes of a MID."""
    return _serialize_text("mid", mid, _TOKEN, MID_MAX_SIZE)


def parse_rid(value: Buffer) -> str | None:
    """A RID or a repaired RID: 1 to 16 letters and digits (RFC 8852 §3.1, stricter than RFC 8851)."""
    return _parse_text(value, _ALPHANUMERIC, RID_MAX_SIZE)


def serialize_rid(rid: str) -> bytes:
    """The bytes of a RID."""
    return _serialize_text("rid", rid, _ALPHANUMERIC, RID_MAX_SIZE)


def parse_audio_level(value: Buffer) -> AudioLevel | None:
    """An audio level of one byte (RFC 6464 §3)."""
    return AudioLevel(value[0] >= 0x80, value[0] & 0x7F) if len(value) == 1 else None


def serialize_audio_level(audio_level: AudioLevel) -> bytes:
    """The byte of an audio level."""
    _check_range("level", audio_level.level, 0, 127)
    return bytes((audio_level.voice << 7 | audio_level.level,))


def parse_abs_send_time(value: Buffer) -> int | None:
    """An absolute send time: 24 bits, units of 2^-18 s, wrapping every 64 s. See ``abs_send_time_to_us``."""
    return int.from_bytes(value) if len(value) == 3 else None


def serialize_abs_send_time(abs_send_time: int) -> bytes:
    """The bytes of an absolute send time of 24 bits."""
    _check_range("abs_send_time", abs_send_time, 0, 0xFF_FFFF)
    return abs_send_time.to_bytes(3)


def us_to_abs_send_time(time_us: int) -> int:
    """Microseconds on any clock to 24 bits of 2^-18 s each, rounded to the nearest, wrapped at 64 s."""
    return ((time_us << 18) + 500_000) // 1_000_000 & 0xFF_FFFF


def abs_send_time_to_us(abs_send_time: int) -> int:
    """Units of 2^-18 s to microseconds, rounded to the nearest: 0 to 64 s."""
    return abs_send_time * 1_000_000 + (1 << 17) >> 18


def parse_transport_sequence_number(value: Buffer) -> int | None:
    """A transport-wide sequence number of 16 bits (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2)."""
    return value[0] << 8 | value[1] if len(value) == 2 else None


def serialize_transport_sequence_number(sequence_number: int) -> bytes:
    """The bytes of a transport-wide sequence number."""
    _check_range("transport sequence number", sequence_number, 0, 0xFFFF)
    return sequence_number.to_bytes(2)


def parse_video_orientation(value: Buffer) -> VideoOrientation | None:
    """A video orientation of one byte; its four high bits are reserved and ignored."""
    if len(value) != 1:
        return None
    bits = value[0]
    return VideoOrientation(camera=bool(bits & 8), flip=bool(bits & 4), rotation=(bits & 3) * 90)


def serialize_video_orientation(orientation: VideoOrientation) -> bytes:
    """The byte of a video orientation."""
    if orientation.rotation not in (0, 90, 180, 270):
        raise InvalidParameters(f"rotation {orientation.rotation}: need 0, 90, 180 or 270")
    return bytes((orientation.camera << 3 | orientation.flip << 2 | orientation.rotation // 90,))


def parse_transmission_offset(value: Buffer) -> int | None:
    """A transmission offset: RTP ticks from the timestamp to the sending, signed 24 bits (RFC 5450 §2)."""
    return int.from_bytes(value, signed=True) if len(value) == 3 else None


def serialize_transmission_offset(ticks: int) -> bytes:
    """The bytes of a transmission offset."""
    _check_range("transmission offset", ticks, -(1 << 23), (1 << 23) - 1)
    return ticks.to_bytes(3, signed=True)


def parse_abs_capture_time(value: Buffer) -> AbsCaptureTime | None:
    """An absolute capture time of 8 bytes, or 16 with the clock offset."""
    if len(value) == 8:
        return AbsCaptureTime(int.from_bytes(value))
    if len(value) == 16:
        return AbsCaptureTime(*_CAPTURE_AND_OFFSET.unpack(value))
    return None


def serialize_abs_capture_time(capture: AbsCaptureTime) -> bytes:
    """The 8 or 16 bytes of an absolute capture time."""
    _check_range("ntp", capture.ntp, 0, (1 << 64) - 1)
    if capture.clock_offset is None:
        return capture.ntp.to_bytes(8)
    _check_range("clock_offset", capture.clock_offset, -(1 << 63), (1 << 63) - 1)
    return _CAPTURE_AND_OFFSET.pack(capture.ntp, capture.clock_offset)


def parse_playout_delay(value: Buffer) -> PlayoutDelay | None:
    """A playout delay: two times 12 bits in units of 10 ms."""
    if len(value) != 3:
        return None
    bits = int.from_bytes(value)
    return PlayoutDelay((bits >> 12) * PLAYOUT_DELAY_STEP_MS, (bits & 0xFFF) * PLAYOUT_DELAY_STEP_MS)


def serialize_playout_delay(delay: PlayoutDelay) -> bytes:
    """The bytes of a playout delay, each limit rounded down to 10 ms."""
    _check_range("minimum_ms", delay.minimum_ms, 0, PLAYOUT_DELAY_MAX_MS)
    _check_range("maximum_ms", delay.maximum_ms, 0, PLAYOUT_DELAY_MAX_MS)
    minimum, maximum = delay.minimum_ms // PLAYOUT_DELAY_STEP_MS, delay.maximum_ms // PLAYOUT_DELAY_STEP_MS
    return (minimum << 12 | maximum).to_bytes(3)


def parse_packet_id(value: Buffer) -> int | None:
    """mediasoup's packet id: 32 bits that count packets from one worker to the next."""
    return int.from_bytes(value) if len(value) == 4 else None


def serialize_packet_id(packet_id: int) -> bytes:
    """The bytes of mediasoup's packet id."""
    _check_range("packet id", packet_id, 0, 0xFFFF_FFFF)
    return packet_id.to_bytes(4)


_TOKEN = re.compile(rb"[!#-'*+\-.0-9A-Z^-~]+")
_ALPHANUMERIC = re.compile(rb"[0-9A-Za-z]+")
_CAPTURE_AND_OFFSET = Struct("!Qq")


def _parse_text(value: Buffer, pattern: re.Pattern[bytes], max_size: int) -> str | None:
    if len(value) > max_size or not pattern.fullmatch(value):
        return None
    return str(value, "ascii")


def _serialize_text(name: str, text: str, pattern: re.Pattern[bytes], max_size: int) -> bytes:
    value = text.encode(errors="replace")
    if len(value) > max_size or not pattern.fullmatch(value):
        raise InvalidParameters(f"{name} {text!r}: need 1 to {max_size} characters of {pattern.pattern!r}")
    return value


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidParameters(f"{name} {value}: need {low} to {high}")
