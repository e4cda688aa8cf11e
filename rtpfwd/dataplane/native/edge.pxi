# What all parts of the plane's edge share: the tables by id, names to numbers, and the lock.


cdef void _flush_to_list(Plane* plane) noexcept nogil:
    with gil:
        (<NativePlane>plane.owner).collect()


cdef class Edge:
    """The plane's memory, and its ids, names and paths as numbers. Raises ``UnsupportedError`` where pylibsrtp
    hides its functions.
    """

    cdef Plane plane
    cdef object __weakref__
    cdef dict transports, streams, send_streams, sessions, specs, uris, layouts, probators
    cdef dict paths, path_numbers, paths_of, selected
    cdef list path_objects, path_users, free_paths, upcalls, out
    cdef uint8_t buffer[BUFFER_SIZE]
    cdef Kernel* kernel

    def __init__(self, limits=None):
        cdef Plane* plane = &self.plane
        limits = limits or PlaneLimits()
        calls = function_addresses()
        if "srtp_remove_stream" not in calls:
            raise UnsupportedError("pylibsrtp does not show libsrtp's functions")
        capacity = limits.history_packets
        if capacity & (capacity - 1):
            raise ValueError(f"history capacity {capacity} is not a power of two")
        plane.protect = <SrtpCall><uintptr_t>calls["srtp_protect"]
        plane.unprotect = <SrtpCall><uintptr_t>calls["srtp_unprotect"]
        plane.remove_stream = <SrtpRemove><uintptr_t>calls["srtp_remove_stream"]
        for name in ("ssrcs_per_transport", "held_packets_per_ssrc", "nack_list", "nack_retries", "audio_levels"):
            if getattr(limits, name) >= 1 << 30:
                raise ValueError(f"{name} is too large")
        plane.limits.ssrcs_per_transport = limits.ssrcs_per_transport
        plane.limits.held_packets_per_ssrc = limits.held_packets_per_ssrc
        plane.limits.history_packets = capacity
        plane.limits.history_video_us = limits.history_video_us
        plane.limits.history_audio_us = limits.history_audio_us
        plane.limits.nack_list = limits.nack_list
        plane.limits.nack_max_age = limits.nack_max_age
        plane.limits.nack_retries = limits.nack_retries
        plane.limits.audio_levels = limits.audio_levels
        plane.limits.packet_bytes = limits.packet_bytes
        plane.out.arena = <uint8_t*>malloc(ARENA)
        plane.out.capacity = ARENA
        plane.out.items = <OutItem*>malloc(ITEMS * sizeof(OutItem))
        plane.out.item_capacity = ITEMS
        plane.flush = _flush_to_list
        plane.owner = <void*>self
        if plane.out.arena == NULL or plane.out.items == NULL or not ring_open(&plane.upcalls, FIRST_RING, False):
            raise MemoryError
        self.transports, self.streams, self.send_streams, self.sessions = {}, {}, {}, {}
        self.specs, self.uris, self.layouts, self.probators = {}, {}, {}, {}
        self.paths, self.path_numbers, self.paths_of, self.selected = {}, {}, {}, {}
        self.path_objects, self.path_users, self.free_paths = [], [], []
        self.upcalls, self.out = [], []
        plane.dependency_uri = self.uri_number(DEPENDENCY_DESCRIPTOR)

    def __dealloc__(self):
        cdef Plane* plane = &self.plane
        cdef Outgoing* outgoing
        free(plane.out.arena)
        free(plane.out.items)
        free(plane.upcalls.data)
        free(plane.owner_of_path)
        free(plane.by_id)
        free(plane.claimed)
        free(plane.switched)
        while plane.free_outgoing != NULL:
            outgoing = plane.free_outgoing
            plane.free_outgoing = outgoing.next
            free(outgoing)
        free_pool(&plane.pool)
        if self.kernel != NULL:
            free_kernel(self.kernel)

    # -- lookups ---------------------------------------------------------------------------------------------

    cdef Transport* transport(self, number) except NULL:
        address = self.transports.get(number)
        if address is None:
            raise InvalidState(f"no transport {number} in the table")
        return <Transport*><uintptr_t>address

    cdef ReceiveStream* stream(self, number) except NULL:
        address = self.streams.get(number)
        if address is None:
            raise InvalidState(f"no receive stream {number} in the table")
        return <ReceiveStream*><uintptr_t>address

    cdef SendStream* send_stream(self, number) except NULL:
        address = self.send_streams.get(number)
        if address is None:
            raise InvalidState(f"no send stream {number} in the table")
        return <SendStream*><uintptr_t>address

    cdef int use_path(self, path) except -1:
        cdef bint grown
        cdef int wanted
        number = self.path_numbers.get(path)
        if number is None:
            if self.free_paths:
                number = self.free_paths.pop()
                self.path_objects[number] = path
            else:
                number = len(self.path_objects)
                wanted = number + 1
                self.enter()
                grown = grow(
                    <void**>&self.plane.owner_of_path, &self.plane.path_capacity, wanted, sizeof(Transport*)
                )
                self.leave()
                if not grown:
                    raise MemoryError
                self.path_objects.append(path)
                self.path_users.append(0)
            self.plane.owner_of_path[<int>number] = NULL
            self.path_numbers[path] = number
            if self.kernel != NULL:
                self.learn_address(number, path)
        self.path_users[number] += 1
        return number

    cdef int leave_path(self, path) except -1:
        number = self.path_numbers[path]
        self.path_users[number] -= 1
        if not self.path_users[number]:
            del self.path_numbers[path]
            if self.kernel != NULL:
                self.enter()
                remove_address(self.kernel, number)
                self.leave()
            self.path_objects[number] = None
            self.free_paths.append(number)
        return 0

    def uri_number(self, uri):
        return self.uris.setdefault(uri, len(self.uris))

    cdef Layout* use_layout(self, extension_ids, mid) except NULL:
        # Shared by send streams of equal terms, and gone with the last of them.
        cdef Layout* layout
        key = (tuple(sorted(extension_ids.items())), mid)
        address = self.layouts.get(key)
        if address is None:
            layout = new_layout(extension_ids, mid, self.uri_number)
            self.layouts[key] = <uintptr_t>layout
        else:
            layout = <Layout*><uintptr_t>address
        layout.refs += 1
        return layout

    cdef int leave_layout(self, spec) except -1:
        key = (tuple(sorted(spec.extension_ids.items())), spec.mid)
        cdef Layout* layout = <Layout*><uintptr_t>self.layouts[key]
        layout.refs -= 1
        if not layout.refs:
            free_layout(layout)
            del self.layouts[key]
        return 0

    cdef int free_probator(self, Probator* probator) except -1:
        if probator != NULL:
            free_layout(probator.layout)
            free(probator)
        return 0

    cdef int learn_address(self, int number, path) except -1:
        cdef Address address
        cdef bint known
        local, remote = path
        local -= self.kernel.first_local
        host = remote[0].encode()
        flow, scope = remote[2:4] if len(remote) == 4 else (0, 0)
        if not 0 <= local < self.kernel.socket_count or not address_of(
            &address, local, host, remote[1], flow, scope
        ):
            raise InvalidParameters(f"path {path}: need a local socket and an IP address")
        self.enter()
        known = add_address(self.kernel, number, &address)
        self.leave()
        if not known:
            raise MemoryError
        return 0

    # -- the lock, and what leaves ---------------------------------------------------------------------------

    cdef inline void enter(self) noexcept:
        # With the GIL held: the kernel's thread never wants it and gives way after the packet at hand, and no
        # other Python thread can come between. Only C may follow until ``leave``.
        if self.kernel != NULL:
            store(&self.kernel.wanted, 1)
            kernel_enter(self.kernel)
            store(&self.kernel.wanted, 0)

    cdef inline void leave(self) noexcept:
        cdef Kernel* kernel = self.kernel
        cdef int64_t at
        if kernel == NULL:
            return
        if self.plane.out.count:
            flush_to_sockets(&self.plane)
        at = plane_next_timeout(&self.plane) if self.plane.claimed_count or self.plane.pacing_first != NULL else -1
        if at >= 0 and (kernel.wakes_at < 0 or at < kernel.wakes_at):
            kernel.wakes_at = at
            ring_bell(kernel.wake)
        kernel_leave(kernel)

    cdef list left_and_collected(self):
        self.leave()
        return [] if self.kernel != NULL else self.collected()

    def collect(self):
        cdef Out* out = &self.plane.out
        cdef int index
        cdef OutItem* item
        for index in range(out.count):
            item = &out.items[index]
            self.out.append((
                PyBytes_FromStringAndSize(<const char*>(out.arena + item.start), item.size),
                self.path_objects[item.path],
            ))
        out.count = 0
        out.used = 0

    cdef list collected(self):
        self.collect()
        found, self.out = self.out, []
        return found
