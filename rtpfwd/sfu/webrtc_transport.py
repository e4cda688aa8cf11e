"""One peer's transport: secure path, producers and consumers (mediasoup's ``WebRtcTransport``).

This object owns and forwards; the work is done by ``SecureTransport`` (ICE, DTLS), ``MediaControl`` (RTCP)
and ``RtpListener`` (whose SSRC is it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import TransportId, UnknownSsrc
from rtpfwd.errors import InvalidParameters, InvalidState, LimitExceeded, NotFoundError
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import parse_rtp_parameters
from rtpfwd.protocols.dtls_states import DtlsState, DtlsStateChanged, KeysReady
from rtpfwd.protocols.ice_lite import (
    IceLite,
    IceStateChanged,
    LocalUfragRemoved,
    SelectedTupleChanged,
    TupleAdded,
    TupleRemoved,
)
from rtpfwd.protocols.secure_transport import SecureEvent, SecureTransport
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.sfu import transport_stats
from rtpfwd.sfu.checks import check_app_data, check_bitrate
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.context import Context, Deadline
from rtpfwd.sfu.dtls_parameters import dtls_parameters, parse_dtls_parameters
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.listen import ice_candidates, transport_tuple
from rtpfwd.sfu.media_control import MediaControl
from rtpfwd.sfu.negotiation import Negotiation
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.rtp_listener import RtpListener
from rtpfwd.sfu.traces import TRANSPORT_TYPES, Traces
from rtpfwd.wire.datagram import Path
from rtpfwd.wire.stun import StunView


class WebRtcTransport(Emitter):
    """Made by ``Router.create_web_rtc_transport``."""

    EVENTS: ClassVar[frozenset[str]] = frozenset(
        (
            "icestatechange",
            "iceselectedtuplechange",
            "dtlsstatechange",
            "downlinkbandwidth",
            "trace",
            "routerclose",
            "close",
        )
    )

    def __init__(
        self,
        context: Context,
        router_rtp_capabilities: Callable[[], JsonObject],
        find_producer: Callable[[str], Producer | None],
        app_data: JsonObject,
        on_close: Callable[[WebRtcTransport], None],
        on_producer: Callable[[Producer, bool], None],
        initial_available_outgoing_bitrate: int | None = None,
        shard: int = 0,
    ) -> None:
        super().__init__(context.events)
        self.number = TransportId(context.next_id())
        self.shard = shard
        listen = context.listen_of(shard)
        self.id = context.new_uuid()
        self.app_data = app_data
        self.closed = False
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.ice_candidates = ice_candidates(listen)
        ice = IceLite(
            context.entropy,
            consent_timeout_us=context.settings.consent_timeout_us,
            own_addresses=[(one.address, one.port) for one in listen],
            error_budget=context.error_budget,
        )
        self.secure = SecureTransport(ice, context.dtls_context)
        self.traces = Traces(TRANSPORT_TYPES, lambda trace: self._emit("trace", trace), context.unix_ms)
        self.media = MediaControl(
            context,
            self.number,
            self.id,
            int.from_bytes(context.entropy(4)) | 1,
            lambda found: self._emit("downlinkbandwidth", found),
            lambda kind, info, now: self.traces.tell(kind, "out", info, now),
        )
        if initial_available_outgoing_bitrate is not None:
            self.media.bandwidth.initial_bps = initial_available_outgoing_bitrate
        self.listener = RtpListener()
        self._context = context
        self._find_producer = find_producer
        self._on_close = on_close
        self._on_producer = on_producer
        self._negotiation = Negotiation(
            router_rtp_capabilities, context.entropy, lambda: context.new_uuid()[:8]
        )
        self._half_open = False
        context.plane.add_transport(self.number, shard)
        context.transports[self.number] = self
        context.deadline_owners[self.number] = self
        self._index_ufrags()

    # -- mediasoup's methods -------------------------------------------------------------------------------

    @property
    def ice_parameters(self) -> JsonObject:
        """``{usernameFragment, password, iceLite}``."""
        ice = self.secure.ice
        return {"usernameFragment": ice.ufrag, "password": ice.password, "iceLite": True}

    @property
    def dtls_parameters(self) -> JsonObject:
        """Our role and fingerprints."""
        return dtls_parameters(self.secure.dtls_role, self.secure.fingerprints)

    @property
    def ice_state(self) -> str:
        """new, connected, completed, disconnected or closed."""
        return self.secure.ice_state.value

    @property
    def dtls_state(self) -> str:
        """new, connecting, connected, failed or closed."""
        return self.secure.dtls_state.value

    @property
    def ice_selected_tuple(self) -> JsonObject | None:
        """``{localAddress, localPort, remoteIp, remotePort, protocol}``, or None."""
        path = self.secure.selected
        return None if path is None else transport_tuple(path, self._context.listen)

    @property
    def dtls_remote_cert(self) -> str | None:
        """The peer's certificate in PEM, once DTLS is connected."""
        return self.secure.remote_certificate_pem

    def connect(self, dtls_parameters: Any, *, now: Instant) -> None:
        """What signaling says of the peer. Raises ``InvalidParameters``; ``InvalidState`` when called
        twice.
        """
        self._check_open()
        role, fingerprints = parse_dtls_parameters(dtls_parameters)
        self.secure.connect(role, fingerprints, now)
        self._after_secure(now)

    def set_srtp_keys(self, keys: SrtpKeys, *, now: Instant) -> None:
        """Keys in place of a DTLS handshake, for replays and tests. Raises ``InvalidState`` when DTLS has
        begun.
        """
        self._check_open()
        self.secure.set_keys(keys)
        self._after_secure(now)

    def restart_ice(self, *, now: Instant) -> JsonObject:
        """New ICE parameters; the old ones hold until the first check with the new ones."""
        self._check_open()
        self.secure.restart_ice(self._context.entropy, now)
        self._index_ufrags()
        self._after_secure(now)
        return self.ice_parameters

    def set_max_incoming_bitrate(self, bitrate_bps: int) -> None:
        """Tell publishers by REMB to stay below; 0: no limit. Raises ``InvalidParameters`` beyond 32 bits."""
        self.media.max_incoming_bps = check_bitrate(bitrate_bps)

    def set_max_outgoing_bitrate(self, bitrate_bps: int, *, now: Instant) -> None:
        """The estimate of the peer's downlink stays below; 0: no limit. Raises ``InvalidParameters``."""
        self._check_open()
        self.media.bandwidth.set_limits(self.media.bandwidth.min_bps, bitrate_bps, now)

    def set_min_outgoing_bitrate(self, bitrate_bps: int, *, now: Instant) -> None:
        """The estimate of the peer's downlink stays above; 0: no limit. Raises ``InvalidParameters``."""
        self._check_open()
        self.media.bandwidth.set_limits(bitrate_bps, self.media.bandwidth.max_bps, now)

    def enable_trace_event(self, types: Iterable[str] = ()) -> None:
        """Emit ``trace`` for these of probation, bwe. Raises ``InvalidParameters``."""
        self._check_open()
        self.traces.enable(types)

    def produce(
        self, kind: Any, rtp_parameters: Any, paused: bool = False, app_data: Any = None, *, now: Instant
    ) -> Producer:
        """Receive media. Raises ``InvalidParameters``, ``UnsupportedError``, ``LimitExceeded``,
        ``InvalidState``.
        """
        self._check_open()
        if kind not in ("audio", "video"):
            raise InvalidParameters(f"invalid kind {str(kind)[:20]!r}")
        if len(self.producers) >= self._context.settings.max_producers_per_transport:
            raise LimitExceeded("max_producers_per_transport")
        app_data = check_app_data(app_data)
        terms = self._negotiation.producer(kind, rtp_parameters)
        producer = Producer(
            self._context, self.number, self._context.new_uuid(), kind, terms.rtp_parameters,
            terms.parameters, terms.consumable, terms.mapping, bool(paused), app_data,
            self._producer_closed, self.media.ask_key_frame,
        )  # fmt: skip
        for ssrc in producer.signaled_ssrcs():
            if ssrc in self.media.consumers:
                raise InvalidParameters(f"ssrc {ssrc} is one that this transport sends with")
        self.listener.add(producer)
        self.producers[producer.id] = producer
        self._on_producer(producer, True)
        extensions = {
            item.uri: item.id for one in self.producers.values() for item in one.parameters.header_extensions
        }
        self._context.plane.set_receive_extensions(self.number, extensions)
        producer.open_signaled_streams()
        self.media.index(producer)
        self.media.add_producer(producer, now)
        # Its packets may be here before its signaling.
        self._context.plane.retry_unknown(self.number)
        return producer

    def consume(
        self,
        producer_id: Any,
        rtp_capabilities: Any,
        paused: bool = False,
        app_data: Any = None,
        preferred_layers: Any = None,
        enable_rtx: bool | None = None,
        mid: str | None = None,
        ignore_dtx: bool = False,
        *,
        now: Instant,
    ) -> Consumer:
        """Send media of a producer of this router.

        Raises ``InvalidParameters``, ``NotFoundError``, ``UnsupportedError``, ``LimitExceeded``,
        ``InvalidState``.
        """
        self._check_open()
        if not isinstance(producer_id, str) or not producer_id:
            raise InvalidParameters("missing producerId")
        if len(self.consumers) >= self._context.settings.max_consumers_per_transport:
            raise LimitExceeded("max_consumers_per_transport")
        app_data = check_app_data(app_data)
        producer = self._find_producer(producer_id)
        if producer is None:
            raise NotFoundError(f'Producer with id "{producer_id[:64]}" not found')
        rtp_parameters = self._negotiation.consumer(producer, rtp_capabilities, enable_rtx, mid)
        consumer = Consumer(
            self._context, self.number, self._context.new_uuid(), producer, rtp_parameters,
            parse_rtp_parameters(rtp_parameters), bool(paused), app_data, self._consumer_closed,
            self.media.is_reachable, self.media.bandwidth.allocate, ignore_dtx,
        )  # fmt: skip
        self.consumers[consumer.id] = consumer
        if preferred_layers is not None:
            consumer.set_preferred_layers(preferred_layers, now=now)
        self.media.add_consumer(consumer, now)
        return consumer

    def close(self, *, now: Instant) -> None:
        """Close it with its producers and consumers, and tell the peer by close_notify; twice does
        nothing.
        """
        if not self.closed:
            self._end(now)
            self._emit("close")

    def router_closed(self, *, now: Instant) -> None:
        """Its router closed."""
        if not self.closed:
            self._end(now)
            self._emit("routerclose")
            self._emit("close")

    def get_stats(self, *, now: Instant) -> list[JsonObject]:
        """One ``webrtc-transport``."""
        return [transport_stats.webrtc_transport(self._context, self, now)]

    def dump(self) -> JsonObject:
        """Everything, for people who debug."""
        return transport_stats.dump(self)

    # -- for the worker ------------------------------------------------------------------------------------

    def receive_stun(self, view: StunView, path: Path, now: Instant) -> None:
        """A STUN message that names this transport's ufrag."""
        self.secure.receive_stun(view, path, now)
        self._after_secure(now)

    def receive_dtls(self, data: bytes, path: Path, now: Instant) -> None:
        """A DTLS datagram from a validated tuple."""
        self.secure.receive(data, path, now)
        self._after_secure(now)

    def receive_unknown(self, unknown: UnknownSsrc, now: Instant) -> None:
        """A new SSRC."""
        producer = self.listener.find(unknown)
        taken = unknown.ssrc in self.media.incoming or unknown.ssrc in self.media.consumers
        if producer is not None and not taken and producer.claim(unknown, now):
            self.listener.learn(unknown.ssrc, producer)
            self.media.index(producer)

    def handle_deadline(self, deadline: Deadline, now: Instant) -> None:
        """One of this transport's deadlines is due."""
        if deadline is Deadline.SECURE:
            self.secure.handle_timeout(now)
            self._after_secure(now)
        else:
            self.media.handle(deadline, now)

    # -- inside --------------------------------------------------------------------------------------------

    def _after_secure(self, now: Instant) -> None:
        for event in self.secure.events():
            self._take(event, now)
        for datagram in self.secure.transmit():
            self.media.bytes_sent += len(datagram[0])
            self._context.outgoing.append(datagram)
        key = (self.number, Deadline.SECURE)
        deadline = self.secure.next_timeout()
        if deadline is None or self.closed:
            self._context.timers.cancel(key)
        else:
            self._context.timers.set(key, deadline)

    def _take(self, event: SecureEvent, now: Instant) -> None:
        plane = self._context.plane
        match event:
            case TupleAdded(path=path):
                plane.add_path(self.number, path)
            case TupleRemoved(path=path):
                plane.remove_path(path)
            case SelectedTupleChanged(path=selected):
                plane.select_path(self.number, selected)
                self.media.select(selected, now)
                self._emit("iceselectedtuplechange", self.ice_selected_tuple)
            case LocalUfragRemoved(ufrag=ufrag):
                self._context.by_ufrag.pop(ufrag, None)
            case IceStateChanged(state=state):
                self._emit("icestatechange", state.value)
            case KeysReady(keys=keys):
                plane.set_keys(self.number, keys)
                self.media.start(keys, now)
            case DtlsStateChanged(state=dtls_state):
                self._note_half_open(dtls_state is DtlsState.CONNECTING)
                self._emit("dtlsstatechange", dtls_state.value)
            case _:
                pass  # Closed: dtlsstatechange has said it

    def _note_half_open(self, half_open: bool) -> None:
        if half_open != self._half_open:
            self._half_open = half_open
            self._context.half_open += 1 if half_open else -1

    def _index_ufrags(self) -> None:
        for ufrag in self.secure.ice.local_ufrags():
            self._context.by_ufrag[ufrag] = self

    def _producer_closed(self, producer: Producer, now: Instant) -> None:
        self.producers.pop(producer.id, None)
        self.listener.remove(producer)
        self.media.remove_producer(producer)
        self._on_producer(producer, False)

    def _consumer_closed(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.id, None)
        self.media.remove_consumer(consumer)

    def _end(self, now: Instant) -> None:
        self.closed = True
        for producer in list(self.producers.values()):
            producer.transport_closed(now=now)
        for consumer in list(self.consumers.values()):
            consumer.transport_closed(now)
        self.secure.close()
        self._after_secure(now)
        self._note_half_open(False)
        self._context.closed_drops += self.secure.drop_counts() + self.media.drops()
        self._context.plane.remove_transport(self.number)
        for deadline in Deadline:
            self._context.timers.cancel((self.number, deadline))
        del self._context.transports[self.number]
        del self._context.deadline_owners[self.number]
        self._on_close(self)

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("transport is closed")
