"""AV1 without a dependency descriptor: the aggregation header and the first bytes of each OBU.

Source: "RTP Payload Format For AV1" (AOMedia) §4.3 and §4.4; OBU headers: AV1 bitstream specification §5.3.2.
Where the dependency descriptor was negotiated, ``dependency_descriptor.py`` knows better.
"""

from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor

OBU_SEQUENCE_HEADER = 1
OBU_TEMPORAL_DELIMITER = 2
OBU_FRAME_HEADER = 3
OBU_FRAME = 6
LEB128_MAX_SIZE = 8


def parse_av1(data: Buffer, start: int = 0, end: int | None = None) -> PayloadDescriptor:
    """Describes the AV1 payload ``data[start:end]``. Never raises.

    A key frame is a packet with the N bit, or with a sequence header. Layers come from the first OBU that has
    an extension; ``begins_picture`` is a guess from the first OBU's type.
    """
    view = memoryview(data)[start:end]
    try:
        return _parse(view)
    except IndexError:
        return PayloadDescriptor()


def _parse(view: memoryview) -> PayloadDescriptor:
    """Raises IndexError when the payload is shorter than it says."""
    aggregation = view[0]
    starts_with_fragment = bool(aggregation & 0x80)  # Z
    announced = aggregation >> 4 & 3  # W
    new_sequence = bool(aggregation & 0x08)  # N
    if new_sequence and starts_with_fragment:
        return PayloadDescriptor()  # the specification forbids it
    described = PayloadDescriptor(is_keyframe=new_sequence)
    layers_known = False
    offset = 1
    index = 0
    while offset < len(view) or index == 0:
        index += 1
        if announced and index == announced:
            size = len(view) - offset
        else:
            size, offset = _read_leb128(view, offset)
        if size > len(view) - offset:
            raise IndexError("an OBU reaches past the payload")
        if size and not (index == 1 and starts_with_fragment):
            obu_header = view[offset]
            obu_type = obu_header >> 3 & 0x0F
            described.is_keyframe |= obu_type == OBU_SEQUENCE_HEADER
            if index == 1:
                described.begins_picture = obu_type in _FRAME_STARTS
            if obu_header & 4 and size > 1 and not layers_known:
                described.temporal_layer = view[offset + 1] >> 5
                described.spatial_layer = view[offset + 1] >> 3 & 3
                layers_known = True
        offset += size
        if announced and index == announced:
            break
    described.switching_up_point = described.is_keyframe
    return described


def _read_leb128(view: memoryview, offset: int) -> tuple[int, int]:
    value = 0
    for index in range(LEB128_MAX_SIZE):
        byte = view[offset + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, offset + index + 1
    raise IndexError("a size of more than eight bytes")


_FRAME_STARTS = frozenset((OBU_SEQUENCE_HEADER, OBU_TEMPORAL_DELIMITER, OBU_FRAME_HEADER, OBU_FRAME))
