# Twin of plane.py's tables at the edge: transports, their paths, and what they are padded with.


cdef class TransportEdge(Edge):
    """Transports."""

    def add_transport(self, transport, shard=0):
        """A transport without keys or paths."""
        if transport in self.transports:
            raise InvalidState(f"transport {transport} is already in the table")
        cdef Transport* entry = new_transport(transport)
        if entry == NULL:
            raise MemoryError
        self.transports[transport] = <uintptr_t>entry
        self.paths_of[transport] = {}
        self.selected[transport] = None

    def set_keys(self, transport, keys):
        """Give the transport its SRTP keys."""
        cdef Transport* entry = self.transport(transport)
        if entry.receiver != NULL:
            raise InvalidState(f"transport {transport} already has its keys")
        receiver, sender = RtpReceiver(keys), RtpSender(keys)
        self.sessions[transport] = receiver, sender
        cdef uintptr_t receiving = receiver.address, sending = sender.address
        self.enter()
        entry.receiver = <void*>receiving
        entry.sender = <void*>sending
        self.leave()

    def set_receive_extensions(self, transport, extension_ids):
        """Header extension ids that the peer sends with."""
        cdef Transport* entry = self.transport(transport)
        cdef int transport_cc = extension_ids.get(TRANSPORT_CC, -1), mid = extension_ids.get(MID, -1)
        cdef int rid = extension_ids.get(RTP_STREAM_ID, -1)
        cdef int repaired_rid = extension_ids.get(REPAIRED_RTP_STREAM_ID, -1)
        self.enter()
        entry.transport_cc_id = transport_cc
        entry.mid_id = mid
        entry.rid_id = rid
        entry.repaired_rid_id = repaired_rid
        self.leave()

    def add_path(self, transport, path):
        """A validated 5-tuple."""
        cdef Transport* entry = self.transport(transport)
        cdef int number
        before = self.paths.get(path)
        if before is not None and before != transport:
            self.remove_path(path)
            before = None
        if before is None:
            self.paths[path] = transport
            self.paths_of[transport][path] = None
            number = self.use_path(path)
            self.enter()
            self.plane.owner_of_path[number] = entry
            self.leave()

    def remove_path(self, path):
        """Forget a 5-tuple."""
        owner = self.paths.pop(path, None)
        if owner is None:
            return
        self.paths_of[owner].pop(path, None)
        cdef int number = self.path_numbers[path]
        self.enter()
        self.plane.owner_of_path[number] = NULL
        self.leave()
        if self.selected[owner] == path:
            self.select_path(owner, None)
        self.leave_path(path)

    def select_path(self, transport, path):
        """Where output goes."""
        cdef Transport* entry = self.transport(transport)
        before, self.selected[transport] = self.selected[transport], path
        cdef int number = -1 if path is None else self.use_path(path)
        self.enter()
        entry.path = number
        self.leave()
        if before is not None:
            self.leave_path(before)

    def set_pacing_rate(self, transport, rate_bps):
        """How fast a transport's packets leave."""
        cdef Transport* entry = self.transport(transport)
        cdef int64_t rate = max(rate_bps, 1)
        self.enter()
        entry.pacer.rate_bps = rate
        self.leave()

    def set_probator(self, transport, spec):
        """The padding stream that the peer knows."""
        cdef Transport* entry = self.transport(transport)
        cdef Probator* probator = entry.padding.probator
        numbers = self.probators.setdefault(transport, {})
        if probator != NULL:
            self.enter()
            entry.padding.probator = NULL
            self.leave()
            numbers[probator.ssrc] = probator.next_number
            self.free_probator(probator)
        if spec is None:
            return
        probator = <Probator*>calloc(1, sizeof(Probator))
        if probator == NULL:
            raise MemoryError
        probator.ssrc = spec.ssrc
        probator.payload_type = spec.payload_type
        probator.next_number = numbers.get(spec.ssrc, spec.first_sequence_number)
        probator.layout = new_layout(spec.extension_ids, spec.mid, self.uri_number)
        probator.header_size = write_probator(probator, self.buffer, 0, 0, 0, self.buffer)
        self.enter()
        entry.padding.probator = probator
        self.leave()

    def probe(self, transport, probe, now):
        """Begin a probe, or put it behind the others."""
        cdef Transport* entry = self.transport(transport)
        cdef WaitingProbe waiting
        if probe.cluster < 1 or probe.rate_bps < 1:
            raise InvalidParameters(f"{probe}: need a cluster and a rate of 1 or more")
        if not padding_possible(&entry.padding):
            return []
        waiting.cluster = probe.cluster
        waiting.rate_bps = probe.rate_bps
        waiting.size_bytes = probe.size_bytes
        waiting.packets = probe.packets
        cdef int64_t at = now
        self.enter()
        pacer_probe(&entry.pacer, &waiting, at)
        start_pacing(&self.plane, entry)
        take_turn(&self.plane, entry, at)
        return self.left_and_collected()

    def remove_transport(self, transport):
        """Remove it with its paths and streams."""
        cdef Transport* entry = self.transport(transport)
        for path in list(self.paths_of[transport]):
            self.remove_path(path)
        if self.selected[transport] is not None:
            self.select_path(transport, None)
        while entry.stream_count:
            self.remove_receive_stream(entry.streams[0].id)
        for stream in [one for one, spec in self.specs.items() if spec.transport == transport]:
            self.remove_send_stream(stream)
        self.enter()
        forget_held(&self.plane, entry)
        self.leave()
        self.free_probator(entry.padding.probator)
        self.enter()
        free_transport(&self.plane, entry)
        self.leave()
        del self.transports[transport], self.paths_of[transport], self.selected[transport]
        self.sessions.pop(transport, None)
        self.probators.pop(transport, None)

    def retry_unknown(self, transport):
        """Ask again whose the held SSRCs are."""
        cdef Transport* entry = self.transport(transport)
        self.enter()
        retry_held(&self.plane, entry)
        self.leave()
