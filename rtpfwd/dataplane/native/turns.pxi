# Twin of reference/turns.py.


cdef void take_turn(Plane* plane, Transport* transport, int64_t now) noexcept nogil:
    # Unlike the twin, it also takes the transport off the list of those that want a turn.
    cdef Pacer* pacer = &transport.pacer
    cdef Outgoing* outgoing
    cdef int wanted, size
    probes_expire(&pacer.probes, now)
    while True:
        outgoing = pacer_pop(pacer, now)
        if outgoing != NULL:
            depart(plane, outgoing, now)
            drop_outgoing(plane, outgoing)
            continue
        wanted = wants_padding(pacer, now)
        if not wanted:
            break
        size = padding_send(plane, transport, wanted, now)
        if size:
            pacer_occupy(pacer, size, now)
        else:
            pacer_stall(pacer, now)
    if pacer_next_timeout(pacer) < 0:
        stop_pacing(plane, transport)


cdef void take_turns(Plane* plane, int64_t now) noexcept nogil:
    # Twin of ReferencePlane.handle_timeout.
    cdef Transport* transport
    cdef Transport* following
    release_claimed(plane, now)
    transport = plane.pacing_first
    while transport != NULL:
        following = transport.pacing_after
        take_turn(plane, transport, now)
        transport = following


cdef int64_t plane_next_timeout(Plane* plane) noexcept nogil:
    # Twin of ReferencePlane.next_timeout; -1: nothing to come.
    cdef Transport* transport = plane.pacing_first
    cdef int64_t at, first = -1
    if plane.claimed_count:
        return 0
    while transport != NULL:
        at = pacer_next_timeout(&transport.pacer)
        if at >= 0 and (first < 0 or at < first):
            first = at
        transport = transport.pacing_after
    return first
