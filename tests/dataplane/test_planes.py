"""What every data plane does with packets: routing, rewriting, holding, repairing, dropping, counting."""

from __future__ import annotations

import itertools
import random

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.dataplane.interface import (
    Drop,
    DtlsReceived,
    KeyFrameNeeded,
    KeyFrameReceived,
    Layers,
    OrientationChanged,
    PacketsMissing,
    ReceiveStreamId,
    ResolutionChanged,
    RtcpReceived,
    SendDrop,
    SendStreamId,
    SourceSwitched,
    StreamStarted,
    StunReceived,
    TransportId,
    UnknownSsrc,
)
from rtpfwd.dataplane.load import load_plane
from rtpfwd.dataplane.reference.plane import ReferencePlane
from rtpfwd.errors import InvalidState, UnsupportedError
from rtpfwd.protocols.srtp import Profile
from rtpfwd.wire.header_extensions import (
    MID,
    SSRC_AUDIO_LEVEL,
    VIDEO_ORIENTATION,
)
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtcp.feedback import PictureLossIndication
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import OPUS_TYPE, VP8_TYPE, elements_of, padding_only, rtp, rtx, vp8
from tests.support.srtp_peer import SrtpPeer
from tests.support.stage import CONSUMER_IDS, PUBLISHER_IDS, ROUTER_OPUS, ROUTER_RTX, Stage

RTT_US = milliseconds(100)
STRANGER = (0, ("192.0.2.66", 6666))


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


# -- SSRCs that nobody has claimed


def test_an_unknown_ssrc_is_held_and_asked_for_and_once_claimed_nothing_is_lost_or_doubled(stage):
    alice, bob = stage.join(), stage.join()
    elements = {4: b"0", 10: b"hi", 3: b"\x00\x01"}
    sent = [vp8(0xA0, number, key=number == 5, elements=elements) for number in range(5, 15)]
    assert stage.send(alice, *sent[:4]) == []
    unknown = stage.upcalls(UnknownSsrc)
    assert unknown[0] == UnknownSsrc(TransportId(0), 0xA0, VP8_TYPE, "0", "hi", None)
    assert stage.plane.counters().held == 4
    stage.assert_reconciled()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    assert stage.plane.next_timeout() is not None
    out = stage.plane.handle_timeout(stage.now)
    assert stage.plane.next_timeout() is None
    out += stage.send(alice, *sent[4:])
    found = bob.read(out)
    assert [one.payload for one in found] == [one.payload for one in sent]
    assert [one.sequence_number for one in found] == list(range(1000, 1010))
    assert stage.plane.counters().held == 0
    stage.assert_reconciled()


def test_held_packets_go_before_those_that_come_after_the_claim(stage):
    alice, bob = stage.join(), stage.join()
    stage.send(alice, rtp(0xA0, 1), rtp(0xA0, 2))
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    found = bob.read(stage.send(alice, rtp(0xA0, 3)))
    assert [one.payload for one in found] == [rtp(0xA0, number).payload for number in (1, 2, 3)]


def test_an_rtx_ssrc_can_be_learnt_later(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0, rtx_ssrc=None)
    stage.screen(1, 1, 0xB0, 1)
    lost = vp8(0xA0, 2)
    stage.send(alice, vp8(0xA0, 1, key=True), vp8(0xA0, 3))
    stage.upcalls()
    repair = rtx(0xA9, 50, lost)
    repair.extension_profile, repair.extension = (
        vp8(1, 1, elements={4: b"0", 11: b"hi"}).extension_profile,
        vp8(1, 1, elements={4: b"0", 11: b"hi"}).extension,
    )
    stage.send(alice, repair)
    [unknown] = stage.upcalls(UnknownSsrc)
    assert (unknown.ssrc, unknown.repaired_rid, unknown.rid) == (0xA9, "hi", None)
    stage.plane.add_rtx_ssrc(ReceiveStreamId(1), 0xA9)
    stage.sent += stage.plane.handle_timeout(stage.now)
    found = bob.read(stage.sent)
    assert [one.sequence_number for one in found] == [1000, 1002, 1001]
    assert found[-1].payload == lost.payload


def test_what_still_waits_is_asked_for_again_on_request(stage):
    alice = stage.join()
    stage.send(alice, rtp(0xA0, 1, elements={4: b"0"}))
    first = stage.upcalls(UnknownSsrc)
    assert stage.upcalls() == []
    stage.plane.retry_unknown(TransportId(0))
    assert stage.upcalls() == first


@pytest.mark.parametrize("mid", [b"\xff\xfe", b"<script>", b"a" * 40, b""])
def test_a_mid_that_is_none_is_none(stage, mid):
    alice = stage.join()
    stage.send(alice, rtp(0xA0, 1, elements={4: mid, 10: b"a/b"}))
    [unknown] = stage.upcalls(UnknownSsrc)
    assert (unknown.mid, unknown.rid) == (None, None)


def test_a_held_ssrc_keeps_so_many_packets_and_no_more(make_stage):
    stage = make_stage(held_packets_per_ssrc=5)
    alice = stage.join()
    stage.send(alice, *(rtp(0xA0, number) for number in range(6)))
    assert stage.plane.counters().held == 5
    assert stage.plane.counters().drops == {Drop.UNKNOWN_SSRC: 1}


def test_one_ssrc_more_than_allowed_is_refused_before_decryption(make_stage):
    stage = make_stage(ssrcs_per_transport=4)
    alice = stage.join()
    stage.camera(0, 1, 0xA0)
    stage.send(alice, rtp(1, 1), rtp(2, 1), rtp(3, 1), rtp(0xA0, 1, payload_type=VP8_TYPE))
    assert stage.plane.counters().drops == {Drop.SSRC_LIMIT: 1}
    forged = rtp(4, 1).serialize() + bytes(16)
    stage.arrive((forged, alice.path))
    assert stage.plane.counters().drops == {Drop.SSRC_LIMIT: 2}
    assert stage.plane.counters().rtp == 1, "those who are here go on"


def test_ssrcs_that_fell_silent_unclaimed_make_room_for_others(make_stage):
    stage = make_stage(ssrcs_per_transport=4)
    alice = stage.join()
    for turn in range(50):
        stage.send(alice, rtp(100 + turn, 1))
        stage.wait(seconds(2))
    totals = stage.plane.counters()
    assert set(totals.drops) == {Drop.UNKNOWN_SSRC}
    assert totals.held <= 4
    stage.assert_reconciled()


def test_what_was_held_too_long_is_given_up_and_what_is_fresh_goes_through(stage):
    alice, bob = stage.join(), stage.join()
    stage.send(alice, rtp(0xA0, 1), rtp(0xA0, 2))
    stage.wait(seconds(60))
    stage.send(alice, rtp(0xA0, 3), rtp(0xA0, 4))
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    found = bob.read(stage.plane.handle_timeout(stage.now))
    assert [one.payload for one in found] == [rtp(0xA0, number).payload for number in (3, 4)]
    assert stage.plane.counters().drops == {Drop.UNKNOWN_SSRC: 2}
    stage.assert_reconciled()


def test_a_claim_that_comes_too_late_gives_up_what_was_held(stage):
    alice = stage.join()
    stage.send(alice, rtp(0xA0, 1))
    stage.wait(seconds(60))
    stage.microphone(0, 1, 0xA0)
    stage.plane.handle_timeout(stage.now)
    assert stage.plane.counters().drops == {Drop.UNKNOWN_SSRC: 1}
    stage.assert_reconciled()


def test_packets_whose_stream_went_before_they_were_let_through_are_counted(stage):
    alice = stage.join()
    stage.send(alice, rtp(0xA0, 1), rtp(0xA0, 2))
    stage.microphone(0, 1, 0xA0)
    stage.plane.remove_receive_stream(ReceiveStreamId(1))
    stage.plane.handle_timeout(stage.now)
    assert stage.plane.counters().drops == {Drop.UNKNOWN_SSRC: 2}
    stage.assert_reconciled()


# -- repair


def test_a_gap_is_told_and_asked_for(stage):
    alice = stage.join()
    stage.camera(0, 1, 0xA0)
    stage.send(alice, vp8(0xA0, 65_534), vp8(0xA0, 1))
    assert stage.upcalls(PacketsMissing) == [PacketsMissing(ReceiveStreamId(1))]
    stage.wait(milliseconds(10))
    due = stage.plane.due_nacks(ReceiveStreamId(1), RTT_US, stage.now)
    assert due.sequence_numbers == (65_535, 0)
    assert due.next_due == stage.now + RTT_US


def test_more_loss_than_can_be_repaired_needs_a_key_frame(stage):
    alice = stage.join()
    stage.camera(0, 1, 0xA0)
    stage.send(alice, vp8(0xA0, 1, key=True), vp8(0xA0, 2000))
    assert stage.upcalls(KeyFrameNeeded, PacketsMissing) == [KeyFrameNeeded(ReceiveStreamId(1))]


def test_rtx_from_the_publisher_fills_the_gap_of_the_consumers(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    lost = vp8(0xA0, 2, timestamp=3000, picture_id=2)
    stage.send(alice, vp8(0xA0, 1, key=True), vp8(0xA0, 3), rtx(0xA1, 9, lost))
    found = bob.read(stage.sent)
    assert [one.sequence_number for one in found] == [1000, 1002, 1001]
    assert (found[2].payload, found[2].timestamp, found[2].ssrc) == (lost.payload, 3000, 0xB0)
    counters = stage.plane.receive_counters(ReceiveStreamId(1))
    assert (counters.retransmitted, counters.repaired, counters.received, counters.packets) == (1, 1, 2, 3)
    stage.wait(seconds(1))
    assert stage.plane.due_nacks(ReceiveStreamId(1), RTT_US, stage.now).sequence_numbers == ()


def test_a_nack_is_answered_on_the_rtx_ssrc_with_the_original_number_and_payload(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    sent = [vp8(0xA0, number, key=number == 60_000, timestamp=number) for number in range(60_000, 60_010)]
    stage.send(alice, *sent)
    bob.read(stage.sent)
    repairs = bob.read(stage.plane.retransmit(SendStreamId(1), (1003, 1009, 1000), RTT_US, stage.now))
    assert [(one.ssrc, one.payload_type, one.sequence_number) for one in repairs] == [
        (0xB1, ROUTER_RTX, 500), (0xB1, ROUTER_RTX, 501), (0xB1, ROUTER_RTX, 502)
    ]  # fmt: skip
    for one, (number, original) in zip(repairs, ((1003, 3), (1009, 9), (1000, 0)), strict=True):
        assert unwrap_payload(one.payload) == (number, sent[original].payload)
        assert one.timestamp == sent[original].timestamp
    assert [elements_of(one)[1] for one in repairs] == [b"7"] * 3
    assert [elements_of(one)[5] for one in repairs] == [bytes((0, 10 + place)) for place in range(3)]
    counters = stage.plane.send_counters(SendStreamId(1))
    assert (counters.nack_packets, counters.not_found, counters.rtx_packets) == (3, 0, 3)
    assert counters.packets == 10


def test_a_nack_is_answered_at_most_once_in_a_round_trip(stage):
    alice = stage.join()
    stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, vp8(0xA0, 1, key=True))
    answers = 0
    for _ in range(100):
        answers += len(stage.plane.retransmit(SendStreamId(1), (1000,), RTT_US, stage.now))
        stage.wait(milliseconds(10))
    assert answers == 10
    counters = stage.plane.send_counters(SendStreamId(1))
    assert (counters.nack_packets, counters.retransmitted, counters.not_found) == (100, 10, 90)


def test_nacks_for_numbers_that_were_never_sent_are_not_answered(stage):
    alice = stage.join()
    stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    assert stage.plane.retransmit(SendStreamId(1), range(0x10000), RTT_US, stage.now) == []
    stage.send(alice, vp8(0xA0, 1, key=True))
    stage.wait(RTT_US)
    assert len(stage.plane.retransmit(SendStreamId(1), range(0x10000), RTT_US, stage.now)) <= 1


def test_all_numbers_asked_for_every_ten_milliseconds_is_bounded_work(stage):
    alice = stage.join()
    stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, *(vp8(0xA0, number, key=number == 0) for number in range(1500)))
    resent = 0
    for _ in range(10):
        resent += len(stage.plane.retransmit(SendStreamId(1), range(1000, 2500), RTT_US, stage.now))
        stage.wait(milliseconds(10))
    assert resent <= 512


def test_a_peer_without_rtx_gets_the_very_same_bytes_again(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1, rtx_ssrc=None, rtx_payload_types={}, keep_ciphertext=True)
    out = stage.send(alice, *(vp8(0xA0, number, key=number == 1) for number in range(1, 5)))
    stage.wait(milliseconds(50))
    again = stage.plane.retransmit(SendStreamId(1), (1002, 1000, 1900), RTT_US, stage.now)
    assert again == [out[2], out[0]]
    counters = stage.plane.send_counters(SendStreamId(1))
    assert (counters.retransmitted, counters.rtx_packets, counters.not_found) == (2, 0, 1)
    assert bob.read(out)


def test_nacks_from_before_a_change_of_source_are_answered_from_the_former_source(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.camera(0, 2, 0xA8)
    stage.screen(1, 1, 0xB0, 1)
    last = vp8(0xA0, 2, picture_id=41)
    stage.send(alice, vp8(0xA0, 1, key=True, picture_id=40), last)
    stage.plane.set_source(SendStreamId(1), ReceiveStreamId(2), stage.now)
    stage.send(alice, vp8(0xA8, 900, key=True, picture_id=3))
    repairs = bob.read(stage.plane.retransmit(SendStreamId(1), (1001, 1002), RTT_US, stage.now))
    assert unwrap_payload(repairs[0].payload) == (1001, last.payload)
    assert parse_vp8(unwrap_payload(repairs[1].payload)[1]).picture_id == 42, "renumbered as it was sent"


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (rtx(0xA1, 1, vp8(0xA0, 1)), Drop.RTX_UNWANTED),
        (rtx(0xA1, 1, rtx(0xA1, 3, vp8(0xA0, 2))), Drop.RTX_UNWANTED),
        (rtp(0xA1, 1, payload_type=97, payload=b"\x00"), Drop.RTX_MALFORMED),
        (rtp(0xA1, 1, payload_type=97, payload=b"\x00\x02"), Drop.PADDING_ONLY),
        (rtp(0xA1, 1, payload_type=97, payload=b"", padding=224), Drop.PADDING_ONLY),
        (rtx(0xA1, 1, vp8(0xA0, 2), payload_type=98), Drop.UNKNOWN_PAYLOAD_TYPE),
        (rtx(0xA1, 1, vp8(0xA0, 2), payload_type=96), Drop.UNKNOWN_PAYLOAD_TYPE),
        (rtp(0xA0, 2, payload_type=97, payload=b"\x00\x02x"), Drop.UNKNOWN_PAYLOAD_TYPE),
    ],
)
def test_rtx_that_cannot_be_used_is_dropped_with_its_reason(stage, packet, reason):
    alice = stage.join()
    stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, vp8(0xA0, 1, key=True), vp8(0xA0, 3))
    assert stage.send(alice, packet) == []
    assert stage.plane.counters().drops == {reason: 1}
    stage.assert_reconciled()


# -- what is passed up


def test_stun_dtls_and_rtcp_are_passed_up_untouched(stage):
    alice = stage.join()
    stun, dtls = bytes((0, 1)) + bytes(18), bytes((22, 254, 253)) + bytes(20)
    rtcp, path = alice.send_rtcp(PictureLossIndication(1, 2))
    stage.arrive((stun, STRANGER), (dtls, alice.path), (rtcp, path))
    assert stage.upcalls() == [
        StunReceived(stun, STRANGER),
        DtlsReceived(TransportId(0), dtls, alice.path),
        RtcpReceived(TransportId(0), rtcp),
    ]
    totals = stage.plane.counters()
    assert (totals.stun, totals.dtls, totals.rtcp, totals.datagrams) == (1, 1, 1, 3)


def test_transport_wide_numbers_are_given_once_with_their_time(stage):
    alice = stage.join()
    stage.microphone(0, 1, 0xA0)
    expected = []
    for number in range(5):
        stage.send(alice, rtp(0xA0, number, elements={3: bytes((0xFF, number))}))
        expected.append((0xFF00 + number, stage.now))
        stage.wait(777)
    assert stage.plane.take_arrivals(TransportId(0)) == expected
    assert stage.plane.take_arrivals(TransportId(0)) == []


# -- drops


def dtls_datagram() -> bytes:
    return bytes((22, 254, 253)) + bytes(20)


def test_every_reason_to_drop_is_reached_and_counted_once(make_stage):
    stage = make_stage(ssrcs_per_transport=3, held_packets_per_ssrc=1, history_packets=64)
    alice = stage.join()
    stage.join()
    stage.camera(0, 1, 0xA0)
    keyless = (0, ("203.0.113.200", 1))
    stage.plane.add_transport(TransportId(9))
    stage.plane.add_path(TransportId(9), keyless)
    rtcp = bytes((0x80, 201)) + bytes(10)
    first = alice.send(vp8(0xA0, 1000, key=True))
    stage.arrive(first)
    reasons = [
        (Drop.UNCLASSIFIED, (b"\xff" * 30, STRANGER)),
        (Drop.DTLS_UNVALIDATED_TUPLE, (dtls_datagram(), STRANGER)),
        (Drop.RTP_UNVALIDATED_TUPLE, (first[0], STRANGER)),
        (Drop.RTCP_UNVALIDATED_TUPLE, (rtcp, STRANGER)),
        (Drop.RTP_BEFORE_KEYS, (first[0], keyless)),
        (Drop.RTCP_BEFORE_KEYS, (rtcp, keyless)),
        (Drop.SRTP_AUTH_FAIL, (first[0][:3] + b"\xff" + first[0][4:], alice.path)),
        (Drop.SRTP_REPLAY, first),
        (Drop.RTP_MALFORMED, alice.send(b"\xa0" + vp8(0xA0, 1001).serialize()[1:-1] + b"\xff")),
        (Drop.RTP_TOO_BIG, alice.send(rtp(0xA0, 1002, payload_type=VP8_TYPE, payload=bytes(1505)))),
        (Drop.UNKNOWN_PAYLOAD_TYPE, alice.send(rtp(0xA0, 1003, payload_type=OPUS_TYPE))),
        (Drop.PADDING_ONLY, alice.send(padding_only(0xA0, 1004))),
        (Drop.RTX_MALFORMED, alice.send(rtp(0xA1, 1, payload_type=97, payload=b"\x00"))),
        (Drop.RTX_UNWANTED, alice.send(rtx(0xA1, 2, vp8(0xA0, 1000)))),
        (Drop.TOO_OLD, alice.send(vp8(0xA0, 900))),
        (None, alice.send(rtx(0xA1, 3, vp8(0xA0, 1010)))),
        (Drop.DUPLICATE, alice.send(vp8(0xA0, 1010))),
        (None, alice.send(rtp(5, 1))),
        (Drop.UNKNOWN_SSRC, alice.send(rtp(5, 2))),
        (Drop.SSRC_LIMIT, alice.send(rtp(6, 1))),
        (Drop.SEQUENCE_JUMP, alice.send(vp8(0xA0, 9000))),
    ]  # fmt: skip
    for reason, datagram in reasons:
        before = dict(stage.plane.counters().drops)
        stage.arrive(datagram)
        after = dict(stage.plane.counters().drops)
        changed = {one: after[one] - before.get(one, 0) for one in after if after[one] != before.get(one, 0)}
        assert changed == ({} if reason is None else {reason: 1})
        stage.assert_reconciled()
    stage.plane.set_receive_paused(ReceiveStreamId(1), True)
    stage.send(alice, vp8(0xA0, 9001))
    assert set(stage.plane.counters().drops) == set(Drop)
    assert all(count == 1 for count in stage.plane.counters().drops.values())


def test_every_reason_not_to_send_is_reached_and_counted_once(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.camera(0, 2, 0xA8)
    send = stage.screen(1, 1, 0xB0, 1, extension_ids={})
    steps: list[tuple[SendDrop, object, object]] = []

    def expect(reason: SendDrop, packet: object) -> None:
        before = dict(stage.plane.send_counters(send).drops)
        assert stage.send(alice, packet) == []
        after = dict(stage.plane.send_counters(send).drops)
        assert {
            one: count - before.get(one, 0) for one, count in after.items() if count != before.get(one)
        } == {reason: 1}
        steps.append((reason, before, after))

    expect(SendDrop.WAITING_FOR_KEY_FRAME, vp8(0xA0, 10))
    stage.send(alice, vp8(0xA0, 12, key=True))
    expect(SendDrop.BEFORE_SWITCH, vp8(0xA0, 11))
    stage.plane.set_source(send, ReceiveStreamId(2), stage.now)
    expect(SendDrop.OTHER_LAYER, vp8(0xA8, 1))
    stage.camera(0, 3, 0xAC, mime_type="video/VP9")
    stage.plane.set_source(send, ReceiveStreamId(3), stage.now, Layers(0, 0))
    # I L B E V; a key picture of two spatial layers, then the upper one, then a picture of temporal layer 1
    for number, layers in enumerate((b"\xae\x81\x00\x00\x05\x20key", b"\xac\x81\x00\x03\x05up")):
        packet = rtp(0xAC, number, payload_type=VP8_TYPE, payload=layers)
        if number:
            expect(SendDrop.SPATIAL_LAYER, packet)
        else:
            stage.send(alice, packet)
    raised = b"\xec\x81\x01\x20\x05higher"
    expect(SendDrop.TEMPORAL_LAYER, rtp(0xAC, 2, timestamp=3000, payload_type=VP8_TYPE, payload=raised))
    stage.plane.set_source(send, ReceiveStreamId(1), stage.now)
    stage.plane.set_send_paused(send, True)
    expect(SendDrop.CONSUMER_PAUSED, vp8(0xA0, 13))
    stage.plane.set_send_paused(send, False)
    stage.plane.select_path(TransportId(1), None)
    expect(SendDrop.NO_TUPLE, vp8(0xA0, 14))
    elsewhere = {
        SendDrop.PROTECT_FAILED,
        SendDrop.QUEUE_OVERFLOW,
        SendDrop.DTX,
        SendDrop.UNKNOWN_PAYLOAD_TYPE,
    }
    assert {reason for reason, _, _ in steps} == set(SendDrop) - elsewhere
    assert bob.read(stage.sent)


def test_a_consumer_that_asked_for_it_is_spared_silence_without_a_gap(stage):
    alice, bob, carol = stage.join(), stage.join(), stage.join()
    microphone = stage.microphone(0, 1, 0xA0)
    spared = stage.speaker(1, 1, 0xB0, microphone, ignore_dtx=True)
    stage.speaker(2, 2, 0xC0, microphone)
    sound, silence = b"\x78some sound", b"\x78"
    for number, payload in enumerate((sound, silence, silence, sound, silence, sound)):
        stage.send(alice, rtp(0xA0, number, payload=payload))
    assert [one.sequence_number for one in bob.read(stage.sent)] == [1000, 1001, 1002]
    assert len(carol.read(stage.sent)) == 6
    assert stage.plane.send_counters(spared).drops == {SendDrop.DTX: 3}


@pytest.mark.parametrize("profile", [Profile.AEAD_AES_128_GCM, Profile.AES_CM_128_HMAC_SHA1_80])
def test_every_size_is_forwarded_whole_or_refused(stage, profile):
    alice, bob = stage.join(profile), stage.join(profile)
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    for number, size in enumerate([*range(1, 1489, 31), *range(1340, 1400), *range(1480, 1489)]):
        packet = rtp(0xA0, number, payload=bytes([size & 0xFF]) * size)
        [found] = bob.read(stage.send(alice, packet))
        assert found.payload == packet.payload
    for number, size in enumerate((1510, 1800, 2000), 200):
        assert stage.send(alice, rtp(0xA0, number, payload=bytes(size))) == []
    assert stage.plane.counters().drops == {Drop.RTP_TOO_BIG: 3}


# -- storms


def test_totals_reconcile_after_every_first_byte_and_length(stage):
    alice = stage.join()
    stage.microphone(0, 1, 0xA0)
    storm = [
        (bytes((first, second)) + bytes(max(size - 2, 0)) if size > 1 else bytes((first,) * size), path)
        for first in range(256)
        for size, second in ((0, 0), (1, 0), (2, 0), (7, 1), (8, 200), (11, 111), (12, 111), (13, 200),
                             (19, 0), (20, 1), (1472, 111), (1500, 201), (65_507, 96))
        for path in (alice.path, STRANGER)
    ]  # fmt: skip
    assert stage.arrive(*storm) == []
    assert stage.plane.counters().datagrams == len(storm)
    stage.assert_reconciled()


def storm_of(chance: random.Random, alice: SrtpPeer) -> list[tuple[bytes, object]]:
    """Good packets, and whatever somebody can make of them."""
    datagrams: list[tuple[bytes, object]] = []
    for number in range(300):
        sequence = chance.choice((number, number, number, number - 5, number + 2)) & 0xFFFF
        packet = chance.choice(
            (
                rtp(0xA0, sequence, elements={4: b"0", 3: sequence.to_bytes(2)}),
                vp8(0xA8, sequence, key=chance.random() < 0.1, picture_id=number),
                rtx(0xA9, number, vp8(0xA8, sequence)),
                rtx(0xA9, number, rtx(0xA9, number, vp8(0xA8, sequence))),
                padding_only(0xA8, sequence),
                rtp(chance.getrandbits(7), sequence),
                rtp(0xA0, sequence, payload_type=chance.getrandbits(7)),
                rtp(0xA0, sequence, payload=chance.randbytes(chance.randrange(1600))),
            )
        )
        plain = bytearray(packet.serialize())
        if chance.random() < 0.2:
            for _ in range(chance.randrange(1, 4)):
                plain[chance.choice((0, 1, 12, 13, 14, 15, len(plain) - 1)) % len(plain)] = (
                    chance.getrandbits(8)
                )
            plain[0] = plain[0] & 0x3F | 0x80
        try:
            data, path = alice.send(bytes(plain))
        except Exception:  # libsrtp refuses: too old a number, or a header that reaches past the end
            continue
        fate = chance.random()
        if fate < 0.1:
            data = data[: chance.randrange(len(data))]
        elif fate < 0.2:
            data = data[:-1] + bytes((data[-1] ^ 0x40,))
        elif fate < 0.25:
            path = STRANGER
        elif fate < 0.3:
            data = chance.randbytes(chance.randrange(80))
        datagrams += [(data, path)] * (2 if chance.random() < 0.05 else 1)
    return datagrams


@pytest.mark.parametrize("seed", range(12))
def test_totals_reconcile_after_a_storm_and_nothing_raises(make_stage, seed):
    chance = random.Random(seed)
    stage: Stage = make_stage(ssrcs_per_transport=12, held_packets_per_ssrc=3, history_packets=256)
    alice = stage.join(chance.choice(list(Profile)))
    bob = stage.join(chance.choice(list(Profile)))
    stage.microphone(0, 1, 0xA0)
    stage.camera(0, 2, 0xA8)
    stage.speaker(1, 1, 0xB0, 1)
    stage.screen(1, 2, 0xB8, 2)
    storm = storm_of(chance, alice)
    claimed: set[int] = set()
    while storm:
        batch, storm = storm[:20], storm[20:]
        stage.arrive(*batch)
        stage.wait(chance.randrange(30_000))
        action = chance.randrange(7)
        unknown = [one.ssrc for one in stage.upcalls(UnknownSsrc)]
        if action == 0 and unknown and unknown[0] not in claimed:
            claimed.add(unknown[0])
            stage.microphone(0, 100 + len(claimed), unknown[0])
        elif action == 1:
            stage.plane.set_send_paused(SendStreamId(2), bool(chance.getrandbits(1)))
        elif action == 2:
            stage.sent += stage.plane.retransmit(SendStreamId(2), range(990, 1050), RTT_US, stage.now)
        elif action == 3:
            stage.plane.due_nacks(ReceiveStreamId(2), RTT_US, stage.now)
        elif action == 4:
            stage.plane.set_receive_paused(ReceiveStreamId(1), bool(chance.getrandbits(1)))
        elif action == 5:
            stage.plane.retry_unknown(TransportId(0))
        stage.assert_reconciled()
    media = [one for one in bob.read(stage.sent) if one.ssrc in (0xB0, 0xB8)]
    seen: dict[tuple[int, int], bytes] = {}
    for one in media:
        assert seen.setdefault((one.ssrc, one.sequence_number), one.payload) == one.payload
    assert len(media) == stage.plane.counters().forwarded > 5
    counted = sum(stage.plane.send_counters(SendStreamId(one)).packets for one in (1, 2))
    assert counted == len(media)


# -- removal


def test_unknown_ids_and_second_times_are_told(stage):
    stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.join()
    stage.speaker(1, 1, 0xB0, 1)
    plane = stage.plane
    for call in (
        lambda: plane.add_transport(TransportId(0)),
        lambda: plane.set_keys(TransportId(0), stage.peers[0].server_keys),
        lambda: plane.remove_transport(TransportId(9)),
        lambda: plane.add_path(TransportId(9), STRANGER),
        lambda: stage.microphone(0, 1, 0xA9),
        lambda: stage.microphone(0, 9, 0xA0),
        lambda: stage.speaker(1, 1, 0xB0, None),
        lambda: stage.speaker(9, 9, 0xB0, None),
        lambda: plane.set_source(SendStreamId(1), ReceiveStreamId(9), stage.now),
        lambda: plane.set_source(SendStreamId(9), None, stage.now),
        lambda: plane.remove_send_stream(SendStreamId(9)),
        lambda: plane.remove_receive_stream(ReceiveStreamId(9)),
        lambda: plane.receive_counters(ReceiveStreamId(9)),
        lambda: plane.send_counters(SendStreamId(9)),
        lambda: plane.retransmit(SendStreamId(9), (), RTT_US, stage.now),
        lambda: plane.take_arrivals(TransportId(9)),
    ):
        with pytest.raises(InvalidState):
            call()
    plane.remove_path(STRANGER)


def test_a_consumer_whose_source_is_gone_goes_on_with_the_next(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    stage.send(alice, rtp(0xA0, 1))
    stage.plane.remove_receive_stream(ReceiveStreamId(1))
    assert stage.plane.retransmit(SendStreamId(1), (1000,), RTT_US, stage.now) == []
    stage.microphone(0, 2, 0xA5)
    stage.plane.set_source(SendStreamId(1), ReceiveStreamId(2), stage.now)
    stage.send(alice, rtp(0xA5, 900))
    assert [one.sequence_number for one in bob.read(stage.sent)] == [1000, 1001]


def test_a_path_that_is_another_transports_now_serves_only_that(stage):
    alice, bob = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, 0xB0, 1)
    stage.plane.add_path(TransportId(0), bob.path)
    assert stage.send(alice, rtp(0xA0, 1)) == [], "nothing for bob goes to what is alice's now"
    assert stage.plane.send_counters(SendStreamId(1)).drops == {SendDrop.NO_TUPLE: 1}


def test_removal_leaves_nothing_behind(stage):
    for turn in range(3):
        alice, bob = stage.join(), stage.join()
        first, second = TransportId(2 * turn), TransportId(2 * turn + 1)
        stage.camera(2 * turn, 1, 0xA0)
        stage.microphone(2 * turn, 2, 0xA5)
        stage.screen(2 * turn + 1, 1, 0xB0, 1, mid=b"%d" % turn)
        stage.speaker(2 * turn + 1, 2, 0xB5, 2, mid=b"%d" % turn)
        stage.send(alice, vp8(0xA0, 1, key=True), rtp(0xA5, 1), rtp(0xDD, 1))
        assert len(bob.read(stage.sent)) == 2
        stage.plane.remove_transport(first)
        stage.plane.remove_transport(second)
        stage.assert_reconciled()
        stage.sent.clear()
        stage.upcalls()
    assert stage.plane.counters().held == 0
    assert stage.plane.next_timeout() is None
    assert left_in(stage.plane) == {}


def left_in(plane: object) -> dict[str, int]:
    """Containers inside the plane that hold anything, by name."""
    if not isinstance(plane, ReferencePlane):
        return plane.left()
    table = plane._table
    found = {
        "transports": table.transports, "paths": table.paths, "streams": table.streams,
        "routes": table.routes, "send_streams": plane._send_streams, "claimed": plane._ingress._claimed,
        "upcalls": plane._upcalls, "layouts": plane._layouts,
    }  # fmt: skip
    return {name: len(one) for name, one in found.items() if one}


def test_drop_counts_never_run_backwards_when_a_key_frame_is_overtaken_by_its_own_packets(stage):
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.camera(0, 2, 0xA8)
    send = stage.screen(1, 1, 0xB0, 1)
    stage.send(alice, vp8(0xA0, 1, key=True))
    stage.plane.set_source(send, ReceiveStreamId(2), stage.now)
    stage.send(alice, vp8(0xA8, 51, first=False), vp8(0xA8, 50, key=True))
    assert len(bob.read(stage.sent)) == 3
    assert all(count >= 0 for count in stage.plane.send_counters(send).drops.values())
