"""The size of the picture, where a key frame tells it: VP8, VP9, H.264 and AV1.

Source: RFC 6386 §9.1 (VP8 frame header), RFC 9628 §4.2.1 (VP9 scalability structure), ITU-T H.264 §7.3.2.1.1
(sequence parameter set), AV1 bitstream specification §5.5.1 (sequence header).
Left out: AV1 sequence headers with timing information, SPS in fragments.
"""

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.payloads.bits import BitReader
from rtpfwd.wire.payloads.vp9 import parse_vp9

Resolution = tuple[int, int]
"""Width and height in pixels."""

NAL_SPS, STAP_A = 7, 24
OBU_SEQUENCE_HEADER = 1
HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
MAX_SPS = 256
MAX_OBUS = 16


def find_resolution(mime_type: str, payload: bytes) -> Resolution | None:
    """The size that this payload tells, of the highest spatial layer; mostly None. Never raises."""
    try:
        match mime_type.lower():
            case "video/vp8":
                return _vp8(payload)
            case "video/vp9":
                resolutions = parse_vp9(payload).resolutions
                return resolutions[-1] if resolutions else None
            case "video/h264":
                return _h264(payload)
            case "video/av1":
                return _av1(payload)
    except (MalformedPacket, IndexError):
        pass
    return None


def _vp8(payload: bytes) -> Resolution | None:
    at = payload.find(b"\x9d\x01\x2a", 4, 13)
    if at < 0 or payload[0] & 0x17 != 0x10 or payload[at - 3] & 1:
        return None
    width = payload[at + 3] | payload[at + 4] << 8
    height = payload[at + 5] | payload[at + 6] << 8
    return width & 0x3FFF, height & 0x3FFF


def _h264(payload: bytes) -> Resolution | None:
    nal_type = payload[0] & 0x1F
    if nal_type == NAL_SPS:
        return _sps(payload[1:])
    if nal_type != STAP_A:
        return None
    offset = 1
    while offset + 2 < len(payload):
        size = payload[offset] << 8 | payload[offset + 1]
        unit = payload[offset + 2 : offset + 2 + size]
        if unit and unit[0] & 0x1F == NAL_SPS:
            return _sps(unit[1:])
        offset += 2 + size
    return None


def _sps(escaped: bytes) -> Resolution:
    reader = BitReader(escaped[:MAX_SPS].replace(b"\0\0\x03", b"\0\0"))
    profile = reader.read(8)
    reader.read(16)
    _exp_golomb(reader)
    chroma_format, separate = 1, 0
    if profile in HIGH_PROFILES:
        chroma_format = _exp_golomb(reader)
        if chroma_format == 3:
            separate = reader.read(1)
        _exp_golomb(reader)
        _exp_golomb(reader)
        reader.read(1)
        if reader.read(1):
            raise MalformedPacket("SPS with scaling lists: need none to find the size behind them")
    _exp_golomb(reader)
    order = _exp_golomb(reader)
    if order == 0:
        _exp_golomb(reader)
    elif order == 1:
        reader.read(1)
        _exp_golomb(reader)
        _exp_golomb(reader)
        for _ in range(min(_exp_golomb(reader), 255)):
            _exp_golomb(reader)
    _exp_golomb(reader)
    reader.read(1)
    width = (_exp_golomb(reader) + 1) * 16
    map_units = _exp_golomb(reader) + 1
    frames_only = reader.read(1)
    height = map_units * 16 * (2 - frames_only)
    if not frames_only:
        reader.read(1)
    reader.read(1)
    if reader.read(1):
        left, right, top, bottom = (_exp_golomb(reader) for _ in range(4))
        mono = chroma_format == 0 or separate
        unit_x = 1 if mono or chroma_format == 3 else 2
        unit_y = (2 if chroma_format == 1 and not mono else 1) * (2 - frames_only)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not 0 < width <= 0xFFFF or not 0 < height <= 0xFFFF:
        raise MalformedPacket(f"SPS of {width} x {height} pixels: need 1 to 65535")
    return width, height


def _exp_golomb(reader: BitReader) -> int:
    zeros = 0
    while not reader.read(1):
        zeros += 1
        if zeros > 31:
            raise MalformedPacket("Exp-Golomb code of over 31 zeros")
    return (1 << zeros) - 1 + reader.read(zeros)


def _av1(payload: bytes) -> Resolution | None:
    head = payload[0]
    if head & 0x80:
        return None
    announced = head >> 4 & 3
    offset = 1
    for index in range(1, MAX_OBUS):
        if offset >= len(payload):
            return None
        size = len(payload) - offset
        if index != announced:
            size, offset = _leb128(payload, offset)
        unit = payload[offset : offset + size]
        if unit and unit[0] >> 3 & 0xF == OBU_SEQUENCE_HEADER:
            start = 1 + bool(unit[0] & 4)
            if unit[0] & 2:
                _, start = _leb128(unit, start)
            return _sequence_header(unit[start:])
        offset += size
    return None


def _sequence_header(data: bytes) -> Resolution | None:
    reader = BitReader(data)
    reader.read(4)  # profile, still picture
    if reader.read(1):  # reduced still picture header
        reader.read(5)
    else:
        if reader.read(1):  # timing information
            return None
        delays = reader.read(1)
        for _ in range(reader.read(5) + 1):
            reader.read(12)
            if reader.read(5) > 7:
                reader.read(1)
            if delays and reader.read(1):
                reader.read(4)
    width_bits, height_bits = reader.read(4) + 1, reader.read(4) + 1
    return reader.read(width_bits) + 1, reader.read(height_bits) + 1


def _leb128(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, offset
    raise MalformedPacket("leb128 of over 8 bytes")
