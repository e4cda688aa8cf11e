# Structs of a stream that comes: history, holes, levels.

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
