"""Media coming in: a producer, its parameters and its streams (mediasoup's ``Producer``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import ClassVar

from rtpfwd.clock import Instant
from rtpfwd.congestion.demands import LayerOption
from rtpfwd.dataplane.interface import (
    ReceiveStreamId,
    TransportId,
    UnknownSsrc,
)
from rtpfwd.errors import InvalidState, UnsupportedError
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpEncoding, RtpMapping, RtpParameters
from rtpfwd.sfu import stats
from rtpfwd.sfu.context import Context, Deadline
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.ledger import LedgerReason, SubjectKind, What
from rtpfwd.sfu.producer_layers import ProducerLayers
from rtpfwd.sfu.producer_watchers import ProducerObserver, ProducerWatcher
from rtpfwd.sfu.stream_specs import receive_stream_spec
from rtpfwd.sfu.traces import PRODUCER_TYPES, Traces
from rtpfwd.wire.scalability import parse_scalability_mode

SVC_CODECS = frozenset(("video/vp9", "video/av1"))
SIMULCAST_CODECS = frozenset(("video/vp8", "video/h264", "video/vp9", "video/av1"))


class StreamType(StrEnum):
    """mediasoup's ``type`` of a producer or consumer."""

    SIMPLE = "simple"
    SIMULCAST = "simulcast"
    SVC = "svc"


class Producer(Emitter):
    """Made by ``WebRtcTransport.produce``."""

    EVENTS: ClassVar[frozenset[str]] = frozenset(
        ("score", "videoorientationchange", "wantedencodings", "trace", "transportclose", "close")
    )

    def __init__(
        self,
        context: Context,
        transport: TransportId,
        producer_id: str,
        kind: str,
        rtp_parameters: JsonObject,
        parameters: RtpParameters,
        consumable: JsonObject,
        mapping: RtpMapping,
        paused: bool,
        app_data: JsonObject,
        on_close: Callable[[Producer, Instant], None],
        ask_key_frame: Callable[[IncomingStream, Instant], None],
    ) -> None:
        super().__init__(context.events)
        self.id = producer_id
        self.kind = kind
        self.type = _stream_type(parameters)
        self.rtp_parameters = rtp_parameters
        self.parameters = parameters
        self.consumable_rtp_parameters = consumable
        self.mapping = mapping
        self.paused = paused
        self.app_data = app_data
        self.closed = False
        self.streams: list[IncomingStream] = []
        self.watchers: dict[str, ProducerWatcher] = {}
        self.observers: dict[str, ProducerObserver] = {}
        self.orientation: int | None = None
        self._context = context
        self.transport = transport
        self._on_close = on_close
        self._ask_key_frame = ask_key_frame
        self._told_score: list[JsonObject] = []
        self.layers = ProducerLayers(
            parameters, app_data, self.type is not StreamType.SIMPLE, context.settings.bandwidth
        )
        self._number = context.next_id()
        context.deadline_owners[self._number] = self
        self.traces = Traces(
            PRODUCER_TYPES, lambda trace: self._emit("trace", trace), context.unix_ms, self._trace_packets
        )

    # -- mediasoup's methods -------------------------------------------------------------------------------

    @property
    def score(self) -> list[JsonObject]:
        """Score 0-10 of each stream that has started: ``{encodingIdx, ssrc, rid?, score}``."""
        return [
            {
                "encodingIdx": stream.position,
                "ssrc": stream.ssrc,
                **({"rid": stream.rid} if stream.rid is not None else {}),
                "score": stream.score.value,
            }
            for stream in self.streams
            if stream.active or stream.score.value
        ]

    def pause(self, *, now: Instant) -> None:
        """Stop forwarding to all consumers. Raises ``InvalidState`` when closed."""
        self._set_paused(True, now)

    def resume(self, *, now: Instant) -> None:
        """Forward again; video from a new key frame on. Raises ``InvalidState`` when closed."""
        self._set_paused(False, now)

    def close(self, *, now: Instant) -> None:
        """Close it and all its consumers; closing twice does nothing."""
        if self.closed:
            return
        self._end(now)
        self._emit("close")

    def transport_closed(self, *, now: Instant) -> None:
        """Its transport closed."""
        if self.closed:
            return
        self._end(now)
        self._emit("transportclose")
        self._emit("close")

    def get_stats(self, *, now: Instant) -> list[JsonObject]:
        """One ``inbound-rtp`` for each stream (mediasoup's ``ProducerStat``)."""
        return [stats.inbound_rtp(self._context, stream, now) for stream in self.streams]

    def enable_trace_event(self, types: Iterable[str] = ()) -> None:
        """Emit ``trace`` for these of rtp, keyframe, nack, pli, fir, sr. Raises ``InvalidParameters``."""
        self._check_open()
        self.traces.enable(types)

    def dump(self) -> JsonObject:
        """Everything, for people who debug."""
        return {
            "id": self.id,
            "kind": self.kind,
            "type": self.type.value,
            "traceEventTypes": self.traces.types,
            "rtpParameters": self.rtp_parameters,
            "rtpMapping": self.mapping.to_json(),
            "paused": self.paused,
            "rtpStreams": [
                {
                    "encodingIdx": stream.position,
                    "ssrc": stream.ssrc,
                    "rtxSsrc": stream.rtx_ssrc,
                    "rid": stream.rid,
                    "active": stream.active,
                    "score": stream.score.value,
                }
                for stream in self.streams
            ],
            "consumerIds": list(self.watchers),
        }

    # -- for its transport ---------------------------------------------------------------------------------

    def signaled_ssrcs(self) -> list[int]:
        """SSRCs and RTX SSRCs that the parameters name."""
        found = []
        for encoding in self.parameters.encodings:
            found += [ssrc for ssrc in (encoding.ssrc, encoding.rtx_ssrc) if ssrc is not None]
        return found

    def open_signaled_streams(self) -> None:
        """Claim the streams whose SSRC is known from signaling."""
        for position, encoding in enumerate(self.parameters.encodings):
            if encoding.ssrc is not None:
                self._open(position, encoding, encoding.ssrc, encoding.rtx_ssrc)

    def claim(self, unknown: UnknownSsrc, now: Instant) -> bool:
        """A new SSRC that the listener found to be ours: open a stream or note its RTX. False: it is
        neither.
        """
        position = self._encoding_of(unknown)
        if position is None:
            return False
        encoding = self.parameters.encodings[position]
        stream = next((one for one in self.streams if one.position == position), None)
        if self._is_rtx(unknown):
            # Without its media stream there is nothing to repair yet; the packets stay held.
            if stream is None or stream.rtx_ssrc is not None:
                return False
            stream.rtx_ssrc = unknown.ssrc
            self._context.plane.add_rtx_ssrc(stream.id, unknown.ssrc)
            return True
        if stream is not None:
            return False
        stream = self._open(position, encoding, unknown.ssrc, encoding.rtx_ssrc)
        # Consumers choose now, before the packets that are held go through: the first is often the key frame.
        self.set_active(stream, True, now)
        return True

    def set_active(self, stream: IncomingStream, active: bool, now: Instant) -> None:
        """A stream started, or nothing of it arrived for a while."""
        if stream.active == active:
            return
        stream.active = active
        stream.score.reset(10 if active else 0)
        for watcher in list(self.watchers.values()):
            watcher.streams_changed(now)
        self.tell_score()

    def layer_options(self, now: Instant) -> tuple[LayerOption, ...]:
        """What can be had of it now, ascending, and for how much."""
        return self.layers.options(self.streams, self._context.plane, now)

    def note_resolution(
        self, stream: IncomingStream, sizes: tuple[tuple[int, int], ...], now: Instant
    ) -> None:
        """A key frame told how large the pictures of a stream are."""
        self.layers.note_sizes(stream, sizes)
        self.wants_changed(now)

    @property
    def wanted_encodings(self) -> tuple[bool, ...]:
        """Which encodings the publisher should send, lowest first (LiveKit's dynacast). Not in mediasoup."""
        return self.layers.wanted

    def wants_changed(self, now: Instant) -> None:
        """A consumer came, went, or wants other layers. Emits ``wantedencodings`` when that matters."""
        if self.kind != "video" or self.closed:
            return
        before = self.layers.wanted
        wants = [watcher.wanted_layer() for watcher in self.watchers.values()]
        if self.layers.update_wanted(wants, now):
            wanted = self.layers.wanted
            reason = LedgerReason.WANTED if sum(wanted) > sum(before) else LedgerReason.UNWANTED
            self._context.ledger.note(
                now,
                SubjectKind.PRODUCER,
                self.id,
                What.WANTED_LAYERS,
                reason,
                sum(before) - 1,
                sum(wanted) - 1,
            )
            self._emit("wantedencodings", list(wanted))
        key = (self._number, Deadline.WANTED)
        at = self.layers.next_timeout()
        if at is None:
            self._context.timers.cancel(key)
        else:
            self._context.timers.set(key, at)

    def handle_deadline(self, deadline: Deadline, now: Instant) -> None:
        """Nobody has wanted an encoding for long enough, perhaps."""
        self.wants_changed(now)

    def tell_score(self) -> None:
        """Emit ``score`` when it changed."""
        score = self.score
        if score != self._told_score:
            self._told_score = score
            self._emit("score", score)
            for watcher in list(self.watchers.values()):
                watcher.scores_changed()

    def note_orientation(self, value: int) -> None:
        """``urn:3gpp:video-orientation`` changed (TS 26.114 §7.4.5: bit 3 camera, bit 2 flip, bits 1-0
        rotation).
        """
        self.orientation = value
        rotation = (value & 0x03) * 90
        self._emit(
            "videoorientationchange",
            {"camera": bool(value & 0x08), "flip": bool(value & 0x04), "rotation": rotation},
        )

    # -- for its consumers ---------------------------------------------------------------------------------

    def ask_key_frame(self, stream: IncomingStream, now: Instant) -> None:
        """A consumer needs a key frame of this stream."""
        if not self.paused and not self.closed and self.kind == "video":
            self._ask_key_frame(stream, now)

    # -- for its observers ---------------------------------------------------------------------------------

    def hand_out_levels(self) -> None:
        """Take the audio levels that wait in the plane and tell all observers. Any of them may ask for it."""
        for stream in self.streams:
            samples = self._context.plane.take_audio_levels(stream.id)
            for observer in self.observers.values():
                observer.on_audio_levels(self, samples)

    # -- inside --------------------------------------------------------------------------------------------

    def _set_paused(self, paused: bool, now: Instant) -> None:
        self._check_open()
        if self.paused == paused:
            return
        self.paused = paused
        for stream in self.streams:
            self._context.plane.set_receive_paused(stream.id, paused)
        for watcher in list(self.watchers.values()):
            watcher.on_producer_paused(paused, now)
        self.hand_out_levels()  # what was said before the pause is over with it
        for observer in self.observers.values():
            observer.on_producer_paused(self, paused)

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("producer is closed")

    def _trace_packets(self, traced: bool) -> None:
        for stream in self.streams:
            self._context.plane.set_receive_traced(stream.id, traced)

    def _end(self, now: Instant) -> None:
        self.closed = True
        self._context.timers.cancel((self._number, Deadline.WANTED))
        del self._context.deadline_owners[self._number]
        for stream in self.streams:
            self._context.ended.stream(stream, self._context.plane.receive_counters(stream.id))
            self._context.plane.remove_receive_stream(stream.id)
            self._context.incoming.pop(stream.id, None)
        watchers, self.watchers = self.watchers, {}
        for watcher in watchers.values():
            watcher.on_producer_closed(now)
        for observer in list(self.observers.values()):
            observer.on_producer_closed(self, now)
        self._on_close(self, now)

    def _open(self, position: int, encoding: RtpEncoding, ssrc: int, rtx_ssrc: int | None) -> IncomingStream:
        context = self._context
        stream = IncomingStream(
            ReceiveStreamId(context.next_id()), self, position, ssrc, rtx_ssrc, encoding.rid
        )
        self.streams.append(stream)
        self.streams.sort(key=lambda one: one.position)
        context.incoming[stream.id] = stream
        context.plane.add_receive_stream(
            stream.id,
            receive_stream_spec(
                self.parameters, self.mapping, self.consumable_rtp_parameters, self.transport, encoding, ssrc,
                rtx_ssrc, self.paused,
            ),
        )  # fmt: skip
        context.plane.set_receive_traced(stream.id, self.traces.packets)
        return stream

    def _encoding_of(self, unknown: UnknownSsrc) -> int | None:
        encodings = self.parameters.encodings
        rid = unknown.rid if unknown.rid is not None else unknown.repaired_rid
        for position, encoding in enumerate(encodings):
            if unknown.ssrc in (encoding.ssrc, encoding.rtx_ssrc):
                return position
            if rid is not None and encoding.rid == rid:
                return position
        # One encoding that nothing else names: the MID alone says whose it is.
        if len(encodings) == 1 and encodings[0].rid is None:
            return 0
        return None

    def _is_rtx(self, unknown: UnknownSsrc) -> bool:
        if unknown.repaired_rid is not None:
            return True
        codec = self.parameters.codec(unknown.payload_type)
        return codec is not None and codec.is_rtx


def _stream_type(parameters: RtpParameters) -> StreamType:
    # mediasoup's RtpParameters::GetType; simulcast of VP9 and AV1, which it refuses, is accepted.
    encodings = parameters.encodings
    codec = parameters.codec_for(encodings[0]).mime_type.lower()
    if len(encodings) > 1:
        if codec not in SIMULCAST_CODECS:
            raise UnsupportedError(f"{codec} codec not supported for simulcast")
        return StreamType.SIMULCAST
    mode = parse_scalability_mode(encodings[0].scalability_mode)
    if mode.spatial_layers == 1 and mode.temporal_layers == 1:
        return StreamType.SIMPLE
    if codec in SVC_CODECS:
        return StreamType.SVC
    if codec in SIMULCAST_CODECS:
        return StreamType.SIMULCAST
    raise UnsupportedError(f"{codec} codec not supported for scalabilityMode")
