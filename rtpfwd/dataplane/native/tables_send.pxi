# Structs of a stream that goes: numbering, layers, retransmission, pacing.

cdef struct Segment:
    int64_t source
    int64_t first
    int64_t last
    bint open
    int64_t offset
    int64_t timestamp_offset
    int64_t picture_offset
    int64_t tl0_offset
    int64_t key_index_offset
    int64_t frame_offset
    int64_t template_offset
    int top                      # -1: without spatial layers
    int64_t mask                 # -1: the descriptor's own

cdef struct Picture:
    uint32_t timestamp
    int entry

cdef struct Pictures:            # what PictureFilter has of its own
    Layering* layering
    bint is_vp9
    int missing
    bint has_newest
    uint32_t newest
    bint has_floor
    uint32_t floor
    Picture kept[256]
    int first
    int count
    uint32_t since_temporal[8]
    uint32_t since_spatial[8]
    int references[128]

cdef struct Frames:              # what DependencyFilter has of its own
    Shape* shape
    int target
    bint narrowed
    bint settled                 # the target is what is wanted
    uint32_t active
    int64_t decisions[512]
    int64_t newest
    int64_t since
    int64_t floor
    bint has_newest_timestamp
    uint32_t newest_timestamp
    SendDrop reason
    int64_t lost
    int64_t lost_since

cdef struct Filter:              # one of the two
    Pictures* pictures
    Frames* frames
    int wanted_spatial
    int wanted_temporal
    int spatial
    int temporal
    uint32_t intact
    int64_t mask
    bint key_needed
    bint fresh_drop

cdef struct Selector:            # LayerSelector
    Layering* layering
    int wanted_spatial
    int wanted_temporal
    Filter* filter
    int highest
    int spatial
    int temporal

cdef struct Numbering:
    int64_t highest
    int64_t highest_input
    bint has_current             # the last segment is the current one
    Segment* segments
    int count
    int capacity

cdef struct Remembered:          # an entry of an Ordered map
    int16_t before
    int16_t after
    int16_t chain
    uint16_t key
    int64_t at
    Blob* blob

cdef struct Ordered:             # a dict of 16-bit keys in order of insertion
    Remembered* entries
    int16_t* buckets
    int bucket_mask
    int limit
    int count
    int oldest
    int newest
    int unused

cdef struct Resends:
    int next_rtx
    Ordered ciphertexts
    Ordered last_resent
    int64_t budget
    int64_t asked
    int64_t not_found
    int64_t over_budget
    int64_t packets
    int64_t bytes
    int64_t rtx_packets
    int64_t rtx_payload_bytes

cdef struct Layout:
    int refs
    int16_t* id_of_uri           # by the URI's number
    int uri_count
    int dependency_uri
    int mid_id
    int abs_send_time_id
    int transport_cc_id
    bint numbered
    int mid_size
    uint8_t mid[256]
    int value_size               # of the dependency descriptor in the tail instead of the packet's, or -1
    uint8_t value[512]
    uint64_t built               # serial of the packet for which the tail stands
    int64_t at
    bint two_byte
    int words
    int tail_size
    uint8_t tail[2048]

cdef struct Outgoing:
    Outgoing* next
    SendStream* stream           # NULL when it has gone meanwhile
    Packet* packet
    Blob* ciphertext
    Segment segment
    int64_t number
    int size
    bint repair

cdef struct Queue:
    Outgoing* first
    Outgoing* last
    int count

cdef struct WaitingProbe:
    int64_t cluster
    int64_t rate_bps
    int64_t size_bytes
    int64_t packets

cdef struct Probes:
    int64_t cluster              # of the probe under way, or 0
    int64_t rate_bps
    int64_t deadline
    int64_t dropped
    int64_t bytes
    int64_t packets
    WaitingProbe waiting[8]
    int waiting_count

cdef struct Pacer:
    int64_t rate_bps
    int64_t free_at
    int64_t left_at
    Queue media
    Queue repairs
    int64_t queued_bytes
    Probes probes

cdef struct Repetition:
    int64_t stream
    int number
    int64_t times

cdef struct Probator:
    uint32_t ssrc
    int payload_type
    int64_t next_number
    int header_size
    Layout* layout

cdef struct Padding:
    int64_t packets
    int64_t bytes
    SendStream** streams         # video with RTX, in order of addition
    int stream_count
    int stream_capacity
    Probator* probator
    Repetition repeated[65]
    int repeated_count

cdef struct Early:
    int64_t sequence
    int reason

cdef struct SendStream:
    int64_t id
    Transport* transport
    uint32_t ssrc
    uint32_t rtx_ssrc
    bint has_rtx
    uint8_t payload_types[128]
    int16_t rtx_payload_types[128]
    int64_t clock_rate
    bint needs_key_frame
    bint keep_ciphertext
    bint ignore_dtx
    bint paused
    bint urgent
    bint waiting
    bint traced
    int64_t source               # -1: none
    int64_t target
    int64_t routed[2]
    int routed_count
    Layout* layout
    Resends resends
    Numbering numbering
    int64_t drops[SEND_DROPS]
    int64_t packets
    int64_t bytes
    int64_t payload_bytes
    int64_t began_at
    bint has_began
    Early early[32]
    int early_count
    Packet* last_packet
    Segment last_segment
    bint has_last_segment
    int64_t last_sent
    bint has_last_sent
    uint32_t last_timestamp
    Selector layers
    int target_spatial
    int target_temporal
    int64_t gap_timestamp        # -1: none
    int gap_layer
