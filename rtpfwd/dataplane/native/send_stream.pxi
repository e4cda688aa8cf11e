# Twin of reference/send_stream.py.

cdef enum:
    MAX_INPUT_JUMP = 3000
    HEADER_SIZE = 40
    EARLY_PACKETS = 30


cdef void send_close(Plane* plane, SendStream* stream) noexcept nogil:
    resends_close(&stream.resends)
    free(stream.numbering.segments)
    drop_packet(plane, stream.last_packet)
    free(stream)


cdef void set_target(SendStream* stream, int64_t source) noexcept nogil:
    stream.target = source
    stream.early_count = 0
    if source < 0:
        stream.source = -1
        stream.waiting = True


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
        reason = _begin(plane, stream, packet, now)
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
        _start_segment(stream, packet, now)
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
        numbering_skip(&stream.numbering, sequence)


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


cdef SendDrop _begin(Plane* plane, SendStream* stream, Packet* packet, int64_t now) noexcept nogil:
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
    _start_segment(stream, packet, now)
    if source != stream.source:
        stream.source = source
        up_source_switched(plane, stream, source)
    stream.waiting = False
    stream.began_at = packet.sequence
    stream.has_began = True
    return SEND_OK


cdef void _start_segment(SendStream* stream, Packet* packet, int64_t now) noexcept nogil:
    cdef Packet* last = stream.last_packet
    cdef Segment* segment = &stream.last_segment
    cdef int64_t timestamp_offset, picture_offset = 0, tl0_offset = 0, ahead
    cdef bint same_clock
    if last == NULL or not stream.has_last_segment:
        numbering_begin(&stream.numbering, packet.stream, packet.sequence, 0, 0, 0)
        return
    ahead = packet.sequence - last.sequence
    same_clock = last.stream == packet.stream and 0 <= ahead < MAX_INPUT_JUMP
    if same_clock:
        timestamp_offset = segment.timestamp_offset
        picture_offset = segment.picture_offset
        tl0_offset = segment.tl0_offset
    else:
        timestamp_offset = _continued_timestamp(stream, now) - packet.timestamp
        _continue_pictures(last, segment, packet, &picture_offset, &tl0_offset)
    numbering_begin(
        &stream.numbering, packet.stream, packet.sequence, timestamp_offset, picture_offset, tl0_offset
    )


cdef int64_t _continued_timestamp(SendStream* stream, int64_t now) noexcept nogil:
    cdef int64_t elapsed = now - stream.last_sent if stream.has_last_sent else 0
    cdef int64_t ticks = us_to_ticks(elapsed, stream.clock_rate)
    return <int64_t>stream.last_timestamp + (ticks if ticks > 1 else 1)


cdef void _continue_pictures(
    Packet* last, Segment* segment, Packet* packet, int64_t* picture_offset, int64_t* tl0_offset
) noexcept nogil:
    cdef Descriptor* before = &last.descriptor
    cdef Descriptor* after = &packet.descriptor
    if not before.present or not after.present:
        return
    if before.picture_id >= 0 and after.picture_id >= 0:
        picture_offset[0] = before.picture_id + segment.picture_offset + 1 - after.picture_id
    if before.tl0_picture_index >= 0 and after.tl0_picture_index >= 0:
        tl0_offset[0] = before.tl0_picture_index + segment.tl0_offset + 1 - after.tl0_picture_index
