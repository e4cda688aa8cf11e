"""From SFU events to pushed messages: scores, layers, and ends that nobody asked for.

The callbacks run inside the driver's flush. They touch the room (whose closing methods are idempotent) and
post; they call the SFU only to close a transport whose DTLS has ended.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rtpfwd.clock import Instant

from .bandwidth import BandwidthNews
from .messages import answer
from .peer import Peer
from .room import Post, Room

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.producer import Producer
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport

DTLS_ENDED = frozenset({"closed", "failed"})


class Notifications:
    """Follows the media objects of all rooms."""

    def __init__(self, post: Post, now: Callable[[], Instant]) -> None:
        self._post = post
        self._now = now
        self._bandwidth = BandwidthNews(post, now)

    def transport_made(self, room: Room, peer: Peer, transport: "WebRtcTransport") -> None:
        """Closes the transport when its DTLS ends (a browser that closes one sends close_notify)."""

        def dtls_changed(state: str) -> None:
            if state in DTLS_ENDED:
                room.close_transport(peer, transport.id, self._now())

        gone = partial(room.transport_gone, peer, transport.id)
        transport.on("dtlsstatechange", dtls_changed)
        transport.on("routerclose", gone)
        transport.on("close", gone)
        self._bandwidth.transport_made(peer, transport)

    def producer_made(self, room: Room, peer: Peer, producer: "Producer") -> None:
        """Scores to the owner; the end to whom it concerns."""

        def scored(score: list[dict[str, Any]]) -> None:
            self._post([peer], "producer-score", {"producerId": producer.id, "score": score})

        gone = partial(room.producer_gone, producer.id)
        producer.on("score", scored)
        producer.on("transportclose", gone)
        producer.on("close", gone)
        self._bandwidth.producer_made(peer, producer)

    def consumer_made(self, room: Room, peer: Peer, consumer: "Consumer") -> None:
        """Scores, layers and the end to the owner."""

        def scored(score: dict[str, Any]) -> None:
            self._post([peer], "consumer-score", {"consumerId": consumer.id, "score": score})

        def layers_changed(layers: dict[str, Any] | None) -> None:
            self._post([peer], "consumer-layers-changed", answer(consumerId=consumer.id, layers=layers))

        def producer_closed() -> None:
            room.producer_gone(consumer.producer_id)
            gone()

        gone = partial(room.consumer_gone, peer, consumer.id)
        consumer.on("score", scored)
        consumer.on("layerschange", layers_changed)
        consumer.on("producerclose", producer_closed)
        consumer.on("transportclose", gone)
        consumer.on("close", gone)

    def resumed(self, peer: Peer) -> None:
        """Says anew what is not part of the answer to a resume."""
        self._bandwidth.resumed(peer)
