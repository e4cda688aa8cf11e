# Twin of reference/layer_selector.py.


cdef void selector_init(Selector* selector) noexcept nogil:
    memset(selector, 0, sizeof(Selector))
    selector.wanted_spatial = selector.wanted_temporal = 7
    selector.highest = -1


cdef void free_filter(Filter* chosen) noexcept nogil:
    if chosen == NULL:
        return
    if chosen.frames != NULL:
        drop_shape(chosen.frames.shape)
        free(chosen.frames)
    free(chosen.pictures)
    free(chosen)


cdef void selector_begin(
    Selector* selector, Packet* packet, Layering* layering, int spatial, int temporal, bint anew
) noexcept nogil:
    selector.layering = layering
    selector.wanted_spatial = spatial
    selector.wanted_temporal = temporal
    selector.highest = -1
    _use_filter(selector, packet, True)
    if anew:
        selector.spatial = selector.temporal = 0


cdef bint selector_want(Selector* selector, int spatial, int temporal, Packet* last) noexcept nogil:
    # Whether only a key frame can bring the layers that are wanted now.
    cdef bint needed
    selector.wanted_spatial = spatial
    selector.wanted_temporal = temporal
    if selector.filter == NULL:
        if last != NULL:
            _use_filter(selector, last, False)
        return False
    if selector.filter.frames != NULL:
        frames_want(selector.filter, spatial, temporal)
    else:
        pictures_want(selector.filter, spatial, temporal)
    needed = selector.filter.key_needed
    selector.filter.key_needed = False
    return needed


cdef SendDrop selector_select(Plane* plane, SendStream* stream, Packet* packet, int64_t now) noexcept nogil:
    # Why this packet stays behind, or SEND_OK.
    cdef Selector* selector = &stream.layers
    cdef Layering* layering = selector.layering
    cdef Packet* last = stream.last_packet
    cdef Filter* chosen = selector.filter
    cdef SendDrop reason = SEND_OK
    cdef int spatial, temporal
    if chosen != NULL and chosen.pictures != NULL and packet.frame != NULL and packet.frame.attached != NULL:
        _use_filter(selector, packet, True)  # dependency descriptors begin: they know better
    elif chosen == NULL:
        if packet.layer > selector.highest:
            selector.highest = packet.layer
        if last != NULL and last.stream == packet.stream and last.sequence < packet.sequence:
            _use_filter(selector, last, False)
    chosen = selector.filter
    if layering == NULL:
        return SEND_OK
    if chosen == NULL:
        spatial = layering.highest_spatial
        temporal = selector.highest & 7
    else:
        if chosen.frames != NULL:
            reason = frames_select(chosen, packet, now)
        else:
            reason = pictures_select(chosen, packet)
        spatial = chosen.spatial
        temporal = chosen.temporal
        if layering.highest_temporal < temporal:
            temporal = layering.highest_temporal
        if chosen.key_needed:
            chosen.key_needed = False
            up_stream(plane, UP_KEY_FRAME_NEEDED, packet.stream)
    if temporal != selector.temporal or spatial != selector.spatial:
        selector.spatial = spatial
        selector.temporal = temporal
        up_two(plane, UP_LAYERS_SWITCHED, stream.id, spatial, temporal)
    return reason


cdef void _use_filter(Selector* selector, Packet* packet, bint begins) noexcept nogil:
    # The filter that is needed from here on, or none.
    cdef Layering* layering = selector.layering
    cdef int spatial = selector.wanted_spatial, temporal = selector.wanted_temporal
    free_filter(selector.filter)
    selector.filter = NULL
    if layering == NULL:
        return
    if not layering.svc and temporal >= layering.highest_temporal:
        return
    if packet.frame != NULL:
        if packet.frame.shape.scalable:
            selector.filter = new_dependency_filter(packet, spatial, temporal, begins)
    elif packet.codec == CODEC_VP8 or packet.codec == CODEC_VP9:
        selector.filter = new_picture_filter(packet, layering, spatial, temporal, begins)
