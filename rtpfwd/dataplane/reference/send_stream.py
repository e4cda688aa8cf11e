"""One outgoing stream of a consumer: choose the source, renumber, write, protect, remember.

Forwarding begins, and a change of source happens, at a key frame where the codec has them. Sequence numbers,
timestamps, picture ids and the like go on without a break over pauses, changes and layers left out (RFC 7667
§3.7: the receiver sees one sender). Which layers of the source are sent is layer_selector.py's.
"""

from __future__ import annotations

from collections.abc import Callable

from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    KeyFrameNeeded,
    Layers,
    ReceiveStreamId,
    SendCounters,
    SendDrop,
    SendStreamId,
    SendStreamSpec,
    SourceSwitched,
    TransportId,
    Upcall,
)
from rtpfwd.dataplane.reference.egress import Layout, Outgoing
from rtpfwd.dataplane.reference.layer_selector import LayerSelector
from rtpfwd.dataplane.reference.numbering import Numbering, Segment
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.retransmission import Resends
from rtpfwd.dataplane.reference.rewriting import go_on
from rtpfwd.dataplane.reference.route_table import Transport
from rtpfwd.dataplane.reference.writer import StreamWriter
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.payloads.opus import is_dtx
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor

MAX_INPUT_JUMP = 3000  # more than RFC 3550's dropout: the source restarted its numbering
HEADER_SIZE = 40  # about what header and extensions take, for pacing
EARLY_PACKETS = 30  # mediasoup's target-layer hold buffer

FindPacket = Callable[[ReceiveStreamId, int], Packet | None]
"""A packet of a source by its extended number, while it is kept."""


class SendStream:
    """A consumer's encoding. ``forward`` takes a packet of any stream routed here, and gives what to send."""

    __slots__ = (
        "_began_at",
        "_early",
        "_gap_layer",
        "_gap_timestamp",
        "_last_packet",
        "_last_segment",
        "_last_sent",
        "_last_timestamp",
        "_numbering",
        "_pacing",
        "_target_layers",
        "_urgent",
        "_waiting",
        "closed",
        "drops",
        "id",
        "layers",
        "paused",
        "resends",
        "routed",
        "source",
        "spec",
        "target",
        "transport",
        "writer",
    )

    def __init__(
        self,
        stream: SendStreamId,
        spec: SendStreamSpec,
        transport: Transport,
        layout: Layout,
        pacing: dict[TransportId, Transport],
    ) -> None:
        self.id = stream
        self.spec = spec
        self.transport = transport
        self.paused = spec.paused
        self.source: ReceiveStreamId | None = None
        self.target: ReceiveStreamId | None = None
        self.routed: list[ReceiveStreamId] = []
        self.resends = Resends(spec)
        self.drops = [0] * len(SendDrop)
        self.writer = StreamWriter(stream, spec, transport, layout, self.resends, self.drops)
        self._pacing = pacing
        self._urgent = not spec.mime_type.lower().startswith("video/")
        self._began_at: int | None = None
        self._early: dict[int, SendDrop] = {}
        self.closed = False
        self._numbering = Numbering(spec.first_sequence_number)
        self._waiting = True
        self._last_packet: Packet | None = None
        self._last_segment: Segment | None = None
        self._last_sent: Instant | None = None
        self._last_timestamp = 0
        self.layers = LayerSelector(stream)
        self._target_layers = ALL_LAYERS
        # The frame that the highest input belongs to, if that was left out: timestamp and spatial layer.
        self._gap_timestamp = self._gap_layer = -1

    def set_target(self, source: ReceiveStreamId | None, layers: Layers = ALL_LAYERS) -> bool:
        """Forward ``source`` from its next key frame on (at once when none is needed); ``None`` stops now.

        Of the source that is being forwarded, other layers as soon as can be; returns whether only a key
        frame can bring them.
        """
        self.target = source
        self._target_layers = layers
        self._early.clear()
        if source is None:
            self.source = None
            self._waiting = True
        if source != self.source or self._waiting:
            return False
        return self.layers.want(layers, self._last_packet)

    def set_paused(self, paused: bool) -> None:
        """Pause at once; resume at a key frame."""
        if self.paused and not paused:
            self._waiting = True
        self.paused = paused

    def lost_source(self, source: ReceiveStreamId) -> None:
        """The receive stream is gone; the numbering waits for another."""
        if self.source == source:
            self.source = None
            self._waiting = True
        if self.target == source:
            self.target = None

    def forward(
        self, source: ReceiveStream, packet: Packet, now: Instant, upcalls: list[Upcall], out: list[Datagram]
    ) -> None:
        """Send a packet of ``source`` to this consumer, now or when it is its turn; if it is not for it,
        count why.
        """
        if self.paused:
            self.drops[SendDrop.CONSUMER_PAUSED] += 1
            return
        transport = self.transport
        if transport.sender is None or transport.selected is None:
            # What is sent before the peer can receive is lost: begin at a key frame when it can.
            self._waiting = True
            self.drops[SendDrop.NO_TUPLE] += 1
            return
        if packet.payload_type not in self.spec.payload_types:
            self.skip(packet.stream, packet.sequence)
            self.drops[SendDrop.UNKNOWN_PAYLOAD_TYPE] += 1
            return
        began = packet.stream != self.source or self._waiting
        if began:
            reason = self._begin(source, packet, now, upcalls)
            if reason is not None:
                self.drops[reason] += 1
                return
            began = not self._waiting and self._began_at == packet.sequence
        numbering = self._numbering
        if self.spec.ignore_dtx and is_dtx(packet.payload):
            self.skip(packet.stream, packet.sequence)
            self.drops[SendDrop.DTX] += 1
            return
        if numbering.jumps_to(packet.sequence, MAX_INPUT_JUMP):
            # The source restarted its numbering. To follow it would use numbers, and nonces, a second time.
            if self.spec.needs_key_frame and not packet.key_frame:
                self._waiting = True
                upcalls.append(KeyFrameNeeded(packet.stream))
                self.drops[SendDrop.WAITING_FOR_KEY_FRAME] += 1
                return
            self._start_segment(source, packet, now)
        layers = self.layers
        if layers.filter is not None or packet.layer > layers.highest:
            reason = layers.select(packet, self._last_packet, now, upcalls)
            if reason is not None:
                self._leave_out(packet, reason)
                return
            self._follow_layers(source, packet)
        segment = numbering.next(packet.sequence)
        if segment is None:
            self.drops[SendDrop.BEFORE_SWITCH] += 1
            return
        number = packet.sequence + segment.offset
        if number == numbering.highest:
            # A late packet is not where the next source goes on from.
            self._last_packet = packet
            self._last_segment = segment
            self._last_sent = now
            self._gap_timestamp = -1
            self._last_timestamp = packet.timestamp + segment.timestamp_offset & 0xFFFF_FFFF
        else:
            self.resends.sent_late(number & 0xFFFF, now)
        pacer = transport.pacer
        size = len(packet.payload) + HEADER_SIZE
        if self._urgent or pacer.free(now):
            pacer.occupy(size, now)
            self.writer.media(packet, segment, number, now, out)
        else:
            pacer.push(Outgoing(self, packet, segment, number, size, False), False)
            self._pacing[transport.id] = transport
        if began and self.spec.needs_key_frame:
            self._send_early(source, packet.sequence, now, upcalls, out)

    def depart(self, outgoing: Outgoing, now: Instant, out: list[Datagram]) -> None:
        """A packet's turn has come."""
        if self.transport.selected is None or self.closed:
            self.drops[SendDrop.NO_TUPLE] += 1
        elif outgoing.ciphertext is not None:
            self.writer.verbatim(outgoing.ciphertext, out)
        elif outgoing.packet is not None and outgoing.segment is not None:
            write = self.writer.repair if outgoing.repair else self.writer.media
            write(outgoing.packet, outgoing.segment, outgoing.number, now, out)

    def last_sent(self) -> Instant:
        """When its last packet was forwarded."""
        return Instant(0) if self._last_sent is None else self._last_sent

    def sent_before(self, back: int, find: FindPacket) -> tuple[Packet, Segment, int] | None:
        """The packet ``back`` numbers before the last, with its 16-bit outgoing number, while it is kept."""
        number = self._numbering.highest - back & 0xFFFF
        found = self._numbering.find_output(number)
        packet = find(found[0].source, found[1]) if found is not None else None
        return (packet, found[0], number) if packet is not None and found is not None else None

    def pad_empty(self, padding: int, now: Instant, out: list[Datagram]) -> int:
        """Send nothing but padding on the RTX SSRC; its size before SRTP, or 0."""
        last = self._last_packet
        if last is None:
            return 0
        return self.writer.empty(last.payload_type, self._last_timestamp, padding, now, out)

    def skip(self, stream: ReceiveStreamId, sequence: int) -> None:
        """A number of the source that will never be forwarded (a padding-only packet): close up over it."""
        if stream != self.source or self._waiting or self.paused:
            return
        # Over a restart of the numbering there is nothing to close up: the next packet begins anew.
        if not self._numbering.jumps_to(sequence, MAX_INPUT_JUMP):
            self._numbering.skip(sequence)

    def repair(
        self,
        sequence_number: int,
        find: Callable[[ReceiveStreamId, int], Packet | None],
        rtt_us: int,
        now: Instant,
    ) -> Outgoing | None:
        """What answers a NACK of a 16-bit number, or None when it was resent just now or is not kept any
        more.

        ``find`` gives a source's packet by its extended number.
        """
        resends = self.resends
        resends.asked += 1
        ciphertext = packet = segment = None
        if self.spec.keep_ciphertext:
            ciphertext = resends.verbatim(sequence_number)
        else:
            found = self._numbering.find_output(sequence_number)
            if found is not None:
                segment = found[0]
                packet = find(segment.source, found[1])
        size = (
            len(ciphertext) if ciphertext is not None else len(packet.payload) + HEADER_SIZE if packet else 0
        )
        if not size or not resends.may_resend(sequence_number, rtt_us, now):
            resends.not_found += 1
            return None
        if not resends.spend(size):
            return None
        return Outgoing(self, packet, segment, sequence_number, size, True, ciphertext)

    def counters(self) -> SendCounters:
        """Running totals."""
        segment = self._last_segment
        forwarding = self.source is not None and not self._waiting and not self.paused
        resends, writer = self.resends, self.writer
        return SendCounters(
            packets=writer.packets,
            bytes=writer.bytes,
            payload_bytes=writer.payload_bytes,
            retransmitted=resends.packets,
            retransmitted_bytes=resends.bytes,
            rtx_packets=resends.rtx_packets,
            rtx_payload_bytes=resends.rtx_payload_bytes,
            nack_packets=resends.asked,
            not_found=resends.not_found,
            over_budget=resends.over_budget,
            source=self.source,
            timestamp_offset=segment.timestamp_offset & 0xFFFF_FFFF if segment is not None else 0,
            last_timestamp=self._last_timestamp,
            last_sent=self._last_sent,
            highest_extended=self._numbering.highest,
            drops={reason: self.drops[reason] for reason in SendDrop if self.drops[reason]},
            layers=Layers(self.layers.spatial, self.layers.temporal) if forwarding else None,
        )

    def _leave_out(self, packet: Packet, reason: SendDrop) -> None:
        """Close up over a packet of a layer that is not sent."""
        self.drops[reason] += 1
        numbering, layer = self._numbering, packet.layer >> 3
        if not numbering.is_new(packet.sequence):
            return
        same_frame = self._gap_timestamp == packet.timestamp and self._gap_layer == layer
        chosen = self.layers.filter
        closes_picture_id = (
            chosen is not None and chosen.fresh_drop and isinstance(packet.descriptor, Vp8Descriptor)
        )
        numbering.skip(packet.sequence, int(closes_picture_id), same_frame)
        self._gap_timestamp, self._gap_layer = packet.timestamp, layer

    def _follow_layers(self, source: ReceiveStream, packet: Packet) -> None:
        """Let the numbering know of other layers, which the marker and the descriptor tell."""
        chosen, segment = self.layers.filter, self._numbering.current
        if chosen is None or segment is None:
            return
        layering = source.layering
        top = chosen.spatial if layering is not None and layering.svc else -1
        if (segment.top != top or segment.mask != chosen.mask) and self._numbering.is_new(packet.sequence):
            self._numbering.change(packet.sequence, top, chosen.mask)

    def _note_early(self, sequence: int, reason: SendDrop) -> SendDrop:
        early = self._early
        early[sequence] = reason
        if len(early) > EARLY_PACKETS:
            del early[next(iter(early))]
        return reason

    def _send_early(
        self, source: ReceiveStream, first: int, now: Instant, upcalls: list[Upcall], out: list[Datagram]
    ) -> None:
        # Packets of the key frame, or after it, that overtook its first one: no drops after all.
        early, self._early = self._early, {}
        for sequence in sorted(early):
            packet = source.history.get(sequence) if sequence > first else None
            if packet is not None:
                self.drops[early[sequence]] -= 1
                self.forward(source, packet, now, upcalls, out)

    def _begin(
        self, source: ReceiveStream, packet: Packet, now: Instant, upcalls: list[Upcall]
    ) -> SendDrop | None:
        stream = packet.stream
        if stream != self.target:
            if stream != self.source:
                return SendDrop.OTHER_LAYER
            # The present source goes on until the target has a key frame, unless it must begin itself.
            if not self._waiting:
                return None
        if self.spec.needs_key_frame and not packet.key_frame:
            leaving = self.source is not None and self.source != stream
            reason = SendDrop.OTHER_LAYER if leaving else SendDrop.WAITING_FOR_KEY_FRAME
            return self._note_early(packet.sequence, reason)
        self._start_segment(source, packet, now)
        if stream != self.source:
            self.source = stream
            upcalls.append(SourceSwitched(self.id, stream))
        self._waiting = False
        self._began_at = packet.sequence
        return None

    def _start_segment(self, source: ReceiveStream, packet: Packet, now: Instant) -> None:
        last, before = self._last_packet, self._last_segment
        anew = last is None or last.stream != packet.stream
        if packet.stream == self.target:
            self.layers.begin(packet, source.layering, self._target_layers, anew)
        else:
            self.layers.begin(packet, source.layering, self.layers.wanted, anew)
        self._gap_timestamp = -1
        if last is None or before is None:
            self._numbering.begin(packet.stream, packet.sequence, 0)
            return
        if not anew and 0 <= packet.sequence - last.sequence < MAX_INPUT_JUMP:
            self._numbering.resume(before, packet.sequence)
            return
        timestamp_offset = self._continued_timestamp(now) - packet.timestamp
        segment = self._numbering.begin(packet.stream, packet.sequence, timestamp_offset)
        go_on(segment, last, before, packet)
        segment.settle()

    def _continued_timestamp(self, now: Instant) -> int:
        # The new source's clock has another origin: go on by the time that passed, by one tick at least.
        elapsed = now - self._last_sent if self._last_sent is not None else 0
        return self._last_timestamp + max(us_to_ticks(elapsed, self.spec.clock_rate), 1)
