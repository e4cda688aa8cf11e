"""What the complete application adds: names, chat, pausing, layers, statistics."""

from datetime import datetime

import pytest

from signaling.app import CallServer
from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson, StartServer


async def two_in_a_call(meet: MeetPerson) -> tuple[Person, Person, str, dict[str, object]]:
    """Ann publishes a camera, Bob consumes it: both, the producer's id, Bob's consumer."""
    ann, bob = await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    await ann.transport(consumer=False)
    produced = await ann.produce("video", appData={"source": "screen"})
    return ann, bob, produced["id"], await bob.consume(produced["id"])


async def test_join_answers_who_is_there_and_what_they_publish(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join(displayName="Ann", appData={"colour": "red"})
    transport = await ann.transport(consumer=False)
    produced = await ann.produce("video", appData={"source": "camera"}, transportId=transport["id"])
    answer = await (await meet()).join(displayName="Bob")
    assert answer["peers"] == [
        {
            "id": ann.answer["peerId"],
            "displayName": "Ann",
            "appData": {"colour": "red"},
            "producers": [
                {"id": produced["id"], "kind": "video", "paused": False, "appData": {"source": "camera"}}
            ],
        }
    ]
    assert answer["resumeToken"] and answer["iceServers"] == []
    assert answer["limits"]["chatLength"] == 2000
    assert answer["peerId"] != ann.answer["peerId"]


async def test_the_others_hear_who_comes_changes_name_and_goes(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    await ann.join()
    await bob.join(displayName="Bob", appData={"a": 1})
    peer = {"id": bob.answer["peerId"], "displayName": "Bob", "appData": {"a": 1}}
    assert await ann.push("peer-joined") == {"peer": peer}
    assert await bob.ask("set-display-name", {"displayName": "  Robert "}) == {}
    assert (await ann.push("peer-updated"))["peer"]["displayName"] == "Robert"
    assert await bob.ask("leaveRoom") == {}
    assert await ann.push("peer-left") == {"peerId": bob.answer["peerId"]}
    assert await bob.ask("leaveRoom") == {}, "twice is fine"
    await bob.join()


async def test_somebody_without_a_name_is_a_guest(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    await ann.join()
    assert (await bob.join())["peers"][0]["displayName"] == "Guest"


async def test_consume_answers_what_a_tile_needs(meet: MeetPerson) -> None:
    _, _, _, consumer = await two_in_a_call(meet)
    assert consumer["type"] == "simulcast"
    assert consumer["producerPaused"] is False
    assert consumer["appData"] == {"source": "screen"}
    assert consumer["score"]


async def test_pausing_a_producer_is_told_to_the_others(meet: MeetPerson) -> None:
    ann, bob, producer_id, _ = await two_in_a_call(meet)
    about = {"producerId": producer_id, "peerId": ann.answer["peerId"]}
    assert await ann.ask("producer-pause", {"producerId": producer_id}) == {}
    assert await bob.push("producer-paused") == about
    eve = await meet()
    assert (await eve.join())["peers"][0]["producers"][0]["paused"] is True
    assert await ann.ask("producer-resume", {"producerId": producer_id}) == {}
    assert await bob.push("producer-resumed") == about


async def test_closing_a_producer_ends_its_consumers(meet: MeetPerson) -> None:
    ann, bob, producer_id, consumer = await two_in_a_call(meet)
    assert await ann.ask("producer-close", {"producerId": producer_id}) == {}
    assert (await bob.push("producer-closed"))["remoteProducerId"] == producer_id
    assert await bob.push("consumer-closed") == {"consumerId": consumer["id"]}
    again = await ann.ask("producer-close", {"producerId": producer_id})
    assert again["error"]["code"] == "not_found"


async def test_a_part_two_client_hears_of_ended_producers_that_it_does_not_consume(meet: MeetPerson) -> None:
    ann, _, producer_id, _ = await two_in_a_call(meet)
    eve = await meet()
    await eve.join(displayName="Eve")
    await ann.ask("producer-close", {"producerId": producer_id})
    await eve.push("producer-closed", remoteProducerId=producer_id)


async def test_consumers_are_paused_resumed_tuned_and_closed(meet: MeetPerson, server: CallServer) -> None:
    _, bob, _, made = await two_in_a_call(meet)
    room = server.rooms.get("r")
    assert room is not None
    owner = room.peers[bob.answer["peerId"]]
    consumer = owner.consumers[str(made["id"])]
    its = {"consumerId": made["id"]}
    await bob.settled()
    assert consumer.paused is False
    assert await bob.ask("consumer-pause", its) == {} and consumer.paused is True
    assert await bob.ask("consumer-resume", its) == {} and consumer.paused is False
    layers = {**its, "spatialLayer": 1, "temporalLayer": 0}
    assert await bob.ask("consumer-set-preferred-layers", layers) == {}
    assert consumer.preferred_layers == {"spatialLayer": 1, "temporalLayer": 0}
    assert await bob.ask("consumer-set-priority", {**its, "priority": 200}) == {}
    assert consumer.priority == 200
    assert await bob.ask("consumer-request-key-frame", its) == {}
    assert await bob.ask("consumer-close", its) == {}
    assert consumer.closed and not owner.consumers
    assert "consumer-closed" not in await bob.settled(), "it asked for it"


async def test_ice_restarts_give_new_credentials(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join()
    transport = await ann.transport(consumer=False)
    answer = await ann.ask("restart-ice", {"transportId": transport["id"]})
    assert answer["iceParameters"].keys() == transport["iceParameters"].keys()
    assert answer["iceParameters"] != transport["iceParameters"]


async def test_statistics_of_each_kind_of_object(meet: MeetPerson) -> None:
    ann, bob, producer_id, consumer = await two_in_a_call(meet)
    of_all = (await ann.ask("get-stats"))["stats"]
    assert [entry["type"] for entry in of_all] == ["webrtc-transport"]
    assert isinstance((await ann.ask("get-stats", {"producerId": producer_id}))["stats"], list)
    assert (await bob.ask("get-stats", {"consumerId": consumer["id"]}))["stats"]
    refused = await ann.ask("get-stats", {"consumerId": consumer["id"]})
    assert refused["error"]["code"] == "not_found"


async def test_chat_reaches_everybody_and_waits_for_those_who_come_later(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    text = "<b>hello</b>\n\u05e9\u05dc\u05d5\u05dd"
    answer = await ann.ask("chat-send", {"text": text})
    for person in (ann, bob):
        message = await person.push("chat-message")
        assert message == answer["message"]
        assert (message["peerId"], message["displayName"]) == (ann.answer["peerId"], "Ann")
        assert message["text"] == text, "text is text: whoever shows it must not make HTML of it"
        assert datetime.fromisoformat(message["time"]).tzinfo is not None
    assert (await (await meet()).join())["chat"] == [answer["message"]]


async def test_only_the_last_messages_are_kept(start: StartServer, meet: MeetPerson) -> None:
    server = await start(limits={"chat_history": 2})
    ann = await meet(server)
    await ann.join()
    for number in range(4):
        await ann.ask("chat-send", {"text": str(number)})
    answer = await (await meet(server)).join()
    assert [message["text"] for message in answer["chat"]] == ["2", "3"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"peers_per_room": 1}, "room_full"),
        ({"rooms": 1}, "limit_exceeded"),
    ],
)
async def test_full_rooms_and_a_full_house_refuse(
    start: StartServer, meet: MeetPerson, limits: dict[str, int], code: str
) -> None:
    server = await start(limits=limits)
    await (await meet(server)).join("first")
    room = "first" if code == "room_full" else "second"
    refused = await (await meet(server)).ask("joinRoom", {"roomName": room})
    assert refused["code"] == code and "1" in refused["error"]


async def test_each_limit_of_a_peer_refuses_by_name(start: StartServer, meet: MeetPerson) -> None:
    limits = {"transports_per_peer": 2, "producers_per_peer": 1, "consumers_per_peer": 1}
    server = await start(limits=limits)
    ann, bob = await meet(server), await meet(server)
    await ann.join()
    await bob.join()
    await ann.transport(consumer=False)
    produced = await ann.produce()
    second = await ann.ask("transport-produce", {"kind": "audio", "rtpParameters": {}, "appData": {}})
    assert second["code"] == "limit_exceeded" and "producers_per_peer" in second["error"]
    consumer = await bob.consume(produced["id"])
    consume = {
        "rtpCapabilities": bob.answer["rtpCapabilities"],
        "remoteProducerId": produced["id"],
        "serverConsumerTransportId": consumer["transportId"],
    }
    refused = await bob.ask("consume", consume)
    assert "consumers_per_peer" in refused["params"]["error"]
    await bob.transport(consumer=True)
    refused = await bob.ask("createWebRtcTransport", {"consumer": True})
    assert "transports_per_peer" in refused["params"]["error"]


async def test_ending_the_server_tells_everybody(start: StartServer, meet: MeetPerson) -> None:
    server = await start()
    ann = await meet(server)
    await ann.join()
    await server.stop()
    assert (await ann.push("room-closed"))["reason"] == "shutdown"
    await ann.gone.wait()
    assert not server.rooms
