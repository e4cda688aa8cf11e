# What the control plane reads of the plane: upcalls, logs of single packets, running totals.


cdef class ReportEdge(StreamEdge):
    """Everything that is taken or counted."""

    def take_upcalls(self):
        """Upcalls since the last call; of a thread's, so many that nobody else waits long for the event loop."""
        cdef list taken
        if self.kernel == NULL:
            upcalls, self.upcalls = self.upcalls, []
            return upcalls + drain(&self.plane, True)
        taken = drain(&self.plane, False, None, UPCALLS_AT_ONCE, self.kernel.first_local)
        if len(taken) == UPCALLS_AT_ONCE:
            ring_bell(self.kernel.bell)
        return taken

    def take_arrivals(self, transport):
        """Transport-wide arrivals since the last call."""
        cdef Transport* entry = self.transport(transport)
        cdef Arrival* taken
        cdef int count
        self.enter()
        taken, count = entry.arrivals, entry.arrival_count
        entry.arrivals = NULL
        entry.arrival_count = entry.arrival_capacity = 0
        self.leave()
        return arrivals_of(taken, count)

    def take_departures(self, transport):
        """What left with a transport-wide number since the last call."""
        cdef Transport* entry = self.transport(transport)
        cdef Departure* taken
        cdef int count, first, capacity
        self.enter()
        taken, count = entry.departures, entry.departure_count
        first, capacity = entry.first_departure, entry.departure_capacity
        entry.departures = NULL
        entry.first_departure = entry.departure_count = entry.departure_capacity = 0
        entry.departure_limit = DEPARTURES_KEPT
        entry.departures_taken += count
        self.leave()
        return departures_of(taken, count, first, capacity)

    def take_audio_levels(self, stream):
        """Audio levels since the last call."""
        cdef AudioLevels* levels = &self.stream(stream).audio_levels
        cdef AudioLevels taken
        self.enter()
        taken = levels[0]
        levels.samples = NULL
        levels.first = levels.count = 0
        self.leave()
        return levels_of(&taken)

    def due_nacks(self, stream, rtt_us, now):
        """What to ask the publisher for now."""
        cdef ReceiveStream* entry = self.stream(stream)
        cdef int64_t at = now, rtt = rtt_us, next_due = -1
        cdef uint16_t* asking = NULL
        cdef int asked = 0
        self.enter()
        if entry.nacks != NULL:
            asking = <uint16_t*>malloc((entry.nacks.count + 1) * sizeof(uint16_t))
        if asking != NULL:
            asked = nacks_due(&self.plane.limits, entry.nacks, rtt, at, asking, &next_due)
            entry.nack_requests += asked > 0
            entry.nack_packets += asked
        self.leave()
        return nacks_of(asking, asked, next_due)

    def receive_counters(self, stream):
        """Running totals of a receive stream."""
        return receive_counters_of(self.stream(stream))

    def send_counters(self, stream):
        """Running totals of a send stream."""
        return send_counters_of(self.send_stream(stream))

    def transport_counters(self, transport):
        """The send queue of a transport."""
        return transport_counters_of(self.transport(transport))

    def counters(self):
        """Running totals of the plane."""
        return plane_counters_of(&self.plane)

    def left(self):
        """What is in the tables, by name: for tests."""
        found = {
            "transports": self.transports, "paths": self.paths, "streams": self.streams,
            "send_streams": self.send_streams, "upcalls": self.upcalls, "layouts": self.layouts,
            "path numbers": self.path_numbers, "sessions": self.sessions, "specs": self.specs,
        }
        counts = {name: len(one) for name, one in found.items() if one}
        if self.plane.claimed_count:
            counts["claimed"] = self.plane.claimed_count
        if self.plane.pool.in_use:
            counts["packets"] = self.plane.pool.in_use
        return counts
