"""VP8: the payload descriptor, and rewriting its three counters.

Source: RFC 7741 §4.2 (descriptor) and §4.3 (the first bit of the payload header says "not a key frame").
"""

from dataclasses import dataclass

from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor


@dataclass(slots=True)
class Vp8Descriptor(PayloadDescriptor):
    """VP8's own: offsets count from the start of the payload and are 0 when the field is absent.

    ``key_index`` is KEYIDX (5 bits, None when absent), in the byte at ``layers_offset``; ``non_reference``
    frames may be dropped freely.
    """

    picture_id_offset: int = 0
    tl0_picture_index_offset: int = 0
    key_index: int | None = None
    non_reference: bool = False
    layers_offset: int = 0
    payload_offset: int = 0
    """Where VP8's own frame header begins."""


def parse_vp8(data: Buffer, start: int = 0, end: int | None = None) -> Vp8Descriptor:
    """Describes the VP8 payload ``data[start:end]``; a truncated one is a plain ``Vp8Descriptor()``.

    Never raises.
    """
    if end is None:
        end = len(data)
    # The longest descriptor is 6 bytes and one byte of payload header follows it.
    head = bytes(data[start : min(end, start + 7)])
    try:
        return _parse_head(head)
    except IndexError:
        return Vp8Descriptor()


def rewrite_vp8(
    packet: bytearray | memoryview,
    payload_start: int,
    descriptor: Vp8Descriptor,
    picture_id: int,
    tl0_picture_index: int,
    key_index: int | None = None,
) -> None:
    """Writes new counters where the descriptor has them, in the width that they have there.

    ``packet`` is changed in place; ``descriptor`` must have been parsed from the same payload. The numbers
    are cut to the width (7 or 15 bits, 8, and 5), and a field that is absent stays absent; so does KEYIDX
    stay as it is for ``key_index`` None.
    """
    if descriptor.picture_id_bits == 15:
        offset = payload_start + descriptor.picture_id_offset
        packet[offset] = 0x80 | picture_id >> 8 & 0x7F
        packet[offset + 1] = picture_id & 0xFF
    elif descriptor.picture_id_bits == 7:
        packet[payload_start + descriptor.picture_id_offset] = picture_id & 0x7F
    if descriptor.tl0_picture_index_offset:
        packet[payload_start + descriptor.tl0_picture_index_offset] = tl0_picture_index & 0xFF
    if key_index is not None and descriptor.key_index is not None:
        offset = payload_start + descriptor.layers_offset
        packet[offset] = packet[offset] & 0xE0 | key_index & 0x1F


def _parse_head(head: bytes) -> Vp8Descriptor:
    """Raises IndexError when the head is shorter than it says."""
    first = head[0]
    offset = 1
    picture_id = tl0_picture_index = key_index = None
    picture_id_bits = picture_id_offset = tl0_offset = temporal_layer = layers_offset = 0
    layer_sync = False
    if first & 0x80:  # X
        present = head[1]
        offset = 2
        if present & 0x80:  # I
            picture_id_offset = 2
            picture_id = head[2]
            if picture_id & 0x80:
                picture_id = (picture_id & 0x7F) << 8 | head[3]
                picture_id_bits = 15
                offset = 4
            else:
                picture_id_bits = 7
                offset = 3
        if present & 0x40:  # L
            tl0_offset = offset
            tl0_picture_index = head[offset]
            offset += 1
        if present & 0x30:  # T or K: the byte is there for either, and only their own bits in it count
            layers = head[offset]
            layers_offset = offset
            offset += 1
            if present & 0x20:
                temporal_layer = layers >> 6
                layer_sync = bool(layers & 0x20)
            if present & 0x10:
                key_index = layers & 0x1F
    begins_picture = first & 0x17 == 0x10  # S set, partition index 0
    is_keyframe = not head[offset] & 1 and begins_picture
    return Vp8Descriptor(
        is_keyframe,
        0,
        temporal_layer,
        begins_picture,
        False,
        layer_sync or is_keyframe,
        picture_id,
        picture_id_bits,
        tl0_picture_index,
        picture_id_offset,
        tl0_offset,
        key_index,
        bool(first & 0x20),
        layers_offset,
        offset,
    )
