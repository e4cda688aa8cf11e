# Twin of upcalls.py: records in a ring, which plane.pyx turns into the twin's objects.
#
# A record is its length in bytes (a multiple of 8), its kind, its fields, and bytes. One writer, one reader.

cdef extern from *:
    """
    #define rtpfwd_load(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
    #define rtpfwd_store(at, value) __atomic_store_n(at, value, __ATOMIC_RELEASE)
    """
    uint64_t load "rtpfwd_load"(uint64_t* at) noexcept nogil
    void store "rtpfwd_store"(uint64_t* at, uint64_t value) noexcept nogil

cdef enum:
    RECORD_HEAD = 8
    FIRST_RING = 1 << 16


cdef bint ring_open(Ring* ring, uint64_t capacity, bint fixed) noexcept nogil:
    ring.data = <uint8_t*>malloc(capacity)
    ring.capacity = capacity
    ring.head = ring.tail = 0
    ring.fixed = fixed
    return ring.data != NULL


cdef int64_t* ring_begin(Ring* ring, UpcallKind kind, int fields, const uint8_t* data, int size) noexcept nogil:
    # Where the fields go; NULL when there is no room. ``ring_end`` shows it to the reader.
    cdef uint64_t length = RECORD_HEAD + fields * 8 + ((size + 7) & ~7)
    cdef uint64_t head, rest
    cdef uint8_t* at
    while True:
        head = ring.head
        rest = ring.capacity - (head & (ring.capacity - 1))
        if head + length + (rest if rest < length else 0) - load(&ring.tail) <= ring.capacity:
            break
        if ring.fixed or not _grow_ring(ring):
            ring.lost += 1
            return NULL
    if rest < length:
        (<uint32_t*>(ring.data + (head & (ring.capacity - 1))))[0] = <uint32_t>rest
        (<uint32_t*>(ring.data + (head & (ring.capacity - 1))))[1] = UP_SKIP
        head += rest
    at = ring.data + (head & (ring.capacity - 1))
    (<uint32_t*>at)[0] = <uint32_t>length
    (<uint32_t*>at)[1] = kind
    if size:
        memcpy(at + RECORD_HEAD + fields * 8, data, size)
    ring.written = head + length
    return <int64_t*>(at + RECORD_HEAD)


cdef inline void ring_end(Ring* ring) noexcept nogil:
    store(&ring.head, ring.written)


cdef bint _grow_ring(Ring* ring) noexcept nogil:
    # Never while another thread reads. What waits moves to the start.
    cdef uint8_t* data = <uint8_t*>malloc(ring.capacity * 2)
    cdef uint64_t at = ring.tail, used = 0, length
    if data == NULL:
        return False
    while at != ring.head:
        length = (<uint32_t*>(ring.data + (at & (ring.capacity - 1))))[0]
        memcpy(data + used, ring.data + (at & (ring.capacity - 1)), length)
        at += length
        used += length
    free(ring.data)
    ring.data = data
    ring.capacity *= 2
    ring.tail = 0
    ring.head = used
    return True


# -- one function for each kind ----------------------------------------------------------------------------


cdef void up_datagram(
    Plane* plane, UpcallKind kind, int64_t transport, int64_t tag, const uint8_t* data, int size
) noexcept nogil:
    # ``tag`` says which path: the driver of the batch knows.
    cdef int64_t* fields = ring_begin(&plane.upcalls, kind, 3, data, size + plane.trailer)
    if fields != NULL:
        fields[0] = transport
        fields[1] = tag
        fields[2] = size
        ring_end(&plane.upcalls)


cdef void up_stream(Plane* plane, UpcallKind kind, int64_t stream) noexcept nogil:
    cdef int64_t* fields = ring_begin(&plane.upcalls, kind, 1, NULL, 0)
    if fields != NULL:
        fields[0] = stream
        ring_end(&plane.upcalls)


cdef void up_two(Plane* plane, UpcallKind kind, int64_t stream, int64_t value, int64_t other) noexcept nogil:
    cdef int64_t* fields = ring_begin(&plane.upcalls, kind, 3, NULL, 0)
    if fields != NULL:
        fields[0] = stream
        fields[1] = value
        fields[2] = other
        ring_end(&plane.upcalls)


cdef void up_source_switched(Plane* plane, SendStream* stream, int64_t source) noexcept nogil:
    up_two(plane, UP_SOURCE_SWITCHED, stream.id, source, 0)
    if grow(
        <void**>&plane.switched, &plane.switched_capacity, plane.switched_count + 1, sizeof(SendStream*)
    ):
        plane.switched[plane.switched_count] = stream
        plane.switched_count += 1


cdef void up_unknown_ssrc(
    Plane* plane, Transport* transport, RtpHeader* header, const uint8_t* data, Elements* elements
) noexcept nogil:
    cdef uint8_t text[768]
    cdef int sizes[3]
    cdef int ids[3]
    cdef int index, used = 0
    cdef Element* found
    cdef int64_t* fields
    ids[0] = transport.mid_id
    ids[1] = transport.rid_id
    ids[2] = transport.repaired_rid_id
    for index in range(3):
        found = find_element(elements, ids[index])
        sizes[index] = -1
        if found != NULL:
            sizes[index] = found.size
            memcpy(text + used, data + found.start, found.size)
            used += found.size
    fields = ring_begin(&plane.upcalls, UP_UNKNOWN_SSRC, 6, text, used)
    if fields != NULL:
        fields[0] = transport.id
        fields[1] = header.ssrc
        fields[2] = header.payload_type
        for index in range(3):
            fields[3 + index] = sizes[index]
        ring_end(&plane.upcalls)


cdef void up_receive_trace(Plane* plane, ReceiveStream* stream, Packet* packet) noexcept nogil:
    _trace(
        plane, stream.id, -1, stream.ssrc, packet, packet.payload_type, <int>(packet.sequence & 0xFFFF),
        packet.timestamp, packet.marker, False, packet.payload_size, packet.payload_size,
    )


cdef void up_send_trace(
    Plane* plane, SendStream* stream, Packet* packet, int size, int payload_size, int payload_type,
    int sequence_number, uint32_t ssrc, uint32_t timestamp, bint marker,
) noexcept nogil:
    _trace(
        plane, -1, stream.id, ssrc, packet, payload_type, sequence_number, timestamp, marker,
        ssrc != stream.ssrc, size, payload_size,
    )


cdef void _trace(
    Plane* plane, int64_t receive_stream, int64_t send_stream, uint32_t ssrc, Packet* packet,
    int payload_type, int sequence_number, uint32_t timestamp, bint marker, bint is_rtx, int size,
    int payload_size,
) noexcept nogil:
    cdef int64_t* fields = ring_begin(&plane.upcalls, UP_PACKET_TRACE, 13, NULL, 0)
    if fields == NULL:
        return
    fields[0] = receive_stream
    fields[1] = send_stream
    fields[2] = ssrc
    fields[3] = payload_type
    fields[4] = sequence_number
    fields[5] = timestamp
    fields[6] = marker
    fields[7] = packet.key_frame
    fields[8] = is_rtx
    fields[9] = size
    fields[10] = payload_size
    fields[11] = packet.layer >> 3
    fields[12] = packet.layer & 7
    ring_end(&plane.upcalls)


cdef void up_resolution(Plane* plane, int64_t stream, Layering* layering) noexcept nogil:
    cdef int64_t* fields = ring_begin(&plane.upcalls, UP_RESOLUTION_CHANGED, 2 + layering.resolutions, NULL, 0)
    cdef int index
    if fields == NULL:
        return
    fields[0] = stream
    fields[1] = layering.resolutions
    for index in range(layering.resolutions):
        fields[2 + index] = <int64_t>layering.width[index] << 32 | layering.height[index]
    ring_end(&plane.upcalls)
