"""Media going out: a consumer, its outgoing stream and the choice of its source (mediasoup's ``Consumer``).

Of a simulcast producer it takes the highest stream that is alive and not above the preferred layers; the
plane changes over at a key frame. Of an SVC producer it takes the stream whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rtpfwd.clock import Instant
from rtpfwd.congestion.rate_window import RateWindow
from rtpfwd.dataplane.interface import ReceiveStreamId, SendStreamId, SendStreamSpec, TransportId
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpParameters
from rtpfwd.sfu import stats
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.outgoing_reports import OutgoingReports
from rtpfwd.sfu.producer import Producer, StreamType
from rtpfwd.sfu.traces import CONSUMER_TYPES, Traces
from rtpfwd.wire.payloads.registry import descriptor_parser
from rtpfwd.wire.rtcp.reports import ReportBlock, SenderReport
from rtpfwd.wire.scalability import parse_scalability_mode

MAX_PRIORITY = 255


class Consumer(Emitter):
    """Made by ``WebRtcTransport.consume``."""

    EVENTS: ClassVar[frozenset[str]] = frozenset(
        (
            "transportclose",
            "producerclose",
            "producerpause",
            "producerresume",
            "score",
            "layerschange",
            "trace",
            "close",
        )
    )

    def __init__(
        self,
        context: Context,
        transport: TransportId,
        consumer_id: str,
        producer: Producer,
        rtp_parameters: JsonObject,
        parameters: RtpParameters,
        paused: bool,
        app_data: JsonObject,
        on_close: Callable[[Consumer], None],
        is_reachable: Callable[[], bool],
        ignore_dtx: bool = False,
    ) -> None:
        super().__init__(context.events)
        self.id = consumer_id
        self.producer = producer
        self.producer_id = producer.id
        self.kind = producer.kind
        self.type: StreamType = producer.type
        self.rtp_parameters = rtp_parameters
        self.parameters = parameters
        self.paused = paused
        self.priority = 1
        self.preferred_layers: JsonObject | None = None
        self.app_data = app_data
        self.closed = False
        self.stream = SendStreamId(context.next_id())
        self.ssrc = parameters.encodings[0].ssrc or 0
        self.rtx_ssrc = parameters.encodings[0].rtx_ssrc
        self.reports = OutgoingReports(
            self.ssrc, parameters.codecs[0].clock_rate, context.settings.rtcp.max_rtt_us
        )
        self.rate = RateWindow()
        self.rtx_rate = RateWindow()
        self.nack_count = self.pli_count = self.fir_count = 0
        self.unrepaired = 0
        self._context = context
        self.transport = transport
        self._on_close = on_close
        self._is_reachable = is_reachable
        self._target: IncomingStream | None = None
        self._current: IncomingStream | None = None
        self._told_score: JsonObject = {}
        self.traces = Traces(
            CONSUMER_TYPES,
            lambda trace: self._emit("trace", trace),
            context.unix_ms,
            lambda traced: context.plane.set_send_traced(self.stream, traced),
        )
        context.plane.add_send_stream(self.stream, self._spec(ignore_dtx))
        context.consumers[self.stream] = self
        producer.watchers[consumer_id] = self

    # -- mediasoup's methods -------------------------------------------------------------------------------

    @property
    def producer_paused(self) -> bool:
        """Whether the producer is paused."""
        return self.producer.paused

    @property
    def score(self) -> JsonObject:
        """``{score, producerScore, producerScores}``, each 0-10."""
        scores = [0] * len(self.producer.parameters.encodings)
        for stream in self.producer.streams:
            scores[stream.position] = stream.score.value
        current = self._current.score.value if self._current is not None else 0
        own = 10
        if self.reports.last_block is not None:
            own = round(10 * ((256 - self.reports.last_block.fraction_lost) / 256) ** 4)
        return {"score": own, "producerScore": current, "producerScores": scores}

    @property
    def current_layers(self) -> JsonObject | None:
        """``{spatialLayer, temporalLayer}`` being sent, for simulcast and SVC; None while nothing is."""
        if self.type is StreamType.SIMPLE or self._current is None:
            return None
        return self._layers_of(self._current)

    def pause(self, *, now: Instant) -> None:
        """Stop sending. Raises ``InvalidState`` when closed."""
        self._check_open()
        if not self.paused:
            self.paused = True
            self._tell_paused()

    def resume(self, *, now: Instant) -> None:
        """Send, video from a key frame on, which is asked for. Raises ``InvalidState`` when closed."""
        self._check_open()
        if self.paused:
            self.paused = False
            self._tell_paused()
            self.start(now)

    def request_key_frame(self, *, now: Instant) -> None:
        """Ask the producer for a key frame of what is being sent. Raises ``InvalidState`` when closed."""
        self._check_open()
        stream = self._target or self._current
        if stream is not None and not self.paused:
            self.producer.ask_key_frame(stream, now)

    def set_preferred_layers(self, layers: JsonObject, *, now: Instant) -> None:
        """``{spatialLayer, temporalLayer?}``: the highest that shall be sent.

        Raises ``InvalidParameters``, and ``InvalidState`` when closed. Ignored for simple consumers, as in
        mediasoup.
        """
        self._check_open()
        if not isinstance(layers, dict):
            raise InvalidParameters("preferredLayers must be an object")
        spatial, temporal = layers.get("spatialLayer"), layers.get("temporalLayer")
        if not _is_layer(spatial):
            raise InvalidParameters("spatialLayer must be a number")
        if temporal is not None and not _is_layer(temporal):
            raise InvalidParameters("if given, temporalLayer must be a number")
        if self.type is StreamType.SIMPLE:
            return
        highest = self._highest_layers()
        self.preferred_layers = {
            "spatialLayer": min(spatial, highest["spatialLayer"]),
            "temporalLayer": min(
                highest["temporalLayer"] if temporal is None else temporal, highest["temporalLayer"]
            ),
        }
        self.streams_changed(now)

    def set_priority(self, priority: int) -> None:
        """Share of bandwidth among this transport's consumers, 1-255. Raises ``InvalidParameters``."""
        self._check_open()
        if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= MAX_PRIORITY:
            raise InvalidParameters(f"priority must be a number from 1 to {MAX_PRIORITY}")
        self.priority = priority

    def unset_priority(self) -> None:
        """Back to priority 1."""
        self.set_priority(1)

    def close(self, *, now: Instant) -> None:
        """Close it; closing twice does nothing."""
        if not self.closed:
            self._end()
            self._emit("close")

    def get_stats(self, *, now: Instant) -> list[JsonObject]:
        """``outbound-rtp`` and, of what is being sent, ``inbound-rtp``."""
        found = [stats.outbound_rtp(self._context, self, now)]
        if self._current is not None:
            found.append(stats.inbound_rtp(self._context, self._current, now))
        return found

    def enable_trace_event(self, types: Iterable[str] = ()) -> None:
        """Emit ``trace`` for these of rtp, keyframe, nack, pli, fir. Raises ``InvalidParameters``."""
        self._check_open()
        self.traces.enable(types)

    def dump(self) -> JsonObject:
        """Everything, for people who debug."""
        return {
            "id": self.id,
            "producerId": self.producer_id,
            "kind": self.kind,
            "type": self.type.value,
            "traceEventTypes": self.traces.types,
            "rtpParameters": self.rtp_parameters,
            "paused": self.paused,
            "producerPaused": self.producer.paused,
            "priority": self.priority,
            "preferredLayers": self.preferred_layers,
            "currentLayers": self.current_layers,
            "targetSsrc": self._target.ssrc if self._target is not None else None,
        }

    # -- for its transport ---------------------------------------------------------------------------------

    @property
    def current(self) -> IncomingStream | None:
        """The stream that is being forwarded."""
        return self._current

    def start(self, now: Instant) -> None:
        """The peer can receive now, or the consumer was resumed: choose a source and ask for a key frame."""
        if self.paused or self.closed:
            return
        self._choose(now)
        self._ask_key_frame(now)

    def transport_closed(self) -> None:
        """Its transport closed."""
        if not self.closed:
            self._end()
            self._emit("transportclose")
            self._emit("close")

    def source_switched(self, source: ReceiveStreamId) -> None:
        """The plane forwards this source from now on."""
        before = self.current_layers
        self._current = self._context.incoming.get(source)
        if self.type is not StreamType.SIMPLE and self.current_layers != before:
            self._emit("layerschange", self.current_layers)
        self.scores_changed()

    def sender_report(self, now: Instant) -> SenderReport | None:
        """This stream's report for now, if there is one to give."""
        counters = self._context.plane.send_counters(self.stream)
        return self.reports.build(self._current, counters, now)

    def note_report(self, block: ReportBlock, now: Instant) -> None:
        """What the peer saw of this stream."""
        self.reports.note(block, now)
        self.scores_changed()

    # -- for its producer ----------------------------------------------------------------------------------

    def on_producer_closed(self, now: Instant) -> None:
        """The producer is gone, and so is this consumer."""
        if not self.closed:
            self._end()
            self._emit("producerclose")
            self._emit("close")

    def on_producer_paused(self, paused: bool, now: Instant) -> None:
        """The producer paused or resumed."""
        self._emit("producerpause" if paused else "producerresume")
        self._tell_paused()
        if not paused:
            self.start(now)

    def streams_changed(self, now: Instant) -> None:
        """A stream started, stopped or went, or other layers are wanted: choose, and ask for a key frame."""
        before = self._target
        self._choose(now)
        if self._target is not before:
            self._ask_key_frame(now)

    def scores_changed(self) -> None:
        """Emit ``score`` when it changed."""
        score = self.score
        if score != self._told_score:
            self._told_score = score
            self._emit("score", score)

    # -- inside --------------------------------------------------------------------------------------------

    def _tell_paused(self) -> None:
        # What a paused producer sends shall be no gap that a consumer asks to have filled.
        self._context.plane.set_send_paused(self.stream, self.paused or self.producer.paused)

    def _choose(self, now: Instant) -> None:
        wanted = self._best_stream()
        if wanted is self._target:
            return
        self._target = wanted
        before = self.current_layers
        if wanted is None or self._current not in self.producer.streams:
            self._current = None
        self._context.plane.set_source(self.stream, wanted.id if wanted is not None else None, now)
        if self.type is not StreamType.SIMPLE and before is not None and self._current is None:
            self._emit("layerschange", None)

    def _ask_key_frame(self, now: Instant) -> None:
        # A key frame that comes before the peer can receive would be lost, and the next one would have to
        # wait.
        if self._target is not None and not self.paused and self._is_reachable():
            self.producer.ask_key_frame(self._target, now)

    def _best_stream(self) -> IncomingStream | None:
        streams = self.producer.streams
        if len(self.producer.parameters.encodings) == 1:
            return streams[0] if streams else None
        alive = [stream for stream in streams if stream.active]
        if self.preferred_layers is not None:
            highest = self.preferred_layers["spatialLayer"]
            # The lowest one is better than nothing when only higher ones than wanted are alive.
            alive = [one for one in alive if one.position <= highest] or alive[:1]
        return alive[-1] if alive else None

    def _spec(self, ignore_dtx: bool) -> SendStreamSpec:
        parameters = self.parameters
        entropy = self._context.entropy
        media = [codec for codec in parameters.codecs if not codec.is_rtx]
        codec = media[0]
        rtx = {
            apt: one.payload_type
            for one in parameters.codecs
            if (apt := one.associated_payload_type) is not None
        }
        return SendStreamSpec(
            transport=self.transport,
            ssrc=self.ssrc,
            rtx_ssrc=self.rtx_ssrc,
            rtx_payload_types=rtx,
            payload_types=frozenset(one.payload_type for one in media),
            clock_rate=codec.clock_rate,
            mime_type=codec.mime_type,
            mid=(parameters.mid or "").encode(),
            extension_ids={one.uri: one.id for one in parameters.header_extensions},
            first_sequence_number=int.from_bytes(entropy(2)) & 0x7FFF,
            first_rtx_sequence_number=int.from_bytes(entropy(2)) & 0x7FFF,
            needs_key_frame=descriptor_parser(codec.mime_type) is not None,
            keep_ciphertext=codec.has_feedback("nack") and (self.rtx_ssrc is None or not rtx),
            paused=self.paused or self.producer.paused,
            ignore_dtx=ignore_dtx and codec.mime_type.lower() == "audio/opus",
        )

    def _highest_layers(self) -> JsonObject:
        encodings = self.producer.parameters.encodings
        mode = parse_scalability_mode(encodings[0].scalability_mode)
        spatial = len(encodings) if len(encodings) > 1 else mode.spatial_layers
        return {"spatialLayer": spatial - 1, "temporalLayer": mode.temporal_layers - 1}

    def _layers_of(self, stream: IncomingStream) -> JsonObject:
        highest = self._highest_layers()
        spatial = stream.position if len(self.producer.parameters.encodings) > 1 else highest["spatialLayer"]
        return {"spatialLayer": spatial, "temporalLayer": highest["temporalLayer"]}

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("consumer is closed")

    def _end(self) -> None:
        self.closed = True
        self.producer.watchers.pop(self.id, None)
        self._context.plane.remove_send_stream(self.stream)
        self._context.consumers.pop(self.stream, None)
        self._on_close(self)


def _is_layer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
