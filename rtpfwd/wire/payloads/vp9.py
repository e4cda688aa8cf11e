"""VP9: the payload descriptor.

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
    ``spatial_layers`` is how many layers the structure announces, 0 without one.
    """

    inter_picture_predicted: bool = False
    inter_layer_predicted: bool = False
    not_inter_layer_reference: bool = False
    spatial_layers: int = 0
    resolutions: tuple[tuple[int, int], ...] | None = None


def parse_vp9(data: Buffer, start: int = 0, end: int | None = None) -> Vp9Descriptor:
    """Describes the VP9 payload ``data[start:end]``; a truncated one is a plain ``Vp9Descriptor()``.

    Never raises.
    """
    view = memoryview(data)[start:end]
    try:
        return _parse(view)
    except IndexError:
        return Vp9Descriptor()


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
            offset += 1
    if flexible and descriptor.inter_picture_predicted:
        offset = _skip_references(view, offset)
    if first & 0x02:  # V
        offset = _parse_structure(view, offset, descriptor)
    view[offset]  # a descriptor with nothing behind it is truncated too
    if descriptor.begins_picture and not descriptor.inter_picture_predicted and descriptor.spatial_layer == 0:
        descriptor.is_keyframe = True
        descriptor.switching_up_point = True
    return descriptor


def _skip_references(view: memoryview, offset: int) -> int:
    for _ in range(MAX_REFERENCES):
        more = view[offset] & 1
        offset += 1
        if not more:
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
