"""The seam between control plane and data plane: the only door into this floor. Ids and upcalls come
through it.

Happens per packet: inside. Happens per interval or per message: outside. Ids, integers, bytes and the
frozen records below cross the seam; objects with behaviour do not, so that a dict of Python objects and a
table of C structs can both stand behind it. The plane reads no clock and chooses nothing at random: times
and first numbers arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from rtpfwd.clock import Instant
from rtpfwd.dataplane.ids import ReceiveStreamId as ReceiveStreamId
from rtpfwd.dataplane.ids import SendStreamId as SendStreamId
from rtpfwd.dataplane.ids import TransportId as TransportId
from rtpfwd.dataplane.upcalls import DtlsReceived as DtlsReceived
from rtpfwd.dataplane.upcalls import KeyFrameNeeded as KeyFrameNeeded
from rtpfwd.dataplane.upcalls import KeyFrameReceived as KeyFrameReceived
from rtpfwd.dataplane.upcalls import OrientationChanged as OrientationChanged
from rtpfwd.dataplane.upcalls import PacketsMissing as PacketsMissing
from rtpfwd.dataplane.upcalls import PacketTrace as PacketTrace
from rtpfwd.dataplane.upcalls import RtcpReceived as RtcpReceived
from rtpfwd.dataplane.upcalls import SourceSwitched as SourceSwitched
from rtpfwd.dataplane.upcalls import StreamStarted as StreamStarted
from rtpfwd.dataplane.upcalls import StunReceived as StunReceived
from rtpfwd.dataplane.upcalls import UnknownSsrc as UnknownSsrc
from rtpfwd.dataplane.upcalls import Upcall as Upcall
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path


class Drop(IntEnum):
    """Why the plane dropped a packet. Every dropped packet counts under exactly one of these."""

    UNCLASSIFIED = 0
    """The first byte belongs to no protocol of RFC 7983, or the datagram is too short for the one it names.
    """
    DTLS_UNVALIDATED_TUPLE = 1
    RTP_UNVALIDATED_TUPLE = 2
    RTCP_UNVALIDATED_TUPLE = 3
    RTP_BEFORE_KEYS = 4
    RTCP_BEFORE_KEYS = 5
    SRTP_AUTH_FAIL = 6
    SRTP_REPLAY = 7
    RTP_MALFORMED = 8
    RTP_TOO_BIG = 9
    SSRC_LIMIT = 10
    """One SSRC more than the transport may introduce; refused before any decryption."""
    UNKNOWN_SSRC = 11
    """No stream claimed the SSRC and the few packets that are held for it are full."""
    UNKNOWN_PAYLOAD_TYPE = 12
    PRODUCER_PAUSED = 13
    DUPLICATE = 14
    TOO_OLD = 15
    PADDING_ONLY = 16
    RTX_MALFORMED = 17
    RTX_UNWANTED = 18
    """A retransmission of a packet that is already here, or of one too old to matter."""
    SEQUENCE_JUMP = 19
    """First packet after a jump in numbering: believed when the next one confirms it (RFC 3550 A.1)."""


class SendDrop(IntEnum):
    """Why a send stream did not forward a packet of its source."""

    CONSUMER_PAUSED = 0
    NO_TUPLE = 1
    """The transport has no selected tuple or no keys yet."""
    WAITING_FOR_KEY_FRAME = 2
    OTHER_LAYER = 3
    """A packet of a source that this stream has left, or has not switched to yet."""
    BEFORE_SWITCH = 4
    """Older than the first packet that this stream forwarded of the source."""
    PROTECT_FAILED = 5
    DTX = 6
    """Opus silence, for a consumer that asked to be spared it."""
    UNKNOWN_PAYLOAD_TYPE = 7
    """One of its producer's codecs that the consumer did not negotiate."""
    QUEUE_OVERFLOW = 8
    """Waited for its turn until the transport's queue was full."""


@dataclass(frozen=True, slots=True)
class PlaneLimits:
    """Bounds of the plane's own memory."""

    ssrcs_per_transport: int = 64
    """Receive SSRCs, held unknown ones included; more are refused before decryption."""
    held_packets_per_ssrc: int = 64
    """Decrypted packets kept for an SSRC until the control plane says whose it is."""
    history_packets: int = 2048
    """Packets kept of each receive stream for retransmission and duplicate detection; a power of two."""
    history_video_us: int = 2_000_000
    history_audio_us: int = 1_000_000
    nack_list: int = 1000
    nack_max_age: int = 10_000
    """In sequence numbers (mediasoup: same)."""
    nack_retries: int = 10
    audio_levels: int = 256
    """Audio levels kept of each receive stream until they are taken; the oldest go first."""
    packet_bytes: int = 1500
    """Largest RTP packet forwarded, header included, before SRTP's tag."""


@dataclass(frozen=True, slots=True)
class ReceiveStreamSpec:
    """A producer's encoding on the wire.

    ``extension_ids`` maps header extension URIs to the *producer's* ids; ``mapped_extension_ids`` to the
    router's.
    """

    transport: TransportId
    ssrc: int
    payload_types: Mapping[int, int]
    """Media payload types, producer's -> router's."""
    rtx_ssrc: int | None
    rtx_payload_types: Mapping[int, int]
    """RTX payload type -> the *media* payload type it repairs, both the producer's."""
    clock_rate: int
    mime_type: str
    extension_ids: Mapping[str, int]
    mapped_extension_ids: Mapping[str, int]
    use_nack: bool
    paused: bool = False


@dataclass(frozen=True, slots=True)
class SendStreamSpec:
    """A consumer's encoding on the wire."""

    transport: TransportId
    ssrc: int
    rtx_ssrc: int | None
    rtx_payload_types: Mapping[int, int]
    """Router's media payload type -> RTX payload type."""
    payload_types: frozenset[int]
    """Router's payload types that the consumer understands."""
    clock_rate: int
    mime_type: str
    mid: bytes
    extension_ids: Mapping[str, int]
    """Header extensions that the consumer takes, URI -> id."""
    first_sequence_number: int
    """Below 2^15, so that no receiver can miss the first wrap (reliability rule of SRTP's rollover counter).
    """
    first_rtx_sequence_number: int
    needs_key_frame: bool
    """Whether forwarding may begin only at a key frame (video whose descriptor is understood)."""
    keep_ciphertext: bool
    """Resend the very same ciphertext when asked (peers without RTX)."""
    paused: bool = False
    ignore_dtx: bool = False
    """Leave out Opus packets that carry no sound."""


# -- what the control plane reads
# ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NacksDue:
    """Sequence numbers (16 bits) to ask for again now, and when to come back."""

    sequence_numbers: tuple[int, ...]
    next_due: Instant | None


@dataclass(frozen=True, slots=True)
class AudioLevelSample:
    """How loud one packet of an audio stream was, by its sender's own word (RFC 6464 §3).

    ``level`` is 0 (overload) to 127 (silence) in -dBov; ``voice``: the sender believes that it is speech.
    """

    arrival: Instant
    level: int
    voice: bool


@dataclass(frozen=True, slots=True)
class ReceiveCounters:
    """Running totals of a receive stream (RFC 3550 A.3 words where it has them)."""

    packets: int = 0
    bytes: int = 0
    """RTP packets whole, after SRTP; media and restored RTX alike."""
    expected: int = 0
    """Packets that the numbering says were sent, over all restarts of it."""
    received: int = 0
    """Of these, the ones that arrived by themselves; what RTX restored does not count (reports are about the
    link).
    """
    highest_extended: int = 0
    """Extended highest sequence number received; meaningless while ``packets`` is 0."""
    jitter: int = 0
    """Interarrival jitter in RTP ticks."""
    discarded: int = 0
    duplicates: int = 0
    retransmitted: int = 0
    """RTX packets that arrived."""
    repaired: int = 0
    """RTX packets that filled a hole."""
    rtx_bytes: int = 0
    rtx_discarded: int = 0
    """RTX packets of no use: malformed, of an unknown payload type, or repairing what is not missing."""
    nack_requests: int = 0
    nack_packets: int = 0
    key_frames: int = 0
    last_arrival: Instant | None = None
    last_timestamp: int = 0


@dataclass(frozen=True, slots=True)
class SendCounters:
    """Running totals of a send stream."""

    packets: int = 0
    bytes: int = 0
    """RTP packets whole, before SRTP, retransmissions not included."""
    payload_bytes: int = 0
    """Sum of payload octets, for sender reports (RFC 3550 §6.4.1)."""
    retransmitted: int = 0
    retransmitted_bytes: int = 0
    rtx_packets: int = 0
    """Sent on the RTX SSRC."""
    rtx_payload_bytes: int = 0
    nack_packets: int = 0
    """Sequence numbers that the peer asked for."""
    not_found: int = 0
    """Asked for but no longer kept, or sent again less than a round trip ago."""
    over_budget: int = 0
    """Asked for but not resent, because repairs took their share of the stream already."""
    source: ReceiveStreamId | None = None
    timestamp_offset: int = 0
    """Outgoing minus source timestamp, modulo 2^32."""
    last_timestamp: int = 0
    last_sent: Instant | None = None
    highest_extended: int = 0
    drops: Mapping[SendDrop, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaneCounters:
    """Totals of the plane. ``datagrams`` = ``stun + dtls + rtcp + rtp + held + sum(drops)``, exactly."""

    datagrams: int
    stun: int
    dtls: int
    rtcp: int
    rtp: int
    """Packets that a receive stream accepted."""
    held: int
    """Packets waiting for their SSRC to be claimed."""
    forwarded: int
    """Packets sent, one for each consumer; retransmissions not included."""
    drops: Mapping[Drop, int]


class DataPlane(Protocol):
    """All work done once per packet. Nothing here waits, logs or reads a clock.

    Ids are the caller's; adding one twice or naming an unknown one raises ``InvalidState``.
    """

    # tables, written by the control plane

    def add_transport(self, transport: TransportId) -> None:
        """A transport without keys or paths; every packet of it is dropped until it has both."""

    def set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """Give the transport its SRTP keys, both directions; may be called once."""

    def set_receive_extensions(self, transport: TransportId, extension_ids: Mapping[str, int]) -> None:
        """Header extension ids (URI -> id) that the peer of this transport sends with."""

    def add_path(self, transport: TransportId, path: Path) -> None:
        """ICE has validated this 5-tuple: DTLS, RTP and RTCP from it belong to the transport."""

    def remove_path(self, path: Path) -> None:
        """Forget a 5-tuple; unknown ones are ignored."""

    def select_path(self, transport: TransportId, path: Path | None) -> None:
        """Where output of this transport goes; ``None`` stops output."""

    def add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        """Claim an SSRC (and its RTX SSRC); held packets of it go through at the next ``forward``."""

    def add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        """Claim the SSRC that repairs this stream, learnt later (RID simulcast: RFC 8852 §3)."""

    def set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        """Paused streams are counted and dropped."""

    def add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        """An outgoing stream without a source."""

    def set_source(self, stream: SendStreamId, source: ReceiveStreamId | None, now: Instant) -> None:
        """The source that this stream shall forward: at once, or from its next key frame on when one is
        needed.

        Until then the present source goes on. ``None`` stops at once.
        """

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """A resumed stream that needs one begins again at a key frame."""

    def set_receive_traced(self, stream: ReceiveStreamId, traced: bool) -> None:
        """Raise ``PacketTrace`` for every packet that the stream accepts."""

    def set_send_traced(self, stream: SendStreamId, traced: bool) -> None:
        """Raise ``PacketTrace`` for every packet that the stream sends, repairs included."""

    def set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        """How fast the transport's packets may leave, in bits per second; audio does not wait."""

    def remove_transport(self, transport: TransportId) -> None:
        """Remove it with its paths and all its streams."""

    def remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        """Send streams that have it as source keep their numbering for the next one."""

    def remove_send_stream(self, stream: SendStreamId) -> None:
        """Forget a send stream and what is kept for its retransmissions."""

    def retry_unknown(self, transport: TransportId) -> None:
        """Raise ``UnknownSsrc`` again for every SSRC that still waits (a producer was added)."""

    # packets

    def forward(self, arrived: Sequence[Datagram], now: Instant) -> list[Datagram]:
        """Take datagrams off the network, return those to send. Never raises on network input."""

    def retransmit(
        self, stream: SendStreamId, sequence_numbers: Sequence[int], rtt_us: int, now: Instant
    ) -> list[Datagram]:
        """Answer a NACK: at most one resend of a packet per ``rtt_us``."""

    def next_timeout(self) -> Instant | None:
        """When the plane next has something due by itself."""

    def handle_timeout(self, now: Instant) -> list[Datagram]:
        """Give what is due."""

    # what the control plane must know

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls since the last call, in order."""

    def take_arrivals(self, transport: TransportId) -> list[tuple[int, Instant]]:
        """(transport-wide sequence number, arrival time) since the last call, in order of arrival."""

    def take_audio_levels(self, stream: ReceiveStreamId) -> list[AudioLevelSample]:
        """Audio levels since the last call, in order of arrival; ``PlaneLimits.audio_levels`` at most.

        Original packets only: neither repetitions, nor retransmissions, nor what came while the stream was
        paused. Always empty for video, and without ``ssrc-audio-level`` in the stream's ``extension_ids``.
        """

    def due_nacks(self, stream: ReceiveStreamId, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask the publisher for now; counts each as asked."""

    def receive_counters(self, stream: ReceiveStreamId) -> ReceiveCounters:
        """Running totals of a receive stream."""

    def send_counters(self, stream: SendStreamId) -> SendCounters:
        """Running totals of a send stream."""

    def counters(self) -> PlaneCounters:
        """Running totals of the plane."""
