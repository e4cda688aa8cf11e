"""Playing a capture back: the same calls and packets at the same times into a fresh plane.

The plane sees no difference: where it drew nothing at random and read no clock, it sends what it sent. Only
media goes in; STUN, DTLS and RTCP act through the control plane, whose calls are in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from rtpfwd.capture.calls import NOW, PREFIX, Arguments, decode_call
from rtpfwd.capture.comparison import Comparer, Comparison
from rtpfwd.capture.opening import Opener, openers
from rtpfwd.capture.recorder import NOT_OPENED, VERSION
from rtpfwd.capture.wire_form import KEYS, decode_keys
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits, TransportId
from rtpfwd.errors import MalformedPacket, RtpfwdError
from rtpfwd.protocols.srtp import PlainKeys, Profile, RtpReceiver, RtpSender, SrtpKeys
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, Record
from rtpfwd.wire.datagram import Address, Datagram, Path
from rtpfwd.wire.demux import Kind, classify

MAX_BATCH = 256


@dataclass(slots=True)
class ReplayResult:
    """What was done. Times are microseconds of the capture."""

    received: int = 0
    """RTP packets given to the plane."""
    sent: int = 0
    """RTP packets that the plane gave out."""
    calls: int = 0
    skipped: int = 0
    """Packets that were never opened."""
    first_us: int | None = None
    last_us: int | None = None
    end: str | None = None
    """Why the capture ended, by its own word; None where it breaks off."""
    refused: Counter[str] = field(default_factory=Counter)
    """Calls that the plane refused, by text."""
    comparison: Comparison = field(default_factory=Comparison)


class Replay:
    """Feed it the items of a file in order (``take``), then ``finish``.

    ``make_plane`` gives a plane with these limits. ``plain``: give it keys that do nothing, which the
    reference plane takes and which is fastest; else real ones, made for the occasion. ``on_sent`` is told
    (time of the plane, path, plain packet) of each packet that leaves.
    """

    def __init__(
        self,
        make_plane: Callable[[PlaneLimits], DataPlane],
        *,
        plain: bool = True,
        on_sent: Callable[[Instant, Path, bytes], None] | None = None,
    ) -> None:
        self.result = ReplayResult()
        self.plane: DataPlane | None = None
        self.comparer = Comparer()
        self.numbers: list[int] = []
        """Of the packets that ``forward`` has just been given, their numbers in the file."""
        self._make_plane = make_plane
        self._plain = plain
        self._on_sent = on_sent
        self._zero = 0
        self._local: dict[Address, int] = {}
        self._batch: list[Datagram] = []
        self._at = Instant(0)
        self._protect: dict[Path, Callable[[bytes], bytes]] = {}
        self._open: dict[Path, Callable[[bytes], bytes]] = {}
        self._owners: dict[Path, int] = {}
        self._keys: dict[int, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {}
        self._wire: dict[int, tuple[Opener, Opener]] = {}
        """Of captures in wire form, what opens the packets of each transport, in and out."""

    @property
    def now(self) -> Instant:
        """The time that the plane was last told."""
        return self._at

    def take(self, item: CaptureItem) -> None:
        """The next item. Raises ``MalformedPacket`` for a file that is no recording of ours, or a broken
        one.
        """
        if isinstance(item, CapturedDatagram):
            if self.plane is None:
                raise MalformedPacket("no recording of this program: no start record before its packets")
            self._note_time(item.time_us)
            if classify(item.data) is not Kind.RTP:
                return
            if item.direction is Direction.INBOUND:
                self._take_inbound(item)
            elif item.direction is Direction.OUTBOUND:
                self._take_outbound(item)
        elif isinstance(item, Record):
            self._take_record(item)

    def finish(self) -> ReplayResult:
        """The file is over. Raises ``MalformedPacket`` when nothing in it could be played."""
        if self.plane is None:
            raise MalformedPacket("no recording of this program: no start record")
        self._flush()
        complete = self.result.end not in (None, "size", "not written")
        self.result.comparison = self.comparer.finish(complete=complete)
        return self.result

    # -- for those who look closer -------------------------------------------------------------------------

    def forward(self, plane: DataPlane, batch: list[Datagram], now: Instant) -> None:
        """A batch into the plane; to be overridden."""
        self.leave(plane.forward(batch, now), now)

    def call(self, plane: DataPlane, method: str, arguments: Arguments, now: Instant) -> None:
        """One call of the control plane; to be overridden. Raises as the plane does."""
        out = getattr(plane, method)(*(now if one is NOW else one for one in arguments))
        if method in _GIVING_PACKETS:
            self.leave(out, now)

    def leave(self, out: list[Datagram], now: Instant) -> None:
        """What the plane gave out."""
        produced = self.comparer.produced
        self.result.sent += len(out)
        for data, path in out:
            opened = self._open.get(path)
            plain = data if opened is None else opened(data)
            produced(path[1], plain)
            if self._on_sent is not None:
                self._on_sent(now, path, plain)

    # -- inside --------------------------------------------------------------------------------------------

    def _note_time(self, time_us: int) -> None:
        if self.result.first_us is None:
            self.result.first_us = time_us
        self.result.last_us = max(self.result.last_us or 0, time_us)

    def _take_inbound(self, item: CapturedDatagram) -> None:
        if item.comments and NOT_OPENED in item.comments:
            self.result.skipped += 1
            return
        if item.missing:
            raise MalformedPacket(f"packet {item.number}: cut off, a replay needs packets whole")
        now = Instant(item.time_us - self._zero)
        if now != self._at or len(self._batch) >= MAX_BATCH:
            self._flush()
            self._at = now
        if item.source is None or item.destination is None:
            return
        path: Path = (self._local.get(item.destination, 0), item.source)
        data = self._opened(path, item.data, outbound=False) if self._wire else item.data
        if data is None:
            self.result.skipped += 1
            return
        protect = self._protect.get(path)
        self.numbers.append(item.number)
        self._batch.append((data if protect is None else protect(data), path))

    def _take_outbound(self, item: CapturedDatagram) -> None:
        self._flush()
        if item.destination is None or (item.comments and NOT_OPENED in item.comments):
            return
        data: bytes | None = item.data
        if self._wire and item.source is not None:
            data = self._opened((self._local.get(item.source, 0), item.destination), item.data, outbound=True)
        if data is not None:
            self.comparer.recorded(item.destination, data, item.number)

    def _opened(self, path: Path, data: bytes, *, outbound: bool) -> bytes | None:
        pair = self._wire.get(self._owners.get(path, 0))
        return data if pair is None else pair[outbound].rtp(data)

    def _take_record(self, record: Record) -> None:
        self._flush()
        if self.plane is None:
            if record.kind == "start":
                self._start(record)
            return
        self._note_time(record.time_us)
        if record.kind.startswith(PREFIX):
            self._at = Instant(record.time_us - self._zero)
            self._call(record.kind.removeprefix(PREFIX), record)
        elif record.kind == KEYS:
            transport, keys = decode_keys(record.value)
            self._wire[transport] = openers(keys)
        elif record.kind == "late" and isinstance(record.value, list):
            for ssrc in record.value:
                if isinstance(ssrc, int) and 0 <= ssrc < 1 << 32:
                    self.comparer.set_late(ssrc)
        elif record.kind == "end" and isinstance(record.value, dict):
            self.result.end = str(record.value.get("why"))
        elif record.kind == "start":
            raise MalformedPacket("a second start record: one recording at a time")

    def _start(self, record: Record) -> None:
        self._zero, local, limits = parse_start(record)
        self._local = {address: index for index, address in enumerate(local)}
        self.plane = self._make_plane(limits)

    def _call(self, method: str, record: Record) -> None:
        plane = self._running()
        arguments = decode_call(method, record.value)
        self.result.calls += 1
        try:
            if method == "set_keys":
                self._set_keys(plane, arguments[0], arguments[1])
                return
            self.call(plane, method, arguments, self._at)
        except RtpfwdError as error:
            self.result.refused[f"{method}: {error}"] += 1
            return
        plane.take_upcalls()
        if method == "add_path":
            self._bind(arguments[0], arguments[1])
        elif method == "remove_path":
            self._owners.pop(arguments[0], None)
            self._protect.pop(arguments[0], None)

    def _set_keys(self, plane: DataPlane, transport: TransportId, profile: Profile) -> None:
        if self._plain:
            plane.set_keys(transport, PlainKeys(profile))
            ours: SrtpKeys = PlainKeys(profile)
        else:
            key = bytes(profile.key_size + profile.salt_size)
            ours = SrtpKeys(profile, key, b"\1" + key[1:])
            plane.set_keys(transport, SrtpKeys(profile, ours.receive, ours.send))
        self._keys[transport] = RtpSender(ours).protect, RtpReceiver(ours).unprotect
        if self._plain:
            # A method call less for each packet.
            size = profile.tag_size
            zeros = bytes(size)
            self._keys[transport] = (lambda packet: packet + zeros), (lambda packet: packet[:-size])
        for path, owner in list(self._owners.items()):
            if owner == transport:
                self._bind(transport, path)

    def _bind(self, transport: int, path: Path) -> None:
        self._owners[path] = transport
        pair = self._keys.get(transport)
        if pair is not None:
            self._protect[path], self._open[path] = pair

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            plane = self._running()
            self.result.received += len(batch)
            self.forward(plane, batch, self._at)
            self.numbers.clear()
            plane.take_upcalls()

    def _running(self) -> DataPlane:
        if self.plane is None:
            raise MalformedPacket("no recording of this program: no start record")
        return self.plane


def parse_start(record: Record) -> tuple[int, list[Address], PlaneLimits]:
    """What a ``start`` record says: microseconds since 1970 at Instant 0, our sockets, the plane's limits.

    Raises ``MalformedPacket``.
    """
    value = record.value
    try:
        if not isinstance(value, dict) or value["version"] != VERSION:
            raise ValueError(f"need version {VERSION}")
        given, sockets = value["limits"], value["local"]
        if not isinstance(given, dict) or not isinstance(sockets, list):
            raise ValueError("need limits and local")
        known = {one.name for one in fields(PlaneLimits)}
        limits = PlaneLimits(**{name: _whole(one) for name, one in given.items() if name in known})
        local = [_socket(one) for one in sockets]
        return _whole(value["unixUsAtZero"]), local, limits
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedPacket(f"start record: {type(error).__name__} {error}") from None


def _socket(value: object) -> Address:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{value!r} is no address")
    return str(value[0]), _whole(value[1])


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no number")
    return value


_GIVING_PACKETS = frozenset(("probe", "retransmit", "handle_timeout"))
