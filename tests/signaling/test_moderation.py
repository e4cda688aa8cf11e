"""Whoever may moderate locks the room, mutes and removes; nobody else does."""

import time
from typing import Any

import pytest

from signaling.app import CallServer
from signaling.tokens import Grants, make_token
from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson, StartServer

SECRET = "a secret of the tests of thirty-two or more"


def token(name: str, *, moderate: bool = False, room: str = "r") -> str:
    expires_at = int(time.time()) + 60
    return make_token(SECRET, room, expires_at=expires_at, name=name, grants=Grants(moderate=moderate))


@pytest.fixture
async def house(start: StartServer) -> CallServer:
    return await start(token_secrets=SECRET)


async def enter(meet: MeetPerson, house: CallServer, name: str, **more: Any) -> Person:
    person = await meet(house)
    await person.join(more.get("room", "r"), token=token(name, **more))
    return person


ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("room-lock", {"locked": True}),
    ("peer-mute", {"producerId": "x"}),
    ("peer-remove", {"peerId": "x"}),
]


@pytest.mark.parametrize(("event", "payload"), ACTIONS)
async def test_only_moderators_may(
    house: CallServer, meet: MeetPerson, event: str, payload: dict[str, Any]
) -> None:
    ann = await enter(meet, house, "Ann")
    assert (await ann.ask(event, payload))["error"]["code"] == "forbidden"


@pytest.mark.parametrize(("event", "payload"), ACTIONS)
async def test_on_an_open_server_nobody_may(meet: MeetPerson, event: str, payload: dict[str, Any]) -> None:
    ann = await meet()
    await ann.join(displayName="Ann")
    assert (await ann.ask(event, payload))["error"]["code"] == "forbidden"


async def test_a_locked_room_admits_moderators_and_those_who_come_back(
    house: CallServer, meet: MeetPerson
) -> None:
    ann = await enter(meet, house, "Ann", moderate=True)
    bob = await enter(meet, house, "Bob")
    assert ann.answer["locked"] is False
    assert await ann.ask("room-lock", {"locked": True}) == {}
    assert await bob.push("room-updated") == {"locked": True}
    eve = await meet(house)
    refused = await eve.ask("joinRoom", {"roomName": "r", "token": token("Eve")})
    assert refused == {"error": "the room is locked", "code": "room_locked"}
    other = await enter(meet, house, "Mod", moderate=True)
    assert other.answer["locked"] is True
    await bob.vanish()
    back = await meet(house)
    await back.join(resumeToken=bob.answer["resumeToken"])
    assert await ann.ask("room-lock", {"locked": False}) == {}
    await eve.join(token=token("Eve"))


async def test_who_is_muted_is_told_and_may_go_on(house: CallServer, meet: MeetPerson) -> None:
    ann = await enter(meet, house, "Ann", moderate=True)
    bob, eve = await enter(meet, house, "Bob"), await enter(meet, house, "Eve")
    await bob.transport(consumer=False)
    producer_id = (await bob.produce())["id"]
    assert await ann.ask("peer-mute", {"producerId": producer_id}) == {}
    assert await bob.push("producer-muted") == {"producerId": producer_id}
    await eve.push("producer-paused", producerId=producer_id)
    room = house.rooms.get("r")
    assert room is not None and room.peers[bob.answer["peerId"]].producers[producer_id].paused
    assert await bob.ask("producer-resume", {"producerId": producer_id}) == {}
    await eve.push("producer-resumed", producerId=producer_id)


async def test_who_is_removed_is_out_and_stays_out(house: CallServer, meet: MeetPerson) -> None:
    ann = await enter(meet, house, "Ann", moderate=True)
    bob = await meet(house)
    ticket = token("Bob")
    await bob.join(token=ticket)
    assert await ann.ask("peer-remove", {"peerId": bob.answer["peerId"]}) == {}
    assert await bob.push("room-closed") == {"reason": "removed"}
    await bob.gone.wait()
    await ann.push("peer-left", peerId=bob.answer["peerId"])
    again = await meet(house)
    resumed = await again.ask("joinRoom", {"roomName": "r", "resumeToken": bob.answer["resumeToken"]})
    assert resumed["code"] == "token_invalid", "there is no resume window"
    refused = await again.ask("joinRoom", {"roomName": "r", "token": ticket})
    assert refused["code"] == "forbidden"
    await again.join(token=token("Bob again"))


async def test_somebody_in_the_resume_window_can_be_removed(house: CallServer, meet: MeetPerson) -> None:
    ann, bob = await enter(meet, house, "Ann", moderate=True), await enter(meet, house, "Bob")
    await bob.vanish()
    await ann.push("peer-updated")
    assert await ann.ask("peer-remove", {"peerId": bob.answer["peerId"]}) == {}
    await ann.push("peer-left", peerId=bob.answer["peerId"])
    assert house.rooms.peers == 1


async def test_a_moderator_who_removes_herself_has_left(house: CallServer, meet: MeetPerson) -> None:
    ann = await enter(meet, house, "Ann", moderate=True)
    await ann.ask("peer-remove", {"peerId": ann.answer["peerId"]})
    assert not house.rooms


async def test_people_of_other_rooms_are_out_of_reach(house: CallServer, meet: MeetPerson) -> None:
    ann = await enter(meet, house, "Ann", moderate=True)
    eve = await enter(meet, house, "Eve", room="other")
    await eve.transport(consumer=False)
    producer_id = (await eve.produce())["id"]
    for event, theirs, nobodys in (
        ("peer-remove", {"peerId": eve.answer["peerId"]}, {"peerId": "a" * 16}),
        ("peer-mute", {"producerId": producer_id}, {"producerId": "a" * 36}),
    ):
        answer = await ann.ask(event, theirs)
        assert answer == await ann.ask(event, nobodys)
        assert answer["error"]["code"] == "not_found"
