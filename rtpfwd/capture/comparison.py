"""Comparing what a replay sends with what was recorded, stream by stream, in constant memory.

For each transport and SSRC the packets of both sides are queued; equal heads leave together. Where they
differ, the next few of either side tell whether packets are missing, too many, or changed.

Streams that were running when the capture began (``late``) start at another number in the replay: they are
compared by payload and by the steps of their numbers, from the first packet that both sides have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.rtp import RtpHeader, parse_header

LOOK_AHEAD = 64
KEPT_DIFFERENCES = 20
REWRITTEN = 16
"""Payload bytes at the front that may hold numbers of ours (RTX's, picture ids)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One packet that is not what was recorded. ``number`` is the recorded packet's in the file, or None."""

    what: str
    number: int | None
    ssrc: int
    sequence_number: int
    detail: str = ""

    def __str__(self) -> str:
        place = "" if self.number is None else f" (packet {self.number} of the file)"
        text = f"SSRC {self.ssrc:#010x} number {self.sequence_number}{place}: {self.what}"
        return f"{text}, {self.detail}" if self.detail else text


@dataclass(slots=True)
class Comparison:
    """The result so far. ``same`` is byte for byte, ``aligned`` but for where the numbering starts."""

    same: int = 0
    aligned: int = 0
    unaligned: int = 0
    """Recorded packets of late streams before the first that both sides have."""
    changed: int = 0
    missing: int = 0
    """Recorded, but not sent by the replay."""
    extra: int = 0
    """Sent by the replay, but not recorded."""
    differences: list[Difference] = field(default_factory=list)
    """The first few."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.changed or self.missing or self.extra)


class Comparer:
    """``produced`` before ``recorded``, as in the file; ``finish`` at its end."""

    def __init__(self) -> None:
        self.result = Comparison()
        self._queues: dict[tuple[Hashable, bytes], deque[bytes]] = {}
        self._late: dict[bytes, _Late] = {}

    def set_late(self, ssrc: int) -> None:
        """A stream that had begun before the capture."""
        self._late[ssrc.to_bytes(4)] = _Late()

    def produced(self, where: Hashable, packet: bytes) -> None:
        """The replay has sent this."""
        key = where, packet[8:12]
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
        queue.append(packet)

    def recorded(self, where: Hashable, packet: bytes, number: int) -> None:
        """The file has this."""
        queue = self._queues.get((where, packet[8:12]))
        if packet[8:12] in self._late:
            self._compare_late(self._late[packet[8:12]], queue or deque(), packet, number)
        elif queue and queue[0] == packet:
            queue.popleft()
            self.result.same += 1
        else:
            self._compare_unequal(queue or deque(), packet, number)

    def finish(self, *, complete: bool = True) -> Comparison:
        """What is left was not recorded; where the file is not ``complete``, it would have been."""
        if not complete:
            self._queues.clear()
        for (_, ssrc), queue in self._queues.items():
            for packet in queue:
                if ssrc not in self._late:
                    self._differ("extra", None, packet)
        self._queues.clear()
        return self.result

    def _compare_unequal(self, queue: deque[bytes], packet: bytes, number: int) -> None:
        for ahead in range(1, min(LOOK_AHEAD, len(queue))):
            if queue[ahead] == packet:
                for _ in range(ahead):
                    self._differ("extra", None, queue.popleft())
                queue.popleft()
                self.result.same += 1
                return
        if queue and queue[0][2:4] == packet[2:4]:
            self._differ("changed", number, packet, first_difference(packet, queue.popleft()))
        else:
            self._differ("missing", number, packet)

    def _compare_late(self, late: _Late, queue: deque[bytes], packet: bytes, number: int) -> None:
        header = parse_header(packet)
        for ahead in range(min(LOOK_AHEAD, len(queue))):
            if late.matches(header, packet, queue[ahead]):
                for _ in range(ahead + 1):
                    queue.popleft()
                self.result.aligned += 1
                return
        if late.offsets is None:
            self.result.unaligned += 1
        else:
            self._differ("changed" if queue else "missing", number, packet)

    def _differ(self, what: str, number: int | None, packet: bytes, detail: str = "") -> None:
        result = self.result
        setattr(result, what, getattr(result, what) + 1)
        if len(result.differences) < KEPT_DIFFERENCES:
            ssrc, sequence_number = int.from_bytes(packet[8:12]), int.from_bytes(packet[2:4])
            result.differences.append(Difference(what, number, ssrc, sequence_number, detail))


class _Late:
    """Numbering of a late stream: recorded minus replayed, once it is known."""

    def __init__(self) -> None:
        self.offsets: tuple[int, int] | None = None

    def matches(self, header: RtpHeader, recorded: bytes, produced: bytes) -> bool:
        try:
            other = parse_header(produced)
        except MalformedPacket:
            return False
        ours = recorded[header.header_length + REWRITTEN :]
        theirs = produced[other.header_length + REWRITTEN :]
        if ours != theirs or header.marker != other.marker or header.payload_type != other.payload_type:
            return False
        offsets = (
            header.sequence_number - other.sequence_number & 0xFFFF,
            header.timestamp - other.timestamp & 0xFFFF_FFFF,
        )
        if self.offsets is None and ours:
            self.offsets = offsets
        return self.offsets == offsets


def first_difference(recorded: bytes, produced: bytes) -> str:
    """Where two packets differ, in words."""
    if len(recorded) != len(produced):
        return f"{len(recorded)} bytes recorded, {len(produced)} now"
    at = next((index for index in range(len(recorded)) if recorded[index] != produced[index]), 0)
    names = ((1, "flags"), (2, "marker or payload type"), (4, "number"), (8, "timestamp"), (12, "SSRC"))
    try:
        header_length = parse_header(recorded).header_length
    except MalformedPacket:
        header_length = 12
    part = next((name for end, name in names if at < end), None)
    part = part or ("header extension" if at < header_length else "payload")
    return f"{part} differs: byte {at} was {recorded[at]:#04x} and is {produced[at]:#04x}"
