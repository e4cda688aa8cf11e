# Twin of reference/receive_stream.py.

cdef enum:
    MAX_DROPOUT = 3000
    MAX_MISORDER = 1500


cdef void stream_close(Plane* plane, ReceiveStream* stream) noexcept nogil:
    history_close(plane, &stream.history)
    dependency_close(&stream.dependency)
    free_nacks(stream.nacks)
    free(stream.audio_levels.samples)
    free(stream.routes)
    free(stream)


cdef Drop stream_accept(Plane* plane, ReceiveStream* stream, int number, int64_t* sequence) noexcept nogil:
    # The extended number of an original packet in ``sequence``, or why there is none.
    cdef int64_t highest = stream.highest, ahead, extended
    cdef Drop verdict
    if not stream.started:
        _start(plane, stream, number)
        sequence[0] = number
        return DROP_NONE
    ahead = (number - highest) & 0xFFFF
    if ahead < MAX_DROPOUT:
        stream.bad_sequence = -1
        if ahead:
            stream.highest = highest + ahead
            sequence[0] = highest + ahead
            return DROP_NONE
        return _late(stream, highest, sequence)
    if ahead <= 0x10000 - MAX_MISORDER:
        # A jump: two in a row decide (RFC 3550 A.1).
        if number != stream.bad_sequence:
            stream.bad_sequence = (number + 1) & 0xFFFF
            return SEQUENCE_JUMP
        sequence[0] = _restart(plane, stream, highest, number)
        return DROP_NONE
    extended = highest + ahead - 0x10000
    verdict = _late(stream, extended, sequence)
    if verdict == DUPLICATE and stream.nacks != NULL:
        nacks_came_again(stream.nacks, extended)
    return verdict


cdef Drop _late(ReceiveStream* stream, int64_t extended, int64_t* sequence) noexcept nogil:
    if history_get(&stream.history, extended) != NULL:
        return DUPLICATE
    if history_too_old(&stream.history, extended):
        return TOO_OLD
    sequence[0] = extended
    return DROP_NONE


cdef Drop stream_restore(ReceiveStream* stream, int original_number, int64_t* sequence) noexcept nogil:
    cdef int64_t highest = stream.highest, ahead, extended
    if not stream.started:
        return RTX_UNWANTED
    ahead = (original_number - highest) & 0xFFFF
    if 0 < ahead < MAX_DROPOUT:
        stream.highest = highest + ahead
        sequence[0] = highest + ahead
        return DROP_NONE
    extended = highest - ((highest - original_number) & 0xFFFF)
    if highest - extended > MAX_DROPOUT or _late(stream, extended, sequence) != DROP_NONE:
        return RTX_UNWANTED
    if stream.nacks != NULL:
        nacks_repaired(stream.nacks, extended)
    return DROP_NONE


cdef void stream_count_original(ReceiveStream* stream, int size, uint32_t timestamp, int64_t now) noexcept nogil:
    cdef int64_t transit, difference, since
    stream.packets += 1
    stream.original += 1
    stream.bytes += size
    stream.last_arrival = now
    stream.has_last_arrival = True
    since = distance_32(timestamp, stream.last_jitter_timestamp)
    if stream.last_jitter_timestamp < 0 or since > 0:
        transit = (us_to_ticks(now, stream.clock_rate) - timestamp) & 0xFFFFFFFFLL
        if stream.last_transit >= 0:
            difference = distance_32(transit, stream.last_transit)
            if difference < 0:
                difference = -difference
            if difference < stream.clock_rate * 10:
                stream.jitter_q4 += difference - ((stream.jitter_q4 + 8) >> 4)
        stream.last_transit = transit
        stream.last_jitter_timestamp = timestamp
        stream.last_timestamp = timestamp
    elif since < -stream.clock_rate * 10:
        stream.last_jitter_timestamp = timestamp


cdef bint stream_note(Plane* plane, ReceiveStream* stream, Packet* packet, int64_t now) noexcept nogil:
    history_add(plane, &stream.history, packet, now)
    return stream_arrived(plane, stream, packet.sequence, packet.key_frame, now)


cdef inline bint stream_arrived(
    Plane* plane, ReceiveStream* stream, int64_t extended, bint key_frame, int64_t now
) noexcept nogil:
    return stream.nacks == NULL or nacks_received(&plane.limits, stream.nacks, extended, key_frame, now)


cdef void _start(Plane* plane, ReceiveStream* stream, int64_t sequence) noexcept nogil:
    stream.highest = stream.cycle_first = sequence
    stream.started = True
    history_restart(plane, &stream.history, sequence)


cdef int64_t _restart(Plane* plane, ReceiveStream* stream, int64_t highest, int number) noexcept nogil:
    cdef int64_t extended = ((highest >> 16) + 1) << 16 | number
    stream.expected_before += highest - stream.cycle_first + 1
    stream.bad_sequence = -1
    if stream.nacks != NULL:
        nacks_restart(stream.nacks)
    _start(plane, stream, extended)
    return extended
