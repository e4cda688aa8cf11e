# Twin of reference/send_stream.py.

cdef enum:
    MAX_INPUT_JUMP = 3000
    HEADER_SIZE = 40
    EARLY_PACKETS = 30


cdef void send_close(Plane* plane, SendStream* stream) noexcept nogil:
    resends_close(&stream.resends)
    free(stream.numbering.segments)
    drop_packet(plane, stream.last_packet)
    free_filter(stream.layers.filter)
    free(stream)


cdef bint set_target(
    Plane* plane, SendStream* stream, int64_t source, int spatial, int temporal
) noexcept nogil:
    stream.target = source
    stream.target_spatial = spatial
    stream.target_temporal = temporal
    stream.early_count = 0
    if source < 0:
        stream.source = -1
        stream.waiting = True
    if source != stream.source or stream.waiting:
        return False
    return selector_want(&stream.layers, spatial, temporal, stream.last_packet)


cdef void set_paused(SendStream* stream, bint paused) noexcept nogil:
    if stream.paused and not paused:
        stream.waiting = True
    stream.paused = paused


cdef void lost_source(SendStream* stream, int64_t source) noexcept nogil:
    if stream.source == source:
        stream.source = -1
        stream.waiting = True
    if stream.target == source:
        stream.target = -1


cdef void forward_packet(
    Plane* plane, SendStream* stream, ReceiveStream* source, Packet* packet, int64_t now
) noexcept nogil:
    cdef Transport* transport = stream.transport
    cdef Numbering* numbering = &stream.numbering
    cdef Segment segment
    cdef SendDrop reason
    cdef bint began
    cdef int64_t number
    cdef int size
    if stream.paused:
        stream.drops[CONSUMER_PAUSED] += 1
        return
    if transport.sender == NULL or transport.path < 0:
        # What is sent before the peer can receive is lost: begin at a key frame when it can.
        stream.waiting = True
        stream.drops[NO_TUPLE] += 1
        return
    if not stream.payload_types[packet.payload_type & 0x7F]:
        skip_number(stream, packet.stream, packet.sequence)
        stream.drops[SEND_UNKNOWN_PAYLOAD_TYPE] += 1
        return
    began = packet.stream != stream.source or stream.waiting
    if began:
        reason = _begin(plane, stream, source, packet, now)
        if reason != SEND_OK:
            stream.drops[reason] += 1
            return
        began = not stream.waiting and stream.has_began and stream.began_at == packet.sequence
    if stream.ignore_dtx and is_dtx(packet.data + packet.payload_start, packet.payload_size):
        skip_number(stream, packet.stream, packet.sequence)
        stream.drops[DTX] += 1
        return
    if numbering_jumps_to(numbering, packet.sequence, MAX_INPUT_JUMP):
        # To follow a restarted numbering would use numbers, and nonces, a second time.
        if stream.needs_key_frame and not packet.key_frame:
            stream.waiting = True
            up_stream(plane, UP_KEY_FRAME_NEEDED, packet.stream)
            stream.drops[WAITING_FOR_KEY_FRAME] += 1
            return
        _start_segment(stream, source, packet, now)
    if stream.layers.filter != NULL or packet.layer > stream.layers.highest:
        reason = selector_select(plane, stream, packet, now)
        if reason != SEND_OK:
            _leave_out(stream, packet, reason)
            return
        _follow_layers(stream, source, packet)
    if not numbering_next(numbering, packet.sequence, &segment):
        stream.drops[BEFORE_SWITCH] += 1
        return
    number = packet.sequence + segment.offset
    if number == numbering.highest:
        # A late packet is not where the next source goes on from.
        keep_packet(packet)
        drop_packet(plane, stream.last_packet)
        stream.last_packet = packet
        stream.last_segment = segment
        stream.has_last_segment = True
        stream.last_sent = now
        stream.has_last_sent = True
        stream.gap_timestamp = -1
        stream.last_timestamp = <uint32_t>(packet.timestamp + segment.timestamp_offset)
    else:
        sent_late(&stream.resends, <int>(number & 0xFFFF), now)
    size = packet.payload_size + HEADER_SIZE
    if stream.urgent or pacer_free(&transport.pacer, now):
        pacer_occupy(&transport.pacer, size, now)
        write_media(plane, stream, packet, &segment, number, now)
    else:
        _wait_turn(plane, stream, packet, &segment, number, size, now)
    if began and stream.needs_key_frame:
        _send_early(plane, stream, source, packet.sequence, now)


cdef void depart(Plane* plane, Outgoing* outgoing, int64_t now) noexcept nogil:
    cdef SendStream* stream = outgoing.stream
    if stream.transport.path < 0:
        stream.drops[NO_TUPLE] += 1
    elif outgoing.ciphertext != NULL:
        write_verbatim(plane, stream, outgoing.ciphertext)
    elif outgoing.repair:
        write_repair(plane, stream, outgoing.packet, &outgoing.segment, <int>outgoing.number, now)
    else:
        write_media(plane, stream, outgoing.packet, &outgoing.segment, outgoing.number, now)


cdef Packet* sent_before(Plane* plane, SendStream* stream, int back, Segment* segment, int* number) noexcept nogil:
    cdef int64_t sequence = 0
    number[0] = <int>((stream.numbering.highest - back) & 0xFFFF)
    if not numbering_find_output(&stream.numbering, number[0], segment, &sequence):
        return NULL
    return find_packet(plane, segment.source, sequence)


cdef int pad_empty(Plane* plane, SendStream* stream, int padding, int64_t now) noexcept nogil:
    if stream.last_packet == NULL:
        return 0
    return write_empty(plane, stream, stream.last_packet.payload_type, stream.last_timestamp, padding, now)


cdef void skip_number(SendStream* stream, int64_t source, int64_t sequence) noexcept nogil:
    if source != stream.source or stream.waiting or stream.paused:
        return
    if not numbering_jumps_to(&stream.numbering, sequence, MAX_INPUT_JUMP):
        numbering_skip(&stream.numbering, sequence, 0, False)


cdef Outgoing* repair_of(
    Plane* plane, SendStream* stream, int sequence_number, int64_t rtt_us, int64_t now
) noexcept nogil:
    # What answers a NACK of a 16-bit number, or NULL.
    cdef Resends* resends = &stream.resends
    cdef Blob* ciphertext = NULL
    cdef Packet* packet = NULL
    cdef Segment segment
    cdef int64_t sequence = 0
    cdef int size = 0
    cdef Outgoing* outgoing
    resends.asked += 1
    if stream.keep_ciphertext:
        ciphertext = verbatim_of(resends, sequence_number)
        if ciphertext != NULL:
            size = ciphertext.size
    elif numbering_find_output(&stream.numbering, sequence_number, &segment, &sequence):
        packet = find_packet(plane, segment.source, sequence)
        if packet != NULL:
            size = packet.payload_size + HEADER_SIZE
    if not size or not may_resend(resends, sequence_number, rtt_us, now):
        resends.not_found += 1
        return NULL
    if not spend(resends, size):
        return NULL
    outgoing = new_outgoing(plane)
    if outgoing == NULL:
        return NULL
    outgoing.stream = stream
    if packet != NULL:
        outgoing.packet = keep_packet(packet)
        outgoing.segment = segment
    if ciphertext != NULL:
        ciphertext.refs += 1
        outgoing.ciphertext = ciphertext
    outgoing.number = sequence_number
    outgoing.size = size
    outgoing.repair = True
    return outgoing


cdef void _wait_turn(
    Plane* plane, SendStream* stream, Packet* packet, Segment* segment, int64_t number, int size, int64_t now
) noexcept nogil:
    cdef Outgoing* outgoing = new_outgoing(plane)
    if outgoing == NULL:
        stream.drops[QUEUE_OVERFLOW] += 1
        return
    outgoing.stream = stream
    outgoing.packet = keep_packet(packet)
    outgoing.segment = segment[0]
    outgoing.number = number
    outgoing.size = size
    pacer_push(plane, &stream.transport.pacer, outgoing, False)
    start_pacing(plane, stream.transport)


cdef void _leave_out(SendStream* stream, Packet* packet, SendDrop reason) noexcept nogil:
    # Close up over a packet of a layer that is not sent.
    cdef Filter* chosen = stream.layers.filter
    cdef int layer = packet.layer >> 3
    cdef bint same_frame, closes_picture_id
    stream.drops[reason] += 1
    if not numbering_is_new(&stream.numbering, packet.sequence):
        return
    same_frame = stream.gap_timestamp == packet.timestamp and stream.gap_layer == layer
    closes_picture_id = chosen != NULL and chosen.fresh_drop and packet.codec == CODEC_VP8
    numbering_skip(&stream.numbering, packet.sequence, closes_picture_id, same_frame)
    stream.gap_timestamp = packet.timestamp
    stream.gap_layer = layer


cdef void _follow_layers(SendStream* stream, ReceiveStream* source, Packet* packet) noexcept nogil:
    cdef Filter* chosen = stream.layers.filter
    cdef Segment* segment = numbering_current(&stream.numbering)
    cdef int top
    if chosen == NULL or segment == NULL:
        return
    top = chosen.spatial if source.is_video and source.layering.svc else -1
    if (segment.top != top or segment.mask != chosen.mask) and numbering_is_new(
        &stream.numbering, packet.sequence
    ):
        numbering_change(&stream.numbering, packet.sequence, top, chosen.mask)


cdef SendDrop _note_early(SendStream* stream, int64_t sequence, SendDrop reason) noexcept nogil:
    cdef int index
    for index in range(stream.early_count):
        if stream.early[index].sequence == sequence:
            stream.early[index].reason = reason
            return reason
    stream.early[stream.early_count].sequence = sequence
    stream.early[stream.early_count].reason = reason
    stream.early_count += 1
    if stream.early_count > EARLY_PACKETS:
        stream.early_count -= 1
        memmove(stream.early, &stream.early[1], stream.early_count * sizeof(Early))
    return reason


cdef void _send_early(
    Plane* plane, SendStream* stream, ReceiveStream* source, int64_t first, int64_t now
) noexcept nogil:
    # Packets of the key frame, or after it, that overtook its first one: no drops after all.
    cdef Early early[EARLY_PACKETS + 2]
    cdef Early moved
    cdef int count = stream.early_count, index, place
    cdef Packet* packet
    for index in range(count):
        moved = stream.early[index]
        place = index
        while place and early[place - 1].sequence > moved.sequence:
            early[place] = early[place - 1]
            place -= 1
        early[place] = moved
    stream.early_count = 0
    for index in range(count):
        if early[index].sequence <= first:
            continue
        packet = history_get(&source.history, early[index].sequence)
        if packet != NULL:
            stream.drops[early[index].reason] -= 1
            forward_packet(plane, stream, source, packet, now)


cdef SendDrop _begin(
    Plane* plane, SendStream* stream, ReceiveStream* receive_stream, Packet* packet, int64_t now
) noexcept nogil:
    cdef int64_t source = packet.stream
    cdef bint leaving
    if source != stream.target:
        if source != stream.source:
            return OTHER_LAYER
        # The present source goes on until the target has a key frame, unless it must begin itself.
        if not stream.waiting:
            return SEND_OK
    if stream.needs_key_frame and not packet.key_frame:
        leaving = stream.source >= 0 and stream.source != source
        return _note_early(stream, packet.sequence, OTHER_LAYER if leaving else WAITING_FOR_KEY_FRAME)
    _start_segment(stream, receive_stream, packet, now)
    if source != stream.source:
        stream.source = source
        up_source_switched(plane, stream, source)
    stream.waiting = False
    stream.began_at = packet.sequence
    stream.has_began = True
    return SEND_OK


cdef void _start_segment(
    SendStream* stream, ReceiveStream* source, Packet* packet, int64_t now
) noexcept nogil:
    cdef Packet* last = stream.last_packet
    cdef Segment terms
    cdef bint anew = last == NULL or last.stream != packet.stream
    cdef Layering* layering = &source.layering if source.is_video else NULL
    if packet.stream == stream.target:
        selector_begin(&stream.layers, packet, layering, stream.target_spatial, stream.target_temporal, anew)
    else:
        selector_begin(
            &stream.layers, packet, layering, stream.layers.wanted_spatial, stream.layers.wanted_temporal, anew
        )
    stream.gap_timestamp = -1
    if last == NULL or not stream.has_last_segment:
        numbering_begin(&stream.numbering, packet.stream, packet.sequence, NULL)
        return
    if not anew and 0 <= packet.sequence - last.sequence < MAX_INPUT_JUMP:
        numbering_begin(&stream.numbering, packet.stream, packet.sequence, &stream.last_segment)
        return
    memset(&terms, 0, sizeof(Segment))
    terms.timestamp_offset = _continued_timestamp(stream, now) - packet.timestamp
    go_on(&terms, last, &stream.last_segment, packet)
    numbering_begin(&stream.numbering, packet.stream, packet.sequence, &terms)


cdef int64_t _continued_timestamp(SendStream* stream, int64_t now) noexcept nogil:
    cdef int64_t elapsed = now - stream.last_sent if stream.has_last_sent else 0
    cdef int64_t ticks = us_to_ticks(elapsed, stream.clock_rate)
    return <int64_t>stream.last_timestamp + (ticks if ticks > 1 else 1)
