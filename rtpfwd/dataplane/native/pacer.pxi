# Twin of reference/pacer.py.

cdef enum:
    BURST_US = 10000
    PROBE_BURST_US = 5000
    PROBE_PAUSE_US = 1000
    STALL_US = 5000
    MAX_QUEUE_US = 250000
    DEFAULT_RATE_BPS = 5000000
    MAX_QUEUED = 1024


cdef void pacer_init(Pacer* pacer) noexcept nogil:
    memset(pacer, 0, sizeof(Pacer))
    pacer.rate_bps = DEFAULT_RATE_BPS


cdef inline bint pacer_free(Pacer* pacer, int64_t now) noexcept nogil:
    return pacer.free_at <= now and not pacer.queued_bytes


cdef void pacer_occupy(Pacer* pacer, int size, int64_t now) noexcept nogil:
    cdef int64_t rate = pacer.probes.rate_bps, start, free_at, needed
    if rate:
        start = now - PROBE_BURST_US
        pacer.left_at = now
    else:
        rate = pacer.rate_bps
        if pacer.queued_bytes:
            needed = pacer.queued_bytes * 8 * 1000000 // MAX_QUEUE_US
            if needed > rate:
                rate = needed
        start = now - BURST_US
    if start < pacer.free_at:
        start = pacer.free_at
    free_at = start + <int64_t>size * 8 * 1000000 // rate
    pacer.free_at = free_at if free_at < now + MAX_QUEUE_US else now + MAX_QUEUE_US


cdef void pacer_push(Plane* plane, Pacer* pacer, Outgoing* outgoing, bint repair) noexcept nogil:
    cdef Outgoing* oldest
    _queue_append(&pacer.repairs if repair else &pacer.media, outgoing)
    pacer.queued_bytes += outgoing.size
    if pacer.media.count + pacer.repairs.count > MAX_QUEUED:
        oldest = _queue_pop(&pacer.media if pacer.media.count else &pacer.repairs)
        pacer.queued_bytes -= oldest.size
        oldest.stream.drops[QUEUE_OVERFLOW] += 1
        drop_outgoing(plane, oldest)


cdef Outgoing* pacer_pop(Pacer* pacer, int64_t now) noexcept nogil:
    cdef Outgoing* outgoing
    if pacer.free_at > now:
        return NULL
    if pacer.repairs.count:
        outgoing = _queue_pop(&pacer.repairs)
    elif pacer.media.count:
        outgoing = _queue_pop(&pacer.media)
    else:
        return NULL
    pacer_occupy(pacer, outgoing.size, now)
    pacer.queued_bytes -= outgoing.size
    return outgoing


cdef void pacer_probe(Pacer* pacer, WaitingProbe* probe, int64_t now) noexcept nogil:
    if probes_add(&pacer.probes, probe, now):
        pacer.free_at = now


cdef inline int wants_padding(Pacer* pacer, int64_t now) noexcept nogil:
    if not pacer.probes.cluster or pacer.free_at > now or pacer.queued_bytes:
        return 0
    return padding_size(&pacer.probes)


cdef inline void pacer_stall(Pacer* pacer, int64_t now) noexcept nogil:
    pacer.free_at = now + STALL_US


cdef void pacer_forget(Plane* plane, Pacer* pacer, SendStream* stream) noexcept nogil:
    # NULL: every stream.
    pacer.queued_bytes = 0
    _queue_forget(plane, pacer, &pacer.repairs, stream)
    _queue_forget(plane, pacer, &pacer.media, stream)


cdef int64_t pacer_next_timeout(Pacer* pacer) noexcept nogil:
    # -1: nothing to come.
    cdef int64_t at
    if pacer.probes.cluster:
        at = pacer.left_at + PROBE_PAUSE_US
        if at < pacer.free_at:
            at = pacer.free_at
        return at if at < pacer.probes.deadline else pacer.probes.deadline
    return pacer.free_at if pacer.queued_bytes else -1


cdef inline void _queue_append(Queue* queue, Outgoing* outgoing) noexcept nogil:
    outgoing.next = NULL
    if queue.last != NULL:
        queue.last.next = outgoing
    else:
        queue.first = outgoing
    queue.last = outgoing
    queue.count += 1


cdef inline Outgoing* _queue_pop(Queue* queue) noexcept nogil:
    cdef Outgoing* outgoing = queue.first
    check(outgoing != NULL)
    queue.first = outgoing.next
    if queue.first == NULL:
        queue.last = NULL
    queue.count -= 1
    return outgoing


cdef void _queue_forget(Plane* plane, Pacer* pacer, Queue* queue, SendStream* stream) noexcept nogil:
    cdef Outgoing* outgoing = queue.first
    cdef Outgoing* following
    queue.first = queue.last = NULL
    queue.count = 0
    while outgoing != NULL:
        following = outgoing.next
        if stream == NULL or outgoing.stream is stream:
            drop_outgoing(plane, outgoing)
        else:
            _queue_append(queue, outgoing)
            pacer.queued_bytes += outgoing.size
        outgoing = following
