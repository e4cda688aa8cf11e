"""Raised hands, reactions, and who is away for a moment."""

from datetime import datetime

import pytest

from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson, StartServer


async def two_people(meet: MeetPerson) -> tuple[Person, Person]:
    ann, bob = await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    return ann, bob


async def test_a_raised_hand_is_told_with_its_time_and_to_those_who_come_later(meet: MeetPerson) -> None:
    ann, bob = await two_people(meet)
    assert await ann.ask("raise-hand", {"raised": True}) == {}
    raised = (await bob.push("peer-updated"))["peer"]["handRaisedAt"]
    assert datetime.fromisoformat(raised).tzinfo is not None
    assert await ann.ask("raise-hand", {"raised": True}) == {}
    assert "peer-updated" not in await bob.settled(), "raising it again does not cost the place in the queue"
    assert (await (await meet()).join())["peers"][0]["handRaisedAt"] == raised
    assert await ann.ask("raise-hand", {"raised": False}) == {}
    assert "handRaisedAt" not in (await bob.push("peer-updated"))["peer"]


async def test_a_reaction_reaches_the_others_and_is_kept_nowhere(meet: MeetPerson) -> None:
    ann, bob = await two_people(meet)
    assert await ann.ask("react", {"reaction": "heart"}) == {}
    assert await bob.push("reaction") == {"peerId": ann.answer["peerId"], "reaction": "heart"}
    assert "reaction" not in await ann.settled(), "the sender knows"
    late = await meet()
    await late.join()
    assert "reaction" not in await late.settled()


@pytest.mark.parametrize("typed", ["<b>", "💥", "", "HEART"])
async def test_a_reaction_is_one_of_the_list(meet: MeetPerson, typed: str) -> None:
    ann, bob = await two_people(meet)
    refused = await ann.ask("react", {"reaction": typed})
    assert refused["error"]["code"] == "bad_request" and "reaction" in refused["error"]["message"]
    assert "reaction" not in await bob.settled()


async def test_reactions_have_a_rate(start: StartServer, meet: MeetPerson) -> None:
    server = await start(limits={"reactions_per_second": 0.01, "reaction_burst": 3})
    ann = await meet(server)
    await ann.join()
    for _ in range(3):
        assert await ann.ask("react", {"reaction": "clap"}) == {}
    refused = await ann.ask("react", {"reaction": "clap"})
    assert refused["error"]["code"] == "limit_exceeded"
    assert "reactions_per_second (0.01)" in refused["error"]["message"]
    assert await ann.ask("chat-send", {"text": "the rest goes on"})


@pytest.mark.parametrize(
    ("event", "payload"), [("raise-hand", {"raised": True}), ("react", {"reaction": "heart"})]
)
async def test_nobody_talks_without_being_in_a_room(
    meet: MeetPerson, event: str, payload: dict[str, object]
) -> None:
    refused = await (await meet()).ask(event, payload)
    assert refused["error"]["code"] == "invalid_state"


async def test_the_others_see_who_is_reconnecting_and_who_is_back(meet: MeetPerson) -> None:
    ann, bob = await two_people(meet)
    await ann.ask("raise-hand", {"raised": True})
    await bob.push("peer-updated")
    await ann.vanish()
    assert (await bob.push("peer-updated"))["peer"]["reconnecting"] is True
    assert (await (await meet()).join())["peers"][0]["reconnecting"] is True
    back = await meet()
    await back.join(resumeToken=ann.answer["resumeToken"])
    peer = (await bob.push("peer-updated"))["peer"]
    assert peer["id"] == ann.answer["peerId"]
    assert "reconnecting" not in peer and "handRaisedAt" in peer, "the hand is still up"


async def test_the_sound_of_a_shared_tab_does_not_take_the_floor(
    start: StartServer, meet: MeetPerson
) -> None:
    server = await start()
    made = []
    for source in ("microphone", "screen-audio"):
        person = await meet(server)
        await person.join()
        await person.transport(consumer=False)
        made.append((await person.produce("audio", appData={"source": source}))["id"])
    room = server.rooms.get("r")
    assert room is not None
    heard = [entry["key"] for entry in room.router.dump()["mapProducerIdObserverIds"] if entry["values"]]
    assert heard == made[:1]
