"""Payload counters moved on: picture ids, TL0PICIDX, frame numbers, for packets that are played again.

Source: RFC 7741 (VP8), RFC 9628 (VP9), the AV1 RTP specification's dependency descriptor. H.264 counts
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.wire.payloads.vp8 import parse_vp8, rewrite_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9, rewrite_vp9


@dataclass(frozen=True, slots=True)
class Shift:
    """What is added to each counter; a packet without one keeps it so."""

    picture_id: int = 0
    base_index: int = 0
    frame_number: int = 0

    def plus(self, other: Shift) -> Shift:
        """Both, one after the other."""
        return Shift(
            self.picture_id + other.picture_id,
            self.base_index + other.base_index,
            self.frame_number + other.frame_number,
        )


NOTHING = Shift()


def shift_payload(payload: bytes, mime_type: str, shift: Shift) -> bytes:
    """A payload of that codec with its counters moved on, each within its own width."""
    codec = mime_type.lower()
    if codec == "video/vp8":
        eight = parse_vp8(payload)
        copy = bytearray(payload)
        picture, base = eight.picture_id or 0, eight.tl0_picture_index or 0
        rewrite_vp8(copy, 0, eight, picture + shift.picture_id, base + shift.base_index)
        return bytes(copy)
    if codec == "video/vp9":
        nine = parse_vp9(payload)
        copy = bytearray(payload)
        picture, base = nine.picture_id or 0, nine.tl0_picture_index or 0
        rewrite_vp9(copy, 0, nine, picture + shift.picture_id, base + shift.base_index)
        return bytes(copy)
    return payload


def shift_descriptor(value: bytes, shift: Shift) -> bytes:
    """A dependency descriptor with its frame number moved on; too short a value stays as it is."""
    if len(value) < 3:
        return value
    number = int.from_bytes(value[1:3]) + shift.frame_number & 0xFFFF
    return value[:1] + number.to_bytes(2) + value[3:]
