"""What every data plane does with media: routing, rewriting, key frames, padding."""

from __future__ import annotations

import itertools
import random

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.dataplane.interface import (
    Drop,
    KeyFrameReceived,
    OrientationChanged,
    ReceiveStreamId,
    ResolutionChanged,
    SendDrop,
    SendStreamId,
    SourceSwitched,
    StreamStarted,
)
from rtpfwd.dataplane.load import load_plane
from rtpfwd.errors import UnsupportedError
from rtpfwd.protocols.srtp import Profile
from rtpfwd.wire.header_extensions import (
    MID,
    SSRC_AUDIO_LEVEL,
    VIDEO_ORIENTATION,
)
from rtpfwd.wire.payloads.vp8 import parse_vp8
from tests.support.packets import OPUS_TYPE, VP8_TYPE, elements_of, padding_only, rtp, vp8
from tests.support.stage import CONSUMER_IDS, PUBLISHER_IDS, ROUTER_OPUS

RTT_US = milliseconds(100)


def test_only_planes_that_exist_can_be_loaded():
    with pytest.raises(UnsupportedError, match="no data plane 'quantum'"):
        load_plane("quantum")


# -- forwarding


@pytest.mark.parametrize("outgoing", list(Profile))
@pytest.mark.parametrize("incoming", list(Profile))
def test_a_packet_crosses_from_any_profile_to_any_other(stage, incoming, outgoing):
    alice, bob = stage.join(incoming), stage.join(outgoing)
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    sent = [rtp(0xA0, number, timestamp=960 * number) for number in range(65_534, 65_540)]
    found = bob.read(stage.send(alice, *sent))
    assert [one.payload for one in found] == [one.payload for one in sent]
    assert [one.sequence_number for one in found] == list(range(1000, 1006))
    assert [one.timestamp for one in found] == [one.timestamp for one in sent]
    assert {(one.ssrc, one.payload_type) for one in found} == {(0xB0, ROUTER_OPUS)}


def test_one_source_goes_to_many_each_in_its_own_terms(stage):
    alice = stage.join()
    stage.microphone(0, 1, 0xA0)
    viewers = [stage.join() for _ in range(12)]
    for place in range(12):
        stage.speaker(
            place + 1, place, 0xB00 + place, 1, mid=b"%d" % place, first_sequence_number=100 * place,
            extension_ids=CONSUMER_IDS if place % 2 else {MID: 9},
        )  # fmt: skip
    out = stage.send(alice, rtp(0xA0, 7), rtp(0xA0, 8))
    assert len(out) == 24
    for place, viewer in enumerate(viewers):
        first, second = viewer.read(out)
        assert (first.ssrc, first.sequence_number) == (0xB00 + place, 100 * place)
        assert second.sequence_number == 100 * place + 1
        mid, number = b"%d" % place, {5: b"\x00\x00"}
        assert elements_of(first) == ({1: mid} | number if place % 2 else {9: mid})
    assert stage.plane.counters().forwarded == 24


def test_the_publishers_mid_and_transport_number_do_not_go_on_to_consumers(stage):
    alice, bob = stage.join(), stage.join()
    ids = PUBLISHER_IDS | {SSRC_AUDIO_LEVEL: 6}
    wanted = CONSUMER_IDS | {SSRC_AUDIO_LEVEL: 10}
    stage.microphone(0, 1, 0xA0, extension_ids=ids, mapped_extension_ids=wanted)
    stage.speaker(1, 1, 0xB0, 1, mid=b"7", extension_ids=wanted)
    elements = {4: b"0", 3: b"\x12\x34", 6: b"\x9e"}
    [found] = bob.read(stage.send(alice, rtp(0xA0, 1, elements=elements)))
    assert elements_of(found) == {5: b"\x00\x00", 1: b"7", 10: b"\x9e"}
    assert len(found.extension) == 8, "each element is there once"


def test_the_transport_number_counts_all_packets_of_a_transport(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.microphone(0, 2, 0xA1)
    stage.speaker(1, 1, 0xB0, 1)
    stage.speaker(1, 2, 0xB1, 2)
    found = bob.read(stage.send(alice, *(rtp(0xA0 + place % 2, 10 + place // 2) for place in range(6))))
    assert [elements_of(one)[5] for one in found] == [bytes((0, place)) for place in range(6)]


def test_a_codec_that_the_consumer_did_not_negotiate_is_kept_from_it_without_a_gap(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0, payload_types={OPUS_TYPE: ROUTER_OPUS, 126: 110})
    send = stage.speaker(1, 1, 0xB0, 1)
    event = rtp(0xA0, 2, payload_type=126, payload=b"\x01\x0a\x00\xa0")
    found = bob.read(stage.send(alice, rtp(0xA0, 1), event, rtp(0xA0, 3)))
    assert [(one.payload_type, one.sequence_number) for one in found] == [
        (ROUTER_OPUS, 1000), (ROUTER_OPUS, 1001)
    ]  # fmt: skip
    assert stage.plane.send_counters(send).drops == {SendDrop.UNKNOWN_PAYLOAD_TYPE: 1}


def test_nobody_gets_what_nobody_asked_for(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, None)
    assert stage.send(alice, rtp(0xA0, 1)) == []
    stage.plane.set_source(SendStreamId(1), ReceiveStreamId(1), stage.now)
    assert len(bob.read(stage.send(alice, rtp(0xA0, 2)))) == 1
    stage.plane.set_source(SendStreamId(1), None, stage.now)
    assert stage.send(alice, rtp(0xA0, 3)) == []


def test_what_is_lost_on_its_way_in_is_a_gap_on_its_way_out_and_a_late_packet_fills_it(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    found = bob.read(stage.send(alice, *(rtp(0xA0, number) for number in (1, 2, 5, 4))))
    assert [one.sequence_number for one in found] == [1000, 1001, 1004, 1003]
    assert [one.payload for one in found][-1] == rtp(0xA0, 4).payload


def test_a_source_that_restarts_goes_on_without_a_jump(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    packets = [rtp(0xA0, number) for number in (30_000, 30_001, 50_000, 50_001, 50_002)]
    found = bob.read(stage.send(alice, *packets))
    assert [one.sequence_number for one in found] == [1000, 1001, 1002, 1003]
    assert stage.plane.counters().drops == {Drop.SEQUENCE_JUMP: 1}


def test_an_outgoing_number_never_repeats_for_another_payload(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    chance = random.Random(5)
    number, seen = 100, {}
    for _ in range(600):
        number += chance.choice((1, 1, 1, 1, 2, 2_900, 3_100, 3_100, 20_000))
        numbers = [number, number + 1, number + 2]
        chance.shuffle(numbers)
        number += 2
        stage.wait(5_000)
        packets = [rtp(0xA0, one, payload=b"%d" % one) for one in numbers]
        for found in bob.read(stage.send(alice, *packets)):
            seen[len(seen)] = found
    outgoing = [one.sequence_number for one in seen.values()]
    assert len(outgoing) > 1000
    assert len({one.payload for one in seen.values()}) == len(outgoing)
    for earlier, later in itertools.pairwise(outgoing):
        assert abs((later - earlier + 0x8000 & 0xFFFF) - 0x8000) <= 3_005, "no jump that SRTP could misread"


# -- key frames


def test_video_begins_at_a_key_frame(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    out = stage.send(alice, vp8(0xA0, 1), vp8(0xA0, 2), vp8(0xA0, 3, key=True), vp8(0xA0, 4))
    assert [one.sequence_number for one in bob.read(out)] == [1000, 1001]
    assert stage.plane.send_counters(SendStreamId(1)).drops == {SendDrop.WAITING_FOR_KEY_FRAME: 2}
    assert stage.upcalls() == [
        StreamStarted(ReceiveStreamId(1)),
        KeyFrameReceived(ReceiveStreamId(1)),
        ResolutionChanged(ReceiveStreamId(1), ((640, 480),)),
        SourceSwitched(SendStreamId(1), ReceiveStreamId(1)),
    ]


def test_a_key_frame_of_many_packets_is_one(stage):
    alice = stage.join()
    stage.camera(0, 1, 0xA0)
    stage.send(alice, *(vp8(0xA0, number, key=True, timestamp=9) for number in range(3)))
    assert len(stage.upcalls(KeyFrameReceived)) == 1
    assert stage.plane.receive_counters(ReceiveStreamId(1)).key_frames == 1


@pytest.mark.parametrize("payload", [b"", b"\x90", b"\x90\x80", b"\xff" * 3, b"\x00"])
def test_a_descriptor_that_lies_is_no_key_frame_and_breaks_nothing(stage, payload):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, vp8(0xA0, 1, key=True))
    out = stage.send(alice, rtp(0xA0, 2, payload_type=VP8_TYPE, payload=payload), vp8(0xA0, 3))
    assert bob.read(out)[-1].payload == vp8(0xA0, 3).payload
    assert len(stage.upcalls(KeyFrameReceived)) <= 1
    stage.assert_reconciled()


def test_a_change_of_layer_is_continuous_in_every_counter_that_a_decoder_looks_at(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.camera(0, 2, 0xA8)
    stage.screen(1, 1, 0xB0, 1)
    found = []
    for number in range(40):
        if number == 20:
            stage.plane.set_source(SendStreamId(1), ReceiveStreamId(2), stage.now)
        high_key = number in (0, 25)
        low = vp8(0xA0, 60 + number, key=number == 0, timestamp=3000 * number, picture_id=number, tl0=number)
        high = vp8(
            0xA8, 65_520 + number, key=high_key, timestamp=2**32 - 30_000 + 3000 * number,
            picture_id=0x7FF0 + number, tl0=250 + number & 0xFF,
        )  # fmt: skip
        found += bob.read(stage.send(alice, low, high))
        stage.wait(33_333)
    assert len(found) == 41, "at the change both layers' pictures of that moment"
    described = [parse_vp8(one.payload) for one in found]
    for before, after in itertools.pairwise(found):
        assert after.sequence_number == before.sequence_number + 1
        assert 0 < after.timestamp - before.timestamp <= 3_100
    for before, after in itertools.pairwise(described):
        assert after.picture_id == before.picture_id + 1
        assert after.tl0_picture_index == before.tl0_picture_index + 1 & 0xFF
    assert described[26].is_keyframe
    assert [one.source for one in stage.upcalls(SourceSwitched)] == [1, 2]
    assert stage.plane.send_counters(SendStreamId(1)).source == 2


def test_a_pause_of_a_consumer_is_no_gap_and_ends_at_a_key_frame(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, vp8(0xA0, 1, key=True))
    stage.plane.set_send_paused(SendStreamId(1), True)
    assert stage.send(alice, vp8(0xA0, 2), vp8(0xA0, 3)) == []
    stage.plane.set_send_paused(SendStreamId(1), False)
    out = stage.send(alice, vp8(0xA0, 4), vp8(0xA0, 5, key=True))
    assert [one.sequence_number for one in bob.read(stage.sent)] == [1000, 1001]
    assert len(out) == 1
    assert stage.plane.retransmit(SendStreamId(1), range(900, 1000), RTT_US, stage.now) == []


def test_a_paused_producer_is_counted_and_dropped(stage):
    alice = stage.join()
    stage.join()
    stage.microphone(0, 1, 0xA0, paused=True)
    stage.speaker(1, 1, 0xB0, 1)
    assert stage.send(alice, rtp(0xA0, 1)) == []
    assert stage.plane.counters().drops == {Drop.PRODUCER_PAUSED: 1}
    stage.plane.set_receive_paused(ReceiveStreamId(1), False)
    assert len(stage.send(alice, rtp(0xA0, 2))) == 1
    assert stage.plane.receive_counters(ReceiveStreamId(1)).packets == 2


def test_a_new_orientation_is_told_once(stage):
    alice = stage.join()
    stage.camera(0, 1, 0xA0, extension_ids=PUBLISHER_IDS | {VIDEO_ORIENTATION: 13})
    for number, value in enumerate((0, 0, 1, 1, 0)):
        stage.send(alice, vp8(0xA0, number, key=True, elements={13: bytes((value,))}))
    assert [one.value for one in stage.upcalls(OrientationChanged)] == [0, 1, 0]


# -- padding


def test_padding_only_packets_leave_no_gap(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    packets = [vp8(0xA0, 1, key=True), padding_only(0xA0, 2), padding_only(0xA0, 3), vp8(0xA0, 4)]
    found = bob.read(stage.send(alice, *packets))
    assert [one.sequence_number for one in found] == [1000, 1001]
    assert stage.plane.counters().drops == {Drop.PADDING_ONLY: 2}
    stage.wait(seconds(1))
    assert stage.plane.due_nacks(ReceiveStreamId(1), RTT_US, stage.now).sequence_numbers == ()


def test_padding_behind_a_payload_is_not_forwarded(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    [found] = bob.read(stage.send(alice, rtp(0xA0, 1, padding=100)))
    assert (found.payload, found.padding) == (rtp(0xA0, 1).payload, 0)
