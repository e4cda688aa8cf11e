# Twin of reference/dependency_filter.py.

cdef enum:
    FRAMES_KEPT = 512
    CHAIN_PATIENCE_US = 500000


cdef Filter* new_dependency_filter(Packet* packet, int spatial, int temporal, bint begins) noexcept nogil:
    cdef Filter* chosen = <Filter*>calloc(1, sizeof(Filter))
    cdef Frames* own
    cdef Frame* frame = packet.frame
    cdef int index
    if chosen == NULL:
        return NULL
    own = chosen.frames = <Frames*>calloc(1, sizeof(Frames))
    if own == NULL:
        free(chosen)
        return NULL
    chosen.wanted_spatial = spatial
    chosen.wanted_temporal = temporal
    chosen.mask = -1
    own.target = -1
    for index in range(FRAMES_KEPT):
        own.decisions[index] = -1
    own.newest = own.since = own.floor = own.lost = -1
    own.reason = SPATIAL_LAYER
    if not begins:
        own.newest = own.floor = own.since = frame.number
        own.newest_timestamp = packet.timestamp
        own.has_newest_timestamp = True
        own.shape = keep_shape(frame.shape)
        chosen.intact = _all_targets(frame.shape)
        _take_target(chosen, _choose(frame.shape, 7, 7, frame.active), frame)
        own.narrowed = False
        chosen.mask = -1
    return chosen


cdef void frames_want(Filter* chosen, int spatial, int temporal) noexcept nogil:
    cdef Frames* own = chosen.frames
    cdef int best
    chosen.wanted_spatial = spatial
    chosen.wanted_temporal = temporal
    own.settled = False
    if own.shape == NULL or own.target < 0:
        return
    best = _choose(own.shape, spatial, temporal, 0xFFFFFFFFLL)
    # Other temporal layers come by themselves; a spatial one only if nothing of it was missed.
    chosen.key_needed = (
        own.shape.target_spatial[best] != own.shape.target_spatial[own.target] and not chosen.intact >> best & 1
    )


cdef SendDrop frames_select(Filter* chosen, Packet* packet, int64_t now) noexcept nogil:
    cdef Frames* own = chosen.frames
    cdef Frame* frame = packet.frame
    cdef int64_t number, known
    cdef bint forward
    chosen.fresh_drop = False
    if frame == NULL:
        return _undescribed(chosen, packet)
    number = frame.number
    if frame.attached == NULL or (own.shape != NULL and frame.shape.first <= own.shape.first):
        known = own.decisions[number & (FRAMES_KEPT - 1)]
        if known >> 1 == number:
            return SEND_OK if known & 1 else _drop_reason(chosen, frame)
        if number <= own.newest:
            return _late_frame(chosen, frame)
    _watch_chain(chosen, now)
    _prepare(chosen, packet, frame)
    forward = _present(own, frame) and not _lacks_frame(own, frame, False)
    own.decisions[number & (FRAMES_KEPT - 1)] = number << 1 | forward
    if number > own.newest:
        own.newest = number
        own.newest_timestamp = packet.timestamp
        own.has_newest_timestamp = True
    if forward:
        chosen.intact |= frame.switch
        _note_chain(own, frame, now)
        return SEND_OK
    if _present(own, frame):
        chosen.key_needed = True
    chosen.intact &= ~frame.needed
    return _drop_reason(chosen, frame)


# -- a frame's first packet --------------------------------------------------------------------------------


cdef void _prepare(Filter* chosen, Packet* packet, Frame* frame) noexcept nogil:
    # Change the target where that is due and possible.
    cdef Frames* own = chosen.frames
    cdef Shape* shape = frame.shape
    cdef int best, reachable
    cdef bint boundary
    if shape is not own.shape:
        # A key frame; or what follows one whose own packet has not come: everything begins anew.
        keep_shape(shape)
        drop_shape(own.shape)
        own.shape = shape
        own.floor = shape.first - 1 if frame.attached != NULL else frame.number - 1
        own.since = frame.number
        chosen.intact = 0 if frame.attached != NULL else _all_targets(shape)
        own.lost = -1
        own.narrowed = False
        _take_target(chosen, _choose(shape, chosen.wanted_spatial, chosen.wanted_temporal, frame.active), frame)
        return
    if frame.active != own.active:
        # The sender gave up layers, or took them up again.
        own.settled = False
        _take_mask(chosen, frame)
    if own.settled:
        return
    best = _choose(shape, chosen.wanted_spatial, chosen.wanted_temporal, frame.active)
    if best == own.target:
        own.settled = True
        return
    boundary = not own.has_newest_timestamp or packet.timestamp != own.newest_timestamp
    reachable = _reachable(chosen, frame)
    if reachable < 0 or reachable == own.target:
        if not frame.active >> own.target & 1 and boundary:
            chosen.key_needed = True
        return
    if boundary or shape.target_spatial[reachable] > chosen.spatial:
        own.since = frame.number
        _take_target(chosen, reachable, frame)


cdef void _take_target(Filter* chosen, int target, Frame* frame) noexcept nogil:
    check(0 <= target < 32)
    chosen.frames.target = target
    chosen.spatial = frame.shape.target_spatial[target]
    chosen.temporal = frame.shape.target_temporal[target]
    chosen.frames.settled = False
    _take_mask(chosen, frame)


cdef void _take_mask(Filter* chosen, Frame* frame) noexcept nogil:
    cdef Shape* shape = frame.shape
    cdef uint32_t mask = 0
    cdef int target
    chosen.frames.active = frame.active
    for target in range(shape.decode_targets):
        if shape.target_spatial[target] <= chosen.spatial and shape.target_temporal[target] <= chosen.temporal:
            mask |= <uint32_t>1 << target
    mask &= frame.active
    if mask != frame.active:
        chosen.frames.narrowed = True
    chosen.mask = mask if chosen.frames.narrowed else -1


cdef int _choose(Shape* shape, int spatial, int temporal, uint32_t active) noexcept nogil:
    # The highest target within bounds among active ones, else the lowest of them.
    cdef int best = -1, lowest = -1, target
    for target in range(shape.decode_targets):
        if not active >> target & 1:
            continue
        if lowest < 0 or _rank(shape, target) < _rank(shape, lowest):
            lowest = target
        if shape.target_spatial[target] <= spatial and shape.target_temporal[target] <= temporal and (
            best < 0 or _rank(shape, target) > _rank(shape, best)
        ):
            best = target
    if best >= 0:
        return best
    return lowest if lowest > 0 else 0


cdef int _reachable(Filter* chosen, Frame* frame) noexcept nogil:
    # The highest target within bounds that can be changed to with this frame, or -1.
    cdef Shape* shape = frame.shape
    cdef uint32_t possible = chosen.intact
    cdef int best = -1, target
    if frame.switch & ~possible and not _lacks_frame(chosen.frames, frame, True):
        possible |= frame.switch
    possible &= frame.active
    for target in range(shape.decode_targets):
        if shape.target_spatial[target] > chosen.wanted_spatial:
            continue
        if shape.target_temporal[target] > chosen.wanted_temporal:
            continue
        if (best < 0 or _rank(shape, target) > _rank(shape, best)) and possible >> target & 1:
            best = target
    return best


cdef inline int _rank(Shape* shape, int target) noexcept nogil:
    return shape.target_spatial[target] << 8 | shape.target_temporal[target]


# -- references, chains, lateness --------------------------------------------------------------------------


cdef inline bint _present(Frames* own, Frame* frame) noexcept nogil:
    return own.target >= 0 and frame.present >> own.target & 1


cdef bint _lacks_frame(Frames* own, Frame* frame, bint strict) noexcept nogil:
    # Whether it refers to what was kept back; ``strict``: or to what has not come.
    cdef int index
    cdef int64_t wanted, found
    for index in range(frame.diffs):
        wanted = frame.number - frame.diff[index]
        if wanted <= own.floor:
            continue
        found = own.decisions[wanted & (FRAMES_KEPT - 1)]
        if found >> 1 != wanted or found < 0:
            if strict:
                return True
        elif not found & 1:
            return True
    return False


cdef void _note_chain(Frames* own, Frame* frame, int64_t now) noexcept nogil:
    cdef int64_t diff, before
    if not frame.shape.chains or own.lost >= 0:
        return
    diff = frame.chain_diffs[frame.shape.protected_by[own.target] & 31]
    before = frame.number - diff
    if diff and before > (own.floor if own.floor > own.since else own.since):
        if own.decisions[before & (FRAMES_KEPT - 1)] >> 1 != before:
            own.lost = before
            own.lost_since = now


cdef void _watch_chain(Filter* chosen, int64_t now) noexcept nogil:
    cdef Frames* own = chosen.frames
    if own.lost < 0:
        return
    if own.decisions[own.lost & (FRAMES_KEPT - 1)] >> 1 == own.lost:
        own.lost = -1
    elif now - own.lost_since > CHAIN_PATIENCE_US:
        chosen.key_needed = True
        own.lost = -1


cdef SendDrop _late_frame(Filter* chosen, Frame* frame) noexcept nogil:
    cdef Frames* own = chosen.frames
    cdef int64_t number = frame.number
    cdef bint forward
    if own.newest - number >= FRAMES_KEPT:
        return SPATIAL_LAYER
    if number <= own.floor and frame.shape is own.shape:
        return SEND_OK
    forward = (
        frame.shape is own.shape and number >= own.since and _present(own, frame)
        and not _lacks_frame(own, frame, False)
    )
    own.decisions[number & (FRAMES_KEPT - 1)] = number << 1 | forward
    return SEND_OK if forward else _drop_reason(chosen, frame)


cdef SendDrop _undescribed(Filter* chosen, Packet* packet) noexcept nogil:
    # A packet whose descriptor does not parse: as the frame before it, or as its payload says.
    cdef Frames* own = chosen.frames
    if own.has_newest_timestamp and packet.timestamp == own.newest_timestamp:
        return SEND_OK if own.decisions[own.newest & (FRAMES_KEPT - 1)] & 1 else own.reason
    if packet.layer >> 3 > chosen.spatial:
        return SPATIAL_LAYER
    return TEMPORAL_LAYER if packet.layer & 7 > chosen.temporal else SEND_OK


cdef SendDrop _drop_reason(Filter* chosen, Frame* frame) noexcept nogil:
    if frame.spatial <= chosen.spatial and frame.temporal > chosen.temporal:
        chosen.frames.reason = TEMPORAL_LAYER
    else:
        chosen.frames.reason = SPATIAL_LAYER
    return chosen.frames.reason
