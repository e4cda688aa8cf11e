"""Who can hear whom: the transports, producers and observers of one room (mediasoup's ``Router``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rtpfwd import ortc
from rtpfwd.clock import Instant
from rtpfwd.errors import CallerError, InvalidState, LimitExceeded
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.active_speaker_observer import ActiveSpeakerObserver
from rtpfwd.sfu.audio_level_observer import AudioLevelObserver
from rtpfwd.sfu.checks import check_app_data, check_bitrate
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.dump import groups, pairs
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.rtp_observer import RtpObserver
from rtpfwd.sfu.webrtc_transport import WebRtcTransport


class Router(Emitter):
    """Made by ``Worker.create_router``. Producers of one router are invisible to all others."""

    EVENTS: ClassVar[frozenset[str]] = frozenset(("workerclose", "close"))

    def __init__(
        self,
        context: Context,
        media_codecs: Any,
        app_data: Any,
        on_close: Callable[[Router], None],
        offer_dependency_descriptor: bool = False,
        shard: int = 0,
    ) -> None:
        super().__init__(context.events)
        self.shard = shard
        self.app_data = check_app_data(app_data)
        self._offer_dependency_descriptor = offer_dependency_descriptor
        self.rtp_capabilities = self._capabilities(media_codecs)
        self.id = context.new_uuid()
        self.closed = False
        self.transports: dict[str, WebRtcTransport] = {}
        self.rtp_observers: dict[str, RtpObserver] = {}
        self._producers: dict[str, Producer] = {}
        self._context = context
        self._on_close = on_close

    def create_web_rtc_transport(
        self, app_data: Any = None, *, initial_available_outgoing_bitrate: int | None = None, now: Instant
    ) -> WebRtcTransport:
        """A transport for one peer. Raises ``LimitExceeded``, ``InvalidParameters`` and ``InvalidState``.

        ``initial_available_outgoing_bitrate``: what its downlink is taken to carry before anything is known,
        in bits per second; None for the worker's setting.
        """
        self._check_open()
        settings = self._context.settings
        if len(self._context.transports) >= settings.max_transports:
            raise LimitExceeded("max_transports")
        if self._context.half_open >= settings.max_half_open_handshakes:
            raise LimitExceeded("max_half_open_handshakes")
        transport = WebRtcTransport(
            self._context,
            lambda: self.rtp_capabilities,
            self._producers.get,
            check_app_data(app_data),
            self._transport_closed,
            self._producer_changed,
            _checked_bitrate(initial_available_outgoing_bitrate),
            self.shard,
        )
        self.transports[transport.id] = transport
        return transport

    def create_audio_level_observer(
        self, *, max_entries: int = 1, threshold: int = -80, interval_ms: float = 1000, app_data: Any = None
    ) -> AudioLevelObserver:
        """Tells at each interval (brought into 250 to 5000 ms) who reaches ``threshold`` (dBov, -127 to 0).

        Raises ``InvalidParameters`` and ``InvalidState``. mediasoup's defaults.
        """
        self._check_open()
        observer = AudioLevelObserver(
            self._context,
            self._producers.get,
            self._observer_closed,
            max_entries=max_entries,
            threshold=threshold,
            interval_ms=interval_ms,
            app_data=app_data,
        )
        self.rtp_observers[observer.id] = observer
        return observer

    def create_active_speaker_observer(
        self, *, interval_ms: float = 300, app_data: Any = None
    ) -> ActiveSpeakerObserver:
        """Tells who has the floor, looking at each interval (brought into 100 to 5000 ms).

        Raises ``InvalidParameters`` and ``InvalidState``. mediasoup's default.
        """
        self._check_open()
        observer = ActiveSpeakerObserver(
            self._context,
            self._producers.get,
            self._observer_closed,
            interval_ms=interval_ms,
            app_data=app_data,
        )
        self.rtp_observers[observer.id] = observer
        return observer

    def update_media_codecs(self, media_codecs: Any) -> None:
        """Other codecs for producers from now on; those that there are stay as they are.

        Raises ``InvalidParameters``, ``UnsupportedError`` and ``InvalidState``.
        """
        self._check_open()
        self.rtp_capabilities = self._capabilities(media_codecs)

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
        producers = self._producers.values()
        return {
            "id": self.id,
            "transportIds": list(self.transports),
            "rtpObserverIds": list(self.rtp_observers),
            "mapProducerIdConsumerIds": groups({one.id: one.watchers for one in producers}),
            "mapConsumerIdProducerId": pairs(
                {consumer: one.id for one in producers for consumer in one.watchers}
            ),
            "mapProducerIdObserverIds": groups({one.id: one.observers for one in producers}),
        }

    def _end(self, now: Instant) -> None:
        self.closed = True
        # First, or they would comment on each producer that goes.
        for observer in list(self.rtp_observers.values()):
            observer.router_closed()
        for transport in list(self.transports.values()):
            transport.router_closed(now=now)
        self._on_close(self)

    def _transport_closed(self, transport: WebRtcTransport) -> None:
        self.transports.pop(transport.id, None)

    def _observer_closed(self, observer: RtpObserver) -> None:
        self.rtp_observers.pop(observer.id, None)

    def _producer_changed(self, producer: Producer, added: bool) -> None:
        if added:
            self._producers[producer.id] = producer
        else:
            self._producers.pop(producer.id, None)

    def _capabilities(self, media_codecs: Any) -> JsonObject:
        capabilities = ortc.generate_router_rtp_capabilities(media_codecs)
        if self._offer_dependency_descriptor:
            ortc.offer_dependency_descriptor(capabilities)
        return capabilities

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("router is closed")


def _checked_bitrate(bitrate: Any) -> int | None:
    return None if bitrate is None else check_bitrate(bitrate)
