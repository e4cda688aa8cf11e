"""Every reason to drop, reached and counted; sizes."""

from __future__ import annotations

import pytest

from rtpfwd.dataplane.interface import (
    Drop,
    Layers,
    ReceiveStreamId,
    SendDrop,
    TransportId,
)
from rtpfwd.protocols.srtp import Profile
from tests.support.packets import OPUS_TYPE, VP8_TYPE, padding_only, rtp, rtx, vp8

STRANGER = (0, ("192.0.2.66", 6666))


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
