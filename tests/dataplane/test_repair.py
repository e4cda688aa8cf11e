"""What every data plane does about loss: gaps, NACKs, RTX, and what is passed up."""

from __future__ import annotations

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.dataplane.interface import (
    Drop,
    DtlsReceived,
    KeyFrameNeeded,
    PacketsMissing,
    ReceiveStreamId,
    RtcpReceived,
    SendStreamId,
    StunReceived,
    TransportId,
)
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtcp.feedback import PictureLossIndication
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import elements_of, rtp, rtx, vp8
from tests.support.stage import ROUTER_RTX

RTT_US = milliseconds(100)
STRANGER = (0, ("192.0.2.66", 6666))


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
