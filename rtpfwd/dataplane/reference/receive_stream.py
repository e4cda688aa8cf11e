"""One encoding of a producer as it arrives: extended numbering, jitter, duplicates, holes, RTX.

Source: RFC 3550 A.1 (validity and extension of sequence numbers), A.3 (expected and received), A.8 (jitter);
RFC 4588 for RTX. Dropout and misorder bounds are mediasoup's. Restored packets take the same way as original
ones, except that they count neither as received nor towards jitter: reports are about the link.
"""

from __future__ import annotations

from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.dataplane.interface import (
    Drop,
    NacksDue,
    PacketTrace,
    PlaneLimits,
    ReceiveCounters,
    ReceiveStreamId,
    ReceiveStreamSpec,
)
from rtpfwd.dataplane.reference.audio_levels import audio_levels_of
from rtpfwd.dataplane.reference.dependency import DependencyReader
from rtpfwd.dataplane.reference.history import History
from rtpfwd.dataplane.reference.layering import Layering
from rtpfwd.dataplane.reference.nack import NackList
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.header_extensions import (
    ABS_SEND_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_CC,
)
from rtpfwd.wire.payloads.registry import descriptor_parser
from rtpfwd.wire.serial import distance_32

MAX_DROPOUT = 3000
MAX_MISORDER = 1500
OF_ONE_HOP = frozenset((MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, TRANSPORT_CC, ABS_SEND_TIME))
"""Header extensions that speak of the publisher's own link; each consumer gets its own."""


class ReceiveStream:
    """Counts and orders the packets of one SSRC. ``accept`` yields the packet to route, or why there is
    none.
    """

    __slots__ = (
        "_bad_sequence",
        "_cycle_first",
        "_expected_before",
        "_highest",
        "_jitter_q4",
        "_last_jitter_timestamp",
        "_last_transit",
        "audio_levels",
        "bytes",
        "dependency",
        "dependency_id",
        "describe",
        "discarded",
        "duplicates",
        "history",
        "id",
        "key_frames",
        "last_arrival",
        "last_key_timestamp",
        "last_timestamp",
        "layering",
        "nack_packets",
        "nack_requests",
        "nacks",
        "orientation",
        "original",
        "packets",
        "paused",
        "repaired",
        "retransmitted",
        "rtx_bytes",
        "rtx_discarded",
        "rtx_ssrc",
        "spec",
        "traced",
        "uris",
    )  # fmt: skip

    def __init__(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec, limits: PlaneLimits) -> None:
        self.id = stream
        self.spec = spec
        self.paused = spec.paused
        self.traced = False
        self.rtx_ssrc = spec.rtx_ssrc
        self.describe = descriptor_parser(spec.mime_type)
        is_video = spec.mime_type.lower().startswith("video/")
        self.history = History(
            limits.history_packets, limits.history_video_us if is_video else limits.history_audio_us
        )
        self.layering = Layering() if is_video else None
        self.dependency_id = spec.extension_ids.get(DEPENDENCY_DESCRIPTOR, -1) if is_video else -1
        self.dependency = DependencyReader() if self.dependency_id >= 0 else None
        self.nacks = NackList(limits) if spec.use_nack else None
        self.audio_levels = audio_levels_of(spec, limits.audio_levels)
        # Producer's id -> URI, for the elements that go on to consumers.
        self.uris = {
            number: uri
            for uri, number in spec.extension_ids.items()
            if uri in spec.mapped_extension_ids and uri not in OF_ONE_HOP
        }
        self.packets = self.bytes = self.original = self.discarded = self.duplicates = 0
        self.retransmitted = self.repaired = self.rtx_bytes = self.rtx_discarded = self.key_frames = 0
        self.nack_requests = self.nack_packets = 0
        self.last_arrival: Instant | None = None
        self.last_timestamp = 0
        self.last_key_timestamp: int | None = None
        self.orientation: int | None = None
        self._highest: int | None = None
        self._cycle_first = 0
        self._expected_before = 0
        self._bad_sequence: int | None = None
        self._jitter_q4 = 0
        self._last_transit: int | None = None
        self._last_jitter_timestamp: int | None = None

    @property
    def started(self) -> bool:
        """Whether any packet has arrived."""
        return self._highest is not None

    def accept(self, sequence_number: int) -> int | Drop:
        """The extended number of an original packet, or the reason to drop it."""
        highest = self._highest
        if highest is None:
            self._start(sequence_number)
            return sequence_number
        ahead = sequence_number - highest & 0xFFFF
        if ahead < MAX_DROPOUT:
            self._bad_sequence = None
            if ahead:
                self._highest = highest + ahead
                return highest + ahead
            return self.late(highest)
        if ahead <= 0x10000 - MAX_MISORDER:
            # A jump: the sender restarted its numbering, or this is stray. Two in a row decide (A.1).
            if sequence_number != self._bad_sequence:
                self._bad_sequence = sequence_number + 1 & 0xFFFF
                return Drop.SEQUENCE_JUMP
            return self._restart(highest, sequence_number)
        extended = highest + ahead - 0x10000
        verdict = self.late(extended)
        if verdict is Drop.DUPLICATE and self.nacks is not None:
            self.nacks.came_again(extended)
        return verdict

    def late(self, extended: int) -> int | Drop:
        """The same verdict for a number at or below the highest: new, duplicate or too old."""
        if self.history.has(extended):
            return Drop.DUPLICATE
        if self.history.too_old(extended):
            return Drop.TOO_OLD
        return extended

    def restore(self, original_sequence_number: int) -> int | Drop:
        """The extended number of what an RTX packet repeats, or ``RTX_UNWANTED``."""
        highest = self._highest
        if highest is None:
            return Drop.RTX_UNWANTED
        ahead = original_sequence_number - highest & 0xFFFF
        if 0 < ahead < MAX_DROPOUT:
            # Newer than all originals: sent as padding by a prober, or the originals were lost. Both are
            # welcome.
            self._highest = highest + ahead
            return highest + ahead
        extended = highest - (highest - original_sequence_number & 0xFFFF)
        if highest - extended > MAX_DROPOUT or isinstance(self.late(extended), Drop):
            return Drop.RTX_UNWANTED
        if self.nacks is not None:
            self.nacks.repaired(extended)
        return extended

    def count_original(self, size: int, timestamp: int, now: Instant) -> None:
        """Count an authentic packet of the SSRC itself and update jitter (A.8, on the first packet of a
        picture).
        """
        self.packets += 1
        self.original += 1
        self.bytes += size
        self.last_arrival = now
        if self._last_jitter_timestamp is None or distance_32(timestamp, self._last_jitter_timestamp) > 0:
            transit = us_to_ticks(now, self.spec.clock_rate) - timestamp & 0xFFFF_FFFF
            if self._last_transit is not None:
                difference = abs(distance_32(transit, self._last_transit))
                # A restarted timestamp is no jitter.
                if difference < self.spec.clock_rate * 10:
                    self._jitter_q4 += difference - (self._jitter_q4 + 8 >> 4)
            self._last_transit = transit
            self._last_jitter_timestamp = timestamp
            self.last_timestamp = timestamp
        elif distance_32(timestamp, self._last_jitter_timestamp) < -self.spec.clock_rate * 10:
            self._last_jitter_timestamp = timestamp

    def note(self, packet: Packet, now: Instant) -> bool:
        """Keep a packet and close its hole; returns ``False`` when too much is missing for repair."""
        self.history.add(packet, now)
        return self.arrived(packet.sequence, packet.key_frame, now)

    def arrived(self, extended: int, key_frame: bool, now: Instant) -> bool:
        """Close the hole of a number that arrived, whatever was in it."""
        return self.nacks is None or self.nacks.received(extended, key_frame, now)

    def trace(self, packet: Packet) -> PacketTrace:
        """What is told of a packet that arrived, where that is asked for."""
        return PacketTrace(
            receive_stream=self.id,
            send_stream=None,
            ssrc=self.spec.ssrc,
            payload_type=packet.payload_type,
            sequence_number=packet.sequence & 0xFFFF,
            timestamp=packet.timestamp,
            marker=packet.marker,
            key_frame=packet.key_frame,
            is_rtx=False,
            size=len(packet.payload),
            payload_size=len(packet.payload),
            spatial_layer=packet.layer >> 3,
            temporal_layer=packet.layer & 7,
        )

    def due_nacks(self, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask for now (see nack.py)."""
        if self.nacks is None:
            return NacksDue((), None)
        due = self.nacks.due(rtt_us, now)
        if due.sequence_numbers:
            self.nack_requests += 1
            self.nack_packets += len(due.sequence_numbers)
        return due

    def counters(self) -> ReceiveCounters:
        """Running totals."""
        highest = self._highest if self._highest is not None else 0
        return ReceiveCounters(
            packets=self.packets,
            bytes=self.bytes,
            expected=self._expected_before + highest - self._cycle_first + 1 if self.started else 0,
            received=self.original,
            highest_extended=highest,
            jitter=self._jitter_q4 >> 4,
            discarded=self.discarded,
            duplicates=self.duplicates,
            retransmitted=self.retransmitted,
            repaired=self.repaired,
            rtx_bytes=self.rtx_bytes,
            rtx_discarded=self.rtx_discarded,
            nack_requests=self.nack_requests,
            nack_packets=self.nack_packets,
            key_frames=self.key_frames,
            last_arrival=self.last_arrival,
            last_timestamp=self.last_timestamp,
            layer_bytes=self._layer_bytes(),
        )

    def _layer_bytes(self) -> dict[tuple[int, int], int]:
        layers: dict[tuple[int, int], int] = {}
        if self.layering is not None:
            layers = {
                (layer >> 3, layer & 7): count for layer, count in enumerate(self.layering.bytes) if count
            }
        return {(0, 0): self.bytes - sum(layers.values())} | layers

    def _start(self, sequence: int) -> None:
        self._highest = self._cycle_first = sequence
        self.history.restart(sequence)

    def _restart(self, highest: int, sequence_number: int) -> int:
        self._expected_before += highest - self._cycle_first + 1
        # One cycle further on, so that extended numbers never run backwards for those who forward.
        extended = (highest >> 16) + 1 << 16 | sequence_number
        self._bad_sequence = None
        if self.nacks is not None:
            self.nacks.restart()
        self._start(extended)
        return extended
