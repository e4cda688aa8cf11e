"""Several kernels as one data plane: each has its own thread, its own sockets and the transports given to it.

Media goes between transports of one shard only; whoever adds transports sees to that (a router stays on one
shard, as mediasoup's routers stay on one worker). Everything else of the control plane sees one plane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    AudioLevelSample,
    DataPlane,
    Drop,
    Layers,
    NacksDue,
    PlaneCounters,
    ProbatorSpec,
    Probe,
    ReceiveCounters,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendCounters,
    SendStreamId,
    SendStreamSpec,
    TransportCounters,
    TransportId,
    Upcall,
)
from rtpfwd.dataplane.kernel import Kernel
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path


class KernelPlane(DataPlane, Kernel, Protocol):
    """A plane that can run by itself."""


class ShardedPlane:
    """``DataPlane`` and ``Kernel``. ``sockets`` says how many of the sockets given to ``start`` each shard
    has, in order; the ``local`` of a path counts them through.
    """

    def __init__(self, planes: Sequence[KernelPlane], sockets: Sequence[int]) -> None:
        self._planes = list(planes)
        self._sockets = list(sockets)
        self._transports: dict[TransportId, KernelPlane] = {}
        self._receive: dict[ReceiveStreamId, tuple[KernelPlane, TransportId]] = {}
        self._send: dict[SendStreamId, tuple[KernelPlane, TransportId]] = {}
        self._paths: dict[Path, TransportId] = {}

    # -- Kernel --------------------------------------------------------------------------------------------

    def start(self, sockets: Sequence[int], bell: int = -1, first_local: int = 0) -> int:
        """One thread for each shard, and one descriptor that tells of upcalls of all."""
        for plane, count in zip(self._planes, self._sockets, strict=True):
            bell = plane.start(sockets[:count], bell, first_local)
            sockets = sockets[count:]
            first_local += count
        return bell

    def heard(self) -> None:
        """Quiet the descriptor of them all."""
        self._planes[0].heard()

    def stop(self) -> None:
        """End all threads."""
        for plane in self._planes:
            plane.stop()

    def socket_counters(self) -> dict[str, int]:
        """Sums over all shards."""
        total: Counter[str] = Counter()
        for plane in self._planes:
            total.update(plane.socket_counters())
        return dict(total)

    # -- tables --------------------------------------------------------------------------------------------

    def add_transport(self, transport: TransportId, shard: int = 0) -> None:
        """See ``DataPlane``, as for all below."""
        if transport in self._transports or not 0 <= shard < len(self._planes):
            raise InvalidState(f"transport {transport}: already in the table, or there is no shard {shard}")
        self._planes[shard].add_transport(transport)
        self._transports[transport] = self._planes[shard]

    def set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """Keys."""
        self._of(transport).set_keys(transport, keys)

    def set_receive_extensions(self, transport: TransportId, extension_ids: Mapping[str, int]) -> None:
        """Header extensions of what comes."""
        self._of(transport).set_receive_extensions(transport, extension_ids)

    def add_path(self, transport: TransportId, path: Path) -> None:
        """A validated 5-tuple, of one of the shard's own sockets."""
        self._of(transport).add_path(transport, path)
        self._paths[path] = transport

    def remove_path(self, path: Path) -> None:
        """Forget a 5-tuple."""
        owner = self._paths.pop(path, None)
        if owner is not None:
            self._of(owner).remove_path(path)

    def select_path(self, transport: TransportId, path: Path | None) -> None:
        """Where output goes."""
        self._of(transport).select_path(transport, path)

    def add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        """A receive stream."""
        plane = self._of(spec.transport)
        plane.add_receive_stream(stream, spec)
        self._receive[stream] = plane, spec.transport

    def add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        """Its RTX SSRC."""
        self._receiving(stream).add_rtx_ssrc(stream, ssrc)

    def set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        """Pause what comes."""
        self._receiving(stream).set_receive_paused(stream, paused)

    def add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        """A send stream."""
        plane = self._of(spec.transport)
        plane.add_send_stream(stream, spec)
        self._send[stream] = plane, spec.transport

    def set_source(
        self,
        stream: SendStreamId,
        source: ReceiveStreamId | None,
        now: Instant,
        layers: Layers = ALL_LAYERS,
    ) -> None:
        """What it forwards; a source of another shard is unknown to it (``InvalidState``)."""
        self._sending(stream).set_source(stream, source, now, layers)

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """Pause what goes."""
        self._sending(stream).set_send_paused(stream, paused)

    def set_receive_traced(self, stream: ReceiveStreamId, traced: bool) -> None:
        """Tell every packet that arrives."""
        self._receiving(stream).set_receive_traced(stream, traced)

    def set_send_traced(self, stream: SendStreamId, traced: bool) -> None:
        """Tell every packet that leaves."""
        self._sending(stream).set_send_traced(stream, traced)

    def set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        """How fast packets leave."""
        self._of(transport).set_pacing_rate(transport, rate_bps)

    def set_probator(self, transport: TransportId, spec: ProbatorSpec | None) -> None:
        """The padding stream."""
        self._of(transport).set_probator(transport, spec)

    def probe(self, transport: TransportId, probe: Probe, now: Instant) -> list[Datagram]:
        """Begin a probe."""
        return self._of(transport).probe(transport, probe, now)

    def remove_transport(self, transport: TransportId) -> None:
        """Remove it with its streams."""
        self._of(transport).remove_transport(transport)
        del self._transports[transport]
        self._paths = {path: owner for path, owner in self._paths.items() if owner != transport}
        self._receive = {one: place for one, place in self._receive.items() if place[1] != transport}
        self._send = {one: place for one, place in self._send.items() if place[1] != transport}

    def remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        """Forget a receive stream."""
        self._receiving(stream).remove_receive_stream(stream)
        del self._receive[stream]

    def remove_send_stream(self, stream: SendStreamId) -> None:
        """Forget a send stream."""
        self._sending(stream).remove_send_stream(stream)
        del self._send[stream]

    def retry_unknown(self, transport: TransportId) -> None:
        """Ask again."""
        self._of(transport).retry_unknown(transport)

    # -- packets -------------------------------------------------------------------------------------------

    def forward(self, arrived: Sequence[Datagram], now: Instant) -> list[Datagram]:
        """Nothing: the threads do it."""
        if arrived:
            raise InvalidState("the sockets are the plane's own")
        return []

    def retransmit(
        self, stream: SendStreamId, sequence_numbers: Sequence[int], rtt_us: int, now: Instant
    ) -> list[Datagram]:
        """Answer a NACK."""
        return self._sending(stream).retransmit(stream, sequence_numbers, rtt_us, now)

    def next_timeout(self) -> Instant | None:
        """Never: the threads look after that."""
        return None

    def handle_timeout(self, now: Instant) -> list[Datagram]:
        """Nothing: the threads do it."""
        return []

    # -- what the control plane must know ------------------------------------------------------------------

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls of all shards; those of one are in order."""
        return [one for plane in self._planes for one in plane.take_upcalls()]

    def take_arrivals(self, transport: TransportId) -> list[tuple[int, Instant]]:
        """Arrivals."""
        return self._of(transport).take_arrivals(transport)

    def take_departures(self, transport: TransportId) -> list[tuple[int, Instant, int, int]]:
        """Departures."""
        return self._of(transport).take_departures(transport)

    def take_audio_levels(self, stream: ReceiveStreamId) -> list[AudioLevelSample]:
        """Audio levels."""
        return self._receiving(stream).take_audio_levels(stream)

    def due_nacks(self, stream: ReceiveStreamId, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask for."""
        return self._receiving(stream).due_nacks(stream, rtt_us, now)

    def receive_counters(self, stream: ReceiveStreamId) -> ReceiveCounters:
        """Totals."""
        return self._receiving(stream).receive_counters(stream)

    def send_counters(self, stream: SendStreamId) -> SendCounters:
        """Totals."""
        return self._sending(stream).send_counters(stream)

    def transport_counters(self, transport: TransportId) -> TransportCounters:
        """Totals."""
        return self._of(transport).transport_counters(transport)

    def counters(self) -> PlaneCounters:
        """Sums over all shards."""
        parts = [plane.counters() for plane in self._planes]
        drops: Counter[Drop] = Counter()
        for part in parts:
            drops.update(part.drops)
        return PlaneCounters(
            datagrams=sum(part.datagrams for part in parts),
            stun=sum(part.stun for part in parts),
            dtls=sum(part.dtls for part in parts),
            rtcp=sum(part.rtcp for part in parts),
            rtp=sum(part.rtp for part in parts),
            held=sum(part.held for part in parts),
            forwarded=sum(part.forwarded for part in parts),
            drops=dict(drops),
        )

    # -- inside --------------------------------------------------------------------------------------------

    def _of(self, transport: TransportId) -> KernelPlane:
        plane = self._transports.get(transport)
        if plane is None:
            raise InvalidState(f"no transport {transport} in the table")
        return plane

    def _receiving(self, stream: ReceiveStreamId) -> KernelPlane:
        place = self._receive.get(stream)
        if place is None:
            raise InvalidState(f"no receive stream {stream} in the table")
        return place[0]

    def _sending(self, stream: SendStreamId) -> KernelPlane:
        place = self._send.get(stream)
        if place is None:
            raise InvalidState(f"no send stream {stream} in the table")
        return place[0]
