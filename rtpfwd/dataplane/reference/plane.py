"""The reference data plane, in readable Python: the oracle of every other plane.

A packet's way: ``ingress`` classifies, finds the transport, unprotects, parses, finds the stream, counts and
orders; ``_route`` here hands it to each send stream, which renumbers, writes and protects. Nothing from the
network raises out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    AudioLevelSample,
    Drop,
    KeyFrameNeeded,
    KeyFrameReceived,
    Layers,
    NacksDue,
    OrientationChanged,
    PacketsMissing,
    PlaneCounters,
    PlaneLimits,
    ProbatorSpec,
    Probe,
    ReceiveCounters,
    ReceiveStreamId,
    ReceiveStreamSpec,
    ResolutionChanged,
    SendCounters,
    SendStreamId,
    SendStreamSpec,
    SourceSwitched,
    TransportCounters,
    TransportId,
    Upcall,
)
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.ingress import Ingress
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.route_table import RouteTable, Transport
from rtpfwd.dataplane.reference.send_stream import SendStream
from rtpfwd.dataplane.reference.turns import take_turn
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.protocols.srtp import RtpReceiver, RtpSender, SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path
from rtpfwd.wire.header_extensions import VIDEO_ORIENTATION


class ReferencePlane:
    """``DataPlane`` in pure Python, over pylibsrtp. See interface.py for what each method promises."""

    def __init__(self, limits: PlaneLimits | None = None) -> None:
        self._limits = limits or PlaneLimits()
        self._table = RouteTable()
        self._send_streams: dict[SendStreamId, SendStream] = {}
        # Shared by send streams of equal terms, and gone with the last of them.
        self._layouts: WeakValueDictionary[tuple[tuple[tuple[str, int], ...], bytes], Layout] = (
            WeakValueDictionary()
        )
        self._upcalls: list[Upcall] = []
        self._ingress = Ingress(self._table, self._limits, self._upcalls, self._route, self._absorb)
        self._forwarded_before = 0

    # -- tables --------------------------------------------------------------------------------------------

    def add_transport(self, transport: TransportId, shard: int = 0) -> None:
        """A transport without keys or paths."""
        self._table.add_transport(transport)

    def set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """Give the transport its SRTP keys."""
        entry = self._table.transport(transport)
        if entry.receiver is not None:
            raise InvalidState(f"transport {transport} already has its keys")
        entry.receiver = RtpReceiver(keys)
        entry.sender = RtpSender(keys)

    def set_receive_extensions(self, transport: TransportId, extension_ids: Mapping[str, int]) -> None:
        """Header extension ids that the peer sends with."""
        self._table.transport(transport).extension_ids = dict(extension_ids)

    def add_path(self, transport: TransportId, path: Path) -> None:
        """A validated 5-tuple."""
        self._table.add_path(transport, path)

    def remove_path(self, path: Path) -> None:
        """Forget a 5-tuple."""
        self._table.remove_path(path)

    def select_path(self, transport: TransportId, path: Path | None) -> None:
        """Where output goes."""
        self._table.transport(transport).selected = path

    def add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        """Claim an SSRC; what is held for it goes through at the next ``forward`` or ``handle_timeout``."""
        self._table.add_stream(ReceiveStream(stream, spec, self._limits))
        entry = self._table.transport(spec.transport)
        self._ingress.claim(entry, spec.ssrc)
        if spec.rtx_ssrc is not None:
            self._ingress.claim(entry, spec.rtx_ssrc)

    def add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        """Claim an RTX SSRC learnt later."""
        entry = self._table.stream(stream)
        self._table.add_rtx(entry, ssrc)
        self._ingress.claim(self._table.transport(entry.spec.transport), ssrc)

    def set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        """Drop, or no longer drop, what arrives."""
        self._table.stream(stream).paused = paused

    def add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        """An outgoing stream without a source."""
        if stream in self._send_streams:
            raise InvalidState(f"send stream {stream} is already in the table")
        key = (tuple(sorted(spec.extension_ids.items())), spec.mid)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout(spec.extension_ids, spec.mid)
        transport = self._table.transport(spec.transport)
        entry = SendStream(stream, spec, transport, layout, self._table.pacing)
        self._send_streams[stream] = entry
        if spec.rtx_ssrc is not None and spec.mime_type.lower().startswith("video/"):
            transport.padding.streams[stream] = entry

    def set_source(
        self,
        stream: SendStreamId,
        source: ReceiveStreamId | None,
        now: Instant,
        layers: Layers = ALL_LAYERS,
    ) -> None:
        """What this stream shall forward."""
        entry = self._send_stream(stream)
        if source is not None:
            self._table.stream(source)
        if entry.set_target(source, layers) and source is not None:
            self._upcalls.append(KeyFrameNeeded(source))
        self._table.route(entry)

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """Pause at once, resume at a key frame."""
        self._send_stream(stream).set_paused(paused)

    def set_receive_traced(self, stream: ReceiveStreamId, traced: bool) -> None:
        """Tell every packet that arrives."""
        self._table.stream(stream).traced = traced

    def set_send_traced(self, stream: SendStreamId, traced: bool) -> None:
        """Tell every packet that leaves."""
        self._send_stream(stream).writer.traces = self._upcalls if traced else None

    def set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        """How fast a transport's packets leave."""
        self._table.transport(transport).pacer.set_rate(rate_bps)

    def set_probator(self, transport: TransportId, spec: ProbatorSpec | None) -> None:
        """The padding stream that the peer knows."""
        self._table.transport(transport).padding.set_probator(spec)

    def probe(self, transport: TransportId, probe: Probe, now: Instant) -> list[Datagram]:
        """Begin a probe, or put it behind the others."""
        entry = self._table.transport(transport)
        out: list[Datagram] = []
        if probe.cluster < 1 or probe.rate_bps < 1:
            raise InvalidParameters(f"{probe}: need a cluster and a rate of 1 or more")
        if entry.padding.possible():
            entry.pacer.probe(probe, now)
            self._table.pacing[transport] = entry
            self._take_turn(entry, now, out)
        return out

    def remove_transport(self, transport: TransportId) -> None:
        """Remove it with its paths and streams."""
        entry = self._table.transport(transport)
        for path in list(entry.paths):
            self._table.remove_path(path)
        for receive_stream in list(entry.streams.values()):
            self.remove_receive_stream(receive_stream.id)
        for send_stream in [one for one in self._send_streams.values() if one.transport is entry]:
            self.remove_send_stream(send_stream.id)
        self._ingress.forget(entry)
        self._table.pacing.pop(transport, None)
        del self._table.transports[transport]

    def remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        """Forget a receive stream."""
        # SRTP goes on to know its SSRC: a publisher that comes back with it has its rollover count.
        for send_stream in self._table.remove_stream(stream):
            send_stream.lost_source(stream)
            self._table.route(send_stream)

    def remove_send_stream(self, stream: SendStreamId) -> None:
        """Forget a send stream."""
        entry = self._send_stream(stream)
        entry.closed = True
        entry.transport.pacer.forget(entry)
        entry.transport.padding.streams.pop(stream, None)
        self._table.unroute(entry)
        self._forwarded_before += entry.writer.packets
        entry.transport.forget_sent(entry.spec.ssrc)
        if entry.spec.rtx_ssrc is not None:
            entry.transport.forget_sent(entry.spec.rtx_ssrc)
        del self._send_streams[stream]

    def retry_unknown(self, transport: TransportId) -> None:
        """Ask again whose the held SSRCs are."""
        self._ingress.retry(self._table.transport(transport))

    # -- packets -------------------------------------------------------------------------------------------

    def forward(self, arrived: Sequence[Datagram], now: Instant) -> list[Datagram]:
        """Take datagrams off the network, return those to send."""
        out: list[Datagram] = []
        ingress = self._ingress
        if ingress.waiting:
            ingress.release(now, out)
        for data, path in arrived:
            ingress.receive(data, path, now, out)
        return out

    def retransmit(
        self, stream: SendStreamId, sequence_numbers: Sequence[int], rtt_us: int, now: Instant
    ) -> list[Datagram]:
        """Answer a NACK on the RTX SSRC, or with the same ciphertext where the peer has no RTX."""
        entry = self._send_stream(stream)
        transport = entry.transport
        out: list[Datagram] = []
        if transport.selected is None:
            return out
        for sequence_number in sequence_numbers:
            outgoing = entry.repair(sequence_number, self._table.find_packet, rtt_us, now)
            if outgoing is None:
                continue
            if transport.pacer.free(now):
                transport.pacer.occupy(outgoing.size, now)
                entry.depart(outgoing, now, out)
            else:
                transport.pacer.push(outgoing, True)
                self._table.pacing[transport.id] = transport
        return out

    def next_timeout(self) -> Instant | None:
        """When the next packet may leave, or a probe goes on; at once while claimed packets wait."""
        if self._ingress.waiting:
            return Instant(0)
        turns = [transport.pacer.next_timeout() for transport in self._table.pacing.values()]
        return min((turn for turn in turns if turn is not None), default=None)

    def handle_timeout(self, now: Instant) -> list[Datagram]:
        """Packets and padding whose turn has come, and packets whose SSRC has been claimed."""
        out: list[Datagram] = []
        self._ingress.release(now, out)
        for transport in list(self._table.pacing.values()):
            self._take_turn(transport, now, out)
        return out

    # -- what the control plane must know ------------------------------------------------------------------

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls since the last call."""
        upcalls = self._upcalls.copy()
        self._upcalls.clear()
        return upcalls

    def take_arrivals(self, transport: TransportId) -> list[tuple[int, Instant]]:
        """Transport-wide arrivals since the last call."""
        entry = self._table.transport(transport)
        arrivals, entry.arrivals = entry.arrivals, []
        return arrivals

    def take_departures(self, transport: TransportId) -> list[tuple[int, Instant, int, int]]:
        """What left with a transport-wide number since the last call."""
        return self._table.transport(transport).take_departures()

    def take_audio_levels(self, stream: ReceiveStreamId) -> list[AudioLevelSample]:
        """Audio levels since the last call."""
        levels = self._table.stream(stream).audio_levels
        return [] if levels is None else levels.take()

    def due_nacks(self, stream: ReceiveStreamId, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask the publisher for now."""
        return self._table.stream(stream).due_nacks(rtt_us, now)

    def receive_counters(self, stream: ReceiveStreamId) -> ReceiveCounters:
        """Running totals of a receive stream."""
        return self._table.stream(stream).counters()

    def send_counters(self, stream: SendStreamId) -> SendCounters:
        """Running totals of a send stream."""
        return self._send_stream(stream).counters()

    def transport_counters(self, transport: TransportId) -> TransportCounters:
        """The send queue of a transport."""
        return self._table.transport(transport).counters()

    def counters(self) -> PlaneCounters:
        """Running totals of the plane."""
        stun, dtls, rtcp = self._ingress.kinds()
        return PlaneCounters(
            datagrams=self._ingress.datagrams,
            stun=stun,
            dtls=dtls,
            rtcp=rtcp,
            rtp=self._ingress.accepted,
            held=self._ingress.held,
            forwarded=self._forwarded_before + sum(one.writer.packets for one in self._send_streams.values()),
            drops=self._ingress.drops(),
        )

    # -- one packet ----------------------------------------------------------------------------------------

    def _route(
        self,
        stream: ReceiveStream,
        packet: Packet,
        elements: dict[int, bytes],
        now: Instant,
        out: list[Datagram],
    ) -> Drop | None:
        self._note_missing(stream, stream.note(packet, now))
        if stream.spec.extension_ids.get(VIDEO_ORIENTATION) in elements:
            self._note_orientation(stream, elements)
        if stream.traced:
            self._upcalls.append(stream.trace(packet))
        if stream.paused:
            return Drop.PRODUCER_PAUSED
        if packet.key_frame and stream.last_key_timestamp != packet.timestamp:
            stream.last_key_timestamp = packet.timestamp
            stream.key_frames += 1
            self._upcalls.append(KeyFrameReceived(stream.id))
        if packet.key_frame:
            self._note_size(stream, packet)
        upcalls = self._upcalls
        before = len(upcalls)
        for send_stream in self._table.routes[stream.id]:
            send_stream.forward(stream, packet, now, upcalls, out)
        if len(upcalls) > before:
            self._reroute(upcalls[before:])
        return None

    def _absorb(self, stream: ReceiveStream, sequence: int, now: Instant) -> None:
        # A padding-only packet probes the link. Its number is used up, but nobody shall miss it.
        self._note_missing(stream, stream.arrived(sequence, False, now))
        for send_stream in self._table.routes[stream.id]:
            send_stream.skip(stream.id, sequence)

    def _take_turn(self, transport: Transport, now: Instant, out: list[Datagram]) -> None:
        if not take_turn(transport, self._table.find_packet, now, out):
            self._table.pacing.pop(transport.id, None)

    def _note_missing(self, stream: ReceiveStream, repairable: bool) -> None:
        if not repairable:
            self._upcalls.append(KeyFrameNeeded(stream.id))
        elif stream.nacks is not None and stream.nacks.take_news():
            self._upcalls.append(PacketsMissing(stream.id))

    def _note_size(self, stream: ReceiveStream, packet: Packet) -> None:
        layering = stream.layering
        if layering is not None and layering.note_size(packet, stream.spec.mime_type):
            self._upcalls.append(ResolutionChanged(stream.id, layering.resolutions or ()))

    def _note_orientation(self, stream: ReceiveStream, elements: dict[int, bytes]) -> None:
        value = elements[stream.spec.extension_ids[VIDEO_ORIENTATION]]
        if value and value[0] != stream.orientation:
            stream.orientation = value[0]
            self._upcalls.append(OrientationChanged(stream.id, value[0]))

    def _reroute(self, upcalls: list[Upcall]) -> None:
        for upcall in upcalls:
            if isinstance(upcall, SourceSwitched):
                self._table.route(self._send_streams[upcall.stream])

    def _send_stream(self, stream: SendStreamId) -> SendStream:
        try:
            return self._send_streams[stream]
        except KeyError:
            raise InvalidState(f"no send stream {stream} in the table") from None
