"""Media going out: a consumer, its outgoing stream and what it asks for (mediasoup's ``Consumer``).

What it may be given is in ``layer_choice``; what it gets, its transport decides (``bandwidth``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import ClassVar

from rtpfwd.clock import Instant
from rtpfwd.congestion.demands import Assignment, Demand, LayerPair, Reason
from rtpfwd.congestion.rate_window import RateWindow
from rtpfwd.dataplane.interface import ALL_LAYERS, SendStreamId, TransportId
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpParameters
from rtpfwd.sfu import stats
from rtpfwd.sfu.checks import check_layers, check_shown_size
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.layer_choice import LayerChoice, Target
from rtpfwd.sfu.ledger import Figure, Figures, LedgerReason, SubjectKind, What
from rtpfwd.sfu.outgoing_reports import OutgoingReports
from rtpfwd.sfu.producer import Producer, StreamType
from rtpfwd.sfu.stream_specs import send_stream_spec
from rtpfwd.sfu.traces import CONSUMER_TYPES, Traces
from rtpfwd.wire.header_extensions import TRANSPORT_CC
from rtpfwd.wire.rtcp.reports import ReportBlock, SenderReport

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
        reallocate: Callable[[Instant], None],
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
        self.packet_rate = RateWindow()
        self.nack_count = self.pli_count = self.fir_count = 0
        self.unrepaired = 0
        self.sent_bps = 0
        """What it sent of late, repairs included."""
        self.is_numbered = parameters.header_extension_id(TRANSPORT_CC) is not None
        """Whether its packets bear transport-wide numbers, and so count in the estimate."""
        self.choice = LayerChoice(context, producer, self.stream)
        self.assignment: Assignment | None = None
        """The latest word of its transport's allocation."""
        self._context = context
        self.transport = transport
        self._on_close = on_close
        self._is_reachable = is_reachable
        self._reallocate = reallocate
        self._told_score: JsonObject = {}
        self.traces = Traces(
            CONSUMER_TYPES,
            lambda trace: self._emit("trace", trace),
            context.unix_ms,
            lambda traced: context.plane.set_send_traced(self.stream, traced),
        )
        context.plane.add_send_stream(
            self.stream,
            send_stream_spec(parameters, transport, context.entropy, paused or producer.paused, ignore_dtx),
        )
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
        current = self.current.score.value if self.current is not None else 0
        own = 10
        if self.reports.last_block is not None:
            own = round(10 * ((256 - self.reports.last_block.fraction_lost) / 256) ** 4)
        return {"score": own, "producerScore": current, "producerScores": scores}

    @property
    def current_layers(self) -> JsonObject | None:
        """``{spatialLayer, temporalLayer}`` being sent, for simulcast and SVC; None while nothing is."""
        return self.choice.current_layers()

    @property
    def preferred_layers(self) -> JsonObject | None:
        """``{spatialLayer, temporalLayer}`` that it is limited to; None for no limit."""
        preferred = self.choice.preferred
        return None if preferred is None else {"spatialLayer": preferred[0], "temporalLayer": preferred[1]}

    def pause(self, *, now: Instant) -> None:
        """Stop sending. Raises ``InvalidState`` when closed."""
        self._check_open()
        if not self.paused:
            self.paused = True
            self._tell_paused(now)

    def resume(self, *, now: Instant) -> None:
        """Send, video from a key frame on, which is asked for. Raises ``InvalidState`` when closed."""
        self._check_open()
        if self.paused:
            self.paused = False
            self._tell_paused(now)
            self.start(now)

    def request_key_frame(self, *, now: Instant) -> None:
        """Ask the producer for a key frame of what is being sent. Raises ``InvalidState`` when closed."""
        self._check_open()
        target = self.choice.target
        stream = target.stream if target is not None else self.current
        if stream is not None and not self.paused:
            self.producer.ask_key_frame(stream, now)

    def set_preferred_layers(self, layers: JsonObject, *, now: Instant) -> None:
        """``{spatialLayer, temporalLayer?}``: the highest that shall be sent.

        Raises ``InvalidParameters``, and ``InvalidState`` when closed. Ignored for simple consumers, as in
        mediasoup.
        """
        self._check_open()
        spatial, temporal = check_layers(layers)
        if self.type is not StreamType.SIMPLE:
            self.choice.prefer(spatial, temporal)
            self._wants_changed(now)

    def set_shown_size(self, width: int, height: int, *, now: Instant) -> None:
        """In how many pixels the receiver shows it; 0 for not at all. More is not sent than that needs.

        Raises ``InvalidParameters``, and ``InvalidState`` when closed. (Not in mediasoup.)
        """
        self._check_open()
        self.choice.shown = check_shown_size(width, height)
        self._wants_changed(now)

    def set_priority(self, priority: int, *, now: Instant) -> None:
        """Share of bandwidth among this transport's consumers, 1-255. Raises ``InvalidParameters``."""
        self._check_open()
        if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= MAX_PRIORITY:
            raise InvalidParameters(f"priority must be a number from 1 to {MAX_PRIORITY}")
        self.priority = priority
        self._reallocate(now)

    def unset_priority(self, *, now: Instant) -> None:
        """Back to priority 1."""
        self.set_priority(1, now=now)

    def close(self, *, now: Instant) -> None:
        """Close it; closing twice does nothing."""
        if not self.closed:
            self._end()
            self.producer.wants_changed(now)
            self._reallocate(now)
            self._emit("close")

    def get_stats(self, *, now: Instant) -> list[JsonObject]:
        """``outbound-rtp`` and, of what is being sent, ``inbound-rtp``."""
        found = [stats.outbound_rtp(self._context, self, now)]
        if self.current is not None:
            found.append(stats.inbound_rtp(self._context, self.current, now))
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
            "targetSsrc": self.choice.target.stream.ssrc if self.choice.target is not None else None,
            "shownSize": list(self.choice.shown) if self.choice.shown is not None else None,
            "assignment": None if self.assignment is None else self.assignment.reason.value,
        }

    # -- for its transport ---------------------------------------------------------------------------------

    @property
    def current(self) -> IncomingStream | None:
        """The stream that is being forwarded."""
        return self.choice.current

    def start(self, now: Instant) -> None:
        """The peer can receive now, or the consumer was resumed: choose a source and ask for a key frame."""
        if self.paused or self.closed:
            return
        self._choose(now)
        self._ask_key_frame(now)

    def note_sent(self, now: Instant) -> int:
        """Look at what it has sent; returns its running total of bytes."""
        sent = self._context.plane.send_counters(self.stream)
        self.sent_bps = self.rate.update(sent.bytes, now) + self.rtx_rate.update(
            sent.retransmitted_bytes, now
        )
        return sent.bytes + sent.retransmitted_bytes

    def demand(self, now: Instant) -> Demand:
        """What it asks of its transport's bandwidth."""
        return self.choice.demand(self.priority, self.paused or self.producer.paused, now)

    def wanted_layer(self) -> int:
        """The highest spatial layer that it would take with all the bandwidth of the world; -1: none."""
        return self.choice.wanted_layer(self.paused)

    def assign(self, assignment: Assignment, now: Instant) -> None:
        """What it gets from now on, and why."""
        before, self.assignment = self.assignment, assignment
        if before is None or (before.layers, before.reason) != (assignment.layers, assignment.reason):
            figures: Figures = {
                Figure.NEEDED_BPS: assignment.needed_bps,
                Figure.AVAILABLE_BPS: assignment.available_bps,
            }
            self._note(
                What.LAYERS, assignment.reason, None if before is None else before.layers, assignment.layers,
                figures, now,
            )  # fmt: skip
        if self.paused or self.producer.paused:
            return  # the plane forwards nothing, and knows what to begin with again
        target = None
        if assignment.layers is not None:
            target = self.choice.find(*assignment.layers)
        elif assignment.reason is Reason.LAYER_INACTIVE:
            target = self.choice.waiting()
        told = self.current_layers
        if self.choice.aim(target, now):
            self._ask_key_frame(now)
        if told is not None and self.current_layers is None:
            self._emit("layerschange", None)

    def transport_closed(self, now: Instant) -> None:
        """Its transport closed."""
        if not self.closed:
            self._end()
            self.producer.wants_changed(now)
            self._emit("transportclose")
            self._emit("close")

    def switched(self, now: Instant) -> None:
        """The plane forwards another source, or other layers of it, from now on."""
        before = self.choice.forwarded()
        if self.choice.note_switch():
            self._note(What.LAYERS_SWITCHED, LedgerReason.SWITCHED, before, self.choice.forwarded(), {}, now)
            if self.type is not StreamType.SIMPLE:
                self._emit("layerschange", self.current_layers)
        self.scores_changed()

    def sender_report(self, now: Instant) -> SenderReport | None:
        """This stream's report for now, if there is one to give."""
        counters = self._context.plane.send_counters(self.stream)
        return self.reports.build(self.current, counters, now)

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
        self._tell_paused(now)
        if not paused:
            self.start(now)

    def streams_changed(self, now: Instant) -> None:
        """A stream of the producer started, stopped or went."""
        self._choose(now)

    def scores_changed(self) -> None:
        """Emit ``score`` when it changed."""
        score = self.score
        if score != self._told_score:
            self._told_score = score
            self._emit("score", score)

    # -- inside --------------------------------------------------------------------------------------------

    def _tell_paused(self, now: Instant) -> None:
        # What a paused producer sends shall be no gap that a consumer asks to have filled.
        self._context.plane.set_send_paused(self.stream, self.paused or self.producer.paused)
        self._wants_changed(now)

    def _wants_changed(self, now: Instant) -> None:
        self.producer.wants_changed(now)
        self._reallocate(now)

    def _choose(self, now: Instant) -> None:
        if self.kind == "video":
            self._reallocate(now)
        else:
            streams = self.producer.streams
            self.choice.aim(Target(streams[0], ALL_LAYERS) if streams else None, now)

    def _ask_key_frame(self, now: Instant) -> None:
        # A key frame that comes before the peer can receive would be lost, and the next one would have to
        # wait.
        target = self.choice.target
        if target is not None and not self.paused and self._is_reachable():
            self.producer.ask_key_frame(target.stream, now)

    def _note(
        self,
        what: What,
        reason: StrEnum,
        before: LayerPair | None,
        after: LayerPair | None,
        figures: Figures,
        now: Instant,
    ) -> None:
        self._context.ledger.note(now, SubjectKind.CONSUMER, self.id, what, reason, before, after, figures)

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("consumer is closed")

    def _end(self) -> None:
        self.closed = True
        self.producer.watchers.pop(self.id, None)
        self._context.ended.consumer(self, self._context.plane.send_counters(self.stream))
        self._context.plane.remove_send_stream(self.stream)
        self._context.consumers.pop(self.stream, None)
        self._on_close(self)
