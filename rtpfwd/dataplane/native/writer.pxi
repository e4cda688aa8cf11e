# Twin of reference/writer.py: a packet becomes bytes and leaves.


cdef void write_media(
    Plane* plane, SendStream* stream, Packet* packet, Segment* segment, int64_t number, int64_t now
) noexcept nogil:
    cdef int size = _send(
        plane, stream, packet, -1, packet.payload_type, <int>(number & 0xFFFF), stream.ssrc, segment, now, True
    )
    if size:
        stream.packets += 1
        plane.forwarded += 1
        stream.bytes += size
        stream.payload_bytes += packet.payload_size
        earn(&stream.resends, size)


cdef void write_repair(
    Plane* plane, SendStream* stream, Packet* packet, Segment* segment, int sequence_number, int64_t now
) noexcept nogil:
    cdef int size = _on_rtx(plane, stream, packet, segment, sequence_number, now)
    if size < 0:
        stream.resends.not_found += 1
    elif size:
        count_rtx(&stream.resends, size, packet.payload_size + OSN_SIZE)


cdef int write_repetition(
    Plane* plane, SendStream* stream, Packet* packet, Segment* segment, int sequence_number, int64_t now
) noexcept nogil:
    cdef int size = _on_rtx(plane, stream, packet, segment, sequence_number, now)
    return size if size > 0 else 0


cdef int write_empty(
    Plane* plane, SendStream* stream, int payload_type, uint32_t timestamp, int padding, int64_t now
) noexcept nogil:
    cdef Transport* transport = stream.transport
    cdef Layout* layout = stream.layout
    cdef int rtx_payload_type = stream.rtx_payload_types[payload_type & 0x7F]
    cdef int size, sequence_number, number = 0
    cdef uint8_t* at = out_reserve(plane)
    if rtx_payload_type < 0 or not stream.has_rtx or at == NULL:
        return 0
    sequence_number = next_rtx_number(&stream.resends)
    if layout.numbered:
        number = next_transport_number(transport)
    memset(plane.scratch, 0, padding)
    plane.scratch[padding - 1] = <uint8_t>padding
    size = layout_write(
        layout, NULL, False, now, plane.scratch, padding, rtx_payload_type, sequence_number, timestamp,
        stream.rtx_ssrc, number, NULL, -1, at,
    )
    at[0] |= 0x20
    return leave(plane, transport, at, size, layout.numbered, number, now)


cdef void write_verbatim(Plane* plane, SendStream* stream, Blob* ciphertext) noexcept nogil:
    cdef uint8_t* at = out_reserve(plane)
    if at == NULL:
        return
    count_verbatim(&stream.resends, ciphertext.size)
    memcpy(at, ciphertext.data, ciphertext.size)
    out_commit(plane, ciphertext.size, stream.transport.path)


cdef int _on_rtx(
    Plane* plane, SendStream* stream, Packet* packet, Segment* segment, int sequence_number, int64_t now
) noexcept nogil:
    # The size before SRTP, 0 when it could not be protected, -1 where there is no RTX for it.
    cdef int payload_type = stream.rtx_payload_types[packet.payload_type & 0x7F]
    if payload_type < 0 or not stream.has_rtx:
        return -1
    return _send(
        plane, stream, packet, sequence_number, payload_type, next_rtx_number(&stream.resends),
        stream.rtx_ssrc, segment, now, False,
    )


cdef int _send(
    Plane* plane, SendStream* stream, Packet* packet, int original_number, int payload_type,
    int sequence_number, uint32_t ssrc, Segment* segment, int64_t now, bint keep,
) noexcept nogil:
    # ``original_number`` leads the payload of a repair, and is -1 otherwise.
    cdef Transport* transport = stream.transport
    cdef Layout* layout = stream.layout
    cdef const uint8_t* payload = packet.data + packet.payload_start
    cdef int payload_size = packet.payload_size, size, length, number = 0
    cdef uint32_t timestamp = <uint32_t>(packet.timestamp + segment.timestamp_offset)
    cdef bint marker = packet.marker
    cdef int value_size = -1
    cdef uint8_t* at = out_reserve(plane)
    if layout.numbered:
        number = next_transport_number(transport)
    if at == NULL:
        stream.drops[PROTECT_FAILED] += 1
        return 0
    if original_number >= 0:
        write_16(plane.scratch, original_number)
        memcpy(plane.scratch + OSN_SIZE, payload, payload_size)
        payload = plane.scratch
        payload_size += OSN_SIZE
    if rewrites_header(segment):
        marker = marker_of(packet, segment)
        value_size = dependency_value(packet, segment, plane.dependency_uri, plane.dependency)
    size = layout_write(
        layout, packet, marker, now, payload, payload_size, payload_type, sequence_number, timestamp, ssrc,
        number, plane.dependency, value_size, at,
    )
    if size <= BUFFER_SIZE - MAX_TRAILER:
        if segment.picture_offset or segment.tl0_offset or segment.key_index_offset:
            rewrite_payload(packet, segment, at + size - packet.payload_size)
        length = size
        if plane.protect(transport.sender, at, &length) != 0:
            length = 0
    else:
        length = 0
    if not length:
        stream.drops[PROTECT_FAILED] += 1
        if layout.numbered:
            transport.unsent += 1
        return 0
    if layout.numbered:
        note_departure(transport, number, length, now)
    if stream.traced:
        up_send_trace(
            plane, stream, packet, size, payload_size, payload_type, sequence_number, ssrc, timestamp,
            marker_of(packet, segment),
        )
    if keep and stream.keep_ciphertext:
        keep_ciphertext(&stream.resends, sequence_number, at, length, now)
    out_commit(plane, length, transport.path)
    return size
