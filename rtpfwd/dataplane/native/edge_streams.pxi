# Twin of plane.py's tables at the edge: streams that come, streams that go, and which feeds which.


cdef class StreamEdge(TransportEdge):
    """Streams."""

    def add_receive_stream(self, stream, spec):
        """Claim an SSRC; what is held for it goes through at the next ``forward`` or ``handle_timeout``."""
        cdef Transport* owner = self.transport(spec.transport)
        cdef ReceiveStream* entry
        cdef bint grown
        ssrcs = [ssrc for ssrc in (spec.ssrc, spec.rtx_ssrc) if ssrc is not None]
        taken = len(set(ssrcs)) < len(ssrcs)
        for ssrc in ssrcs:
            taken = taken or find_stream(owner, ssrc) != NULL or find_rtx(owner, ssrc) != NULL
        if stream in self.streams or taken:
            raise InvalidState(f"receive stream {stream} or one of its SSRCs {ssrcs} is already in the table")
        entry = new_receive_stream(&self.plane, stream, spec, self.uri_number)
        entry.transport = owner
        self.enter()
        grown = grow(
            <void**>&owner.streams, &owner.stream_capacity, owner.stream_count + 1, sizeof(ReceiveStream*)
        ) and index_stream(&self.plane, entry)
        if grown:
            owner.streams[owner.stream_count] = entry
            owner.stream_count += 1
            claim(&self.plane, owner, entry.ssrc)
        else:
            stream_close(&self.plane, entry)
        self.leave()
        if not grown:
            raise MemoryError
        self.streams[stream] = <uintptr_t>entry
        if spec.rtx_ssrc is not None:
            self.add_rtx_ssrc(stream, spec.rtx_ssrc)

    def add_rtx_ssrc(self, stream, ssrc):
        """Claim an RTX SSRC learnt later, giving up a former one."""
        cdef ReceiveStream* entry = self.stream(stream)
        cdef Transport* owner = entry.transport
        cdef ReceiveStream* taken = find_rtx(owner, ssrc)
        if find_stream(owner, ssrc) != NULL or (taken != NULL and taken is not entry):
            raise InvalidState(f"SSRC {ssrc} is already in the table")
        cdef uint32_t number = ssrc
        self.enter()
        cdef bint grown = entry.has_rtx or grow(
            <void**>&owner.rtx, &owner.rtx_capacity, owner.rtx_count + 1, sizeof(ReceiveStream*)
        )
        if grown:
            if not entry.has_rtx:
                owner.rtx[owner.rtx_count] = entry
                owner.rtx_count += 1
            entry.has_rtx = True
            entry.rtx_ssrc = number
            claim(&self.plane, owner, number)
        self.leave()
        if not grown:
            raise MemoryError

    def set_receive_paused(self, stream, paused):
        """Drop, or no longer drop, what arrives."""
        self.stream(stream).paused = paused

    def add_send_stream(self, stream, spec):
        """An outgoing stream without a source."""
        cdef SendStream* entry
        cdef Layout* layout
        cdef Transport* transport
        if stream in self.send_streams:
            raise InvalidState(f"send stream {stream} is already in the table")
        transport = self.transport(spec.transport)
        layout = self.use_layout(spec.extension_ids, spec.mid)
        entry = new_send_stream(stream, spec, transport, layout)
        self.send_streams[stream] = <uintptr_t>entry
        self.specs[stream] = spec
        if entry.has_rtx and not entry.urgent:
            self.enter()
            if grow(
                <void**>&transport.padding.streams, &transport.padding.stream_capacity,
                transport.padding.stream_count + 1, sizeof(SendStream*),
            ):
                transport.padding.streams[transport.padding.stream_count] = entry
                transport.padding.stream_count += 1
            self.leave()

    def set_source(self, stream, source, now, layers=ALL_LAYERS):
        """What this stream shall forward."""
        cdef SendStream* entry = self.send_stream(stream)
        if source is not None:
            self.stream(source)
        cdef int64_t number = -1 if source is None else source
        cdef int spatial = min(layers.spatial, 7), temporal = min(layers.temporal, 7)
        self.enter()
        if set_target(&self.plane, entry, number, spatial, temporal):
            up_stream(&self.plane, UP_KEY_FRAME_NEEDED, number)
        route(&self.plane, entry)
        self.leave()

    def set_send_paused(self, stream, paused):
        """Pause at once, resume at a key frame."""
        cdef SendStream* entry = self.send_stream(stream)
        cdef bint wanted = paused
        self.enter()
        set_paused(entry, wanted)
        self.leave()

    def set_receive_traced(self, stream, traced):
        """Tell every packet that arrives."""
        self.stream(stream).traced = traced

    def set_send_traced(self, stream, traced):
        """Tell every packet that leaves."""
        self.send_stream(stream).traced = traced

    def remove_receive_stream(self, stream):
        """Forget a receive stream."""
        # SRTP goes on to know its SSRC: a publisher that comes back with it has its rollover count.
        cdef ReceiveStream* gone = self.stream(stream)
        cdef int index
        self.enter()
        remove_pointer(<void**>gone.transport.streams, &gone.transport.stream_count, gone)
        remove_pointer(<void**>gone.transport.rtx, &gone.transport.rtx_count, gone)
        unindex_stream(&self.plane, gone)
        for index in range(gone.route_count):
            lost_source(gone.routes[index], gone.id)
            route(&self.plane, gone.routes[index])
        stream_close(&self.plane, gone)
        self.leave()
        del self.streams[stream]

    def remove_send_stream(self, stream):
        """Forget a send stream."""
        cdef SendStream* entry = self.send_stream(stream)
        cdef Transport* transport = entry.transport
        self.enter()
        pacer_forget(&self.plane, &transport.pacer, entry)
        padding_remove(&transport.padding, entry)
        unroute(&self.plane, entry)
        if transport.sender != NULL:
            self.plane.remove_stream(transport.sender, htonl(entry.ssrc))
            if entry.has_rtx:
                self.plane.remove_stream(transport.sender, htonl(entry.rtx_ssrc))
        send_close(&self.plane, entry)
        self.leave()
        self.leave_layout(self.specs.pop(stream))
        del self.send_streams[stream]
