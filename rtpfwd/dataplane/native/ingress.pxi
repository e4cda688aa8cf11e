# Twin of reference/ingress.py, and of the packet's half of reference/plane.py (``_route``, ``_absorb``).

cdef enum:
    SRTP_OVERHEAD = 16
    HELD_US = 5000000


cdef extern from "arpa/inet.h" nogil:
    unsigned int htonl(unsigned int)


cdef void receive(Plane* plane, uint8_t* data, int size, int path, int64_t tag, int64_t now) noexcept nogil:
    # ``data`` is decrypted in place. ``path`` is -1 for one that is in no table; ``tag`` goes with upcalls.
    cdef Kind kind = classify(data, size)
    cdef Transport* transport = plane.owner_of_path[path] if path >= 0 else NULL
    check(path < plane.path_capacity)
    plane.datagrams += 1
    if kind == KIND_RTP:
        _receive_rtp(plane, transport, data, size, now)
        return
    plane.kinds[kind] += 1
    if kind == KIND_STUN:
        up_datagram(plane, UP_STUN, -1, tag, data, size)
    elif kind == KIND_RTCP:
        if transport == NULL:
            plane.drops[RTCP_UNVALIDATED_TUPLE] += 1
        elif transport.receiver == NULL:
            plane.drops[RTCP_BEFORE_KEYS] += 1
        else:
            up_datagram(plane, UP_RTCP, transport.id, tag, data, size)
    elif kind == KIND_DTLS:
        if transport == NULL:
            plane.drops[DTLS_UNVALIDATED_TUPLE] += 1
        else:
            up_datagram(plane, UP_DTLS, transport.id, tag, data, size)


# -- one datagram ------------------------------------------------------------------------------------------


cdef void _receive_rtp(Plane* plane, Transport* transport, uint8_t* data, int size, int64_t now) noexcept nogil:
    cdef uint32_t ssrc
    cdef bint known
    cdef int status, length = size
    cdef RtpHeader header
    cdef Element* number
    if transport == NULL:
        plane.drops[RTP_UNVALIDATED_TUPLE] += 1
        return
    if transport.receiver == NULL:
        plane.drops[RTP_BEFORE_KEYS] += 1
        return
    ssrc = read_32(data + 8)
    known = find_stream(transport, ssrc) != NULL or find_rtx(transport, ssrc) != NULL
    if not known and find_held(transport, ssrc) == NULL:
        if ssrc_count(transport) >= plane.limits.ssrcs_per_transport:
            _expire_held(plane, transport, now)
        if ssrc_count(transport) >= plane.limits.ssrcs_per_transport:
            plane.drops[SSRC_LIMIT] += 1
            return
    if size > plane.limits.packet_bytes + SRTP_OVERHEAD:
        plane.drops[RTP_TOO_BIG] += 1
        return
    if size > BUFFER_SIZE:
        plane.drops[RTP_MALFORMED] += 1
        return
    status = plane.unprotect(transport.receiver, data, &length)
    if status != 0:
        if status == 9 or status == 10 or status == 26:
            plane.drops[SRTP_REPLAY] += 1
        elif status == 7 or status == 8:
            plane.drops[SRTP_AUTH_FAIL] += 1
        else:
            plane.drops[RTP_MALFORMED] += 1
        return
    if not parse_header(data, length, &header):
        plane.drops[RTP_MALFORMED] += 1
        return
    parse_elements(data, &header, &plane.elements)
    number = find_element(&plane.elements, transport.transport_cc_id)
    if number != NULL and number.size == 2:
        note_arrival(transport, read_16(data + number.start), now)
    if known:
        _receive_plain(plane, transport, data, length, &header, now)
    else:
        _hold(plane, transport, data, length, &header, now)


cdef void _receive_plain(
    Plane* plane, Transport* transport, const uint8_t* plain, int size, RtpHeader* header, int64_t now
) noexcept nogil:
    # The packet's elements are in plane.elements.
    cdef ReceiveStream* stream = find_stream(transport, header.ssrc)
    cdef Drop verdict
    if stream != NULL:
        verdict = _receive_original(plane, stream, plain, size, header, now)
    else:
        verdict = _receive_rtx(plane, find_rtx(transport, header.ssrc), plain, size, header, now)
    if verdict == DROP_NONE:
        plane.accepted += 1
    else:
        plane.drops[verdict] += 1


cdef Drop _receive_original(
    Plane* plane, ReceiveStream* stream, const uint8_t* plain, int size, RtpHeader* header, int64_t now
) noexcept nogil:
    cdef int payload_type = stream.payload_types[header.payload_type]
    cdef int64_t sequence = 0
    cdef Drop verdict
    if payload_type < 0:
        stream.discarded += 1
        return UNKNOWN_PAYLOAD_TYPE
    if not stream.started:
        up_stream(plane, UP_STREAM_STARTED, stream.id)
    verdict = stream_accept(plane, stream, header.sequence_number, &sequence)
    if verdict != DROP_NONE:
        if verdict == DUPLICATE:
            stream.duplicates += 1
        stream.discarded += 1
        return verdict
    stream_count_original(stream, size, header.timestamp, now)
    if header.payload_end == header.header_length:
        _absorb(plane, stream, sequence, now)
        return PADDING_ONLY
    if stream.audio_levels.element_id >= 0 and not stream.paused:
        levels_note(&stream.audio_levels, plain, &plane.elements, now)
    return _pass_on(plane, stream, sequence, header, payload_type, plain, header.header_length, size, now)


cdef Drop _receive_rtx(
    Plane* plane, ReceiveStream* stream, const uint8_t* plain, int size, RtpHeader* header, int64_t now
) noexcept nogil:
    cdef int payload_start = header.header_length + OSN_SIZE, media_type, payload_type = -1
    cdef int64_t sequence = 0
    cdef Drop verdict
    if header.payload_end == header.header_length:
        return PADDING_ONLY
    if header.payload_end < payload_start:
        stream.rtx_discarded += 1
        return RTX_MALFORMED
    media_type = stream.rtx_payload_types[header.payload_type]
    if media_type >= 0:
        payload_type = stream.payload_types[media_type & 0x7F]
    if payload_type < 0:
        stream.rtx_discarded += 1
        return UNKNOWN_PAYLOAD_TYPE
    stream.retransmitted += 1
    stream.rtx_bytes += size
    if header.payload_end == payload_start:
        return PADDING_ONLY
    verdict = stream_restore(stream, <int>read_16(plain + header.header_length), &sequence)
    if verdict != DROP_NONE:
        stream.rtx_discarded += 1
        return verdict
    stream.repaired += 1
    stream.packets += 1
    stream.bytes += size - OSN_SIZE
    return _pass_on(
        plane, stream, sequence, header, payload_type, plain, payload_start, size - OSN_SIZE, now
    )


# -- one packet --------------------------------------------------------------------------------------------


cdef Drop _pass_on(
    Plane* plane, ReceiveStream* stream, int64_t sequence, RtpHeader* header, int payload_type,
    const uint8_t* plain, int payload_start, int size, int64_t now,
) noexcept nogil:
    cdef Packet* packet = _make_packet(plane, stream, sequence, header, payload_type, plain, payload_start, now)
    cdef Drop verdict
    if packet == NULL:
        return PRODUCER_PAUSED  # memory is out
    if stream.is_video:
        layering_note(&stream.layering, packet, size)
    verdict = _route(plane, stream, packet, plain, now)
    drop_packet(plane, packet)
    return verdict


cdef Packet* _make_packet(
    Plane* plane, ReceiveStream* stream, int64_t sequence, RtpHeader* header, int payload_type,
    const uint8_t* plain, int payload_start, int64_t now,
) noexcept nogil:
    # Kept of the packet: the elements that go on to consumers, then the payload.
    cdef Elements* elements = &plane.elements
    cdef int index, count = 0, used = 0, uri
    cdef int payload_size = header.payload_end - payload_start
    cdef Packet* packet
    cdef Element* dependency
    for index in range(elements.count):
        if stream.uri_of_id[elements.at[index].id] >= 0:
            count += 1
            used += elements.at[index].size
    packet = new_packet(plane, count, used + payload_size)
    if packet == NULL:
        return NULL
    count = used = 0
    for index in range(elements.count):
        uri = stream.uri_of_id[elements.at[index].id]
        if uri >= 0:
            packet.elements[count].id = <int16_t>uri
            packet.elements[count].start = <uint16_t>used
            packet.elements[count].size = elements.at[index].size
            memcpy(packet.data + used, plain + elements.at[index].start, elements.at[index].size)
            used += elements.at[index].size
            count += 1
    memcpy(packet.data + used, plain + payload_start, payload_size)
    packet.payload_start = used
    packet.payload_size = payload_size
    packet.stream = stream.id
    packet.sequence = sequence
    packet.arrival = now
    packet.timestamp = header.timestamp
    packet.marker = header.marker
    packet.payload_type = payload_type
    packet.codec = stream.codec
    describe(stream.codec, packet.data + used, payload_size, &packet.descriptor)
    packet.key_frame = packet.descriptor.is_keyframe
    packet.layer = packet.descriptor.spatial_layer << 3 | packet.descriptor.temporal_layer
    dependency = find_element(elements, stream.dependency_id)
    if dependency != NULL:
        dependency_describe(&stream.dependency, packet, plain + dependency.start, dependency.size)
    return packet


cdef Drop _route(
    Plane* plane, ReceiveStream* stream, Packet* packet, const uint8_t* plain, int64_t now
) noexcept nogil:
    cdef int index
    cdef Element* orientation
    _note_missing(plane, stream, stream_note(plane, stream, packet, now))
    orientation = find_element(&plane.elements, stream.orientation_id)
    if orientation != NULL and orientation.size and plain[orientation.start] != stream.orientation:
        stream.orientation = plain[orientation.start]
        up_two(plane, UP_ORIENTATION_CHANGED, stream.id, stream.orientation, 0)
    if stream.traced:
        up_receive_trace(plane, stream, packet)
    if stream.paused:
        return PRODUCER_PAUSED
    if packet.key_frame and stream.last_key_timestamp != packet.timestamp:
        stream.last_key_timestamp = packet.timestamp
        stream.key_frames += 1
        up_stream(plane, UP_KEY_FRAME_RECEIVED, stream.id)
    if packet.key_frame and stream.is_video and layering_note_size(&stream.layering, packet):
        up_resolution(plane, stream.id, &stream.layering)
    plane.switched_count = 0
    for index in range(stream.route_count):
        forward_packet(plane, stream.routes[index], stream, packet, now)
    for index in range(plane.switched_count):
        route(plane, plane.switched[index])
    return DROP_NONE


cdef void _absorb(Plane* plane, ReceiveStream* stream, int64_t sequence, int64_t now) noexcept nogil:
    # A padding-only packet probes the link. Its number is used up, but nobody shall miss it.
    cdef int index
    _note_missing(plane, stream, stream_arrived(plane, stream, sequence, False, now))
    for index in range(stream.route_count):
        skip_number(stream.routes[index], stream.id, sequence)


cdef void _note_missing(Plane* plane, ReceiveStream* stream, bint repairable) noexcept nogil:
    if not repairable:
        up_stream(plane, UP_KEY_FRAME_NEEDED, stream.id)
    elif stream.nacks != NULL and stream.nacks.news:
        stream.nacks.news = False
        up_stream(plane, UP_PACKETS_MISSING, stream.id)
