# Twin of reference/retransmission.py.

cdef enum:
    RESENDS_REMEMBERED = 512
    LONG_ROUND_TRIP_US = 1000000
    REPAIR_SHARE = 4
    MAX_BUDGET = 64000
    CIPHERTEXTS_KEPT = 1024
    CIPHERTEXT_KEPT_US = 2000000


cdef void resends_init(Resends* resends, int first_rtx_number) noexcept nogil:
    memset(resends, 0, sizeof(Resends))
    resends.next_rtx = first_rtx_number
    resends.budget = MAX_BUDGET


cdef void resends_close(Resends* resends) noexcept nogil:
    ordered_close(&resends.ciphertexts)
    ordered_close(&resends.last_resent)


cdef bint may_resend(Resends* resends, int sequence_number, int64_t rtt_us, int64_t now) noexcept nogil:
    cdef Ordered* resent = &resends.last_resent
    cdef int index = ordered_find(resent, sequence_number)
    if not ordered_open(resent, RESENDS_REMEMBERED):
        return False
    if index >= 0:
        if now - resent.entries[index].at < rtt_us:
            return False
        ordered_remove(resent, index)
    elif resent.count >= RESENDS_REMEMBERED:
        if now - resent.entries[resent.oldest].at < rtt_us:
            return False
        ordered_remove(resent, resent.oldest)
    ordered_append(resent, sequence_number, now, NULL)
    return True


cdef void sent_late(Resends* resends, int sequence_number, int64_t now) noexcept nogil:
    cdef Ordered* resent = &resends.last_resent
    cdef int index = ordered_find(resent, sequence_number)
    if not ordered_open(resent, RESENDS_REMEMBERED):
        return
    if index >= 0:
        ordered_remove(resent, index)
    if resent.count >= RESENDS_REMEMBERED:
        if now - resent.entries[resent.oldest].at < LONG_ROUND_TRIP_US:
            return
        ordered_remove(resent, resent.oldest)
    ordered_append(resent, sequence_number, now, NULL)


cdef inline void earn(Resends* resends, int size) noexcept nogil:
    if resends.budget < MAX_BUDGET:
        resends.budget += size // REPAIR_SHARE


cdef bint spend(Resends* resends, int size) noexcept nogil:
    if resends.budget < size:
        resends.over_budget += 1
        return False
    resends.budget -= size
    return True


cdef inline int next_rtx_number(Resends* resends) noexcept nogil:
    cdef int number = resends.next_rtx
    resends.next_rtx = (number + 1) & 0xFFFF
    return number


cdef inline void count_rtx(Resends* resends, int size, int payload_size) noexcept nogil:
    resends.packets += 1
    resends.bytes += size
    resends.rtx_packets += 1
    resends.rtx_payload_bytes += payload_size


cdef void keep_ciphertext(
    Resends* resends, int sequence_number, const uint8_t* data, int size, int64_t now
) noexcept nogil:
    cdef Ordered* kept = &resends.ciphertexts
    cdef int index
    cdef Blob* blob = new_blob(data, size)
    if blob == NULL or not ordered_open(kept, CIPHERTEXTS_KEPT + 1):
        drop_blob(blob)
        return
    index = ordered_find(kept, sequence_number)
    if index >= 0:
        ordered_remove(kept, index)
    ordered_append(kept, sequence_number, now, blob)
    while kept.count:
        index = kept.oldest
        if kept.count <= CIPHERTEXTS_KEPT and now - kept.entries[index].at <= CIPHERTEXT_KEPT_US:
            break
        ordered_remove(kept, index)


cdef inline Blob* verbatim_of(Resends* resends, int sequence_number) noexcept nogil:
    cdef int index = ordered_find(&resends.ciphertexts, sequence_number)
    return resends.ciphertexts.entries[index].blob if index >= 0 else NULL


cdef inline void count_verbatim(Resends* resends, int size) noexcept nogil:
    resends.packets += 1
    resends.bytes += size
