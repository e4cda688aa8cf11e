# Twin of records.py, upcalls.py and tables.py at the edge: structs to the twins' objects and back. All with
# the GIL.

from cpython.bytes cimport PyBytes_FromStringAndSize


cdef list drain(Plane* plane, bint by_batch, list arrived=None, int limit=0x7FFFFFFF, int first_local=0):
    # The upcalls that wait, in order, ``limit`` at most. ``arrived`` is the batch whose paths their tags mean; not
    # ``by_batch``: the address itself follows the bytes.
    cdef Ring* ring = &plane.upcalls
    cdef uint64_t head = load(&ring.head), at = ring.tail
    cdef uint8_t* record
    cdef list found = []
    while at != head and limit > 0:
        record = ring.data + (at & (ring.capacity - 1))
        if (<uint32_t*>record)[1] != UP_SKIP:
            limit -= 1
            found.append(
                _upcall(
                    <UpcallKind>(<uint32_t*>record)[1], <int64_t*>(record + RECORD_HEAD), by_batch, arrived, first_local
                )
            )
        at += (<uint32_t*>record)[0]
    store(&ring.tail, at)
    return found


cdef object _upcall(UpcallKind kind, int64_t* fields, bint by_batch, list arrived, int first_local):
    cdef const uint8_t* data
    if kind == UP_STUN or kind == UP_DTLS or kind == UP_RTCP:
        data = <const uint8_t*>(fields + 3)
        payload = PyBytes_FromStringAndSize(<const char*>data, fields[2])
        if kind == UP_RTCP:
            return RtcpReceived(fields[0], payload)
        path = arrived[fields[1]][1] if by_batch else path_of_address(data + fields[2], first_local)
        return StunReceived(payload, path) if kind == UP_STUN else DtlsReceived(fields[0], payload, path)
    if kind == UP_UNKNOWN_SSRC:
        return _unknown_ssrc(fields)
    if kind == UP_PACKETS_MISSING:
        return PacketsMissing(fields[0])
    if kind == UP_KEY_FRAME_RECEIVED:
        return KeyFrameReceived(fields[0])
    if kind == UP_KEY_FRAME_NEEDED:
        return KeyFrameNeeded(fields[0])
    if kind == UP_STREAM_STARTED:
        return StreamStarted(fields[0])
    if kind == UP_SOURCE_SWITCHED:
        return SourceSwitched(fields[0], fields[1])
    if kind == UP_LAYERS_SWITCHED:
        return LayersSwitched(fields[0], fields[1], fields[2])
    if kind == UP_ORIENTATION_CHANGED:
        return OrientationChanged(fields[0], fields[1])
    if kind == UP_RESOLUTION_CHANGED:
        return ResolutionChanged(
            fields[0], tuple([(fields[2 + i] >> 32, fields[2 + i] & 0xFFFFFFFFLL) for i in range(fields[1])])
        )
    return PacketTrace(
        None if fields[0] < 0 else fields[0], None if fields[1] < 0 else fields[1], fields[2], fields[3],
        fields[4], fields[5], bool(fields[6]), bool(fields[7]), bool(fields[8]), fields[9], fields[10],
        fields[11], fields[12],
    )


cdef object _unknown_ssrc(int64_t* fields):
    cdef const uint8_t* text = <const uint8_t*>(fields + 6)
    cdef int index
    cdef list values = []
    for index in range(3):
        if fields[3 + index] < 0:
            values.append(None)
            continue
        value = PyBytes_FromStringAndSize(<const char*>text, fields[3 + index])
        values.append(parse_rid(value) if index else parse_mid(value))
        text += fields[3 + index]
    return UnknownSsrc(fields[0], fields[1], fields[2], values[0], values[1], values[2])


cdef object receive_counters_of(ReceiveStream* stream):
    highest = stream.highest if stream.started else 0
    return ReceiveCounters(
        packets=stream.packets,
        bytes=stream.bytes,
        expected=stream.expected_before + highest - stream.cycle_first + 1 if stream.started else 0,
        received=stream.original,
        highest_extended=highest,
        jitter=stream.jitter_q4 >> 4,
        discarded=stream.discarded,
        duplicates=stream.duplicates,
        retransmitted=stream.retransmitted,
        repaired=stream.repaired,
        rtx_bytes=stream.rtx_bytes,
        rtx_discarded=stream.rtx_discarded,
        nack_requests=stream.nack_requests,
        nack_packets=stream.nack_packets,
        key_frames=stream.key_frames,
        last_arrival=stream.last_arrival if stream.has_last_arrival else None,
        last_timestamp=stream.last_timestamp,
        layer_bytes=_layer_bytes(stream),
    )


cdef dict _layer_bytes(ReceiveStream* stream):
    cdef int layer
    cdef dict layers = {}
    cdef int64_t others = 0
    for layer in range(64):
        if stream.layering.bytes[layer]:
            layers[layer >> 3, layer & 7] = stream.layering.bytes[layer]
            others += stream.layering.bytes[layer]
    return {(0, 0): stream.bytes - others} | layers


cdef object send_counters_of(SendStream* stream):
    cdef Resends* resends = &stream.resends
    forwarding = stream.source >= 0 and not stream.waiting and not stream.paused
    offset = stream.last_segment.timestamp_offset & 0xFFFFFFFFLL if stream.has_last_segment else 0
    return SendCounters(
        packets=stream.packets,
        bytes=stream.bytes,
        payload_bytes=stream.payload_bytes,
        retransmitted=resends.packets,
        retransmitted_bytes=resends.bytes,
        rtx_packets=resends.rtx_packets,
        rtx_payload_bytes=resends.rtx_payload_bytes,
        nack_packets=resends.asked,
        not_found=resends.not_found,
        over_budget=resends.over_budget,
        source=stream.source if stream.source >= 0 else None,
        timestamp_offset=offset,
        last_timestamp=stream.last_timestamp,
        last_sent=stream.last_sent if stream.has_last_sent else None,
        highest_extended=stream.numbering.highest,
        drops={reason: stream.drops[reason] for reason in SEND_REASONS if stream.drops[reason]},
        layers=Layers(stream.layers.spatial, stream.layers.temporal) if forwarding else None,
    )


cdef object transport_counters_of(Transport* transport):
    cdef Pacer* pacer = &transport.pacer
    lost = transport.next_number - transport.unsent - transport.departures_taken - transport.departure_count
    return TransportCounters(
        queued_packets=pacer.media.count + pacer.repairs.count,
        queued_bytes=pacer.queued_bytes,
        padding_packets=transport.padding.packets,
        padding_bytes=transport.padding.bytes,
        probing=bool(pacer.probes.cluster),
        probes_dropped=pacer.probes.dropped,
        departures_lost=lost,
    )


cdef object plane_counters_of(Plane* plane):
    plane.drops[UNCLASSIFIED] = plane.kinds[KIND_UNKNOWN]
    return PlaneCounters(
        datagrams=plane.datagrams,
        stun=plane.kinds[KIND_STUN],
        dtls=plane.kinds[KIND_DTLS] - plane.drops[DTLS_UNVALIDATED_TUPLE],
        rtcp=plane.kinds[KIND_RTCP] - plane.drops[RTCP_UNVALIDATED_TUPLE] - plane.drops[RTCP_BEFORE_KEYS],
        rtp=plane.accepted,
        held=plane.held,
        forwarded=plane.forwarded,
        drops={reason: plane.drops[reason] for reason in REASONS if plane.drops[reason]},
    )


cdef list arrivals_of(Arrival* arrivals, int count):
    cdef int index
    cdef list taken = []
    for index in range(count):
        taken.append((arrivals[index].number, arrivals[index].at))
    free(arrivals)
    return taken


cdef list departures_of(Departure* departures, int count, int first, int capacity):
    cdef int index
    cdef Departure* one
    cdef list taken = []
    for index in range(count):
        one = &departures[(first + index) % capacity]
        taken.append((one.number, one.at, one.size, one.cluster))
    free(departures)
    return taken


cdef list levels_of(AudioLevels* levels):
    cdef int index
    cdef LevelSample* sample
    cdef list taken = []
    for index in range(levels.count):
        sample = &levels.samples[(levels.first + index) % levels.capacity]
        if sample.value >= 0:
            taken.append(AudioLevelSample(sample.arrival, sample.value & 0x7F, sample.value >= 0x80))
    free(levels.samples)
    return taken


cdef object nacks_of(uint16_t* asking, int asked, int64_t next_due):
    cdef int index
    numbers = tuple([asking[index] for index in range(asked)])
    free(asking)
    return NacksDue(numbers, None if next_due < 0 else next_due)


# -- sockets -----------------------------------------------------------------------------------------------


cdef object path_of_address(const uint8_t* record, int first_local):
    # As recvfrom would give it.
    cdef Address address
    cdef char host[128]
    cdef int port
    cdef unsigned int flow, scope
    memcpy(&address, record, sizeof(Address))
    if not address_text(&address, host, 128, &port, &flow, &scope):
        return (first_local + address.local, ("", 0))
    text = (<bytes>host).decode("ascii")
    local = first_local + address.local
    return (local, (text, port, flow, scope) if address.size > 16 else (text, port))


cdef dict socket_counters_of(Kernel* kernel):
    cdef int64_t* received = inbox_counts(kernel.inbox)
    cdef int64_t* sent = outbox_counts(kernel.outbox)
    cdef int64_t* by_control = outbox_counts(kernel.control_outbox)
    cdef int number
    cdef dict totals = {
        "udp_received": received[0],
        "udp_received_bytes": received[1],
        "kernel_receive_calls": received[2],
        "udp_sent": sent[0] + by_control[0],
        "udp_sent_bytes": sent[1] + by_control[1],
        "kernel_send_calls": sent[2] + by_control[2],
        "kernel_messages": sent[3] + by_control[3],
        "udp_truncated": kernel.truncated,
        "kernel_batches": kernel.batches,
        "kernel_upcalls_lost": kernel.plane.upcalls.lost,
    }
    if not load(&kernel.stop):
        totals["kernel_cpu_us"] = cpu_us(kernel.thread)
    for number in range(140):
        name = errorcode.get(number, "OTHER")
        if sent[4 + number] + by_control[4 + number]:
            totals[f"udp_send_{name}"] = sent[4 + number] + by_control[4 + number]
        if received[4 + number]:
            totals[f"udp_receive_{name}"] = received[4 + number]
    return totals


cdef void free_kernel(Kernel* kernel):
    inbox_close(kernel.inbox)
    outbox_close(kernel.outbox)
    outbox_close(kernel.control_outbox)
    pthread_mutex_destroy(&kernel.gate)
    pthread_mutex_destroy(&kernel.lock)
    close_fd(kernel.wake)
    if kernel.own_bell:
        close_fd(kernel.bell)
    free(kernel.spare.arena)
    free(kernel.spare.items)
    free(kernel.addresses)
    free(kernel.last_of_path)
    free(kernel.by_address)
    free(kernel)


# -- specs -------------------------------------------------------------------------------------------------


cdef void fill_map(int16_t* table, object mapping):
    cdef int index
    for index in range(128):
        table[index] = -1
    for key, value in mapping.items():
        if 0 <= key < 128:
            table[key] = value


cdef Codec codec_of(str mime_type):
    return CODECS.get(mime_type.lower(), CODEC_NONE)


cdef ReceiveStream* new_receive_stream(Plane* plane, object number, object spec, object uri_number) except NULL:
    cdef ReceiveStream* stream = <ReceiveStream*>calloc(1, sizeof(ReceiveStream))
    cdef int index
    if stream == NULL:
        raise MemoryError
    stream.id = number
    stream.ssrc = spec.ssrc
    stream.clock_rate = spec.clock_rate
    stream.codec = codec_of(spec.mime_type)
    stream.paused = spec.paused
    stream.use_nack = spec.use_nack
    fill_map(stream.payload_types, spec.payload_types)
    fill_map(stream.rtx_payload_types, spec.rtx_payload_types)
    for index in range(256):
        stream.uri_of_id[index] = -1
    for uri, place in spec.extension_ids.items():
        if uri in spec.mapped_extension_ids and uri not in OF_ONE_HOP and 0 <= place < 256:
            stream.uri_of_id[place] = uri_number(uri)
    stream.orientation_id = spec.extension_ids.get(VIDEO_ORIENTATION, -1)
    is_video = spec.mime_type.lower().startswith("video/")
    stream.is_video = is_video
    stream.dependency_id = spec.extension_ids.get(DEPENDENCY_DESCRIPTOR, -1) if is_video else -1
    history_init(
        &stream.history, plane.limits.history_packets,
        plane.limits.history_video_us if is_video else plane.limits.history_audio_us,
    )
    stream.audio_levels.element_id = -1
    stream.audio_levels.capacity = plane.limits.audio_levels
    if spec.mime_type.lower().startswith("audio/"):
        stream.audio_levels.element_id = spec.extension_ids.get(SSRC_AUDIO_LEVEL, -1)
    if spec.use_nack:
        stream.nacks = new_nacks()
    stream.last_key_timestamp = stream.last_transit = stream.last_jitter_timestamp = -1
    stream.orientation = stream.bad_sequence = -1
    return stream


cdef SendStream* new_send_stream(object number, object spec, Transport* transport, Layout* layout) except NULL:
    cdef SendStream* stream = <SendStream*>calloc(1, sizeof(SendStream))
    if stream == NULL:
        raise MemoryError
    stream.id = number
    stream.transport = transport
    stream.ssrc = spec.ssrc
    stream.has_rtx = spec.rtx_ssrc is not None
    if stream.has_rtx:
        stream.rtx_ssrc = spec.rtx_ssrc
    for payload_type in spec.payload_types:
        if 0 <= payload_type < 128:
            stream.payload_types[payload_type] = 1
    fill_map(stream.rtx_payload_types, spec.rtx_payload_types)
    stream.clock_rate = spec.clock_rate
    stream.needs_key_frame = spec.needs_key_frame
    stream.keep_ciphertext = spec.keep_ciphertext
    stream.ignore_dtx = spec.ignore_dtx
    stream.paused = spec.paused
    stream.urgent = not spec.mime_type.lower().startswith("video/")
    stream.waiting = True
    stream.source = stream.target = -1
    stream.layout = layout
    selector_init(&stream.layers)
    stream.target_spatial = stream.target_temporal = 7
    stream.gap_timestamp = stream.gap_layer = -1
    resends_init(&stream.resends, spec.first_rtx_sequence_number)
    stream.numbering.highest = spec.first_sequence_number - 1
    return stream


cdef Layout* new_layout(object extension_ids, bytes mid, object uri_number) except NULL:
    cdef Layout* layout = <Layout*>calloc(1, sizeof(Layout))
    cdef int index
    if layout == NULL:
        raise MemoryError
    numbers = {uri_number(uri): place for uri, place in extension_ids.items()}
    layout.uri_count = max(numbers, default=-1) + 1
    layout.id_of_uri = <int16_t*>malloc((layout.uri_count + 1) * sizeof(int16_t))
    for index in range(layout.uri_count):
        layout.id_of_uri[index] = numbers.get(index, -1)
    layout.dependency_uri = uri_number(DEPENDENCY_DESCRIPTOR)
    layout.value_size = -1
    layout.mid_id = extension_ids.get(MID, -1)
    layout.abs_send_time_id = extension_ids.get(ABS_SEND_TIME, -1)
    layout.transport_cc_id = extension_ids.get(TRANSPORT_CC, -1)
    layout.numbered = layout.transport_cc_id >= 0
    layout.mid_size = min(len(mid), 255)
    memcpy(layout.mid, <const uint8_t*><const char*>mid, layout.mid_size)
    return layout


cdef void free_layout(Layout* layout):
    free(layout.id_of_uri)
    free(layout)
