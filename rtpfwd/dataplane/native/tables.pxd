# All structs of the kernel: what the reference keeps in the classes of its files, named the same.
#
# Times are microseconds, numbers extended unless a name says otherwise. -1 stands for an absent id, path or
# payload type. Memory is the plane's own; who holds a Packet or a Blob counts in its ``refs``.

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "checks.h" nogil:
    void check "rtpfwd_check"(bint condition)

cdef enum:
    BUFFER_SIZE = 2048           # srtp.py: bytes of a packet with its SRTP trailer
    MAX_TRAILER = 20
    DROPS = 20
    SEND_DROPS = 11
    PACKET_CLASSES = 3

ctypedef int Drop
cdef enum:
    DROP_NONE = -1
    UNCLASSIFIED = 0
    DTLS_UNVALIDATED_TUPLE
    RTP_UNVALIDATED_TUPLE
    RTCP_UNVALIDATED_TUPLE
    RTP_BEFORE_KEYS
    RTCP_BEFORE_KEYS
    SRTP_AUTH_FAIL
    SRTP_REPLAY
    RTP_MALFORMED
    RTP_TOO_BIG
    SSRC_LIMIT
    UNKNOWN_SSRC
    UNKNOWN_PAYLOAD_TYPE
    PRODUCER_PAUSED
    DUPLICATE
    TOO_OLD
    PADDING_ONLY
    RTX_MALFORMED
    RTX_UNWANTED
    SEQUENCE_JUMP

ctypedef int SendDrop
cdef enum:
    SEND_OK = -1
    CONSUMER_PAUSED = 0
    NO_TUPLE
    WAITING_FOR_KEY_FRAME
    OTHER_LAYER
    BEFORE_SWITCH
    PROTECT_FAILED
    DTX
    SEND_UNKNOWN_PAYLOAD_TYPE
    QUEUE_OVERFLOW
    SPATIAL_LAYER
    TEMPORAL_LAYER

ctypedef int Kind
cdef enum:
    KIND_UNKNOWN
    KIND_STUN
    KIND_DTLS
    KIND_RTP
    KIND_RTCP
    KINDS

ctypedef int Codec
cdef enum:
    CODEC_NONE
    CODEC_VP8
    CODEC_VP9
    CODEC_H264
    CODEC_AV1

ctypedef int UpcallKind
cdef enum:
    UP_SKIP                      # the rest of the ring is unused: go on at its start
    UP_STUN
    UP_DTLS
    UP_RTCP
    UP_UNKNOWN_SSRC
    UP_PACKETS_MISSING
    UP_KEY_FRAME_RECEIVED
    UP_KEY_FRAME_NEEDED
    UP_STREAM_STARTED
    UP_SOURCE_SWITCHED
    UP_LAYERS_SWITCHED
    UP_RESOLUTION_CHANGED
    UP_ORIENTATION_CHANGED
    UP_PACKET_TRACE

# -- packet.py and wire ------------------------------------------------------------------------------------

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

# -- receiving ---------------------------------------------------------------------------------------------

cdef struct History:
    Packet** ring                # nothing allocated before the first packet
    Packet** arrivals
    int capacity
    int64_t mask
    int first_arrival
    int arrival_count
    int64_t keep_us
    int64_t floor
    int64_t highest
    bint has_highest

cdef struct Hole:
    int64_t lateness_us          # -1: it did not fill by itself
    uint64_t serial

cdef struct RepairedHole:
    int64_t sequence
    int64_t seen_at
    uint64_t hole                # serial of its Hole
    bint arrived

cdef struct NackDelay:
    int64_t delay_us
    Hole holes[256]
    int first_hole
    int hole_count
    uint64_t serial
    RepairedHole repaired[129]
    int repaired_count
    bint any_arrived

cdef struct Missing:
    int64_t sequence
    int64_t asked_at
    int64_t seen_at
    int64_t next_at
    int asked

cdef struct NackList:
    Missing* missing             # ascending
    int count
    int capacity
    int64_t key_frames[32]
    int first_key_frame
    int key_frame_count
    int64_t highest
    bint has_highest
    int64_t last_at
    bint has_last_at
    bint news
    int64_t rtt_us
    bint uses_rtx
    NackDelay delay

cdef struct LevelSample:
    int64_t arrival
    int value                    # the byte, or -1 where the element was no level

cdef struct AudioLevels:
    int element_id               # -1: not noted
    LevelSample* samples
    int capacity
    int first
    int count

cdef struct ReceiveStream:
    int64_t id
    Transport* transport
    uint32_t ssrc
    uint32_t rtx_ssrc
    bint has_rtx
    int16_t payload_types[128]
    int16_t rtx_payload_types[128]
    int16_t uri_of_id[256]
    int orientation_id
    bint is_video
    int dependency_id
    DependencyReader dependency
    Layering layering
    int64_t clock_rate
    Codec codec
    bint use_nack
    bint paused
    bint traced
    History history
    NackList* nacks
    AudioLevels audio_levels
    int64_t packets
    int64_t bytes
    int64_t original
    int64_t discarded
    int64_t duplicates
    int64_t retransmitted
    int64_t repaired
    int64_t rtx_bytes
    int64_t rtx_discarded
    int64_t key_frames
    int64_t nack_requests
    int64_t nack_packets
    int64_t last_arrival
    bint has_last_arrival
    uint32_t last_timestamp
    int64_t last_key_timestamp   # -1: none yet
    int orientation              # -1: none yet
    bint started
    int64_t highest
    int64_t cycle_first
    int64_t expected_before
    int bad_sequence             # -1: none
    int64_t jitter_q4
    int64_t last_transit         # -1: none yet
    int64_t last_jitter_timestamp  # -1: none yet
    SendStream** routes
    int route_count
    int route_capacity

# -- sending -----------------------------------------------------------------------------------------------

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

# -- route_table.py ----------------------------------------------------------------------------------------

cdef struct Held:
    uint32_t ssrc
    int64_t since
    int64_t last
    Blob** packets
    int count
    int capacity

cdef struct Arrival:
    int64_t at
    uint16_t number

cdef struct Departure:
    int64_t at
    int64_t cluster
    int32_t size
    uint16_t number

cdef struct Transport:
    int64_t id
    int path                     # selected, -1: none
    void* receiver               # srtp_t
    void* sender
    int transport_cc_id
    int mid_id
    int rid_id
    int repaired_rid_id
    ReceiveStream** streams
    int stream_count
    int stream_capacity
    ReceiveStream** rtx          # by their rtx_ssrc
    int rtx_count
    int rtx_capacity
    Held** held
    int held_count
    int held_capacity
    Arrival* arrivals
    int arrival_count
    int arrival_capacity
    Departure* departures
    int first_departure
    int departure_count
    int departure_capacity
    int departure_limit
    int64_t departures_taken
    int64_t unsent
    int64_t next_number
    Pacer pacer
    Padding padding
    Transport* pacing_before
    Transport* pacing_after
    bint in_pacing

cdef struct Claim:
    Transport* transport
    Held* held

cdef struct Limits:
    int ssrcs_per_transport
    int held_packets_per_ssrc
    int history_packets
    int64_t history_video_us
    int64_t history_audio_us
    int nack_list
    int64_t nack_max_age
    int nack_retries
    int audio_levels
    int packet_bytes

# -- the edges ---------------------------------------------------------------------------------------------

cdef struct OutItem:
    size_t start
    int size
    int path
    int next                     # of the same path in this batch, for the loop; -1: the last
    bint follows                 # another of the same path

cdef struct Out:
    uint8_t* arena
    size_t used
    size_t capacity
    OutItem* items
    int count
    int item_capacity

cdef struct Ring:                # upcalls: one writer, one reader
    uint8_t* data
    uint64_t capacity            # a power of two
    uint64_t head                # written up to here
    uint64_t tail                # read up to here
    uint64_t written             # by the record being written
    bint fixed                   # full means lost, and counted; else it grows
    int64_t lost

ctypedef int (*SrtpCall)(void* session, void* packet, int* length) noexcept nogil
ctypedef int (*SrtpRemove)(void* session, unsigned int ssrc) noexcept nogil

cdef struct Plane:
    Limits limits
    Pool pool
    Ring upcalls
    Out out
    void (*flush)(Plane* plane) noexcept nogil   # when ``out`` is full
    void* owner                  # flush's own
    int trailer                  # bytes behind a datagram that go up with it
    SrtpCall protect
    SrtpCall unprotect
    SrtpRemove remove_stream
    Transport** owner_of_path
    int path_capacity
    ReceiveStream** by_id        # open addressing
    int by_id_capacity
    int by_id_count
    Transport* pacing_first
    Transport* pacing_last
    Claim* claimed
    int claimed_count
    int claimed_capacity
    SendStream** switched        # during one packet's routing
    int switched_count
    int switched_capacity
    Outgoing* free_outgoing
    Elements elements
    uint8_t scratch[4096]
    uint8_t dependency[512]
    int dependency_uri
    int sent_size                # of the last datagram that left, SRTP included
    int64_t drops[DROPS]
    int64_t kinds[KINDS]
    int64_t datagrams
    int64_t accepted
    int64_t held
    int64_t forwarded
