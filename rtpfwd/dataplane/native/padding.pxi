# Twin of reference/padding.py.

cdef enum:
    LOOKED_AT = 16
    REPETITIONS_REMEMBERED = 64
    STREAMS_TRIED = 2
    SRTP_TAG = 16
    OVERHEAD = 56
    LARGEST_RTX_PADDING = 255
    TICKS_A_PACKET = 20


cdef void padding_close(Padding* padding) noexcept nogil:
    free(padding.streams)


cdef void padding_remove(Padding* padding, SendStream* stream) noexcept nogil:
    cdef int index
    for index in range(padding.stream_count):
        if padding.streams[index] is stream:
            padding.stream_count -= 1
            memmove(
                &padding.streams[index], &padding.streams[index + 1],
                (padding.stream_count - index) * sizeof(SendStream*),
            )
            return


cdef bint padding_possible(Padding* padding) noexcept nogil:
    cdef int index
    if padding.probator != NULL:
        return True
    for index in range(padding.stream_count):
        if padding.streams[index].packets:
            return True
    return False


cdef int padding_send(Plane* plane, Transport* transport, int wanted, int64_t now) noexcept nogil:
    # The size on the wire of the one packet that left, or 0.
    cdef Padding* padding = &transport.padding
    cdef SendStream* tried[STREAMS_TRIED]
    cdef int count, index, size = 0
    if transport.sender == NULL or transport.path < 0:
        return 0
    count = _last_two(padding, tried)
    for index in range(count):
        size = _repeat(plane, padding, tried[index], wanted, now)
        if size:
            break
    if not size:
        if count:
            size = pad_empty(plane, tried[0], _empty_size(wanted), now)
        elif padding.probator != NULL:
            size = _send_probator(plane, transport, padding.probator, wanted, now)
    if not size:
        return 0
    padding.packets += 1
    padding.bytes += size
    return plane.sent_size


cdef int _last_two(Padding* padding, SendStream** tried) noexcept nogil:
    # The streams that sent last; of equal ones the one that was added first.
    cdef int index, count = 0
    cdef SendStream* stream
    for index in range(padding.stream_count):
        stream = padding.streams[index]
        if not stream.packets:
            continue
        if not count:
            tried[0] = stream
            count = 1
        elif _last_sent(stream) > _last_sent(tried[0]):
            tried[1] = tried[0]
            tried[0] = stream
            count = 2
        elif count == 1 or _last_sent(stream) > _last_sent(tried[1]):
            tried[1] = stream
            count = 2
    return count


cdef inline int64_t _last_sent(SendStream* stream) noexcept nogil:
    return stream.last_sent if stream.has_last_sent else 0


cdef int _repeat(Plane* plane, Padding* padding, SendStream* stream, int wanted, int64_t now) noexcept nogil:
    cdef Packet* packet
    cdef Packet* best = NULL
    cdef Segment segment, best_segment
    cdef int back, number, best_number = 0, size, off, best_off = 0, known
    cdef int64_t times, best_times = 0
    for back in range(LOOKED_AT):
        packet = sent_before(plane, stream, back, &segment, &number)
        if packet == NULL:
            continue
        size = packet.payload_size + OVERHEAD
        if not wanted // 2 <= size <= wanted * 5 // 4:
            continue
        known = _find_repetition(padding, stream.id, number)
        times = padding.repeated[known].times if known >= 0 else 0
        off = size - wanted if size > wanted else wanted - size
        if best == NULL or times < best_times or (
            times == best_times and (off < best_off or (off == best_off and number < best_number))
        ):
            best = packet
            best_segment = segment
            best_number = number
            best_times = times
            best_off = off
    if best == NULL:
        return 0
    _remember_repetition(padding, stream.id, best_number, best_times + 1)
    return write_repetition(plane, stream, best, &best_segment, best_number, now)


cdef int _find_repetition(Padding* padding, int64_t stream, int number) noexcept nogil:
    cdef int index
    for index in range(padding.repeated_count):
        if padding.repeated[index].number == number and padding.repeated[index].stream == stream:
            return index
    return -1


cdef void _remember_repetition(Padding* padding, int64_t stream, int number, int64_t times) noexcept nogil:
    cdef int index = _find_repetition(padding, stream, number)
    if index < 0 and padding.repeated_count == REPETITIONS_REMEMBERED:
        index = 0
    if index >= 0:
        padding.repeated_count -= 1
        memmove(
            &padding.repeated[index], &padding.repeated[index + 1],
            (padding.repeated_count - index) * sizeof(Repetition),
        )
    index = padding.repeated_count
    padding.repeated[index].stream = stream
    padding.repeated[index].number = number
    padding.repeated[index].times = times
    padding.repeated_count += 1


cdef int _send_probator(
    Plane* plane, Transport* transport, Probator* probator, int wanted, int64_t now
) noexcept nogil:
    cdef int number = 0, length = wanted - SRTP_TAG, size
    cdef uint8_t* at = out_reserve(plane)
    if at == NULL:
        return 0
    if probator.layout.numbered:
        number = next_transport_number(transport)
    if length > LARGEST_PADDING:
        length = LARGEST_PADDING
    length -= probator.header_size
    if length < 1:
        length = 1
    size = write_probator(probator, plane.scratch, length, number, now, at)
    probator.next_number += 1
    return leave(plane, transport, at, size, probator.layout.numbered, number, now)


cdef int write_probator(
    Probator* probator, uint8_t* scratch, int length, int transport_number, int64_t now, uint8_t* at
) noexcept nogil:
    memset(scratch, 0, length)
    return layout_write(
        probator.layout, NULL, False, now, scratch, length, probator.payload_type,
        <int>(probator.next_number & 0xFFFF), <uint32_t>(probator.next_number * TICKS_A_PACKET),
        probator.ssrc, transport_number, NULL, -1, at,
    )


cdef int leave(
    Plane* plane, Transport* transport, uint8_t* at, int size, bint numbered, int number, int64_t now
) noexcept nogil:
    cdef int length = size
    if size > BUFFER_SIZE - MAX_TRAILER or plane.protect(transport.sender, at, &length) != 0:
        if numbered:
            transport.unsent += 1
        return 0
    if numbered:
        note_departure(transport, number, length, now)
    out_commit(plane, length, transport.path)
    return size


cdef inline int _empty_size(int wanted) noexcept nogil:
    cdef int size = wanted - OVERHEAD
    if size < 1:
        return 1
    return size if size < LARGEST_RTX_PADDING else LARGEST_RTX_PADDING
