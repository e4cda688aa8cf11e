"""What encoder models send can be parsed, follows a target, and is decoded by the decoder model."""

from dataclasses import replace

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.decoder_model import DecoderModel
from rtpfwd.drivers.encoder_model import SIMULCAST_720P, EncoderSpec, EncodingSpec
from rtpfwd.drivers.encoder_source import EncodedCamera, simulcast_streams, svc_stream
from rtpfwd.drivers.fake_media import EXTENSION_IDS
from rtpfwd.drivers.frame_tag import read_frame_tag
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR, parse_elements
from rtpfwd.wire.payloads.vp8 import parse_vp8, rewrite_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9
from rtpfwd.wire.rtp import RtpPacket

START = Instant(seconds(5))
SVC = EncoderSpec(
    tuple(replace(one, temporal_layers=3) for one in SIMULCAST_720P), svc=True, encode_us=0, seed=3
)
DESCRIPTOR_ID = EXTENSION_IDS[DEPENDENCY_DESCRIPTOR]


def run(camera: EncodedCamera, until_s: float, packets: list | None = None, from_s: float = 0):
    """(time, packet) pairs."""
    found = [] if packets is None else packets
    end = START + seconds(until_s)
    if not camera.running:
        camera.start(START)
    while (due := camera.next_timeout()) is not None and due <= end:
        found += [(due, RtpPacket.parse(data)) for data in camera.take_due(due)]
    return found


def single(codec: str, temporal_layers: int = 3, **more) -> EncodedCamera:
    spec = EncoderSpec((EncodingSpec(640, 360, 800_000, temporal_layers=temporal_layers),), **more)
    return EncodedCamera(spec, simulcast_streams(spec, codec=codec), target_bps=800_000)


def scalable(codec: str, spec: EncoderSpec = SVC, target_bps: int = 5_000_000) -> EncodedCamera:
    return EncodedCamera(spec, svc_stream(spec, codec=codec), target_bps=target_bps)


def decode(packets, mime_type: str, keep=lambda packet: True) -> DecoderModel:
    decoder = DecoderModel(mime_type, DESCRIPTOR_ID)
    sequence = None
    for at, packet in packets:
        if sequence is None:
            sequence = packet.sequence_number
        sequence += (packet.sequence_number - sequence + 0x8000 & 0xFFFF) - 0x8000
        if keep(packet):
            decoder.add(sequence, packet, packet.payload, at)
    return decoder


def rate(packets, begin_s: float, end_s: float, ssrc: int | None = None) -> float:
    return sum(
        len(packet.payload) * 8
        for at, packet in packets
        if START + seconds(begin_s) <= at < START + seconds(end_s)
        if ssrc is None or packet.ssrc == ssrc
    ) / (end_s - begin_s)


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
@pytest.mark.parametrize("temporal_layers", [1, 2, 3])
def test_every_frame_of_an_unbroken_stream_is_decoded(codec, temporal_layers):
    camera = single(codec, 1 if codec == "H264" else temporal_layers)
    decoder = decode(run(camera, 5), f"video/{codec}")
    assert decoder.decoded == camera.sources[0].frames >= 140
    assert decoder.misled == []
    assert decoder.key_frames == 1
    assert decoder.freezes() == []
    assert {(one.width, one.height) for one in decoder.shown} == {(640, 360)}


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
def test_every_layer_of_a_scalable_stream_is_decoded(codec):
    spec = SVC if codec == "VP9" else replace(SVC, encodings=SVC.encodings[:2])
    camera = scalable(codec, spec)
    decoder = decode(run(camera, 5), f"video/{codec}")
    assert decoder.decoded == camera.sources[0].frames
    assert decoder.misled == []
    assert decoder.shown[-1].spatial == len(spec.encodings) - 1
    assert set(decoder.counts) == {(s, t) for s in range(len(spec.encodings)) for t in range(3)}


@pytest.mark.parametrize("key_only", [False, True])
def test_a_vp9_layer_decodes_without_those_above_it_and_not_without_what_it_needs(key_only):
    spec = replace(SVC, key_only=key_only)
    packets = run(scalable("VP9", spec), 4)

    def up_to(spatial, temporal):
        def keep(packet):
            found = parse_vp9(packet.payload)
            return found.spatial_layer <= spatial and found.temporal_layer <= temporal

        return decode(packets, "video/VP9", keep)

    for spatial in range(3):
        for temporal in range(3):
            decoder = up_to(spatial, temporal)
            assert decoder.misled == []
            assert decoder.shown[-1].spatial == spatial
            assert 25 <= decoder.rate(START, Instant(START + seconds(4))) * 2 ** (2 - temporal) <= 31
    without_base = decode(packets[200:], "video/VP9", lambda p: parse_vp9(p.payload).spatial_layer == 2)
    assert without_base.decoded == 0


def test_k_svc_goes_on_with_the_top_layer_alone_after_a_key_picture_and_full_svc_does_not():
    for key_only in (True, False):
        packets = run(scalable("VP9", replace(SVC, key_only=key_only)), 3)

        def keep(packet, first=packets[0][1].timestamp):
            return packet.timestamp == first or parse_vp9(packet.payload).spatial_layer == 2

        decoder = decode(packets, "video/VP9", keep)
        assert (decoder.rate(START, Instant(START + seconds(3))) > 25) is key_only
        assert decoder.misled == []


@pytest.mark.parametrize("codec", ["VP8", "VP9", "AV1", "H264"])
def test_a_lost_base_frame_stops_the_picture_until_the_next_key_frame(codec):
    camera = single(codec, 1 if codec == "H264" else 3)
    packets = run(camera, 2)
    lost = next(p.timestamp for at, p in packets if at > START + seconds(1) and is_base(codec, p))
    camera.sources[0].key_frame_wanted = True
    run(camera, 3, packets)
    decoder = decode(packets, f"video/{codec}", lambda packet: packet.timestamp != lost)
    assert decoder.key_frames == 2
    assert decoder.misled == []
    [(ended, length)] = decoder.freezes()
    assert ended >= START + seconds(2)
    assert length > milliseconds(700)


def is_base(codec: str, packet: RtpPacket) -> bool:
    if codec == "VP8":
        return parse_vp8(packet.payload).temporal_layer == 0
    if codec == "VP9":
        return parse_vp9(packet.payload).temporal_layer == 0
    return read_frame_tag(packet.payload).temporal == 0


def test_a_lost_highest_temporal_frame_costs_vp8_no_more_than_what_refers_to_it():
    packets = run(single("VP8"), 3)
    top = [p.timestamp for at, p in packets if at > START + seconds(1) and parse_vp8(p.payload).non_reference]
    decoder = decode(packets, "video/VP8", lambda packet: packet.timestamp != top[0])
    assert decoder.misled == []
    assert len(decoder.shown) >= 85
    assert decoder.freezes() == []


def test_a_descriptor_that_lies_about_a_missing_reference_is_caught():
    packets = run(single("VP8"), 2)
    # An SFU that leaves out a base frame and numbers on as if there had been none.
    gone = next(p.timestamp for at, p in packets if at > START + seconds(1) and is_base("VP8", p))
    kept = []
    for at, packet in packets:
        if packet.timestamp == gone:
            continue
        if kept and at > START + seconds(1) and packet.timestamp > gone:
            found = parse_vp8(packet.payload)
            payload = bytearray(packet.payload)
            rewrite_vp8(payload, 0, found, found.picture_id - 1, found.tl0_picture_index - 1)
            packet.payload = bytes(payload)
        kept.append((at, packet))
    decoder = decode(kept, "video/VP8")
    assert decoder.misled != []


def test_simulcast_splits_a_target_lowest_first():
    spec = EncoderSpec(SIMULCAST_720P)
    camera = EncodedCamera(spec, simulcast_streams(spec), target_bps=5_000_000)
    encoder = camera.encoder
    assert encoder.allocation == (150_000, 500_000, 2_000_000)
    encoder.set_target(1_300_000)
    assert encoder.allocation == (150_000, 500_000, 650_000)
    encoder.set_target(1_200_000)
    assert encoder.allocation == (150_000, 500_000, 0), "too little for the minimum of the highest"
    encoder.set_target(1_300_000)
    assert encoder.allocation[2] == 0, "its minimum is not enough to begin again"
    encoder.set_target(1_400_000)
    assert encoder.allocation[2] == 750_000
    encoder.set_target(20_000)
    assert encoder.allocation == (30_000, 0, 0)
    encoder.set_target(5_000_000)
    encoder.set_active(2, False)
    assert encoder.allocation == (150_000, 500_000, 0)
    encoder.set_active(0, False)
    assert encoder.allocation == (0, 500_000, 0)


def test_the_rate_follows_the_target():
    spec = EncoderSpec(SIMULCAST_720P)
    camera = EncodedCamera(spec, simulcast_streams(spec), target_bps=2_650_000)
    packets = run(camera, 10)
    assert 0.9 * 2_650_000 <= rate(packets, 2, 10) <= 1.1 * 2_650_000
    camera.encoder.set_target(300_000)
    run(camera, 20, packets)
    assert 0.85 * 300_000 <= rate(packets, 11, 20) <= 1.15 * 300_000
    assert {p.ssrc for at, p in packets if at > START + seconds(10.5)} == {0x1000, 0x1002}


def test_a_key_frame_is_large_and_comes_within_a_frame_interval():
    camera = single("VP8")
    run(camera, 3)
    before = camera.encoder.key_frames
    camera.sources[0].key_frame_wanted = True
    packets = run(camera, 3.05)
    assert camera.encoder.key_frames == before + 1
    [first, *_] = [p for _, p in packets if parse_vp8(p.payload).is_keyframe]
    size = sum(len(p.payload) for _, p in packets if p.timestamp == first.timestamp)
    assert 4 * 800_000 / 8 / 30 <= size <= 9 * 800_000 / 8 / 30
    assert all(len(p.serialize()) <= 1200 for _, p in packets)


def test_a_layer_that_comes_back_begins_with_a_key_frame():
    camera = scalable("VP9")
    packets = run(camera, 2)
    camera.encoder.set_target(200_000)
    run(camera, 4, packets)
    camera.encoder.set_target(5_000_000)
    run(camera, 6, packets)
    decoder = decode(packets, "video/VP9")
    assert [spatial for _, spatial in decoder.spatial_changes()] == [2, 0, 2]
    assert decoder.key_frames == 2
    assert decoder.misled == []


def test_a_screen_is_quiet_and_then_bursts():
    spec = EncoderSpec((EncodingSpec(1920, 1080, 1_500_000, 200_000, fps=15),), screen=True, noise=0.1)
    camera = EncodedCamera(spec, simulcast_streams(spec), target_bps=1_500_000)
    packets = run(camera, 30)
    by_second = sorted(rate(packets, second, second + 1) for second in range(1, 30))
    assert by_second[5] < 200_000
    assert by_second[-1] > 1_500_000


def test_the_same_seed_gives_the_same_bytes():
    def made():
        return [packet.serialize() for _, packet in run(single("VP9", seed=9), 2)]

    assert made() == made()


def test_what_is_asked_for_again_comes_with_its_dependency_descriptor():
    camera = single("AV1")
    packets = [p for _, p in run(camera, 1)]
    repeat = RtpPacket.parse(camera.sources[0].retransmit(packets[3].sequence_number))
    before = parse_elements(packets[3].extension_profile, packets[3].extension)
    after = parse_elements(repeat.extension_profile, repeat.extension)
    assert after[DESCRIPTOR_ID] == before[DESCRIPTOR_ID]
    assert repeat.ssrc == 0x1001
