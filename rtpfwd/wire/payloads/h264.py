"""H.264: does a key frame start in this packet?

Source: RFC 6184 §5.3 to §5.8. As in libwebrtc, an IDR slice (type 5) or a sequence parameter set (type 7)
makes a key frame: encoders for WebRTC put the parameter sets right before the IDR, and a receiver needs both.
Left out: STAP-B, MTAP and FU-B (interleaved mode, which WebRTC does not negotiate) and layers, which H.264
shows only in a dependency descriptor.
"""

from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor

NAL_SLICE = 1
NAL_IDR = 5
NAL_SPS = 7
NAL_ACCESS_UNIT_DELIMITER = 9
STAP_A = 24
FU_A = 28


def parse_h264(data: Buffer, start: int = 0, end: int | None = None) -> PayloadDescriptor:
    """Describes the H.264 payload ``data[start:end]``. Never raises.

    ``begins_picture`` is set for an access unit delimiter, a parameter set, or a slice with the first
    macroblock: with the parameter sets in a packet of their own, two packets of one picture have it.
    """
    if end is None:
        end = len(data)
    if end - start < 2:
        return PayloadDescriptor()
    nal_type = data[start] & 0x1F
    if nal_type == STAP_A:
        return _describe_aggregate(data, start + 1, end)
    if nal_type == FU_A:
        indicator = data[start + 1]
        if not indicator & 0x80 or end - start < 3:  # not the first fragment
            return PayloadDescriptor()
        return _describe(indicator & 0x1F, data[start + 2])
    return _describe(nal_type, data[start + 1])


def _describe(nal_type: int, first_byte: int) -> PayloadDescriptor:
    is_keyframe = nal_type in (NAL_IDR, NAL_SPS)
    # first_mb_in_slice is an Exp-Golomb code: a leading one bit is the number 0.
    first_slice = nal_type in (NAL_SLICE, NAL_IDR) and first_byte >= 0x80
    begins = first_slice or nal_type in (NAL_SPS, NAL_ACCESS_UNIT_DELIMITER)
    return PayloadDescriptor(is_keyframe=is_keyframe, begins_picture=begins, switching_up_point=is_keyframe)


def _describe_aggregate(data: Buffer, offset: int, end: int) -> PayloadDescriptor:
    """One lying length makes the whole aggregate senseless."""
    described = PayloadDescriptor()
    while offset < end:
        nal_start = offset + 2
        if nal_start + 2 > end:
            return PayloadDescriptor()
        offset = nal_start + (data[nal_start - 2] << 8 | data[nal_start - 1])
        if offset > end or offset == nal_start:
            return PayloadDescriptor()
        unit = _describe(data[nal_start] & 0x1F, data[nal_start + 1])
        described.is_keyframe |= unit.is_keyframe
        described.begins_picture |= unit.begins_picture
        described.switching_up_point |= unit.switching_up_point
    return described
