"""Losing the socket does not lose the call, and nobody else gets it."""

from signaling.app import CallServer
from tests.signaling.clients import Person, until
from tests.signaling.conftest import MeetPerson, StartServer


async def publishing(person: Person, **join: object) -> str:
    await person.join(displayName="Ann", **join)
    await person.transport(consumer=False)
    produced: str = (await person.produce())["id"]
    return produced


async def test_a_new_socket_takes_the_peer_over_with_all_it_has(meet: MeetPerson, server: CallServer) -> None:
    ann, bob = await meet(), await meet()
    producer_id = await publishing(ann)
    await bob.join(displayName="Bob")
    await ann.vanish()
    room = server.rooms.get("r")
    assert room is not None and len(room.peers) == 2, "the others still see her"
    back = await meet()
    answer = await back.join(resumeToken=ann.answer["resumeToken"], displayName="Ann")
    assert answer["peerId"] == ann.answer["peerId"]
    assert answer["resumed"]["producers"] == [{"id": producer_id, "paused": False}]
    assert len(answer["resumed"]["transports"]) == 1
    assert [peer["displayName"] for peer in answer["peers"]] == ["Bob"]
    assert await back.ask("producer-pause", {"producerId": producer_id}) == {}
    await bob.push("producer-paused", producerId=producer_id)
    assert "peer-left" not in await bob.settled()
    assert await bob.ask("getProducers") == [producer_id]


async def test_the_token_is_good_once_and_in_its_room_only(meet: MeetPerson) -> None:
    ann, eve = await meet(), await meet()
    await publishing(ann)
    token = ann.answer["resumeToken"]
    await eve.join("other", displayName="Eve")
    await eve.ask("leaveRoom")
    for room in ("other", "nowhere"):
        refused = await eve.ask("joinRoom", {"roomName": room, "resumeToken": token})
        assert refused["code"] == "token_invalid"
    await ann.vanish()
    back = await meet()
    fresh = (await back.join(resumeToken=token))["resumeToken"]
    assert fresh != token
    await back.ask("getProducers")
    refused = await eve.ask("joinRoom", {"roomName": "r", "resumeToken": token})
    assert refused == {"error": "the resume token is not valid", "code": "token_invalid"}
    stolen_id = await eve.ask("joinRoom", {"roomName": "r", "resumeToken": ann.answer["peerId"]})
    assert stolen_id["code"] == "token_invalid", "a peer's public id is no token"


async def test_a_line_that_takes_the_answer_with_it_does_not_cost_the_place(
    meet: MeetPerson,
) -> None:
    ann = await meet()
    await publishing(ann)
    token = ann.answer["resumeToken"]
    await ann.vanish()
    lost = await meet()
    await lost.join(resumeToken=token)  # as far as Ann knows, this answer never came
    await lost.vanish()
    back = await meet()
    answer = await back.join(resumeToken=token)
    assert answer["peerId"] == ann.answer["peerId"]


async def test_the_older_socket_is_told_and_disconnected(meet: MeetPerson, server: CallServer) -> None:
    ann = await meet()
    producer_id = await publishing(ann)
    second_tab = await meet()
    await second_tab.join(resumeToken=ann.answer["resumeToken"])
    assert await ann.push("room-closed") == {"reason": "replaced"}
    await ann.gone.wait()
    assert server.rooms.peers == 1
    assert await second_tab.ask("producer-close", {"producerId": producer_id}) == {}


async def test_after_the_window_the_peer_is_gone(start: StartServer, meet: MeetPerson) -> None:
    server = await start(resume_window_s=0.05)
    ann, bob = await meet(server), await meet(server)
    await publishing(ann)
    await bob.join(displayName="Bob")
    await ann.vanish()
    await bob.push("peer-left", peerId=ann.answer["peerId"])
    refused = await bob.ask("joinRoom", {"roomName": "r", "resumeToken": ann.answer["resumeToken"]})
    assert "error" not in refused, "already in the room: the same answer again"
    late = await meet(server)
    refused = await late.ask("joinRoom", {"roomName": "r", "resumeToken": ann.answer["resumeToken"]})
    assert refused["code"] == "token_invalid"


async def test_saying_goodbye_leaves_at_once(meet: MeetPerson, server: CallServer) -> None:
    ann = await meet()
    await publishing(ann)
    await ann.leave()
    await until(lambda: not server.rooms)


async def test_a_part_one_client_leaves_with_its_socket(meet: MeetPerson, server: CallServer) -> None:
    ann = await meet()
    await ann.join()
    await ann.vanish()
    await until(lambda: not server.rooms)


async def test_what_ended_meanwhile_is_missing_from_the_answer(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    producer_id = await publishing(ann)
    await bob.join(displayName="Bob")
    await bob.consume(producer_id)
    await bob.settled()
    await bob.vanish()
    await ann.ask("producer-close", {"producerId": producer_id})
    answer = await (await meet()).join(resumeToken=bob.answer["resumeToken"])
    assert answer["resumed"]["consumers"] == []
    assert answer["peers"][0]["producers"] == []
