"""Rooms: join, publish, subscribe, leave. Plain and synchronous; no sockets, no asyncio, no clock.

Authorisation is membership: every id is looked up among the asking peer's own objects, and a producer among
those of its room, so an id of somebody else is answered exactly as one that does not exist.

What others must hear is handed to ``Post``; who delivers it, and whether a peer is connected at all, is not
known here. Closing is idempotent: the same end may come from a request, from a peer that leaves, or from the
SFU.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from rtpfwd.clock import Instant

from .codecs import ROOM_MEDIA_CODECS
from .messages import answer
from .peer import Peer, describe_producer, new_resume_token
from .refusal import Code, Refusal
from .settings import Limits
from .speaking import Speaking

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.producer import Producer
    from rtpfwd.sfu.router import Router
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport
    from rtpfwd.sfu.worker import Worker

Post = Callable[[Iterable[Peer], str, dict[str, Any]], None]
"""``post(recipients, event, data)``: never blocks, never calls back."""


class MediaWatcher(Protocol):
    """Is told of each new media object, to follow its events (see ``notifications``)."""

    def transport_made(self, room: "Room", peer: Peer, transport: "WebRtcTransport") -> None:
        """A transport of ``peer`` exists."""

    def producer_made(self, room: "Room", peer: Peer, producer: "Producer") -> None:
        """A producer of ``peer`` exists."""

    def consumer_made(self, room: "Room", peer: Peer, consumer: "Consumer") -> None:
        """A consumer of ``peer`` exists."""

    def resumed(self, peer: Peer) -> None:
        """A client took ``peer`` over, and may have missed news."""


class Rooms:
    """All rooms of the server by name. A room exists while it has a peer."""

    def __init__(self, worker: "Worker", limits: Limits, post: Post, watcher: MediaWatcher) -> None:
        self._worker = worker
        self._limits = limits
        self._post = post
        self._watcher = watcher
        self._rooms: dict[str, Room] = {}
        self.draining = False
        """Nobody new comes in; whoever is here stays, and may come back after a lost socket."""

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator["Room"]:
        return iter(list(self._rooms.values()))

    @property
    def peers(self) -> int:
        """Peers in all rooms, those in their resume window included."""
        return sum(len(room.peers) for room in self._rooms.values())

    def get(self, name: str) -> "Room | None":
        """The room with that name, if somebody is in it."""
        return self._rooms.get(name)

    def of(self, peer: Peer) -> "Room":
        """The room that ``peer`` is in."""
        return self._rooms[peer.room_name]

    def join(self, name: str, peer: Peer) -> "Room":
        """Puts a new peer in, making the room if need be. Refuses ``room_full``, ``limit_exceeded`` and
        ``draining``.
        """
        if self.draining:
            raise Refusal(Code.DRAINING, "the server is about to stop and takes nobody new")
        room = self._rooms.get(name)
        if room is None:
            if len(self._rooms) >= self._limits.rooms:
                raise Refusal(Code.LIMIT_EXCEEDED, f"limit reached: rooms ({self._limits.rooms})")
            codecs = [dict(codec) for codec in ROOM_MEDIA_CODECS]
            router = self._worker.create_router(codecs, offer_dependency_descriptor=True)
            room = self._rooms[name] = Room(name, router, self._limits, self._post, self._watcher)
        room.join(peer)
        return room

    def leave(self, peer: Peer, now: Instant) -> None:
        """Takes a peer out, closing its media, and the room with the last one.

        Doing it twice does nothing.
        """
        room = self._rooms.get(peer.room_name)
        if room is None or peer.id not in room.peers:
            return
        room.leave(peer, now)
        if not room.peers:
            room.router.close(now=now)
            del self._rooms[room.name]


class Room:
    """One call: a router and the peers on it."""

    def __init__(
        self, name: str, router: "Router", limits: Limits, post: Post, watcher: MediaWatcher
    ) -> None:
        self.name = name
        self.router = router
        self.peers: dict[str, Peer] = {}
        self.chat: deque[dict[str, Any]] = deque(maxlen=limits.chat_history)
        self._limits = limits
        self._post = post
        self._watcher = watcher
        self.locked = False
        self._removed: set[str] = set()  # fingerprints of tokens that moderators turned away
        self._owners: dict[str, Peer] = {}  # producer id -> its peer
        self._resume: dict[str, Peer] = {}  # resume token -> peer
        self._speaking = Speaking(router, self._owners.get, self._tell_all)

    # people

    def join(self, peer: Peer) -> None:
        """Adds a peer and tells the others. Refuses ``forbidden``, ``room_locked`` and ``room_full``."""
        if peer.ticket.fingerprint in self._removed:
            raise Refusal(Code.FORBIDDEN, "a moderator removed you from this room")
        if self.locked and not peer.ticket.grants.moderate:
            raise Refusal(Code.ROOM_LOCKED, "the room is locked")
        if len(self.peers) >= self._limits.peers_per_room:
            raise Refusal(Code.ROOM_FULL, f"the room is full ({self._limits.peers_per_room} people)")
        self.peers[peer.id] = peer
        self._resume[peer.resume_token] = peer
        self._post(self.others(peer), "peer-joined", {"peer": peer.public()})
        self._tell_who_speaks(peer)

    def leave(self, peer: Peer, now: Instant) -> None:
        """Removes a peer and all its media, and tells the others."""
        del self.peers[peer.id]
        self._forget_tokens(peer)
        for producer_id in list(peer.producers):
            self.producer_gone(producer_id)
        peer.close_media(now)
        self._post(self.others(peer), "peer-left", {"peerId": peer.id})

    def take_over(self, token: str) -> Peer | None:
        """The peer that ``token`` belongs to; it gets a new token.

        The answer with the new one may be lost with the line: the old one works until the peer is heard of
        again.
        """
        peer = self._resume.get(token)
        if peer is not None:
            self._forget_tokens(peer)
            peer.used_token = token
            peer.resume_token = new_resume_token()
            self._resume[token] = self._resume[peer.resume_token] = peer
            self._tell_who_speaks(peer)
            self._watcher.resumed(peer)
        return peer

    def rotate_token(self, peer: Peer) -> None:
        """Gives ``peer`` a new resume token; all before are void."""
        self._forget_tokens(peer)
        peer.resume_token = new_resume_token()
        self._resume[peer.resume_token] = peer

    def token_arrived(self, peer: Peer) -> None:
        """The peer has its new token for certain: the one before is void."""
        if peer.used_token is not None:
            self._resume.pop(peer.used_token, None)
            peer.used_token = None

    def _forget_tokens(self, peer: Peer) -> None:
        self._resume.pop(peer.resume_token, None)
        self.token_arrived(peer)

    def others(self, peer: Peer) -> list[Peer]:
        """Everybody but ``peer``."""
        return [other for other in self.peers.values() if other is not peer]

    def rename(self, peer: Peer, display_name: str) -> None:
        """Changes what a peer is called."""
        peer.display_name = display_name
        self.tell_of(peer)

    def tell_of(self, peer: Peer) -> None:
        """Says anew what the others may know of a peer: its name, its hand, whether it is connected."""
        self._post(self.others(peer), "peer-updated", {"peer": peer.public()})

    def react(self, peer: Peer, reaction: str) -> None:
        """Shows one of the fixed reactions to the others."""
        self._post(self.others(peer), "reaction", {"peerId": peer.id, "reaction": reaction})

    def say(self, peer: Peer, text: str, time: str) -> dict[str, Any]:
        """A chat message to everybody, the sender included; ``time`` is ISO 8601 in UTC.

        Returns the message.
        """
        message = {
            "id": secrets.token_hex(8),
            "peerId": peer.id,
            "displayName": peer.display_name,
            "text": text,
            "time": time,
        }
        self.chat.append(message)
        self._post(list(self.peers.values()), "chat-message", message)
        return message

    # moderation

    def lock(self, locked: bool) -> None:
        """Nobody new comes in, or everybody may again; said to everybody."""
        self.locked = locked
        self._tell_all("room-updated", {"locked": locked})

    def mute(self, producer_id: str, now: Instant) -> Peer:
        """Pauses anybody's producer and tells its owner, who is returned. Refuses ``not_found``."""
        owner = self._owners.get(producer_id)
        if owner is None:
            raise Refusal(Code.NOT_FOUND, "no such producer")
        self.pause_producer(owner, producer_id, now)
        self._post([owner], "producer-muted", {"producerId": producer_id})
        return owner

    def remove(self, peer_id: str) -> Peer:
        """The peer that shall leave; its token does not open this room again. Refuses ``not_found``."""
        peer = self.peers.get(peer_id)
        if peer is None:
            raise Refusal(Code.NOT_FOUND, "no such peer")
        if peer.ticket.fingerprint is not None:
            self._removed.add(peer.ticket.fingerprint)
        return peer

    # transports

    def create_transport(self, peer: Peer, *, consumer: bool, now: Instant) -> "WebRtcTransport":
        """A new transport of ``peer``; one that is not for consuming becomes its send transport."""
        _room_for_one(peer.transports, self._limits.transports_per_peer, "transports_per_peer")
        transport = self.router.create_web_rtc_transport({"peerId": peer.id, "consumer": consumer}, now=now)
        peer.transports[transport.id] = transport
        if not consumer:
            peer.send_transport_id = transport.id
        self._watcher.transport_made(self, peer, transport)
        return transport

    def close_transport(self, peer: Peer, transport_id: str, now: Instant) -> None:
        """Closes a transport and all on it."""
        transport = peer.transports.get(transport_id)
        if transport is not None:
            transport.close(now=now)
            self.transport_gone(peer, transport_id)

    def transport_gone(self, peer: Peer, transport_id: str) -> None:
        """Forgets a closed transport. Its producers and consumers report their own end."""
        peer.transports.pop(transport_id, None)
        if peer.send_transport_id == transport_id:
            peer.send_transport_id = None

    # publishing

    def produce(
        self,
        peer: Peer,
        transport_id: str | None,
        kind: str,
        rtp_parameters: dict[str, Any],
        *,
        paused: bool,
        app_data: dict[str, Any],
        now: Instant,
    ) -> "Producer":
        """Publishes a stream and announces it to the others."""
        transport = peer.transport(transport_id)
        _room_for_one(peer.producers, self._limits.producers_per_peer, "producers_per_peer")
        _room_for_one(self._owners, self._limits.producers_per_room, "producers_per_room")
        producer = transport.produce(kind, rtp_parameters, paused=paused, app_data=app_data, now=now)
        peer.producers[producer.id] = producer
        self._owners[producer.id] = peer
        self._watcher.producer_made(self, peer, producer)
        if app_data.get("source") != "screen-audio":  # a film in a shared tab does not take the floor
            self._speaking.listen_to(producer, now)
        described = describe_producer(producer)
        described["producerId"] = described.pop("id")
        self._post(self.others(peer), "new-producer", {**described, "peerId": peer.id})
        return producer

    def producers_for(self, peer: Peer) -> list[str]:
        """Ids of the others' producers, oldest first."""
        return [producer_id for producer_id, owner in self._owners.items() if owner is not peer]

    def app_data_of(self, producer_id: str) -> dict[str, Any]:
        """What the publisher said about its producer (``source`` among others)."""
        app_data: dict[str, Any] = self._owners[producer_id].producers[producer_id].app_data
        return app_data

    def pause_producer(self, peer: Peer, producer_id: str, now: Instant) -> None:
        """Stops forwarding of an own producer."""
        peer.producer(producer_id).pause(now=now)
        self._speaking.not_heard(producer_id)
        self._post(self.others(peer), "producer-paused", {"producerId": producer_id, "peerId": peer.id})

    def resume_producer(self, peer: Peer, producer_id: str, now: Instant) -> None:
        """Goes on forwarding an own producer."""
        peer.producer(producer_id).resume(now=now)
        self._post(self.others(peer), "producer-resumed", {"producerId": producer_id, "peerId": peer.id})

    def close_producer(self, peer: Peer, producer_id: str, now: Instant) -> None:
        """Ends an own producer."""
        producer = peer.producer(producer_id)
        self.producer_gone(producer_id)
        producer.close(now=now)

    def producer_gone(self, producer_id: str) -> None:
        """Forgets a producer and tells who must know: its consumers, and every part-2 client in the room.

        A part-1 client looks the id up among its consumers without asking whether it is there, so it hears
        only of what it consumes.
        """
        owner = self._owners.pop(producer_id, None)
        if owner is None:
            return
        owner.producers.pop(producer_id, None)
        self._speaking.not_heard(producer_id)
        others = self.others(owner)
        ended = [(o, c.id) for o in others for c in o.consumers.values() if c.producer_id == producer_id]
        consuming = {other.id for other, _ in ended}
        told = [other for other in others if other.part_two or other.id in consuming]
        self._post(told, "producer-closed", {"remoteProducerId": producer_id, "peerId": owner.id})
        for other, consumer_id in ended:
            self.consumer_gone(other, consumer_id)

    # subscribing

    def consume(
        self,
        peer: Peer,
        transport_id: str,
        producer_id: str,
        rtp_capabilities: dict[str, Any],
        *,
        app_data: dict[str, Any],
        now: Instant,
    ) -> "Consumer":
        """Subscribes to another peer's producer; the consumer starts paused."""
        transport = peer.transport(transport_id)
        owner = self._owners.get(producer_id)
        if owner is None:
            raise Refusal(Code.NOT_FOUND, "no such producer")
        if owner is peer:
            raise Refusal(Code.INVALID_STATE, "a peer does not consume its own producer")
        _room_for_one(peer.consumers, self._limits.consumers_per_peer, "consumers_per_peer")
        if not self.router.can_consume(producer_id, rtp_capabilities):
            raise Refusal(Code.UNSUPPORTED, "rtpCapabilities: the client cannot decode this producer")
        consumer = transport.consume(producer_id, rtp_capabilities, paused=True, app_data=app_data, now=now)
        peer.consumers[consumer.id] = consumer
        self._watcher.consumer_made(self, peer, consumer)
        return consumer

    def close_consumer(self, peer: Peer, consumer_id: str, now: Instant) -> None:
        """Ends an own subscription; its client asked for it and is not told again."""
        consumer = peer.consumer(consumer_id)
        del peer.consumers[consumer_id]
        consumer.close(now=now)

    def consumer_gone(self, peer: Peer, consumer_id: str) -> None:
        """Forgets a consumer that ended without its client asking, and tells that client."""
        if peer.consumers.pop(consumer_id, None) is not None:
            self._post([peer], "consumer-closed", answer(consumerId=consumer_id))

    # private

    def _tell_all(self, event: str, data: dict[str, Any]) -> None:
        """To everybody who knows part 2; a part-1 client would not know the event."""
        self._post([peer for peer in self.peers.values() if peer.part_two], event, data)

    def _tell_who_speaks(self, peer: Peer) -> None:
        if peer.part_two and self._speaking.active is not None:
            self._post([peer], "active-speaker", {"peerId": self._speaking.active})


def _room_for_one(owned: dict[str, Any], most: int, setting: str) -> None:
    if len(owned) >= most:
        raise Refusal(Code.LIMIT_EXCEEDED, f"limit reached: {setting} ({most})")
