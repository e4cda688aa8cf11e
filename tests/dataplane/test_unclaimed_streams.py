"""SSRCs that nobody has claimed: held, told, claimed, given up."""

from __future__ import annotations

import pytest

from rtpfwd.clock import seconds
from rtpfwd.dataplane.interface import (
    Drop,
    ReceiveStreamId,
    TransportId,
    UnknownSsrc,
)
from tests.support.packets import VP8_TYPE, rtp, rtx, vp8


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
