# No twin: the kernel's own thread, which never holds the GIL. Receive, forward, pace, send; nothing else.
#
# The tables are guarded by a lock that the thread holds while it forwards and that the control plane takes for
# a few instructions at a time, never over a line of Python. Between two packets the thread looks whether it is
# wanted; the gate before the lock lets neither of the two starve. System calls happen outside of it.

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef unsigned long pthread_t
    int pthread_mutex_init(pthread_mutex_t*, void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_trylock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)
    int pthread_create(pthread_t*, void*, void* (*)(void*) noexcept nogil, void*)
    int pthread_join(pthread_t, void**)

cdef extern from "sockets.h" nogil:
    int64_t cpu_us "rtpfwd_cpu_us"(pthread_t thread)

cdef enum:
    MAX_SOCKETS = 16
    ROUNDS = 4                   # messages batches of one socket before the others and the timers
    GATHER_US = 250              # how long packets may wait for others while many come
    GATHER_FROM = 2              # many: so many in that time
    RATE_WINDOW_US = 5000
    FIXED_RING = 1 << 22
    LOOP_ARENA = 1 << 20
    ADDRESS_BYTES = 36           # of an Address, behind an upcall's datagram


cdef struct Kernel:
    Plane* plane
    pthread_mutex_t gate
    pthread_mutex_t lock
    uint64_t wanted              # the control plane waits for the lock
    uint64_t stop
    pthread_t thread
    int sockets[MAX_SOCKETS]
    int socket_count
    int wake                     # eventfd: the thread shall look at its timers
    int bell                     # eventfd: the control plane shall take upcalls
    bint own_bell                # else another kernel's, which closes it
    int first_local              # index of the first socket in paths
    Inbox* inbox
    Outbox* outbox
    Outbox* control_outbox
    Out spare
    Address* addresses           # by path
    int address_capacity
    int32_t* last_of_path
    int32_t* by_address          # open addressing, -1 is free
    int by_address_capacity
    int by_address_count
    int64_t wakes_at             # -1: with the next datagram only
    bint gathers
    int64_t received_at          # when it last began to receive
    int64_t window_at
    int64_t window_count         # datagrams before
    int64_t truncated
    int64_t batches
    uint8_t aside[2048 + 64]


# -- the lock ----------------------------------------------------------------------------------------------


cdef inline void kernel_enter(Kernel* kernel) noexcept nogil:
    pthread_mutex_lock(&kernel.gate)
    pthread_mutex_lock(&kernel.lock)
    pthread_mutex_unlock(&kernel.gate)


cdef inline void kernel_leave(Kernel* kernel) noexcept nogil:
    pthread_mutex_unlock(&kernel.lock)


# -- paths by address --------------------------------------------------------------------------------------


cdef int find_address(Kernel* kernel, const Address* address) noexcept nogil:
    # The path's number, or -1.
    cdef uint64_t place
    cdef int path
    cdef Address* known
    if not kernel.by_address_capacity:
        return -1
    place = address_hash(address)
    while True:
        path = kernel.by_address[place & <uint64_t>(kernel.by_address_capacity - 1)]
        if path < 0:
            return -1
        known = &kernel.addresses[path]
        if known.local == address.local and known.size == address.size and not memcmp(
            known.bytes, address.bytes, address.size
        ):
            return path
        place += 1


cdef bint add_address(Kernel* kernel, int path, const Address* address) noexcept nogil:
    cdef int capacity = kernel.address_capacity, index
    cdef int32_t* table
    if not grow(<void**>&kernel.addresses, &capacity, path + 1, sizeof(Address)):
        return False
    if capacity != kernel.address_capacity:
        table = <int32_t*>realloc(kernel.last_of_path, capacity * sizeof(int32_t))
        if table == NULL:
            return False
        for index in range(kernel.address_capacity, capacity):
            table[index] = -1
        kernel.last_of_path = table
        kernel.address_capacity = capacity
    kernel.addresses[path] = address[0]
    if (kernel.by_address_count + 1) * 2 > kernel.by_address_capacity and not _grow_by_address(kernel):
        return False
    _put_address(kernel, path)
    return True


cdef void remove_address(Kernel* kernel, int path) noexcept nogil:
    # Whatever stands behind it in the same run is put in anew.
    cdef uint64_t mask = kernel.by_address_capacity - 1, place
    cdef int moved
    if not kernel.by_address_capacity or path >= kernel.address_capacity:
        return
    place = address_hash(&kernel.addresses[path])
    while kernel.by_address[place & mask] != path:
        if kernel.by_address[place & mask] < 0:
            return
        place += 1
    kernel.by_address[place & mask] = -1
    kernel.by_address_count -= 1
    place += 1
    while kernel.by_address[place & mask] >= 0:
        moved = kernel.by_address[place & mask]
        kernel.by_address[place & mask] = -1
        kernel.by_address_count -= 1
        _put_address(kernel, moved)
        place += 1


cdef bint _grow_by_address(Kernel* kernel) noexcept nogil:
    cdef int32_t* before = kernel.by_address
    cdef int capacity = kernel.by_address_capacity, index
    cdef int32_t* table = <int32_t*>malloc((capacity * 2 if capacity else 64) * sizeof(int32_t))
    if table == NULL:
        return False
    kernel.by_address = table
    kernel.by_address_capacity = capacity * 2 if capacity else 64
    kernel.by_address_count = 0
    memset(table, 0xFF, kernel.by_address_capacity * sizeof(int32_t))
    for index in range(capacity):
        if before[index] >= 0:
            _put_address(kernel, before[index])
    free(before)
    return True


cdef void _put_address(Kernel* kernel, int path) noexcept nogil:
    cdef uint64_t place = address_hash(&kernel.addresses[path])
    while kernel.by_address[place & <uint64_t>(kernel.by_address_capacity - 1)] >= 0:
        place += 1
    kernel.by_address[place & <uint64_t>(kernel.by_address_capacity - 1)] = path
    kernel.by_address_count += 1


# -- sending -----------------------------------------------------------------------------------------------


cdef void fill_outbox(Kernel* kernel, Outbox* outbox, Out* out) noexcept nogil:
    # What goes to one peer stands together, in its order: runs of equal size are one GSO message.
    cdef int index, before, path
    cdef OutItem* item
    cdef bint more
    for index in range(out.count):
        path = out.items[index].path
        before = kernel.last_of_path[path]
        if before >= 0:
            out.items[before].next = index
            out.items[index].follows = True
        kernel.last_of_path[path] = index
    for index in range(out.count):
        kernel.last_of_path[out.items[index].path] = -1
        if out.items[index].follows:
            continue
        item = &out.items[index]
        more = False
        while True:
            outbox_put(outbox, &kernel.addresses[item.path], out.arena + item.start, item.size, more)
            if item.next < 0:
                break
            item = &out.items[item.next]
            more = True


cdef void flush_to_sockets(Plane* plane) noexcept nogil:
    # Under the lock: the arena is full, or the control plane has caused something.
    cdef Kernel* kernel = <Kernel*>plane.owner
    fill_outbox(kernel, kernel.control_outbox, &plane.out)
    outbox_send(kernel.control_outbox)
    plane.out.count = 0
    plane.out.used = 0


# -- the thread --------------------------------------------------------------------------------------------


cdef void* kernel_run(void* argument) noexcept nogil:
    cdef Kernel* kernel = <Kernel*>argument
    cdef uint8_t ready[MAX_SOCKETS + 1]
    cdef int index
    cdef int64_t now, timeout = 0
    prefer_thread()
    while not load(&kernel.stop):
        if kernel.gathers:
            _gather(kernel)
        wait_readable(kernel.sockets, kernel.socket_count, kernel.wake, timeout, ready)
        if ready[kernel.socket_count]:
            hear_bell(kernel.wake)
        kernel.received_at = monotonic_us()
        for index in range(kernel.socket_count):
            if ready[index]:
                _receive_from(kernel, index)
        now = monotonic_us()
        if now - kernel.window_at >= RATE_WINDOW_US:
            _note_rate(kernel, now)
        kernel_enter(kernel)
        if kernel.wakes_at >= 0 and kernel.wakes_at <= now or kernel.plane.claimed_count:
            take_turns(kernel.plane, now)
            kernel.wakes_at = plane_next_timeout(kernel.plane)
        timeout = -1 if kernel.wakes_at < 0 else kernel.wakes_at - now if kernel.wakes_at > now else 0
        _leave_and_send(kernel)
    return NULL


cdef void _gather(Kernel* kernel) noexcept nogil:
    # Packets that come together leave together: fewer wakes, and what goes to one peer is one GSO message. Sleeping
    # does it, because the sockets keep what comes. Nobody's turn to send is slept over.
    cdef int64_t now = monotonic_us(), until = kernel.received_at + GATHER_US
    if 0 <= kernel.wakes_at < until:
        until = kernel.wakes_at
    if until > now:
        sleep_us(until - now)


cdef void _note_rate(Kernel* kernel, int64_t now) noexcept nogil:
    cdef int64_t count = inbox_counts(kernel.inbox)[0]
    kernel.gathers = (count - kernel.window_count) * GATHER_US >= GATHER_FROM * (now - kernel.window_at)
    kernel.window_count = count
    kernel.window_at = now


cdef void _receive_from(Kernel* kernel, int socket) noexcept nogil:
    cdef int rounds, count, index
    cdef int64_t now
    for rounds in range(ROUNDS):
        count = inbox_receive(kernel.inbox, socket)
        if not count:
            return
        now = monotonic_us()
        kernel_enter(kernel)
        for index in range(count):
            _take_message(kernel, index, now)
            if load(&kernel.wanted):
                kernel_leave(kernel)
                kernel_enter(kernel)
        kernel.batches += 1
        kernel.wakes_at = plane_next_timeout(kernel.plane)
        _leave_and_send(kernel)
        if count < 8:
            return


cdef void _take_message(Kernel* kernel, int index, int64_t now) noexcept nogil:
    cdef uint8_t* data
    cdef int segment, size, part, path
    cdef Address* source
    size = inbox_message(kernel.inbox, index, &data, &segment, &source)
    path = find_address(kernel, source)
    inbox_counts(kernel.inbox)[1] += size
    while size > 0:
        part = size if size < segment else segment
        inbox_counts(kernel.inbox)[0] += 1
        if part > BUFFER_SIZE:
            kernel.truncated += 1
        elif classify(data, part) == KIND_RTP:
            receive(kernel.plane, data, part, path, 0, now)
        else:
            memcpy(kernel.aside, data, part)
            memcpy(kernel.aside + part, source, sizeof(Address))
            receive(kernel.plane, kernel.aside, part, path, 0, now)
        data += part
        size -= part


cdef void _leave_and_send(Kernel* kernel) noexcept nogil:
    cdef Plane* plane = kernel.plane
    cdef Out filled = plane.out
    cdef bint news = plane.upcalls.head != load(&plane.upcalls.tail)
    if filled.count:
        fill_outbox(kernel, kernel.outbox, &filled)
        plane.out = kernel.spare
    kernel_leave(kernel)
    if filled.count:
        outbox_send(kernel.outbox)
        filled.count = 0
        filled.used = 0
        kernel.spare = filled
    if news:
        ring_bell(kernel.bell)
