"""A call between two aiortc clients over the SFU: what is encoded at one end is decoded at the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from signaling.app import CallServer
from tests.interop.aiortc_peer import PICTURE, AiortcReceiver, AiortcSender
from tests.interop.sdp_bridge import receiving_capabilities
from tests.interop.studio import Studio
from tests.signaling.clients import Person


def assert_shows_the_picture(pictures: list[tuple[int, int, int]]) -> None:
    for seen in pictures:
        assert all(abs(a - b) <= 6 for a, b in zip(seen, PICTURE, strict=True)), seen


@pytest.mark.parametrize("video", ["video/VP8", "video/H264"])
@pytest.mark.parametrize("role", ["client", "server"])
async def test_sound_and_pictures_are_decoded_in_either_dtls_role(
    studio: Studio, video: str, role: str
) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    published = await studio.publish(sender, video=video, role=role)
    received = await studio.subscribe(receiver, role=role)
    assert_shows_the_picture(await receiver.pictures(20))
    assert await receiver.sound(20) == 20 * 960
    assert published.dtls_state == received.dtls_state == "connected"
    theirs = {"client": "server", "server": "client"}[role]
    assert published.dtls_parameters["role"] == received.dtls_parameters["role"] == theirs


async def test_two_aiortc_people_meet_through_the_signaling_server(meet: MeetPerson) -> None:
    """Part 1's events by python-socketio; each publishes and each consumes on one receive transport."""
    alice, bob = await meet(), await meet()
    for person in (alice, bob):
        await person.join("room")
        await publish(person)
    for person in (alice, bob):
        receiver = await subscribe(person)
        assert_shows_the_picture(await receiver.pictures(10))
        assert await receiver.sound(10) == 10 * 960


MeetPerson = Callable[[], Awaitable["AiortcPerson"]]


class AiortcPerson(Person):
    """A part-1 client that has media."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sender, self.receiver = AiortcSender(), AiortcReceiver()


@pytest.fixture
async def meet(call_server: CallServer) -> AsyncIterator[MeetPerson]:
    people: list[AiortcPerson] = []

    async def meet_one() -> AiortcPerson:
        person = AiortcPerson(f"http://127.0.0.1:{call_server.port}")
        people.append(person)
        return await person.connect()

    yield meet_one
    for person in people:
        await person.sender.close()
        await person.receiver.close()
        await person.leave()


async def publish(person: AiortcPerson) -> None:
    transport = await person.transport(consumer=False)

    async def connect(dtls_parameters: dict[str, Any]) -> None:
        request = {"transportId": transport["id"], "dtlsParameters": dtls_parameters}
        assert await person.ask("transport-connect", request) == {"connected": True}

    async def produce(kind: str, parameters: dict[str, Any]) -> None:
        request = {"kind": kind, "rtpParameters": parameters, "appData": {}}
        assert (await person.ask("transport-produce", request))["id"]

    await person.sender.publish(transport, connect, produce)


async def subscribe(person: AiortcPerson) -> AiortcReceiver:
    transport = await person.transport(consumer=True)
    consumers = []
    for producer in await person.ask("getProducers"):
        request = {
            "rtpCapabilities": receiving_capabilities(person.answer["rtpCapabilities"]),
            "remoteProducerId": producer,
            "serverConsumerTransportId": transport["id"],
        }
        consumers.append((await person.ask("consume", request))["params"])

    async def connect(dtls_parameters: dict[str, Any]) -> None:
        request = {"serverConsumerTransportId": transport["id"], "dtlsParameters": dtls_parameters}
        assert await person.ask("transport-recv-connect", request) == {"connected": True}

    await person.receiver.subscribe(transport, connect, consumers)
    for consumer in consumers:
        await person.ask("consumer-resume", {"serverConsumerId": consumer["serverConsumerId"]})
    return person.receiver
