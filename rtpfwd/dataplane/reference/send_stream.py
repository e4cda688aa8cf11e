"""One outgoing stream of a consumer: choose the source, renumber, write, protect, remember.

Forwarding begins, and a change of source happens, at a key frame where the codec has them. Sequence numbers,
timestamps and VP8 picture ids go on without a break over pauses and changes (RFC 7667 §3.7: the receiver sees
one sender).
"""

from __future__ import annotations

from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.dataplane.interface import (
    KeyFrameNeeded,
    ReceiveStreamId,
    SendCounters,
    SendDrop,
    SendStreamId,
    SendStreamSpec,
    SourceSwitched,
    Upcall,
)
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.numbering import Numbering, Segment
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.retransmission import Resends
from rtpfwd.dataplane.reference.route_table import Transport
from rtpfwd.errors import RtpfwdError
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor, rewrite_vp8

MAX_INPUT_JUMP = 3000  # more than RFC 3550's dropout: the source restarted its numbering
MAX_SEQUENCE = 0xFFFF


class SendStream:
    """A consumer's encoding. ``forward`` takes a packet of any stream routed here, and gives what to send."""

    __slots__ = (
        "_counters_payload",
        "_last_packet",
        "_last_segment",
        "_last_sent",
        "_last_timestamp",
        "_layout",
        "_numbering",
        "_waiting",
        "bytes",
        "drops",
        "id",
        "packets",
        "paused",
        "resends",
        "routed",
        "source",
        "spec",
        "target",
        "transport",
    )

    def __init__(
        self, stream: SendStreamId, spec: SendStreamSpec, transport: Transport, layout: Layout
    ) -> None:
        self.id = stream
        self.spec = spec
        self.transport = transport
        self.paused = spec.paused
        self.source: ReceiveStreamId | None = None
        self.target: ReceiveStreamId | None = None
        self.routed: list[ReceiveStreamId] = []
        self.resends = Resends(spec)
        self.packets = self.bytes = self._counters_payload = 0
        self.drops = [0] * len(SendDrop)
        self._layout = layout
        self._numbering = Numbering(spec.first_sequence_number)
        self._waiting = True
        self._last_packet: Packet | None = None
        self._last_segment: Segment | None = None
        self._last_sent: Instant | None = None
        self._last_timestamp = 0

    def set_target(self, source: ReceiveStreamId | None) -> None:
        """Forward ``source`` from its next key frame on (at once when none is needed); ``None`` stops now."""
        self.target = source
        if source is None:
            self.source = None
            self._waiting = True

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

    def forward(self, packet: Packet, now: Instant, upcalls: list[Upcall]) -> bytes | None:
        """The SRTP packet for this consumer, or None when it is not for it (counted)."""
        if self.paused:
            self.drops[SendDrop.CONSUMER_PAUSED] += 1
            return None
        transport = self.transport
        sender = transport.sender
        if sender is None or transport.selected is None:
            # What is sent before the peer can receive is lost: begin at a key frame when it can.
            self._waiting = True
            self.drops[SendDrop.NO_TUPLE] += 1
            return None
        if packet.stream != self.source or self._waiting:
            reason = self._begin(packet, now, upcalls)
            if reason is not None:
                self.drops[reason] += 1
                return None
        numbering = self._numbering
        if numbering.jumps_to(packet.sequence, MAX_INPUT_JUMP):
            # The source restarted its numbering. To follow it would use numbers, and nonces, a second time.
            if self.spec.needs_key_frame and not packet.key_frame:
                self._waiting = True
                upcalls.append(KeyFrameNeeded(packet.stream))
                self.drops[SendDrop.WAITING_FOR_KEY_FRAME] += 1
                return None
            self._start_segment(packet, now)
        segment = numbering.next(packet.sequence)
        if segment is None:
            self.drops[SendDrop.BEFORE_SWITCH] += 1
            return None
        number = packet.sequence + segment.offset
        timestamp = packet.timestamp + segment.timestamp_offset & 0xFFFF_FFFF
        payload = packet.payload
        if segment.picture_offset or segment.tl0_offset:
            payload = _renumber_pictures(packet, segment)
        spec = self.spec
        plain = self._layout.write(
            packet,
            payload,
            packet.payload_type,
            number & MAX_SEQUENCE,
            timestamp,
            spec.ssrc,
            transport.next_number() if self._layout.numbered else 0,
            now,
        )
        try:
            protected = sender.protect(plain)
        except RtpfwdError:
            self.drops[SendDrop.PROTECT_FAILED] += 1
            return None
        if spec.keep_ciphertext:
            self.resends.keep(number & MAX_SEQUENCE, protected, now)
        self.packets += 1
        self.bytes += len(plain)
        self._counters_payload += len(payload)
        if number == numbering.highest:
            # A late packet is not where the next source goes on from.
            self._last_packet = packet
            self._last_segment = segment
            self._last_sent = now
            self._last_timestamp = timestamp
        return protected

    def skip(self, stream: ReceiveStreamId, sequence: int) -> None:
        """A number of the source that will never be forwarded (a padding-only packet): close up over it."""
        if stream != self.source or self._waiting or self.paused:
            return
        # Over a restart of the numbering there is nothing to close up: the next packet begins anew.
        if not self._numbering.jumps_to(sequence, MAX_INPUT_JUMP):
            self._numbering.skip(sequence)

    def resend(self, sequence_number: int, original: Packet, segment: Segment, now: Instant) -> bytes | None:
        """A retransmission on the RTX SSRC (RFC 4588 §4); None when the peer takes none for this payload
        type.
        """
        spec = self.spec
        sender = self.transport.sender
        payload_type = spec.rtx_payload_types.get(original.payload_type)
        if sender is None or spec.rtx_ssrc is None or payload_type is None:
            return None
        payload = original.payload
        if segment.picture_offset or segment.tl0_offset:
            payload = _renumber_pictures(original, segment)
        plain = self._layout.write(
            original,
            sequence_number.to_bytes(2) + payload,
            payload_type,
            self.resends.next_sequence_number(),
            original.timestamp + segment.timestamp_offset & 0xFFFF_FFFF,
            spec.rtx_ssrc,
            self.transport.next_number() if self._layout.numbered else 0,
            now,
        )
        try:
            protected = sender.protect(plain)
        except RtpfwdError:
            self.drops[SendDrop.PROTECT_FAILED] += 1
            return None
        self.resends.count_rtx(len(plain), len(payload) + 2)
        return protected

    def find(self, sequence_number: int) -> tuple[Segment, int] | None:
        """The segment and source number behind an outgoing sequence number."""
        return self._numbering.find_output(sequence_number)

    def counters(self) -> SendCounters:
        """Running totals."""
        segment = self._last_segment
        resends = self.resends
        return SendCounters(
            packets=self.packets,
            bytes=self.bytes,
            payload_bytes=self._counters_payload,
            retransmitted=resends.packets,
            retransmitted_bytes=resends.bytes,
            rtx_packets=resends.rtx_packets,
            rtx_payload_bytes=resends.rtx_payload_bytes,
            nack_packets=resends.asked,
            not_found=resends.not_found,
            source=self.source,
            timestamp_offset=segment.timestamp_offset & 0xFFFF_FFFF if segment is not None else 0,
            last_timestamp=self._last_timestamp,
            last_sent=self._last_sent,
            highest_extended=self._numbering.highest,
            drops={reason: self.drops[reason] for reason in SendDrop if self.drops[reason]},
        )

    def _begin(self, packet: Packet, now: Instant, upcalls: list[Upcall]) -> SendDrop | None:
        stream = packet.stream
        if stream != self.target:
            if stream != self.source:
                return SendDrop.OTHER_LAYER
            # The present source goes on until the target has a key frame, unless it must begin itself.
            if not self._waiting:
                return None
        if self.spec.needs_key_frame and not packet.key_frame:
            if stream == self.source:
                return SendDrop.WAITING_FOR_KEY_FRAME
            return SendDrop.OTHER_LAYER if self.source is not None else SendDrop.WAITING_FOR_KEY_FRAME
        self._start_segment(packet, now)
        if stream != self.source:
            self.source = stream
            upcalls.append(SourceSwitched(self.id, stream))
        self._waiting = False
        return None

    def _start_segment(self, packet: Packet, now: Instant) -> None:
        last, segment = self._last_packet, self._last_segment
        if last is None or segment is None:
            self._numbering.begin(packet.stream, packet.sequence, 0)
            return
        if last.stream == packet.stream and not 0 <= packet.sequence - last.sequence < MAX_INPUT_JUMP:
            same_clock = False
        else:
            same_clock = last.stream == packet.stream
        if same_clock:
            timestamp_offset = segment.timestamp_offset
        else:
            timestamp_offset = self._continued_timestamp(now) - packet.timestamp
        picture_offset, tl0_offset = _continued_pictures(last, segment, packet, same_clock)
        self._numbering.begin(packet.stream, packet.sequence, timestamp_offset, picture_offset, tl0_offset)

    def _continued_timestamp(self, now: Instant) -> int:
        # The new source's clock has another origin: go on by the time that passed, by one tick at least.
        elapsed = now - self._last_sent if self._last_sent is not None else 0
        return self._last_timestamp + max(us_to_ticks(elapsed, self.spec.clock_rate), 1)


def _continued_pictures(last: Packet, segment: Segment, packet: Packet, same_clock: bool) -> tuple[int, int]:
    if same_clock:
        return segment.picture_offset, segment.tl0_offset
    before, after = last.descriptor, packet.descriptor
    if before is None or after is None:
        return 0, 0
    picture_offset = tl0_offset = 0
    if before.picture_id is not None and after.picture_id is not None:
        picture_offset = before.picture_id + segment.picture_offset + 1 - after.picture_id
    if before.tl0_picture_index is not None and after.tl0_picture_index is not None:
        tl0_offset = before.tl0_picture_index + segment.tl0_offset + 1 - after.tl0_picture_index
    return picture_offset, tl0_offset


def _renumber_pictures(packet: Packet, segment: Segment) -> bytes:
    descriptor = packet.descriptor
    if not isinstance(descriptor, Vp8Descriptor):
        return packet.payload
    payload = bytearray(packet.payload)
    rewrite_vp8(
        payload,
        0,
        descriptor,
        (descriptor.picture_id or 0) + segment.picture_offset,
        (descriptor.tl0_picture_index or 0) + segment.tl0_offset,
    )
    return bytes(payload)
