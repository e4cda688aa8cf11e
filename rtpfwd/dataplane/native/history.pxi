# Twin of reference/history.py.

cdef enum:
    LATE_AT_START = 64


cdef void history_init(History* history, int capacity, int64_t keep_us) noexcept nogil:
    memset(history, 0, sizeof(History))
    history.capacity = capacity
    history.mask = capacity - 1
    history.keep_us = keep_us


cdef void history_close(Plane* plane, History* history) noexcept nogil:
    cdef int index
    if history.ring != NULL:
        for index in range(history.capacity):
            drop_packet(plane, history.ring[index])
        for index in range(history.arrival_count):
            drop_packet(plane, history.arrivals[(history.first_arrival + index) & history.mask])
    free(history.ring)
    free(history.arrivals)
    history.ring = history.arrivals = NULL


cdef void history_restart(Plane* plane, History* history, int64_t sequence) noexcept nogil:
    cdef int64_t late = history.capacity // 2
    if history.ring != NULL:
        _release_all(plane, history)
        while history.arrival_count:
            drop_packet(plane, _first_arrival(history))
    history.has_highest = False
    history.floor = sequence - (late if late < LATE_AT_START else LATE_AT_START)


cdef inline bint history_too_old(History* history, int64_t sequence) noexcept nogil:
    return sequence < history.floor


cdef inline Packet* history_get(History* history, int64_t sequence) noexcept nogil:
    cdef Packet* packet
    if history.ring == NULL:
        return NULL
    packet = history.ring[sequence & history.mask]
    return packet if packet != NULL and packet.sequence == sequence else NULL


cdef bint history_add(Plane* plane, History* history, Packet* packet, int64_t now) noexcept nogil:
    # False when memory is out; the packet is then not kept.
    cdef int64_t sequence = packet.sequence, lowest, before = now - history.keep_us
    cdef Packet** slot
    if history.ring == NULL and not _allocate(history):
        return False
    if not history.has_highest or sequence > history.highest:
        history.highest = sequence
        history.has_highest = True
        lowest = sequence - history.mask
        if history.floor < lowest:
            _release(plane, history, lowest)
    slot = &history.ring[sequence & history.mask]
    drop_packet(plane, slot[0])
    slot[0] = keep_packet(packet)
    if history.arrival_count == history.capacity:
        drop_packet(plane, _first_arrival(history))
    history.arrivals[(history.first_arrival + history.arrival_count) & history.mask] = keep_packet(packet)
    history.arrival_count += 1
    while history.arrival_count and history.arrivals[history.first_arrival].arrival < before:
        _expire(plane, history, _first_arrival(history))
    return True


cdef bint _allocate(History* history) noexcept nogil:
    history.ring = <Packet**>calloc(history.capacity, sizeof(Packet*))
    history.arrivals = <Packet**>calloc(history.capacity, sizeof(Packet*))
    if history.ring == NULL or history.arrivals == NULL:
        free(history.ring)
        free(history.arrivals)
        history.ring = history.arrivals = NULL
        return False
    return True


cdef inline Packet* _first_arrival(History* history) noexcept nogil:
    # Taken out of the list; its reference is the caller's now.
    cdef Packet* packet = history.arrivals[history.first_arrival]
    history.first_arrival = <int>((history.first_arrival + 1) & history.mask)
    history.arrival_count -= 1
    return packet


cdef void _expire(Plane* plane, History* history, Packet* packet) noexcept nogil:
    cdef Packet** slot = &history.ring[packet.sequence & history.mask]
    if slot[0] is packet:
        drop_packet(plane, packet)
        slot[0] = NULL
    if packet.sequence >= history.floor:
        history.floor = packet.sequence + 1
    drop_packet(plane, packet)


cdef void _release(Plane* plane, History* history, int64_t lowest) noexcept nogil:
    cdef int64_t sequence = history.floor
    cdef Packet** slot
    if lowest - history.floor > history.mask:
        _release_all(plane, history)
    else:
        while sequence < lowest:
            slot = &history.ring[sequence & history.mask]
            drop_packet(plane, slot[0])
            slot[0] = NULL
            sequence += 1
    history.floor = lowest


cdef void _release_all(Plane* plane, History* history) noexcept nogil:
    cdef int index
    for index in range(history.capacity):
        drop_packet(plane, history.ring[index])
        history.ring[index] = NULL
