# Twin of reference/route_table.py, as far as packets need it; ids and names are kept in plane.pyx.

cdef enum:
    ARRIVALS_KEPT = 4096
    DEPARTURES_KEPT = 4096
    DEPARTURES_KEPT_UNASKED = 64


cdef Transport* new_transport(int64_t number) noexcept nogil:
    cdef Transport* transport = <Transport*>calloc(1, sizeof(Transport))
    if transport != NULL:
        transport.id = number
        transport.path = -1
        transport.transport_cc_id = transport.mid_id = transport.rid_id = transport.repaired_rid_id = -1
        transport.departure_limit = DEPARTURES_KEPT_UNASKED
        pacer_init(&transport.pacer)
    return transport


cdef void free_transport(Plane* plane, Transport* transport) noexcept nogil:
    stop_pacing(plane, transport)
    pacer_forget(plane, &transport.pacer, NULL)
    padding_close(&transport.padding)
    free(transport.streams)
    free(transport.rtx)
    free(transport.held)
    free(transport.arrivals)
    free(transport.departures)
    free(transport)


cdef inline ReceiveStream* find_stream(Transport* transport, uint32_t ssrc) noexcept nogil:
    cdef int index
    for index in range(transport.stream_count):
        if transport.streams[index].ssrc == ssrc:
            return transport.streams[index]
    return NULL


cdef inline ReceiveStream* find_rtx(Transport* transport, uint32_t ssrc) noexcept nogil:
    cdef int index
    for index in range(transport.rtx_count):
        if transport.rtx[index].rtx_ssrc == ssrc:
            return transport.rtx[index]
    return NULL


cdef inline Held* find_held(Transport* transport, uint32_t ssrc) noexcept nogil:
    cdef int index
    for index in range(transport.held_count):
        if transport.held[index].ssrc == ssrc:
            return transport.held[index]
    return NULL


cdef inline int ssrc_count(Transport* transport) noexcept nogil:
    return transport.stream_count + transport.rtx_count + transport.held_count


cdef inline int next_transport_number(Transport* transport) noexcept nogil:
    cdef int number = <int>(transport.next_number & 0xFFFF)
    transport.next_number += 1
    return number


cdef void note_arrival(Transport* transport, int number, int64_t now) noexcept nogil:
    if transport.arrival_count >= ARRIVALS_KEPT:
        return
    if grow(<void**>&transport.arrivals, &transport.arrival_capacity, transport.arrival_count + 1, sizeof(Arrival)):
        transport.arrivals[transport.arrival_count].at = now
        transport.arrivals[transport.arrival_count].number = <uint16_t>number
        transport.arrival_count += 1


cdef void note_departure(Transport* transport, int number, int size, int64_t now) noexcept nogil:
    cdef Departure* departure
    cdef Probes* probes = &transport.pacer.probes
    if transport.departure_count == transport.departure_limit:
        transport.first_departure = (transport.first_departure + 1) % transport.departure_capacity
        transport.departure_count -= 1
    elif transport.departure_count == transport.departure_capacity:
        _grow_departures(transport)
    if transport.departure_count < transport.departure_capacity:
        departure = departure_at(transport, transport.departure_count)
        departure.at = now
        departure.number = <uint16_t>number
        departure.size = size
        departure.cluster = probes.cluster
        transport.departure_count += 1
    if probes.cluster:
        probes_count(probes, size, now)


cdef inline Departure* departure_at(Transport* transport, int index) noexcept nogil:
    return &transport.departures[(transport.first_departure + index) % transport.departure_capacity]


cdef void _grow_departures(Transport* transport) noexcept nogil:
    # Into fresh memory, in order, because the ring may be wound around its end.
    cdef int capacity = transport.departure_capacity * 2 if transport.departure_capacity else 16
    cdef Departure* moved = <Departure*>malloc(capacity * sizeof(Departure))
    cdef int index
    if moved == NULL:
        return
    for index in range(transport.departure_count):
        moved[index] = departure_at(transport, index)[0]
    free(transport.departures)
    transport.departures = moved
    transport.departure_capacity = capacity
    transport.first_departure = 0


# -- transports with packets that wait for their turn, in the order in which they began to -----------------


cdef void start_pacing(Plane* plane, Transport* transport) noexcept nogil:
    if transport.in_pacing:
        return
    transport.in_pacing = True
    transport.pacing_after = NULL
    transport.pacing_before = plane.pacing_last
    if plane.pacing_last != NULL:
        plane.pacing_last.pacing_after = transport
    else:
        plane.pacing_first = transport
    plane.pacing_last = transport


cdef void stop_pacing(Plane* plane, Transport* transport) noexcept nogil:
    if not transport.in_pacing:
        return
    transport.in_pacing = False
    if transport.pacing_before != NULL:
        transport.pacing_before.pacing_after = transport.pacing_after
    else:
        plane.pacing_first = transport.pacing_after
    if transport.pacing_after != NULL:
        transport.pacing_after.pacing_before = transport.pacing_before
    else:
        plane.pacing_last = transport.pacing_before


# -- routes ------------------------------------------------------------------------------------------------


cdef ReceiveStream* stream_of(Plane* plane, int64_t number) noexcept nogil:
    # A receive stream by its id; NULL when there is none.
    cdef uint64_t place
    if not plane.by_id_capacity:
        return NULL
    place = <uint64_t>number * 0x9E3779B97F4A7C15ULL >> 20
    while True:
        place &= plane.by_id_capacity - 1
        if plane.by_id[place] == NULL or plane.by_id[place].id == number:
            return plane.by_id[place]
        place += 1


cdef bint index_stream(Plane* plane, ReceiveStream* stream) noexcept nogil:
    cdef ReceiveStream** before = plane.by_id
    cdef int capacity = plane.by_id_capacity, index
    if (plane.by_id_count + 1) * 2 > capacity:
        plane.by_id_capacity = capacity * 2 if capacity else 16
        plane.by_id = <ReceiveStream**>calloc(plane.by_id_capacity, sizeof(ReceiveStream*))
        if plane.by_id == NULL:
            plane.by_id = before
            plane.by_id_capacity = capacity
            return False
        plane.by_id_count = 0
        for index in range(capacity):
            if before[index] != NULL:
                _put_stream(plane, before[index])
        free(before)
    _put_stream(plane, stream)
    return True


cdef void _put_stream(Plane* plane, ReceiveStream* stream) noexcept nogil:
    cdef uint64_t place = <uint64_t>stream.id * 0x9E3779B97F4A7C15ULL >> 20
    while plane.by_id[place & (plane.by_id_capacity - 1)] != NULL:
        place += 1
    plane.by_id[place & (plane.by_id_capacity - 1)] = stream
    plane.by_id_count += 1


cdef void unindex_stream(Plane* plane, ReceiveStream* stream) noexcept nogil:
    # Whatever stands behind it in the same run is put in anew.
    cdef uint64_t mask = plane.by_id_capacity - 1, place = <uint64_t>stream.id * 0x9E3779B97F4A7C15ULL >> 20
    cdef ReceiveStream* moved
    while plane.by_id[place & mask] is not stream:
        place += 1
    plane.by_id[place & mask] = NULL
    plane.by_id_count -= 1
    place += 1
    while plane.by_id[place & mask] != NULL:
        moved = plane.by_id[place & mask]
        plane.by_id[place & mask] = NULL
        plane.by_id_count -= 1
        _put_stream(plane, moved)
        place += 1


cdef inline Packet* find_packet(Plane* plane, int64_t stream, int64_t sequence) noexcept nogil:
    cdef ReceiveStream* found = stream_of(plane, stream)
    return history_get(&found.history, sequence) if found != NULL else NULL


cdef void route(Plane* plane, SendStream* stream) noexcept nogil:
    unroute(plane, stream)
    _route_from(plane, stream, stream.source)
    if stream.target != stream.source:
        _route_from(plane, stream, stream.target)


cdef void _route_from(Plane* plane, SendStream* stream, int64_t source) noexcept nogil:
    cdef ReceiveStream* found = stream_of(plane, source) if source >= 0 else NULL
    if found != NULL and grow(
        <void**>&found.routes, &found.route_capacity, found.route_count + 1, sizeof(SendStream*)
    ):
        found.routes[found.route_count] = stream
        found.route_count += 1
        stream.routed[stream.routed_count] = source
        stream.routed_count += 1


cdef void unroute(Plane* plane, SendStream* stream) noexcept nogil:
    cdef ReceiveStream* found
    cdef int index, place
    for index in range(stream.routed_count):
        found = stream_of(plane, stream.routed[index])
        if found == NULL:
            continue
        for place in range(found.route_count):
            if found.routes[place] is stream:
                found.route_count -= 1
                memmove(
                    &found.routes[place], &found.routes[place + 1],
                    (found.route_count - place) * sizeof(SendStream*),
                )
                break
    stream.routed_count = 0
