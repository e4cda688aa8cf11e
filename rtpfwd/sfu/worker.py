"""The front door: datagrams and time in, datagrams and events out (mediasoup's ``Worker`` and
``WebRtcServer`` in one).

Sans-IO. A driver feeds it and must, after any input (datagrams, a timer, a control call), send what
``transmit`` gives, hand out what ``events`` gives, and come back at ``next_timeout``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    DataPlane,
    DtlsReceived,
    KeyFrameNeeded,
    KeyFrameReceived,
    LayersSwitched,
    OrientationChanged,
    PacketsMissing,
    PacketTrace,
    ResolutionChanged,
    RtcpReceived,
    SourceSwitched,
    StreamStarted,
    StunReceived,
    UnknownSsrc,
    Upcall,
)
from rtpfwd.errors import InvalidState, MalformedPacket
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.ice_lite import Entropy, StunDrop
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.events import Emitter, Event
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.ledger import Ledger
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.router import Router
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.totals import totals
from rtpfwd.sfu.tunable_list import TUNABLES
from rtpfwd.sfu.tunables import Tunables
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Datagram

MAX_UPCALL_ROUNDS = 4  # an answer to an upcall (a claimed SSRC) can raise others


class Worker(Emitter):
    """Routers and one UDP port (or one for each address) behind one data plane.

    ``entropy`` gives random bytes for ids, credentials and first numbers; ``unix_us_at_zero`` is the wall
    clock in microseconds since 1970 at Instant 0.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset(("close",))

    def __init__(
        self,
        plane: DataPlane,
        *,
        settings: WorkerSettings,
        dtls_context: DtlsContext,
        listen: Sequence[ListenAddress],
        entropy: Entropy,
        unix_us_at_zero: int,
    ) -> None:
        self._context = Context(plane, settings, dtls_context, tuple(listen), entropy, unix_us_at_zero)
        super().__init__(self._context.events)
        self.routers: dict[str, Router] = {}
        self.tunables = Tunables(self._context, TUNABLES)
        """Settings that can be read and changed while the worker runs."""
        self.closed = False
        self._stun_drops: Counter[str] = Counter()

    @property
    def context(self) -> Context:
        """What its objects share; for drivers that look closer, as captures do."""
        return self._context

    # -- mediasoup's methods -------------------------------------------------------------------------------

    def create_router(
        self, media_codecs: Any = (), app_data: Any = None, *, offer_dependency_descriptor: bool = False
    ) -> Router:
        """A router for these codecs. Raises ``InvalidParameters``, ``UnsupportedError``, ``InvalidState``.

        ``offer_dependency_descriptor``: also to consumers, which mediasoup does not; AV1 with spatial layers
        needs it.
        """
        if self.closed:
            raise InvalidState("worker is closed")
        router = Router(
            self._context,
            media_codecs,
            app_data,
            self._router_closed,
            offer_dependency_descriptor,
            self._least_loaded_shard(),
        )
        self.routers[router.id] = router
        return router

    def close(self, *, now: Instant) -> None:
        """Close all routers; what they say goodbye with is in ``transmit``. Twice does nothing."""
        if self.closed:
            return
        self.closed = True
        for router in list(self.routers.values()):
            router.worker_closed(now=now)
        self._emit("close")

    def dump(self) -> JsonObject:
        """Ids of all that there is, and the drop counters."""
        return {
            "routerIds": list(self.routers),
            "webRtcTransportIds": [one.id for one in self._context.transports.values()],
            "localIceUsernameFragments": len(self._context.by_ufrag),
            "counters": self.counters(),
        }

    @property
    def ledger(self) -> Ledger:
        """What was decided, and why."""
        return self._context.ledger

    def counters(self) -> JsonObject:
        """Datagrams by kind, drops by reason and what streams counted (``totals.NAMES``), since the start."""
        plane = self._context.plane.counters()
        drops: Counter[str] = Counter({reason.name.lower(): count for reason, count in plane.drops.items()})
        drops.update(self._stun_drops)
        drops.update(self._context.closed_drops)
        for transport in self._context.transports.values():
            drops.update(transport.secure.drop_counts())
            drops.update(transport.media.drops())
        sums, send_drops = totals(self._context)
        return {
            "datagrams": plane.datagrams,
            "stun": plane.stun,
            "dtls": plane.dtls,
            "rtcp": plane.rtcp,
            "rtp": plane.rtp,
            "held": plane.held,
            "forwarded": plane.forwarded,
            "drops": dict(sorted(drops.items())),
            "streams": sums,
            "sendDrops": send_drops,
        }

    # -- for the driver ------------------------------------------------------------------------------------

    def receive(self, arrived: Sequence[Datagram], now: Instant) -> None:
        """Take datagrams. Never raises on what they hold."""
        self._context.outgoing += self._context.plane.forward(arrived, now)
        self._take_upcalls(now)

    def next_timeout(self) -> Instant | None:
        """When ``handle_timeout`` has something to do; in the past means at once."""
        of_plane = self._context.plane.next_timeout()
        of_timers = self._context.timers.next_timeout()
        if of_plane is None or of_timers is None:
            return of_timers if of_plane is None else of_plane
        return min(of_plane, of_timers)

    def handle_timeout(self, now: Instant) -> None:
        """Do what is due."""
        # Control calls may have left upcalls (packets that waited for their producer).
        self._take_upcalls(now)
        self._context.outgoing += self._context.plane.handle_timeout(now)
        self._take_upcalls(now)
        for number, deadline in self._context.timers.pop_due(now):
            owner = self._context.deadline_owners.get(number)
            if owner is not None:
                owner.handle_deadline(deadline, now)

    def transmit(self) -> list[Datagram]:
        """Datagrams to send, in order."""
        context = self._context
        out, context.outgoing = context.outgoing, []
        return out

    def events(self) -> list[Event]:
        """Events since the last call, in order; for ``events.deliver``."""
        found = list(self._context.events)
        self._context.events.clear()
        return found

    # -- inside --------------------------------------------------------------------------------------------

    def _take_upcalls(self, now: Instant) -> None:
        for _ in range(MAX_UPCALL_ROUNDS):
            upcalls = self._context.plane.take_upcalls()
            if not upcalls:
                return
            for upcall in upcalls:
                self._take(upcall, now)

    def _take(self, upcall: Upcall, now: Instant) -> None:
        context = self._context
        match upcall:
            case StunReceived():
                self._receive_stun(upcall, now)
            case RtcpReceived(transport=number, data=data):
                transport = context.transports.get(number)
                if transport is not None:
                    transport.media.receive(data, now)
            case DtlsReceived(transport=number, data=data, path=path):
                transport = context.transports.get(number)
                if transport is not None:
                    transport.receive_dtls(data, path, now)
            case UnknownSsrc(transport=number):
                transport = context.transports.get(number)
                if transport is not None:
                    transport.receive_unknown(upcall, now)
            case PacketTrace():
                self._take_trace(upcall, now)
            case LayersSwitched(stream=send_stream):
                consumer = context.consumers.get(send_stream)
                if consumer is not None:
                    consumer.switched(now)
            case SourceSwitched(stream=send_stream):
                consumer = context.consumers.get(send_stream)
                if consumer is not None:
                    consumer.switched(now)
                    context.transports[consumer.transport].media.tell_clock(consumer, now)
            case _:
                self._take_stream_upcall(upcall, now)

    def _take_stream_upcall(self, upcall: Upcall, now: Instant) -> None:
        stream, transport = self._publisher(upcall)
        if stream is None or transport is None:
            return
        match upcall:
            case StreamStarted():
                stream.producer.set_active(stream, True, now)
            case PacketsMissing():
                transport.media.packets_missing(now)
            case KeyFrameReceived():
                transport.media.key_frame_received(stream, now)
            case KeyFrameNeeded():
                stream.producer.ask_key_frame(stream, now)
            case ResolutionChanged(resolutions=sizes):
                stream.producer.note_resolution(stream, sizes, now)
            case OrientationChanged(value=value):
                stream.producer.note_orientation(value)

    def _take_trace(self, trace: PacketTrace, now: Instant) -> None:
        if trace.receive_stream is not None:
            stream = self._context.incoming.get(trace.receive_stream)
            if stream is not None:
                stream.producer.traces.tell_packet(trace, "in", now)
        elif trace.send_stream is not None:
            consumer = self._context.consumers.get(trace.send_stream)
            if consumer is not None:
                consumer.traces.tell_packet(trace, "out", now)

    def _publisher(self, upcall: Upcall) -> tuple[IncomingStream | None, WebRtcTransport | None]:
        stream_id = getattr(upcall, "stream", None)
        stream = self._context.incoming.get(stream_id) if stream_id is not None else None
        if stream is None:
            return None, None
        return stream, self._context.transports.get(stream.producer.transport)

    def _receive_stun(self, upcall: StunReceived, now: Instant) -> None:
        try:
            view = stun.parse(upcall.data)
        except MalformedPacket:
            self._stun_drops[StunDrop.MALFORMED.value] += 1
            return
        ufrag = view.local_ufrag
        transport = self._context.by_ufrag.get(ufrag) if ufrag is not None else None
        if transport is None:
            # No reply: it would make a reflector of us.
            self._stun_drops[StunDrop.UNKNOWN_UFRAG.value] += 1
            return
        if self._context.shard_of(upcall.path) != transport.shard:
            self._stun_drops[StunDrop.UNKNOWN_UFRAG.value] += 1  # it was told another port
            return
        transport.receive_stun(view, upcall.path, now)

    def _least_loaded_shard(self) -> int:
        """The part of the plane with the fewest transports, then with the fewest routers."""
        load = {one.shard: [0, 0] for one in self._context.listen}
        for router in self.routers.values():
            here = load.setdefault(router.shard, [0, 0])
            here[0] += len(router.transports)
            here[1] += 1
        return min(load, key=lambda shard: (*load[shard], shard), default=0)

    def _router_closed(self, router: Router) -> None:
        self.routers.pop(router.id, None)
