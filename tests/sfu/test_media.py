"""Media through the whole worker: whose is an SSRC, which layer, who may be sent to, what garbage does."""

from __future__ import annotations

import itertools
import random

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.fake_media import producer_parameters
from rtpfwd.errors import UnsupportedError
from rtpfwd.sfu.producer import Producer
from rtpfwd.wire.header_extensions import VIDEO_ORIENTATION
from rtpfwd.wire.rtcp.feedback import Nack, PictureLossIndication
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import OPUS_TYPE, elements_of, padding_only, rtp, rtx, vp8
from tests.support.room import MID_ID, REPAIRED_RID_ID, RID_ID, Member, Room, camera, microphone
from tests.support.srtp_peer import SrtpPeer

SECOND = seconds(1)


def numbers(member: Member, ssrc: int) -> list[int]:
    """Sequence numbers that arrived on an SSRC, counted from the first."""
    found = [one.sequence_number for one in member.rtp if one.ssrc == ssrc]
    return [number - found[0] & 0xFFFF for number in found]


def layer(rid: str, ssrc: int, number: int, *, key: bool = False, timestamp: int = 0) -> RtpPacket:
    """A packet of a RID simulcast encoding, as a browser sends it."""
    elements = {MID_ID: b"0", RID_ID: rid.encode()}
    return vp8(ssrc, number, key=key, timestamp=timestamp, picture_id=number, elements=elements)


# -- whose is an SSRC


def test_what_the_publisher_sent_before_produce_arrives_whole(room):
    alice, bob = room.join(), room.join()
    sent = [vp8(0x1000, number, key=number == 1, elements={MID_ID: b"0"}) for number in range(1, 6)]
    alice.send(*sent)
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    room.wait(1)
    alice.send(vp8(0x1000, 6))
    room.settle()
    assert room.worker.counters()["held"] == 0
    assert producer.get_stats(now=room.now)[0]["packetCount"] == 6
    alice.send(vp8(0x1000, 7, key=True))
    assert bob.rtp[-1].ssrc == consumer.ssrc


@pytest.mark.parametrize("early", [False, True])
def test_a_producer_is_found_by_its_mid_alone(room, early):
    alice, bob = room.join(), room.join()
    packets = [vp8(0x4444, number, key=True, elements={MID_ID: b"0"}) for number in (1, 2)]
    if early:
        alice.send(*packets)
    parameters = producer_parameters(camera())
    parameters["encodings"] = [{}]
    producer = alice.transport.produce("video", parameters, now=room.now)
    consumer = bob.consume(producer)
    if not early:
        alice.send(*packets)
    alice.send(vp8(0x4444, 3, key=True))
    assert numbers(bob, consumer.ssrc) == [0, 1, 2], "the key frame that began it is not lost"
    assert producer.get_stats(now=room.now)[0]["ssrc"] == 0x4444
    assert producer.get_stats(now=room.now)[0]["packetCount"] == 3
    assert alice.transport.dump()["rtpListener"]["ssrcTable"] == [{"key": 0x4444, "value": producer.id}]


def test_a_firefox_like_publisher_that_signals_ssrcs_and_sends_the_mid_is_not_learnt_twice(room):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    for number in range(1, 20):
        alice.send(vp8(0x1000, number, key=number == 1, elements={MID_ID: b"0"}))
    assert numbers(bob, consumer.ssrc) == list(range(19))
    assert len(producer.streams) == 1


def test_an_ssrc_of_another_mid_is_not_this_producers(room):
    alice = room.join()
    parameters = producer_parameters(camera())
    parameters["encodings"] = [{}]
    producer = alice.transport.produce("video", parameters, now=room.now)
    alice.send(vp8(0x4444, 1, elements={MID_ID: b"9"}), vp8(0x4445, 1))
    assert producer.streams == []
    assert room.worker.counters()["held"] == 2


def test_a_client_without_any_header_extension_is_heard_and_hears(room):
    alice, bob = room.join(), room.join()
    parameters = producer_parameters(microphone())
    parameters["headerExtensions"] = []
    del parameters["mid"]
    producer = alice.transport.produce("audio", parameters, now=room.now)
    capabilities = dict(room.router.rtp_capabilities, headerExtensions=[])
    consumer = bob.transport.consume(producer.id, capabilities, now=room.now)
    room.settle()
    alice.send(*(rtp(0x2000, number) for number in (1, 2, 3)))
    assert numbers(bob, consumer.ssrc) == [0, 1, 2]
    assert all(one.extension_profile is None for one in bob.rtp)


def test_every_consumer_sees_its_own_mid_and_never_the_publishers(room):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera(mid="publisher"))
    consumers = [bob.consume(producer) for _ in range(3)]
    elements = {MID_ID: b"publisher"}
    alice.send(vp8(0x1000, 1, key=True, elements=elements), vp8(0x1000, 2, elements=elements))
    for place, consumer in enumerate(consumers):
        found = [one for one in bob.rtp if one.ssrc == consumer.ssrc]
        assert len(found) == 2
        for one in found:
            assert b"publisher" not in one.extension
            assert list(elements_of(one).values()).count(str(place).encode()) == 1


def test_nobody_can_inject_into_anothers_producer(room):
    alice, bob, mallory = room.join(), room.join(), room.join()
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    mallory.send(vp8(0x1000, 1, key=True, elements={MID_ID: b"0"}), vp8(0x1000, 2))
    assert bob.rtp == []
    alice.send(vp8(0x1000, 1, key=True))
    assert numbers(bob, consumer.ssrc) == [0]


# -- simulcast by RID


def simulcast(room: Room) -> tuple[Member, Member, Producer]:
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera(0x10, rid="l", rtx=False), camera(0x20, rid="h", rtx=False))
    return alice, bob, producer


def test_rid_streams_are_learnt_and_the_best_one_that_is_alive_is_sent(room):
    alice, bob, producer = simulcast(room)
    consumer = bob.consume(producer)
    assert (producer.type, consumer.type, consumer.current_layers) == ("simulcast", "simulcast", None)
    alice.send(layer("l", 0x10, 1, key=True))
    alice.send(layer("l", 0x10, 2, key=True))
    assert consumer.current_layers == {"spatialLayer": 0, "temporalLayer": 0}
    alice.send(layer("h", 0x20, 900, key=True))
    alice.send(layer("h", 0x20, 901, key=True))
    assert consumer.current_layers == {"spatialLayer": 1, "temporalLayer": 0}
    assert [event.values for event in room.told if event.name == "layerschange"] == [
        ({"spatialLayer": 0, "temporalLayer": 0},),
        ({"spatialLayer": 1, "temporalLayer": 0},),
    ]
    assert [one.ssrc for one in producer.streams] == [0x10, 0x20]
    found = numbers(bob, consumer.ssrc)
    assert found == list(range(len(found)))


def test_a_layer_that_stops_is_left_and_scored_zero(room):
    alice, bob, producer = simulcast(room)
    consumer = bob.consume(producer)
    for number in range(1, 120):
        now_ticks = 90 * 33 * number
        alice.send(layer("l", 0x10, number, key=True, timestamp=now_ticks))
        if number < 40:
            alice.send(layer("h", 0x20, number, key=True, timestamp=now_ticks))
        room.wait(milliseconds(33))
    assert consumer.current_layers == {"spatialLayer": 0, "temporalLayer": 0}
    assert [one["score"] for one in producer.score] == [10] or producer.score[-1]["score"] == 0
    assert consumer.score["producerScores"][1] == 0
    found = numbers(bob, consumer.ssrc)
    assert found == list(range(len(found)))
    timestamps = [one.timestamp for one in bob.rtp]
    assert all(0 < later - earlier < 90 * 2000 for earlier, later in itertools.pairwise(timestamps))


def test_preferred_layers_are_kept_to_and_clamped(room):
    alice, bob, producer = simulcast(room)
    consumer = bob.consume(producer, preferred_layers={"spatialLayer": 0})
    for number in range(1, 5):
        alice.send(layer("l", 0x10, number, key=True), layer("h", 0x20, number, key=True))
    assert consumer.current_layers == {"spatialLayer": 0, "temporalLayer": 0}
    consumer.set_preferred_layers({"spatialLayer": 99, "temporalLayer": 99}, now=room.now)
    assert consumer.preferred_layers == {"spatialLayer": 1, "temporalLayer": 0}
    alice.send(layer("h", 0x20, 5, key=True))
    assert consumer.current_layers == {"spatialLayer": 1, "temporalLayer": 0}


def test_a_wanted_layer_has_a_key_frame_asked_for(room):
    alice, bob, producer = simulcast(room)
    consumer = bob.consume(producer, preferred_layers={"spatialLayer": 0})
    alice.send(layer("l", 0x10, 1, key=True), layer("h", 0x20, 1))
    room.wait(milliseconds(40))
    alice.send(layer("l", 0x10, 2, key=True, timestamp=3600), layer("h", 0x20, 2))
    alice.rtcp.clear()
    consumer.set_preferred_layers({"spatialLayer": 1}, now=room.now)
    room.settle()
    room.wait(2 * SECOND)
    assert {one.media_ssrc for one in alice.told(PictureLossIndication)} == {0x20}


@pytest.mark.parametrize(
    "layers", [None, [], {}, {"spatialLayer": -1}, {"spatialLayer": "0"}, {"spatialLayer": True}]
)
def test_preferred_layers_of_the_wrong_form_are_refused(room, layers):
    _, bob, producer = simulcast(room)
    consumer = bob.consume(producer)
    with pytest.raises(TypeError):
        consumer.set_preferred_layers(layers, now=room.now)


def test_repairs_of_rid_streams_are_told_apart_by_their_repaired_rid(room):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera(0x10, rid="l"), camera(0x20, rid="h"))
    consumer = bob.consume(producer)
    alice.send(layer("h", 0x20, 1, key=True))
    alice.send(layer("h", 0x20, 2, key=True))
    lost = layer("h", 0x20, 3)
    alice.send(layer("h", 0x20, 4))
    repair = rtx(0x21, 1, lost)
    shaped = vp8(1, 1, elements={MID_ID: b"0", REPAIRED_RID_ID: b"h"})
    repair.extension_profile, repair.extension = shaped.extension_profile, shaped.extension
    alice.send(repair)
    room.settle()
    assert bob.rtp[-1].payload == lost.payload
    assert sorted(numbers(bob, consumer.ssrc)) == list(range(len(bob.rtp)))
    [high] = [one for one in producer.get_stats(now=room.now) if one["rid"] == "h"]
    assert (high["rtxSsrc"], high["packetsRepaired"]) == (0x21, 1)


# -- pausing


def test_what_a_paused_producer_sent_is_no_gap_and_cannot_be_asked_for(room):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    alice.send(vp8(0x1000, 1, key=True))
    producer.pause(now=room.now)
    secret = [vp8(0x1000, number, key=number == 5) for number in range(2, 20)]
    alice.send(*secret)
    producer.resume(now=room.now)
    room.settle()
    alice.send(vp8(0x1000, 20), vp8(0x1000, 21, key=True))
    assert numbers(bob, consumer.ssrc) == [0, 1]
    first = bob.rtp[0].sequence_number
    bob.send_rtcp(Nack(1, consumer.ssrc, tuple(first + step & 0xFFFF for step in range(-10, 40))))
    repaired = [unwrap_payload(one.payload)[1] for one in bob.rtp if one.ssrc == consumer.rtx_ssrc]
    assert len(repaired) == 2
    assert not {one.payload for one in secret} & set(repaired)


@pytest.mark.parametrize("order", ["producer first", "consumer first"])
def test_both_pauses_must_end_before_media_flows(room, order):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera(), paused=True)
    consumer = bob.consume(producer, paused=True)
    assert (consumer.paused, consumer.producer_paused) == (True, True)
    ends = [producer.resume, consumer.resume]
    for number, end in enumerate(ends if order == "producer first" else reversed(ends), 1):
        alice.send(vp8(0x1000, number, key=True))
        assert bob.rtp == []
        end(now=room.now)
        room.settle()
    alice.send(vp8(0x1000, 3, key=True))
    assert len(bob.rtp) == 1
    assert (consumer.paused, consumer.producer_paused) == (False, False)
    assert room.names(consumer).count("producerresume") == 1


def test_a_new_orientation_is_told(room):
    alice = room.join()
    parameters = producer_parameters(camera())
    parameters["headerExtensions"].append({"uri": VIDEO_ORIENTATION, "id": 13})
    producer = alice.transport.produce("video", parameters, now=room.now)
    for number, value in enumerate((0, 0x0B, 0x0B, 0x04)):
        alice.send(vp8(0x1000, number, key=True, elements={13: bytes((value,))}))
    assert [event.values[0] for event in room.told if event.source is producer and event.values][-3:] == [
        {"camera": False, "flip": False, "rotation": 0},
        {"camera": True, "flip": False, "rotation": 270},
        {"camera": False, "flip": True, "rotation": 0},
    ]


# -- score


def test_the_score_follows_the_loss(room):
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    rng = random.Random(7)
    scores = []
    for number in range(1, 600):
        if number < 200 or rng.random() < 0.6:
            alice.send(vp8(0x1000, number, key=number == 1))
        room.wait(milliseconds(33))
        scores.append(producer.score[0]["score"])
    assert set(scores[:190]) == {10}
    assert scores[-1] <= 5
    assert consumer.score["producerScore"] == scores[-1]
    told = [event.values[0][0]["score"] for event in room.told if event.source is producer]
    assert told == [one for place, one in enumerate(told) if place == 0 or one != told[place - 1]]
    assert told[-1] == scores[-1]


# -- who may be sent to


def test_nothing_is_sent_before_there_is_a_path_and_then_a_key_frame_is_asked_for(room):
    alice = room.join()
    producer = alice.produce(camera())
    bob = room.join(connected=False)
    consumer = bob.consume(producer)
    alice.send(vp8(0x1000, 1, key=True))
    assert bob.rtp == []
    bob.transport.set_srtp_keys(bob.peer.server_keys, now=room.now)
    room.settle()
    alice.send(vp8(0x1000, 2, key=True))
    assert bob.rtp == []
    room.wait(10 * SECOND)
    alice.rtcp.clear()
    bob.check()
    assert alice.told(PictureLossIndication)
    alice.send(vp8(0x1000, 3, key=True))
    assert numbers(bob, consumer.ssrc) == [0]


def test_consent_that_is_not_renewed_ends_all_sending_after_thirty_seconds(room):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera()))
    alice.send(vp8(0x1000, 1, key=True))
    bob.alive = False
    room.wait(29 * SECOND)
    assert bob.transport.ice_state == "completed"
    room.wait(3 * SECOND)
    assert bob.transport.ice_state == "disconnected"
    assert bob.transport.ice_selected_tuple is None
    received = len(bob.rtp), len(bob.rtcp)
    alice.send(vp8(0x1000, 2, key=True))
    room.wait(5 * SECOND)
    assert (len(bob.rtp), len(bob.rtcp)) == received
    bob.check()
    alice.send(vp8(0x1000, 3, key=True))
    assert len(bob.rtp) == received[0] + 1


def test_forged_checks_do_not_renew_consent(room):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera()))
    bob.alive = False
    forged = dict(bob.transport.ice_parameters, password="x" * 32)
    for _ in range(16):
        room.wait(2 * SECOND)
        bob.check(ice_parameters=forged)
    assert bob.transport.ice_state == "disconnected"


def test_an_ice_restart_takes_the_new_password_at_once_and_the_old_one_until_then(room):
    alice, bob = room.join(), room.join()
    consumer = bob.consume(alice.produce(camera()))
    alice.send(vp8(0x1000, 1, key=True))
    old = bob.transport.ice_parameters
    new = bob.transport.restart_ice(now=room.now)
    assert new == bob.transport.ice_parameters
    assert set(new) == set(old) == {"usernameFragment", "password", "iceLite"}
    assert new["usernameFragment"] != old["usernameFragment"]
    bob.check(ice_parameters=old)
    alice.send(vp8(0x1000, 2))
    bob.check(ice_parameters=new)
    alice.send(vp8(0x1000, 3))
    assert numbers(bob, consumer.ssrc) == [0, 1, 2]
    room.wait(60 * SECOND)
    assert bob.transport.ice_state == "completed"
    assert room.worker.dump()["localIceUsernameFragments"] == 2


def test_media_from_where_nobody_checked_is_dropped_and_teaches_no_address(room):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera()))
    data, _ = alice.peer.send(vp8(0x1000, 1, key=True))
    elsewhere = (0, ("192.0.2.66", 9))
    room.arrive((data, elsewhere))
    room.arrive((bob.peer.send_rtcp(PictureLossIndication(1, 2))[0], elsewhere))
    assert room.worker.counters()["drops"] == {"rtp_unvalidated_tuple": 1, "rtcp_unvalidated_tuple": 1}
    sent: list[object] = []
    transmit = room.worker.transmit
    room.worker.transmit = lambda: [sent.append(one[1]) or one for one in transmit()]
    alice.send(vp8(0x1000, 2, key=True))
    room.wait(5 * SECOND)
    assert elsewhere not in sent
    assert set(sent) <= {alice.peer.path, bob.peer.path}


def test_after_close_nothing_of_the_transport_is_answered(room):
    alice = room.join()
    alice.produce(camera())
    parameters = alice.transport.ice_parameters
    alice.transport.close(now=room.now)
    room.settle()
    count = len(room.worker.transmit())
    alice.check(ice_parameters=parameters)
    alice.send(vp8(0x1000, 1, key=True))
    room.wait(5 * SECOND)
    assert count == 0
    assert alice.rtp == alice.rtcp == [] or not alice.rtp
    drops = room.worker.counters()["drops"]
    assert drops["rtp_unvalidated_tuple"] == 1


# -- odd packets


@pytest.mark.parametrize(
    "packet",
    [
        rtp(0x1000, 2, payload_type=OPUS_TYPE),
        padding_only(0x1000, 2),
        rtp(0x1001, 2, payload_type=97, payload=b""),
        rtp(0x1001, 2, payload_type=97, payload=b"\x00"),
        rtx(0x1001, 2, rtx(0x1001, 1, vp8(0x1000, 1))),
    ],
)
def test_packets_that_are_no_media_are_not_forwarded(room, packet):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera()))
    alice.send(vp8(0x1000, 1, key=True))
    alice.send(packet)
    assert len(bob.rtp) == 1


def test_garbage_of_every_kind_raises_nothing_and_is_all_accounted_for(room):
    alice, bob = room.join(), room.join()
    consumer = bob.consume(alice.produce(camera()))
    rng = random.Random(11)
    paths = [alice.peer.path, bob.peer.path, (0, ("192.0.2.66", 9))]
    stun_like = alice.transport.ice_parameters["usernameFragment"].encode()
    for _ in range(60):
        batch = []
        for _ in range(25):
            data = bytearray(rng.randbytes(rng.choice((0, 1, 7, 8, 12, 13, 20, 28, 60, 200, 1472))))
            if data and rng.random() < 0.8:
                data[0] = rng.choice((0, 1, 20, 22, 23, 63, 128, 144, 160, 176, 191))
            if len(data) > 20 and data[0] < 2:
                data[:8] = bytes((0, 1)) + (len(data) - 20 & 0xFFFC).to_bytes(2) + b"\x21\x12\xa4\x42"
                if rng.random() < 0.5:
                    data[20:] = b"\x00\x06\x00\x25" + stun_like + b":peer" + rng.randbytes(60)
            batch.append((bytes(data), rng.choice(paths)))
        room.arrive(*batch)
        room.wait(milliseconds(7))
    counters = room.worker.counters()
    plane = room.worker._context.plane.counters()
    assert plane.datagrams == plane.stun + plane.dtls + plane.rtcp + plane.rtp + plane.held + sum(
        plane.drops.values()
    )
    assert counters["drops"]["unclassified"] > 0
    alice.send(vp8(0x1000, 1, key=True))
    assert numbers(bob, consumer.ssrc) == [0], "and the call goes on"


def test_a_hundred_forged_packets_end_nothing(room):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera()))
    forger = SrtpPeer(77)
    for number in range(100):
        data, _ = forger.send(vp8(0x1000, number, key=True))
        room.arrive((data, alice.peer.path))
    assert room.worker.counters()["drops"] == {"srtp_auth_fail": 100}
    alice.send(vp8(0x1000, 1, key=True))
    assert len(bob.rtp) == 1
    assert alice.transport.ice_state == "completed"
    assert alice.transport.dtls_state == "connected"


def test_a_router_takes_other_codecs_for_producers_to_come(room):
    alice = room.join()
    first = alice.produce(camera(0x10))
    room.router.update_media_codecs([{"kind": "video", "mimeType": "video/H264", "clockRate": 90_000}])
    assert not first.closed
    with pytest.raises(UnsupportedError):
        alice.produce(camera(0x20))
