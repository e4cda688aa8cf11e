"""The flight recorder: the headers of the last minute of each transport, always on, in bounded memory.

Of RTP the header is kept, which SRTP leaves readable; of STUN the beginning; RTCP whole, opened only
when somebody asks. Payloads never stay in memory. What is asked for is a pcapng like any capture, with
packets cut short: it can be read, not replayed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from rtpfwd.capture.calls import Arguments, plain_address
from rtpfwd.capture.mirror import Mirror
from rtpfwd.capture.opening import openers
from rtpfwd.capture.recorder import NOT_OPENED, Describe
from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.captures.items import Direction
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.datagram import Address, Datagram, Path

SEGMENT = 1 << 14
MAX_PATHS = 255
BEGINNING = 48
"""Bytes kept of STUN."""
_BLOCK = 80  # bytes that a packet takes in a file besides itself, with IP and UDP
_ENTRY = Struct("<QHHBB")  # when, size, bytes kept, direction, number of the path


@dataclass(frozen=True, slots=True)
class FlightLimits:
    """Tunables of the flight recorder."""

    lasts_us: int = seconds(60)
    transport_bytes: int = 2 << 20
    total_bytes: int = 64 << 20
    """Of all transports; the largest gives up its oldest packets first."""


@dataclass(slots=True)
class _Ring:
    """What is kept of a transport, oldest first."""

    keys: SrtpKeys | None = None
    segments: deque[bytearray] = field(default_factory=deque)
    bytes: int = 0
    paths: list[Path] = field(default_factory=list)
    last_us: int = 0


class FlightRecorder:
    """An ``Observer`` of packets only."""

    def __init__(self, mirror: Mirror, limits: FlightLimits | None = None) -> None:
        self.limits = limits or FlightLimits()
        self.bytes = 0
        """Held now, of all transports."""
        self._mirror = mirror
        self._rings: dict[TransportId, _Ring] = {}
        self._known: dict[Path, tuple[TransportId, _Ring, int]] = {}
        self._moves = -1

    @property
    def transports(self) -> list[TransportId]:
        """Those of which something is kept."""
        return list(self._rings)

    # -- Observer ------------------------------------------------------------------------------------------

    def called(
        self, method: str, arguments: Arguments, transport: TransportId | None, now: Instant | None
    ) -> None:
        """Calls are not for the flight recorder."""

    def arrived(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Datagrams on their way in."""
        self._note(datagrams, now, Direction.INBOUND)

    def left(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Media on its way out."""
        self._note(datagrams, now, Direction.OUTBOUND)

    def sent(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """All else on its way out."""
        others = [one for one in datagrams if not (128 <= one[0][0] < 192 and not 192 <= one[0][1] < 224)]
        self._note(others, now, Direction.OUTBOUND)

    # -- what is kept --------------------------------------------------------------------------------------

    def expire(self, now: Instant) -> None:
        """Forget transports that said nothing for the whole time. Call it now and then."""
        for transport in [
            one for one, ring in self._rings.items() if ring.last_us < now - self.limits.lasts_us
        ]:
            self.bytes -= self._rings.pop(transport).bytes
            self._known.clear()

    def dump(
        self,
        transports: Collection[TransportId],
        *,
        local: Sequence[Address],
        unix_us_at_zero: int,
        now: Instant,
        reason: str,
        describe: Describe = lambda kind, number: None,
        records: Sequence[tuple[str, Any]] = (),
        max_bytes: int | None = None,
    ) -> Iterator[bytes]:
        """A pcapng of what is kept of these transports, in pieces. ``records``: kinds and values to add;
        ``max_bytes``: about so many of packets, the latest.

        What is kept is copied at once; the pieces, which are work, may be taken in another thread.
        """
        copies: list[_Copy] = []
        for transport in transports:
            ring = self._rings.get(transport)
            if ring is None:
                continue
            self._note_keys(transport, ring)
            about = describe("transport", transport) or {}
            name = str(about.get("id", f"transport {transport}"))
            segments = [bytes(one) for one in ring.segments]
            copies.append(_Copy(name, str(about.get("label", "")), ring.keys, segments, list(ring.paths)))
        head = ("flight", {"reason": reason})
        return _pieces(
            copies,
            [plain_address(one) for one in local],
            unix_us_at_zero,
            now,
            Instant(now - self.limits.lasts_us),
            [head, *records],
            max_bytes,
        )

    # -- inside --------------------------------------------------------------------------------------------

    def _note(self, datagrams: Sequence[Datagram], now: Instant, direction: int) -> None:
        if self._moves != self._mirror.moves:
            self._moves = self._mirror.moves
            self._known.clear()
        known, pack = self._known, _ENTRY.pack
        for data, path in datagrams:
            place = known.get(path) or self._learn(path)
            if place is None or not data or 20 <= data[0] < 64:
                continue
            transport, ring, number = place
            segment = ring.segments[-1]
            if len(segment) >= SEGMENT:
                segment = self._new_segment(transport, ring, now)
            kept = data[: _kept(data)]
            segment += pack(now, len(data), len(kept), direction, number)
            segment += kept
            ring.last_us = now
            grown = _ENTRY.size + len(kept)
            ring.bytes += grown
            self.bytes += grown

    def _learn(self, path: Path) -> tuple[TransportId, _Ring, int] | None:
        """Where packets of a path are kept; None for a path of nobody's, and for one too many."""
        transport = self._mirror.paths.get(path)
        if transport is None:
            return None
        ring = self._rings.get(transport)
        if ring is None:
            ring = self._rings[transport] = _Ring()
            self._new_segment(transport, ring, Instant(0))
        if path not in ring.paths:
            if len(ring.paths) >= MAX_PATHS:
                return None
            ring.paths.append(path)
        place = self._known[path] = transport, ring, ring.paths.index(path)
        return place

    def _new_segment(self, transport: TransportId, ring: _Ring, now: Instant) -> bytearray:
        self._note_keys(transport, ring)
        ring.segments.append(bytearray())
        oldest_us = now - self.limits.lasts_us
        while len(ring.segments) > 2 and (
            ring.bytes > self.limits.transport_bytes or _ENTRY.unpack_from(ring.segments[1])[0] < oldest_us
        ):
            self._drop_oldest(ring)
        while self.bytes > self.limits.total_bytes:
            largest = max(self._rings.values(), key=lambda one: one.bytes)
            if len(largest.segments) < 2:
                break
            self._drop_oldest(largest)
        return ring.segments[-1]

    def _note_keys(self, transport: TransportId, ring: _Ring) -> None:
        entry = self._mirror.transports.get(transport)
        if entry is not None:
            ring.keys = entry.keys

    def _drop_oldest(self, ring: _Ring) -> None:
        gone = len(ring.segments.popleft())
        ring.bytes -= gone
        self.bytes -= gone


@dataclass(frozen=True, slots=True)
class _Copy:
    """What was kept of one transport."""

    name: str
    label: str
    keys: SrtpKeys | None
    segments: list[bytes]
    paths: list[Path]


def _pieces(
    copies: Sequence[_Copy],
    local: Sequence[Address],
    zero: int,
    now: Instant,
    oldest: Instant,
    records: Sequence[tuple[str, Any]],
    max_bytes: int | None,
) -> Iterator[bytes]:
    writer = PcapngWriter()
    yield writer.header(comments=(f"flight recorder, headers only: {records[0][1]['reason']}",))
    for kind, value in records:
        yield writer.record(zero + now, kind, value)
    found: list[tuple[int, int, int, Path, bytes, int]] = []
    interfaces = []
    for place, copy in enumerate(copies):
        number, block = writer.interface(copy.name, copy.label)
        yield block
        interfaces.append(number)
        found += [(*one, place) for one in _entries(copy) if one[0] >= oldest]
    found.sort(key=lambda one: one[0])
    opening = [None if one.keys is None else openers(one.keys) for one in copies]
    for at, size, direction, path, data, place in found[_first_kept(found, max_bytes) :]:
        comments: tuple[str, ...] = ()
        if len(data) > 1 and 192 <= data[1] < 224 and 128 <= data[0] < 192 and len(data) == size:
            pair = opening[place]
            plain = pair[direction == Direction.OUTBOUND].rtcp(data) if pair is not None else None
            if plain is None:
                comments = (NOT_OPENED,)
            else:
                data, size = plain, len(plain)
        ends = (plain_address(path[1]), local[path[0]])
        yield writer.datagram(
            interfaces[place],
            zero + at,
            *(ends if direction == Direction.INBOUND else ends[::-1]),
            data,
            direction=Direction(direction),
            comments=comments,
            missing=size - len(data),
        )


def _entries(copy: _Copy) -> Iterator[tuple[int, int, int, Path, bytes]]:
    for segment in copy.segments:
        at = 0
        while at < len(segment):
            when, size, kept, direction, path = _ENTRY.unpack_from(segment, at)
            at += _ENTRY.size
            yield when, size, direction, copy.paths[path], segment[at : at + kept]
            at += kept


def _first_kept(found: Sequence[tuple[int, int, int, Path, bytes, int]], max_bytes: int | None) -> int:
    """How many of the oldest are left out."""
    if max_bytes is None:
        return 0
    left = max_bytes
    for index in range(len(found) - 1, -1, -1):
        left -= len(found[index][4]) + _BLOCK
        if left < 0:
            return index + 1
    return 0


def _kept(data: bytes) -> int:
    """How many bytes of a datagram stay: RTP's header, RTCP whole, of others the beginning."""
    first = data[0]
    if not 128 <= first < 192 or len(data) < 16:
        return BEGINNING
    if 192 <= data[1] < 224:
        return len(data)
    length = 12 + (first & 15) * 4
    if first & 16 and length + 4 <= len(data):
        length += 4 + (data[length + 2] << 8 | data[length + 3]) * 4
    return length
