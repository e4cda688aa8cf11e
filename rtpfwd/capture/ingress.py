"""What publishers sent, out of a capture: the source of a what-if run.

Of a recording of ours everything is known: which streams belong to which producer, what repairs what, with
which settings the server ran and when they were changed. Of others' captures the streams are described or
inferred as for a replay (foreign.py), and each is a producer of its own. What was lost on the way in is put
back from its repairs (rebuilding.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtpfwd.capture.calls import PREFIX, decode_call
from rtpfwd.capture.foreign import StreamsFound
from rtpfwd.capture.opening import Opener, openers
from rtpfwd.capture.rebuilding import RawPacket, RebuiltStream, rebuild
from rtpfwd.capture.recorder import NOT_OPENED
from rtpfwd.capture.replay import parse_start
from rtpfwd.capture.wire_form import KEYS, decode_keys
from rtpfwd.dataplane.interface import PlaneLimits, ReceiveStreamSpec
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, Record
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtp import peek_ssrc

SETTINGS_RECORD = "settings"
"""Kind of the record that tells with which settings a server ran when the recording began: those that were
not the default, by name."""
_NUMBERED = re.compile(r"r\d+")

Place = tuple[Address | None, int]
"""Source address and SSRC."""


@dataclass(slots=True)
class RecordedStream:
    """One encoding of a producer."""

    producer: str
    publisher: str
    """Whose transport it came on: an address."""
    mime_type: str
    clock_rate: int
    ssrc: int
    rid: str | None
    payload_type: int
    uses_nack: bool
    rtx_payload_type: int | None
    rtx_ssrc: int | None
    extension_ids: Mapping[str, int]
    sent: RebuiltStream


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting turned while the recording ran; ``at_us`` counts from the ingress' first packet."""

    at_us: int
    name: str
    value: int | float


@dataclass(slots=True)
class Ingress:
    """All that a what-if run takes out of a file."""

    foreign: bool
    streams: list[RecordedStream]
    duration_us: int
    limits: PlaneLimits | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Those that were not the default when the recording began."""
    changes: list[SettingChange] = field(default_factory=list)
    skipped: int = 0
    """Packets that could not be used: still encrypted, cut off, of streams that nobody described."""

    def producers(self) -> dict[str, list[RecordedStream]]:
        """Streams by producer, the lowest encoding first."""
        found: dict[str, list[RecordedStream]] = {}
        for one in self.streams:
            found.setdefault(one.producer, []).append(one)
        for streams in found.values():
            streams.sort(key=_height(streams))
        return found


def read_ingress(
    items: Callable[[], Iterable[CaptureItem]], *, foreign: bool, description: str | None = None
) -> Ingress:
    """The ingress of a capture. ``items`` gives its items from the beginning, each time that it is called.

    Raises ``MalformedPacket`` where there is nothing to play, ``InvalidParameters`` for a ``description``
    that makes no sense.
    """
    return _read_foreign(items, description) if foreign else _read_own(items())


class _Packets:
    """RTP by source and SSRC."""

    def __init__(self) -> None:
        self.raw: dict[Place, list[RawPacket]] = {}
        self.first_us: int | None = None
        self.skipped = 0

    def take(self, item: CapturedDatagram, opener: Opener | None = None) -> None:
        if classify(item.data) is not Kind.RTP:
            return
        data = item.data if opener is None else opener.rtp(item.data)
        if item.missing or NOT_OPENED in item.comments or data is None:
            self.skipped += 1
            return
        if self.first_us is None:
            self.first_us = item.time_us
        place = item.source, peek_ssrc(data)
        self.raw.setdefault(place, []).append((item.time_us - self.first_us, data))

    def rebuilt(
        self, place: Place, repairs: Place | None, types: Iterable[int], **more: Any
    ) -> RebuiltStream:
        return rebuild(
            self.raw.get(place, []), self.raw.get(repairs, []) if repairs else [], frozenset(types), **more
        )

    def ingress(self, foreign: bool, streams: list[RecordedStream]) -> Ingress:
        streams = [one for one in streams if one.sent.packets]
        if not streams:
            why = f": {self.skipped} packets are cut off or encrypted" if self.skipped else ""
            raise MalformedPacket(f"no publisher's RTP in it that could be played{why}")
        begin = min(packet.at_us for one in streams for packet in one.sent.packets)
        end = max(packet.at_us for one in streams for packet in one.sent.packets)
        for one in streams:
            for packet in one.sent.packets:
                packet.at_us -= begin
        self.first_us = (self.first_us or 0) + begin
        return Ingress(foreign, streams, max(end - begin, 1), skipped=self.skipped)


@dataclass(slots=True)
class _Known:
    """A receive stream as calls and names tell."""

    spec: ReceiveStreamSpec
    rtx_ssrc: int | None
    producer: str = ""
    rid: str | None = None


def _read_own(items: Iterable[CaptureItem]) -> Ingress:
    packets = _Packets()
    known: dict[int, _Known] = {}
    homes: dict[int, list[Address]] = {}
    wire: dict[int, Opener] = {}  # of captures in wire form, what opens the packets of each transport
    limits: PlaneLimits | None = None
    settings: dict[str, Any] = {}
    changes: list[tuple[int, str, Any]] = []
    for item in items:
        if isinstance(item, CapturedDatagram):
            if item.direction is Direction.INBOUND:
                home = next((one for one, all_ in homes.items() if item.source in all_), 0) if wire else 0
                packets.take(item, wire.get(home))
        elif isinstance(item, Record):
            value: Any = item.value
            if item.kind == "start" and limits is None:
                limits = parse_start(item)[2]
            elif item.kind == KEYS:
                transport, keys = decode_keys(value)
                wire[transport] = openers(keys)[0]
            elif item.kind == SETTINGS_RECORD and isinstance(value, dict):
                settings = value
            elif item.kind == "decision" and isinstance(value, dict) and value.get("what") == "tunable":
                changes.append((item.time_us, str(value.get("subjectId")), value.get("after")))
            else:
                _note(item, known, homes)
    streams = []
    for number, one in known.items():
        spec = one.spec
        place = _place(homes.get(spec.transport, []), spec.ssrc, packets)
        if place is None:
            continue
        main = next(iter(spec.payload_types), 0)
        repairs = {media: rtx for rtx, media in spec.rtx_payload_types.items()}
        sent = packets.rebuilt(
            place, (place[0], one.rtx_ssrc) if one.rtx_ssrc is not None else None, spec.payload_types,
            mime_type=spec.mime_type, clock_rate=spec.clock_rate, extension_ids=spec.extension_ids,
        )  # fmt: skip
        streams.append(
            RecordedStream(
                one.producer or f"stream {number}", f"transport {spec.transport}", spec.mime_type,
                spec.clock_rate, spec.ssrc, one.rid, main, spec.use_nack, repairs.get(main), one.rtx_ssrc,
                spec.extension_ids, sent,
            )
        )  # fmt: skip
    ingress = packets.ingress(False, streams)
    ingress.limits, ingress.settings = limits, settings
    zero = packets.first_us or 0
    ingress.changes = [
        SettingChange(at - zero, name, value) for at, name, value in changes if isinstance(value, int | float)
    ]
    return ingress


def _note(record: Record, known: dict[int, _Known], homes: dict[int, list[Address]]) -> None:
    """What a record says of streams and addresses. Raises ``MalformedPacket``."""
    if record.kind == "name" and isinstance(record.value, dict):
        value: Any = record.value
        stream = known.get(value.get("number", -1)) if value.get("kind") == "receiveStream" else None
        if stream is not None:
            stream.producer, rid = str(value.get("id")), value.get("rid")
            stream.rid = rid if isinstance(rid, str) else None
        return
    method = record.kind.removeprefix(PREFIX)
    if not record.kind.startswith(PREFIX):
        return
    if method == "add_receive_stream":
        number, spec = decode_call(method, record.value)
        known[number] = _Known(spec, spec.rtx_ssrc)
    elif method == "add_rtx_ssrc":
        number, ssrc = decode_call(method, record.value)
        if number in known:
            known[number].rtx_ssrc = ssrc
    elif method == "add_path":
        transport, path = decode_call(method, record.value)
        homes.setdefault(transport, []).append(path[1])


def _place(homes: list[Address], ssrc: int, packets: _Packets) -> Place | None:
    """From where a stream came: of its transport's addresses the one with most of its packets."""
    found = [(len(packets.raw[home, ssrc]), (home, ssrc)) for home in homes if (home, ssrc) in packets.raw]
    return max(found)[1] if found else None


def _read_foreign(items: Callable[[], Iterable[CaptureItem]], description: str | None) -> Ingress:
    finder, packets = StreamsFound(description), _Packets()
    for item in items():
        finder.take(item)
    found = finder.streams()
    wanted = {(one.place[0], one.place[1], ssrc) for one in found for ssrc in (one.place[2], one.rtx_ssrc)}
    for item in items():
        if isinstance(item, CapturedDatagram) and classify(item.data) is Kind.RTP:
            if (item.source, item.destination, peek_ssrc(item.data)) in wanted:
                packets.take(item)
            else:
                packets.skipped += 1
    streams = []
    for number, one in enumerate(found):
        source, destination, ssrc = one.place
        sent = packets.rebuilt(
            (source, ssrc), (source, one.rtx_ssrc) if one.rtx_ssrc is not None else None, one.payload_types,
            mime_type=one.mime_type, clock_rate=one.clock_rate, extension_ids=one.extension_ids,
        )  # fmt: skip
        repairs = {media: rtx for rtx, media in one.rtx_payload_types.items()}
        main = sent.packets[0].payload_type if sent.packets else one.payload_types[0]
        is_video = one.mime_type.startswith("video/")
        streams.append(
            RecordedStream(
                f"{number} {one.name}".strip(), f"{source} to {destination}", one.mime_type, one.clock_rate,
                ssrc, None, main, is_video, repairs.get(main), one.rtx_ssrc, one.extension_ids, sent,
            )
        )  # fmt: skip
    return packets.ingress(True, streams)


def _height(streams: list[RecordedStream]) -> Callable[[RecordedStream], tuple[str, float]]:
    """By RID where they are numbered as mediasoup-client does, else by the size of pictures."""
    if all(one.rid is not None and _NUMBERED.fullmatch(one.rid) for one in streams):
        return lambda one: (one.rid or "", 0.0)
    return lambda one: ("", one.sent.mean_picture_bytes)
