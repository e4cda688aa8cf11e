"""What a consumer may be given of its producer, and the change over from one choice to another.

A choice is a stream and the highest layers of it; in the consumer's terms (spatial, temporal), where the
spatial layer of simulcast is the place of the encoding, and of SVC the layer inside the one stream. Which of
them it is to be is decided in ``bandwidth.py``; when the plane has changed over it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtpfwd.clock import Instant
from rtpfwd.congestion.demands import Demand
from rtpfwd.congestion.ladder import wanted_spatial
from rtpfwd.dataplane.interface import ALL_LAYERS, Layers, SendStreamId
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.producer import Producer, StreamType
from rtpfwd.wire.scalability import parse_scalability_mode


@dataclass(frozen=True, slots=True)
class Target:
    """What the plane shall forward."""

    stream: IncomingStream
    layers: Layers


class LayerChoice:
    """One for each consumer. ``preferred`` is the application's limit, ``shown`` the receiver's."""

    __slots__ = ("_context", "_producer", "_stream", "current", "layers", "preferred", "shown", "target")

    def __init__(self, context: Context, producer: Producer, stream: SendStreamId) -> None:
        self._context = context
        self._producer = producer
        self._stream = stream
        self.preferred: tuple[int, int] | None = None
        self.shown: tuple[int, int] | None = None
        """Width and height in pixels at which the receiver shows it; (0, 0): not at all; None: unknown."""
        self.target: Target | None = None
        self.current: IncomingStream | None = None
        """The stream that is being forwarded."""
        self.layers: Layers | None = None
        """The highest layers of it that are."""

    @property
    def is_simulcast(self) -> bool:
        """Whether there are several encodings to choose from."""
        return len(self._producer.parameters.encodings) > 1

    @property
    def highest(self) -> tuple[int, int]:
        """The highest (spatial, temporal) layer by the producer's parameters."""
        encodings = self._producer.parameters.encodings
        mode = parse_scalability_mode(encodings[0].scalability_mode)
        spatial = len(encodings) if self.is_simulcast else mode.spatial_layers
        return spatial - 1, mode.temporal_layers - 1

    def prefer(self, spatial: int, temporal: int | None) -> None:
        """Limit both, brought down to what there is."""
        highest_spatial, highest_temporal = self.highest
        self.preferred = (
            min(spatial, highest_spatial),
            highest_temporal if temporal is None else min(temporal, highest_temporal),
        )

    def current_layers(self) -> JsonObject | None:
        """``{spatialLayer, temporalLayer}`` being sent; None while nothing is, and for simple producers."""
        forwarded = self.forwarded()
        if self._producer.type is StreamType.SIMPLE or forwarded is None:
            return None
        return {"spatialLayer": forwarded[0], "temporalLayer": forwarded[1]}

    def forwarded(self) -> tuple[int, int] | None:
        """(spatial, temporal) being sent, in the consumer's terms; None while nothing is."""
        if self.current is None:
            return None
        layers = self.layers or Layers(0, 0)
        spatial = self.current.position if self.is_simulcast else min(layers.spatial, self.highest[0])
        return spatial, min(layers.temporal, self.highest[1])

    def demand(self, priority: int, paused: bool, now: Instant) -> Demand:
        """What the consumer asks of its transport's bandwidth."""
        producer = self._producer
        return Demand(
            key=self._stream,
            options=producer.layer_options(now),
            priority=priority,
            kind=producer.layers.kind,
            preferred=self.preferred,
            shown=self.shown,
            sizes=producer.layers.sizes,
            forwarded=self.forwarded(),
            paused=paused,
            simulcast=self.is_simulcast,
        )

    def wanted_layer(self, paused: bool) -> int:
        """The highest spatial layer that it would take with all the bandwidth of the world; -1: none."""
        layers = self._producer.layers
        demand = Demand(
            self._stream, (), preferred=self.preferred, shown=self.shown, sizes=layers.sizes, paused=paused
        )
        shown_percent = self._context.settings.bandwidth.allocation.shown_percent
        return wanted_spatial(demand, layers.spatial_layers, shown_percent)

    def find(self, spatial: int, temporal: int) -> Target | None:
        """The target for a choice in the consumer's terms; None when its stream is not there."""
        streams: Sequence[IncomingStream] = self._producer.streams
        if not self.is_simulcast:
            if not streams:
                return None
            if self._producer.type is StreamType.SIMPLE:
                return Target(streams[0], ALL_LAYERS)
            return Target(streams[0], Layers(spatial, temporal))
        for stream in streams:
            if stream.position == spatial:
                return Target(stream, Layers(ALL_LAYERS.spatial, temporal))
        return None

    def waiting(self) -> Target | None:
        """What to wait for while nothing is alive: what there was, else the lowest, whose first key frame is
        then shown at once.
        """
        streams = self._producer.streams
        if self.target is not None and self.target.stream in streams:
            return self.target
        return Target(streams[0], ALL_LAYERS) if streams else None

    def aim(self, target: Target | None, now: Instant) -> bool:
        """Hand a target to the plane; returns whether it needs a key frame of another stream."""
        before = self.target
        if target == before:
            return False
        self.target = target
        if target is None or self.current not in self._producer.streams:
            self.current = self.layers = None
        plane = self._context.plane
        if target is None:
            plane.set_source(self._stream, None, now)
            return False
        plane.set_source(self._stream, target.stream.id, now, target.layers)
        return before is None or before.stream is not target.stream

    def note_switch(self) -> bool:
        """The plane changed over; returns whether the layers being sent are others than before."""
        before = self.current_layers()
        counters = self._context.plane.send_counters(self._stream)
        self.current = self._context.incoming.get(counters.source) if counters.source is not None else None
        self.layers = counters.layers
        return self.current_layers() != before
