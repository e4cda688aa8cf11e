"""Trace events: what passed a producer or a consumer, for those who asked to be told.

Source: mediasoup's ``enableTraceEvent`` and its ``trace`` event: ``{type, timestamp (ms since 1970),
direction, info}``. The types of packets cost an upcall for each packet while they are on; the others cost
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import PacketTrace
from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject

PRODUCER_TYPES = frozenset(("rtp", "keyframe", "nack", "pli", "fir", "sr"))
CONSUMER_TYPES = frozenset(("rtp", "keyframe", "nack", "pli", "fir"))
TRANSPORT_TYPES = frozenset(("probation", "bwe"))
PACKET_TYPES = frozenset(("rtp", "keyframe"))


class Traces:
    """The traces that one producer, consumer or transport is asked for."""

    def __init__(
        self,
        allowed: frozenset[str],
        emit: Callable[[JsonObject], None],
        unix_ms: Callable[[Instant], int],
        trace_packets: Callable[[bool], None] = lambda traced: None,
    ) -> None:
        self._allowed = allowed
        self._emit = emit
        self._unix_ms = unix_ms
        self._trace_packets = trace_packets
        self._types: frozenset[str] = frozenset()

    @property
    def packets(self) -> bool:
        """Whether packets are asked for."""
        return bool(self._types & PACKET_TYPES)

    @property
    def types(self) -> list[str]:
        """What is asked for, as ``dump()`` tells it."""
        return sorted(self._types)

    def enable(self, types: Iterable[str]) -> None:
        """Ask for these types and no others. Raises ``InvalidParameters`` for a type that there is not."""
        wanted = frozenset(types)
        if not wanted <= self._allowed:
            unknown = ", ".join(sorted(map(repr, wanted - self._allowed)))
            raise InvalidParameters(f"no trace event {unknown}: {', '.join(sorted(self._allowed))}")
        self._types = wanted
        self._trace_packets(self.packets)

    def tell(self, kind: str, direction: str, info: JsonObject, now: Instant) -> None:
        """Emit a trace, if it was asked for."""
        if kind in self._types:
            self._emit({"type": kind, "timestamp": self._unix_ms(now), "direction": direction, "info": info})

    def tell_packet(self, trace: PacketTrace, direction: str, now: Instant) -> None:
        """Emit what was asked for of a packet: ``rtp``, and ``keyframe`` where one begins."""
        info: JsonObject = {
            "ssrc": trace.ssrc,
            "payloadType": trace.payload_type,
            "sequenceNumber": trace.sequence_number,
            "timestamp": trace.timestamp,
            "marker": trace.marker,
            "isKeyFrame": trace.key_frame,
            "isRtx": trace.is_rtx,
            "size": trace.size,
            "payloadSize": trace.payload_size,
            "spatialLayer": trace.spatial_layer,
            "temporalLayer": trace.temporal_layer,
        }
        if trace.key_frame:
            self.tell("keyframe", direction, info, now)
        self.tell("rtp", direction, info, now)
