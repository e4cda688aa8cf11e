"""The seam between control plane and data plane: the only door into this floor. Ids and upcalls come
through it.

Happens per packet: inside. Happens per interval or per message: outside. Ids, integers, bytes and the
frozen records below cross the seam; objects with behaviour do not, so that a dict of Python objects and a
table of C structs can both stand behind it. The plane reads no clock and chooses nothing at random: times
and first numbers arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rtpfwd.clock import Instant
from rtpfwd.dataplane.drops import Drop as Drop
from rtpfwd.dataplane.drops import SendDrop as SendDrop
from rtpfwd.dataplane.ids import ReceiveStreamId as ReceiveStreamId
from rtpfwd.dataplane.ids import SendStreamId as SendStreamId
from rtpfwd.dataplane.ids import TransportId as TransportId
from rtpfwd.dataplane.records import AudioLevelSample as AudioLevelSample
from rtpfwd.dataplane.records import NacksDue as NacksDue
from rtpfwd.dataplane.records import PlaneCounters as PlaneCounters
from rtpfwd.dataplane.records import ReceiveCounters as ReceiveCounters
from rtpfwd.dataplane.records import SendCounters as SendCounters
from rtpfwd.dataplane.records import TransportCounters as TransportCounters
from rtpfwd.dataplane.tables import ALL_LAYERS as ALL_LAYERS
from rtpfwd.dataplane.tables import Layers as Layers
from rtpfwd.dataplane.tables import PlaneLimits as PlaneLimits
from rtpfwd.dataplane.tables import ProbatorSpec as ProbatorSpec
from rtpfwd.dataplane.tables import Probe as Probe
from rtpfwd.dataplane.tables import ReceiveStreamSpec as ReceiveStreamSpec
from rtpfwd.dataplane.tables import SendStreamSpec as SendStreamSpec
from rtpfwd.dataplane.upcalls import DtlsReceived as DtlsReceived
from rtpfwd.dataplane.upcalls import KeyFrameNeeded as KeyFrameNeeded
from rtpfwd.dataplane.upcalls import KeyFrameReceived as KeyFrameReceived
from rtpfwd.dataplane.upcalls import LayersSwitched as LayersSwitched
from rtpfwd.dataplane.upcalls import OrientationChanged as OrientationChanged
from rtpfwd.dataplane.upcalls import PacketsMissing as PacketsMissing
from rtpfwd.dataplane.upcalls import PacketTrace as PacketTrace
from rtpfwd.dataplane.upcalls import ResolutionChanged as ResolutionChanged
from rtpfwd.dataplane.upcalls import RtcpReceived as RtcpReceived
from rtpfwd.dataplane.upcalls import SourceSwitched as SourceSwitched
from rtpfwd.dataplane.upcalls import StreamStarted as StreamStarted
from rtpfwd.dataplane.upcalls import StunReceived as StunReceived
from rtpfwd.dataplane.upcalls import UnknownSsrc as UnknownSsrc
from rtpfwd.dataplane.upcalls import Upcall as Upcall
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path


class DataPlane(Protocol):
    """All work done once per packet. Nothing here waits, logs or reads a clock.

    Ids are the caller's; adding one twice or naming an unknown one raises ``InvalidState``.
    """

    # tables, written by the control plane

    def add_transport(self, transport: TransportId, shard: int = 0) -> None:
        """A transport without keys or paths; every packet of it is dropped until it has both.

        ``shard``: which part of the plane serves it, where it has parts (``sharded.py``); media goes between
        transports of one part only.
        """

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

    def set_source(
        self,
        stream: SendStreamId,
        source: ReceiveStreamId | None,
        now: Instant,
        layers: Layers = ALL_LAYERS,
    ) -> None:
        """The source that this stream shall forward: at once, or from its next key frame on when one is
        needed, and no more of it than ``layers``.

        Until then the present source goes on as it did. ``None`` stops at once. The same source with other
        layers: down from the next frame that allows it, up at the next switching point or key frame.
        ``KeyFrameNeeded`` is raised where only a key frame can bring the change about (a spatial layer up
        without a switching point, k-SVC down), ``LayersSwitched`` when it has come about.
        """

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """A resumed stream that needs one begins again at a key frame."""

    def set_receive_traced(self, stream: ReceiveStreamId, traced: bool) -> None:
        """Raise ``PacketTrace`` for every packet that the stream accepts."""

    def set_send_traced(self, stream: SendStreamId, traced: bool) -> None:
        """Raise ``PacketTrace`` for every packet that the stream sends, repairs included."""

    def set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        """How fast the transport's packets may leave, in bits per second; audio does not wait."""

    def set_probator(self, transport: TransportId, spec: ProbatorSpec | None) -> None:
        """The padding stream that the transport's peer knows, or none (any more).

        An SSRC that the transport has padded with before goes on with its numbers, whatever the first one
        is said to be: numbers must not repeat under the same keys.
        """

    def probe(self, transport: TransportId, probe: Probe, now: Instant) -> list[Datagram]:
        """Begin a probe, after the ones under way; gives what leaves at once. Ignored while the transport has
        nothing to pad with: neither a probator nor a video stream with RTX that has sent. A probe that cannot
        be completed in twice its time and 0.2 s is given up; at most eight wait.

        Raises ``InvalidParameters`` for a cluster or a rate below 1.
        """

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

    def take_departures(self, transport: TransportId) -> list[tuple[int, Instant, int, int]]:
        """(transport-wide sequence number, when sent, bytes of the datagram, probe cluster or 0) since the
        last call, in order. Only of packets that carry a transport-wide number, and not of the same
        ciphertext sent again, whose number is an old one. The last 4096 are kept; before the first call
        the last 64, since most transports have nobody who ever asks.
        """

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

    def transport_counters(self, transport: TransportId) -> TransportCounters:
        """The send queue of a transport."""

    def counters(self) -> PlaneCounters:
        """Running totals of the plane."""
