"""The routing table: 5-tuple -> transport, SSRC -> receive stream, receive stream -> send streams.

Sources are looked up by authenticated facts only: paths come from ICE, SSRCs from packets that SRTP has let
through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import ReceiveStreamId, TransportCounters, TransportId
from rtpfwd.dataplane.reference.pacer import Pacer
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.padding import Padding
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.srtp import RtpReceiver, RtpSender
from rtpfwd.wire.datagram import Path

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.send_stream import SendStream

ARRIVALS_KEPT = 4096  # of the control plane's 100 ms: forty thousand packets a second
DEPARTURES_KEPT = 4096
DEPARTURES_KEPT_UNASKED = 64
"""Until somebody takes departures for the first time: most transports have nobody who ever does."""


class Held:
    """Decrypted packets of an SSRC that nobody has claimed: the first from ``since``; ``last`` heard then."""

    __slots__ = ("last", "packets", "since")

    def __init__(self, since: Instant) -> None:
        self.since = self.last = since
        self.packets: list[bytes] = []


class Transport:
    """What the plane knows of one transport."""

    __slots__ = (
        "_departures_taken",
        "_next_number",
        "arrivals",
        "departures",
        "extension_ids",
        "held",
        "id",
        "pacer",
        "padding",
        "paths",
        "probes",
        "receiver",
        "rtx",
        "selected",
        "sender",
        "streams",
        "unsent",
    )

    def __init__(self, transport: TransportId) -> None:
        self.id = transport
        self.paths: dict[Path, None] = {}
        self.selected: Path | None = None
        self.receiver: RtpReceiver | None = None
        self.sender: RtpSender | None = None
        self.extension_ids: Mapping[str, int] = {}
        self.streams: dict[int, ReceiveStream] = {}
        self.rtx: dict[int, ReceiveStream] = {}
        self.held: dict[int, Held] = {}
        self.arrivals: list[tuple[int, Instant]] = []
        self.pacer = Pacer()
        self.probes = self.pacer.probes
        self.padding = Padding()
        self.departures: deque[tuple[int, Instant, int, int]] = deque(maxlen=DEPARTURES_KEPT_UNASKED)
        self.unsent = 0
        """Transport-wide numbers that were given to packets which then could not be protected."""
        self._departures_taken = 0
        self._next_number = 0

    def next_number(self) -> int:
        """The next transport-wide sequence number for a packet to this peer."""
        number = self._next_number
        self._next_number = number + 1
        return number & 0xFFFF

    def note_departure(self, number: int, size: int, now: Instant) -> None:
        """A numbered packet left, ``size`` bytes with SRTP: record it, and count it for a probe under way."""
        probes = self.probes
        self.departures.append((number, now, size, probes.cluster))
        if probes.cluster:
            probes.count(size, now)

    def take_departures(self) -> list[tuple[int, Instant, int, int]]:
        """What left since the last call, in order; of more than are kept, the last."""
        taken = list(self.departures)
        if self.departures.maxlen == DEPARTURES_KEPT_UNASKED:
            self.departures = deque(maxlen=DEPARTURES_KEPT)
        self.departures.clear()
        self._departures_taken += len(taken)
        return taken

    def counters(self) -> TransportCounters:
        """Running totals of the send queue."""
        # Every number that was given is taken, kept, lost, or was never sent.
        lost = self._next_number - self.unsent - self._departures_taken - len(self.departures)
        return TransportCounters(
            queued_packets=len(self.pacer),
            queued_bytes=self.pacer.queued_bytes,
            padding_packets=self.padding.packets,
            padding_bytes=self.padding.bytes,
            probing=bool(self.probes.cluster),
            probes_dropped=self.probes.dropped,
            departures_lost=lost,
        )

    def ssrc_count(self) -> int:
        """Receive SSRCs in use, held ones included."""
        return len(self.streams) + len(self.rtx) + len(self.held)

    def forget_received(self, ssrc: int) -> None:
        """SRTP keeps a stream for each SSRC, in a list that it walks: let go of one that is over."""
        if self.receiver is not None:
            self.receiver.remove(ssrc)

    def forget_sent(self, ssrc: int) -> None:
        """The same for one that we sent; nothing may be sent on it again."""
        if self.sender is not None:
            self.sender.remove(ssrc)

    def note_arrival(self, number: int, now: Instant) -> None:
        """Record a transport-wide number for the next feedback."""
        if len(self.arrivals) < ARRIVALS_KEPT:
            self.arrivals.append((number, now))


class RouteTable:
    """All tables. Adding twice or naming an unknown id raises ``InvalidState``."""

    def __init__(self) -> None:
        self.transports: dict[TransportId, Transport] = {}
        self.paths: dict[Path, Transport] = {}
        self.streams: dict[ReceiveStreamId, ReceiveStream] = {}
        self.routes: dict[ReceiveStreamId, list[SendStream]] = {}
        self.pacing: dict[TransportId, Transport] = {}
        """Transports with packets that wait for their turn."""

    def add_transport(self, transport: TransportId) -> None:
        """A new, empty transport."""
        if transport in self.transports:
            raise InvalidState(f"transport {transport} is already in the table")
        self.transports[transport] = Transport(transport)

    def transport(self, transport: TransportId) -> Transport:
        """The transport of that id."""
        try:
            return self.transports[transport]
        except KeyError:
            raise InvalidState(f"no transport {transport} in the table") from None

    def stream(self, stream: ReceiveStreamId) -> ReceiveStream:
        """The receive stream of that id."""
        try:
            return self.streams[stream]
        except KeyError:
            raise InvalidState(f"no receive stream {stream} in the table") from None

    def add_path(self, transport: TransportId, path: Path) -> None:
        """A path has one transport: the last that ICE validated it for."""
        owner = self.transport(transport)
        before = self.paths.get(path)
        if before is not None and before is not owner:
            self.remove_path(path)
        self.paths[path] = owner
        owner.paths[path] = None

    def remove_path(self, path: Path) -> None:
        """Forget a path, also as the selected one."""
        owner = self.paths.pop(path, None)
        if owner is not None:
            owner.paths.pop(path, None)
            if owner.selected == path:
                owner.selected = None

    def add_stream(self, stream: ReceiveStream) -> None:
        """Claim the stream's SSRCs."""
        owner = self.transport(stream.spec.transport)
        ssrcs = [ssrc for ssrc in (stream.spec.ssrc, stream.rtx_ssrc) if ssrc is not None]
        taken = len(set(ssrcs)) < len(ssrcs) or any(
            ssrc in owner.streams or ssrc in owner.rtx for ssrc in ssrcs
        )
        if stream.id in self.streams or taken:
            raise InvalidState(
                f"receive stream {stream.id} or one of its SSRCs {ssrcs} is already in the table"
            )
        self.streams[stream.id] = stream
        self.routes.setdefault(stream.id, [])
        owner.streams[stream.spec.ssrc] = stream
        if stream.rtx_ssrc is not None:
            self.add_rtx(stream, stream.rtx_ssrc)

    def add_rtx(self, stream: ReceiveStream, ssrc: int) -> None:
        """Claim the SSRC of a stream's retransmissions, giving up a former one."""
        owner = self.transport(stream.spec.transport)
        if ssrc in owner.streams or owner.rtx.get(ssrc, stream) is not stream:
            raise InvalidState(f"SSRC {ssrc} is already in the table")
        if stream.rtx_ssrc is not None:
            owner.rtx.pop(stream.rtx_ssrc, None)
        stream.rtx_ssrc = ssrc
        owner.rtx[ssrc] = stream

    def find_packet(self, stream: ReceiveStreamId, sequence: int) -> Packet | None:
        """A packet of a receive stream by its extended number, while it is kept."""
        entry = self.streams.get(stream)
        return entry.history.get(sequence) if entry is not None else None

    def remove_stream(self, stream: ReceiveStreamId) -> list[SendStream]:
        """Forget a receive stream; returns the send streams that were routed from it."""
        gone = self.stream(stream)
        del self.streams[stream]
        owner = self.transports.get(gone.spec.transport)
        if owner is not None:
            owner.streams.pop(gone.spec.ssrc, None)
            if gone.rtx_ssrc is not None:
                owner.rtx.pop(gone.rtx_ssrc, None)
        return self.routes.pop(stream, [])

    def route(self, send_stream: SendStream) -> None:
        """Write the routes of a send stream anew: from its source and its target."""
        self.unroute(send_stream)
        for source in dict.fromkeys((send_stream.source, send_stream.target)):
            if source is not None and source in self.routes:
                self.routes[source].append(send_stream)
                send_stream.routed.append(source)

    def unroute(self, send_stream: SendStream) -> None:
        """Take a send stream out of its routes."""
        for source in send_stream.routed:
            targets = self.routes.get(source)
            if targets is not None and send_stream in targets:
                targets.remove(send_stream)
        send_stream.routed.clear()
