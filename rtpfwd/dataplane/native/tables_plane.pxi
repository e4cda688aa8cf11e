# Structs of route_table.py, and of the plane's edges.

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
