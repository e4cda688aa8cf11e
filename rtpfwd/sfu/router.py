"""Who can hear whom: the transports and producers of one room (mediasoup's ``Router``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rtpfwd import ortc
from rtpfwd.clock import Instant
from rtpfwd.errors import CallerError, InvalidState, LimitExceeded
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.context import Context, check_app_data
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.webrtc_transport import WebRtcTransport, is_half_open


class Router(Emitter):
    """Made by ``Worker.create_router``. Producers of one router are invisible to all others."""

    EVENTS: ClassVar[frozenset[str]] = frozenset(("workerclose", "close"))

    def __init__(
        self,
        context: Context,
        media_codecs: Any,
        app_data: Any,
        on_close: Callable[[Router], None],
    ) -> None:
        super().__init__(context.events)
        self.app_data = check_app_data(app_data)
        self.rtp_capabilities = ortc.generate_router_rtp_capabilities(media_codecs)
        self.id = context.new_uuid()
        self.closed = False
        self.transports: dict[str, WebRtcTransport] = {}
        self._producers: dict[str, Producer] = {}
        self._context = context
        self._on_close = on_close

    def create_web_rtc_transport(self, app_data: Any = None, *, now: Instant) -> WebRtcTransport:
        """A transport for one peer. Raises ``LimitExceeded`` and ``InvalidState``."""
        self._check_open()
        settings = self._context.settings
        existing = self._context.transports.values()
        if len(existing) >= settings.max_transports:
            raise LimitExceeded("max_transports")
        if sum(map(is_half_open, existing)) >= settings.max_half_open_handshakes:
            raise LimitExceeded("max_half_open_handshakes")
        transport = WebRtcTransport(
            self._context,
            self.rtp_capabilities,
            self._producers.get,
            check_app_data(app_data),
            self._transport_closed,
            self._producer_changed,
        )
        self.transports[transport.id] = transport
        return transport

    def can_consume(self, producer_id: str, rtp_capabilities: Any) -> bool:
        """Whether a peer with these capabilities can be sent this producer.

        Never raises: an unknown producer and broken capabilities are a no, as in mediasoup.
        """
        producer = self._producers.get(producer_id) if isinstance(producer_id, str) else None
        if producer is None:
            return False
        try:
            return ortc.can_consume(producer.consumable_rtp_parameters, rtp_capabilities)
        except CallerError:
            return False

    def close(self, *, now: Instant) -> None:
        """Close it with its transports; twice does nothing."""
        if not self.closed:
            self._end(now)
            self._emit("close")

    def worker_closed(self, *, now: Instant) -> None:
        """Its worker closed."""
        if not self.closed:
            self._end(now)
            self._emit("workerclose")
            self._emit("close")

    def dump(self) -> JsonObject:
        """Who is connected to whom."""
        return {
            "id": self.id,
            "transportIds": list(self.transports),
            "mapProducerIdConsumerIds": {one.id: list(one.watchers) for one in self._producers.values()},
            "mapConsumerIdProducerId": {
                consumer: one.id for one in self._producers.values() for consumer in one.watchers
            },
        }

    def _end(self, now: Instant) -> None:
        self.closed = True
        for transport in list(self.transports.values()):
            transport.router_closed(now=now)
        self._on_close(self)

    def _transport_closed(self, transport: WebRtcTransport) -> None:
        self.transports.pop(transport.id, None)

    def _producer_changed(self, producer: Producer, added: bool) -> None:
        if added:
            self._producers[producer.id] = producer
        else:
            self._producers.pop(producer.id, None)

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("router is closed")
