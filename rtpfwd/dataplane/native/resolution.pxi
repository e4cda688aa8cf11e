# Twin of wire/payloads/resolution.py.

cdef enum:
    MAX_SPS = 256
    MAX_REFERENCE_CYCLE = 255
    MAX_SIDE = 16384


cdef int resolutions_of(Packet* packet, int* width, int* height) noexcept nogil:
    # How many layers' sizes were written; 0 where this packet does not tell.
    cdef const uint8_t* payload = packet.data + packet.payload_start
    cdef Descriptor* d = &packet.descriptor
    cdef int index, start = 0, size
    if packet.codec == CODEC_VP9:
        for index in range(d.resolutions):
            width[index] = d.width[index]
            height[index] = d.height[index]
        return d.resolutions
    if packet.codec == CODEC_VP8:
        payload += d.payload_offset
        if not d.is_keyframe or packet.payload_size - d.payload_offset < 10:
            return 0
        if payload[3] != 0x9D or payload[4] != 0x01 or payload[5] != 0x2A:
            return 0
        width[0] = payload[6] | (payload[7] & 0x3F) << 8
        height[0] = payload[8] | (payload[9] & 0x3F) << 8
        return 1 if width[0] and height[0] else 0
    if packet.codec == CODEC_H264:
        size = _parameter_set(payload, packet.payload_size, &start)
        return _parse_sps(payload + start, size, width, height) if size else 0
    return 0


cdef int _parameter_set(const uint8_t* payload, int size, int* start) noexcept nogil:
    cdef int nal_type, offset = 1, end
    if not size:
        return 0
    nal_type = payload[0] & 0x1F
    if nal_type == 7:
        start[0] = 0
        return size
    if nal_type != 24:
        return 0
    while offset + 3 <= size:
        end = offset + 2 + <int>read_16(payload + offset)
        if end > size:
            return 0
        if payload[offset + 2] & 0x1F == 7:
            start[0] = offset + 2
            return end - offset - 2
        offset = end
    return 0


cdef bint _parse_sps(const uint8_t* unit, int size, int* width, int* height) noexcept nogil:
    cdef uint8_t plain[MAX_SPS]
    cdef Bits bits
    cdef int index = 1, used = 0
    cdef int64_t found[2]
    if size > MAX_SPS:
        size = MAX_SPS
    while index < size:
        if index + 2 < size and unit[index] == 0 and unit[index + 1] == 0 and unit[index + 2] == 3:
            plain[used] = plain[used + 1] = 0
            used += 2
            index += 3
        else:
            plain[used] = unit[index]
            used += 1
            index += 1
    bits.data = plain
    bits.size = used * 8
    bits.at = 0
    bits.failed = False
    _read_sps(&bits, found)
    if bits.failed or not 0 < found[0] <= MAX_SIDE or not 0 < found[1] <= MAX_SIDE:
        return False
    width[0] = <int>found[0]
    height[0] = <int>found[1]
    return True


cdef bint _has_chroma(int profile) noexcept nogil:
    return (
        profile == 100 or profile == 110 or profile == 122 or profile == 244 or profile == 44 or profile == 83
        or profile == 86 or profile == 118 or profile == 128 or profile == 138 or profile == 139
        or profile == 134 or profile == 135
    )


cdef void _read_sps(Bits* bits, int64_t* found) noexcept nogil:
    cdef int profile = read_bits(bits, 8), index, frames_only
    cdef int64_t chroma = 1, order_type, cycle, width, height, left, right, top, bottom, unit_x, unit_y
    cdef bint separate_planes = False, grey
    found[0] = found[1] = 0
    read_bits(bits, 16)
    read_exp_golomb(bits)
    if _has_chroma(profile):
        chroma = read_exp_golomb(bits)
        if chroma == 3:
            separate_planes = read_bits(bits, 1)
        read_exp_golomb(bits)
        read_exp_golomb(bits)
        read_bits(bits, 1)
        if read_bits(bits, 1):
            for index in range(8 if chroma != 3 else 12):
                if read_bits(bits, 1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    read_exp_golomb(bits)
    order_type = read_exp_golomb(bits)
    if order_type == 0:
        read_exp_golomb(bits)
    elif order_type == 1:
        read_bits(bits, 1)
        read_signed_exp_golomb(bits)
        read_signed_exp_golomb(bits)
        cycle = read_exp_golomb(bits)
        if cycle > MAX_REFERENCE_CYCLE:
            bits.failed = True
        while cycle > 0 and not bits.failed:
            read_signed_exp_golomb(bits)
            cycle -= 1
    read_exp_golomb(bits)
    read_bits(bits, 1)
    width = (read_exp_golomb(bits) + 1) * 16
    height = read_exp_golomb(bits) + 1
    frames_only = read_bits(bits, 1)
    height = height * 16 * (2 - frames_only)
    if not frames_only:
        read_bits(bits, 1)
    read_bits(bits, 1)
    if read_bits(bits, 1):
        left = read_exp_golomb(bits)
        right = read_exp_golomb(bits)
        top = read_exp_golomb(bits)
        bottom = read_exp_golomb(bits)
        grey = chroma == 0 or separate_planes
        unit_x = 1 if grey or chroma == 3 else 2
        unit_y = (2 if chroma == 1 and not grey else 1) * (2 - frames_only)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    found[0] = width
    found[1] = height


cdef void _skip_scaling_list(Bits* bits, int size) noexcept nogil:
    cdef int64_t last = 8, following = 8
    cdef int index
    for index in range(size):
        if following:
            following = (last + read_signed_exp_golomb(bits)) & 0xFF
        last = following if following else last
