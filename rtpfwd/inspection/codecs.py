"""Codecs by name and by payload type: what needs no look at payloads.

Source: RFC 3551 tables 4 and 5 (static payload types); names and clock rates as IANA registers them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Confidence(StrEnum):
    """How a stream's codec is known, the surest first."""

    GIVEN = "given"
    STATIC = "static"
    LIKELY = "likely"
    GUESS = "guess"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CodecGuess:
    """``mime_type`` None: not known. ``clock_rate`` in hertz may be known nevertheless."""

    mime_type: str | None = None
    clock_rate: int | None = None
    confidence: Confidence = Confidence.UNKNOWN

    @property
    def is_video(self) -> bool:
        """Whether it is known to be video."""
        return self.mime_type is not None and self.mime_type.startswith("video/")


REPAIR_NAMES = frozenset({"rtx", "red", "ulpfec", "flexfec-03"})
_KNOWN = (
    ("audio/opus", 48000),
    ("audio/PCMU", 8000),
    ("audio/PCMA", 8000),
    ("audio/G722", 8000),  # samples at 16 kHz; the registered clock is a historic mistake (RFC 3551 §4.5.2)
    ("audio/G729", 8000),
    ("audio/GSM", 8000),
    ("audio/G723", 8000),
    ("audio/G728", 8000),
    ("audio/QCELP", 8000),
    ("audio/CN", 8000),
    ("audio/L16", 44100),
    ("audio/MPA", 90000),
    ("audio/iLBC", 8000),
    ("audio/speex", 16000),
    ("audio/telephone-event", 8000),
    ("audio/MP4A-LATM", 48000),
    ("audio/MPEG4-GENERIC", 48000),
    ("video/VP8", 90000),
    ("video/VP9", 90000),
    ("video/H264", 90000),
    ("video/H265", 90000),
    ("video/AV1", 90000),
    ("video/JPEG", 90000),
    ("video/H261", 90000),
    ("video/H263", 90000),
    ("video/MPV", 90000),
    ("video/MP2T", 90000),
    ("video/rtx", 90000),
    ("audio/rtx", 48000),
    ("video/red", 90000),
    ("audio/red", 48000),
    ("video/ulpfec", 90000),
    ("video/flexfec-03", 90000),
)
_BY_MIME_TYPE = {mime_type.lower(): (mime_type, clock) for mime_type, clock in _KNOWN}
# Reversed: of two with one name (video/rtx and audio/rtx) the first counts.
_BY_NAME = {mime_type.partition("/")[2].lower(): (mime_type, clock) for mime_type, clock in reversed(_KNOWN)}

STATIC_PAYLOAD_TYPES: dict[int, tuple[str, int]] = {
    0: ("audio/PCMU", 8000),
    3: ("audio/GSM", 8000),
    4: ("audio/G723", 8000),
    8: ("audio/PCMA", 8000),
    9: ("audio/G722", 8000),
    10: ("audio/L16", 44100),
    11: ("audio/L16", 44100),
    12: ("audio/QCELP", 8000),
    13: ("audio/CN", 8000),
    14: ("audio/MPA", 90000),
    15: ("audio/G728", 8000),
    18: ("audio/G729", 8000),
    26: ("video/JPEG", 90000),
    31: ("video/H261", 90000),
    32: ("video/MPV", 90000),
    33: ("video/MP2T", 90000),
    34: ("video/H263", 90000),
}


def find_codec(name: str) -> tuple[str, int] | None:
    """MIME type and usual clock rate for ``VP8`` or ``video/vp8``, in any case; None when it is not known."""
    return _BY_MIME_TYPE.get(name.lower()) or _BY_NAME.get(name.lower())


def static_codec(payload_type: int) -> CodecGuess:
    """What RFC 3551 has for a payload type; nothing for the dynamic ones."""
    found = STATIC_PAYLOAD_TYPES.get(payload_type)
    if found is None:
        return CodecGuess()
    return CodecGuess(found[0], found[1], Confidence.STATIC)


def is_repair(mime_type: str | None) -> bool:
    """Whether a stream of this type repeats or protects another one."""
    return mime_type is not None and mime_type.partition("/")[2].lower() in REPAIR_NAMES
