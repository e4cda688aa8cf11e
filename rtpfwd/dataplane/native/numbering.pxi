# Twin of reference/numbering.py. Segments are copied out, because the list moves when it grows.

cdef enum:
    SEGMENTS_KEPT = 256


cdef inline Segment* numbering_current(Numbering* numbering) noexcept nogil:
    return &numbering.segments[numbering.count - 1] if numbering.has_current else NULL


cdef void numbering_begin(Numbering* numbering, int64_t source, int64_t first, Segment* terms) noexcept nogil:
    # ``terms`` has the offsets to begin with; NULL: none. Twin of ``begin`` and, with terms, of ``resume``.
    cdef Segment* current = numbering_current(numbering)
    cdef Segment segment
    if current != NULL:
        current.last = numbering.highest_input
        current.open = False
        numbering.has_current = False
    if terms != NULL:
        segment = terms[0]
    else:
        memset(&segment, 0, sizeof(Segment))
    segment.source = source
    segment.first = first
    segment.last = 0
    segment.open = True
    segment.offset = numbering.highest + 1 - first
    segment.top = -1
    segment.mask = -1
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


cdef inline bint numbering_is_new(Numbering* numbering, int64_t sequence) noexcept nogil:
    return sequence > numbering.highest_input


cdef void numbering_skip(Numbering* numbering, int64_t sequence, int pictures, bint with_gap) noexcept nogil:
    cdef Segment* segment = numbering_current(numbering)
    cdef Segment following
    cdef int64_t start, count
    if segment == NULL or sequence <= numbering.highest_input:
        return
    start = numbering.highest_input + 1 if with_gap else sequence
    count = sequence + 1 - start
    numbering.highest_input = sequence
    if start == segment.first:
        segment.first += count
        segment.offset -= count
        segment.picture_offset -= pictures
        return
    following = segment[0]
    following.first = sequence + 1
    following.offset = segment.offset - count
    following.picture_offset -= pictures
    segment.last = start - 1
    segment.open = False
    numbering.highest = start - 1 + segment.offset
    _append_segment(numbering, &following)


cdef void numbering_change(Numbering* numbering, int64_t sequence, int top, int64_t mask) noexcept nogil:
    cdef Segment* segment = numbering_current(numbering)
    cdef Segment following
    if segment == NULL:
        return
    if segment.first <= numbering.highest_input:
        following = segment[0]
        following.first = sequence
        segment.last = sequence - 1
        segment.open = False
        _append_segment(numbering, &following)
        segment = numbering_current(numbering)
        if segment == NULL:
            return
    segment.top = top
    segment.mask = mask


cdef bint numbering_find_output(
    Numbering* numbering, int sequence_number, Segment* found, int64_t* source_number
) noexcept nogil:
    cdef int64_t output = numbering.highest - ((numbering.highest - sequence_number) & 0xFFFF)
    cdef int low = 0, high = numbering.count, middle
    cdef Segment* segment
    while low < high:
        middle = (low + high) // 2
        segment = &numbering.segments[middle]
        if output < segment.first + segment.offset:
            high = middle
        else:
            low = middle + 1
    if not low:
        return False
    segment = &numbering.segments[low - 1]
    if output - segment.offset > (numbering.highest_input if segment.open else segment.last):
        return False
    found[0] = segment[0]
    source_number[0] = output - segment.offset
    return True


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
