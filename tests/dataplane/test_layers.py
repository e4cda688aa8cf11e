"""Layers left out: a receiver that knows what it may decode never misses anything it needs."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    KeyFrameNeeded,
    Layers,
    LayersSwitched,
    ReceiveStreamId,
    SendDrop,
    SendStreamId,
    SourceSwitched,
)
from rtpfwd.drivers.decoder_model import DecoderModel
from rtpfwd.drivers.encoder_model import EncoderSpec, EncodingSpec
from rtpfwd.drivers.encoder_source import EncodedCamera, simulcast_streams, svc_stream
from rtpfwd.drivers.fake_media import EXTENSION_IDS
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR, MID, TRANSPORT_CC
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.serial import distance_32
from tests.support.stage import Stage

SOURCE, SEND = ReceiveStreamId(1), SendStreamId(1)
OUTGOING_DESCRIPTOR = 9
CONSUMER = {MID: 1, TRANSPORT_CC: 5, DEPENDENCY_DESCRIPTOR: OUTGOING_DESCRIPTOR}
ONE = EncoderSpec((EncodingSpec(640, 360, 200_000, temporal_layers=3),), encode_us=0)
TWO_LEVELS = replace(ONE, encodings=(EncodingSpec(640, 360, 200_000, temporal_layers=2),))
SIZES = ((320, 180, 60_000), (640, 360, 150_000), (1280, 720, 400_000))
SVC = EncoderSpec(
    tuple(EncodingSpec(*size, temporal_layers=3) for size in SIZES), svc=True, encode_us=0
)  # fmt: skip
K_SVC = replace(SVC, key_only=True)
SIMULCAST = replace(SVC, svc=False)


class Watched:
    """A camera, a viewer behind the plane, and a decoder that believes the descriptors."""

    def __init__(self, stage: Stage, codec: str, spec: EncoderSpec, *, target_bps: int = 5_000_000) -> None:
        self.stage = stage
        self.codec = codec
        if spec.svc:
            streams = svc_stream(spec, codec=codec)
            self.cameras = [EncodedCamera(spec, streams, target_bps=target_bps)]
        else:
            # One encoder for each stream: VP9's and AV1's descriptors then speak of one spatial layer.
            alone = [replace(spec, encodings=(one,)) for one in spec.encodings]
            streams = tuple(
                simulcast_streams(one, codec=codec, ssrc=0x1000 + 2 * index)[0]
                for index, one in enumerate(alone)
            )
            self.cameras = [
                EncodedCamera(one, (stream,), target_bps=one.encodings[0].max_bps)
                for one, stream in zip(alone, streams, strict=True)
            ]
        self.alice, self.bob = stage.join(), stage.join()
        types = {source.payload_type: 101 for source in streams}
        for index, source in enumerate(streams):
            stage.camera(
                0, index + 1, source.ssrc, payload_types=types, rtx_ssrc=None, rtx_payload_types={},
                mime_type=f"video/{codec}", extension_ids=EXTENSION_IDS, mapped_extension_ids=CONSUMER,
            )  # fmt: skip
        stage.screen(1, 1, 0xB0, None, mime_type=f"video/{codec}", extension_ids=CONSUMER)
        self.decoder = DecoderModel(f"video/{codec}", OUTGOING_DESCRIPTOR)
        self.sent: list[RtpPacket] = []
        self.upcalls: list[object] = []
        self.held: list[bytes] = []
        self.sequence = 999
        self.answers_key_requests = True

    def watch(self, layers: Layers, source: ReceiveStreamId = SOURCE) -> None:
        self.stage.plane.set_source(SEND, source, self.stage.now, layers)
        self._react()

    def run(self, pictures: int, link: random.Random | None = None) -> list[RtpPacket]:
        """Let so many pictures pass; with a link some of them, or parts, come late."""
        found: list[RtpPacket] = []
        for camera in self.cameras:
            if not camera.running:
                camera.start(self.stage.now)
        for _ in range(pictures):
            due = min(camera.next_timeout() for camera in self.cameras)
            self.stage.now = Instant(max(due, self.stage.now))
            for data in [one for camera in self.cameras for one in camera.take_due(due)]:
                if link is not None and link.random() < 0.04:
                    self.held.append(data)
                    continue
                found += self._pass(data)
                if self.held and link is not None and link.random() < 0.15:
                    found += self._pass(self.held.pop(0))
        return found

    def _pass(self, data: bytes) -> list[RtpPacket]:
        found = self.bob.read(self.stage.plane.forward([self.alice.send(data)], self.stage.now))
        for packet in found:
            extended = self.sequence + ((packet.sequence_number - self.sequence + 0x8000 & 0xFFFF) - 0x8000)
            self.sequence = max(extended, self.sequence)
            self.decoder.add(extended, packet, packet.payload, self.stage.now)
        self.sent += found
        self._react()
        return found

    def _react(self) -> None:
        fresh = self.stage.plane.take_upcalls()
        self.upcalls += fresh
        for one in fresh:
            if isinstance(one, KeyFrameNeeded) and self.answers_key_requests:
                self.key_frame(one.stream)

    def key_frame(self, source: int) -> None:
        """The next picture of a source is a key frame."""
        self.cameras[source - 1].encoder.request_key_frame(0)

    def switched(self) -> list[tuple[int, int]]:
        return [(one.spatial, one.temporal) for one in self.upcalls if isinstance(one, LayersSwitched)]

    def needed(self) -> int:
        return sum(isinstance(one, KeyFrameNeeded) for one in self.upcalls)

    def layers(self) -> Layers | None:
        return self.stage.plane.send_counters(SEND).layers

    def drops(self) -> set[SendDrop]:
        return set(self.stage.plane.send_counters(SEND).drops)


def assert_no_gap(packets: list[RtpPacket]) -> None:
    numbers = [one.sequence_number for one in packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def assert_whole_pictures(packets: list[RtpPacket]) -> None:
    """Each picture ends with its only marker."""
    for place, packet in enumerate(packets[:-1]):
        ends = packets[place + 1].timestamp != packet.timestamp
        assert packet.marker == ends, f"packet {place} of {len(packets)}"


STREAMS = [
    ("VP8", ONE),
    ("VP8", TWO_LEVELS),
    ("VP9", ONE),
    ("VP9", TWO_LEVELS),
    ("AV1", ONE),
    ("AV1", TWO_LEVELS),
]


@pytest.mark.parametrize(("codec", "spec"), STREAMS)
def test_temporal_layers_go_at_once_and_come_back_without_a_key_frame(stage, codec, spec):
    watched = Watched(stage, codec, spec)
    highest = spec.encodings[0].temporal_layers - 1
    watched.watch(Layers(0, highest))
    everything = watched.run(40)
    assert watched.layers() == Layers(0, highest)
    watched.watch(Layers(0, 0))
    few = watched.run(40)
    assert watched.layers() == Layers(0, 0)
    assert {one.timestamp for one in few} and len({one.timestamp for one in few}) == 40 // (1 << highest)
    assert watched.drops() == {SendDrop.TEMPORAL_LAYER}
    watched.watch(Layers(0, highest))
    again = watched.run(40)
    assert watched.layers() == Layers(0, highest)
    assert len({one.timestamp for one in again}) > 30
    assert watched.switched()[-2:] == [(0, 0), (0, highest)] or watched.switched()[-3:] == [
        (0, 0),
        (0, 1),
        (0, 2),
    ]
    assert_no_gap(everything + few + again)
    assert_whole_pictures(everything + few + again)
    assert watched.decoder.decoded == len({one.timestamp for one in watched.sent}), "all could be decoded"
    assert watched.decoder.misled == []
    assert watched.needed() == 0
    assert watched.decoder.key_frames == 1


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
def test_spatial_layers_of_full_svc_go_at_once_and_come_back_at_a_key_frame(stage, codec):
    watched = Watched(stage, codec, SVC)
    watched.watch(Layers(2, 2))
    packets = watched.run(30)
    watched.watch(Layers(0, 2))
    packets += watched.run(1)
    assert watched.layers() == Layers(0, 2)
    assert watched.needed() == 0
    packets += watched.run(29)
    assert watched.drops() == {SendDrop.SPATIAL_LAYER}
    watched.watch(Layers(1, 2))
    assert watched.needed() == 1
    packets += watched.run(30)
    assert watched.layers() == Layers(1, 2)
    assert watched.decoder.key_frames == 2
    assert {one.spatial for one in watched.decoder.shown[-20:]} == {1} or codec == "AV1"
    assert_no_gap(packets)
    assert_whole_pictures(packets)
    assert watched.decoder.misled == []
    assert watched.decoder.undecodable == 0


def test_of_k_svc_one_layer_is_enough_between_key_frames_and_a_change_takes_one(stage):
    watched = Watched(stage, "VP9", K_SVC)
    watched.watch(Layers(2, 2))
    packets = watched.run(30)
    late = [parse_vp9(one.payload).spatial_layer for one in packets if one.timestamp == packets[-1].timestamp]
    assert set(late) == {2}
    watched.watch(Layers(1, 2))
    assert watched.needed() == 1, "stock mediasoup would stay up for want of a key frame"
    packets += watched.run(30)
    late = [parse_vp9(one.payload).spatial_layer for one in packets if one.timestamp == packets[-1].timestamp]
    assert set(late) == {1}
    assert watched.layers() == Layers(1, 2)
    assert_no_gap(packets)
    assert_whole_pictures(packets)
    assert watched.decoder.misled == []


@pytest.mark.parametrize("codec", ["VP8", "VP9", "AV1"])
def test_simulcast_of_any_codec_changes_streams_with_unbroken_counters(stage, codec):
    watched = Watched(stage, codec, SIMULCAST)
    watched.watch(Layers(0, 2), ReceiveStreamId(1))
    watched.run(20)
    for source, temporal in ((3, 2), (1, 0), (2, 1), (3, 2)):
        watched.key_frame(source)
        watched.watch(Layers(0, temporal), ReceiveStreamId(source))
        watched.run(20)
        assert stage.plane.send_counters(SEND).source == source
        assert watched.layers() == Layers(0, temporal)
    assert [one.source for one in watched.upcalls if isinstance(one, SourceSwitched)] == [1, 3, 1, 2, 3]
    assert_no_gap(watched.sent)
    assert watched.decoder.misled == []
    assert watched.decoder.undecodable == 0
    stamps = [one.timestamp for one in watched.sent]
    assert all(distance_32(later, earlier) >= 0 for earlier, later in itertools.pairwise(stamps))
    assert watched.decoder.decoded == len(set(stamps))
    if codec == "VP8":
        described = [parse_vp8(one.payload) for one in watched.sent]
        ids = [one.picture_id for one in described if one.begins_picture]
        assert all(b - a & 0x7FFF == 1 for a, b in itertools.pairwise(ids))
        keys = [one.key_index for one in described]
        assert all((b - a) & 31 in (0, 1) for a, b in itertools.pairwise(keys))


STORIES = [
    ("VP8", ONE), ("VP8", TWO_LEVELS), ("VP8", SIMULCAST), ("VP9", ONE), ("VP9", SVC), ("VP9", K_SVC),
    ("VP9", SIMULCAST), ("AV1", ONE), ("AV1", SVC), ("AV1", SIMULCAST),
]  # fmt: skip


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("codec", "spec"), STORIES)
def test_in_any_story_nothing_that_is_shown_lacks_what_it_was_made_from(stage, codec, spec, seed, lossy):
    chance = random.Random(f"{codec} {seed} {lossy}")
    watched = Watched(stage, codec, replace(spec, seed=seed))
    spatial = len(spec.encodings) if spec.svc else 1
    sources = 1 if spec.svc else len(spec.encodings)
    link = random.Random(seed) if lossy else None
    for _ in range(15):
        wanted = Layers(chance.randrange(spatial), chance.randrange(3))
        source = chance.randrange(sources)
        watched.watch(wanted, ReceiveStreamId(source + 1))
        if chance.random() < 0.7:
            watched.key_frame(source + 1)
        watched.run(chance.choice((1, 2, 3, 7, 12)), link)
    assert watched.decoder.misled == []
    if not lossy:
        assert_no_gap(watched.sent)
        assert_whole_pictures(watched.sent)
        assert watched.decoder.undecodable == 0
        numbers = {(one.timestamp, _spatial(codec, one)) for one in watched.sent}
        assert watched.decoder.decoded >= len({stamp for stamp, _ in numbers})
    assert len({one.sequence_number for one in watched.sent}) == len(watched.sent)
    watched.watch(Layers(7, 7), ReceiveStreamId(sources))
    watched.key_frame(sources)
    watched.run(30)
    found = watched.layers()
    assert found == Layers(spatial - 1, spec.encodings[0].temporal_layers - 1), (
        "all of it is there in the end"
    )


def _spatial(codec: str, packet: RtpPacket) -> int:
    return parse_vp9(packet.payload).spatial_layer if codec == "VP9" else 0
