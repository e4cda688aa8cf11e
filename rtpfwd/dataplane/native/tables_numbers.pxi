# Numbers with names: limits of size, reasons, kinds.

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
