"""What a frame needs before it can be decoded, told by each codec's descriptor.

Source: the rules of libwebrtc's reference finders for VP8 (RFC 7741), VP9 in non-flexible mode (RFC 9628) and
the dependency descriptor (AV1 RTP specification, appendix A). Without any of these a frame needs the one
right before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.header_extensions import parse_elements
from rtpfwd.wire.payloads.av1 import parse_av1
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.dependency_descriptor import DependencyStructure, parse_dependency_descriptor
from rtpfwd.wire.payloads.h264 import parse_h264
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.serial import unwrap, unwrap_16

REMEMBERED = 1024  # pictures


@dataclass(slots=True)
class LayerFrame:
    """One frame of one spatial layer. ``first`` and ``last`` are extended sequence numbers."""

    first: int = 0
    last: int = 0
    key: bool = False
    spatial: int = 0
    temporal: int = 0
    picture: int | None = None
    """Extended picture id or frame number."""
    base: int | None = None
    """Extended TL0PICIDX."""
    synchronised: bool = False
    """Needs of other pictures only the base layer's."""
    predicted: bool = True
    """From another picture."""
    from_below: bool = False
    """From the next lower spatial layer of the same picture."""
    references: tuple[int, ...] | None = None
    """Pictures, where the descriptor names them."""


class ReferenceRules(Protocol):
    """One codec's: reads packets, judges frames."""

    def read(self, sequence: int, packet: RtpPacket, payload: bytes) -> tuple[LayerFrame | None, bool]:
        """The frame that starts in this packet, if one does, and whether one ends."""

    def starts_at(self, sequence: int) -> bool:
        """Whether a frame starts here although its first packet does not say so."""

    def unbroken(self, sequence: int) -> LayerFrame:
        """The frame that starts where ``starts_at`` said so."""

    def skip(self, sequence: int) -> None:
        """A packet without media came."""

    def arrived(self, frame: LayerFrame) -> None:
        """A frame is whole."""

    def decodable(self, frame: LayerFrame) -> bool:
        """Whether all that it needs has been decoded."""

    def decoded(self, frame: LayerFrame) -> None:
        """It was."""


class PictureIdRules:
    """VP8 and VP9."""

    def __init__(self, *, is_vp9: bool) -> None:
        self._is_vp9 = is_vp9
        self._picture = self._base = 1 << 16
        self._known: dict[tuple[int, int], int] = {}  # (picture, spatial) whole -> temporal
        self._decoded: dict[tuple[int, int], bool] = {}
        self._bases: dict[tuple[int, int], int] = {}  # (TL0PICIDX, spatial) decoded -> picture
        self._pattern: tuple[int, ...] = ()

    def read(self, sequence: int, packet: RtpPacket, payload: bytes) -> tuple[LayerFrame | None, bool]:
        """The frame that starts in this packet, if one does, and whether one ends."""
        frame = LayerFrame()
        if self._is_vp9:
            nine = parse_vp9(payload)
            if not nine.begins_picture:
                return None, nine.ends_picture
            if payload[0] & 0x02:
                self._pattern = _vp9_pattern(payload)
            described: PayloadDescriptor = nine
            end = nine.ends_picture
            frame.predicted, frame.from_below = nine.inter_picture_predicted, nine.inter_layer_predicted
            frame.synchronised = nine.switching_up_point
            frame.key = not frame.predicted
        else:
            eight = parse_vp8(payload)
            if not eight.begins_picture:
                return None, packet.marker
            described, end = eight, packet.marker
            frame.key, frame.predicted = eight.is_keyframe, not eight.is_keyframe
            frame.synchronised = eight.switching_up_point
        frame.spatial, frame.temporal = described.spatial_layer, described.temporal_layer
        if described.picture_id is not None:
            bits = described.picture_id_bits
            self._picture = frame.picture = unwrap(self._picture, described.picture_id, bits)
        if described.tl0_picture_index is not None:
            self._base = frame.base = unwrap(self._base, described.tl0_picture_index, 8)
        return frame, end

    def starts_at(self, sequence: int) -> bool:
        """Never: every frame says so."""
        return False

    def unbroken(self, sequence: int) -> LayerFrame:
        """See ``starts_at``."""
        return LayerFrame()

    def skip(self, sequence: int) -> None:
        """Picture ids do not mind."""

    def arrived(self, frame: LayerFrame) -> None:
        """A frame is whole."""
        if frame.picture is None:
            return
        self._known[frame.picture, frame.spatial] = frame.temporal
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def decodable(self, frame: LayerFrame) -> bool:
        """Whether all that it needs has been decoded."""
        picture, spatial = frame.picture, frame.spatial
        if picture is None:
            return frame.key
        if frame.from_below and (picture, spatial - 1) not in self._decoded:
            return False
        if not frame.predicted:
            return True
        if frame.base is None:
            return (picture - 1, spatial) in self._decoded
        if frame.temporal == 0:
            return (frame.base - 1, spatial) in self._bases
        base = self._bases.get((frame.base, spatial))
        if base is None:
            return False
        return frame.synchronised or self._between(base, picture, spatial, frame.temporal)

    def decoded(self, frame: LayerFrame) -> None:
        """It was."""
        if frame.picture is None:
            return
        self._decoded[frame.picture, frame.spatial] = True
        if frame.base is not None and frame.temporal == 0:
            self._bases[frame.base, frame.spatial] = frame.picture
        for memory in (self._decoded, self._bases):
            while len(memory) > REMEMBERED:
                del memory[next(iter(memory))]

    def _between(self, base: int, picture: int, spatial: int, temporal: int) -> bool:
        """Whether the pictures from the base layer's on that this one may need are there."""
        for one in range(base + 1, picture):
            known = self._known.get((one, spatial))
            if known is None:
                # Of VP9 the structure tells which pictures an SFU may have left out; VP8's are renumbered.
                place = (one - base) % len(self._pattern) if self._pattern else 0
                if self._is_vp9 and self._pattern and self._pattern[place] >= temporal:
                    continue
                return False
            if known < temporal and (one, spatial) not in self._decoded:
                return False
        return True


class FrameNumberRules:
    """AV1 with the dependency descriptor."""

    def __init__(self, descriptor_id: int) -> None:
        self._id = descriptor_id
        self._structure: DependencyStructure | None = None
        self._number = 1 << 16
        self._decoded: dict[int, bool] = {}

    def read(self, sequence: int, packet: RtpPacket, payload: bytes) -> tuple[LayerFrame | None, bool]:
        """The frame that starts in this packet, if one does, and whether one ends."""
        value = parse_elements(packet.extension_profile, packet.extension).get(self._id)
        if value is None:
            return None, False
        try:
            descriptor, self._structure = parse_dependency_descriptor(value, self._structure)
        except MalformedPacket:
            return None, False
        if not descriptor.start_of_frame:
            return None, descriptor.end_of_frame
        number = unwrap_16(self._number, descriptor.frame_number)
        self._number = number
        shape = descriptor.frame
        frame = LayerFrame(
            key=descriptor.structure is not None, spatial=shape.spatial_layer, temporal=shape.temporal_layer,
            picture=number, references=tuple(number - diff for diff in shape.frame_diffs),
        )  # fmt: skip
        return frame, descriptor.end_of_frame

    def starts_at(self, sequence: int) -> bool:
        """Never: every frame says so."""
        return False

    def unbroken(self, sequence: int) -> LayerFrame:
        """See ``starts_at``."""
        return LayerFrame()

    def skip(self, sequence: int) -> None:
        """Frame numbers do not mind."""

    def arrived(self, frame: LayerFrame) -> None:
        """Nothing follows before it is decoded."""

    def decodable(self, frame: LayerFrame) -> bool:
        """Whether all that it needs has been decoded."""
        return frame.references is not None and all(one in self._decoded for one in frame.references)

    def decoded(self, frame: LayerFrame) -> None:
        """It was."""
        if frame.picture is not None:
            self._decoded[frame.picture] = True
        while len(self._decoded) > REMEMBERED:
            del self._decoded[next(iter(self._decoded))]


class UnbrokenRules:
    """Anything else: a frame ends with the marker, and needs the frame right before it."""

    def __init__(self, mime_type: str) -> None:
        self._parse = parse_av1 if mime_type.lower() == "video/av1" else parse_h264
        self._border: int | None = None
        """The sequence number behind the last frame decoded."""
        self._skipped: set[int] = set()
        self._ends: set[int] = set()

    def read(self, sequence: int, packet: RtpPacket, payload: bytes) -> tuple[LayerFrame | None, bool]:
        """The frame that starts in this packet, if one does, and whether one ends."""
        if packet.marker:
            self._ends.add(sequence)
            if len(self._ends) > REMEMBERED:
                self._ends = {one for one in self._ends if one > sequence - REMEMBERED}
        if self._parse(payload).is_keyframe:
            return LayerFrame(key=True, predicted=False), packet.marker
        return None, packet.marker

    def starts_at(self, sequence: int) -> bool:
        """Behind the end of another frame, or behind padding."""
        return sequence - 1 in self._ends or sequence - 1 in self._skipped or sequence == self._border

    def unbroken(self, sequence: int) -> LayerFrame:
        """The frame that starts where ``starts_at`` said so."""
        return LayerFrame()

    def skip(self, sequence: int) -> None:
        """Padding between frames keeps the numbering unbroken."""
        self._skipped.add(sequence)
        self._advance()

    def arrived(self, frame: LayerFrame) -> None:
        """Nothing follows before it is decoded."""

    def decodable(self, frame: LayerFrame) -> bool:
        """Whether all that it needs has been decoded."""
        return frame.key or frame.first == self._border

    def decoded(self, frame: LayerFrame) -> None:
        """It was."""
        if self._border is None or frame.last >= self._border:
            self._border = frame.last + 1
            self._advance()

    def _advance(self) -> None:
        while self._border is not None and self._border in self._skipped:
            self._skipped.discard(self._border)
            self._border += 1


def rules_for(mime_type: str, descriptor_id: int | None) -> ReferenceRules:
    """The rules for a MIME type; ``descriptor_id`` is that of the dependency descriptor, if negotiated."""
    codec = mime_type.lower()
    if codec in ("video/vp8", "video/vp9"):
        return PictureIdRules(is_vp9=codec == "video/vp9")
    if descriptor_id is not None and codec == "video/av1":
        return FrameNumberRules(descriptor_id)
    return UnbrokenRules(mime_type)


def _vp9_pattern(payload: bytes) -> tuple[int, ...]:
    """The temporal layer of each picture of a group, from a scalability structure; empty without one."""
    at = 1
    if payload[0] & 0x80:
        at += 2 if payload[1] & 0x80 else 1
    if payload[0] & 0x20:
        at += 1 if payload[0] & 0x10 else 2
    first = payload[at]
    at += 1
    if first & 0x10:
        at += 4 * ((first >> 5) + 1)
    if not first & 0x08:
        return ()
    count = payload[at]
    at += 1
    pattern = []
    for _ in range(count):
        pattern.append(payload[at] >> 5)
        at += 1 + (payload[at] >> 2 & 3)
    return tuple(pattern)
