# Twin of reference/numbering.py. Segments are copied out, because the list moves when it grows.

cdef enum:
    SEGMENTS_KEPT = 128


cdef inline Segment* numbering_current(Numbering* numbering) noexcept nogil:
    return &numbering.segments[numbering.count - 1] if numbering.has_current else NULL


cdef void numbering_begin(
    Numbering* numbering, int64_t source, int64_t first, int64_t timestamp_offset, int64_t picture_offset,
    int64_t tl0_offset,
) noexcept nogil:
    cdef Segment* current = numbering_current(numbering)
    cdef Segment segment
    if current != NULL:
        current.last = numbering.highest_input
        current.open = False
        numbering.has_current = False
    segment.source = source
    segment.first = first
    segment.last = 0
    segment.open = True
    segment.offset = numbering.highest + 1 - first
    segment.timestamp_offset = timestamp_offset
    segment.picture_offset = picture_offset
    segment.tl0_offset = tl0_offset
    numbering.highest_input = first - 1
    _append_segment(numbering, &segment)


cdef bint numbering_next(Numbering* numbering, int64_t sequence, Segment* found) noexcept nogil:
    cdef Segment* segment = numbering_current(numbering)
    if segment == NULL:
        return False
    if sequence >= segment.first:
        if sequence > numbering.highest_input:
            numbering.highest_input = sequence
            numbering.highest = sequence + segment.offset
        found[0] = segment[0]
        return True
    return _find_input(numbering, segment.source, sequence, found)


cdef inline bint numbering_jumps_to(Numbering* numbering, int64_t sequence, int64_t farthest) noexcept nogil:
    return numbering.has_current and sequence - numbering.highest_input > farthest


cdef void numbering_skip(Numbering* numbering, int64_t sequence) noexcept nogil:
    cdef Segment* segment = numbering_current(numbering)
    cdef Segment following
    if segment == NULL or sequence <= numbering.highest_input:
        return
    numbering.highest_input = sequence
    if sequence == segment.first:
        segment.first += 1
        segment.offset -= 1
        return
    following = segment[0]
    following.first = sequence + 1
    following.offset = segment.offset - 1
    segment.last = sequence - 1
    segment.open = False
    numbering.highest = sequence - 1 + segment.offset
    _append_segment(numbering, &following)


cdef bint numbering_find_output(
    Numbering* numbering, int sequence_number, Segment* found, int64_t* source_number
) noexcept nogil:
    cdef int64_t output = numbering.highest - ((numbering.highest - sequence_number) & 0xFFFF)
    cdef int64_t number
    cdef int index = numbering.count - 1
    cdef Segment* segment
    while index >= 0:
        segment = &numbering.segments[index]
        number = output - segment.offset
        if number >= segment.first:
            if number > (numbering.highest_input if segment.open else segment.last):
                return False
            found[0] = segment[0]
            source_number[0] = number
            return True
        index -= 1
    return False


cdef bint _find_input(Numbering* numbering, int64_t source, int64_t sequence, Segment* found) noexcept nogil:
    cdef int index = numbering.count - 1
    cdef Segment* segment
    while index >= 0:
        segment = &numbering.segments[index]
        if segment.source != source:
            return False
        if not segment.open and sequence > segment.last:
            return False  # the number of a deliberate drop
        if sequence >= segment.first:
            found[0] = segment[0]
            return True
        index -= 1
    return False


cdef void _append_segment(Numbering* numbering, Segment* segment) noexcept nogil:
    if not grow(<void**>&numbering.segments, &numbering.capacity, numbering.count + 1, sizeof(Segment)):
        numbering.has_current = False
        return
    numbering.segments[numbering.count] = segment[0]
    numbering.count += 1
    numbering.has_current = True
    if numbering.count > SEGMENTS_KEPT:
        numbering.count -= 1
        memmove(numbering.segments, numbering.segments + 1, numbering.count * sizeof(Segment))
