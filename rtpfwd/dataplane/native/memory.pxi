# No twin: what Python's memory does for the reference. Pools, growing arrays, and maps in order of insertion.

from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

cdef enum:
    SLAB_PACKETS = 32
    BLOB_HEAD = 8


cdef inline int class_size(int size_class) noexcept nogil:
    return 384 if size_class == 0 else 1408 if size_class == 1 else 2304


cdef Packet* new_packet(Plane* plane, int element_count, int size) noexcept nogil:
    # Room for the elements and ``size`` bytes; NULL when memory is out.
    cdef Pool* pool = &plane.pool
    cdef int need = element_count * <int>sizeof(Element) + size
    cdef int size_class = 0
    cdef Packet* packet
    while size_class < PACKET_CLASSES and class_size(size_class) < need:
        size_class += 1
    if size_class == PACKET_CLASSES:
        packet = <Packet*>malloc(sizeof(Packet) + need)
        if packet == NULL:
            return NULL
        packet.size_class = -1
    else:
        if pool.free[size_class] == NULL and not _add_slab(pool, size_class):
            return NULL
        packet = pool.free[size_class]
        pool.free[size_class] = packet.next_free
    pool.serial += 1
    pool.in_use += 1
    packet.serial = pool.serial
    packet.refs = 1
    packet.frame = NULL
    packet.element_count = element_count
    packet.elements = <Element*>(<uint8_t*>packet + sizeof(Packet))
    packet.data = <uint8_t*>packet.elements + element_count * sizeof(Element)
    return packet


cdef inline Packet* keep_packet(Packet* packet) noexcept nogil:
    packet.refs += 1
    return packet


cdef inline void drop_packet(Plane* plane, Packet* packet) noexcept nogil:
    if packet == NULL:
        return
    check(packet.refs > 0)
    packet.refs -= 1
    if packet.refs:
        return
    plane.pool.in_use -= 1
    free_frame(packet.frame)
    if packet.size_class < 0:
        free(packet)
        return
    packet.next_free = plane.pool.free[packet.size_class]
    plane.pool.free[packet.size_class] = packet


cdef bint _add_slab(Pool* pool, int size_class) noexcept nogil:
    cdef size_t step = (sizeof(Packet) + class_size(size_class) + 15) & ~<size_t>15
    cdef uint8_t* slab
    cdef Packet* packet
    cdef int index
    if not grow(<void**>&pool.slabs, &pool.slab_capacity, pool.slab_count + 1, sizeof(void*)):
        return False
    slab = <uint8_t*>malloc(step * SLAB_PACKETS)
    if slab == NULL:
        return False
    pool.slabs[pool.slab_count] = slab
    pool.slab_count += 1
    for index in range(SLAB_PACKETS):
        packet = <Packet*>(slab + step * index)
        packet.size_class = size_class
        packet.next_free = pool.free[size_class]
        pool.free[size_class] = packet
    return True


cdef void free_pool(Pool* pool) noexcept nogil:
    cdef int index
    for index in range(pool.slab_count):
        free(pool.slabs[index])
    free(pool.slabs)


cdef bint grow(void** array, int* capacity, int need, size_t size) noexcept nogil:
    # Room for ``need`` entries; False when memory is out.
    cdef int wanted
    cdef void* moved
    if need <= capacity[0]:
        return True
    wanted = capacity[0] * 2 if capacity[0] else 4
    while wanted < need:
        wanted *= 2
    moved = realloc(array[0], wanted * size)
    if moved == NULL:
        return False
    array[0] = moved
    capacity[0] = wanted
    return True


cdef Blob* new_blob(const uint8_t* data, int size) noexcept nogil:
    cdef Blob* blob = <Blob*>malloc(BLOB_HEAD + size + 1)
    if blob != NULL:
        blob.refs = 1
        blob.size = size
        memcpy(blob.data, data, size)
    return blob


cdef inline void drop_blob(Blob* blob) noexcept nogil:
    if blob != NULL:
        blob.refs -= 1
        if not blob.refs:
            free(blob)


# -- a dict of 16-bit keys, in order of insertion ----------------------------------------------------------


cdef bint ordered_open(Ordered* map, int limit) noexcept nogil:
    # Allocates at first use: most streams never resend.
    cdef int index, buckets = 1
    if map.entries != NULL:
        return True
    while buckets < limit * 2:
        buckets *= 2
    map.entries = <Remembered*>malloc(limit * sizeof(Remembered))
    map.buckets = <int16_t*>malloc(buckets * sizeof(int16_t))
    if map.entries == NULL or map.buckets == NULL:
        ordered_close(map)
        return False
    memset(map.buckets, 0xFF, buckets * sizeof(int16_t))
    map.bucket_mask = buckets - 1
    map.limit = limit
    map.count = 0
    map.oldest = map.newest = -1
    for index in range(limit):
        map.entries[index].after = <int16_t>(index + 1 if index + 1 < limit else -1)
    map.unused = 0
    return True


cdef void ordered_close(Ordered* map) noexcept nogil:
    cdef int index
    if map.entries != NULL and map.buckets != NULL:
        index = map.oldest
        while index >= 0:
            drop_blob(map.entries[index].blob)
            index = map.entries[index].after
    free(map.entries)
    free(map.buckets)
    memset(map, 0, sizeof(Ordered))


cdef inline int ordered_find(Ordered* map, int key) noexcept nogil:
    # The entry's index, or -1.
    cdef int index
    if map.entries == NULL:
        return -1
    index = map.buckets[key & map.bucket_mask]
    while index >= 0 and map.entries[index].key != key:
        index = map.entries[index].chain
    return index


cdef void ordered_remove(Ordered* map, int index) noexcept nogil:
    cdef Remembered* entry = &map.entries[index]
    cdef int16_t* link = &map.buckets[entry.key & map.bucket_mask]
    check(0 <= index < map.limit)
    while link[0] != index:
        link = &map.entries[link[0]].chain
    link[0] = entry.chain
    if entry.before >= 0:
        map.entries[entry.before].after = entry.after
    else:
        map.oldest = entry.after
    if entry.after >= 0:
        map.entries[entry.after].before = entry.before
    else:
        map.newest = entry.before
    drop_blob(entry.blob)
    entry.blob = NULL
    entry.after = <int16_t>map.unused
    map.unused = index
    map.count -= 1


cdef void ordered_append(Ordered* map, int key, int64_t at, Blob* blob) noexcept nogil:
    # The key is not in the map, and there is room.
    cdef int index = map.unused
    cdef Remembered* entry
    check(0 <= index < map.limit)
    entry = &map.entries[index]
    map.unused = entry.after
    entry.key = <uint16_t>key
    entry.at = at
    entry.blob = blob
    entry.before = <int16_t>map.newest
    entry.after = -1
    if map.newest >= 0:
        map.entries[map.newest].after = <int16_t>index
    else:
        map.oldest = index
    map.newest = index
    entry.chain = map.buckets[key & map.bucket_mask]
    map.buckets[key & map.bucket_mask] = <int16_t>index
    map.count += 1


cdef void remove_pointer(void** array, int* count, void* gone) noexcept nogil:
    # Keeps the order of the others; nothing happens when it is not there.
    cdef int index
    for index in range(count[0]):
        if array[index] is gone:
            count[0] -= 1
            memmove(&array[index], &array[index + 1], (count[0] - index) * sizeof(void*))
            return
