# Twin of reference/nack_delay.py. A hole is known by its serial number where the twin shares an object.

cdef enum:
    MIN_DELAY_US = 10000
    MAX_DELAY_US = 120000
    HOLES_REMEMBERED = 256
    REPAIRED_REMEMBERED = 128
    LOST_FOR_EACH_NEEDLESS = 19


cdef void delay_init(NackDelay* delay) noexcept nogil:
    memset(delay, 0, sizeof(NackDelay))
    delay.delay_us = MIN_DELAY_US


cdef void delay_filled(NackDelay* delay, int64_t lateness_us) noexcept nogil:
    _add_hole(delay, lateness_us)
    _learn(delay)


cdef void delay_repaired(NackDelay* delay, int64_t sequence, int64_t seen_at) noexcept nogil:
    cdef uint64_t hole = _add_hole(delay, -1)
    cdef int index = _find_repaired(delay, sequence)
    if index < 0:
        index = delay.repaired_count
        delay.repaired_count += 1
        delay.repaired[index].sequence = sequence
        delay.repaired[index].arrived = False
    delay.repaired[index].hole = hole
    delay.repaired[index].seen_at = seen_at
    if delay.repaired_count > REPAIRED_REMEMBERED:
        _forget_repaired(delay, 0)
    if delay.delay_us > MIN_DELAY_US:
        _learn(delay)


cdef void delay_original_came(NackDelay* delay, int64_t sequence) noexcept nogil:
    cdef int index = _find_repaired(delay, sequence)
    if index >= 0:
        delay.repaired[index].arrived = True
        delay.any_arrived = True


cdef void delay_tick(NackDelay* delay, int64_t now) noexcept nogil:
    cdef int index = 0
    cdef int64_t lateness_us
    if not delay.any_arrived:
        return
    while index < delay.repaired_count:
        if not delay.repaired[index].arrived:
            index += 1
            continue
        lateness_us = now - delay.repaired[index].seen_at
        _set_lateness(delay, delay.repaired[index].hole, lateness_us)
        _forget_repaired(delay, index)
    delay.any_arrived = False
    _learn(delay)


cdef void delay_forget(NackDelay* delay) noexcept nogil:
    delay.repaired_count = 0
    delay.any_arrived = False


cdef uint64_t _add_hole(NackDelay* delay, int64_t lateness_us) noexcept nogil:
    cdef int place
    if delay.hole_count == HOLES_REMEMBERED:
        delay.first_hole = (delay.first_hole + 1) & (HOLES_REMEMBERED - 1)
        delay.hole_count -= 1
    place = (delay.first_hole + delay.hole_count) & (HOLES_REMEMBERED - 1)
    delay.hole_count += 1
    delay.serial += 1
    delay.holes[place].lateness_us = lateness_us
    delay.holes[place].serial = delay.serial
    return delay.serial


cdef void _set_lateness(NackDelay* delay, uint64_t serial, int64_t lateness_us) noexcept nogil:
    # Serials run on without gaps, so the place follows; a hole that is forgotten has none.
    cdef uint64_t first = delay.holes[delay.first_hole].serial
    cdef int place
    if not delay.hole_count or serial < first or serial >= first + <uint64_t>delay.hole_count:
        return
    place = (delay.first_hole + <int>(serial - first)) & (HOLES_REMEMBERED - 1)
    delay.holes[place].lateness_us = lateness_us


cdef int _find_repaired(NackDelay* delay, int64_t sequence) noexcept nogil:
    cdef int index
    for index in range(delay.repaired_count):
        if delay.repaired[index].sequence == sequence:
            return index
    return -1


cdef void _forget_repaired(NackDelay* delay, int index) noexcept nogil:
    delay.repaired_count -= 1
    memmove(
        &delay.repaired[index], &delay.repaired[index + 1],
        (delay.repaired_count - index) * sizeof(RepairedHole),
    )


cdef void _learn(NackDelay* delay) noexcept nogil:
    cdef int64_t late[HOLES_REMEMBERED]
    cdef int64_t lateness_us, wanted
    cdef int index, place, count = 0, needless
    for index in range(delay.hole_count):
        lateness_us = delay.holes[(delay.first_hole + index) & (HOLES_REMEMBERED - 1)].lateness_us
        if 0 <= lateness_us <= MAX_DELAY_US:
            place = count
            while place and late[place - 1] > lateness_us:
                late[place] = late[place - 1]
                place -= 1
            late[place] = lateness_us
            count += 1
    needless = (delay.hole_count - count) // LOST_FOR_EACH_NEEDLESS
    if needless >= count:
        delay.delay_us = MIN_DELAY_US
        return
    wanted = late[count - 1 - needless] * 9 // 8
    if wanted < MIN_DELAY_US:
        wanted = MIN_DELAY_US
    delay.delay_us = wanted if wanted < MAX_DELAY_US else MAX_DELAY_US
