"""A decoder without pictures: which frames of a stream are whole, which can be decoded, what is shown.

It believes the descriptors, as a receiver has to: VP8 by picture id, TL0PICIDX and Y; VP9 by picture id,
spatial layer, P, D, U and the structure of key frames; AV1 by the dependency descriptor's frame numbers; the
rest (H.264, AV1 without a descriptor) by unbroken sequence numbers. The rules are those of libwebrtc's
reference finders. Frames that an encoder model tagged are also checked against the truth: a frame that the
descriptors allow although something it needs never came is in ``misled``. Left out: playout delay; a frame
is shown the moment that it can be, and one that comes after a later one was shown is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.drivers.frame_tag import FrameTag, read_frame_tag
from rtpfwd.drivers.reference_rules import LayerFrame, ReferenceRules, rules_for
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.serial import distance_32

PACKETS_KEPT = 4096
PENDING_KEPT = 90
"""Whole frames that wait for others; half of them are given up beyond that."""
FREEZE_MORE_US = milliseconds(150)
FREEZE_FRAMES = 30  # the mean interval is over so many


@dataclass(slots=True)
class Shown:
    """A picture on the screen. ``spatial`` is the simulcast encoding or the highest spatial layer."""

    at: Instant
    spatial: int
    temporal: int
    width: int
    height: int
    key: bool
    timestamp: int


@dataclass(slots=True)
class _Piece:
    frame: LayerFrame | None
    """Of a packet that starts a frame."""
    end: bool
    tag: FrameTag | None
    timestamp: int


@dataclass(slots=True)
class DecoderModel:
    """Fed with packets under extended sequence numbers, in order of arrival, each once."""

    mime_type: str
    descriptor_id: int | None = None
    """Header extension id of the dependency descriptor, where there is one."""
    shown: list[Shown] = field(default_factory=list)
    key_frames: int = 0
    decoded: int = 0
    """Frames, of SVC layer frames."""
    undecodable: int = 0
    """Whole frames whose references never came."""
    misled: list[FrameTag] = field(default_factory=list)
    """Decoded by the descriptors' word, although a reference is missing."""
    counts: dict[tuple[int, int], int] = field(default_factory=dict)
    """Frames decoded by (spatial, temporal)."""
    _rules: ReferenceRules = field(init=False)
    _pieces: dict[int, _Piece] = field(default_factory=dict)
    _pending: list[tuple[LayerFrame, _Piece]] = field(default_factory=list)
    _truth: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rules = rules_for(self.mime_type, self.descriptor_id)

    def add(self, sequence: int, packet: RtpPacket, payload: bytes, now: Instant) -> None:
        """A packet arrived; ``packet`` is the one on the wire, ``payload`` the original's if it was RTX."""
        if not payload:
            self._rules.skip(sequence)
            self._settle(now)
            return
        frame, end = self._rules.read(sequence, packet, payload)
        self._pieces[sequence] = _Piece(frame, end, read_frame_tag(payload), packet.timestamp)
        self._take_whole(sequence, now)
        if end and sequence + 1 in self._pieces:
            # The frame behind could not know that it starts there.
            self._take_whole(sequence + 1, now)
        if len(self._pieces) > PACKETS_KEPT:
            for one in [one for one in self._pieces if one < sequence - PACKETS_KEPT // 2]:
                del self._pieces[one]

    def freezes(self, begin: Instant | None = None, end: Instant | None = None) -> list[tuple[Instant, int]]:
        """Pauses of the picture as the W3C's statistics count them: when they ended and how long they were,
        longer than three times the mean interval, and than that interval and 150 ms. With ``end``, the time
        from the last picture to it counts as well.
        """
        times = [one.at for one in self.shown if end is None or one.at <= end]
        if end is not None:
            times.append(end)
        return [one for one in freezes_between(times) if begin is None or one[0] >= begin]

    def spatial_changes(self) -> list[tuple[Instant, int]]:
        """When another spatial layer was seen for the first time, and which."""
        found: list[tuple[Instant, int]] = []
        for one in self.shown:
            if not found or found[-1][1] != one.spatial:
                found.append((one.at, one.spatial))
        return found

    def first_shown(
        self, after: Instant, *, spatial: int | None = None, temporal: int | None = None
    ) -> Instant | None:
        """When a picture of that layer was first seen from ``after`` on."""
        for one in self.shown:
            if one.at < after or (spatial is not None and one.spatial != spatial):
                continue
            if temporal is None or one.temporal == temporal:
                return one.at
        return None

    def last_shown(self, *, temporal: int) -> Instant | None:
        """When a picture of that temporal layer was last seen."""
        return next((one.at for one in reversed(self.shown) if one.temporal == temporal), None)

    def rate(self, begin: Instant, end: Instant) -> float:
        """Pictures a second between two instants."""
        count = sum(begin <= one.at < end for one in self.shown)
        return count * 1_000_000 / (end - begin)

    def _take_whole(self, sequence: int, now: Instant) -> None:
        """If the frame around a packet is whole now, it waits for its turn."""
        whole = self._whole(sequence)
        if whole is None:
            return
        first, last = whole
        piece = self._pieces[first]
        made = piece.frame or self._rules.unbroken(first)
        made.first, made.last = first, last
        self._pending.append((made, piece))
        for one in range(first, last + 1):
            del self._pieces[one]
        self._rules.arrived(made)
        self._settle(now)

    def _whole(self, sequence: int) -> tuple[int, int] | None:
        """The first and last packet of the frame around a packet, if all are there."""
        pieces = self._pieces
        last = sequence
        while not pieces[last].end:
            last += 1
            if last not in pieces:
                return None
        first = sequence
        while pieces[first].frame is None:
            if first - 1 not in pieces or pieces[first - 1].end:
                return (first, last) if self._rules.starts_at(first) else None
            first -= 1
        return first, last

    def _settle(self, now: Instant) -> None:
        """Decode whatever waits and can be decoded, in order."""
        progress = True
        while progress and self._pending:
            progress = False
            self._pending.sort(key=lambda one: one[0].first)
            for index, (frame, piece) in enumerate(self._pending):
                if self._rules.decodable(frame):
                    del self._pending[index]
                    self._decode(frame, piece, now)
                    progress = True
                    break
        if len(self._pending) > PENDING_KEPT:
            self.undecodable += PENDING_KEPT // 2
            del self._pending[: PENDING_KEPT // 2]

    def _decode(self, frame: LayerFrame, piece: _Piece, now: Instant) -> None:
        self._rules.decoded(frame)
        tag = piece.tag
        if frame.key:
            self.key_frames += frame.spatial == 0
            # What came before a key frame and still waits will never be seen.
            waiting = len(self._pending)
            self._pending = [one for one in self._pending if one[0].first > frame.first]
            self.undecodable += waiting - len(self._pending)
        self.decoded += 1
        spatial, temporal = (
            (tag.encoding, tag.temporal) if tag is not None else (frame.spatial, frame.temporal)
        )
        self.counts[spatial, temporal] = self.counts.get((spatial, temporal), 0) + 1
        if tag is not None:
            known = self._truth.setdefault(tag.stream, set())
            if not all(one in known for one in tag.references):
                self.misled.append(tag)
            known.add(tag.frame)
        width, height = (tag.width, tag.height) if tag is not None else (0, 0)
        before = self.shown[-1] if self.shown else None
        ahead = distance_32(piece.timestamp, before.timestamp) if before is not None else 1
        if ahead > 0:
            self.shown.append(Shown(now, spatial, temporal, width, height, frame.key, piece.timestamp))
        elif before is not None and ahead == 0 and spatial > before.spatial:
            # The same picture, now sharper.
            before.spatial, before.width, before.height = spatial, width, height


def freezes_between(times: Sequence[Instant]) -> list[tuple[Instant, int]]:
    """Of pictures shown at these times: the pauses that count as freezes, when they ended and how long."""
    intervals: list[int] = []
    found = []
    for earlier, later in pairwise(times):
        gap = later - earlier
        recent = intervals[-FREEZE_FRAMES:]
        mean = sum(recent) / len(recent) if recent else 0
        if len(recent) >= 5 and gap >= max(3 * mean, mean + FREEZE_MORE_US):
            found.append((later, gap))
        intervals.append(gap)
    return found
