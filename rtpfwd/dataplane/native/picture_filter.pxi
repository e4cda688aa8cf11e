# Twin of reference/picture_filter.py. ``pictures`` of the twin is a dict in order of insertion: a ring here.

cdef enum:
    PICTURES_KEPT = 128
    MISSING_PICTURES = 15
    REFERENCES_KEPT = 128
    DROPPED = 8
    TOP = 16
    WHOLLY_DROPPED = 1 << 19
    KEY = 1 << 20
    RING = 256


cdef Filter* new_picture_filter(
    Packet* packet, Layering* layering, int spatial, int temporal, bint begins
) noexcept nogil:
    cdef Filter* chosen = <Filter*>calloc(1, sizeof(Filter))
    cdef Pictures* own
    cdef int index
    if chosen == NULL:
        return NULL
    own = chosen.pictures = <Pictures*>calloc(1, sizeof(Pictures))
    if own == NULL:
        free(chosen)
        return NULL
    own.layering = layering
    own.is_vp9 = packet.codec == CODEC_VP9
    chosen.wanted_spatial = spatial
    chosen.wanted_temporal = temporal
    chosen.spatial = 0 if begins else layering.highest_spatial
    chosen.temporal = temporal if begins else 7
    chosen.intact = 0 if begins else (2 << chosen.spatial) - 1
    chosen.mask = -1
    own.newest = own.floor = packet.timestamp
    own.has_newest = own.has_floor = not begins
    for index in range(8):
        own.since_temporal[index] = own.since_spatial[index] = packet.timestamp
    for index in range(REFERENCES_KEPT):
        own.references[index] = -1
    if not begins:
        _keep_picture(own, packet.timestamp, chosen.spatial << TOP | KEY)
    return chosen


cdef void pictures_want(Filter* chosen, int spatial, int temporal) noexcept nogil:
    cdef Layering* layering = chosen.pictures.layering
    cdef int wanted = spatial if spatial < layering.highest_spatial else layering.highest_spatial
    chosen.wanted_spatial = spatial
    chosen.wanted_temporal = temporal
    # Down without a key frame where the lower layers are complete; never counted on for a way up.
    chosen.key_needed = wanted > chosen.spatial or (
        wanted < chosen.spatial and (layering.independent or not chosen.intact >> wanted & 1)
    )


cdef SendDrop pictures_select(Filter* chosen, Packet* packet) noexcept nogil:
    cdef Pictures* own = chosen.pictures
    cdef int entry = 0, spatial = packet.layer >> 3, bit = 1 << spatial
    chosen.fresh_drop = False
    if not _get_picture(own, packet.timestamp, &entry):
        if own.has_newest and distance_32(packet.timestamp, own.newest) < 0:
            return _late_picture(chosen, packet, 0)
        entry = _open_picture(chosen, packet)
    if entry & WHOLLY_DROPPED:
        return TEMPORAL_LAYER
    if entry & bit:
        if packet.key_frame and not entry & KEY:
            _note_key(chosen, packet, entry)
        return SEND_OK
    if entry & bit << DROPPED:
        return SPATIAL_LAYER
    if packet.timestamp != own.newest:
        return _late_picture(chosen, packet, entry)
    return _decide(chosen, packet, entry, spatial)


# -- a picture's first packet ------------------------------------------------------------------------------


cdef int _open_picture(Filter* chosen, Packet* packet) noexcept nogil:
    cdef Pictures* own = chosen.pictures
    cdef int level = packet.layer & 7, entry = 0
    cdef uint32_t possible
    if own.layering.independent and own.has_newest:
        _get_picture(own, own.newest, &entry)
        _watch(chosen, entry)
    own.newest = packet.timestamp
    own.has_newest = True
    if chosen.wanted_temporal < chosen.temporal:
        chosen.temporal = chosen.wanted_temporal
    if not (level <= chosen.temporal or _rises_to(chosen, packet, level)) and not packet.key_frame:
        chosen.fresh_drop = True
        entry = WHOLLY_DROPPED | 0xFF << DROPPED
        _keep_picture(own, packet.timestamp, entry)
        _note_reference(own, packet, entry)
        return entry
    if own.is_vp9 and level <= chosen.temporal < chosen.wanted_temporal and _switching_up(packet):
        _raise_temporal(chosen, chosen.wanted_temporal, packet.timestamp)
    possible = chosen.intact & ((<uint32_t>2 << chosen.wanted_spatial) - 1)
    if possible:
        chosen.spatial = bit_length(possible) - 1
    elif chosen.intact:
        chosen.spatial = bit_length(chosen.intact & -chosen.intact) - 1
    entry = chosen.spatial << TOP
    _keep_picture(own, packet.timestamp, entry)
    return entry


cdef bint _rises_to(Filter* chosen, Packet* packet, int level) noexcept nogil:
    cdef bint by_one = level == chosen.temporal + 1 and _switching_up(packet)
    if level > chosen.wanted_temporal:
        return False
    if not chosen.pictures.is_vp9:
        if not by_one:
            return False
    elif packet.codec == CODEC_VP9 and packet.descriptor.references:
        if not _all_references_forwarded(chosen.pictures, &packet.descriptor):
            return False
    elif not by_one:
        return False
    _raise_temporal(chosen, level, packet.timestamp)
    return True


cdef void _raise_temporal(Filter* chosen, int level, uint32_t timestamp) noexcept nogil:
    cdef int one
    for one in range(chosen.temporal + 1, level + 1):
        chosen.pictures.since_temporal[one & 7] = timestamp
    chosen.temporal = level


cdef void _watch(Filter* chosen, int entry) noexcept nogil:
    # A layer that its sender stopped sending, and none other can be decoded.
    if entry & WHOLLY_DROPPED:
        return
    chosen.pictures.missing = 0 if entry >> chosen.spatial & 1 else chosen.pictures.missing + 1
    if chosen.pictures.missing == MISSING_PICTURES:
        chosen.key_needed = True


# -- the first packet of a spatial layer's frame -----------------------------------------------------------


cdef SendDrop _decide(Filter* chosen, Packet* packet, int entry, int spatial) noexcept nogil:
    cdef Pictures* own = chosen.pictures
    cdef int bit = 1 << spatial
    cdef bint forward = True
    if packet.codec == CODEC_VP9:
        if spatial == 0 and not packet.descriptor.inter_picture_predicted:
            entry = _note_key(chosen, packet, entry)
        else:
            forward = _allows(chosen, packet, entry, spatial)
    elif packet.key_frame:
        entry = _note_key(chosen, packet, entry)
    if forward:
        entry |= bit
        if not chosen.intact & bit:
            own.since_spatial[spatial] = packet.timestamp
        chosen.intact |= bit
        if spatial > (entry >> TOP & 7):
            chosen.spatial = spatial
            entry = (entry & ~(7 << TOP)) | spatial << TOP
    else:
        entry |= bit << DROPPED
        chosen.intact &= ~<uint32_t>bit
        if not chosen.intact or spatial == chosen.spatial:
            chosen.key_needed = True
    _keep_picture(own, packet.timestamp, entry)
    _note_reference(own, packet, entry)
    return SEND_OK if forward else SPATIAL_LAYER


cdef bint _allows(Filter* chosen, Packet* packet, int entry, int spatial) noexcept nogil:
    cdef Descriptor* d = &packet.descriptor
    cdef int top = entry >> TOP & 7
    cdef int below = (1 << spatial) >> 1 if d.inter_layer_predicted else 0
    if d.inter_picture_predicted:
        if spatial > top or not chosen.intact >> spatial & 1:
            return False
        if spatial < top and chosen.pictures.layering.independent:
            return False
        return not (entry >> DROPPED & below) and not _lacks_picture(chosen.pictures, packet)
    if spatial > chosen.wanted_spatial and spatial > top:
        return False
    if spatial > top:
        return not below or (entry & below) != 0
    return not entry >> DROPPED & below


cdef int _note_key(Filter* chosen, Packet* packet, int entry) noexcept nogil:
    # A key picture: everything that is wanted begins with it.
    cdef Pictures* own = chosen.pictures
    cdef int top = chosen.wanted_spatial, highest, index
    entry = (entry & ~(7 << TOP)) | KEY
    chosen.intact = entry & 0xFF
    _raise_temporal(chosen, chosen.wanted_temporal, packet.timestamp)
    for index in range(8):
        own.since_temporal[index] = packet.timestamp
    own.missing = 0
    if packet.codec != CODEC_VP9:
        top = 0
    else:
        highest = packet.descriptor.spatial_layers - 1
        if highest < 0:
            highest = bit_length(entry & 0xFF) - 1
            if highest < 0:
                highest = 0
        if highest < top:
            top = highest
    chosen.spatial = top
    entry |= top << TOP
    _keep_picture(own, packet.timestamp, entry)
    return entry


# -- lateness and references -------------------------------------------------------------------------------


cdef SendDrop _late_picture(Filter* chosen, Packet* packet, int entry) noexcept nogil:
    cdef Pictures* own = chosen.pictures
    cdef uint32_t timestamp = packet.timestamp
    cdef int spatial = packet.layer >> 3, level = packet.layer & 7, top, bit = 1 << spatial, below = bit >> 1
    cdef bint forward, uses_lower
    if own.has_floor and distance_32(timestamp, own.floor) <= 0:
        return SEND_OK
    if packet.key_frame and chosen.wanted_spatial != chosen.spatial and not entry:
        chosen.key_needed = True  # too late to begin with
    if level > chosen.temporal or distance_32(timestamp, own.since_temporal[level]) < 0:
        if not entry:
            _keep_picture(own, timestamp, WHOLLY_DROPPED | 0xFF << DROPPED)
            _note_reference(own, packet, 0xFF << DROPPED)
        return TEMPORAL_LAYER
    top = entry >> TOP & 7 if entry else chosen.spatial
    uses_lower = packet.codec == CODEC_VP9 and packet.descriptor.inter_layer_predicted
    forward = (
        spatial <= top
        and not (own.layering.independent and spatial < top and not entry & KEY)
        and (chosen.intact & bit) != 0
        and distance_32(timestamp, own.since_spatial[spatial]) >= 0
        and not (uses_lower and (entry >> DROPPED & below) != 0)
        and not _lacks_picture(own, packet)
    )
    entry |= top << TOP | (bit if forward else bit << DROPPED)
    _keep_picture(own, timestamp, entry)
    _note_reference(own, packet, entry)
    return SEND_OK if forward else SPATIAL_LAYER


cdef bint _get_picture(Pictures* own, uint32_t timestamp, int* entry) noexcept nogil:
    cdef int index = own.count - 1
    cdef Picture* picture
    while index >= 0:
        picture = &own.kept[(own.first + index) & (RING - 1)]
        if picture.timestamp == timestamp:
            entry[0] = picture.entry
            return True
        index -= 1
    return False


cdef void _keep_picture(Pictures* own, uint32_t timestamp, int entry) noexcept nogil:
    cdef int index = own.count - 1
    cdef Picture* picture
    while index >= 0:
        picture = &own.kept[(own.first + index) & (RING - 1)]
        if picture.timestamp == timestamp:
            picture.entry = entry
            return
        index -= 1
    picture = &own.kept[(own.first + own.count) & (RING - 1)]
    picture.timestamp = timestamp
    picture.entry = entry
    own.count += 1
    if own.count > PICTURES_KEPT:
        if own.has_floor and own.kept[own.first].timestamp == own.floor:
            own.has_floor = False
        own.first = (own.first + 1) & (RING - 1)
        own.count -= 1


cdef void _note_reference(Pictures* own, Packet* packet, int entry) noexcept nogil:
    cdef int picture = packet.descriptor.picture_id
    if own.is_vp9 and packet.descriptor.present and picture >= 0:
        own.references[picture & 127] = picture << 16 | entry & 0xFFFF


cdef bint _lacks_picture(Pictures* own, Packet* packet) noexcept nogil:
    # Whether a picture that this frame needs is known and was kept back.
    cdef int index
    if packet.codec != CODEC_VP9:
        return False
    for index in range(packet.descriptor.references):
        if _found_reference(own, &packet.descriptor, index) == 0:
            return True
    return False


cdef bint _all_references_forwarded(Pictures* own, Descriptor* d) noexcept nogil:
    cdef int index
    for index in range(d.references):
        if _found_reference(own, d, index) != 1:
            return False
    return d.references > 0


cdef int _found_reference(Pictures* own, Descriptor* d, int index) noexcept nogil:
    # 1 if it was forwarded, 0 if it was dropped, -1 if it is unknown.
    cdef int picture = d.picture_id if d.picture_id > 0 else 0
    cdef int wanted = (picture - d.reference[index]) & ((1 << d.picture_id_bits) - 1)
    cdef int noted = own.references[wanted & 127]
    if noted >> 16 != wanted:
        return -1
    if noted >> d.spatial_layer & 1:
        return 1
    return 0 if noted >> (DROPPED + d.spatial_layer) & 1 else -1


cdef inline bint _switching_up(Packet* packet) noexcept nogil:
    return packet.descriptor.present and packet.descriptor.switching_up_point
