# Twin of reference/rewriting.py and of wire/payloads/dependency_rewrite.py.

cdef enum:
    FLAGS = 5
    ACTIVE_TARGETS_PRESENT = 0b01000


cdef inline bint rewrites_header(Segment* segment) noexcept nogil:
    return segment.top >= 0 or segment.mask >= 0 or segment.frame_offset or segment.template_offset


cdef void rewrite_payload(Packet* packet, Segment* segment, uint8_t* payload) noexcept nogil:
    # Twin of rewritten_payload, in place.
    cdef Descriptor* d = &packet.descriptor
    cdef uint8_t* layers
    if packet.codec != CODEC_VP8 and packet.codec != CODEC_VP9:
        return
    rewrite_pictures(
        payload, d,
        (d.picture_id if d.picture_id > 0 else 0) + segment.picture_offset,
        (d.tl0_picture_index if d.tl0_picture_index > 0 else 0) + segment.tl0_offset,
    )
    if packet.codec == CODEC_VP8 and d.key_index >= 0:
        layers = payload + d.layers_offset
        layers[0] = <uint8_t>((layers[0] & 0xE0) | ((d.key_index + segment.key_index_offset) & 0x1F))


cdef bint marker_of(Packet* packet, Segment* segment) noexcept nogil:
    if packet.marker or packet.layer >> 3 != segment.top:
        return packet.marker
    if packet.frame != NULL:
        return packet.frame.end
    return packet.descriptor.present and packet.descriptor.ends_picture


cdef int dependency_value(Packet* packet, Segment* segment, int uri, uint8_t* at) noexcept nogil:
    # The size of the descriptor for this segment, written to ``at``; -1 where it may stay as it is.
    cdef int index
    if packet.frame == NULL or not (segment.frame_offset or segment.template_offset or segment.mask >= 0):
        return -1
    for index in range(packet.element_count):
        if packet.elements[index].id == uri:
            return _rewrite_dependency(
                packet.data + packet.elements[index].start, packet.elements[index].size, packet.frame, segment, at
            )
    return -1


cdef void go_on(Segment* segment, Packet* last, Segment* before, Packet* packet) noexcept nogil:
    cdef Descriptor* old = &last.descriptor
    cdef Descriptor* new = &packet.descriptor
    cdef Shape* shape
    if old.present and new.present:
        if old.picture_id >= 0 and new.picture_id >= 0:
            segment.picture_offset = old.picture_id + before.picture_offset + 1 - new.picture_id
        if old.tl0_picture_index >= 0 and new.tl0_picture_index >= 0:
            segment.tl0_offset = old.tl0_picture_index + before.tl0_offset + 1 - new.tl0_picture_index
        if old.key_index >= 0 and new.key_index >= 0:
            segment.key_index_offset = old.key_index + before.key_index_offset + 1 - new.key_index
    if last.frame != NULL and packet.frame != NULL:
        segment.frame_offset = last.frame.number + before.frame_offset + 1 - packet.frame.number
        shape = last.frame.shape
        segment.template_offset = (
            shape.template_id_offset + shape.templates + before.template_offset
            - packet.frame.shape.template_id_offset
        ) & 0x3F


# -- the dependency descriptor -----------------------------------------------------------------------------


cdef int _rewrite_dependency(
    const uint8_t* value, int size, Frame* frame, Segment* segment, uint8_t* at
) noexcept nogil:
    cdef int template_id = <int>((frame.template_id + segment.template_offset) & 0x3F)
    cdef int number = <int>((frame.frame_number + segment.frame_offset) & 0xFFFF)
    cdef bint has_active = segment.mask >= 0
    cdef uint32_t active = <uint32_t>(segment.mask & frame.active) if has_active else 0
    if frame.attached != NULL and (segment.template_offset or has_active):
        if not has_active:
            has_active = frame.has_own_active
            active = frame.own_active
        return _serialize(
            frame, template_id, number, <int>((frame.attached.template_id_offset + segment.template_offset) & 0x3F),
            has_active, active, at,
        )
    at[0] = <uint8_t>((value[0] & 0xC0) | template_id)
    write_16(at + 1, number)
    if segment.mask < 0:
        memcpy(at + MANDATORY_SIZE, value + MANDATORY_SIZE, size - MANDATORY_SIZE)
        return size
    return MANDATORY_SIZE + _with_active(
        value + MANDATORY_SIZE, size - MANDATORY_SIZE, active, frame.shape.decode_targets, at + MANDATORY_SIZE
    )


cdef int _with_active(const uint8_t* rest, int size, uint32_t active, int targets, uint8_t* at) noexcept nogil:
    cdef Bits bits
    cdef BitWriter writer
    cdef int flags = 0, left, part
    bits.data = rest
    bits.size = size * 8
    bits.at = 0
    bits.failed = False
    if size:
        flags = read_bits(&bits, FLAGS)
        if flags & ACTIVE_TARGETS_PRESENT:
            read_bits(&bits, targets)
    _writer_init(&writer, at)
    write_bits(&writer, flags | ACTIVE_TARGETS_PRESENT, FLAGS)
    write_bits(&writer, active, targets)
    left = bits.size - bits.at
    while left > 0:
        part = left if left < 24 else 24
        write_bits(&writer, read_bits(&bits, part), part)
        left -= part
    return (writer.size + 7) >> 3


cdef inline void _writer_init(BitWriter* writer, uint8_t* at) noexcept nogil:
    writer.data = at
    writer.size = 0
    writer.capacity = 500 * 8
    writer.failed = False


cdef int _serialize(
    Frame* frame, int template_id, int number, int template_id_offset, bint has_active, uint32_t active,
    uint8_t* at,
) noexcept nogil:
    # Twin of serialize_dependency_descriptor, of one that brings its structure.
    cdef Shape* shape = frame.attached
    cdef Template* template = &shape.template[(template_id - template_id_offset) & 0x3F]
    cdef bint indications = frame.indications != template.indications
    cdef bint diffs = _differs(frame, shape, template)
    cdef bint chains = memcmp(frame.chain_diffs, template.chain_diffs, shape.chains) != 0
    cdef BitWriter writer
    cdef int index, length
    cdef uint32_t diff
    if has_active and active == _all_targets(shape):
        has_active = False
    _writer_init(&writer, at)
    write_bits(&writer, frame.start, 1)
    write_bits(&writer, frame.end, 1)
    write_bits(&writer, template_id, 6)
    write_bits(&writer, number, 16)
    write_bits(&writer, 1, 1)
    write_bits(&writer, has_active, 1)
    write_bits(&writer, indications, 1)
    write_bits(&writer, diffs, 1)
    write_bits(&writer, chains, 1)
    _write_structure(&writer, shape, template_id_offset)
    if has_active:
        write_bits(&writer, active, shape.decode_targets)
    if indications:
        _write_indications(&writer, frame.indications, shape.decode_targets)
    if diffs:
        for index in range(frame.diffs):
            diff = frame.diff[index] - 1
            length = (bit_length(diff) + 3) // 4
            if length < 1:
                length = 1
            write_bits(&writer, length, 2)
            write_bits(&writer, diff, 4 * length)
        write_bits(&writer, 0, 2)
    if chains:
        for index in range(shape.chains):
            write_bits(&writer, frame.chain_diffs[index], 8)
    return (writer.size + 7) >> 3


cdef bint _differs(Frame* frame, Shape* shape, Template* template) noexcept nogil:
    cdef int index
    if frame.diffs != template.diffs:
        return True
    for index in range(frame.diffs):
        if frame.diff[index] != shape.diff[template.first_diff + index]:
            return True
    return False


cdef void _write_indications(BitWriter* writer, uint64_t indications, int targets) noexcept nogil:
    cdef int target
    for target in range(targets):
        write_bits(writer, <uint32_t>(indications >> 2 * target & 3), 2)


cdef void _write_structure(BitWriter* writer, Shape* shape, int template_id_offset) noexcept nogil:
    cdef int index, place, step
    cdef Template* template
    write_bits(writer, template_id_offset, 6)
    write_bits(writer, shape.decode_targets - 1, 5)
    for index in range(1, shape.templates):
        step = 0
        if shape.template[index].spatial != shape.template[index - 1].spatial:
            step = 2
        elif shape.template[index].temporal != shape.template[index - 1].temporal:
            step = 1
        write_bits(writer, step, 2)
    write_bits(writer, 3, 2)
    for index in range(shape.templates):
        _write_indications(writer, shape.template[index].indications, shape.decode_targets)
    for index in range(shape.templates):
        template = &shape.template[index]
        for place in range(template.diffs):
            write_bits(writer, 1, 1)
            write_bits(writer, shape.diff[template.first_diff + place] - 1, 4)
        write_bits(writer, 0, 1)
    write_non_symmetric(writer, shape.chains, shape.decode_targets + 1)
    if shape.chains:
        for index in range(shape.decode_targets):
            write_non_symmetric(writer, shape.protected_by[index], shape.chains)
        for index in range(shape.templates):
            for place in range(shape.chains):
                write_bits(writer, shape.template[index].chain_diffs[place], 4)
    write_bits(writer, shape.resolutions > 0, 1)
    for index in range(shape.resolutions):
        write_bits(writer, shape.width_minus_1[index], 16)
        write_bits(writer, shape.height_minus_1[index], 16)
