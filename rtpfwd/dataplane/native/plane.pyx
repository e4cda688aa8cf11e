# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: c_string_type=bytes, embedsignature=True
"""The compiled data plane: twin of ``reference/plane.py``, which says how a packet travels.

This file is its edge: ids, names and Python objects stop here, the ``.pxi`` files are C without the GIL.
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
include "ingress.pxi"
include "udp.pxi"
include "loop.pxi"
include "records.pxi"
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


cdef void _flush_to_list(Plane* plane) noexcept nogil:
    with gil:
        (<NativePlane>plane.owner).collect()


cdef class NativePlane:
    """``DataPlane`` compiled, over pylibsrtp's libsrtp by function address. See interface.py for what each
    method promises. Raises ``UnsupportedError`` where pylibsrtp hides its functions.
    """

    cdef Plane plane
    cdef object __weakref__
    cdef dict transports, streams, send_streams, sessions, specs, uris, layouts, probators
    cdef dict paths, path_numbers, paths_of, selected
    cdef list path_objects, path_users, free_paths, upcalls, out
    cdef uint8_t buffer[BUFFER_SIZE]
    cdef Kernel* kernel

    def __init__(self, limits=None):
        cdef Plane* plane = &self.plane
        limits = limits or PlaneLimits()
        calls = function_addresses()
        if "srtp_remove_stream" not in calls:
            raise UnsupportedError("pylibsrtp does not show libsrtp's functions")
        capacity = limits.history_packets
        if capacity & (capacity - 1):
            raise ValueError(f"history capacity {capacity} is not a power of two")
        plane.protect = <SrtpCall><uintptr_t>calls["srtp_protect"]
        plane.unprotect = <SrtpCall><uintptr_t>calls["srtp_unprotect"]
        plane.remove_stream = <SrtpRemove><uintptr_t>calls["srtp_remove_stream"]
        for name in ("ssrcs_per_transport", "held_packets_per_ssrc", "nack_list", "nack_retries", "audio_levels"):
            if getattr(limits, name) >= 1 << 30:
                raise ValueError(f"{name} is too large")
        plane.limits.ssrcs_per_transport = limits.ssrcs_per_transport
        plane.limits.held_packets_per_ssrc = limits.held_packets_per_ssrc
        plane.limits.history_packets = capacity
        plane.limits.history_video_us = limits.history_video_us
        plane.limits.history_audio_us = limits.history_audio_us
        plane.limits.nack_list = limits.nack_list
        plane.limits.nack_max_age = limits.nack_max_age
        plane.limits.nack_retries = limits.nack_retries
        plane.limits.audio_levels = limits.audio_levels
        plane.limits.packet_bytes = limits.packet_bytes
        plane.out.arena = <uint8_t*>malloc(ARENA)
        plane.out.capacity = ARENA
        plane.out.items = <OutItem*>malloc(ITEMS * sizeof(OutItem))
        plane.out.item_capacity = ITEMS
        plane.flush = _flush_to_list
        plane.owner = <void*>self
        if plane.out.arena == NULL or plane.out.items == NULL or not ring_open(&plane.upcalls, FIRST_RING, False):
            raise MemoryError
        self.transports, self.streams, self.send_streams, self.sessions = {}, {}, {}, {}
        self.specs, self.uris, self.layouts, self.probators = {}, {}, {}, {}
        self.paths, self.path_numbers, self.paths_of, self.selected = {}, {}, {}, {}
        self.path_objects, self.path_users, self.free_paths = [], [], []
        self.upcalls, self.out = [], []
        plane.dependency_uri = self.uri_number(DEPENDENCY_DESCRIPTOR)

    def __del__(self):
        self.stop()
        if self.transports is not None:
            for transport in list(self.transports):
                self.remove_transport(transport)
            for stream in list(self.streams):
                self.remove_receive_stream(stream)

    def __dealloc__(self):
        cdef Plane* plane = &self.plane
        cdef Outgoing* outgoing
        free(plane.out.arena)
        free(plane.out.items)
        free(plane.upcalls.data)
        free(plane.owner_of_path)
        free(plane.by_id)
        free(plane.claimed)
        free(plane.switched)
        while plane.free_outgoing != NULL:
            outgoing = plane.free_outgoing
            plane.free_outgoing = outgoing.next
            free(outgoing)
        free_pool(&plane.pool)
        if self.kernel != NULL:
            free_kernel(self.kernel)

    # -- tables --------------------------------------------------------------------------------------------

    def add_transport(self, transport):
        """A transport without keys or paths."""
        if transport in self.transports:
            raise InvalidState(f"transport {transport} is already in the table")
        cdef Transport* entry = new_transport(transport)
        if entry == NULL:
            raise MemoryError
        self.transports[transport] = <uintptr_t>entry
        self.paths_of[transport] = {}
        self.selected[transport] = None

    def set_keys(self, transport, keys):
        """Give the transport its SRTP keys."""
        cdef Transport* entry = self.transport(transport)
        if entry.receiver != NULL:
            raise InvalidState(f"transport {transport} already has its keys")
        receiver, sender = RtpReceiver(keys), RtpSender(keys)
        self.sessions[transport] = receiver, sender
        cdef uintptr_t receiving = receiver.address, sending = sender.address
        self.enter()
        entry.receiver = <void*>receiving
        entry.sender = <void*>sending
        self.leave()

    def set_receive_extensions(self, transport, extension_ids):
        """Header extension ids that the peer sends with."""
        cdef Transport* entry = self.transport(transport)
        cdef int transport_cc = extension_ids.get(TRANSPORT_CC, -1), mid = extension_ids.get(MID, -1)
        cdef int rid = extension_ids.get(RTP_STREAM_ID, -1)
        cdef int repaired_rid = extension_ids.get(REPAIRED_RTP_STREAM_ID, -1)
        self.enter()
        entry.transport_cc_id = transport_cc
        entry.mid_id = mid
        entry.rid_id = rid
        entry.repaired_rid_id = repaired_rid
        self.leave()

    def add_path(self, transport, path):
        """A validated 5-tuple."""
        cdef Transport* entry = self.transport(transport)
        cdef int number
        before = self.paths.get(path)
        if before is not None and before != transport:
            self.remove_path(path)
            before = None
        if before is None:
            self.paths[path] = transport
            self.paths_of[transport][path] = None
            number = self.use_path(path)
            self.enter()
            self.plane.owner_of_path[number] = entry
            self.leave()

    def remove_path(self, path):
        """Forget a 5-tuple."""
        owner = self.paths.pop(path, None)
        if owner is None:
            return
        self.paths_of[owner].pop(path, None)
        cdef int number = self.path_numbers[path]
        self.enter()
        self.plane.owner_of_path[number] = NULL
        self.leave()
        if self.selected[owner] == path:
            self.select_path(owner, None)
        self.leave_path(path)

    def select_path(self, transport, path):
        """Where output goes."""
        cdef Transport* entry = self.transport(transport)
        before, self.selected[transport] = self.selected[transport], path
        cdef int number = -1 if path is None else self.use_path(path)
        self.enter()
        entry.path = number
        self.leave()
        if before is not None:
            self.leave_path(before)

    def add_receive_stream(self, stream, spec):
        """Claim an SSRC; what is held for it goes through at the next ``forward`` or ``handle_timeout``."""
        cdef Transport* owner = self.transport(spec.transport)
        cdef ReceiveStream* entry
        cdef bint grown
        ssrcs = [ssrc for ssrc in (spec.ssrc, spec.rtx_ssrc) if ssrc is not None]
        taken = len(set(ssrcs)) < len(ssrcs)
        for ssrc in ssrcs:
            taken = taken or find_stream(owner, ssrc) != NULL or find_rtx(owner, ssrc) != NULL
        if stream in self.streams or taken:
            raise InvalidState(f"receive stream {stream} or one of its SSRCs {ssrcs} is already in the table")
        entry = new_receive_stream(&self.plane, stream, spec, self.uri_number)
        entry.transport = owner
        self.enter()
        grown = grow(
            <void**>&owner.streams, &owner.stream_capacity, owner.stream_count + 1, sizeof(ReceiveStream*)
        ) and index_stream(&self.plane, entry)
        if grown:
            owner.streams[owner.stream_count] = entry
            owner.stream_count += 1
            claim(&self.plane, owner, entry.ssrc)
        else:
            stream_close(&self.plane, entry)
        self.leave()
        if not grown:
            raise MemoryError
        self.streams[stream] = <uintptr_t>entry
        if spec.rtx_ssrc is not None:
            self.add_rtx_ssrc(stream, spec.rtx_ssrc)

    def add_rtx_ssrc(self, stream, ssrc):
        """Claim an RTX SSRC learnt later, giving up a former one."""
        cdef ReceiveStream* entry = self.stream(stream)
        cdef Transport* owner = entry.transport
        cdef ReceiveStream* taken = find_rtx(owner, ssrc)
        if find_stream(owner, ssrc) != NULL or (taken != NULL and taken is not entry):
            raise InvalidState(f"SSRC {ssrc} is already in the table")
        cdef uint32_t number = ssrc
        self.enter()
        cdef bint grown = entry.has_rtx or grow(
            <void**>&owner.rtx, &owner.rtx_capacity, owner.rtx_count + 1, sizeof(ReceiveStream*)
        )
        if grown:
            if not entry.has_rtx:
                owner.rtx[owner.rtx_count] = entry
                owner.rtx_count += 1
            entry.has_rtx = True
            entry.rtx_ssrc = number
            claim(&self.plane, owner, number)
        self.leave()
        if not grown:
            raise MemoryError

    def set_receive_paused(self, stream, paused):
        """Drop, or no longer drop, what arrives."""
        self.stream(stream).paused = paused

    def add_send_stream(self, stream, spec):
        """An outgoing stream without a source."""
        cdef SendStream* entry
        cdef Layout* layout
        cdef Transport* transport
        if stream in self.send_streams:
            raise InvalidState(f"send stream {stream} is already in the table")
        transport = self.transport(spec.transport)
        layout = self.use_layout(spec.extension_ids, spec.mid)
        entry = new_send_stream(stream, spec, transport, layout)
        self.send_streams[stream] = <uintptr_t>entry
        self.specs[stream] = spec
        if entry.has_rtx and not entry.urgent:
            self.enter()
            if grow(
                <void**>&transport.padding.streams, &transport.padding.stream_capacity,
                transport.padding.stream_count + 1, sizeof(SendStream*),
            ):
                transport.padding.streams[transport.padding.stream_count] = entry
                transport.padding.stream_count += 1
            self.leave()

    def set_source(self, stream, source, now, layers=ALL_LAYERS):
        """What this stream shall forward."""
        cdef SendStream* entry = self.send_stream(stream)
        if source is not None:
            self.stream(source)
        cdef int64_t number = -1 if source is None else source
        cdef int spatial = min(layers.spatial, 7), temporal = min(layers.temporal, 7)
        self.enter()
        if set_target(&self.plane, entry, number, spatial, temporal):
            up_stream(&self.plane, UP_KEY_FRAME_NEEDED, number)
        route(&self.plane, entry)
        self.leave()

    def set_send_paused(self, stream, paused):
        """Pause at once, resume at a key frame."""
        cdef SendStream* entry = self.send_stream(stream)
        cdef bint wanted = paused
        self.enter()
        set_paused(entry, wanted)
        self.leave()

    def set_receive_traced(self, stream, traced):
        """Tell every packet that arrives."""
        self.stream(stream).traced = traced

    def set_send_traced(self, stream, traced):
        """Tell every packet that leaves."""
        self.send_stream(stream).traced = traced

    def set_pacing_rate(self, transport, rate_bps):
        """How fast a transport's packets leave."""
        cdef Transport* entry = self.transport(transport)
        cdef int64_t rate = max(rate_bps, 1)
        self.enter()
        entry.pacer.rate_bps = rate
        self.leave()

    def set_probator(self, transport, spec):
        """The padding stream that the peer knows."""
        cdef Transport* entry = self.transport(transport)
        cdef Probator* probator = entry.padding.probator
        numbers = self.probators.setdefault(transport, {})
        if probator != NULL:
            self.enter()
            entry.padding.probator = NULL
            self.leave()
            numbers[probator.ssrc] = probator.next_number
            self.free_probator(probator)
        if spec is None:
            return
        probator = <Probator*>calloc(1, sizeof(Probator))
        if probator == NULL:
            raise MemoryError
        probator.ssrc = spec.ssrc
        probator.payload_type = spec.payload_type
        probator.next_number = numbers.get(spec.ssrc, spec.first_sequence_number)
        probator.layout = new_layout(spec.extension_ids, spec.mid, self.uri_number)
        probator.header_size = write_probator(probator, self.buffer, 0, 0, 0, self.buffer)
        self.enter()
        entry.padding.probator = probator
        self.leave()

    def probe(self, transport, probe, now):
        """Begin a probe, or put it behind the others."""
        cdef Transport* entry = self.transport(transport)
        cdef WaitingProbe waiting
        if probe.cluster < 1 or probe.rate_bps < 1:
            raise InvalidParameters(f"{probe}: need a cluster and a rate of 1 or more")
        if not padding_possible(&entry.padding):
            return []
        waiting.cluster = probe.cluster
        waiting.rate_bps = probe.rate_bps
        waiting.size_bytes = probe.size_bytes
        waiting.packets = probe.packets
        cdef int64_t at = now
        self.enter()
        pacer_probe(&entry.pacer, &waiting, at)
        start_pacing(&self.plane, entry)
        take_turn(&self.plane, entry, at)
        return self.left_and_collected()

    def remove_transport(self, transport):
        """Remove it with its paths and streams."""
        cdef Transport* entry = self.transport(transport)
        for path in list(self.paths_of[transport]):
            self.remove_path(path)
        if self.selected[transport] is not None:
            self.select_path(transport, None)
        while entry.stream_count:
            self.remove_receive_stream(entry.streams[0].id)
        for stream in [one for one, spec in self.specs.items() if spec.transport == transport]:
            self.remove_send_stream(stream)
        self.enter()
        forget_held(&self.plane, entry)
        self.leave()
        self.free_probator(entry.padding.probator)
        self.enter()
        free_transport(&self.plane, entry)
        self.leave()
        del self.transports[transport], self.paths_of[transport], self.selected[transport]
        self.sessions.pop(transport, None)
        self.probators.pop(transport, None)

    def remove_receive_stream(self, stream):
        """Forget a receive stream."""
        # SRTP goes on to know its SSRC: a publisher that comes back with it has its rollover count.
        cdef ReceiveStream* gone = self.stream(stream)
        cdef int index
        self.enter()
        remove_pointer(<void**>gone.transport.streams, &gone.transport.stream_count, gone)
        remove_pointer(<void**>gone.transport.rtx, &gone.transport.rtx_count, gone)
        unindex_stream(&self.plane, gone)
        for index in range(gone.route_count):
            lost_source(gone.routes[index], gone.id)
            route(&self.plane, gone.routes[index])
        stream_close(&self.plane, gone)
        self.leave()
        del self.streams[stream]

    def remove_send_stream(self, stream):
        """Forget a send stream."""
        cdef SendStream* entry = self.send_stream(stream)
        cdef Transport* transport = entry.transport
        self.enter()
        pacer_forget(&self.plane, &transport.pacer, entry)
        padding_remove(&transport.padding, entry)
        unroute(&self.plane, entry)
        if transport.sender != NULL:
            self.plane.remove_stream(transport.sender, htonl(entry.ssrc))
            if entry.has_rtx:
                self.plane.remove_stream(transport.sender, htonl(entry.rtx_ssrc))
        send_close(&self.plane, entry)
        self.leave()
        self.leave_layout(self.specs.pop(stream))
        del self.send_streams[stream]

    def retry_unknown(self, transport):
        """Ask again whose the held SSRCs are."""
        cdef Transport* entry = self.transport(transport)
        self.enter()
        retry_held(&self.plane, entry)
        self.leave()

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

    # -- what the control plane must know ------------------------------------------------------------------

    def take_upcalls(self):
        """Upcalls since the last call."""
        upcalls, self.upcalls = self.upcalls, []
        return upcalls + drain(&self.plane, self.kernel == NULL)

    def take_arrivals(self, transport):
        """Transport-wide arrivals since the last call."""
        cdef Transport* entry = self.transport(transport)
        cdef Arrival* taken
        cdef int count
        self.enter()
        taken, count = entry.arrivals, entry.arrival_count
        entry.arrivals = NULL
        entry.arrival_count = entry.arrival_capacity = 0
        self.leave()
        return arrivals_of(taken, count)

    def take_departures(self, transport):
        """What left with a transport-wide number since the last call."""
        cdef Transport* entry = self.transport(transport)
        cdef Departure* taken
        cdef int count, first, capacity
        self.enter()
        taken, count = entry.departures, entry.departure_count
        first, capacity = entry.first_departure, entry.departure_capacity
        entry.departures = NULL
        entry.first_departure = entry.departure_count = entry.departure_capacity = 0
        entry.departure_limit = DEPARTURES_KEPT
        entry.departures_taken += count
        self.leave()
        return departures_of(taken, count, first, capacity)

    def take_audio_levels(self, stream):
        """Audio levels since the last call."""
        cdef AudioLevels* levels = &self.stream(stream).audio_levels
        cdef AudioLevels taken
        self.enter()
        taken = levels[0]
        levels.samples = NULL
        levels.first = levels.count = 0
        self.leave()
        return levels_of(&taken)

    def due_nacks(self, stream, rtt_us, now):
        """What to ask the publisher for now."""
        cdef ReceiveStream* entry = self.stream(stream)
        cdef int64_t at = now, rtt = rtt_us, next_due = -1
        cdef uint16_t* asking = NULL
        cdef int asked = 0
        self.enter()
        if entry.nacks != NULL:
            asking = <uint16_t*>malloc((entry.nacks.count + 1) * sizeof(uint16_t))
        if asking != NULL:
            asked = nacks_due(&self.plane.limits, entry.nacks, rtt, at, asking, &next_due)
            entry.nack_requests += asked > 0
            entry.nack_packets += asked
        self.leave()
        return nacks_of(asking, asked, next_due)

    def receive_counters(self, stream):
        """Running totals of a receive stream."""
        return receive_counters_of(self.stream(stream))

    def send_counters(self, stream):
        """Running totals of a send stream."""
        return send_counters_of(self.send_stream(stream))

    def transport_counters(self, transport):
        """The send queue of a transport."""
        return transport_counters_of(self.transport(transport))

    def counters(self):
        """Running totals of the plane."""
        return plane_counters_of(&self.plane)

    def left(self):
        """What is in the tables, by name: for tests."""
        found = {
            "transports": self.transports, "paths": self.paths, "streams": self.streams,
            "send_streams": self.send_streams, "upcalls": self.upcalls, "layouts": self.layouts,
            "path numbers": self.path_numbers, "sessions": self.sessions, "specs": self.specs,
        }
        counts = {name: len(one) for name, one in found.items() if one}
        if self.plane.claimed_count:
            counts["claimed"] = self.plane.claimed_count
        if self.plane.pool.in_use:
            counts["packets"] = self.plane.pool.in_use
        return counts

    # -- its own thread ------------------------------------------------------------------------------------

    def start(self, sockets):
        """Serve these UDP sockets (file descriptors, by index) from a thread of the plane's own, which never
        waits for Python: it receives, forwards, paces and sends. Returns the descriptor that becomes readable
        when there are upcalls to take; give it to ``heard`` then. ``stop`` before the sockets are closed.
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
        kernel.bell = make_eventfd()
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

    # -- inside --------------------------------------------------------------------------------------------

    cdef Transport* transport(self, number) except NULL:
        address = self.transports.get(number)
        if address is None:
            raise InvalidState(f"no transport {number} in the table")
        return <Transport*><uintptr_t>address

    cdef ReceiveStream* stream(self, number) except NULL:
        address = self.streams.get(number)
        if address is None:
            raise InvalidState(f"no receive stream {number} in the table")
        return <ReceiveStream*><uintptr_t>address

    cdef SendStream* send_stream(self, number) except NULL:
        address = self.send_streams.get(number)
        if address is None:
            raise InvalidState(f"no send stream {number} in the table")
        return <SendStream*><uintptr_t>address

    cdef int use_path(self, path) except -1:
        cdef bint grown
        cdef int wanted
        number = self.path_numbers.get(path)
        if number is None:
            if self.free_paths:
                number = self.free_paths.pop()
                self.path_objects[number] = path
            else:
                number = len(self.path_objects)
                wanted = number + 1
                self.enter()
                grown = grow(
                    <void**>&self.plane.owner_of_path, &self.plane.path_capacity, wanted, sizeof(Transport*)
                )
                self.leave()
                if not grown:
                    raise MemoryError
                self.path_objects.append(path)
                self.path_users.append(0)
            self.plane.owner_of_path[<int>number] = NULL
            self.path_numbers[path] = number
            if self.kernel != NULL:
                self.learn_address(number, path)
        self.path_users[number] += 1
        return number

    cdef int leave_path(self, path) except -1:
        number = self.path_numbers[path]
        self.path_users[number] -= 1
        if not self.path_users[number]:
            del self.path_numbers[path]
            if self.kernel != NULL:
                self.enter()
                remove_address(self.kernel, number)
                self.leave()
            self.path_objects[number] = None
            self.free_paths.append(number)
        return 0

    def uri_number(self, uri):
        return self.uris.setdefault(uri, len(self.uris))

    cdef Layout* use_layout(self, extension_ids, mid) except NULL:
        # Shared by send streams of equal terms, and gone with the last of them.
        cdef Layout* layout
        key = (tuple(sorted(extension_ids.items())), mid)
        address = self.layouts.get(key)
        if address is None:
            layout = new_layout(extension_ids, mid, self.uri_number)
            self.layouts[key] = <uintptr_t>layout
        else:
            layout = <Layout*><uintptr_t>address
        layout.refs += 1
        return layout

    cdef int leave_layout(self, spec) except -1:
        key = (tuple(sorted(spec.extension_ids.items())), spec.mid)
        cdef Layout* layout = <Layout*><uintptr_t>self.layouts[key]
        layout.refs -= 1
        if not layout.refs:
            free_layout(layout)
            del self.layouts[key]
        return 0

    cdef int free_probator(self, Probator* probator) except -1:
        if probator != NULL:
            free_layout(probator.layout)
            free(probator)
        return 0

    cdef int learn_address(self, int number, path) except -1:
        cdef Address address
        cdef bint known
        local, remote = path
        host = remote[0].encode()
        flow, scope = remote[2:4] if len(remote) == 4 else (0, 0)
        if not address_of(&address, local, host, remote[1], flow, scope):
            raise InvalidParameters(f"path {path}: need a local socket and an IP address")
        self.enter()
        known = add_address(self.kernel, number, &address)
        self.leave()
        if not known:
            raise MemoryError
        return 0

    cdef inline void enter(self) noexcept:
        # With the GIL held: the kernel's thread never wants it and gives way after the packet at hand, and no
        # other Python thread can come between. Only C may follow until ``leave``.
        if self.kernel != NULL:
            store(&self.kernel.wanted, 1)
            kernel_enter(self.kernel)
            store(&self.kernel.wanted, 0)

    cdef inline void leave(self) noexcept:
        cdef Kernel* kernel = self.kernel
        cdef int64_t at
        if kernel == NULL:
            return
        if self.plane.out.count:
            flush_to_sockets(&self.plane)
        at = plane_next_timeout(&self.plane) if self.plane.claimed_count or self.plane.pacing_first != NULL else -1
        if at >= 0 and (kernel.wakes_at < 0 or at < kernel.wakes_at):
            kernel.wakes_at = at
            ring_bell(kernel.wake)
        kernel_leave(kernel)

    cdef list left_and_collected(self):
        self.leave()
        return [] if self.kernel != NULL else self.collected()

    def collect(self):
        cdef Out* out = &self.plane.out
        cdef int index
        cdef OutItem* item
        for index in range(out.count):
            item = &out.items[index]
            self.out.append((
                PyBytes_FromStringAndSize(<const char*>(out.arena + item.start), item.size),
                self.path_objects[item.path],
            ))
        out.count = 0
        out.used = 0

    cdef list collected(self):
        self.collect()
        found, self.out = self.out, []
        return found
