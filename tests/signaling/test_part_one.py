"""The original application's client, with all its habits."""

from signaling.app import CallServer
from tests.signaling.clients import DTLS_PARAMETERS, Person, until
from tests.signaling.conftest import MeetPerson


async def into_the_call(person: Person) -> None:
    """What a part-1 client does after connection-success, up to its own two producers."""
    answer = await person.join("office")
    assert {"rtpCapabilities"} <= answer.keys()
    transport = await person.transport(consumer=False, room="office")
    assert {"id", "iceParameters", "iceCandidates", "dtlsParameters"} == transport.keys()
    connect = {"dtlsParameters": DTLS_PARAMETERS, "transportId": transport["id"]}
    assert await person.ask("transport-connect", connect) == {"connected": True}
    for kind in ("audio", "video"):
        produced = await person.produce(kind)
        if produced["producersExist"]:
            await person.ask("getProducers")


async def test_the_first_to_come_hears_that_nobody_else_produces(meet: MeetPerson) -> None:
    ann = await meet()
    await into_the_call(ann)
    assert await ann.ask("getProducers") == []
    assert "new-producer" not in await ann.settled(), "own producers are not announced"


async def test_three_people_hear_and_see_one_another(meet: MeetPerson, server: CallServer) -> None:
    people = [await meet() for _ in range(3)]
    for person in people:
        await into_the_call(person)
    for person in people:
        producers = await person.ask("getProducers")
        assert len(producers) == 4
        for producer_id in producers:
            consumed = await person.consume(producer_id)
            assert consumed["producerId"] == producer_id
            assert consumed["kind"] in ("audio", "video")
            assert consumed["id"] == consumed["serverConsumerId"]
            assert consumed["rtpParameters"]["codecs"]
        await person.settled()
    room = server.rooms.get("office")
    assert room is not None
    for peer in room.peers.values():
        assert len(peer.transports) == 5
        assert [consumer.paused for consumer in peer.consumers.values()] == [False] * 4


async def test_a_new_producer_is_announced_to_the_others_only(meet: MeetPerson) -> None:
    ann, bob, eve = await meet(), await meet(), await meet()
    await into_the_call(ann)
    await bob.join("office")
    await eve.join("elsewhere")
    await ann.transport(consumer=False)
    produced = await ann.produce()
    assert produced["producersExist"] is False
    push = await bob.push("new-producer", producerId=produced["id"])
    assert push["kind"] == "audio" and push["paused"] is False and push["peerId"] == ann.answer["peerId"]
    assert "new-producer" not in await ann.settled()
    assert "new-producer" not in await eve.settled()


async def test_leaving_is_only_a_disconnect(meet: MeetPerson, server: CallServer) -> None:
    ann, bob = await meet(), await meet()
    await into_the_call(ann)
    await into_the_call(bob)
    producers = await bob.ask("getProducers")
    await bob.consume(producers[0])
    await ann.vanish()
    assert (await bob.push("producer-closed"))["remoteProducerId"] == producers[0]
    await bob.push("peer-left", peerId=ann.answer["peerId"])
    assert "producer-closed" not in await bob.settled(), "it crashes over ids that it does not consume"
    assert server.rooms.peers == 1
    await bob.leave()
    await until(lambda: not server.rooms)
    assert len(server.rooms) == 0, "a room is closed with its last peer"
    assert not server.driver.worker.routers


async def test_consume_wraps_its_refusals_in_params(meet: MeetPerson) -> None:
    ann = await meet()
    await into_the_call(ann)
    transport = await ann.transport(consumer=True)
    answer = await ann.ask(
        "consume",
        {
            "rtpCapabilities": ann.answer["rtpCapabilities"],
            "remoteProducerId": "nobody's",
            "serverConsumerTransportId": transport["id"],
        },
    )
    assert answer == {"params": {"error": "no such producer", "code": "not_found"}}


async def test_a_client_that_cannot_decode_is_told_so(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    await into_the_call(ann)
    await bob.join("office")
    transport = await bob.transport(consumer=True)
    answer = await bob.ask(
        "consume",
        {
            "rtpCapabilities": {"codecs": [], "headerExtensions": []},
            "remoteProducerId": (await bob.ask("getProducers"))[0],
            "serverConsumerTransportId": transport["id"],
        },
    )
    assert answer["params"]["code"] == "unsupported"


async def test_refusals_of_part_one_are_text_with_a_code_beside(meet: MeetPerson) -> None:
    ann = await meet()
    assert await ann.ask("joinRoom", {}) == {"error": "roomName: Field required", "code": "bad_request"}
    assert (await ann.ask("createWebRtcTransport", {"consumer": True}))["params"]["code"] == "invalid_state"
    await ann.join()
    connect = {"dtlsParameters": DTLS_PARAMETERS, "transportId": "x"}
    assert await ann.ask("transport-connect", connect) == {"error": "no such transport", "code": "not_found"}


async def test_joining_twice_gives_the_same_peer_again(meet: MeetPerson, server: CallServer) -> None:
    ann = await meet()
    first = await ann.join("office")
    again = await ann.join("office")
    assert again["peerId"] == first["peerId"] and server.rooms.peers == 1
    refused = await ann.ask("joinRoom", {"roomName": "elsewhere"})
    assert refused["code"] == "invalid_state"


async def test_the_router_offers_the_codecs_that_browsers_have(meet: MeetPerson) -> None:
    codecs = (await (await meet()).join())["rtpCapabilities"]["codecs"]
    assert [codec["mimeType"] for codec in codecs if "rtx" not in codec["mimeType"]] == [
        "audio/opus",
        "video/VP8",
        "video/VP9",
        "video/H264",
        "video/AV1",
    ]
