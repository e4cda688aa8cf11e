"""Why a consumer got what it got: a recording played packet by packet, with the plane's counters read in
between, and the control plane's decisions beside them.

One reason for every packet of its source that did not go out, every change of source or layers, every
repetition and every estimate. The reasons are those of the interface (``SendDrop``) and of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rtpfwd.capture.calls import NOW, Arguments
from rtpfwd.capture.replay import Replay
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    DataPlane,
    Drop,
    PlaneLimits,
    ReceiveStreamId,
    SendCounters,
    SendDrop,
    SendStreamId,
)
from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.captures.items import CaptureItem, Record
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.rtp import peek_sequence_number, peek_ssrc

REASONS = {
    SendDrop.CONSUMER_PAUSED: "the consumer is paused",
    SendDrop.NO_TUPLE: "the consumer's transport has no tuple or no keys yet",
    SendDrop.WAITING_FOR_KEY_FRAME: "the consumer can only begin at a key frame, and this is none",
    SendDrop.OTHER_LAYER: "of an encoding that the consumer has left or not switched to yet",
    SendDrop.BEFORE_SWITCH: "older than the first packet that the consumer got of this source",
    SendDrop.PROTECT_FAILED: "SRTP refused it: its number was too old",
    SendDrop.DTX: "Opus silence, which the consumer asked to be spared",
    SendDrop.UNKNOWN_PAYLOAD_TYPE: "of a codec that the consumer did not negotiate",
    SendDrop.QUEUE_OVERFLOW: "its turn did not come before the send queue was full",
    SendDrop.SPATIAL_LAYER: "of a spatial layer above the one that the consumer gets",
    SendDrop.TEMPORAL_LAYER: "of a temporal layer above the one that the consumer gets",
}

ENDS = {
    Drop.PRODUCER_PAUSED: "the producer is paused",
    Drop.DUPLICATE: "it was here before",
    Drop.TOO_OLD: "older than all that is kept",
    Drop.PADDING_ONLY: "nothing but padding: it probes the publisher's uplink",
    Drop.RTX_UNWANTED: "repeats what is not missing",
    Drop.RTX_MALFORMED: "a repetition without the number of what it repeats",
    Drop.SEQUENCE_JUMP: "the first after a jump in numbering, believed when the next one confirms it",
    Drop.UNKNOWN_PAYLOAD_TYPE: "of a payload type that the producer did not name",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing that happened. ``number`` is the packet's in the file, None for what is no packet; sequence
    numbers are the source's and the consumer's, where there are such.
    """

    at: Instant
    what: str
    text: str
    number: int | None = None
    source_number: int | None = None
    sent_number: int | None = None

    def concerns(self, sequence_number: int) -> bool:
        """Whether it is about this number, the source's or the consumer's."""
        return sequence_number in (self.source_number, self.sent_number)

    def to_json(self) -> dict[str, Any]:
        """As JSON; what does not apply is absent."""
        view = {
            "atUs": self.at,
            "what": self.what,
            "text": self.text,
            "packet": self.number,
            "sourceNumber": self.source_number,
            "sentNumber": self.sent_number,
        }
        return {name: value for name, value in view.items() if value is not None}


class Names:
    """Finds out, in a first reading, which numbers an object has."""

    def __init__(self) -> None:
        self.consumers: dict[str, dict[str, Any]] = {}
        self.transports: dict[int, str] = {}
        self.producers: dict[int, str] = {}
        self._transport_of: dict[int, int] = {}

    def take(self, item: CaptureItem) -> None:
        """The next item."""
        if not isinstance(item, Record):
            return
        value: Any = item.value
        if item.kind == "name" and isinstance(value, dict) and isinstance(value.get("number"), int):
            kind, number, name = value.get("kind"), value["number"], str(value.get("id"))
            if kind == "sendStream":
                self.consumers[name] = value
            elif kind == "transport":
                self.transports[number] = name
            elif kind == "receiveStream":
                self.producers[number] = name
        elif item.kind == "seam.add_send_stream" and isinstance(value, list) and len(value) == 2:
            number, spec = value
            if isinstance(number, int) and isinstance(spec, dict):
                self._transport_of[number] = spec.get("transport", 0)

    def find(self, consumer: str) -> tuple[SendStreamId, str, str, str]:
        """Number, id, producer's id and transport's id of a consumer, by its id, the beginning of it, or its
        number. Raises ``InvalidParameters`` with those that there are.
        """
        found = {
            name: value
            for name, value in self.consumers.items()
            if name.startswith(consumer) or str(value["number"]) == consumer
        }
        if len(found) != 1:
            known = ", ".join(sorted(self.consumers)) or "none"
            what = "no" if not found else f"{len(found)}"
            raise InvalidParameters(f"{what} consumers {consumer!r}: there is {known}")
        name, value = next(iter(found.items()))
        number = value["number"]
        transport = self.transports.get(self._transport_of.get(number, 0), "")
        return SendStreamId(number), name, str(value.get("producerId")), transport


class Explainer(Replay):
    """A replay that tells of one consumer. ``tell`` gets each explanation, in order."""

    def __init__(
        self,
        make_plane: Callable[[PlaneLimits], DataPlane],
        names: Names,
        consumer: str,
        tell: Callable[[Explanation], None],
    ) -> None:
        super().__init__(make_plane)
        self._stream, self.consumer, self.producer, self.transport = names.find(consumer)
        self._names = names
        self._tell = tell
        self._there = False
        self._ssrcs: dict[int, str] = {}
        self._sources: dict[int, ReceiveStreamId] = {}
        self._sent: list[int] = []
        self._repaired: list[int] = []

    def take(self, item: CaptureItem) -> None:
        """The next item."""
        super().take(item)
        if isinstance(item, Record) and item.kind == "decision" and isinstance(item.value, dict):
            self._decide(item.value, Instant(item.time_us - self._zero))

    def forward(self, plane: DataPlane, batch: list[Datagram], now: Instant) -> None:
        """One packet at a time, and what became of it."""
        for number, (data, path) in zip(self.numbers, batch, strict=True):
            ssrc = peek_ssrc(data)
            source = self._sources.get(ssrc)
            if not self._there or source is None or self._names.producers.get(source) != self.producer:
                self.leave(plane.forward([(data, path)], now), now)
                continue
            before = plane.send_counters(self._stream)
            drops = plane.counters().drops
            self._sent, self._repaired = [], []
            self.leave(plane.forward([(data, path)], now), now)
            after = plane.send_counters(self._stream)
            ended = [one for one, count in plane.counters().drops.items() if count > drops.get(one, 0)]
            for what, text in self._why(before, after, source, ended[0] if ended else None):
                self._tell(
                    Explanation(
                        now,
                        what,
                        text,
                        number,
                        peek_sequence_number(data),
                        self._sent[0] if self._sent and what == "forwarded" else None,
                    )
                )

    def call(self, plane: DataPlane, method: str, arguments: Arguments, now: Instant) -> None:
        """A call, and what it meant for the consumer."""
        self._sent, self._repaired = [], []
        mine = bool(arguments) and arguments[0] == self._stream and method in _OF_THE_STREAM
        before = plane.send_counters(self._stream) if self._there and method == "retransmit" else None
        super().call(plane, method, arguments, now)
        if method == "add_receive_stream":
            spec = arguments[1]
            self._sources[spec.ssrc] = arguments[0]
            if spec.rtx_ssrc is not None:
                self._sources[spec.rtx_ssrc] = arguments[0]
        elif method == "add_rtx_ssrc":
            self._sources[arguments[1]] = arguments[0]
        if mine:
            self._explain_call(plane, method, arguments, now, before)
        for number in self._sent:
            if method in ("handle_timeout", "probe"):
                what, text = ("sent", "its turn on the line has come")
                self._tell(Explanation(now, what, text, None, None, number))
        for number in self._repaired if method != "retransmit" else ():
            self._tell(Explanation(now, "padding", "repeated to fill a probe", None, None, number))

    def leave(self, out: list[Datagram], now: Instant) -> None:
        """Notes the numbers of the consumer's own packets on their way."""
        for data, _ in out:
            kind = self._ssrcs.get(peek_ssrc(data))
            if kind == "media":
                self._sent.append(peek_sequence_number(data))
            elif kind == "rtx":
                self._repaired.append(peek_sequence_number(data))
        super().leave(out, now)

    # -- inside --------------------------------------------------------------------------------------------

    def _why(
        self, before: SendCounters, after: SendCounters, source: ReceiveStreamId, ended: Drop | None
    ) -> Iterator[tuple[str, str]]:
        if after.source != before.source and after.source is not None:
            name = self._names.producers.get(after.source, "?")
            yield "switch", f"from here on it gets stream {after.source} of producer {name}"
        if after.layers != before.layers and after.layers is not None:
            yield "layers", f"from here on it gets layers S{after.layers.spatial} T{after.layers.temporal}"
        reason = next((one for one, count in after.drops.items() if count > before.drops.get(one, 0)), None)
        if reason is not None:
            yield "drop", f"{reason.name.lower()}: {REASONS[reason]}"
        elif ended is not None:
            yield "not taken", f"{ended.name.lower()}: {ENDS.get(ended, 'it went no further than the input')}"
        elif after.packets > before.packets:
            yield "forwarded", f"forwarded as number {self._sent[0]}" if self._sent else "forwarded"
        elif after.source == source:
            yield "queued", "waits for its turn on the line"
        elif after.source is None:
            yield "drop", "no_source: the consumer gets nothing yet, or nothing any more"
        else:
            yield "drop", "other_layer: of an encoding that the consumer does not get"

    def _explain_call(
        self,
        plane: DataPlane,
        method: str,
        arguments: Arguments,
        now: Instant,
        before: SendCounters | None,
    ) -> None:
        match method:
            case "add_send_stream":
                spec = arguments[1]
                self._there = True
                self._ssrcs[spec.ssrc] = "media"
                if spec.rtx_ssrc is not None:
                    self._ssrcs[spec.rtx_ssrc] = "rtx"
                begins = f"SSRC {spec.ssrc:#010x}, first number {spec.first_sequence_number}"
                self._tell(Explanation(now, "created", f"consumer of {self.producer}: {begins}"))
            case "remove_send_stream":
                self._there = False
                self._tell(Explanation(now, "closed", "the consumer is gone"))
            case "set_send_paused":
                text = "paused" if arguments[1] else "resumed; a key frame begins it where it needs one"
                self._tell(Explanation(now, "pause", text))
            case "set_source":
                source, layers = arguments[1], next(one for one in arguments[2:] if one is not NOW)
                if source is None:
                    text = "it shall get nothing"
                else:
                    name = self._names.producers.get(source, "?")
                    text = f"it shall get stream {source} of producer {name}, up to S{layers.spatial} "
                    text += f"T{layers.temporal}"
                self._tell(Explanation(now, "asked", text))
            case "retransmit":
                self._explain_nack(plane, arguments, now, before)

    def _explain_nack(
        self, plane: DataPlane, arguments: Arguments, now: Instant, before: SendCounters | None
    ) -> None:
        after = plane.send_counters(self._stream)
        numbers = list(arguments[1])
        if before is None:
            return
        parts = [f"{after.retransmitted - before.retransmitted} of {len(numbers)} sent again"]
        if after.not_found > before.not_found:
            count = after.not_found - before.not_found
            parts.append(
                f"{count} never came here, is no longer kept, or went out less than a round trip ago"
            )
        if after.over_budget > before.over_budget:
            parts.append(f"{after.over_budget - before.over_budget} beyond the share that repairs may take")
        for number in numbers:
            self._tell(
                Explanation(
                    now, "retransmission", f"NACK for {number}: {'; '.join(parts)}", None, None, number
                )
            )

    def _decide(self, decision: dict[str, Any], now: Instant) -> None:
        if decision.get("subjectId") not in (self.consumer, self.producer, self.transport):
            return
        figures = decision.get("figures") or {}
        text = f"{decision.get('what')} of {decision.get('subjectKind')}: {decision.get('reason')}"
        if "before" in decision or "after" in decision:
            text += f", {decision.get('before')} -> {decision.get('after')}"
        if isinstance(figures, dict) and figures:
            text += " (" + ", ".join(f"{name} {value}" for name, value in figures.items()) + ")"
        what = "estimate" if decision.get("what") == "estimate" else "decision"
        at = decision.get("at")
        self._tell(Explanation(Instant(at) if isinstance(at, int) else now, what, text))


_OF_THE_STREAM = frozenset(
    ("add_send_stream", "remove_send_stream", "set_send_paused", "set_source", "retransmit")
)
