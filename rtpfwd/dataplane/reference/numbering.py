"""The outgoing numbering of a send stream: continuous over deliberate drops, pauses and changes of source.

A list of segments, each a run of input numbers with one offset. New packets use the last segment, late ones
the segment that their number fell into, and a NACK's outgoing number maps back through the same list to the
source's packet: it is both the sequence manager of mediasoup and the range map of LiveKit. Numbers are
extended (no wrap) inside.
"""

from __future__ import annotations

from bisect import bisect_right

from rtpfwd.dataplane.interface import ReceiveStreamId

SEGMENTS_KEPT = 256
"""A layer that is left out ends a segment at each of its pictures: two seconds of a 60 fps stream of which
every second picture is dropped, twice over.
"""


class Segment:
    """Input numbers ``first`` .. ``last`` of ``source`` go out as ``input + offset``; ``last`` is None while
    open. The other offsets are added to what rewriting.py names; whoever sets one calls ``settle``.
    """

    __slots__ = (
        "first", "frame_offset", "key_index_offset", "last", "mask", "offset", "picture_offset",
        "rewrites_header", "rewrites_payload", "source", "template_offset", "timestamp_offset", "tl0_offset",
        "top",
    )  # fmt: skip

    def __init__(
        self,
        source: ReceiveStreamId,
        first: int,
        offset: int,
        timestamp_offset: int,
        picture_offset: int,
        tl0_offset: int,
    ) -> None:
        self.source = source
        self.first = first
        self.last: int | None = None
        self.offset = offset
        self.timestamp_offset = timestamp_offset
        self.picture_offset = picture_offset
        self.tl0_offset = tl0_offset
        self.key_index_offset = self.frame_offset = self.template_offset = 0
        self.top = -1
        """The highest spatial layer that is sent, whose end gets the marker; -1 without spatial layers."""
        self.mask = -1
        """Decode targets to be called active; -1 leaves the descriptor's own."""
        self.settle()

    def settle(self) -> None:
        """Know what has to be rewritten."""
        self.rewrites_payload = bool(self.picture_offset or self.tl0_offset or self.key_index_offset)
        self.rewrites_header = (
            self.top >= 0 or self.mask >= 0 or bool(self.frame_offset or self.template_offset)
        )

    def followed(self, first: int, offset: int) -> Segment:
        """A segment that goes on in the same terms."""
        following = Segment(
            self.source, first, offset, self.timestamp_offset, self.picture_offset, self.tl0_offset
        )
        following.key_index_offset = self.key_index_offset
        following.frame_offset, following.template_offset = self.frame_offset, self.template_offset
        following.top, following.mask = self.top, self.mask
        following.settle()
        return following


class Numbering:
    """One outgoing sequence number space. ``highest`` is the highest extended number handed out so far."""

    __slots__ = ("_highest_input", "_segments", "current", "highest")

    def __init__(self, first_sequence_number: int) -> None:
        self.highest = first_sequence_number - 1
        self.current: Segment | None = None
        self._segments: list[Segment] = []
        self._highest_input = 0

    def begin(
        self,
        source: ReceiveStreamId,
        first: int,
        timestamp_offset: int,
        picture_offset: int = 0,
        tl0_offset: int = 0,
    ) -> Segment:
        """Input ``first`` of ``source`` takes the number after the highest handed out; earlier inputs stay
        out.
        """
        self._close(self._highest_input)
        segment = Segment(
            source, first, self.highest + 1 - first, timestamp_offset, picture_offset, tl0_offset
        )
        self._highest_input = first - 1
        self._append(segment)
        return segment

    def resume(self, before: Segment, first: int) -> Segment:
        """The same as ``begin``, in the terms of an earlier segment of the same source."""
        segment = self.begin(
            before.source, first, before.timestamp_offset, before.picture_offset, before.tl0_offset
        )
        segment.key_index_offset = before.key_index_offset
        segment.frame_offset, segment.template_offset = before.frame_offset, before.template_offset
        segment.settle()
        return segment

    def next(self, sequence: int) -> Segment | None:
        """The segment of an input of the current source; remembers the highest number handed out."""
        segment = self.current
        if segment is None:
            return None
        if sequence >= segment.first:
            if sequence > self._highest_input:
                self._highest_input = sequence
                self.highest = sequence + segment.offset
            return segment
        return self._find_input(segment.source, sequence)

    def jumps_to(self, sequence: int, farthest: int) -> bool:
        """Whether this input of the current source lies more than ``farthest`` ahead of all before."""
        return self.current is not None and sequence - self._highest_input > farthest

    def is_new(self, sequence: int) -> bool:
        """Whether this input of the current source is ahead of all before."""
        return sequence > self._highest_input

    def skip(self, sequence: int, pictures: int = 0, with_gap: bool = False) -> None:
        """Close up over an input that is not forwarded. One that comes late leaves its gap: the next are
        numbered.

        ``pictures``: so many picture ids go with it; ``with_gap``: so do the numbers before it that have not
        come (they belong to the same frame).
        """
        segment = self.current
        if segment is None or sequence <= self._highest_input:
            return
        start = self._highest_input + 1 if with_gap else sequence
        count = sequence + 1 - start
        self._highest_input = sequence
        if start == segment.first:
            segment.first += count
            segment.offset -= count
            following = segment
        else:
            following = segment.followed(sequence + 1, segment.offset - count)
            segment.last = start - 1
            # What was handed out may lie before a gap that the skipped packet ended; the gap itself stays
            # numbered.
            self.highest = start - 1 + segment.offset
            self._append(following)
        if pictures:
            following.picture_offset -= pictures
            following.settle()

    def change(self, sequence: int, top: int, mask: int) -> None:
        """From this input on, which is ahead of all before, other layers are sent (see ``Segment``)."""
        segment = self.current
        if segment is None:
            return
        if segment.first <= self._highest_input:
            segment.last = sequence - 1
            segment = segment.followed(sequence, segment.offset)
            self._append(segment)
        segment.top, segment.mask = top, mask
        segment.settle()

    def find_output(self, sequence_number: int) -> tuple[Segment, int] | None:
        """The segment and input number behind a 16-bit outgoing number, while it is remembered."""
        output = self.highest - (self.highest - sequence_number & 0xFFFF)
        place = bisect_right(self._segments, output, key=_first_output)
        if not place:
            return None
        segment = self._segments[place - 1]
        source_number = output - segment.offset
        if source_number > (self._highest_input if segment.last is None else segment.last):
            return None
        return segment, source_number

    def _find_input(self, source: ReceiveStreamId, sequence: int) -> Segment | None:
        for segment in reversed(self._segments):
            if segment.source != source:
                return None
            if segment.last is not None and sequence > segment.last:
                return None  # the number of a deliberate drop
            if sequence >= segment.first:
                return segment
        return None

    def _close(self, last: int) -> None:
        if self.current is not None:
            self.current.last = last
            self.current = None

    def _append(self, segment: Segment) -> None:
        self.current = segment
        self._segments.append(segment)
        if len(self._segments) > SEGMENTS_KEPT:
            del self._segments[0]


def _first_output(segment: Segment) -> int:
    return segment.first + segment.offset
