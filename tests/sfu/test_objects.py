"""mediasoup's objects: made, closed, refused, described."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rtpfwd.clock import seconds
from rtpfwd.dataplane.interface import PlaneLimits
from rtpfwd.drivers.fake_media import producer_parameters
from rtpfwd.errors import InvalidParameters, InvalidState, LimitExceeded, NotFoundError, UnsupportedError
from rtpfwd.sfu.settings import WorkerSettings
from tests.support.packets import vp8
from tests.support.room import Member, Room, camera, microphone

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def room() -> Room:
    return Room()


def call(room: Room) -> tuple[Member, Member, Any, Any]:
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    return alice, bob, producer, bob.consume(producer)


# -- ids


def test_ids_are_uuids_of_which_no_two_are_equal(room):
    alice, _, producer, consumer = call(room)
    ids = [room.router.id, alice.transport.id, producer.id, consumer.id, room.members[1].transport.id]
    assert all(UUID.fullmatch(one) for one in ids)
    assert len(set(ids)) == len(ids)


def test_everything_random_comes_from_the_given_entropy():
    def everything(seed: int) -> list[object]:
        room = Room(seed=seed)
        alice, _, producer, consumer = call(room)
        return [
            room.router.id, alice.transport.id, alice.transport.ice_parameters, producer.id, consumer.id,
            consumer.rtp_parameters,
        ]  # fmt: skip

    assert everything(1) == everything(1)
    assert all(one != other for one, other in zip(everything(1), everything(2), strict=True))


# -- closing


def test_closing_the_worker_closes_everything_below_in_order(room):
    alice, _, producer, consumer = call(room)
    room.told.clear()
    room.worker.close(now=room.now)
    room.settle()
    assert room.names(room.router) == ["workerclose", "close"]
    assert room.names(alice.transport)[-2:] == ["routerclose", "close"]
    assert room.names(producer) == ["transportclose", "close"]
    assert room.names(consumer) == ["producerclose", "close"]
    assert room.names(room.worker) == ["close"]
    assert room.told[-1].source is room.worker
    assert room.router.closed and alice.transport.closed and producer.closed and consumer.closed
    with pytest.raises(InvalidState, match="worker is closed"):
        room.worker.create_router([])


def test_closing_a_router_leaves_the_others(room):
    other = room.worker.create_router([])
    call(room)
    room.router.close(now=room.now)
    room.settle()
    assert room.names(room.router) == ["close"]
    assert list(room.worker.routers) == [other.id]
    assert not other.closed


def test_closing_a_transport_closes_its_producers_and_all_their_consumers(room):
    alice, bob, producer, consumer = call(room)
    own = alice.consume(bob.produce(microphone()))
    room.told.clear()
    alice.transport.close(now=room.now)
    room.settle()
    assert room.names(producer) == ["transportclose", "close"]
    assert room.names(consumer) == ["producerclose", "close"]
    assert room.names(own) == ["transportclose", "close"]
    assert room.names(alice.transport)[-1] == "close"
    assert "routerclose" not in room.names(alice.transport)
    assert list(room.router.transports) == [bob.transport.id]
    assert not bob.transport.consumers
    assert len(bob.transport.producers) == 1


def test_closing_a_producer_closes_its_consumers(room):
    alice, bob, producer, consumer = call(room)
    producer.close(now=room.now)
    room.settle()
    assert room.names(producer) == ["close"]
    assert room.names(consumer)[-2:] == ["producerclose", "close"]
    assert not alice.transport.producers
    assert not bob.transport.consumers


def test_closing_a_consumer_leaves_its_producer(room):
    _, bob, producer, consumer = call(room)
    consumer.close(now=room.now)
    room.settle()
    assert room.names(consumer)[-1] == "close"
    assert not bob.transport.consumers
    assert not producer.closed
    assert producer.dump()["consumerIds"] == []


def test_closing_twice_is_closing_once(room):
    alice, _, producer, consumer = call(room)
    for _ in range(2):
        consumer.close(now=room.now)
        producer.close(now=room.now)
        alice.transport.close(now=room.now)
        room.router.close(now=room.now)
        room.worker.close(now=room.now)
    room.settle()
    for one in (consumer, producer, alice.transport, room.router, room.worker):
        assert room.names(one).count("close") == 1


def test_what_is_closed_refuses(room):
    alice, bob, producer, consumer = call(room)
    room.router.close(now=room.now)
    for refused in (
        lambda: consumer.pause(now=room.now),
        lambda: consumer.resume(now=room.now),
        lambda: consumer.request_key_frame(now=room.now),
        lambda: consumer.set_priority(2, now=room.now),
        lambda: consumer.set_preferred_layers({"spatialLayer": 0}, now=room.now),
        lambda: consumer.get_stats(now=room.now),
        lambda: producer.pause(now=room.now),
        lambda: producer.resume(now=room.now),
        lambda: producer.get_stats(now=room.now),
        lambda: alice.produce(camera(0x9000, mid="9")),
        lambda: bob.consume(producer),
        lambda: alice.transport.restart_ice(now=room.now),
        lambda: alice.transport.connect({}, now=room.now),
        lambda: room.router.create_web_rtc_transport(now=room.now),
    ):
        with pytest.raises(InvalidState):
            refused()


def test_creating_and_closing_leaves_nothing_behind(room):
    for _ in range(20):
        alice, _, _producer, _consumer = call(room)
        alice.send(vp8(0x1000, 1, key=True), vp8(0x7777, 1))
        room.wait(seconds(2))
        for member in room.members:
            member.transport.close(now=room.now)
        room.settle()
        room.members.clear()
    context = room.worker._context
    for name in ("transports", "by_ufrag", "incoming", "consumers", "outgoing", "events"):
        assert not getattr(context, name), name
    assert len(context.timers) == 0
    assert room.worker.next_timeout() is None
    assert context.plane.counters().held == 0
    assert room.router.dump()["transportIds"] == []
    assert room.router.dump()["mapProducerIdConsumerIds"] == []


def test_totals_outlive_what_they_count(room):
    alice = room.join()
    alice.send(vp8(0x1000, 1))
    room.arrive((b"\x80\xc9" + bytes(30), alice.peer.path))
    before = room.worker.counters()
    assert before["drops"]["srtcp_auth_fail"] == 1
    alice.transport.close(now=room.now)
    after = room.worker.counters()
    assert after["drops"]["srtcp_auth_fail"] == 1
    assert after["datagrams"] == before["datagrams"]


# -- app data


def test_app_data_is_kept_as_it_is():
    room = Room()
    given = {"name": "Ada"}
    transport = room.router.create_web_rtc_transport(given, now=room.now)
    assert transport.app_data is given
    alice = room.join()
    producer = alice.produce(camera(), app_data=given)
    assert producer.app_data is given
    assert alice.consume(producer, app_data=given).app_data is given
    assert room.worker.create_router([], given).app_data is given
    assert room.router.app_data == {}


@pytest.mark.parametrize("wrong", ["text", 5, ["list"]])
def test_app_data_of_another_type_is_refused_as_mediasoup_does(room, wrong):
    alice, bob, producer, _ = call(room)
    for refused in (
        lambda: room.worker.create_router([], wrong),
        lambda: room.router.create_web_rtc_transport(wrong, now=room.now),
        lambda: alice.produce(microphone(), app_data=wrong),
        lambda: bob.consume(producer, app_data=wrong),
    ):
        with pytest.raises(InvalidParameters, match="if given, appData must be an object"):
            refused()
    assert len(alice.transport.producers) == len(bob.transport.consumers) == 1


# -- limits


def test_one_transport_more_than_allowed_is_refused():
    room = Room(settings=WorkerSettings(max_transports=3))
    for _ in range(3):
        room.router.create_web_rtc_transport(now=room.now)
    with pytest.raises(LimitExceeded, match="max_transports"):
        room.router.create_web_rtc_transport(now=room.now)
    next(iter(room.router.transports.values())).close(now=room.now)
    room.router.create_web_rtc_transport(now=room.now)


def test_one_handshake_more_than_allowed_is_refused():
    room = Room(settings=WorkerSettings(max_half_open_handshakes=2))
    for _ in range(2):
        room.join(connected=False).check()
    with pytest.raises(LimitExceeded, match="max_half_open_handshakes"):
        room.join()


def test_one_producer_more_than_allowed_is_refused():
    room = Room(settings=WorkerSettings(max_producers_per_transport=2))
    alice = room.join()
    for place in range(2):
        alice.produce(microphone(0x100 + place, mid=str(place)))
    with pytest.raises(LimitExceeded, match="max_producers_per_transport"):
        alice.produce(microphone(0x200, mid="9"))


def test_one_consumer_more_than_allowed_is_refused():
    room = Room(settings=WorkerSettings(max_consumers_per_transport=2))
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    for _ in range(2):
        bob.consume(producer)
    with pytest.raises(LimitExceeded, match="max_consumers_per_transport"):
        bob.consume(producer)


def test_one_ssrc_more_than_allowed_is_dropped_and_counted():
    room = Room(settings=WorkerSettings(plane=PlaneLimits(ssrcs_per_transport=3)))
    alice = room.join()
    alice.send(*(vp8(ssrc, 1) for ssrc in (1, 2, 3, 4)))
    assert room.worker.counters()["drops"] == {"ssrc_limit": 1}


# -- produce


@pytest.mark.parametrize("kind", ["screen", None, 5, ""])
def test_a_kind_that_is_none_is_refused(room, kind):
    alice = room.join()
    with pytest.raises(InvalidParameters, match="invalid kind"):
        alice.transport.produce(kind, producer_parameters(camera()), now=room.now)


def test_a_kind_that_the_codecs_are_not_of_is_refused(room):
    alice = room.join()
    with pytest.raises((InvalidParameters, UnsupportedError)):
        alice.transport.produce("audio", producer_parameters(camera()), now=room.now)
    assert not alice.transport.producers


def test_an_ssrc_that_is_another_producers_is_refused(room):
    alice = room.join()
    alice.produce(camera(0x1000, mid="0"))
    for spec in (camera(0x1000, mid="5"), camera(0x0FFF, mid="5"), camera(0x1001, mid="5", rtx=False)):
        with pytest.raises(InvalidParameters, match="already exists in RTP listener"):
            alice.produce(spec)
    assert len(alice.transport.producers) == 1
    alice.produce(camera(0x1002, mid="5"))


def test_an_ssrc_is_free_again_when_its_producer_is_closed(room):
    alice = room.join()
    alice.produce(camera()).close(now=room.now)
    alice.produce(camera())


def test_the_same_ssrc_twice_in_one_producer_is_refused(room):
    alice = room.join()
    parameters = producer_parameters(camera())
    parameters["encodings"][0]["rtx"]["ssrc"] = parameters["encodings"][0]["ssrc"]
    with pytest.raises(InvalidParameters, match="duplicate"):
        alice.transport.produce("video", parameters, now=room.now)
    assert not alice.transport.producers


def test_an_ssrc_that_another_producer_was_heard_with_is_refused(room):
    alice = room.join()
    parameters = producer_parameters(camera(mid="0"))
    parameters["encodings"] = [{}]
    alice.transport.produce("video", parameters, now=room.now)
    alice.send(vp8(0x4444, 1, elements={4: b"0"}))
    with pytest.raises(InvalidParameters, match="ssrc 17476 already exists"):
        alice.produce(camera(0x4444, mid="7"))


def test_a_mid_that_is_another_producers_is_refused(room):
    alice = room.join()
    alice.produce(camera(mid="0"))
    with pytest.raises(InvalidParameters, match="MID '0' already exists"):
        alice.produce(microphone(mid="0"))
    room.join().produce(microphone(mid="0"))


def test_a_codec_that_the_router_lacks_is_refused(room):
    alice = room.join()
    parameters = producer_parameters(camera(rtx=False))
    parameters["codecs"][0]["mimeType"] = "video/H264"
    with pytest.raises(UnsupportedError):
        alice.transport.produce("video", parameters, now=room.now)
    assert not alice.transport.producers


@pytest.mark.parametrize(
    "parameters", [None, {}, [], "x", {"codecs": []}, {"codecs": [{}], "encodings": [{}]}]
)
def test_parameters_of_the_wrong_form_are_refused(room, parameters):
    alice = room.join()
    with pytest.raises(InvalidParameters):
        alice.transport.produce("video", parameters, now=room.now)
    alice.produce(camera())


def test_all_producers_of_a_transport_have_the_first_ones_cname(room):
    alice = room.join()
    first, second = producer_parameters(camera()), producer_parameters(microphone())
    first["rtcp"] = {"cname": "alice"}
    second["rtcp"] = {"cname": "somebody"}
    one = alice.transport.produce("video", first, now=room.now)
    two = alice.transport.produce("audio", second, now=room.now)
    assert one.rtp_parameters["rtcp"]["cname"] == two.rtp_parameters["rtcp"]["cname"] == "alice"
    assert room.join().consume(two).rtp_parameters["rtcp"]["cname"] == "alice"


# -- consume


def test_a_consumer_has_its_own_ssrcs_and_mids(room):
    _, bob, producer, first = call(room)
    second = bob.consume(producer)
    assert first.rtp_parameters["mid"] == "0"
    assert second.rtp_parameters["mid"] == "1"
    ssrcs = {0x1000, 0x1001, first.ssrc, first.rtx_ssrc, second.ssrc, second.rtx_ssrc}
    assert len(ssrcs) == 6
    assert (first.kind, first.type, first.producer_id) == ("video", "simple", producer.id)


def test_a_producer_that_is_not_here_cannot_be_consumed(room):
    bob = room.join()
    capabilities = room.router.rtp_capabilities
    for producer_id in (None, 5, ""):
        with pytest.raises(InvalidParameters, match="missing producerId"):
            bob.transport.consume(producer_id, capabilities, now=room.now)
    with pytest.raises(NotFoundError, match='Producer with id "nobody" not found'):
        bob.transport.consume("nobody", capabilities, now=room.now)


def test_a_producer_of_another_router_is_not_here(room):
    alice = room.join()
    producer = alice.produce(camera())
    other = room.worker.create_router([])
    transport = other.create_web_rtc_transport(now=room.now)
    with pytest.raises(NotFoundError):
        transport.consume(producer.id, room.router.rtp_capabilities, now=room.now)
    assert not other.can_consume(producer.id, room.router.rtp_capabilities)


def test_capabilities_that_do_not_fit_cannot_consume(room):
    alice, bob, producer, _ = call(room)
    audio_only = {
        "codecs": [one for one in room.router.rtp_capabilities["codecs"] if one["kind"] == "audio"],
        "headerExtensions": [],
    }
    assert room.router.can_consume(producer.id, room.router.rtp_capabilities)
    assert not room.router.can_consume(producer.id, audio_only)
    with pytest.raises(UnsupportedError):
        bob.transport.consume(producer.id, audio_only, now=room.now)
    assert len(bob.transport.consumers) == 1
    assert alice.transport.producers


@pytest.mark.parametrize("producer_id", ["nobody", None, 5, [], {}])
def test_can_consume_says_no_to_what_is_not_here_and_never_raises(room, producer_id):
    assert room.router.can_consume(producer_id, room.router.rtp_capabilities) is False


@pytest.mark.parametrize("capabilities", [None, 5, "x", {"codecs": 7}, {"codecs": [{"kind": 1}]}])
def test_can_consume_says_no_to_broken_capabilities_as_mediasoup_does(room, capabilities):
    producer = room.join().produce(camera())
    assert room.router.can_consume(producer.id, capabilities) is False
    with pytest.raises(InvalidParameters):
        room.join().transport.consume(producer.id, capabilities, now=room.now)


@pytest.mark.parametrize("mid", ["", "a" * 33, "ä" * 17, 5, b"1"])
def test_a_mid_that_fits_no_packet_is_refused(room, mid):
    alice = room.join()
    producer = alice.produce(camera())
    with pytest.raises(InvalidParameters, match="mid must be a string"):
        alice.consume(producer, mid=mid)
    assert alice.consume(producer, mid="a" * 32).rtp_parameters["mid"] == "a" * 32


def test_priority_has_its_bounds(room):
    *_, consumer = call(room)
    consumer.set_priority(255, now=room.now)
    assert consumer.priority == 255
    for wrong in (0, 256, -1, "5", None, True, 1.5):
        with pytest.raises(InvalidParameters, match="priority"):
            consumer.set_priority(wrong, now=room.now)
    consumer.unset_priority(now=room.now)
    assert consumer.priority == 1


@pytest.mark.parametrize("bitrate", [-1, 2**32, 2**100, "5", None, 1.5])
def test_a_bitrate_limit_that_fits_no_packet_is_refused(room, bitrate):
    alice, *_ = call(room)
    with pytest.raises(InvalidParameters, match="bitrate"):
        alice.transport.set_max_incoming_bitrate(bitrate)
    alice.transport.set_max_incoming_bitrate(2**32 - 1)
    room.wait(seconds(3))


# -- events


def test_only_events_that_exist_can_be_listened_to(room):
    with pytest.raises(InvalidParameters, match="no event 'opened' of Router"):
        room.router.on("opened", print)
    room.router.off("close", print)


def test_listeners_are_called_in_order_until_they_go(room):
    calls: list[str] = []
    alice, _, producer, consumer = call(room)

    def once() -> None:
        calls.append("once")
        consumer.off("producerpause", once)

    consumer.on("producerpause", once)
    consumer.on("producerpause", lambda: calls.append("always"))
    for _ in range(2):
        producer.pause(now=room.now)
        producer.pause(now=room.now)
        room.settle()
        producer.resume(now=room.now)
        room.settle()
    assert calls == ["once", "always", "always"]
    assert alice


def test_a_listener_may_call_the_api(room):
    _, bob, producer, consumer = call(room)
    consumer.on("producerclose", lambda: bob.transport.close(now=room.now))
    producer.close(now=room.now)
    room.settle()
    assert bob.transport.closed


# -- names


RTP_STREAM = {
    "type", "timestamp", "ssrc", "kind", "mimeType", "packetsLost", "fractionLost", "jitter",
    "packetsDiscarded", "packetsRetransmitted", "packetsRepaired", "nackCount", "nackPacketCount", "pliCount",
    "firCount", "score", "packetCount", "byteCount", "bitrate",
}  # fmt: skip
RTP_STREAM_OPTIONAL = {"rtxSsrc", "rid", "roundTripTime", "rtxPacketsDiscarded"}
TRANSPORT = {
    "type", "transportId", "timestamp", "iceRole", "iceState", "dtlsState", "bytesReceived", "recvBitrate",
    "bytesSent", "sendBitrate", "rtpBytesReceived", "rtpRecvBitrate", "rtpBytesSent", "rtpSendBitrate",
    "rtxBytesReceived", "rtxBytesSent",
}  # fmt: skip
TRANSPORT_MORE = {
    "iceSelectedTuple", "rtxRecvBitrate", "rtxSendBitrate", "probationBytesSent", "probationSendBitrate",
    "availableOutgoingBitrate", "availableIncomingBitrate", "maxIncomingBitrate", "maxOutgoingBitrate",
    "minOutgoingBitrate", "rtpPacketLossReceived", "rtpPacketLossSent", "sctpState",
}  # fmt: skip


def test_stats_have_the_names_of_mediasoup_3_27(room):
    alice, bob, producer, consumer = call(room)
    alice.send(vp8(0x1000, 1, key=True), vp8(0x1000, 2))
    room.wait(seconds(2))
    [inbound] = producer.get_stats(now=room.now)
    outbound, of_producer = consumer.get_stats(now=room.now)
    assert inbound == of_producer
    assert (inbound["type"], outbound["type"]) == ("inbound-rtp", "outbound-rtp")
    assert (
        RTP_STREAM | {"bitrateByLayer"}
        <= set(inbound)
        <= RTP_STREAM | RTP_STREAM_OPTIONAL | {"bitrateByLayer"}
    )
    assert RTP_STREAM <= set(outbound) <= RTP_STREAM | RTP_STREAM_OPTIONAL
    for member in (alice, bob):
        [stat] = member.transport.get_stats(now=room.now)
        assert stat["type"] == "webrtc-transport"
        assert TRANSPORT <= set(stat) <= TRANSPORT | TRANSPORT_MORE
    assert None not in [*inbound.values(), *outbound.values(), *stat.values()]


def test_stats_tell_what_was_sent(room):
    alice, bob, producer, consumer = call(room)
    packets = [vp8(0x1000, number, key=number == 1) for number in (1, 2, 4)]
    alice.send(*packets)
    room.wait(seconds(1) // 2)
    [inbound] = producer.get_stats(now=room.now)
    [outbound, _] = consumer.get_stats(now=room.now)
    assert (inbound["ssrc"], inbound["rtxSsrc"], inbound["packetCount"]) == (0x1000, 0x1001, 3)
    assert inbound["packetsLost"] == 1
    assert inbound["byteCount"] == sum(len(one.serialize()) for one in packets)
    assert (outbound["ssrc"], outbound["packetCount"]) == (consumer.ssrc, 3)
    assert outbound["byteCount"] == sum(len(one.serialize()) for one in bob.rtp)
    [stat] = bob.transport.get_stats(now=room.now)
    assert stat["rtpBytesSent"] == outbound["byteCount"]


DUMPS = {
    "worker": {"routerIds"},
    "router": {"id", "transportIds", "mapProducerIdConsumerIds", "mapConsumerIdProducerId"},
    "transport": {
        "id", "producerIds", "consumerIds", "mapSsrcConsumerId", "mapRtxSsrcConsumerId", "rtpListener",
        "iceRole", "iceCandidates", "iceState", "iceSelectedTuple", "dtlsParameters", "dtlsState",
    },
    "producer": {
        "id", "kind", "type", "rtpParameters", "rtpMapping", "rtpStreams", "paused", "traceEventTypes",
    },
    "consumer": {"id", "producerId", "kind", "type", "rtpParameters", "paused", "producerPaused", "priority"},
}  # fmt: skip


def test_dumps_have_the_names_of_mediasoup_3_27(room):
    alice, bob, producer, consumer = call(room)
    found = {
        "worker": room.worker.dump(), "router": room.router.dump(), "transport": bob.transport.dump(),
        "producer": producer.dump(), "consumer": consumer.dump(),
    }  # fmt: skip
    for name, wanted in DUMPS.items():
        assert wanted <= set(found[name]), name
    assert found["router"]["mapProducerIdConsumerIds"] == [{"key": producer.id, "values": [consumer.id]}]
    assert found["router"]["mapConsumerIdProducerId"] == [{"key": consumer.id, "value": producer.id}]
    assert found["transport"]["mapSsrcConsumerId"] == [{"key": consumer.ssrc, "value": consumer.id}]
    assert set(found["transport"]["rtpListener"]) == {"ssrcTable", "midTable", "ridTable"}
    assert alice.transport.dump()["rtpListener"]["midTable"] == [{"key": "0", "value": producer.id}]


def test_no_dump_shows_a_secret(room):
    alice, *_ = call(room)
    shown = str([alice.transport.dump(), room.router.dump(), room.worker.dump()])
    assert alice.transport.ice_parameters["password"] not in shown
