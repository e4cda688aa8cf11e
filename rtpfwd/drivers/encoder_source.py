"""A camera or a screen that an encoder model drives: its RTP streams, one for each simulcast encoding or one
for all spatial layers.

``EncodedCamera`` makes the packets and knows nothing of networks: who sends them paces them. Each packet is
at most 1200 bytes, its payload reads as its codec's, and ends with a frame tag and a mark. ``EncodedSource``
is a ``MediaSource`` as far as reports, repairs and key frame requests go.
"""

from __future__ import annotations

from dataclasses import replace

from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.drivers.encoder_model import EncoderModel, EncoderSpec, Frame
from rtpfwd.drivers.encoder_payloads import Head, payload_writer, reference_place
from rtpfwd.drivers.fake_media import EXTENSION_IDS, MARK_SIZE, MediaSource, SourceSpec
from rtpfwd.drivers.frame_tag import TAG_SIZE, FrameTag
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR, RTP_STREAM_ID, serialize_elements
from rtpfwd.wire.rtp import RtpPacket

MAX_PACKET = 1200
HEADER_ROOM = 60
"""RTP header, extensions and payload descriptor of most packets."""
PAYLOAD_ROOM = MAX_PACKET - HEADER_ROOM
SMALLEST_BODY = MARK_SIZE + TAG_SIZE


class EncodedSource(MediaSource):
    """One RTP stream of a camera; ``take_due`` has nothing, because the camera makes all its frames."""

    def __init__(self, spec: SourceSpec, camera: EncodedCamera, encoding: int) -> None:
        super().__init__(spec)
        self.camera = camera
        self.encoding = encoding
        self.frames = 0
        """Frames (of SVC: layer frames) made so far."""
        self._writer = payload_writer(spec.codec, camera.encoder.spec, encoding)
        self._numbers: dict[tuple[int, int], int] = {}  # (encoding, place) -> its last frame

    @property
    def key_frame_wanted(self) -> bool:
        """Set it and the next frame is a key frame."""
        return self._wanted

    @key_frame_wanted.setter
    def key_frame_wanted(self, wanted: bool) -> None:
        self._wanted = wanted
        camera = getattr(self, "camera", None)  # the base class sets it before there is a camera
        if wanted and camera is not None:
            camera.encoder.request_key_frame(self.encoding)

    def next_timeout(self) -> Instant | None:
        """Never: see ``EncodedCamera.next_timeout``."""
        return None

    def packetize(self, frame: Frame, below: int | None, now: Instant) -> list[bytes]:
        """The packets of a frame; ``below`` is the frame of the next lower spatial layer in its picture."""
        self._wanted = False
        self.key_frames += frame.key
        if self._origin is None:
            self._origin = frame.captured
        ticks = us_to_ticks(frame.captured - self._origin, self.spec.clock_rate)
        self.last_timestamp = self._first_timestamp + ticks & 0xFFFF_FFFF
        count = max(-(-frame.size // PAYLOAD_ROOM), 1)
        tag = self._tag(frame, below).serialize()
        packets = []
        for place, head in enumerate(self._writer.heads(frame, count)):
            share = frame.size * (place + 1) // count - frame.size * place // count
            filling = bytes(max(share - len(head.payload) - SMALLEST_BODY, 0))
            packets.append(
                RtpPacket(
                    payload_type=self.spec.payload_type,
                    sequence_number=self._sequence,
                    timestamp=self.last_timestamp,
                    ssrc=self.spec.ssrc,
                    marker=place == count - 1 and frame.last_of_picture,
                    payload=head.payload + filling + tag + self._mark(now),
                )
            )
            self._finish(packets[-1], head)
        self.frames += 1
        return [packet.serialize() for packet in packets]

    def _finish(self, packet: RtpPacket, head: Head) -> None:
        elements = self._elements(RTP_STREAM_ID, None)
        if head.dependency_descriptor is not None:
            elements[EXTENSION_IDS[DEPENDENCY_DESCRIPTOR]] = head.dependency_descriptor
        packet.extension_profile, packet.extension = serialize_elements(elements)
        self._remember(packet)
        self._sequence = self._sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(packet.payload)

    def _tag(self, frame: Frame, below: int | None) -> FrameTag:
        spec = self.camera.encoder.spec
        one = spec.encodings[frame.encoding]
        references = []
        if not frame.key:
            references.append(
                self._numbers[frame.encoding, reference_place(frame.place, one.temporal_layers)]
            )
        if below is not None and (frame.key or not spec.key_only):
            references.append(below)
        if frame.key:
            self._numbers.update({(frame.encoding, place): self.frames for place in range(4)})
        self._numbers[frame.encoding, frame.place] = self.frames
        return FrameTag(
            self.spec.ssrc, self.frames, frame.encoding, frame.temporal, frame.key, one.width, one.height,
            tuple(references),
        )  # fmt: skip


class EncodedCamera:
    """An encoder and its streams."""

    def __init__(self, spec: EncoderSpec, streams: tuple[SourceSpec, ...], *, target_bps: int) -> None:
        self.encoder = EncoderModel(spec, target_bps)
        self.sources = [EncodedSource(stream, self, index) for index, stream in enumerate(streams)]
        self.running = False
        self._waiting: list[tuple[Instant, Frame]] = []  # captured, being encoded

    def start(self, now: Instant) -> None:
        """The first frames are captured now."""
        self.running = True
        self.encoder.start(now)

    def stop(self) -> None:
        """No more frames until ``start``."""
        self.running = False
        self._waiting.clear()

    def next_timeout(self) -> Instant | None:
        """When ``take_due`` has something to do."""
        if not self.running:
            return None
        captured = self.encoder.next_capture()
        if self._waiting and (captured is None or self._waiting[0][0] < captured):
            return self._waiting[0][0]
        return captured

    def take_due(self, now: Instant) -> list[bytes]:
        """The packets of the frames that are encoded by now."""
        if not self.running:
            return []
        while (captured := self.encoder.next_capture()) is not None and captured <= now:
            ready = Instant(captured + self.encoder.spec.encode_us)
            self._waiting += [(ready, frame) for frame in self.encoder.encode(captured)]
        packets: list[bytes] = []
        below: int | None = None
        while self._waiting and self._waiting[0][0] <= now:
            _, frame = self._waiting.pop(0)
            svc = self.encoder.spec.svc
            source = self.sources[0 if svc else frame.encoding]
            if source.paused:
                continue
            number = source.frames
            packets += source.packetize(frame, below, now)
            below = number if svc and not frame.last_of_picture else None
        return packets


def simulcast_streams(
    spec: EncoderSpec, *, codec: str = "VP8", ssrc: int = 0x1000, mid: str = "0", rtx: bool = True
) -> tuple[SourceSpec, ...]:
    """A stream for each encoding, with RIDs ``r0``, ``r1``, ... as mediasoup-client names them."""
    return tuple(
        SourceSpec(
            kind="video", ssrc=ssrc + 2 * index, mid=mid, rtx_ssrc=ssrc + 2 * index + 1 if rtx else None,
            rid=f"r{index}" if len(spec.encodings) > 1 else None, codec=codec, transport_cc=True,
            scalability_mode=f"L1T{one.temporal_layers}", max_bitrate_bps=one.max_bps,
            first_sequence_number=1000 + index,
        )
        for index, one in enumerate(spec.encodings)
    )  # fmt: skip


def svc_stream(
    spec: EncoderSpec, *, codec: str = "VP9", ssrc: int = 0x1000, mid: str = "0", rtx: bool = True
) -> tuple[SourceSpec, ...]:
    """The one stream of all spatial layers."""
    mode = f"L{len(spec.encodings)}T{spec.encodings[0].temporal_layers}" + "_KEY" * spec.key_only
    [first, *_] = simulcast_streams(
        replace(spec, encodings=spec.encodings[:1]), codec=codec, ssrc=ssrc, mid=mid
    )
    return (
        replace(
            first, scalability_mode=mode, max_bitrate_bps=sum(one.max_bps for one in spec.encodings),
            rtx_ssrc=ssrc + 1 if rtx else None,
        ),
    )  # fmt: skip
