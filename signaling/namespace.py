"""The Socket.IO namespace ``/call``: one method for each request, and who is connected as whom.

Handlers are synchronous: they call the room, answer, and everything that follows from it (the driver's flush,
pushes) happens after the acknowledgement has been queued, so a client never hears of an object before it has
its id.

Answers have one of three shapes when refused: part 1's ``{error: text, code}``, the same inside ``params``
where part 1 wraps its answers, and part 2's ``{error: {code, message}}``.

A peer whose socket is lost without a word keeps its place for the resume window, if its client knows of it
(it joined with any field of part 2). A part-1 client leaves with its socket, and so does everybody who says
goodbye.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import structlog

from rtpfwd.clock import Instant
from rtpfwd.errors import CallerError

from . import messages as m
from .bandwidth import ConsumerWishes
from .conversation import Conversation
from .moderation import Moderation
from .peer import Peer
from .refusal import Code, Refusal, as_object, as_params, as_text, from_caller_error
from .room import Room, Rooms
from .settings import Settings
from .tokens import Doorkeeper
from .turn import IceServers

DEFAULT_NAME = "Guest"

log = structlog.get_logger("signaling")

Answer = dict[str, Any] | list[Any]
Shape = Callable[[Refusal], dict[str, Any]]


class Connections(Protocol):
    """What the namespace needs of the gateway."""

    def push(self, sids: Iterable[str], event: str, data: dict[str, Any]) -> None:
        """Sends an event to some sockets."""

    def drop(self, sid: str) -> None:
        """Disconnects one."""


class CallNamespace(Conversation, ConsumerWishes, Moderation):
    """Answers every request of the contract (``gateway.Application``)."""

    def __init__(
        self,
        settings: Settings,
        rooms: Rooms,
        now: Callable[[], Instant],
        settle: Callable[[], None],
    ) -> None:
        """``settle`` is called after each request, to have the driver flush; it must not do so at once."""
        self._settings = settings
        self._rooms = rooms
        self.connections: Connections  # set by who builds both
        self._now = now
        self._settle = settle
        self._doorkeeper = Doorkeeper(settings.token_secrets, settings.limits)
        self._ice_servers = IceServers(settings)
        self._peers: dict[str, Peer] = {}  # socket id -> its peer, once joined
        self._windows: dict[str, asyncio.TimerHandle] = {}  # peer id -> end of its resume window

    # gateway.Application

    def connected(self, sid: str) -> None:
        """Greets a new socket."""
        self.connections.push([sid], "connection-success", {"socketId": sid})

    def disconnected(self, sid: str, *, on_purpose: bool) -> None:
        """Ends the socket's peer, or starts its resume window."""
        peer = self._peers.pop(sid, None)
        if peer is None:
            return
        peer.connection = None
        window = self._settings.resume_window_s
        if on_purpose or not peer.part_two or window == 0:
            self._leave(peer, "left" if on_purpose else "socket lost")
        else:
            loop = asyncio.get_running_loop()
            self._windows[peer.id] = loop.call_later(window, self._leave, peer, "resume window over")
            self._rooms.of(peer).tell_of(peer)
            log.info("socket lost", peer=peer.id, room=peer.room_name, window_s=window)

    def request(self, sid: str, event: str, arguments: list[Any]) -> Answer:
        """The acknowledgement of ``event``."""
        route = ROUTES.get(event)
        if route is None:
            return as_object(Refusal(Code.UNSUPPORTED, "unknown event"))
        try:
            request = m.parse(route.model, arguments, self._settings.limits)
            return route.answer(self, sid, request)
        except Refusal as refusal:
            return route.shape(refusal)
        except CallerError as error:
            return route.shape(from_caller_error(error, rtp=route.rtp))
        except Exception:
            log.exception("request failed", event_name=event)
            return route.shape(Refusal(Code.INTERNAL, "internal error"))
        finally:
            self._settle()

    def refuse(self, event: str, text: str) -> dict[str, Any]:
        """The acknowledgement of a message that did not parse."""
        route = ROUTES.get(event)
        return (route.shape if route else as_object)(Refusal(Code.BAD_REQUEST, text))

    # life of the server

    def end_all(self, reason: str) -> None:
        """Tells everybody that it is over and closes all rooms."""
        for handle in self._windows.values():
            handle.cancel()
        self._windows.clear()
        self.connections.push(list(self._peers), "room-closed", {"reason": reason})
        self._peers.clear()
        for room in self._rooms:
            for peer in list(room.peers.values()):
                peer.connection = None
                self._rooms.leave(peer, self._now())

    # requests of part 1

    def join_room(self, sid: str, request: m.JoinRoom) -> Answer:
        """``joinRoom``: a new peer, or the one that the resume token belongs to."""
        present = self._peers.get(sid)
        if present is not None and present.room_name != request.room_name:
            raise Refusal(Code.INVALID_STATE, "already in another room; send leaveRoom first")
        if present is not None:
            room, peer = self._rooms.of(present), present  # asked twice: the same answer, with a fresh token
            room.rotate_token(peer)
        elif request.resume_token is not None:
            room, peer = self._take_over(sid, request, request.resume_token)
        else:
            ticket = self._doorkeeper.admit(request.room_name, request.token)
            peer = Peer(
                room_name=request.room_name,
                display_name=ticket.name or request.display_name or DEFAULT_NAME,
                app_data=request.app_data or {},
                part_two=request.part_two,
                ticket=ticket,
                connection=sid,
            )
            room = self._rooms.join(request.room_name, peer)
            self._peers[sid] = peer
            log.info("joined", peer=peer.id, room=room.name, people=len(room.peers))
        return m.answer(
            rtpCapabilities=room.router.rtp_capabilities,
            peerId=peer.id,
            peers=[other.public_with_producers() for other in room.others(peer)],
            iceServers=self._ice_servers.of(peer.id),
            displayName=peer.display_name,
            grants=peer.ticket.grants.model_dump(),
            locked=room.locked,
            draining=self._rooms.draining or None,
            resumeToken=peer.resume_token,
            resumeWindow=self._settings.resume_window_s,
            resumed=peer.owned() if request.resume_token is not None else None,
            chat=list(room.chat),
            limits=self._settings.limits.for_clients(),
        )

    def create_transport(self, sid: str, request: m.CreateTransport) -> Answer:
        """``createWebRtcTransport``."""
        room, peer = self._joined(sid)
        if request.room_name is not None and request.room_name != room.name:
            raise Refusal(Code.NOT_FOUND, "no such room")
        transport = room.create_transport(peer, consumer=request.consumer, now=self._now())
        return {
            "params": {
                "id": transport.id,
                "iceParameters": transport.ice_parameters,
                "iceCandidates": transport.ice_candidates,
                "dtlsParameters": transport.dtls_parameters,
            }
        }

    def connect_transport(self, sid: str, request: m.ConnectTransport) -> Answer:
        """``transport-connect``."""
        _, peer = self._joined(sid)
        peer.transport(request.transport_id).connect(request.dtls_parameters, now=self._now())
        return {"connected": True}

    def connect_receive_transport(self, sid: str, request: m.ConnectReceiveTransport) -> Answer:
        """``transport-recv-connect``."""
        _, peer = self._joined(sid)
        transport = peer.transport(request.server_consumer_transport_id)
        transport.connect(request.dtls_parameters, now=self._now())
        return {"connected": True}

    def produce(self, sid: str, request: m.Produce) -> Answer:
        """``transport-produce``; ``producersExist`` is about the others."""
        room, peer = self._joined(sid)
        peer.ticket.need("publish")
        producer = room.produce(
            peer,
            request.transport_id,
            request.kind,
            request.rtp_parameters,
            paused=request.paused,
            app_data=request.app_data,
            now=self._now(),
        )
        return {"id": producer.id, "producersExist": bool(room.producers_for(peer))}

    def get_producers(self, sid: str, _request: m.Nothing) -> Answer:
        """``getProducers``: a bare list."""
        room, peer = self._joined(sid)
        return room.producers_for(peer)

    def consume(self, sid: str, request: m.Consume) -> Answer:
        """``consume``: the consumer is paused until ``consumer-resume``."""
        room, peer = self._joined(sid)
        peer.ticket.need("subscribe")
        consumer = room.consume(
            peer,
            request.server_consumer_transport_id,
            request.remote_producer_id,
            request.rtp_capabilities,
            app_data=request.app_data,
            now=self._now(),
        )
        return {
            "params": m.answer(
                id=consumer.id,
                producerId=consumer.producer_id,
                kind=consumer.kind,
                rtpParameters=consumer.rtp_parameters,
                serverConsumerId=consumer.id,
                type=consumer.type,
                producerPaused=consumer.producer_paused,
                appData=room.app_data_of(consumer.producer_id),
                score=consumer.score,
            )
        }

    def resume_consumer(self, sid: str, request: m.OfConsumer) -> Answer:
        """``consumer-resume``."""
        _, peer = self._joined(sid)
        peer.consumer(request.consumer_id).resume(now=self._now())
        return {}

    # requests of part 2

    def leave_room(self, sid: str, _request: m.Nothing) -> Answer:
        """``leaveRoom``; the socket may join again. Leaving without being in a room is fine."""
        peer = self._peers.pop(sid, None)
        if peer is not None:
            self._leave(peer, "left")
        return {}

    def pause_producer(self, sid: str, request: m.OfProducer) -> Answer:
        """``producer-pause``."""
        room, peer = self._joined(sid)
        room.pause_producer(peer, request.producer_id, self._now())
        return {}

    def resume_producer(self, sid: str, request: m.OfProducer) -> Answer:
        """``producer-resume``."""
        room, peer = self._joined(sid)
        room.resume_producer(peer, request.producer_id, self._now())
        return {}

    def close_producer(self, sid: str, request: m.OfProducer) -> Answer:
        """``producer-close``."""
        room, peer = self._joined(sid)
        room.close_producer(peer, request.producer_id, self._now())
        return {}

    def pause_consumer(self, sid: str, request: m.OfConsumer) -> Answer:
        """``consumer-pause``."""
        _, peer = self._joined(sid)
        peer.consumer(request.consumer_id).pause(now=self._now())
        return {}

    def close_consumer(self, sid: str, request: m.OfConsumer) -> Answer:
        """``consumer-close``."""
        room, peer = self._joined(sid)
        room.close_consumer(peer, request.consumer_id, self._now())
        return {}

    def restart_ice(self, sid: str, request: m.OfTransport) -> Answer:
        """``restart-ice``."""
        _, peer = self._joined(sid)
        parameters = peer.transport(request.transport_id).restart_ice(now=self._now())
        # Paths are looked for anew, and the TURN password from joining may have expired.
        return {"iceParameters": parameters, "iceServers": self._ice_servers.of(peer.id)}

    def get_stats(self, sid: str, request: m.GetStats) -> Answer:
        """``get-stats``: W3C names, a list."""
        _, peer = self._joined(sid)
        now = self._now()
        if request.producer_id is not None:
            stats = peer.producer(request.producer_id).get_stats(now=now)
        elif request.consumer_id is not None:
            stats = peer.consumer(request.consumer_id).get_stats(now=now)
        elif request.transport_id is not None:
            stats = peer.transport(request.transport_id).get_stats(now=now)
        else:
            stats = [entry for t in peer.transports.values() for entry in t.get_stats(now=now)]
        return {"stats": stats}

    # private

    def _joined(self, sid: str) -> tuple[Room, Peer]:
        peer = self._peers.get(sid)
        if peer is None:
            raise Refusal(Code.INVALID_STATE, "not in a room; send joinRoom first")
        room = self._rooms.of(peer)
        room.token_arrived(peer)  # whoever goes on has read the answer that it came in
        return room, peer

    def _take_over(self, sid: str, request: m.JoinRoom, token: str) -> tuple[Room, Peer]:
        room = self._rooms.get(request.room_name)
        peer = room.take_over(token) if room is not None else None
        if room is None or peer is None:
            raise Refusal(Code.TOKEN_INVALID, "the resume token is not valid")
        window = self._windows.pop(peer.id, None)
        if window is not None:
            window.cancel()
        older = peer.connection
        if older is not None:
            del self._peers[older]
            self.connections.push([older], "room-closed", {"reason": "replaced"})
            self.connections.drop(older)
        peer.connection = sid
        peer.part_two = True
        self._peers[sid] = peer
        name = peer.ticket.name or request.display_name
        if name is not None and name != peer.display_name:
            room.rename(peer, name)
        elif older is None:
            room.tell_of(peer)
        log.info("resumed", peer=peer.id, room=room.name, replaced=older is not None)
        return room, peer

    def _leave(self, peer: Peer, why: str) -> None:
        window = self._windows.pop(peer.id, None)
        if window is not None:
            window.cancel()
        peer.connection = None
        self._rooms.leave(peer, self._now())
        self._settle()
        log.info("left", peer=peer.id, room=peer.room_name, why=why)


class Route(NamedTuple):
    """How one event is parsed, answered, and refused."""

    model: type[m.Request]
    answer: Callable[[CallNamespace, str, Any], Answer]
    shape: Shape = as_object
    rtp: bool = False


ROUTES: dict[str, Route] = {
    "joinRoom": Route(m.JoinRoom, CallNamespace.join_room, as_text),
    "createWebRtcTransport": Route(m.CreateTransport, CallNamespace.create_transport, as_params),
    "transport-connect": Route(m.ConnectTransport, CallNamespace.connect_transport, as_text),
    "transport-recv-connect": Route(
        m.ConnectReceiveTransport, CallNamespace.connect_receive_transport, as_text
    ),
    "transport-produce": Route(m.Produce, CallNamespace.produce, as_text, rtp=True),
    "getProducers": Route(m.Nothing, CallNamespace.get_producers, as_text),
    "consume": Route(m.Consume, CallNamespace.consume, as_params, rtp=True),
    "consumer-resume": Route(m.OfConsumer, CallNamespace.resume_consumer, as_text),
    "leaveRoom": Route(m.Nothing, CallNamespace.leave_room),
    "producer-pause": Route(m.OfProducer, CallNamespace.pause_producer),
    "producer-resume": Route(m.OfProducer, CallNamespace.resume_producer),
    "producer-close": Route(m.OfProducer, CallNamespace.close_producer),
    "consumer-pause": Route(m.OfConsumer, CallNamespace.pause_consumer),
    "consumer-close": Route(m.OfConsumer, CallNamespace.close_consumer),
    "consumer-set-preferred-layers": Route(m.SetPreferredLayers, CallNamespace.set_preferred_layers),
    "consumer-set-shown-size": Route(m.SetShownSize, CallNamespace.set_shown_size),
    "consumer-set-priority": Route(m.SetPriority, CallNamespace.set_priority),
    "consumer-request-key-frame": Route(m.OfConsumer, CallNamespace.request_key_frame),
    "restart-ice": Route(m.OfTransport, CallNamespace.restart_ice),
    "get-stats": Route(m.GetStats, CallNamespace.get_stats),
    "chat-send": Route(m.ChatSend, CallNamespace.send_chat),
    "set-display-name": Route(m.SetDisplayName, CallNamespace.set_display_name),
    "raise-hand": Route(m.RaiseHand, CallNamespace.raise_hand),
    "react": Route(m.React, CallNamespace.react),
    "room-lock": Route(m.LockRoom, CallNamespace.lock_room),
    "peer-mute": Route(m.OfProducer, CallNamespace.mute_peer),
    "peer-remove": Route(m.OfPeer, CallNamespace.remove_peer),
}
