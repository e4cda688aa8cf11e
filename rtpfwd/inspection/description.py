"""What somebody knows of a capture's streams: a small TOML text, usually ``NAME.toml`` beside ``NAME.pcap``.

    [[stream]]
    name = "Alice's camera"          # optional, shown in reports
    ssrc = [0x11223344, 0x11223345]  # a number or a list; left out: any
    payload_type = 96                # a number or a list; left out: any
    codec = "VP8"                    # or "video/VP8"; left out: inferred
    clock_rate = 90000               # hertz; left out: the codec's usual one

    [[stream]]
    payload_type = 97
    codec = "video/rtx"
    repairs = 0x11223344             # which SSRC an RTX stream repeats; left out: inferred

    [extensions]                     # header extension ids, for all streams
    1 = "urn:ietf:params:rtp-hdrext:sdes:mid"

A stream may have an ``[stream.extensions]`` of its own, which adds to the common one. For a packet the first
entry that names both its SSRC and its payload type counts, else one that names its SSRC alone, else one that
names its payload type.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from rtpfwd.errors import InvalidParameters
from rtpfwd.inspection.codecs import CodecGuess, Confidence, find_codec

MAX_CLOCK_RATE = 1_000_000
STREAM_KEYS = {"name", "ssrc", "payload_type", "codec", "clock_rate", "repairs", "extensions"}


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """One entry. Empty ``ssrcs`` and ``payload_types`` mean any; ``extensions`` maps ids to URIs."""

    name: str = ""
    ssrcs: tuple[int, ...] = ()
    payload_types: tuple[int, ...] = ()
    codec: CodecGuess = field(default_factory=CodecGuess)
    repairs: int | None = None
    extensions: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaptureDescription:
    """All entries. Without any, everything is inferred."""

    streams: tuple[StreamDescription, ...] = ()
    extensions: Mapping[int, str] = field(default_factory=dict)

    def find(self, ssrc: int, payload_type: int) -> StreamDescription | None:
        """The entry that says most about such a packet; None when there is none."""
        best: tuple[int, StreamDescription] | None = None
        for stream in self.streams:
            if (stream.ssrcs and ssrc not in stream.ssrcs) or (
                stream.payload_types and payload_type not in stream.payload_types
            ):
                continue
            rank = 2 * bool(stream.ssrcs) + bool(stream.payload_types)
            if best is None or rank > best[0]:
                best = rank, stream
        return best[1] if best else None

    def names_ssrc(self, ssrc: int) -> bool:
        """Whether some entry names this SSRC: its packets are then RTP beyond doubt."""
        return any(ssrc in stream.ssrcs for stream in self.streams)


def parse_description(text: str) -> CaptureDescription:
    """Reads a description; raises ``InvalidParameters`` with the line or field that is wrong."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidParameters(f"not TOML: {error}") from None
    unknown = document.keys() - {"stream", "extensions"}
    if unknown:
        raise InvalidParameters(f"{min(unknown)}: need [[stream]] or [extensions]")
    entries = document.get("stream", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidParameters("stream: need [[stream]] tables")
    common = _extensions(document.get("extensions", {}), "extensions")
    streams = tuple(_stream(entry, f"stream {number}", common) for number, entry in enumerate(entries, 1))
    return CaptureDescription(streams, common)


def _stream(entry: dict[str, object], where: str, common: Mapping[int, str]) -> StreamDescription:
    unknown = entry.keys() - STREAM_KEYS
    if unknown:
        raise InvalidParameters(f"{where}: {min(unknown)}: need one of {', '.join(sorted(STREAM_KEYS))}")
    name, codec = entry.get("name", ""), entry.get("codec")
    if not isinstance(name, str):
        raise InvalidParameters(f"{where}: name: need a text")
    repairs = entry.get("repairs")
    if isinstance(repairs, list):
        raise InvalidParameters(f"{where}: repairs: need one number")
    return StreamDescription(
        name,
        _numbers(entry.get("ssrc", []), f"{where}: ssrc", 0xFFFF_FFFF),
        _numbers(entry.get("payload_type", []), f"{where}: payload_type", 127),
        _codec(codec, entry.get("clock_rate"), where),
        None if repairs is None else _numbers(repairs, f"{where}: repairs", 0xFFFF_FFFF)[0],
        {**common, **_extensions(entry.get("extensions", {}), f"{where}: extensions")},
    )


def _codec(name: object, clock_rate: object, where: str) -> CodecGuess:
    if clock_rate is not None and (
        isinstance(clock_rate, bool)
        or not isinstance(clock_rate, int)
        or not 0 < clock_rate <= MAX_CLOCK_RATE
    ):
        raise InvalidParameters(f"{where}: clock_rate: need a number of hertz up to {MAX_CLOCK_RATE}")
    if name is None:
        return CodecGuess(None, clock_rate)
    if not isinstance(name, str):
        raise InvalidParameters(f"{where}: codec: need a text")
    found = find_codec(name)
    if found is None:
        if not name.lower().startswith(("audio/", "video/")) or clock_rate is None:
            raise InvalidParameters(
                f"{where}: codec {name!r} is not known: need audio/NAME or video/NAME and a clock_rate"
            )
        found = name, clock_rate
    return CodecGuess(found[0], clock_rate or found[1], Confidence.GIVEN)


def _numbers(value: object, where: str, limit: int) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [value]
    for one in values:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 <= one <= limit:
            raise InvalidParameters(f"{where}: {one!r}: need a number from 0 to {limit}")
    return tuple(values)


def _extensions(value: object, where: str) -> dict[int, str]:
    if not isinstance(value, dict):
        raise InvalidParameters(f"{where}: need a table of ids and URIs")
    extensions = {}
    for key, uri in value.items():
        if not key.isdecimal() or not 1 <= int(key[:4]) <= 255 or not isinstance(uri, str):
            raise InvalidParameters(f"{where}: {key}: need an id from 1 to 255 and a URI")
        extensions[int(key)] = uri
    return extensions
