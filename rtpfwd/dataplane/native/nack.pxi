# Twin of reference/nack.py. The dict of the twin is ascending, so here it is a sorted array.

cdef enum:
    KEY_FRAMES_REMEMBERED = 32
    OUTAGE_US = 1000000
    OUTAGE_PACKETS = 64


cdef NackList* new_nacks() noexcept nogil:
    cdef NackList* nacks = <NackList*>calloc(1, sizeof(NackList))
    if nacks != NULL:
        delay_init(&nacks.delay)
    return nacks


cdef void free_nacks(NackList* nacks) noexcept nogil:
    if nacks != NULL:
        free(nacks.missing)
        free(nacks)


cdef void nacks_restart(NackList* nacks) noexcept nogil:
    nacks.count = 0
    nacks.key_frame_count = 0
    nacks.has_highest = False
    delay_forget(&nacks.delay)


cdef bint nacks_received(
    Limits* limits, NackList* nacks, int64_t sequence, bint key_frame, int64_t now
) noexcept nogil:
    cdef int64_t highest = nacks.highest, last_at = nacks.last_at
    cdef bint has_last_at = nacks.has_last_at, silent
    if key_frame:
        _remember_key_frame(nacks, sequence)
    delay_tick(&nacks.delay, now)
    nacks.last_at = now
    nacks.has_last_at = True
    if not nacks.has_highest:
        nacks.highest = sequence
        nacks.has_highest = True
        return True
    if sequence <= highest:
        _fill(nacks, sequence, now)
        return True
    nacks.highest = sequence
    if sequence == highest + 1:
        return True
    silent = has_last_at and now - last_at >= OUTAGE_US
    if silent and sequence - highest > OUTAGE_PACKETS:
        nacks.count = 0
        return False
    return _add_missing(limits, nacks, highest + 1, sequence, now)


cdef void nacks_repaired(NackList* nacks, int64_t sequence) noexcept nogil:
    cdef int index = _find_missing(nacks, sequence)
    nacks.uses_rtx = True
    if index >= 0:
        delay_repaired(&nacks.delay, sequence, nacks.missing[index].seen_at)
        _remove_missing(nacks, index)


cdef inline void nacks_came_again(NackList* nacks, int64_t sequence) noexcept nogil:
    delay_original_came(&nacks.delay, sequence)


cdef int nacks_due(
    Limits* limits, NackList* nacks, int64_t rtt_us, int64_t now, uint16_t* asking, int64_t* next_due
) noexcept nogil:
    # How many numbers are in ``asking``, which has room for the whole list; ``next_due`` is -1 for none.
    cdef int index, kept = 0, asked = 0
    cdef Missing* missing
    nacks.rtt_us = rtt_us
    next_due[0] = -1
    for index in range(nacks.count):
        missing = &nacks.missing[index]
        if missing.next_at <= now:
            asking[asked] = <uint16_t>(missing.sequence & 0xFFFF)
            asked += 1
            missing.asked += 1
            missing.asked_at = now
            missing.next_at = now + rtt_us
            if missing.asked >= limits.nack_retries:
                continue
        if next_due[0] < 0 or missing.next_at < next_due[0]:
            next_due[0] = missing.next_at
    # Given up after the loop, as the twin does: what it learns must not change what is asked now.
    for index in range(nacks.count):
        missing = &nacks.missing[index]
        if missing.asked and missing.asked >= limits.nack_retries:
            delay_repaired(&nacks.delay, missing.sequence, missing.seen_at)
        else:
            nacks.missing[kept] = missing[0]
            kept += 1
    nacks.count = kept
    return asked


cdef void _fill(NackList* nacks, int64_t sequence, int64_t now) noexcept nogil:
    cdef int index = _find_missing(nacks, sequence)
    cdef Missing missing
    if index < 0:
        return
    missing = nacks.missing[index]
    _remove_missing(nacks, index)
    if missing.asked and not nacks.uses_rtx and now - missing.asked_at >= nacks.rtt_us * 3 // 4:
        delay_repaired(&nacks.delay, sequence, missing.seen_at)
    else:
        delay_filled(&nacks.delay, now - missing.seen_at)


cdef bint _add_missing(
    Limits* limits, NackList* nacks, int64_t first, int64_t end, int64_t now
) noexcept nogil:
    cdef int64_t sequence = first
    cdef Missing* missing
    _forget_before(nacks, end - limits.nack_max_age)
    if nacks.count + end - first > limits.nack_list and not _trim_to_key_frame(limits, nacks, first, end):
        nacks.count = 0
        return False
    nacks.news = True
    if not grow(<void**>&nacks.missing, &nacks.capacity, <int>(nacks.count + end - first), sizeof(Missing)):
        nacks.count = 0
        return False
    while sequence < end:
        missing = &nacks.missing[nacks.count]
        missing.sequence = sequence
        missing.asked = 0
        missing.asked_at = missing.seen_at = now
        missing.next_at = now + nacks.delay.delay_us
        nacks.count += 1
        sequence += 1
    return True


cdef bint _trim_to_key_frame(Limits* limits, NackList* nacks, int64_t first, int64_t end) noexcept nogil:
    while nacks.key_frame_count:
        _forget_before(nacks, nacks.key_frames[nacks.first_key_frame])
        nacks.first_key_frame = (nacks.first_key_frame + 1) & (KEY_FRAMES_REMEMBERED - 1)
        nacks.key_frame_count -= 1
        if nacks.count + end - first <= limits.nack_list:
            return True
    return False


cdef void _remember_key_frame(NackList* nacks, int64_t sequence) noexcept nogil:
    if nacks.key_frame_count == KEY_FRAMES_REMEMBERED:
        nacks.first_key_frame = (nacks.first_key_frame + 1) & (KEY_FRAMES_REMEMBERED - 1)
        nacks.key_frame_count -= 1
    nacks.key_frames[(nacks.first_key_frame + nacks.key_frame_count) & (KEY_FRAMES_REMEMBERED - 1)] = sequence
    nacks.key_frame_count += 1


cdef void _forget_before(NackList* nacks, int64_t sequence) noexcept nogil:
    cdef int index, kept = 0
    if not nacks.count or nacks.missing[0].sequence >= sequence:
        return
    for index in range(nacks.count):
        if nacks.missing[index].sequence >= sequence:
            nacks.missing[kept] = nacks.missing[index]
            kept += 1
    nacks.count = kept


cdef int _find_missing(NackList* nacks, int64_t sequence) noexcept nogil:
    cdef int low = 0, high = nacks.count, middle
    while low < high:
        middle = (low + high) // 2
        if nacks.missing[middle].sequence < sequence:
            low = middle + 1
        else:
            high = middle
    return low if low < nacks.count and nacks.missing[low].sequence == sequence else -1


cdef void _remove_missing(NackList* nacks, int index) noexcept nogil:
    nacks.count -= 1
    memmove(&nacks.missing[index], &nacks.missing[index + 1], (nacks.count - index) * sizeof(Missing))
