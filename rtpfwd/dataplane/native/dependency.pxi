# Twin of reference/dependency.py and of wire/payloads/dependency_descriptor.py, as far as it reads.

cdef enum:
    MANDATORY_SIZE = 3
    MAX_TEMPLATES = 64
    MAX_SPATIAL_LAYER = 3
    MAX_TEMPORAL_LAYER = 7
    MAX_DIFFS = 408
    FIRST_NUMBER = 1 << 16


cdef inline Shape* keep_shape(Shape* shape) noexcept nogil:
    if shape != NULL:
        shape.refs += 1
    return shape


cdef inline void drop_shape(Shape* shape) noexcept nogil:
    if shape != NULL:
        shape.refs -= 1
        if not shape.refs:
            free(shape)


cdef void free_frame(Frame* frame) noexcept nogil:
    if frame != NULL:
        drop_shape(frame.shape)
        drop_shape(frame.attached)
        free(frame)


cdef void dependency_close(DependencyReader* reader) noexcept nogil:
    drop_shape(reader.shape)
    drop_shape(reader.before)
    reader.shape = reader.before = NULL


cdef void dependency_describe(DependencyReader* reader, Packet* packet, const uint8_t* value, int size) noexcept nogil:
    # Give the packet its frame, layers and key frame mark; leave it alone if the value is nonsense.
    cdef int64_t number
    cdef Shape* shape = reader.shape
    cdef Frame* frame
    if size < MANDATORY_SIZE:
        return
    number = read_16(value + 1)
    if not reader.has_highest:
        number += FIRST_NUMBER
    else:
        number = reader.highest + (((number - reader.highest + 0x8000) & 0xFFFF) - 0x8000)
    if shape != NULL and number < shape.first:
        shape = reader.before
    frame = <Frame*>malloc(sizeof(Frame))
    if frame == NULL:
        return
    frame.shape = frame.attached = NULL
    if not _parse_descriptor(value, size, shape, frame) or (frame.attached != NULL and not frame.start):
        free_frame(frame)
        return
    if frame.attached != NULL:
        if reader.shape != NULL and packet.sequence > reader.key_sequence and number <= reader.shape.first:
            number += 1 << 16  # an encoder that began anew
        shape = _take_shape(reader, frame.attached, number, packet.sequence)
    frame.shape = keep_shape(shape)
    if frame.has_own_active and (not reader.has_highest or number >= reader.highest):
        reader.active = frame.own_active
    if not reader.has_highest or number > reader.highest:
        reader.highest = number
        reader.has_highest = True
    frame.number = number
    frame.active = reader.active & _all_targets(shape)  # it may be of a newer structure, which has more
    packet.frame = <Frame*>realloc(frame, sizeof(Frame) - (MAX_DIFFS - frame.diffs) * sizeof(uint16_t))
    if packet.frame == NULL:
        packet.frame = frame
    frame = packet.frame
    packet.layer = frame.spatial << 3 | frame.temporal
    packet.key_frame = frame.attached != NULL


cdef Shape* _take_shape(DependencyReader* reader, Shape* shape, int64_t number, int64_t sequence) noexcept nogil:
    cdef Shape* present = reader.shape
    shape.first = number
    if present == NULL or number > present.first:
        drop_shape(reader.before)
        reader.before = present
        reader.shape = keep_shape(shape)
        reader.key_sequence = sequence
    elif number == present.first:
        return present
    else:
        drop_shape(reader.before)
        reader.before = keep_shape(shape)  # its key frame came late
    return shape


# -- reading -----------------------------------------------------------------------------------------------


cdef bint _parse_descriptor(const uint8_t* value, int size, Shape* structure, Frame* frame) noexcept nogil:
    cdef Bits bits
    cdef bint has_structure = False, has_active = False, custom_indications = False
    cdef bint custom_diffs = False, custom_chains = False
    cdef int index, count
    cdef Template* template
    frame.start = (value[0] & 0x80) != 0
    frame.end = (value[0] & 0x40) != 0
    frame.template_id = value[0] & 0x3F
    frame.frame_number = read_16(value + 1)
    frame.has_own_active = False
    bits.data = value + MANDATORY_SIZE
    bits.size = (size - MANDATORY_SIZE) * 8
    bits.at = 0
    bits.failed = False
    if size > MANDATORY_SIZE:
        has_structure = read_bits(&bits, 1)
        has_active = read_bits(&bits, 1)
        custom_indications = read_bits(&bits, 1)
        custom_diffs = read_bits(&bits, 1)
        custom_chains = read_bits(&bits, 1)
        if has_structure:
            frame.attached = structure = _parse_shape(&bits)
            if structure == NULL:
                return False
            frame.has_own_active = True
            frame.own_active = _all_targets(structure)
    if structure == NULL:
        return False
    if has_active:
        frame.has_own_active = True
        frame.own_active = read_bits(&bits, structure.decode_targets)
    index = (frame.template_id - structure.template_id_offset) & 0x3F
    if bits.failed or index >= structure.templates:
        return False
    template = &structure.template[index]
    frame.spatial = template.spatial
    frame.temporal = template.temporal
    frame.indications = template.indications
    memcpy(frame.chain_diffs, template.chain_diffs, 32)
    frame.diffs = template.diffs
    for index in range(template.diffs):
        frame.diff[index] = structure.diff[template.first_diff + index]
    if custom_indications:
        frame.indications = _read_indications(&bits, structure.decode_targets)
    if custom_diffs:
        frame.diffs = 0
        count = read_bits(&bits, 2)
        while count and frame.diffs < MAX_DIFFS:
            frame.diff[frame.diffs] = <uint16_t>(read_bits(&bits, 4 * count) + 1)
            frame.diffs += 1
            count = read_bits(&bits, 2)
    if custom_chains:
        for index in range(structure.chains):
            frame.chain_diffs[index] = <uint8_t>read_bits(&bits, 8)
    _note_masks(frame, structure.decode_targets)
    return not bits.failed


cdef inline uint32_t _all_targets(Shape* shape) noexcept nogil:
    return <uint32_t>((<uint64_t>1 << shape.decode_targets) - 1)


cdef void _note_masks(Frame* frame, int targets) noexcept nogil:
    cdef int target, indication
    frame.present = frame.switch = frame.needed = 0
    for target in range(targets):
        indication = <int>(frame.indications >> 2 * target & 3)
        if indication != 0:
            frame.present |= <uint32_t>1 << target
        if indication == 2:
            frame.switch |= <uint32_t>1 << target
        if indication >= 2:
            frame.needed |= <uint32_t>1 << target


cdef uint64_t _read_indications(Bits* bits, int targets) noexcept nogil:
    cdef uint64_t found = 0
    cdef int target
    for target in range(targets):
        found |= <uint64_t>read_bits(bits, 2) << 2 * target
    return found


cdef Shape* _parse_shape(Bits* bits) noexcept nogil:
    cdef Shape* shape = <Shape*>calloc(1, sizeof(Shape))
    if shape == NULL:
        return NULL
    shape.refs = 1
    shape.template_id_offset = read_bits(bits, 6)
    shape.decode_targets = read_bits(bits, 5) + 1
    if not _parse_layers(bits, shape):
        free(shape)
        return NULL
    _parse_templates(bits, shape)
    if bits.failed:
        free(shape)
        return NULL
    _note_targets(shape)
    return shape


cdef bint _parse_layers(Bits* bits, Shape* shape) noexcept nogil:
    cdef int spatial = 0, temporal = 0, step
    while True:
        shape.template[shape.templates].spatial = <uint8_t>spatial
        shape.template[shape.templates].temporal = <uint8_t>temporal
        shape.templates += 1
        step = read_bits(bits, 2)
        if bits.failed:
            return False
        if step == 3:
            return True
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial += 1
            temporal = 0
        if spatial > MAX_SPATIAL_LAYER or temporal > MAX_TEMPORAL_LAYER or shape.templates == MAX_TEMPLATES:
            return False


cdef void _parse_templates(Bits* bits, Shape* shape) noexcept nogil:
    cdef int index, chain
    cdef Template* template
    for index in range(shape.templates):
        shape.template[index].indications = _read_indications(bits, shape.decode_targets)
    for index in range(shape.templates):
        template = &shape.template[index]
        template.first_diff = <uint16_t>shape.diff_count
        while read_bits(bits, 1) and shape.diff_count < MAX_DIFFS:
            shape.diff[shape.diff_count] = <uint8_t>(read_bits(bits, 4) + 1)
            shape.diff_count += 1
            template.diffs += 1
    shape.chains = read_non_symmetric(bits, shape.decode_targets + 1)
    if bits.failed or shape.chains > 32:
        bits.failed = True
        return
    if shape.chains:
        for index in range(shape.decode_targets):
            shape.protected_by[index] = <uint8_t>read_non_symmetric(bits, shape.chains)
        for index in range(shape.templates):
            for chain in range(shape.chains):
                shape.template[index].chain_diffs[chain] = <uint8_t>read_bits(bits, 4)
    if read_bits(bits, 1):
        shape.resolutions = shape.template[shape.templates - 1].spatial + 1
        for index in range(shape.resolutions):
            shape.width_minus_1[index] = <uint16_t>read_bits(bits, 16)
            shape.height_minus_1[index] = <uint16_t>read_bits(bits, 16)


cdef void _note_targets(Shape* shape) noexcept nogil:
    cdef int target, index
    cdef Template* template
    shape.scalable = shape.decode_targets > 1
    for index in range(shape.templates):
        template = &shape.template[index]
        if template.spatial:
            shape.svc = True
        for target in range(shape.decode_targets):
            if template.indications >> 2 * target & 3:
                if template.spatial > shape.target_spatial[target]:
                    shape.target_spatial[target] = template.spatial
                if template.temporal > shape.target_temporal[target]:
                    shape.target_temporal[target] = template.temporal
