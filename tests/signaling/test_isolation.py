"""Authorisation is by membership: the matrix of every request that carries an id, and whose id it is."""

from typing import Any

import pytest

from tests.signaling.clients import DTLS_PARAMETERS, Person
from tests.signaling.conftest import MeetPerson

Ids = dict[str, str]

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("transport-connect", "transportId", {"dtlsParameters": DTLS_PARAMETERS}),
    ("transport-recv-connect", "serverConsumerTransportId", {"dtlsParameters": DTLS_PARAMETERS}),
    ("transport-produce", "transportId", {"kind": "audio", "rtpParameters": {}, "appData": {}}),
    ("consume", "serverConsumerTransportId", {"rtpCapabilities": {}, "remoteProducerId": "p"}),
    ("restart-ice", "transportId", {}),
    ("get-stats", "transportId", {}),
    ("get-stats", "producerId", {}),
    ("get-stats", "consumerId", {}),
    ("producer-pause", "producerId", {}),
    ("producer-resume", "producerId", {}),
    ("producer-close", "producerId", {}),
    ("consumer-resume", "serverConsumerId", {}),
    ("consumer-pause", "consumerId", {}),
    ("consumer-close", "consumerId", {}),
    ("consumer-request-key-frame", "consumerId", {}),
    ("consumer-set-priority", "consumerId", {"priority": 1}),
    ("consumer-set-shown-size", "consumerId", {"width": 320, "height": 180}),
    ("consumer-set-preferred-layers", "consumerId", {"spatialLayer": 0}),
]


async def equipped(person: Person, room: str, other: Person) -> Ids:
    """Puts both into the room, and gives the ids of a transport, a producer and a consumer of ``person``."""
    await person.join(room)
    await other.join(room)
    transport = await person.transport(consumer=False)
    await other.transport(consumer=False)
    producer = (await person.produce())["id"]
    consumer = await person.consume((await other.produce())["id"])
    return {"transport": transport["id"], "producer": producer, "consumer": consumer["id"]}


def kind_of(field: str) -> str:
    """Which kind of object a field names."""
    if "Transport" in field or field == "transportId":
        return "transport"
    return "producer" if "producer" in field.lower() else "consumer"


def without_shape(answer: Any) -> Any:
    return answer.get("params", answer)


async def test_ids_of_others_are_answered_like_ids_that_do_not_exist(meet: MeetPerson) -> None:
    ann, bob, eve, mallory = [await meet() for _ in range(4)]
    in_ann_s_room = await equipped(ann, "r", bob)
    in_other_room = await equipped(eve, "other", mallory)
    for event, field, rest in REQUESTS:
        kind = kind_of(field)
        wrong = {"same room": in_ann_s_room, "other room": in_other_room, "nobody": {kind: "a" * 36}}
        answers = {whose: await bob.ask(event, {**rest, field: ids[kind]}) for whose, ids in wrong.items()}
        assert "not_found" in str(answers["nobody"]), (event, answers)
        assert answers["same room"] == answers["nobody"], event
        assert answers["other room"] == answers["nobody"], event
    ids = in_ann_s_room
    for event, field in (("producer-pause", "producer"), ("consumer-pause", "consumer")):
        assert await ann.ask(event, {f"{field}Id": ids[field]}) == {}, "her own things are untouched and hers"


async def test_producers_of_another_room_do_not_exist(meet: MeetPerson) -> None:
    ann, eve = await meet(), await meet()
    await ann.join("r")
    await eve.join("other")
    await eve.transport(consumer=False)
    producer_id = (await eve.produce())["id"]
    transport = await ann.transport(consumer=True)
    consume = {
        "rtpCapabilities": ann.answer["rtpCapabilities"],
        "serverConsumerTransportId": transport["id"],
    }
    theirs = await ann.ask("consume", {**consume, "remoteProducerId": producer_id})
    nobodys = await ann.ask("consume", {**consume, "remoteProducerId": "a" * 36})
    assert theirs == nobodys and theirs["params"]["code"] == "not_found"
    assert await ann.ask("getProducers") == []


async def test_a_peer_does_not_consume_itself(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join()
    await ann.transport(consumer=False)
    producer_id = (await ann.produce())["id"]
    transport = await ann.transport(consumer=True)
    consume = {
        "rtpCapabilities": ann.answer["rtpCapabilities"],
        "serverConsumerTransportId": transport["id"],
        "remoteProducerId": producer_id,
    }
    assert (await ann.ask("consume", consume))["params"]["code"] == "invalid_state"


async def test_naming_another_room_for_a_transport_finds_nothing(meet: MeetPerson) -> None:
    ann, eve = await meet(), await meet()
    await ann.join("r")
    await eve.join("other")
    payload = {"consumer": False, "roomName": "other"}
    assert (await ann.ask("createWebRtcTransport", payload))["params"]["code"] == "not_found"
    assert (await ann.ask("createWebRtcTransport", {**payload, "roomName": "nowhere"})) == (
        await ann.ask("createWebRtcTransport", payload)
    )


@pytest.mark.parametrize(("event", "field", "rest"), REQUESTS)
async def test_nothing_works_before_joining(
    meet: MeetPerson, event: str, field: str, rest: dict[str, Any]
) -> None:
    answer = await (await meet()).ask(event, {**rest, field: "x"})
    assert "invalid_state" in str(answer)


async def test_connecting_a_transport_twice_is_refused(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join()
    await ann.transport(consumer=False)
    assert await ann.ask("transport-connect", {"dtlsParameters": DTLS_PARAMETERS}) == {"connected": True}
    answer = await ann.ask("transport-connect", {"dtlsParameters": DTLS_PARAMETERS})
    assert without_shape(answer)["code"] == "invalid_state"
