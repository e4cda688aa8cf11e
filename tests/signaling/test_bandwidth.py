"""Sizes of pictures, encodings that nobody wants, and what a downlink carries, over signaling."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from rtpfwd.clock import Instant
from rtpfwd.sfu.events import Event, deliver
from signaling.app import CallServer
from signaling.bandwidth import BandwidthNews
from signaling.peer import Peer
from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson

DOWNLINK = {"availableBitrate": 500_000, "desiredBitrate": 900_000, "pausedConsumerIds": ["x"]}


async def watching(meet: MeetPerson) -> tuple[Person, Person, str, dict[str, Any]]:
    """Ann publishes a camera, Bob watches it: both, the producer's id, Bob's consumer."""
    ann, bob = await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    await ann.transport(consumer=False)
    produced = await ann.produce("video", appData={"source": "camera"})
    return ann, bob, produced["id"], await bob.consume(produced["id"])


def peer_of(server: CallServer, person: Person) -> Peer:
    room = server.rooms.get("r")
    assert room is not None
    return room.peers[person.answer["peerId"]]


async def test_the_shown_size_reaches_the_consumer(meet: MeetPerson, server: CallServer) -> None:
    _, bob, _, made = await watching(meet)
    consumer = peer_of(server, bob).consumers[made["id"]]
    for width, height in ((640, 360), (0, 0)):
        request = {"serverConsumerId": made["id"], "width": width, "height": height}
        assert await bob.ask("consumer-set-shown-size", request) == {}
        assert consumer.dump()["shownSize"] == [width, height]


@pytest.mark.parametrize(
    ("size", "field"),
    [
        ({"width": 640}, "height"),
        ({"width": -1, "height": 360}, "width"),
        ({"width": 640, "height": 16_385}, "height"),
        ({"width": 640.0, "height": 360}, "width"),
        ({"width": "640", "height": 360}, "width"),
    ],
)
async def test_a_size_that_is_none_is_refused_by_field(
    meet: MeetPerson, size: dict[str, Any], field: str
) -> None:
    _, bob, _, made = await watching(meet)
    refused = await bob.ask("consumer-set-shown-size", {"serverConsumerId": made["id"], **size})
    assert refused["error"]["code"] == "bad_request"
    assert field in refused["error"]["message"]


async def test_only_the_publisher_hears_which_encodings_are_wanted(
    meet: MeetPerson, server: CallServer
) -> None:
    ann, bob, producer_id, _ = await watching(meet)
    producer = peer_of(server, ann).producers[producer_id]
    deliver(Event(producer, "wantedencodings", ([True, True, True],)))
    told = await ann.push("producer-wanted-encodings")
    assert told == {"producerId": producer_id, "encodings": list(producer.wanted_encodings)}
    assert "producer-wanted-encodings" not in await bob.settled()


async def test_only_the_receiver_hears_of_its_downlink(meet: MeetPerson, server: CallServer) -> None:
    ann, bob, _, made = await watching(meet)
    transport = peer_of(server, bob).transports[made["transportId"]]
    deliver(Event(transport, "downlinkbandwidth", (DOWNLINK,)))
    told = await bob.push("downlink-bandwidth", pausedConsumerIds=["x"])
    assert told == {"transportId": transport.id, **DOWNLINK}
    assert "downlink-bandwidth" not in await ann.settled()


async def test_whoever_comes_back_is_told_how_things_are(meet: MeetPerson, server: CallServer) -> None:
    ann, bob, producer_id, made = await watching(meet)
    transport = peer_of(server, bob).transports[made["transportId"]]
    await ann.vanish()
    await bob.vanish()
    deliver(Event(transport, "downlinkbandwidth", (DOWNLINK,)))
    back = await meet()
    await back.join(resumeToken=ann.answer["resumeToken"])
    told = await back.push("producer-wanted-encodings", producerId=producer_id)
    assert len(told["encodings"]) == 3
    back = await meet()
    await back.join(resumeToken=bob.answer["resumeToken"])
    assert await back.push("downlink-bandwidth") == {"transportId": transport.id, **DOWNLINK}


async def test_a_part_one_client_hears_of_neither(meet: MeetPerson, server: CallServer) -> None:
    ann = await meet()
    await ann.join()
    transport = await ann.transport(consumer=False)
    produced = await ann.produce("video")
    peer = peer_of(server, ann)
    deliver(Event(peer.producers[produced["id"]], "wantedencodings", ([False] * 3,)))
    deliver(Event(peer.transports[transport["id"]], "downlinkbandwidth", (DOWNLINK,)))
    assert not {"producer-wanted-encodings", "downlink-bandwidth"} & set(await ann.settled())


class Transport:
    """As much of a transport as the news look at."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.listeners: dict[str, Callable[..., None]] = {}

    def on(self, event: str, listener: Callable[..., None]) -> None:
        self.listeners[event] = listener


class Desk:
    """The news of one transport under a clock of our own."""

    def __init__(self) -> None:
        self.now = Instant(0)
        self.told: list[dict[str, Any]] = []
        self.timer: tuple[Instant, Callable[[], None]] | None = None
        self.peer = Peer(room_name="r", display_name="Ann", app_data={}, part_two=True)
        self.transport = transport = Transport("t")
        self.peer.transports["t"] = cast(Any, transport)
        self.news = BandwidthNews(self.post, lambda: self.now, self.later)
        self.news.transport_made(self.peer, cast(Any, transport))

    def post(self, _peers: Iterable[Peer], _event: str, data: dict[str, Any]) -> None:
        self.told.append(data)

    def later(self, delay_s: float, callback: Callable[[], None]) -> "Desk":
        self.timer = (Instant(self.now + round(delay_s * 1_000_000)), callback)
        return self

    def cancel(self) -> None:
        self.timer = None

    def found(self, available: int, *paused: str) -> None:
        self.transport.listeners["downlinkbandwidth"](
            {"availableBitrate": available, "desiredBitrate": 1, "pausedConsumerIds": list(paused)}
        )

    def advance(self, milliseconds: int) -> None:
        self.now = Instant(self.now + milliseconds * 1000)
        if self.timer is not None and self.timer[0] <= self.now:
            callback = self.timer[1]
            self.timer = None
            callback()

    @property
    def figures(self) -> list[int]:
        return [told["availableBitrate"] for told in self.told]


def test_figures_that_change_often_are_told_once_a_second_the_latest() -> None:
    desk = Desk()
    for available in range(1, 31):
        desk.found(available)
        desk.advance(100)
    assert desk.figures == [1, 10, 20, 30]


def test_a_change_of_who_is_starved_is_told_at_once() -> None:
    desk = Desk()
    desk.found(1)
    desk.found(2, "a")
    desk.found(3, "a")
    desk.found(4)
    assert desk.figures == [1, 2, 4]
    desk.advance(5000)
    assert desk.figures == [1, 2, 4], "nothing waits"


def test_a_transport_that_is_gone_has_nothing_more_to_tell() -> None:
    desk = Desk()
    desk.found(1)
    desk.found(2)
    desk.transport.listeners["close"]()
    assert desk.timer is None
    desk.news.resumed(desk.peer)
    del desk.peer.transports["t"]
    desk.found(3, "a")
    assert desk.figures == [1]
