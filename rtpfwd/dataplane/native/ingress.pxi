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


# -- SSRCs that nobody has claimed yet ---------------------------------------------------------------------


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
