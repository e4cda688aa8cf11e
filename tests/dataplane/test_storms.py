"""Whatever arrives, totals reconcile; whatever is removed leaves nothing behind."""

from __future__ import annotations

import random

import pytest

from rtpfwd.clock import milliseconds
from rtpfwd.dataplane.interface import (
    ReceiveStreamId,
    SendDrop,
    SendStreamId,
    TransportId,
    UnknownSsrc,
)
from rtpfwd.dataplane.reference.plane import ReferencePlane
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.srtp import Profile
from tests.support.packets import padding_only, rtp, rtx, vp8
from tests.support.srtp_peer import SrtpPeer
from tests.support.stage import Stage

RTT_US = milliseconds(100)
STRANGER = (0, ("192.0.2.66", 6666))


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
