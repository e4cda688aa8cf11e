"""RTP that looks like a camera's or a microphone's and is made of counters: for tests, benches and what-if
runs.

VP8 (RFC 7741) and Opus (RFC 7587) packets are valid as far as a forwarder looks; no decoder would show a
picture. Each payload ends with a mark (running number and time of sending), so that a receiver can tell what
was lost and how long the rest took, whatever was renumbered on the way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.wire.extension_values import AudioLevel, serialize_audio_level
from rtpfwd.wire.header_extensions import (
    DEPENDENCY_DESCRIPTOR,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    SSRC_AUDIO_LEVEL,
    TRANSPORT_CC,
    parse_elements,
    serialize_elements,
)
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import wrap_payload

JsonObject = dict[str, Any]

VIDEO_CLOCK_RATE, AUDIO_CLOCK_RATE = 90_000, 48_000
AUDIO_PAYLOAD_TYPE = 111  # Chrome's
VIDEO_PAYLOAD_TYPES = {"VP8": 96, "VP9": 98, "H264": 102, "AV1": 45}  # Chrome's; RTX is the next one
CODEC_PARAMETERS: dict[str, JsonObject] = {
    "VP9": {"profile-id": 0},
    "H264": {"packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1},
}
EXTENSION_IDS = {  # Chrome's, unlike the router's
    SSRC_AUDIO_LEVEL: 1,
    TRANSPORT_CC: 3,
    MID: 4,
    RTP_STREAM_ID: 10,
    REPAIRED_RTP_STREAM_ID: 11,
    DEPENDENCY_DESCRIPTOR: 13,
}
VOICE_UP_TO = 60  # -dBov; what is louder than that counts as speech
HISTORY_PACKETS = 1024

_MARK = Struct("!IQQ")
MARK_SIZE = _MARK.size
_MAGIC = 0x72747066
_VP8_KEY_FRAME_START = b"\x9d\x01\x2a\x80\x02\xe0\x01"  # RFC 6386 §9.1: start code, 640 x 480


@dataclass(frozen=True, slots=True)
class Mark:
    """What a payload says of itself: its number within its source, from 0, and when it was sent."""

    number: int
    sent_at: Instant


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One outgoing stream. ``payload_bytes`` counts the payload descriptor and needs at least 40."""

    kind: str
    """``video`` (VP8) or ``audio`` (Opus)."""
    ssrc: int
    mid: str
    rtx_ssrc: int | None = None
    rid: str | None = None
    interval_us: int = 33_333
    """Between two frames."""
    packets_per_frame: int = 1
    payload_bytes: int = 1000
    first_sequence_number: int = 1
    first_timestamp: int = 0
    more_extensions: tuple[tuple[str, int, bytes], ...] = ()
    """Header extensions that every packet carries: (URI, id, value)."""
    codec: str = "VP8"
    """Of video: ``VP8``, ``VP9``, ``H264`` or ``AV1``; what a ``MediaSource`` makes itself is VP8."""
    scalability_mode: str | None = None
    max_bitrate_bps: int | None = None
    transport_cc: bool = False
    """Whether packets carry room for a transport-wide sequence number, and feedback about it is wanted."""

    @property
    def payload_type(self) -> int:
        """Of media."""
        return VIDEO_PAYLOAD_TYPES[self.codec] if self.kind == "video" else AUDIO_PAYLOAD_TYPE

    @property
    def clock_rate(self) -> int:
        """RTP ticks a second."""
        return VIDEO_CLOCK_RATE if self.kind == "video" else AUDIO_CLOCK_RATE


class MediaSource:
    """Makes the packets of one stream as they fall due, and repeats what is asked for again."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec
        self.key_frame_wanted = spec.kind == "video"
        self.paused = False
        self.loudness: Callable[[Instant], int] | None = None
        """Audio: the level, 0 to 127 in -dBov, of a packet captured at some instant; ``None``: not told."""
        self.packets = self.octets = self.key_frames = self.retransmitted = 0
        self.last_timestamp = self._first_timestamp = spec.first_timestamp
        self._origin: Instant | None = None
        self._started_at: Instant | None = None
        self._frames = self._pictures = 0
        self._sequence = spec.first_sequence_number
        self._rtx_sequence = 1
        self._history: OrderedDict[int, RtpPacket] = OrderedDict()

    def start(self, now: Instant) -> None:
        """The first frame is due ``now``."""
        self._started_at, self._frames = now, 0

    def stop(self) -> None:
        """No more frames until ``start``."""
        self._started_at = None

    def next_timeout(self) -> Instant | None:
        """When the next frame is due."""
        if self._started_at is None:
            return None
        return Instant(self._started_at + self._frames * self.spec.interval_us)

    def take_due(self, now: Instant) -> list[bytes]:
        """The RTP packets of every frame that is due by ``now``; none while paused."""
        packets: list[bytes] = []
        while (due := self.next_timeout()) is not None and due <= now:
            self._frames += 1
            if not self.paused:
                packets += self.make_frame(due, now)
        return packets

    def make_frame(self, captured: Instant, now: Instant) -> list[bytes]:
        """One more frame, due or not; a key frame if one is wanted. Its RTP timestamp is that of
        ``captured``.
        """
        spec = self.spec
        key_frame = self.key_frame_wanted
        self.key_frame_wanted = False
        self.key_frames += key_frame
        self._pictures += 1
        if self._origin is None:
            self._origin = captured
        ticks = us_to_ticks(captured - self._origin, spec.clock_rate)
        self.last_timestamp = self._first_timestamp + ticks & 0xFFFF_FFFF
        frame = []
        for place in range(spec.packets_per_frame):
            payload = self._payload(place, key_frame, now)
            packet = RtpPacket(
                payload_type=spec.payload_type,
                sequence_number=self._sequence,
                timestamp=self.last_timestamp,
                ssrc=spec.ssrc,
                marker=place == spec.packets_per_frame - 1 if spec.kind == "video" else self.packets == 0,
                payload=payload,
            )
            packet.extension_profile, packet.extension = self._extension(RTP_STREAM_ID, captured)
            self._remember(packet)
            self._sequence = self._sequence + 1 & 0xFFFF
            self.packets += 1
            self.octets += len(payload)
            frame.append(packet.serialize())
        return frame

    def timestamp_at(self, now: Instant) -> int:
        """The RTP timestamp of what would be captured now; what a sender report pairs with the wall clock."""
        ticks = us_to_ticks(now - self._origin, self.spec.clock_rate) if self._origin is not None else 0
        return self._first_timestamp + ticks & 0xFFFF_FFFF

    def make_padding(self, size: int) -> bytes:
        """One packet of nothing but ``size`` bytes of padding, as probers send; it takes a number."""
        packet = RtpPacket(
            payload_type=self.spec.payload_type,
            sequence_number=self._sequence,
            timestamp=self.last_timestamp,
            ssrc=self.spec.ssrc,
            padding=size,
        )
        self._sequence = self._sequence + 1 & 0xFFFF
        return packet.serialize()

    def make_probe(self, size: int) -> bytes | None:
        """One packet on the RTX SSRC that repairs nothing: the last packet again, as browsers pad probes, or
        at most 224 bytes of padding before there is one. ``None`` without an RTX SSRC.
        """
        if self.spec.rtx_ssrc is None:
            return None
        if self._history:
            return self.retransmit(next(reversed(self._history)))
        profile, extension = serialize_elements(self._elements(REPAIRED_RTP_STREAM_ID, None))
        packet = RtpPacket(
            payload_type=self.spec.payload_type + 1,
            sequence_number=self._rtx_sequence,
            timestamp=self.last_timestamp,
            ssrc=self.spec.rtx_ssrc,
            extension_profile=profile,
            extension=extension,
            padding=min(size, 224),
        )
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        return packet.serialize()

    def restart(self, sequence_number: int, timestamp: int) -> None:
        """Go on as a sender begun anew on the same SSRC: other numbers, another media clock, a key frame."""
        self._sequence = sequence_number
        self._first_timestamp = timestamp
        self._origin = None
        self._history.clear()
        self.key_frame_wanted = self.spec.kind == "video"

    def retransmit(self, sequence_number: int) -> bytes | None:
        """A packet again, on the RTX SSRC where there is one, else as it was; ``None`` when forgotten."""
        packet = self._history.get(sequence_number)
        if packet is None:
            return None
        self.retransmitted += 1
        if self.spec.rtx_ssrc is None:
            return packet.serialize()
        elements = self._elements(REPAIRED_RTP_STREAM_ID, None)
        if self.spec.codec == "AV1":  # as browsers do: the descriptor is the original's
            original = parse_elements(packet.extension_profile, packet.extension)
            number = EXTENSION_IDS[DEPENDENCY_DESCRIPTOR]
            elements |= {number: original[number]} if number in original else {}
        profile, extension = serialize_elements(elements)
        repeat = RtpPacket(
            payload_type=self.spec.payload_type + 1,
            sequence_number=self._rtx_sequence,
            timestamp=packet.timestamp,
            ssrc=self.spec.rtx_ssrc,
            marker=packet.marker,
            extension_profile=profile,
            extension=extension,
            payload=wrap_payload(sequence_number, packet.payload),
        )
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        return repeat.serialize()

    def _payload(self, place: int, key_frame: bool, now: Instant) -> bytes:
        if self.spec.kind == "audio":
            head = b"\xf8"  # RFC 6716 §3.1: CELT, 20 ms, mono, one frame
        else:
            picture_id = self._pictures & 0x7FFF
            first = 0x90 if place == 0 else 0x80  # X, and S in the first packet
            head = bytes((first, 0x80, 0x80 | picture_id >> 8, picture_id & 0xFF))
            if place == 0:
                head += b"\x50\x00\x00" + _VP8_KEY_FRAME_START if key_frame else b"\x51\x00\x00"
            else:
                head += b"\x01"
        mark = self._mark(now)
        return head + bytes(max(self.spec.payload_bytes - len(head) - len(mark), 0)) + mark

    def _extension(self, rid_uri: str, captured: Instant | None) -> tuple[int, bytes]:
        return serialize_elements(self._elements(rid_uri, captured))

    def _elements(self, rid_uri: str, captured: Instant | None) -> dict[int, bytes]:
        elements: dict[int, bytes] = {}
        if self.spec.transport_cc:
            elements[EXTENSION_IDS[TRANSPORT_CC]] = bytes(2)  # whoever sends it writes the number
        elements[EXTENSION_IDS[MID]] = self.spec.mid.encode()
        if self.spec.rid is not None:
            elements[EXTENSION_IDS[rid_uri]] = self.spec.rid.encode()
        elements |= {number: value for _, number, value in self.spec.more_extensions}
        if self.loudness is not None and captured is not None:
            level = self.loudness(captured)
            value = serialize_audio_level(AudioLevel(level <= VOICE_UP_TO, level))
            elements[EXTENSION_IDS[SSRC_AUDIO_LEVEL]] = value
        return elements

    def _mark(self, now: Instant) -> bytes:
        return _MARK.pack(_MAGIC, self.packets, now)

    def _remember(self, packet: RtpPacket) -> None:
        self._history[packet.sequence_number] = packet
        if len(self._history) > HISTORY_PACKETS:
            self._history.popitem(last=False)


def read_mark(payload: bytes) -> Mark | None:
    """The mark at the end of a payload that came from a ``MediaSource``, else ``None``."""
    if len(payload) < _MARK.size:
        return None
    magic, number, sent_at = _MARK.unpack_from(payload, len(payload) - _MARK.size)
    return Mark(number, Instant(sent_at)) if magic == _MAGIC else None


def producer_parameters(*specs: SourceSpec) -> JsonObject:
    """``rtpParameters`` for ``transport.produce``; several specs are the simulcast encodings of one producer,
    lowest first.

    Encodings with a RID say no SSRC, as browsers' simulcast does.
    """
    first = specs[0]
    codecs: list[JsonObject]
    if first.kind == "video":
        feedback = [
            {"type": "nack"},
            {"type": "nack", "parameter": "pli"},
            {"type": "ccm", "parameter": "fir"},
        ] + [{"type": "transport-cc"}] * first.transport_cc
        media = first.payload_type
        codecs = [
            _codec(
                f"video/{first.codec}", media, VIDEO_CLOCK_RATE,
                rtcpFeedback=feedback, parameters=dict(CODEC_PARAMETERS.get(first.codec, {})),
            )
        ]  # fmt: skip
        if any(spec.rtx_ssrc is not None for spec in specs):
            codecs.append(_codec("video/rtx", media + 1, VIDEO_CLOCK_RATE, parameters={"apt": media}))
    else:
        codecs = [_codec("audio/opus", AUDIO_PAYLOAD_TYPE, AUDIO_CLOCK_RATE, channels=2)]
    uris = [MID]
    if first.rid is not None:
        uris += [RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID]
    if first.kind == "audio":
        uris.append(SSRC_AUDIO_LEVEL)
    if first.transport_cc:
        uris.append(TRANSPORT_CC)
    if first.codec == "AV1":
        uris.append(DEPENDENCY_DESCRIPTOR)
    return {
        "mid": first.mid,
        "codecs": codecs,
        "headerExtensions": [{"uri": uri, "id": EXTENSION_IDS[uri]} for uri in uris]
        + [{"uri": uri, "id": number} for uri, number, _ in first.more_extensions],
        "encodings": [_encoding(spec) for spec in specs],
        "rtcp": {"cname": "rtpfwd-test", "reducedSize": True},
    }


def router_media_codecs(*more: str) -> list[JsonObject]:
    """``mediaCodecs`` for a router that these sources can use: Opus, VP8 and ``more`` of video's."""
    video = [
        {
            "kind": "video", "mimeType": f"video/{codec}", "clockRate": VIDEO_CLOCK_RATE,
            "parameters": dict(CODEC_PARAMETERS.get(codec, {})),
        }
        for codec in more
    ]  # fmt: skip
    return [
        {"kind": "audio", "mimeType": "audio/opus", "clockRate": AUDIO_CLOCK_RATE, "channels": 2},
        {"kind": "video", "mimeType": "video/VP8", "clockRate": VIDEO_CLOCK_RATE},
        *video,
    ]


def _codec(mime_type: str, payload_type: int, clock_rate: int, **more: Any) -> JsonObject:
    codec = {"mimeType": mime_type, "payloadType": payload_type, "clockRate": clock_rate, "parameters": {}}
    return codec | {"rtcpFeedback": []} | more


def _encoding(spec: SourceSpec) -> JsonObject:
    encoding: JsonObject = {}
    if spec.rid is not None:
        encoding["rid"] = spec.rid
    else:
        encoding["ssrc"] = spec.ssrc
        if spec.rtx_ssrc is not None:
            encoding["rtx"] = {"ssrc": spec.rtx_ssrc}
    if spec.scalability_mode is not None:
        encoding["scalabilityMode"] = spec.scalability_mode
    if spec.max_bitrate_bps is not None:
        encoding["maxBitrate"] = spec.max_bitrate_bps
    return encoding
