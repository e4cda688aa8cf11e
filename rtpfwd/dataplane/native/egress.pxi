# Twin of reference/egress.py: the header and extension block of an outgoing packet, and what waits.


cdef Outgoing* new_outgoing(Plane* plane) noexcept nogil:
    cdef Outgoing* outgoing = plane.free_outgoing
    if outgoing != NULL:
        plane.free_outgoing = outgoing.next
    else:
        outgoing = <Outgoing*>malloc(sizeof(Outgoing))
        if outgoing == NULL:
            return NULL
    memset(outgoing, 0, sizeof(Outgoing))
    return outgoing


cdef void drop_outgoing(Plane* plane, Outgoing* outgoing) noexcept nogil:
    drop_packet(plane, outgoing.packet)
    drop_blob(outgoing.ciphertext)
    outgoing.next = plane.free_outgoing
    plane.free_outgoing = outgoing


cdef int layout_write(
    Layout* layout, Packet* packet, bint marker, int64_t now,
    const uint8_t* payload, int payload_size, int payload_type, int sequence_number, uint32_t timestamp,
    uint32_t ssrc, int transport_number, const uint8_t* value, int value_size, uint8_t* at,
) noexcept nogil:
    # ``value`` stands for the packet's dependency descriptor unless its size is -1. The size of the plain packet, which is written to ``at`` when SRTP can take it (2028 bytes). ``packet``
    # is NULL where there are no elements to pass on.
    cdef int front, size
    if packet == NULL or layout.built != packet.serial or layout.at != now or (
        layout.value_size != value_size or (value_size > 0 and memcmp(layout.value, value, value_size))
    ):
        layout.value_size = value_size
        if value_size > 0:
            memcpy(layout.value, value, value_size)
        _build(layout, packet, now)
    if layout.numbered:
        front = 4 if layout.two_byte else 3
    else:
        front = 0
    size = RTP_HEADER_SIZE + payload_size
    if front or layout.tail_size:
        size += 4 + front + layout.tail_size
    if size > BUFFER_SIZE - MAX_TRAILER:
        return size
    at[1] = <uint8_t>(payload_type | 0x80 if marker else payload_type)
    write_16(at + 2, sequence_number)
    write_32(at + 4, timestamp)
    write_32(at + 8, ssrc)
    if not front and not layout.tail_size:
        at[0] = 0x80
        memcpy(at + RTP_HEADER_SIZE, payload, payload_size)
        return size
    at[0] = 0x90
    write_16(at + 12, TWO_BYTE_PROFILE if layout.two_byte else ONE_BYTE_PROFILE)
    write_16(at + 14, layout.words)
    at += 16
    if front == 3:
        at[0] = <uint8_t>(layout.transport_cc_id << 4 | 1)
        write_16(at + 1, transport_number)
    elif front == 4:
        at[0] = <uint8_t>layout.transport_cc_id
        at[1] = 2
        write_16(at + 2, transport_number)
    memcpy(at + front, layout.tail, layout.tail_size)
    memcpy(at + front + layout.tail_size, payload, payload_size)
    return size


cdef inline int _id_in(Layout* layout, int uri) noexcept nogil:
    return layout.id_of_uri[uri] if 0 <= uri < layout.uri_count else -1


cdef inline int _size_in(Layout* layout, Packet* packet, int index) noexcept nogil:
    if layout.value_size >= 0 and packet.elements[index].id == layout.dependency_uri:
        return layout.value_size
    return packet.elements[index].size


cdef void _build(Layout* layout, Packet* packet, int64_t now) noexcept nogil:
    cdef bint two_byte = layout.numbered and layout.transport_cc_id > 14
    cdef int index, number, front = 0
    cdef uint8_t send_time[3]
    cdef int64_t whole = now // 1000000
    cdef int64_t ticks = (whole << 18) + ((now - whole * 1000000) << 18) // 1000000
    send_time[0] = <uint8_t>(ticks >> 16)
    send_time[1] = <uint8_t>(ticks >> 8)
    send_time[2] = <uint8_t>ticks
    if layout.mid_id >= 0 and layout.mid_size:
        two_byte |= layout.mid_id > 14 or layout.mid_size > 16
    if layout.abs_send_time_id > 14:
        two_byte = True
    if packet != NULL:
        for index in range(packet.element_count):
            number = _id_in(layout, packet.elements[index].id)
            if number >= 0 and (number > 14 or not 0 < _size_in(layout, packet, index) <= 16):
                two_byte = True
    layout.two_byte = two_byte
    layout.tail_size = 0
    if layout.mid_id >= 0 and layout.mid_size:
        _put_element(layout, layout.mid_id, layout.mid, layout.mid_size)
    if layout.abs_send_time_id >= 0:
        _put_element(layout, layout.abs_send_time_id, send_time, 3)
    if packet != NULL:
        for index in range(packet.element_count):
            number = _id_in(layout, packet.elements[index].id)
            if number >= 0 and layout.value_size >= 0 and packet.elements[index].id == layout.dependency_uri:
                _put_element(layout, number, layout.value, layout.value_size)
            elif number >= 0:
                _put_element(
                    layout, number, packet.data + packet.elements[index].start, packet.elements[index].size
                )
    if layout.numbered:
        front = 4 if two_byte else 3
    while (front + layout.tail_size) & 3:
        layout.tail[layout.tail_size] = 0
        layout.tail_size += 1
    layout.words = (front + layout.tail_size) // 4
    layout.built = packet.serial if packet != NULL else 0
    layout.at = now


cdef void _put_element(Layout* layout, int number, const uint8_t* value, int size) noexcept nogil:
    cdef uint8_t* at = layout.tail + layout.tail_size
    if layout.tail_size + size + 6 > <int>sizeof(layout.tail) or size > 255:
        return  # more than any packet that arrives can hold
    if layout.two_byte:
        at[0] = <uint8_t>number
        at[1] = <uint8_t>size
        memcpy(at + 2, value, size)
        layout.tail_size += size + 2
    else:
        at[0] = <uint8_t>(number << 4 | size - 1)
        memcpy(at + 1, value, size)
        layout.tail_size += size + 1


# -- what leaves -------------------------------------------------------------------------------------------


cdef uint8_t* out_reserve(Plane* plane) noexcept nogil:
    # Where the next datagram may be written, 2048 bytes; NULL when memory is out.
    cdef Out* out = &plane.out
    if out.used + BUFFER_SIZE > out.capacity or out.count == out.item_capacity:
        plane.flush(plane)
        if out.used + BUFFER_SIZE > out.capacity or out.count == out.item_capacity:
            return NULL
    return out.arena + out.used


cdef inline void out_commit(Plane* plane, int size, int path) noexcept nogil:
    cdef Out* out = &plane.out
    cdef OutItem* item = &out.items[out.count]
    check(out.count < out.item_capacity and out.used + size <= out.capacity)
    item.start = out.used
    item.size = size
    item.path = path
    item.next = -1
    item.follows = False
    out.count += 1
    out.used += (size + 15) & ~15
    plane.sent_size = size
