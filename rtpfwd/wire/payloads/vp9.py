"""VP9: the payload descriptor, and rewriting its two counters.

Source: RFC 9628 §4.2. A key frame is what mediasoup and libwebrtc take for one: the first packet of a base
layer frame that is not predicted from another picture.
"""

from dataclasses import dataclass

from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor

MAX_REFERENCES = 3


@dataclass(slots=True)
class Vp9Descriptor(PayloadDescriptor):
    """VP9's own. ``begins_picture`` and ``ends_picture`` are the B and E bits, of one spatial layer's frame.

    ``inter_picture_predicted`` is P, ``inter_layer_predicted`` is D, ``not_inter_layer_reference`` is Z.
    ``resolutions`` are (width, height) for each spatial layer from a scalability structure, None without one;
    ``spatial_layers`` is how many layers the structure announces, 0 without one. ``references`` are P_DIFF:
    how many picture ids back the pictures lie that this one is predicted from (flexible mode only). Offsets
    count from the start of the payload and are 0 when the field is absent.
    """

    inter_picture_predicted: bool = False
    inter_layer_predicted: bool = False
    not_inter_layer_reference: bool = False
    spatial_layers: int = 0
    resolutions: tuple[tuple[int, int], ...] | None = None
    references: tuple[int, ...] = ()
    picture_id_offset: int = 0
    tl0_picture_index_offset: int = 0


def parse_vp9(data: Buffer, start: int = 0, end: int | None = None) -> Vp9Descriptor:
    """Describes the VP9 payload ``data[start:end]``; a truncated one is a plain ``Vp9Descriptor()``.

    Never raises.
    """
    view = memoryview(data)[start:end]
    try:
        return _parse(view)
    except IndexError:
        return Vp9Descriptor()


def rewrite_vp9(
    packet: bytearray | memoryview,
    payload_start: int,
    descriptor: Vp9Descriptor,
    picture_id: int,
    tl0_picture_index: int,
) -> None:
    """Writes new counters where the descriptor has them, in the width that they have there.

    ``packet`` is changed in place; ``descriptor`` must have been parsed from the same payload. The numbers
    are cut to the width (7 or 15 bits, and 8), and a field that is absent stays absent.
    """
    if descriptor.picture_id_bits == 15:
        offset = payload_start + descriptor.picture_id_offset
        packet[offset] = 0x80 | picture_id >> 8 & 0x7F
        packet[offset + 1] = picture_id & 0xFF
    elif descriptor.picture_id_bits == 7:
        packet[payload_start + descriptor.picture_id_offset] = picture_id & 0x7F
    if descriptor.tl0_picture_index_offset:
        packet[payload_start + descriptor.tl0_picture_index_offset] = tl0_picture_index & 0xFF


def _parse(view: memoryview) -> Vp9Descriptor:
    """Raises IndexError when the payload is shorter than it says."""
    first = view[0]
    offset = 1
    flexible = bool(first & 0x10)
    descriptor = Vp9Descriptor(
        begins_picture=bool(first & 0x08),
        ends_picture=bool(first & 0x04),
        inter_picture_predicted=bool(first & 0x40),
        not_inter_layer_reference=bool(first & 0x01),
    )
    if first & 0x80:  # I
        picture_id = view[offset]
        descriptor.picture_id_offset = offset
        offset += 1
        descriptor.picture_id_bits = 7
        if picture_id & 0x80:
            picture_id = (picture_id & 0x7F) << 8 | view[offset]
            offset += 1
            descriptor.picture_id_bits = 15
        descriptor.picture_id = picture_id
    if first & 0x20:  # L
        layers = view[offset]
        offset += 1
        descriptor.temporal_layer = layers >> 5
        descriptor.switching_up_point = bool(layers & 0x10)
        descriptor.spatial_layer = layers >> 1 & 7
        descriptor.inter_layer_predicted = bool(layers & 1)
        if not flexible:
            descriptor.tl0_picture_index = view[offset]
            descriptor.tl0_picture_index_offset = offset
            offset += 1
    if flexible and descriptor.inter_picture_predicted:
        offset = _parse_references(view, offset, descriptor)
    if first & 0x02:  # V
        offset = _parse_structure(view, offset, descriptor)
    view[offset]  # a descriptor with nothing behind it is truncated too
    if descriptor.begins_picture and not descriptor.inter_picture_predicted and descriptor.spatial_layer == 0:
        descriptor.is_keyframe = True
        descriptor.switching_up_point = True
    return descriptor


def _parse_references(view: memoryview, offset: int, descriptor: Vp9Descriptor) -> int:
    references: tuple[int, ...] = ()
    for _ in range(MAX_REFERENCES):
        references += (view[offset] >> 1,)
        more = view[offset] & 1
        offset += 1
        if not more:
            descriptor.references = references
            return offset
    raise IndexError("more than three references")


def _parse_structure(view: memoryview, offset: int, descriptor: Vp9Descriptor) -> int:
    first = view[offset]
    offset += 1
    descriptor.spatial_layers = (first >> 5) + 1
    if first & 0x10:  # Y
        resolutions = []
        for _ in range(descriptor.spatial_layers):
            width = view[offset] << 8 | view[offset + 1]
            height = view[offset + 2] << 8 | view[offset + 3]
            resolutions.append((width, height))
            offset += 4
        descriptor.resolutions = tuple(resolutions)
    if first & 0x08:  # G
        pictures = view[offset]
        offset += 1
        for _ in range(pictures):
            offset += 1 + (view[offset] >> 2 & 3)
    return offset
