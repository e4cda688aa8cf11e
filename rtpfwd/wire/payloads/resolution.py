"""How large the pictures are: read from the first packet of a key frame.

Source: VP8's frame header (RFC 6386 §9.1), VP9's scalability structure (RFC 9628 §4.2.1), the sequence
parameter set of H.264 (§7.3.2.1.1). Left out: AV1 without a dependency descriptor, scaling by the aspect
ratio, and parameter sets in fragments, which no encoder makes.
"""

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.bits import BitReader
from rtpfwd.wire.payloads.h264 import NAL_SPS, STAP_A
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor

Resolutions = tuple[tuple[int, int], ...]

VP8_START_CODE = b"\x9d\x01\x2a"
MAX_SPS = 256
"""Bytes of a parameter set that are looked at; browsers' have about thirty."""
PROFILES_WITH_CHROMA = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
MAX_REFERENCE_CYCLE = 255
MAX_SIDE = 16_384


def resolutions_of(mime_type: str, payload: Buffer, descriptor: PayloadDescriptor) -> Resolutions | None:
    """(width, height) of each spatial layer; None where this packet does not tell. Never raises."""
    if isinstance(descriptor, Vp9Descriptor):
        return descriptor.resolutions
    if isinstance(descriptor, Vp8Descriptor):
        return _vp8(payload, descriptor)
    if mime_type.lower() == "video/h264":
        parameters = _parameter_set(payload)
        if parameters is not None:
            return parse_sps(parameters)
    return None


def parse_sps(unit: Buffer) -> Resolutions | None:
    """The size that an H.264 sequence parameter set names, cropping done; None for nonsense.

    ``unit`` is the NAL unit with its header byte. Never raises.
    """
    try:
        size = _read_sps(BitReader(_without_emulation(bytes(unit[1:MAX_SPS]))))
    except MalformedPacket:
        return None
    return (size,) if 0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE else None


def _vp8(payload: Buffer, descriptor: Vp8Descriptor) -> Resolutions | None:
    start = descriptor.payload_offset
    head = bytes(payload[start : start + 10])
    if not descriptor.is_keyframe or len(head) < 10 or head[3:6] != VP8_START_CODE:
        return None
    width, height = head[6] | (head[7] & 0x3F) << 8, head[8] | (head[9] & 0x3F) << 8
    return ((width, height),) if width and height else None


def _parameter_set(payload: Buffer) -> Buffer | None:
    if not payload:
        return None
    nal_type = payload[0] & 0x1F
    if nal_type == NAL_SPS:
        return payload
    if nal_type != STAP_A:
        return None
    offset = 1
    while offset + 3 <= len(payload):
        end = offset + 2 + (payload[offset] << 8 | payload[offset + 1])
        if end > len(payload):
            return None
        if payload[offset + 2] & 0x1F == NAL_SPS:
            return payload[offset + 2 : end]
        offset = end
    return None


def _without_emulation(data: bytes) -> bytes:
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


def _read_sps(reader: BitReader) -> tuple[int, int]:
    profile = reader.read(8)
    reader.read(16)  # constraints, level
    reader.read_exp_golomb()  # seq_parameter_set_id
    chroma = 1
    separate_planes = False
    if profile in PROFILES_WITH_CHROMA:
        chroma = reader.read_exp_golomb()
        if chroma == 3:
            separate_planes = bool(reader.read(1))
        reader.read_exp_golomb()  # bit_depth_luma_minus8
        reader.read_exp_golomb()
        reader.read(1)
        if reader.read(1):
            for index in range(8 if chroma != 3 else 12):
                if reader.read(1):
                    _skip_scaling_list(reader, 16 if index < 6 else 64)
    reader.read_exp_golomb()  # log2_max_frame_num_minus4
    order_type = reader.read_exp_golomb()
    if order_type == 0:
        reader.read_exp_golomb()
    elif order_type == 1:
        reader.read(1)
        reader.read_signed_exp_golomb()
        reader.read_signed_exp_golomb()
        cycle = reader.read_exp_golomb()
        if cycle > MAX_REFERENCE_CYCLE:
            raise MalformedPacket(f"SPS with a cycle of {cycle}: need at most {MAX_REFERENCE_CYCLE}")
        for _ in range(cycle):
            reader.read_signed_exp_golomb()
    reader.read_exp_golomb()  # max_num_ref_frames
    reader.read(1)
    width = (reader.read_exp_golomb() + 1) * 16
    height_units = reader.read_exp_golomb() + 1
    frames_only = reader.read(1)
    height = height_units * 16 * (2 - frames_only)
    if not frames_only:
        reader.read(1)
    reader.read(1)
    if reader.read(1):
        left, right, top, bottom = (reader.read_exp_golomb() for _ in range(4))
        grey = chroma == 0 or separate_planes
        unit_x = 1 if grey or chroma == 3 else 2
        unit_y = (2 if chroma == 1 and not grey else 1) * (2 - frames_only)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    return width, height


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.read_signed_exp_golomb()) & 0xFF
        last = following or last
