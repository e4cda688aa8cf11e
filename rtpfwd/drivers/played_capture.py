"""A capture played to its end, and what every consumer got of it, packet by packet.

For those who look at results: tests, the minimiser. Recordings of our own keep their consumers' ids; in
captures of others each stream has one viewer, named as the stream is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from rtpfwd.capture.calls import Arguments
from rtpfwd.capture.foreign import ForeignReplay, ForeignStream, StreamsFound
from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.load import load_plane
from rtpfwd.drivers.links import LinkModel
from rtpfwd.drivers.recordings import is_foreign, read_items
from rtpfwd.errors import InvalidParameters, NotFoundError
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, Record
from rtpfwd.wire.datagram import Address, Path
from rtpfwd.wire.header_extensions import parse_elements
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.registry import descriptor_parser
from rtpfwd.wire.rtp import RtpPacket


@dataclass(frozen=True)
class SentPacket:
    """One RTP packet that left. ``at`` counts microseconds of the plane's own clock; ``repair``: it left
    under the RTX SSRC.
    """

    at: Instant
    destination: Address
    data: bytes
    """Decrypted, whole."""
    mime_type: str = ""
    extension_ids: Mapping[str, int] = field(default_factory=dict)
    repair: bool = False

    @cached_property
    def rtp(self) -> RtpPacket:
        """The packet taken apart."""
        return RtpPacket.parse(self.data)

    @cached_property
    def extensions(self) -> dict[str, bytes]:
        """Header extensions by URI, those that were negotiated."""
        elements = parse_elements(self.rtp.extension_profile, self.rtp.extension)
        return {uri: elements[number] for uri, number in self.extension_ids.items() if number in elements}

    @cached_property
    def descriptor(self) -> PayloadDescriptor | None:
        """What the payload says of its place; None for audio, repairs and padding."""
        parse = descriptor_parser(self.mime_type)
        if parse is None or self.repair or not self.rtp.payload:
            return None
        return parse(self.rtp.payload)


@dataclass
class PlayedConsumer:
    """What one consumer got: ``packets`` of media in the order of sending, those sent again for peers
    without RTX among them, and ``repairs`` by RTX.
    """

    id: str
    number: int
    ssrc: int
    rtx_ssrc: int | None
    mime_type: str
    producer_id: str = ""
    packets: list[SentPacket] = field(default_factory=list)
    repairs: list[SentPacket] = field(default_factory=list)


@dataclass
class PlayedCapture:
    """The end of it. ``sent`` is everything that left, in order."""

    result: ReplayResult
    plane: DataPlane
    consumers: list[PlayedConsumer]
    sent: list[SentPacket]
    capture: FilePath | Sequence[CaptureItem]
    settings: Mapping[str, Any]
    """What ``play_capture`` was given."""

    def again(self, **settings: Any) -> PlayedCapture:
        """The same capture with some settings changed, such as ``plane="native"``, to compare with."""
        return play_capture(self.capture, **{**self.settings, **settings})

    def consumer(self, name: str | None = None) -> PlayedConsumer:
        """By its id, the beginning of that, its producer's id or its number; the only one for None.

        Raises ``NotFoundError`` with those that there are, unless exactly one fits.
        """
        found = [
            one
            for one in self.consumers
            if name is None or one.id.startswith(name) or one.producer_id == name or str(one.number) == name
        ]
        if len(found) != 1:
            there = ", ".join(one.id for one in self.consumers) or "none"
            raise NotFoundError(f"{len(found)} consumers fit {name!r}: there is {there}")
        return found[0]


def play_capture(
    capture: FilePath | Sequence[CaptureItem],
    *,
    plane: str = "reference",
    uplink: LinkModel | None = None,
    streams: str | None = None,
    **limits: int,
) -> PlayedCapture:
    """Play a file, or items of one, through a fresh data plane in virtual time.

    ``uplink`` is a link that what was recorded has to pass first, all publishers the same; nobody sends again
    what it loses. ``streams`` describes those of a foreign capture (TOML; else they are inferred). ``limits``
    change fields of ``PlaneLimits``, such as ``history_packets=64``.

    Raises ``OSError``, ``MalformedPacket``, ``Truncated``, ``UnsupportedError`` for a plane that is not
    there, and ``InvalidParameters`` for a limit that there is not.
    """
    unknown = limits.keys() - {one.name for one in fields(PlaneLimits)}
    if unknown:
        names = ", ".join(one.name for one in fields(PlaneLimits))
        raise InvalidParameters(f"no limit {', '.join(sorted(unknown))}: there are {names}")

    def make(recorded: PlaneLimits) -> DataPlane:
        return load_plane(plane, replace(recorded, **limits))

    if isinstance(capture, FilePath):
        foreign, items = is_foreign(capture), read_items(capture)
    else:
        foreign = not any(isinstance(one, Record) and one.kind == "start" for one in capture)
        items = iter(capture)
    log = _Log()
    player: Replay
    if foreign:
        kept = list(items)
        found = StreamsFound(streams)
        for item in kept:
            found.take(item)
        listed = found.streams()
        log.note_foreign(listed)
        player = ForeignReplay(make, listed, plain=plane == "reference", on_sent=log.sent)
        items = iter(kept)
    else:
        player = _Noting(make, log, plain=plane == "reference")
    for item in items if uplink is None else _through(items, uplink):
        player.take(item)
        if isinstance(item, Record) and item.kind == "name":
            log.note_name(item.value)
    result = player.finish()
    if player.plane is None:
        raise InvalidParameters("nothing was played")
    settings = {"plane": plane, "uplink": uplink, "streams": streams, **limits}
    return PlayedCapture(result, player.plane, list(log.consumers.values()), log.packets, capture, settings)


class _Log:
    """Who each packet belongs to."""

    def __init__(self) -> None:
        self.consumers: dict[int, PlayedConsumer] = {}
        self.packets: list[SentPacket] = []
        self._transports: dict[Path, int] = {}
        self._by_ssrc: dict[tuple[int, int], tuple[PlayedConsumer, bool]] = {}
        self._extension_ids: dict[int, Mapping[str, int]] = {}

    def called(self, method: str, arguments: Arguments) -> None:
        if method == "add_path":
            self._transports[arguments[1]] = arguments[0]
        elif method == "add_send_stream":
            number, spec = arguments
            one = PlayedConsumer(f"stream {number}", number, spec.ssrc, spec.rtx_ssrc, spec.mime_type)
            self._add(one, spec.transport, spec.extension_ids)

    def note_foreign(self, streams: Sequence[ForeignStream]) -> None:
        for number, stream in enumerate(streams, 2):
            name = stream.name or f"SSRC {stream.place[2]:#010x}"
            self._add(PlayedConsumer(name, number, number, None, stream.mime_type), 0, {})

    def note_name(self, value: Any) -> None:
        if isinstance(value, dict) and value.get("kind") == "sendStream":
            one = self.consumers.get(value.get("number", -1))
            if one is not None:
                one.id, one.producer_id = str(value.get("id")), str(value.get("producerId", ""))

    def sent(self, now: Instant, path: Path, data: bytes) -> None:
        key = self._transports.get(path, 0), int.from_bytes(data[8:12])
        found = self._by_ssrc.get(key)
        if found is None:
            self.packets.append(SentPacket(now, path[1], data))
            return
        consumer, repair = found
        packet = SentPacket(
            now, path[1], data, consumer.mime_type, self._extension_ids[consumer.number], repair
        )
        self.packets.append(packet)
        (consumer.repairs if repair else consumer.packets).append(packet)

    def _add(self, one: PlayedConsumer, transport: int, extension_ids: Mapping[str, int]) -> None:
        self.consumers[one.number] = one
        self._extension_ids[one.number] = extension_ids
        self._by_ssrc[transport, one.ssrc] = one, False
        if one.rtx_ssrc is not None:
            self._by_ssrc[transport, one.rtx_ssrc] = one, True


class _Noting(Replay):
    def __init__(self, make_plane: Any, log: _Log, *, plain: bool) -> None:
        super().__init__(make_plane, plain=plain, on_sent=log.sent)
        self._log = log

    def call(self, plane: DataPlane, method: str, arguments: Arguments, now: Instant) -> None:
        self._log.called(method, arguments)
        super().call(plane, method, arguments, now)


def _through(items: Iterable[CaptureItem], link: LinkModel) -> Iterator[CaptureItem]:
    """What came in comes out of a link, in the order of its new arrivals; everything else stays in place."""
    waiting: list[tuple[int, int, CapturedDatagram]] = []
    for count, item in enumerate(items):
        time_us = getattr(item, "time_us", None)
        while waiting and time_us is not None and waiting[0][0] <= time_us:
            at, _, datagram = waiting.pop(0)
            yield replace(datagram, time_us=at)
        if isinstance(item, CapturedDatagram) and item.direction is not Direction.OUTBOUND:
            for arrival in link.arrivals(item.data, Instant(item.time_us)):
                waiting.append((arrival, count, item))
            waiting.sort(key=lambda one: one[:2])
        else:
            yield item
    for at, _, datagram in waiting:
        yield replace(datagram, time_us=at)
