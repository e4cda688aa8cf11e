# Twin of wire/demux.py, wire/rtp.py and wire/header_extensions.py, as far as packets are read.

cdef enum:
    RTP_HEADER_SIZE = 12
    ONE_BYTE_PROFILE = 0xBEDE
    TWO_BYTE_PROFILE = 0x1000
    OSN_SIZE = 2


cdef inline Kind classify(const uint8_t* data, int size) noexcept nogil:
    cdef int first
    if size < 8:
        return KIND_UNKNOWN
    first = data[0]
    if 128 <= first <= 191:
        if 192 <= data[1] <= 223:
            return KIND_RTCP
        return KIND_RTP if size >= 12 else KIND_UNKNOWN
    if first <= 3:
        return KIND_STUN if size >= 20 else KIND_UNKNOWN
    if 20 <= first <= 63:
        return KIND_DTLS if size >= 13 else KIND_UNKNOWN
    return KIND_UNKNOWN


cdef bint parse_header(const uint8_t* data, int size, RtpHeader* header) noexcept nogil:
    # False where the twin raises MalformedPacket.
    cdef int first, padding, start
    if size < RTP_HEADER_SIZE:
        return False
    first = data[0]
    if first & 0xC0 != 0x80:
        return False
    header.marker = data[1] >= 0x80
    header.payload_type = data[1] & 0x7F
    header.sequence_number = read_16(data + 2)
    header.timestamp = read_32(data + 4)
    header.ssrc = read_32(data + 8)
    header.header_length = RTP_HEADER_SIZE + (first & 0x0F) * 4
    header.extension_profile = -1
    header.extension_start = header.extension_end = 0
    if first & 0x10:
        start = header.header_length + 4
        if start > size:
            return False
        header.extension_profile = read_16(data + header.header_length)
        header.extension_start = start
        header.extension_end = start + read_16(data + header.header_length + 2) * 4
        header.header_length = header.extension_end
    if header.header_length > size:
        return False
    header.payload_end = size
    if first & 0x20:
        padding = data[size - 1]
        header.payload_end -= padding
        if not padding or header.payload_end < header.header_length:
            return False
    return True


cdef inline void clear_elements(Elements* elements) noexcept nogil:
    cdef int index
    for index in range(elements.count):
        elements.place[elements.at[index].id] = 0
    elements.count = 0


cdef inline void _add_element(Elements* elements, int number, int start, int end) noexcept nogil:
    # The first of two with one id wins.
    if elements.place[number] or elements.count == 255:
        return
    elements.at[elements.count].id = <int16_t>number
    elements.at[elements.count].start = <uint16_t>start
    elements.at[elements.count].size = <uint16_t>(end - start)
    elements.count += 1
    elements.place[number] = <uint8_t>elements.count


cdef inline Element* find_element(Elements* elements, int number) noexcept nogil:
    # NULL when absent; ``number`` may be -1.
    if number < 0 or number > 255 or not elements.place[number]:
        return NULL
    return &elements.at[elements.place[number] - 1]


cdef void parse_elements(const uint8_t* data, RtpHeader* header, Elements* elements) noexcept nogil:
    # ``data`` is the whole packet, whose borders parse_header has tested.
    cdef int offset = header.extension_start, end = header.extension_end
    cdef int first, number, value_end
    clear_elements(elements)
    if header.extension_profile == ONE_BYTE_PROFILE:
        while offset < end:
            first = data[offset]
            offset += 1
            if first == 0:
                continue
            number = first >> 4
            value_end = offset + (first & 0x0F) + 1
            if number == 0 or number == 15 or value_end > end:
                break
            _add_element(elements, number, offset, value_end)
            offset = value_end
    elif header.extension_profile >= 0 and header.extension_profile & 0xFFF0 == TWO_BYTE_PROFILE:
        while offset < end:
            number = data[offset]
            offset += 1
            if number == 0:
                continue
            if offset >= end:
                break
            value_end = offset + 1 + data[offset]
            if value_end > end:
                break
            _add_element(elements, number, offset + 1, value_end)
            offset = value_end
