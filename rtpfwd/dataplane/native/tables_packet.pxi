# Structs of packet.py and of what rtpfwd/wire reads.

cdef struct RtpHeader:
    bint marker
    int payload_type
    int sequence_number
    uint32_t timestamp
    uint32_t ssrc
    int header_length
    int payload_end
    int extension_profile        # -1 without one
    int extension_start
    int extension_end

cdef struct Element:             # a header extension element: where its value stands in the packet
    int16_t id                   # the sender's id, or the URI's number once it is in a Packet
    uint16_t start
    uint16_t size

cdef struct Elements:            # of one arriving packet, in wire order, no id twice
    int count
    Element at[256]
    uint8_t place[256]           # id -> index + 1 in ``at``, 0: absent

cdef struct Descriptor:          # PayloadDescriptor and what VP8 and VP9 add
    bint present
    bint is_keyframe
    int spatial_layer
    int temporal_layer
    bint begins_picture
    bint ends_picture
    bint switching_up_point
    int picture_id               # -1 when absent
    int picture_id_bits
    int tl0_picture_index        # -1 when absent
    int picture_id_offset
    int tl0_picture_index_offset
    int key_index                # VP8's KEYIDX, -1 when absent
    int layers_offset
    int payload_offset
    int references               # how many of VP9's P_DIFF
    int reference[3]
    bint inter_picture_predicted
    bint inter_layer_predicted
    bint not_inter_layer_reference
    int spatial_layers
    int resolutions              # how many of the following are there
    uint16_t width[8]
    uint16_t height[8]

cdef struct Template:            # FrameTemplate
    uint8_t spatial
    uint8_t temporal
    uint16_t first_diff          # where its frame diffs stand in the structure's
    uint16_t diffs
    uint64_t indications         # two bits for each decode target
    uint8_t chain_diffs[32]

cdef struct Shape:               # DependencyStructure, and what follows from it
    int refs
    int64_t first
    int template_id_offset
    int decode_targets
    int templates
    Template template[64]
    int diff_count
    uint8_t diff[408]
    int chains
    uint8_t protected_by[32]
    int resolutions
    uint16_t width_minus_1[4]
    uint16_t height_minus_1[4]
    uint8_t target_spatial[32]
    uint8_t target_temporal[32]
    bint svc
    bint scalable

cdef struct Frame:               # DependencyFrame and its DependencyDescriptor
    Shape* shape
    Shape* attached              # the structure that came with it, or NULL
    int64_t number
    uint32_t active
    bint start
    bint end
    int template_id
    int frame_number
    bint has_own_active
    uint32_t own_active
    int spatial
    int temporal
    uint64_t indications
    uint32_t present
    uint32_t switch
    uint32_t needed
    uint8_t chain_diffs[32]
    int diffs
    uint16_t diff[408]

cdef struct DependencyReader:
    Shape* shape
    Shape* before
    bint has_highest
    int64_t highest
    int64_t key_sequence
    uint32_t active

cdef struct Layering:
    int highest_spatial
    int highest_temporal
    bint independent
    bint svc
    int64_t bytes[64]
    int resolutions              # 0: none told yet
    int width[8]
    int height[8]

cdef struct Packet:
    int refs
    int size_class               # -1: too large for a class, from malloc
    Packet* next_free
    uint64_t serial
    int64_t stream
    int64_t sequence
    int64_t arrival
    uint32_t timestamp
    bint marker
    int payload_type
    bint key_frame
    int layer                    # spatial layer times 8 plus temporal layer
    Frame* frame                 # NULL where no dependency descriptor told it
    Codec codec
    Descriptor descriptor
    int element_count
    int payload_start
    int payload_size
    Element* elements
    uint8_t* data

cdef struct Blob:                # a ciphertext kept, or a decrypted packet held
    int refs
    int size
    uint8_t data[1]

cdef struct Pool:                # packets by size class, taken from slabs, never given back to the system
    Packet* free[PACKET_CLASSES]
    void** slabs
    int slab_count
    int slab_capacity
    uint64_t serial
    int64_t in_use
