"""What a segment changes of a packet: VP8's and VP9's counters, the marker, the dependency descriptor; and
how a new segment goes on from the last packet that was sent (RFC 7667 §3.7: the receiver sees one sender).

Counters keep the distances that they had within a source, except that VP8's picture ids close up over
pictures left out (libwebrtc's receiver takes a missing one for lost); VP9's and the dependency descriptor's
may not, because frames name their references by the distance.
"""

from __future__ import annotations

from rtpfwd.dataplane.reference.numbering import Segment
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.dependency_rewrite import rewrite_dependency_descriptor
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor, rewrite_vp8
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor, rewrite_vp9


def rewritten_payload(packet: Packet, segment: Segment) -> bytes:
    """The payload with the counters of this segment."""
    descriptor = packet.descriptor
    if isinstance(descriptor, Vp8Descriptor):
        payload = bytearray(packet.payload)
        key_index = descriptor.key_index
        rewrite_vp8(
            payload,
            0,
            descriptor,
            (descriptor.picture_id or 0) + segment.picture_offset,
            (descriptor.tl0_picture_index or 0) + segment.tl0_offset,
            None if key_index is None else key_index + segment.key_index_offset,
        )
        return bytes(payload)
    if isinstance(descriptor, Vp9Descriptor):
        payload = bytearray(packet.payload)
        rewrite_vp9(
            payload,
            0,
            descriptor,
            (descriptor.picture_id or 0) + segment.picture_offset,
            (descriptor.tl0_picture_index or 0) + segment.tl0_offset,
        )
        return bytes(payload)
    return packet.payload


def marker_of(packet: Packet, segment: Segment) -> bool:
    """Whether it is the last packet of its picture: also at the end of the highest layer that is sent."""
    if packet.marker or packet.layer >> 3 != segment.top:
        return packet.marker
    if packet.frame is not None:
        return packet.frame.end
    return packet.descriptor is not None and packet.descriptor.ends_picture


def dependency_value(packet: Packet, segment: Segment) -> bytes | None:
    """The dependency descriptor for this segment; None where it has none or may stay as it is."""
    frame = packet.frame
    if frame is None or not (segment.frame_offset or segment.template_offset or segment.mask >= 0):
        return None
    for uri, value in packet.elements:
        if uri == DEPENDENCY_DESCRIPTOR:
            return rewrite_dependency_descriptor(
                value,
                frame.descriptor,
                frame.shape.structure,
                frame_offset=segment.frame_offset,
                template_offset=segment.template_offset,
                active=segment.mask & frame.active if segment.mask >= 0 else None,
            )
    return None


def go_on(segment: Segment, last: Packet, before: Segment, packet: Packet) -> None:
    """Set the offsets of ``segment``, which begins with ``packet`` of another source (or clock), so that it
    continues ``last``, which was sent in ``before``.
    """
    old, new = last.descriptor, packet.descriptor
    if old is not None and new is not None:
        if old.picture_id is not None and new.picture_id is not None:
            segment.picture_offset = old.picture_id + before.picture_offset + 1 - new.picture_id
        if old.tl0_picture_index is not None and new.tl0_picture_index is not None:
            segment.tl0_offset = old.tl0_picture_index + before.tl0_offset + 1 - new.tl0_picture_index
        old_index, new_index = _key_index(old), _key_index(new)
        if old_index is not None and new_index is not None:
            segment.key_index_offset = old_index + before.key_index_offset + 1 - new_index
    if last.frame is not None and packet.frame is not None:
        segment.frame_offset = last.frame.number + before.frame_offset + 1 - packet.frame.number
        shape, structure = last.frame.shape.structure, packet.frame.shape.structure
        free = shape.template_id_offset + len(shape.templates) + before.template_offset
        segment.template_offset = free - structure.template_id_offset & 0x3F


def _key_index(descriptor: PayloadDescriptor) -> int | None:
    return descriptor.key_index if isinstance(descriptor, Vp8Descriptor) else None
