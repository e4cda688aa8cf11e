# Twin of reference/layering.py.


cdef void layering_note(Layering* layering, Packet* packet, int size) noexcept nogil:
    cdef int layer = packet.layer, temporal, spatial
    cdef Descriptor* d = &packet.descriptor
    if layer:
        check(layer < 64)
        layering.bytes[layer] += size
        temporal = layer & 7
        spatial = layer >> 3
        if temporal > layering.highest_temporal:
            layering.highest_temporal = temporal
        if spatial:
            layering.svc = True
            if spatial > layering.highest_spatial:
                layering.highest_spatial = spatial
            if packet.codec == CODEC_VP9 and d.inter_picture_predicted:
                layering.independent = not d.inter_layer_predicted
    if packet.frame != NULL:
        if packet.frame.attached != NULL:
            _note_structure(layering, packet.frame.shape)
    elif packet.key_frame and packet.codec == CODEC_VP9 and d.spatial_layers > 1:
        layering.svc = True
        layering.highest_spatial = d.spatial_layers - 1


cdef void _note_structure(Layering* layering, Shape* shape) noexcept nogil:
    cdef int target
    layering.highest_spatial = layering.highest_temporal = 0
    for target in range(shape.decode_targets):
        if shape.target_spatial[target] > layering.highest_spatial:
            layering.highest_spatial = shape.target_spatial[target]
        if shape.target_temporal[target] > layering.highest_temporal:
            layering.highest_temporal = shape.target_temporal[target]
    layering.svc = shape.svc


cdef bint layering_note_size(Layering* layering, Packet* packet) noexcept nogil:
    # Whether the first packet of a key frame tells another size of the pictures.
    cdef int width[8]
    cdef int height[8]
    cdef int count = 0, index
    cdef bint same
    cdef Shape* shape
    if packet.frame != NULL:
        shape = packet.frame.shape
        count = shape.resolutions
        for index in range(count):
            width[index] = shape.width_minus_1[index] + 1
            height[index] = shape.height_minus_1[index] + 1
    elif packet.descriptor.present:
        count = resolutions_of(packet, width, height)
    same = count == layering.resolutions
    for index in range(count):
        if same and (width[index] != layering.width[index] or height[index] != layering.height[index]):
            same = False
    if not count or same:
        return False
    layering.resolutions = count
    memcpy(layering.width, width, count * sizeof(int))
    memcpy(layering.height, height, count * sizeof(int))
    return True
