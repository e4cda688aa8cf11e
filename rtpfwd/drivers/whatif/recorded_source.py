"""A publisher's stream out of a recording, in a closed loop: it answers NACKs with the recorded packets, and
requests for key frames with a copy of the last recorded one.

Packets leave when they left, and again after the recording's length, with all counters moved on. A key frame
that is asked for takes the place of the next picture of the lowest temporal layer, with that picture's time
and counters; its size is the recorded one's. What the recording does not have cannot be sent: holes stay
holes. Not modelled: the encoder's delay, and any change of its rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.capture.ingress import RecordedStream
from rtpfwd.capture.rebuilding import Picture, SentPacket, counted
from rtpfwd.clock import Instant, us_to_ticks
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec
from rtpfwd.drivers.whatif.shifting import NOTHING, Shift, shift_descriptor, shift_payload
from rtpfwd.wire.header_extensions import (
    DEPENDENCY_DESCRIPTOR,
    SSRC_AUDIO_LEVEL,
    VIDEO_ORIENTATION,
    serialize_elements,
)
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import wrap_payload

KEPT_EXTENSIONS = (DEPENDENCY_DESCRIPTOR, SSRC_AUDIO_LEVEL, VIDEO_ORIENTATION)
"""Those that the recorded packets keep; send times and transport-wide numbers would be another network's."""


@dataclass(frozen=True, slots=True)
class Playing:
    """How a recording is played. ``begin``: when its first packet leaves; ``loop_us``: from one beginning to
    the next; ``lose``: what was lost on its first way is not sent the first time, here too.
    """

    begin: Instant
    loop_us: int
    times: int = 1
    lose: bool = True


class RecordedSource(MediaSource):
    """One stream. ``start`` and ``stop`` mean nothing here: ``Playing`` says when. Raises
    ``InvalidParameters`` never, since the stream has at least one picture.
    """

    def __init__(
        self, stream: RecordedStream, playing: Playing, *, rtx_ssrc: int | None, rtx_payload_type: int
    ) -> None:
        self.is_video = stream.mime_type.lower().startswith("video/")
        super().__init__(
            SourceSpec("video" if self.is_video else "audio", stream.ssrc, "", rtx_ssrc=rtx_ssrc)
        )
        self.key_frame_wanted = False
        self.made_key_frames = 0
        """Copies sent because somebody asked."""
        self._stream = stream
        self._playing = playing
        self._rtx_type = rtx_payload_type
        self._kept = {number: uri for uri, number in stream.extension_ids.items() if uri in KEPT_EXTENSIONS}
        self._recorded = stream.sent.pictures
        self._queue = sorted(
            ((packet, index) for index, one in enumerate(self._recorded) for packet in one.packets),
            key=lambda pair: pair[0].at_us,
        )
        first, last = self._recorded[0], self._recorded[-1]
        self._numbers = last.first + last.span - first.first
        self._counted = Shift(*counted(stream.sent))
        self._place = self._loop = 0
        self._decided = -1
        self._offset = 0
        self._offsets: list[int] = []
        self._copied: set[int] = set()
        self._last_at: Instant | None = None

    def start(self, now: Instant) -> None:
        """Nothing: see ``Playing``."""

    def stop(self) -> None:
        """No more packets."""
        self._loop = self._playing.times

    def next_timeout(self) -> Instant | None:
        """When the next packet leaves."""
        if self._loop >= self._playing.times:
            return None
        at = self._queue[self._place][0].at_us
        return Instant(self._playing.begin + self._loop * self._playing.loop_us + at)

    def take_due(self, now: Instant) -> list[bytes]:
        """The packets that leave by ``now``."""
        packets: list[bytes] = []
        while (due := self.next_timeout()) is not None and due <= now:
            packet, index = self._queue[self._place]
            if index > self._decided:
                packets += self._decide(index, now)
            if index not in self._copied:
                packets += self._send(packet, self._offsets[index], NOTHING, packet.timestamp, now)
            self._place += 1
            if self._place == len(self._queue):
                self._place, self._decided = 0, -1
                self._loop += 1
                self._offset += self._numbers
                self._offsets.clear()
                self._copied.clear()
        return packets

    def timestamp_at(self, now: Instant) -> int:
        """The RTP timestamp of what would be captured now."""
        since = now - self._last_at if self._last_at is not None else 0
        return self.last_timestamp + us_to_ticks(since, self._stream.clock_rate) & 0xFFFF_FFFF

    def retransmit(self, sequence_number: int) -> bytes | None:
        """A packet again, on the RTX SSRC where there is one, else as it was; ``None`` when forgotten."""
        packet = self._history.get(sequence_number)
        if packet is None:
            return None
        self.retransmitted += 1
        if self.spec.rtx_ssrc is None:
            return packet.serialize()
        repeat = RtpPacket(
            payload_type=self._rtx_type,
            sequence_number=self._rtx_sequence,
            timestamp=packet.timestamp,
            ssrc=self.spec.rtx_ssrc,
            marker=packet.marker,
            extension_profile=packet.extension_profile,
            extension=packet.extension,
            payload=wrap_payload(sequence_number, packet.payload),
        )
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        return repeat.serialize()

    def _decide(self, index: int, now: Instant) -> list[bytes]:
        """Settle the numbers of all pictures up to this one, and whether a copy stands in for it."""
        while len(self._offsets) < index:
            self._offsets.append(self._offset)
        picture = self._recorded[index]
        self._offsets.append(self._offset)
        self._decided = index
        if picture.key:
            self.key_frame_wanted = False
            self.key_frames += 1
            return []
        key = self._key_before(index) if self.key_frame_wanted and picture.base else None
        if key is None:
            return []
        self.key_frame_wanted = False
        self.key_frames += 1
        self.made_key_frames += 1
        self._copied.add(index)
        shift = Shift(
            (picture.picture_id or 0) - (key.picture_id or 0),
            (picture.base_index or 0) - (key.base_index or 0),
            (picture.frame_number or 0) - (key.frame_number or 0),
        )
        moved = self._offset + picture.first - key.first
        self._offset += len(key.packets) - picture.span
        timestamp = picture.packets[0].timestamp
        return [
            data for one in key.packets for data in self._send(one, moved, shift, timestamp, now, copy=True)
        ]

    def _key_before(self, index: int) -> Picture | None:
        """The last whole key frame recorded before a picture, else the first behind it."""
        before = next((one for one in reversed(self._recorded[:index]) if one.key and one.whole), None)
        return before or next((one for one in self._recorded[index:] if one.key and one.whole), None)

    def _send(
        self,
        recorded: SentPacket,
        offset: int,
        shift: Shift,
        timestamp: int,
        now: Instant,
        copy: bool = False,
    ) -> list[bytes]:
        loop, mime_type = self._loop, self._stream.mime_type
        if loop:
            each = self._counted
            shift = shift.plus(
                Shift(each.picture_id * loop, each.base_index * loop, each.frame_number * loop)
            )
            timestamp += us_to_ticks(loop * self._playing.loop_us, self._stream.clock_rate)
        payload = recorded.payload
        elements = {number: value for number, value in recorded.elements.items() if number in self._kept}
        if shift != NOTHING:
            payload = shift_payload(payload, mime_type, shift)
            for number, value in elements.items():
                if self._kept[number] == DEPENDENCY_DESCRIPTOR:
                    elements[number] = shift_descriptor(value, shift)
        packet = RtpPacket(
            payload_type=recorded.payload_type,
            sequence_number=recorded.number + offset & 0xFFFF,
            timestamp=timestamp & 0xFFFF_FFFF,
            ssrc=self.spec.ssrc,
            marker=recorded.marker,
            payload=payload,
        )
        if elements:
            packet.extension_profile, packet.extension = serialize_elements(elements)
        self._remember(packet)
        self.packets += 1
        self.octets += len(payload)
        self.last_timestamp, self._last_at = packet.timestamp, now
        if recorded.lost and self._playing.lose and not copy:
            return []
        return [packet.serialize()]
