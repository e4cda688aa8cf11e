# Twin of wire/payloads: base.py, registry.py, vp8.py, vp9.py, h264.py, av1.py, opus.py.
#
# The parsers return False where the twin runs past the end (IndexError): the descriptor is then the plain one.


cdef inline void _plain_descriptor(Descriptor* described) noexcept nogil:
    memset(described, 0, sizeof(Descriptor))
    described.present = True
    described.picture_id = described.tl0_picture_index = described.key_index = -1


cdef void describe(Codec codec, const uint8_t* data, int size, Descriptor* described) noexcept nogil:
    cdef bint whole = True
    _plain_descriptor(described)
    if codec == CODEC_VP8:
        whole = _parse_vp8(data, size if size < 7 else 7, described)
    elif codec == CODEC_VP9:
        whole = _parse_vp9(data, size, described)
    elif codec == CODEC_H264:
        _parse_h264(data, size, described)
    elif codec == CODEC_AV1:
        whole = _parse_av1(data, size, described)
    else:
        described.present = False
    if not whole:
        _plain_descriptor(described)


cdef inline bint is_dtx(const uint8_t* payload, int size) noexcept nogil:
    if size == 1:
        return payload[0] & 0x03 < 2
    return size == 2 and payload[0] & 0x03 == 2


# -- VP8 ---------------------------------------------------------------------------------------------------


cdef bint _parse_vp8(const uint8_t* head, int size, Descriptor* d) noexcept nogil:
    cdef int first, present, layers, offset = 1
    cdef bint layer_sync = False
    if size < 1:
        return False
    first = head[0]
    if first & 0x80:  # X
        if size < 2:
            return False
        present = head[1]
        offset = 2
        if present & 0x80:  # I
            if size < 3:
                return False
            d.picture_id_offset = 2
            d.picture_id = head[2]
            if d.picture_id & 0x80:
                if size < 4:
                    return False
                d.picture_id = (d.picture_id & 0x7F) << 8 | head[3]
                d.picture_id_bits = 15
                offset = 4
            else:
                d.picture_id_bits = 7
                offset = 3
        if present & 0x40:  # L
            if offset >= size:
                return False
            d.tl0_picture_index_offset = offset
            d.tl0_picture_index = head[offset]
            offset += 1
        if present & 0x30:  # T or K
            if offset >= size:
                return False
            layers = head[offset]
            d.layers_offset = offset
            offset += 1
            if present & 0x20:
                d.temporal_layer = layers >> 6
                layer_sync = (layers & 0x20) != 0
            if present & 0x10:
                d.key_index = layers & 0x1F
    if offset >= size:
        return False
    d.begins_picture = first & 0x17 == 0x10
    d.is_keyframe = not head[offset] & 1 and d.begins_picture
    d.switching_up_point = layer_sync or d.is_keyframe
    d.payload_offset = offset
    return True


cdef void rewrite_pictures(uint8_t* payload, Descriptor* d, int64_t picture_id, int64_t tl0) noexcept nogil:
    # rewrite_vp8 but for KEYIDX, and rewrite_vp9.
    if d.picture_id_bits == 15:
        payload[d.picture_id_offset] = <uint8_t>(0x80 | (picture_id >> 8 & 0x7F))
        payload[d.picture_id_offset + 1] = <uint8_t>(picture_id & 0xFF)
    elif d.picture_id_bits == 7:
        payload[d.picture_id_offset] = <uint8_t>(picture_id & 0x7F)
    if d.tl0_picture_index_offset:
        payload[d.tl0_picture_index_offset] = <uint8_t>(tl0 & 0xFF)


# -- VP9 ---------------------------------------------------------------------------------------------------


cdef bint _parse_vp9(const uint8_t* view, int size, Descriptor* d) noexcept nogil:
    cdef int first, layers, offset = 1, count
    cdef bint flexible, more
    if size < 1:
        return False
    first = view[0]
    flexible = (first & 0x10) != 0
    d.begins_picture = (first & 0x08) != 0
    d.ends_picture = (first & 0x04) != 0
    d.inter_picture_predicted = (first & 0x40) != 0
    d.not_inter_layer_reference = first & 0x01
    if first & 0x80:  # I
        if offset >= size:
            return False
        d.picture_id = view[offset]
        d.picture_id_offset = offset
        offset += 1
        d.picture_id_bits = 7
        if d.picture_id & 0x80:
            if offset >= size:
                return False
            d.picture_id = (d.picture_id & 0x7F) << 8 | view[offset]
            offset += 1
            d.picture_id_bits = 15
    if first & 0x20:  # L
        if offset >= size:
            return False
        layers = view[offset]
        offset += 1
        d.temporal_layer = layers >> 5
        d.switching_up_point = (layers & 0x10) != 0
        d.spatial_layer = layers >> 1 & 7
        d.inter_layer_predicted = layers & 1
        if not flexible:
            if offset >= size:
                return False
            d.tl0_picture_index = view[offset]
            d.tl0_picture_index_offset = offset
            offset += 1
    if flexible and d.inter_picture_predicted:
        more = True
        for count in range(3):
            if offset >= size:
                return False
            d.reference[count] = view[offset] >> 1
            more = view[offset] & 1
            offset += 1
            if not more:
                d.references = count + 1
                break
        if more:
            return False
    if first & 0x02:  # V
        offset = _parse_structure(view, size, offset, d)
        if offset < 0:
            return False
    if offset >= size:
        return False
    if d.begins_picture and not d.inter_picture_predicted and d.spatial_layer == 0:
        d.is_keyframe = True
        d.switching_up_point = True
    return True


cdef int _parse_structure(const uint8_t* view, int size, int offset, Descriptor* d) noexcept nogil:
    # The offset behind it, or -1.
    cdef int first, layer, pictures, count
    if offset >= size:
        return -1
    first = view[offset]
    offset += 1
    d.spatial_layers = (first >> 5) + 1
    if first & 0x10:  # Y
        for layer in range(d.spatial_layers):
            if offset + 4 > size:
                return -1
            d.width[layer] = <uint16_t>read_16(view + offset)
            d.height[layer] = <uint16_t>read_16(view + offset + 2)
            offset += 4
        d.resolutions = d.spatial_layers
    if first & 0x08:  # G
        if offset >= size:
            return -1
        pictures = view[offset]
        offset += 1
        for count in range(pictures):
            if offset >= size:
                return -1
            offset += 1 + (view[offset] >> 2 & 3)
    return offset


# -- H.264 -------------------------------------------------------------------------------------------------


cdef void _parse_h264(const uint8_t* data, int size, Descriptor* d) noexcept nogil:
    cdef int nal_type, indicator
    if size < 2:
        return
    nal_type = data[0] & 0x1F
    if nal_type == 24:  # STAP-A
        _describe_aggregate(data, size, d)
    elif nal_type == 28:  # FU-A
        indicator = data[1]
        if indicator & 0x80 and size >= 3:  # the first fragment
            _describe_unit(indicator & 0x1F, data[2], d)
    else:
        _describe_unit(nal_type, data[1], d)


cdef void _describe_unit(int nal_type, int first_byte, Descriptor* d) noexcept nogil:
    cdef bint key = nal_type == 5 or nal_type == 7
    cdef bint first_slice = (nal_type == 1 or nal_type == 5) and first_byte >= 0x80
    d.is_keyframe |= key
    d.begins_picture |= first_slice or nal_type == 7 or nal_type == 9
    d.switching_up_point |= key


cdef void _describe_aggregate(const uint8_t* data, int size, Descriptor* d) noexcept nogil:
    cdef int offset = 1, nal_start
    while offset < size:
        nal_start = offset + 2
        if nal_start + 2 > size:
            _plain_descriptor(d)
            return
        offset = nal_start + <int>read_16(data + nal_start - 2)
        if offset > size or offset == nal_start:
            _plain_descriptor(d)
            return
        _describe_unit(data[nal_start] & 0x1F, data[nal_start + 1], d)


# -- AV1 ---------------------------------------------------------------------------------------------------


cdef bint _parse_av1(const uint8_t* view, int size, Descriptor* d) noexcept nogil:
    cdef int aggregation, announced, offset = 1, index = 0, obu_header, obu_type, place
    cdef uint64_t unit
    cdef bint fragment, new_sequence, layers_known = False
    if size < 1:
        return False
    aggregation = view[0]
    fragment = (aggregation & 0x80) != 0
    announced = aggregation >> 4 & 3
    new_sequence = (aggregation & 0x08) != 0
    if new_sequence and fragment:
        return True
    d.is_keyframe = new_sequence
    while offset < size or index == 0:
        index += 1
        if announced and index == announced:
            unit = size - offset
        else:
            unit = 0
            place = 0
            while True:
                if place == 8 or offset + place >= size:
                    return False
                unit |= <uint64_t>(view[offset + place] & 0x7F) << 7 * place
                place += 1
                if view[offset + place - 1] < 0x80:
                    break
            offset += place
        if unit > <uint64_t>(size - offset):
            return False
        if unit and not (index == 1 and fragment):
            obu_header = view[offset]
            obu_type = obu_header >> 3 & 0x0F
            d.is_keyframe |= obu_type == 1
            if index == 1:
                d.begins_picture = obu_type == 1 or obu_type == 2 or obu_type == 3 or obu_type == 6
            if obu_header & 4 and unit > 1 and not layers_known:
                d.temporal_layer = view[offset + 1] >> 5
                d.spatial_layer = view[offset + 1] >> 3 & 3
                layers_known = True
        offset += <int>unit
        if announced and index == announced:
            break
    d.switching_up_point = d.is_keyframe
    return True
