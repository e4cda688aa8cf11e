# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: c_string_type=bytes, embedsignature=True
"""The compiled data plane: twin of ``reference/plane.py``, which says how a packet travels.

Ids, names and Python objects stop in this file and in ``edge*.pxi``; the other ``.pxi`` files are C without the
GIL.
"""

from errno import errorcode

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from rtpfwd.dataplane.native.tables cimport *

from rtpfwd.dataplane.interface import (
    ALL_LAYERS, AudioLevelSample, Drop as _Drop, DtlsReceived, KeyFrameNeeded, KeyFrameReceived, Layers,
    LayersSwitched, NacksDue, OrientationChanged, PacketsMissing, PacketTrace, PlaneCounters, PlaneLimits, ReceiveCounters,
    ResolutionChanged, RtcpReceived, SendCounters, SendDrop as _SendDrop, SourceSwitched, StreamStarted,
    StunReceived, TransportCounters, UnknownSsrc,
)
from rtpfwd.errors import InvalidParameters, InvalidState, UnsupportedError
from rtpfwd.protocols.srtp import RtpReceiver, RtpSender, function_addresses
from rtpfwd.wire.extension_values import parse_mid, parse_rid
from rtpfwd.wire.header_extensions import (
    ABS_SEND_TIME, DEPENDENCY_DESCRIPTOR, MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, SSRC_AUDIO_LEVEL, TRANSPORT_CC,
    VIDEO_ORIENTATION,
)

OF_ONE_HOP = frozenset((MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, TRANSPORT_CC, ABS_SEND_TIME))
CODECS = {"video/vp8": CODEC_VP8, "video/vp9": CODEC_VP9, "video/h264": CODEC_H264, "video/av1": CODEC_AV1}
REASONS = tuple(_Drop)
SEND_REASONS = tuple(_SendDrop)
ARENA = 1 << 18
ITEMS = 1024

cdef enum:
    UPCALLS_AT_ONCE = 64

include "arithmetic.pxi"
include "memory.pxi"
include "rtp.pxi"
include "payloads.pxi"
include "bits.pxi"
include "dependency.pxi"
include "resolution.pxi"
include "layering.pxi"
include "history.pxi"
include "nack_delay.pxi"
include "nack.pxi"
include "audio_levels.pxi"
include "receive_stream.pxi"
include "numbering.pxi"
include "retransmission.pxi"
include "egress.pxi"
include "probing.pxi"
include "pacer.pxi"
include "padding.pxi"
include "rewriting.pxi"
include "writer.pxi"
include "upcalls.pxi"
include "picture_filter.pxi"
include "dependency_filter.pxi"
include "layer_selector.pxi"
include "send_stream.pxi"
include "turns.pxi"
include "route_table.pxi"
include "held.pxi"
include "ingress.pxi"
include "udp.pxi"
include "loop.pxi"
include "records.pxi"
include "edge.pxi"
include "edge_transports.pxi"
include "edge_streams.pxi"
include "edge_reports.pxi"
include "sink.pxi"


def reason_numbers():
    """The kernel's own numbers of the reasons in drops.py, for the test that compares them."""
    return (
        {
            "UNCLASSIFIED": UNCLASSIFIED, "DTLS_UNVALIDATED_TUPLE": DTLS_UNVALIDATED_TUPLE,
            "RTP_UNVALIDATED_TUPLE": RTP_UNVALIDATED_TUPLE, "RTCP_UNVALIDATED_TUPLE": RTCP_UNVALIDATED_TUPLE,
            "RTP_BEFORE_KEYS": RTP_BEFORE_KEYS, "RTCP_BEFORE_KEYS": RTCP_BEFORE_KEYS,
            "SRTP_AUTH_FAIL": SRTP_AUTH_FAIL, "SRTP_REPLAY": SRTP_REPLAY, "RTP_MALFORMED": RTP_MALFORMED,
            "RTP_TOO_BIG": RTP_TOO_BIG, "SSRC_LIMIT": SSRC_LIMIT, "UNKNOWN_SSRC": UNKNOWN_SSRC,
            "UNKNOWN_PAYLOAD_TYPE": UNKNOWN_PAYLOAD_TYPE, "PRODUCER_PAUSED": PRODUCER_PAUSED,
            "DUPLICATE": DUPLICATE, "TOO_OLD": TOO_OLD, "PADDING_ONLY": PADDING_ONLY,
            "RTX_MALFORMED": RTX_MALFORMED, "RTX_UNWANTED": RTX_UNWANTED, "SEQUENCE_JUMP": SEQUENCE_JUMP,
        },
        {
            "CONSUMER_PAUSED": CONSUMER_PAUSED, "NO_TUPLE": NO_TUPLE,
            "WAITING_FOR_KEY_FRAME": WAITING_FOR_KEY_FRAME, "OTHER_LAYER": OTHER_LAYER,
            "BEFORE_SWITCH": BEFORE_SWITCH, "PROTECT_FAILED": PROTECT_FAILED, "DTX": DTX,
            "UNKNOWN_PAYLOAD_TYPE": SEND_UNKNOWN_PAYLOAD_TYPE, "QUEUE_OVERFLOW": QUEUE_OVERFLOW,
            "SPATIAL_LAYER": SPATIAL_LAYER, "TEMPORAL_LAYER": TEMPORAL_LAYER,
        },
    )


cdef class NativePlane(ReportEdge):
    """``DataPlane`` compiled, over pylibsrtp's libsrtp by function address. See interface.py for what each
    method promises. Raises ``UnsupportedError`` where pylibsrtp hides its functions.
    """

    def __del__(self):
        self.stop()
        if self.transports is not None:
            for transport in list(self.transports):
                self.remove_transport(transport)
            for stream in list(self.streams):
                self.remove_receive_stream(stream)

    # -- packets -------------------------------------------------------------------------------------------

    def forward(self, arrived, now):
        """Take datagrams off the network, return those to send. With a thread of its own: nothing happens."""
        cdef Plane* plane = &self.plane
        cdef int64_t at = now
        cdef int size, place, index = 0
        cdef uint8_t* data
        cdef list batch = arrived if type(arrived) is list else list(arrived)
        if self.kernel != NULL:
            if batch:
                raise InvalidState("the sockets are the plane's own")
            return []
        if plane.claimed_count:
            release_claimed(plane, at)
        if plane.upcalls.head != plane.upcalls.tail:
            self.upcalls += drain(plane, True, batch)
        for datagram, path in batch:
            size = <int>PyBytes_GET_SIZE(datagram)
            data = <uint8_t*>PyBytes_AS_STRING(datagram)
            if size <= BUFFER_SIZE:
                memcpy(self.buffer, data, size)
                data = self.buffer
            number = self.path_numbers.get(path)
            place = -1 if number is None else number
            receive(plane, data, size, place, index, at)
            index += 1
        if plane.upcalls.head != plane.upcalls.tail:
            self.upcalls += drain(plane, True, batch)
        return self.collected()

    def retransmit(self, stream, sequence_numbers, rtt_us, now):
        """Answer a NACK on the RTX SSRC, or with the same ciphertext where the peer has no RTX."""
        cdef SendStream* entry = self.send_stream(stream)
        cdef Transport* transport = entry.transport
        cdef Outgoing* outgoing
        cdef int64_t at = now, rtt = rtt_us
        cdef int index, count = 0
        cdef uint16_t wanted[1024]
        if transport.path < 0:
            return []
        if len(sequence_numbers) > 1024:
            first = self.retransmit(stream, sequence_numbers[:1024], rtt_us, now)
            return first + self.retransmit(stream, sequence_numbers[1024:], rtt_us, now)
        for number in sequence_numbers:
            wanted[count] = number
            count += 1
        self.enter()
        for index in range(count):
            outgoing = repair_of(&self.plane, entry, wanted[index], rtt, at)
            if outgoing == NULL:
                continue
            if pacer_free(&transport.pacer, at):
                pacer_occupy(&transport.pacer, outgoing.size, at)
                depart(&self.plane, outgoing, at)
                drop_outgoing(&self.plane, outgoing)
            else:
                pacer_push(&self.plane, &transport.pacer, outgoing, True)
                start_pacing(&self.plane, transport)
        return self.left_and_collected()

    def next_timeout(self):
        """When the next packet may leave, or a probe goes on; at once while claimed packets wait."""
        if self.kernel != NULL:
            return None  # the thread looks after that
        cdef int64_t at = plane_next_timeout(&self.plane)
        return None if at < 0 else at

    def handle_timeout(self, now):
        """Packets and padding whose turn has come, and packets whose SSRC has been claimed."""
        if self.kernel != NULL:
            return []
        take_turns(&self.plane, now)
        return self.collected()

    # -- its own thread ------------------------------------------------------------------------------------

    def start(self, sockets, bell=-1, first_local=0):
        """Serve these UDP sockets (file descriptors, by index from ``first_local`` on) from a thread of the plane's
        own, which never waits for Python: it receives, forwards, paces and sends. Returns the descriptor that becomes
        readable when there are upcalls to take (``bell``, or a new one); ``heard`` quiets it. ``stop`` before the
        sockets are closed.
        """
        cdef Kernel* kernel
        cdef int index
        if self.kernel != NULL or self.transports or not 0 < len(sockets) <= MAX_SOCKETS:
            raise InvalidState("start once, before the first transport, with 1 to 16 sockets")
        kernel = <Kernel*>calloc(1, sizeof(Kernel))
        if kernel == NULL:
            raise MemoryError
        for index in range(len(sockets)):
            kernel.sockets[index] = sockets[index]
        kernel.socket_count = len(sockets)
        kernel.plane = &self.plane
        kernel.wakes_at = -1
        kernel.wake = make_eventfd()
        kernel.own_bell = bell < 0
        kernel.bell = make_eventfd() if kernel.own_bell else bell
        kernel.first_local = first_local
        pthread_mutex_init(&kernel.gate, NULL)
        pthread_mutex_init(&kernel.lock, NULL)
        kernel.spare.arena = <uint8_t*>malloc(LOOP_ARENA)
        kernel.spare.items = <OutItem*>malloc(ITEMS * sizeof(OutItem))
        kernel.spare.item_capacity = ITEMS
        kernel.spare.capacity = LOOP_ARENA
        free(self.plane.out.arena)
        free(self.plane.upcalls.data)
        self.plane.out.arena = <uint8_t*>malloc(LOOP_ARENA)
        self.plane.out.capacity = LOOP_ARENA
        if not (
            inbox_open(&kernel.inbox, kernel.sockets, kernel.socket_count)
            and outbox_open(&kernel.outbox, kernel.sockets, kernel.socket_count)
            and outbox_open(&kernel.control_outbox, kernel.sockets, kernel.socket_count)
            and ring_open(&self.plane.upcalls, FIXED_RING, True)
        ) or kernel.spare.arena == NULL or kernel.spare.items == NULL or self.plane.out.arena == NULL:
            raise MemoryError
        self.plane.trailer = ADDRESS_BYTES
        self.plane.flush = flush_to_sockets
        self.plane.owner = <void*>kernel
        self.kernel = kernel
        if pthread_create(&kernel.thread, NULL, kernel_run, <void*>kernel) != 0:
            raise MemoryError
        return kernel.bell

    def heard(self):
        """Take note of the descriptor that ``start`` gave; upcalls are to be taken afterwards."""
        if self.kernel != NULL:
            hear_bell(self.kernel.bell)

    def stop(self):
        """End the thread. The plane only answers questions from now on. Again is harmless."""
        cdef Kernel* kernel = self.kernel
        if kernel == NULL or load(&kernel.stop):
            return
        store(&kernel.stop, 1)
        ring_bell(kernel.wake)
        with nogil:
            pthread_join(kernel.thread, NULL)

    def socket_counters(self):
        """Running totals of the thread's sockets under flat names, as drivers/udp.py has them."""
        cdef Kernel* kernel = self.kernel
        if kernel == NULL:
            return {}
        return socket_counters_of(kernel)
