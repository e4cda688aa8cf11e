"""Who is heard in a room, as its clients are told: in virtual time, and once with real sockets."""

import asyncio
import itertools
import os
import time
from collections.abc import Iterable
from typing import Any

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.drivers.fake_media import MediaSource, producer_parameters
from rtpfwd.drivers.links import FixedDelay
from rtpfwd.drivers.media_peer import MediaPeer
from rtpfwd.protocols.srtp import Profile, SrtpKeys
from signaling.notifications import Notifications
from signaling.peer import Peer
from signaling.room import Rooms
from signaling.settings import Limits
from tests.scenarios.call import Call, dtls_context, microphone
from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson
from tests.support.voices import quiet, steady, talking

NOBODY = {"peerId": None}


class Guest:
    """A peer of a room, its voice, and what it is told."""

    def __init__(self, peer: Peer, source: MediaSource, producer_id: str) -> None:
        self.peer, self.source, self.producer_id = peer, source, producer_id
        self.pushes: list[tuple[str, dict[str, Any]]] = []

    def speaks(self, voice: Any) -> None:
        self.source.loudness = voice

    def told(self, event: str) -> list[dict[str, Any]]:
        """What came under that name since it was last asked for."""
        found = [data for name, data in self.pushes if name == event]
        self.pushes = [push for push in self.pushes if push[0] != event]
        return found


class Hall:
    """The rooms of a server on a virtual network, without its sockets and namespace."""

    def __init__(self) -> None:
        self.call = Call(keys=True)
        self.guests: dict[str, Guest] = {}
        self.rooms = Rooms(self.call.worker, Limits(), self.post, Notifications(self.post, lambda: self.now))

    @property
    def now(self) -> Instant:
        return self.call.network.now

    def post(self, recipients: Iterable[Peer], event: str, data: dict[str, Any]) -> None:
        for peer in recipients:
            self.guests[peer.id].pushes.append((event, data))

    def enter(self, *, part_two: bool = True, room: str = "r") -> Guest:
        """Somebody with a microphone in a quiet room."""
        peer = Peer(room_name=room, display_name="", app_data={}, part_two=part_two, connection="x")
        source = MediaSource(microphone())
        guest = self.guests[peer.id] = Guest(peer, source, "")
        self.rooms.join(room, peer)
        transport = self.rooms.of(peer).create_transport(peer, consumer=False, now=self.now)
        number = len(self.guests)
        context = dtls_context("client")
        client = MediaPeer.for_transport(
            transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters, context, os.urandom
        )  # fmt: skip
        ours, theirs = bytes([number]) * 28, bytes([number + 100]) * 28
        client.set_keys(SrtpKeys(Profile.AEAD_AES_128_GCM, theirs, ours))
        transport.set_srtp_keys(SrtpKeys(Profile.AEAD_AES_128_GCM, ours, theirs), now=self.now)
        spec = microphone(0x2000 + number)
        guest.source = client.add_source(spec)
        guest.source.loudness = quiet
        made = self.rooms.of(peer).produce(
            peer, None, "audio", producer_parameters(spec), paused=False, app_data={}, now=self.now
        )
        guest.producer_id = made.id
        client.start(self.now)
        link = FixedDelay(milliseconds(5))
        self.call.network.attach(client, [(f"10.1.0.{number}", 5000)], uplink=link, downlink=link)
        return guest

    def passes(self, duration_s: float) -> None:
        self.call.run(duration_s)


def speaker(guest: Guest) -> dict[str, Any]:
    return {"peerId": guest.peer.id}


def test_everybody_is_told_whose_turn_it_is_when_it_changes():
    hall = Hall()
    ann, bob = hall.enter(), hall.enter()
    hall.passes(2)
    assert ann.told("active-speaker") == []
    ann.speaks(talking)
    hall.passes(4)
    ann.speaks(quiet)
    bob.speaks(talking)
    hall.passes(4)
    for guest in (ann, bob):
        assert guest.told("active-speaker") == [speaker(ann), speaker(bob)]


def test_levels_come_while_somebody_is_heard_and_once_more_when_nobody_is():
    hall = Hall()
    ann, bob = hall.enter(), hall.enter()
    ann.speaks(steady(40))
    bob.speaks(steady(20))
    hall.passes(3.05)
    levels = ann.told("audio-levels")
    assert levels == bob.told("audio-levels")
    assert len(levels) == 10, "every 300 ms"
    loudest_first = [{"peerId": bob.peer.id, "level": -20}, {"peerId": ann.peer.id, "level": -40}]
    assert levels[-1] == {"levels": loudest_first}
    for guest in (ann, bob):
        guest.speaks(quiet)
    hall.passes(3)
    assert ann.told("audio-levels") == [{"levels": []}]


def test_part_one_clients_are_heard_but_not_told():
    hall = Hall()
    old, new = hall.enter(part_two=False), hall.enter()
    old.speaks(talking)
    hall.passes(2)
    assert new.told("active-speaker") == [speaker(old)]
    assert new.told("audio-levels")
    assert old.told("active-speaker") == old.told("audio-levels") == []


def test_who_mutes_gives_the_floor_up_and_gets_it_back_by_speaking():
    hall = Hall()
    ann, bob = hall.enter(), hall.enter()
    ann.speaks(talking)
    hall.passes(2)
    room = hall.rooms.of(ann.peer)
    room.pause_producer(ann.peer, ann.producer_id, hall.now)
    assert bob.told("active-speaker") == [speaker(ann), NOBODY], "at once"
    hall.passes(2)
    assert bob.told("active-speaker") == []
    room.resume_producer(ann.peer, ann.producer_id, hall.now)
    hall.passes(2)
    assert bob.told("active-speaker") == [speaker(ann)]


def test_who_leaves_while_speaking_leaves_the_floor_to_the_next():
    hall = Hall()
    ann, bob, eve = hall.enter(), hall.enter(), hall.enter()
    ann.speaks(talking)
    hall.passes(2)
    bob.speaks(talking)
    hall.passes(1)
    hall.rooms.leave(ann.peer, hall.now)
    hall.passes(0.1)
    assert eve.told("active-speaker") == [speaker(ann), NOBODY, speaker(bob)]
    assert hall.rooms.of(eve.peer).router.rtp_observers
    router = hall.rooms.of(eve.peer).router
    for guest in (bob, eve):
        hall.rooms.leave(guest.peer, hall.now)
    assert router.closed and not router.rtp_observers


def test_who_comes_late_or_comes_back_is_told_who_speaks():
    hall = Hall()
    ann = hall.enter()
    ann.speaks(talking)
    hall.passes(2)
    late, old = hall.enter(), hall.enter(part_two=False)
    assert late.told("active-speaker") == [speaker(ann)]
    assert old.told("active-speaker") == []
    assert hall.rooms.of(late.peer).take_over(late.peer.resume_token) is late.peer
    assert late.told("active-speaker") == [speaker(ann)]


def test_rooms_do_not_hear_each_other():
    hall = Hall()
    ann, bob = hall.enter(room="one"), hall.enter(room="two")
    ann.speaks(talking)
    hall.passes(2)
    assert ann.told("active-speaker") == [speaker(ann)]
    assert bob.told("active-speaker") == bob.told("audio-levels") == []


class Voice(asyncio.DatagramProtocol):
    """A person's microphone on a real socket."""

    def __init__(self, peer: MediaPeer, server: tuple[str, int]) -> None:
        self.peer, self._server = peer, server
        self._timer: asyncio.TimerHandle | None = None
        self._socket: asyncio.DatagramTransport

    @classmethod
    async def of(cls, person: Person, ssrc: int) -> "Voice":
        """Sends what the person published: nothing but room noise, to begin with."""
        params = await person.transport(consumer=False)
        server = params["iceCandidates"][0]
        context = dtls_context("client")
        peer = MediaPeer.for_transport(
            params["iceParameters"], params["iceCandidates"], params["dtlsParameters"], context, os.urandom
        )
        connect = {"dtlsParameters": peer.dtls_parameters, "transportId": params["id"]}
        assert await person.ask("transport-connect", connect) == {"connected": True}
        spec = microphone(ssrc)
        peer.add_source(spec).loudness = quiet
        produce = {"kind": "audio", "rtpParameters": producer_parameters(spec), "appData": {}}
        assert "error" not in await person.ask("transport-produce", produce)
        address = (server["address"], server["port"])
        voice = cls(peer, address)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: voice, remote_addr=address)
        peer.start(now())
        voice.pump()
        return voice

    def speaks(self, voice: Any) -> None:
        for source in self.peer.sources.values():
            source.loudness = voice

    def connection_made(self, transport: Any) -> None:
        self._socket = transport

    def datagram_received(self, data: bytes, _address: Any) -> None:
        self.peer.receive(data, (0, self._server), now())
        self.pump()

    def pump(self) -> None:
        """Does what is due, and comes back."""
        due = self.peer.next_timeout()
        if due is not None and due <= now():
            self.peer.handle_timeout(now())
        for data, _ in self.peer.transmit():
            self._socket.sendto(data)
        if self._timer is not None:
            self._timer.cancel()
        due = self.peer.next_timeout()
        if due is not None:
            delay = max((due - now()) / 1e6, 0.001)
            self._timer = asyncio.get_running_loop().call_later(delay, self.pump)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()


def now() -> Instant:
    return Instant(time.monotonic_ns() // 1000)


async def test_over_real_sockets_a_voice_is_told_to_the_others(meet: MeetPerson) -> None:
    ssrcs = itertools.count(0x3000)
    ann, bob, old = await meet(), await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    await old.join()
    voices = [await Voice.of(ann, next(ssrcs)), await Voice.of(bob, next(ssrcs))]
    try:
        voices[0].speaks(steady(20))
        ann_speaks = {"peerId": ann.answer["peerId"]}
        assert await bob.push("active-speaker") == ann_speaks
        assert await ann.push("active-speaker") == ann_speaks
        (level,) = (await bob.push("audio-levels"))["levels"]
        assert level["peerId"] == ann.answer["peerId"] and -70 <= level["level"] <= -20
        await ann.leave()
        assert await bob.push("active-speaker") == NOBODY
        assert await bob.push("audio-levels", levels=[]) == {"levels": []}
        assert not {"active-speaker", "audio-levels"} & set(await old.settled())
    finally:
        for voice in voices:
            voice.close()
