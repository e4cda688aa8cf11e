"""The routing table says what goes where, how fast, and why something does not."""

import json

import pytest

from rtpfwd.sfu.routing_table import routing_table
from tests.scenarios.call import Call, camera, microphone
from tests.support.room import Room
from tests.support.room import camera as simulcast


@pytest.fixture
def call() -> Call:
    call = Call(keys=True)
    alice, bob, carol = call.join(), call.join(), call.join()
    video, _ = alice.produce(camera())
    sound, _ = alice.produce(microphone())
    bob.consume(video)
    bob.consume(sound)
    carol.watch(video)
    call.run(5)
    return call


def test_a_producer_ssrc_leads_to_its_consumers_ssrcs(call: Call):
    table = routing_table(call.worker, call.network.now)
    json.dumps(table, allow_nan=False)
    video, sound = sorted(table["routes"], key=lambda one: one["ssrc"])
    assert (video["ssrc"], sound["ssrc"]) == (0x1000, 0x2000)
    assert video["rtxSsrc"] == 0x1001 and "rtxSsrc" not in sound
    assert (video["mimeType"], sound["mimeType"]) == ("video/VP8", "audio/opus")
    assert video["from"] == "10.0.0.1:5000"
    assert {one["to"] for one in video["consumers"]} == {"10.0.0.2:5000", "10.0.0.3:5000"}
    made = {one.ssrc for one in call.worker._context.consumers.values() if one.kind == "video"}
    assert {one["ssrc"] for one in video["consumers"]} == made
    assert table["idle"] == [] and not table["truncated"]
    assert table["counts"] == {"routers": 1, "transports": 3, "streams": 2, "consumers": 3}


def test_rates_are_there_at_the_first_look(call: Call):
    video, sound = sorted(routing_table(call.worker, call.network.now)["routes"], key=lambda one: one["ssrc"])
    assert video["packetRate"] == pytest.approx(60, rel=0.1)
    assert sound["packetRate"] == pytest.approx(50, rel=0.1)
    assert video["bitrate"] == pytest.approx(60 * 830 * 8, rel=0.1)
    for consumer in video["consumers"]:
        assert consumer["packetRate"] == pytest.approx(60, rel=0.15)
        assert consumer["lostPercent"] == 0


def test_the_estimate_is_told_of_those_who_give_feedback(call: Call):
    table = routing_table(call.worker, call.network.now)
    [video] = [one for one in table["routes"] if one["kind"] == "video"]
    told = {one["to"]: "estimateBps" in one for one in video["consumers"]}
    assert told == {"10.0.0.2:5000": False, "10.0.0.3:5000": True}


def test_a_paused_consumer_counts_its_drops_by_reason(call: Call):
    now = call.network.now
    for consumer in call.worker._context.consumers.values():
        if consumer.kind == "audio":
            consumer.pause(now=now)
    call.run(1)
    [sound] = [
        one for one in routing_table(call.worker, call.network.now)["routes"] if one["kind"] == "audio"
    ]
    [paused] = sound["consumers"]
    assert paused["paused"] and paused["drops"]["consumer_paused"] == pytest.approx(50, rel=0.1)


def test_consumers_of_a_silent_simulcast_producer_are_idle():
    room = Room()
    alice, bob = room.join(), room.join()
    producer = alice.produce(simulcast(0x1000, rid="low"), simulcast(0x1010, rid="high"))
    consumer = bob.consume(producer)
    room.wait(1_000_000)
    table = routing_table(room.worker, room.now)
    [idle] = table["idle"]
    assert idle["consumerId"] == consumer.id and idle["producerId"] == producer.id
    assert idle["bitrate"] == 0 and idle["reason"]


def test_only_so_many_rows(call: Call):
    table = routing_table(call.worker, call.network.now, at_most=2)
    rows = len(table["routes"]) + sum(len(one["consumers"]) for one in table["routes"]) + len(table["idle"])
    assert rows == 2 and table["truncated"]
    assert not routing_table(call.worker, call.network.now, at_most=5)["truncated"]


def test_of_one_router_only(call: Call):
    assert routing_table(call.worker, call.network.now, router_id="another")["routes"] == []
    assert len(routing_table(call.worker, call.network.now, router_id=call.router.id)["routes"]) == 2
