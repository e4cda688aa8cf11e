"""Clients with encoder models on both sides of a server: key frames when asked, repairs, feedback."""

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.encoder_model import EncoderSpec, EncodingSpec
from rtpfwd.drivers.links import FixedDelay, Hook
from tests.scenarios.call import Call

ONE = EncoderSpec((EncodingSpec(640, 360, 250_000, temporal_layers=1),))


def two(codec: str = "VP8", downlink=None, spec: EncoderSpec = ONE):
    call = Call(keys=True, codecs=("VP9", "AV1", "H264"))
    alice, bob = call.join(), call.join(downlink=downlink, feedback="transport-cc")
    producer, camera = alice.produce_camera(spec, codec, target_bps=250_000)
    consumer, sink = bob.watch(producer)
    return call, alice, bob, camera, consumer, sink


def test_what_an_encoder_model_sends_is_decoded_behind_the_server():
    for codec in ("VP8", "VP9", "AV1", "H264"):
        call, _, _, camera, _, sink = two(codec)
        call.run(5)
        assert sink.decoder.decoded >= camera.sources[0].frames - 10
        assert sink.decoder.misled == []
        assert sink.decoder.freezes() == []
        assert (sink.lost, sink.jumps, sink.timestamps_back) == (0, 0, 0)


def test_a_key_frame_comes_within_a_frame_interval_and_the_way_there_and_back():
    call, _, bob, _, _, sink = two()
    call.run(3.01)
    asked, known = call.network.now, sink.decoder.key_frames
    bob.peer.request_key_frame(sink)
    call.run(1)
    assert sink.decoder.key_frames == known + 1
    found = sink.decoder.shown[[one.key for one in sink.decoder.shown].index(True, 1)]
    assert found.at - asked <= milliseconds(40 + 34 + 8 + 100), "round trip, frame, encoder, pacer"


def test_lost_packets_are_asked_for_and_nothing_is_missing_in_the_end():
    count = 0

    def lose(data: bytes, now: Instant):
        nonlocal count
        count += 1
        return () if data[0] & 0xC0 == 0x80 and count % 20 == 0 else None

    call, _, _, _, _, sink = two(downlink=Hook(FixedDelay(), lose))
    call.run(6)
    assert sink.repaired > 5
    assert len(sink.decoder.shown) >= 165
    assert sink.decoder.misled == []


def test_both_sides_tell_what_arrives():
    call, alice, bob, _, _, _ = two()
    call.run(3)
    assert alice.peer.sender.feedbacks >= 20
    assert bob.peer.feedback.sent >= 40
    assert bob.peer.feedback.numbered >= 85
    assert bob.peer.unknown_ssrcs == 0


def test_a_picture_that_stands_for_three_seconds_is_asked_for():
    def lose(data: bytes, now: Instant):
        lost = data[0] & 0xC0 == 0x80 and seconds(1_003) <= now < seconds(1_003.5)
        return () if lost else None

    call, alice, _, _, _, sink = two("H264", downlink=Hook(FixedDelay(), lose))
    sink.uses_nack = False
    before = alice.peer.key_frame_requests
    call.run(10)
    assert alice.peer.key_frame_requests > before
    assert sink.decoder.shown[-1].at > call.network.now - milliseconds(100)
    [(_, length)] = sink.decoder.freezes()
    assert seconds(3) <= length <= seconds(4.5)
