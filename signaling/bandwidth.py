"""What bandwidth is used for, between the SFU and the clients: which pictures are looked at and how large,
what publishers need not send, how much a downlink carries.

``producer-wanted-encodings`` tells a publisher, and nobody else, which of its encodings anybody wants; it is
told at once, and rarely, as the SFU goes down only after seconds. ``downlink-bandwidth`` tells a receiver
what its link carries and which of its consumers are starved: at most once in ``TELL_INTERVAL_US`` for a
transport, the latest word then, except that a change of who is starved is told at once. Whoever comes back
after a lost socket is told both anew. Part-1 clients know neither.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rtpfwd.clock import Instant

from . import messages as m
from .membership import Members
from .peer import Peer

if TYPE_CHECKING:
    from rtpfwd.sfu.producer import Producer
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport

    from .room import Post

MICROSECONDS = 1_000_000
TELL_INTERVAL_US = 1 * MICROSECONDS
"""Between two ``downlink-bandwidth`` of one transport that differ in figures only."""


class Timer(Protocol):
    """What ``later`` returns."""

    def cancel(self) -> None:
        """It shall not happen."""


Later = Callable[[float, Callable[[], None]], Timer]
"""``later(seconds, callback)``: calls once, unless cancelled."""


def on_the_running_loop(delay_s: float, callback: Callable[[], None]) -> Timer:
    """The ``Later`` of a server."""
    return asyncio.get_running_loop().call_later(delay_s, callback)


class ConsumerWishes:
    """Answers the requests with which a receiver says what its consumers are worth to it: layers, size,
    priority, key frames. A base of ``namespace.CallNamespace``, which says who asks.
    """

    def set_preferred_layers(self: Members, sid: str, request: m.SetPreferredLayers) -> dict[str, Any]:
        """``consumer-set-preferred-layers``."""
        _, peer = self._joined(sid)
        layers = m.answer(spatialLayer=request.spatial_layer, temporalLayer=request.temporal_layer)
        peer.consumer(request.consumer_id).set_preferred_layers(layers, now=self._now())
        return {}

    def set_shown_size(self: Members, sid: str, request: m.SetShownSize) -> dict[str, Any]:
        """``consumer-set-shown-size``: in how many physical pixels a picture is looked at."""
        _, peer = self._joined(sid)
        peer.consumer(request.consumer_id).set_shown_size(request.width, request.height, now=self._now())
        return {}

    def set_priority(self: Members, sid: str, request: m.SetPriority) -> dict[str, Any]:
        """``consumer-set-priority``."""
        _, peer = self._joined(sid)
        peer.consumer(request.consumer_id).set_priority(request.priority, now=self._now())
        return {}

    def request_key_frame(self: Members, sid: str, request: m.OfConsumer) -> dict[str, Any]:
        """``consumer-request-key-frame``."""
        _, peer = self._joined(sid)
        peer.consumer(request.consumer_id).request_key_frame(now=self._now())
        return {}


class BandwidthNews:
    """Follows all transports and video producers."""

    def __init__(self, post: "Post", now: Callable[[], Instant], later: Later = on_the_running_loop) -> None:
        self._post = post
        self._now = now
        self._later = later
        self._downlinks: dict[str, _Downlink] = {}  # by transport; those that had something to tell

    def transport_made(self, peer: Peer, transport: "WebRtcTransport") -> None:
        """Its owner hears of its downlink."""
        gone = partial(self._gone, transport.id)
        transport.on("downlinkbandwidth", partial(self._found, peer, transport.id))
        transport.on("routerclose", gone)
        transport.on("close", gone)

    def producer_made(self, peer: Peer, producer: "Producer") -> None:
        """Its owner hears what is wanted of it."""
        if producer.kind == "video":
            producer.on("wantedencodings", lambda _encodings: self._tell_wanted(peer, producer))

    def resumed(self, peer: Peer) -> None:
        """A peer has a new socket: it is told how things are."""
        for producer in peer.producers.values():
            if producer.kind == "video":
                self._tell_wanted(peer, producer)
        for transport_id in peer.transports:
            if transport_id in self._downlinks:
                self._downlinks[transport_id].tell()

    def _tell_wanted(self, peer: Peer, producer: "Producer") -> None:
        if peer.part_two and not producer.closed:
            told = {"producerId": producer.id, "encodings": list(producer.wanted_encodings)}
            self._post([peer], "producer-wanted-encodings", told)

    def _found(self, peer: Peer, transport_id: str, found: dict[str, Any]) -> None:
        if transport_id not in peer.transports or not peer.part_two:
            return
        downlink = self._downlinks.get(transport_id)
        if downlink is None:
            post = partial(self._post, [peer], "downlink-bandwidth")
            downlink = self._downlinks[transport_id] = _Downlink(post, self._now, self._later)
        downlink.note({"transportId": transport_id, **found})

    def _gone(self, transport_id: str) -> None:
        downlink = self._downlinks.pop(transport_id, None)
        if downlink is not None:
            downlink.forget()


class _Downlink:
    """What one transport's owner was told, and what waits to be told."""

    __slots__ = ("_later", "_latest", "_now", "_post", "_timer", "_told_at", "_told_paused")

    def __init__(
        self, post: Callable[[dict[str, Any]], None], now: Callable[[], Instant], later: Later
    ) -> None:
        self._post = post
        self._now = now
        self._later = later
        self._latest: dict[str, Any] = {}
        self._told_at: Instant | None = None
        self._told_paused: frozenset[str] = frozenset()
        self._timer: Timer | None = None

    def note(self, found: dict[str, Any]) -> None:
        self._latest = found
        wait = 0 if self._told_at is None else self._told_at + TELL_INTERVAL_US - self._now()
        if wait <= 0 or frozenset(found["pausedConsumerIds"]) != self._told_paused:
            self.tell()
        elif self._timer is None:
            self._timer = self._later(wait / MICROSECONDS, self.tell)

    def tell(self) -> None:
        self.forget()
        self._told_at = self._now()
        self._told_paused = frozenset(self._latest["pausedConsumerIds"])
        self._post(self._latest)

    def forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
