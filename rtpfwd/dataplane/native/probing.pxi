# Twin of reference/probing.py.

cdef enum:
    MAX_WAITING = 8
    SMALLEST_PADDING = 100
    LARGEST_PADDING = 1400
    GRACE_US = 200000
    LONGEST_US = 2000000


cdef bint probes_add(Probes* probes, WaitingProbe* probe, int64_t now) noexcept nogil:
    if probes.cluster:
        if probes.waiting_count < MAX_WAITING:
            probes.waiting[probes.waiting_count] = probe[0]
            probes.waiting_count += 1
        else:
            probes.dropped += 1
        return False
    _begin_probe(probes, probe, now)
    return True


cdef void probes_count(Probes* probes, int size, int64_t now) noexcept nogil:
    probes.bytes -= size
    probes.packets -= 1
    if probes.bytes <= 0 and probes.packets <= 0:
        _next_probe(probes, now)


cdef void probes_expire(Probes* probes, int64_t now) noexcept nogil:
    if probes.cluster and now >= probes.deadline:
        probes.dropped += 1
        _next_probe(probes, now)


cdef int padding_size(Probes* probes) noexcept nogil:
    cdef int64_t packets = probes.packets if probes.packets > 1 else 1
    cdef int64_t share = -floor_div(-probes.bytes, packets)
    if share < SMALLEST_PADDING:
        return SMALLEST_PADDING
    return <int>share if share < LARGEST_PADDING else LARGEST_PADDING


cdef void _next_probe(Probes* probes, int64_t now) noexcept nogil:
    cdef WaitingProbe probe
    probes.cluster = probes.rate_bps = 0
    if probes.waiting_count:
        probe = probes.waiting[0]
        probes.waiting_count -= 1
        memmove(probes.waiting, &probes.waiting[1], probes.waiting_count * sizeof(WaitingProbe))
        _begin_probe(probes, &probe, now)


cdef void _begin_probe(Probes* probes, WaitingProbe* probe, int64_t now) noexcept nogil:
    cdef int64_t duration = 2 * (probe.size_bytes * 8 * 1000000 // probe.rate_bps) + GRACE_US
    probes.cluster = probe.cluster
    probes.rate_bps = probe.rate_bps
    probes.bytes = probe.size_bytes
    probes.packets = probe.packets
    probes.deadline = now + (duration if duration < LONGEST_US else LONGEST_US)
