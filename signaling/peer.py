"""One participant: what it is called, what it owns, and closing that in the right order.

A peer never sees a socket. ``connection`` is an opaque id that ``namespace`` sets and clears: a peer without
one is in its resume window, its media going on.
"""

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rtpfwd.clock import Instant

from .refusal import Code, Refusal
from .tokens import Ticket

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.producer import Producer
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport

    from .websocket import TokenBucket

Owned = TypeVar("Owned")


def new_peer_id() -> str:
    """A public id; it gives its holder no rights."""
    return secrets.token_hex(8)


def new_resume_token() -> str:
    """An unguessable token (192 bits), good for one resume."""
    return secrets.token_urlsafe(24)


@dataclass(slots=True, eq=False)
class Peer:
    """A participant of one room."""

    room_name: str
    display_name: str
    app_data: dict[str, Any]
    part_two: bool
    ticket: Ticket = field(default_factory=Ticket)
    id: str = field(default_factory=new_peer_id)
    connection: str | None = None
    resume_token: str = field(default_factory=new_resume_token)
    used_token: str | None = None
    """The one that was used last, good until the answer to it is known to have arrived."""
    transports: "dict[str, WebRtcTransport]" = field(default_factory=dict)
    producers: "dict[str, Producer]" = field(default_factory=dict)
    consumers: "dict[str, Consumer]" = field(default_factory=dict)
    send_transport_id: str | None = None
    hand_raised_at: str | None = None
    """ISO 8601 in UTC; whoever shows a queue sorts by it."""
    reactions: "TokenBucket | None" = None

    def transport(self, transport_id: str | None) -> "WebRtcTransport":
        """The peer's own transport with that id; ``None`` is the one it sends on. Refuses ``not_found``."""
        if transport_id is None:
            if self.send_transport_id is None:
                raise Refusal(Code.INVALID_STATE, "there is no send transport")
            transport_id = self.send_transport_id
        return _own(self.transports, transport_id, "transport")

    def producer(self, producer_id: str) -> "Producer":
        """The peer's own producer. Refuses ``not_found``."""
        return _own(self.producers, producer_id, "producer")

    def consumer(self, consumer_id: str) -> "Consumer":
        """The peer's own consumer. Refuses ``not_found``."""
        return _own(self.consumers, consumer_id, "consumer")

    def close_media(self, now: Instant) -> None:
        """Closes all it owns, children first: consumers, producers, transports."""
        for consumer in list(self.consumers.values()):
            consumer.close(now=now)
        for producer in list(self.producers.values()):
            producer.close(now=now)
        for transport in list(self.transports.values()):
            transport.close(now=now)
        self.consumers.clear()
        self.producers.clear()
        self.transports.clear()
        self.send_transport_id = None

    def public(self) -> dict[str, Any]:
        """What the others may know, without media. ``handRaisedAt`` is there while the hand is up, and
        ``reconnecting`` during the resume window.
        """
        described: dict[str, Any] = {
            "id": self.id,
            "displayName": self.display_name,
            "appData": self.app_data,
        }
        if self.hand_raised_at is not None:
            described["handRaisedAt"] = self.hand_raised_at
        if self.connection is None:
            described["reconnecting"] = True
        return described

    def public_with_producers(self) -> dict[str, Any]:
        """What the others may know, for somebody who joins."""
        return {**self.public(), "producers": [describe_producer(p) for p in self.producers.values()]}

    def owned(self) -> dict[str, Any]:
        """What the peer owns now, for its own client that resumes and compares."""
        return {
            "transports": list(self.transports),
            "producers": [{"id": p.id, "paused": p.paused} for p in self.producers.values()],
            "consumers": [
                {
                    "id": c.id,
                    "producerId": c.producer_id,
                    "paused": c.paused,
                    "producerPaused": c.producer_paused,
                    "score": c.score,
                }
                for c in self.consumers.values()
            ],
        }


def describe_producer(producer: "Producer") -> dict[str, Any]:
    """A producer as ``joinRoom`` lists it."""
    return {
        "id": producer.id,
        "kind": producer.kind,
        "paused": producer.paused,
        "appData": producer.app_data,
    }


def _own(owned: dict[str, Owned], wanted: str, what: str) -> Owned:
    found = owned.get(wanted)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"no such {what}")
    return found
