"""The outgoing numbering of a send stream: continuous over deliberate drops, pauses and changes of source.

A list of segments, each a run of input numbers with one offset. New packets use the last segment, late ones
the segment that their number fell into, and a NACK's outgoing number maps back through the same list to the
source's packet: it is both the sequence manager of mediasoup and the range map of LiveKit. Numbers are
extended (no wrap) inside.
"""

from __future__ import annotations

from rtpfwd.dataplane.interface import ReceiveStreamId

SEGMENTS_KEPT = 128  # two seconds of dropping every second picture of a 60 fps stream fit


class Segment:
    """Input numbers ``first`` .. ``last`` of ``source`` go out as ``input + offset``; ``last`` is None while
    open.
    """

    __slots__ = ("first", "last", "offset", "picture_offset", "source", "timestamp_offset", "tl0_offset")

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

    def skip(self, sequence: int) -> None:
        """Close up over an input that is not forwarded. One that comes late leaves its gap: the next are
        numbered.
        """
        segment = self.current
        if segment is None or sequence <= self._highest_input:
            return
        self._highest_input = sequence
        if sequence == segment.first:
            segment.first += 1
            segment.offset -= 1
            return
        following = Segment(
            segment.source,
            sequence + 1,
            segment.offset - 1,
            segment.timestamp_offset,
            segment.picture_offset,
            segment.tl0_offset,
        )
        segment.last = sequence - 1
        # What was handed out may lie before a gap that the skipped packet ended; the gap itself stays
        # numbered.
        self.highest = sequence - 1 + segment.offset
        self._append(following)

    def find_output(self, sequence_number: int) -> tuple[Segment, int] | None:
        """The segment and input number behind a 16-bit outgoing number, while it is remembered."""
        output = self.highest - (self.highest - sequence_number & 0xFFFF)
        for segment in reversed(self._segments):
            source_number = output - segment.offset
            if source_number >= segment.first:
                if source_number > (self._highest_input if segment.last is None else segment.last):
                    return None
                return segment, source_number
        return None

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
