# Twin of ingress.py where it holds packets of SSRCs that nobody has claimed yet.


cdef void claim(Plane* plane, Transport* transport, uint32_t ssrc) noexcept nogil:
    cdef Held* held = find_held(transport, ssrc)
    if held == NULL:
        return
    _remove_held(transport, held)
    if not grow(<void**>&plane.claimed, &plane.claimed_capacity, plane.claimed_count + 1, sizeof(Claim)):
        _give_up(plane, held)
        return
    plane.claimed[plane.claimed_count].transport = transport
    plane.claimed[plane.claimed_count].held = held
    plane.claimed_count += 1


cdef void release_claimed(Plane* plane, int64_t now) noexcept nogil:
    cdef Claim* claimed = plane.claimed
    cdef int count = plane.claimed_count, index, place
    cdef Transport* transport
    cdef Held* held
    cdef Blob* plain
    cdef RtpHeader header
    plane.claimed = NULL
    plane.claimed_count = plane.claimed_capacity = 0
    for index in range(count):
        transport = claimed[index].transport
        held = claimed[index].held
        if now - held.since > HELD_US:
            _give_up(plane, held)
            continue
        plane.held -= held.count
        for place in range(held.count):
            plain = held.packets[place]
            parse_header(plain.data, plain.size, &header)
            if find_stream(transport, header.ssrc) != NULL or find_rtx(transport, header.ssrc) != NULL:
                parse_elements(plain.data, &header, &plane.elements)
                _receive_plain(plane, transport, plain.data, plain.size, &header, now)
            else:
                plane.drops[UNKNOWN_SSRC] += 1
        _free_held(held)
    free(claimed)


cdef void retry_held(Plane* plane, Transport* transport) noexcept nogil:
    cdef int index, place
    cdef RtpHeader header
    cdef Blob* plain
    for index in range(transport.held_count):
        for place in range(transport.held[index].count):
            plain = transport.held[index].packets[place]
            parse_header(plain.data, plain.size, &header)
            parse_elements(plain.data, &header, &plane.elements)
            up_unknown_ssrc(plane, transport, &header, plain.data, &plane.elements)


cdef void forget_held(Plane* plane, Transport* transport) noexcept nogil:
    cdef int index, kept = 0
    for index in range(transport.held_count):
        _give_up(plane, transport.held[index])
    transport.held_count = 0
    for index in range(plane.claimed_count):
        if plane.claimed[index].transport is transport:
            _give_up(plane, plane.claimed[index].held)
        else:
            plane.claimed[kept] = plane.claimed[index]
            kept += 1
    plane.claimed_count = kept


cdef void _hold(
    Plane* plane, Transport* transport, const uint8_t* plain, int size, RtpHeader* header, int64_t now
) noexcept nogil:
    cdef Held* held = find_held(transport, header.ssrc)
    cdef Blob* blob
    if held != NULL and now - held.since > HELD_US:
        # The new one takes its place among the others, as in the twin's dict.
        plane.held -= held.count
        plane.drops[UNKNOWN_SSRC] += held.count
        _clear_held(held)
        held.since = held.last = now
        _expire_held(plane, transport, now)
    elif held == NULL:
        held = <Held*>calloc(1, sizeof(Held))
        if held == NULL or not grow(
            <void**>&transport.held, &transport.held_capacity, transport.held_count + 1, sizeof(Held*)
        ):
            free(held)
            plane.drops[UNKNOWN_SSRC] += 1
            return
        held.ssrc = header.ssrc
        held.since = held.last = now
        transport.held[transport.held_count] = held
        transport.held_count += 1
        _expire_held(plane, transport, now)
    held.last = now
    blob = NULL
    if held.count < plane.limits.held_packets_per_ssrc and grow(
        <void**>&held.packets, &held.capacity, held.count + 1, sizeof(Blob*)
    ):
        blob = new_blob(plain, size)
    if blob == NULL:
        plane.drops[UNKNOWN_SSRC] += 1
        return
    held.packets[held.count] = blob
    held.count += 1
    plane.held += 1
    up_unknown_ssrc(plane, transport, header, plain, &plane.elements)


cdef void _expire_held(Plane* plane, Transport* transport, int64_t now) noexcept nogil:
    cdef int index, kept = 0
    cdef Held* held
    for index in range(transport.held_count):
        held = transport.held[index]
        if now - held.last > HELD_US:
            plane.remove_stream(transport.receiver, htonl(held.ssrc))
            _give_up(plane, held)
        else:
            transport.held[kept] = held
            kept += 1
    transport.held_count = kept


cdef void _give_up(Plane* plane, Held* held) noexcept nogil:
    plane.held -= held.count
    plane.drops[UNKNOWN_SSRC] += held.count
    _free_held(held)


cdef void _clear_held(Held* held) noexcept nogil:
    cdef int index
    for index in range(held.count):
        drop_blob(held.packets[index])
    held.count = 0


cdef void _free_held(Held* held) noexcept nogil:
    _clear_held(held)
    free(held.packets)
    free(held)


cdef void _remove_held(Transport* transport, Held* held) noexcept nogil:
    cdef int index
    for index in range(transport.held_count):
        if transport.held[index] is held:
            transport.held_count -= 1
            memmove(
                &transport.held[index], &transport.held[index + 1],
                (transport.held_count - index) * sizeof(Held*),
            )
            return
