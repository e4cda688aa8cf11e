"""What the objects of one worker share: the plane, entropy, timers, output, ids and lookup tables.

Held by Worker, Router, WebRtcTransport, Producer and Consumer alike, so that none of them needs to know the
one above it.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from rtpfwd.clock import Instant, unix_us_to_ntp
from rtpfwd.dataplane.interface import DataPlane, ReceiveStreamId, SendStreamId, TransportId
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.error_budget import ErrorBudget
from rtpfwd.protocols.ice_lite import Entropy
from rtpfwd.protocols.timers import Timers
from rtpfwd.sfu.events import Event
from rtpfwd.sfu.ledger import Ledger
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.totals import Ended
from rtpfwd.wire.datagram import Datagram, Path

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.incoming_stream import IncomingStream
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport


class Deadline(Enum):
    """The named deadlines of a transport, and the one of an observer."""

    SECURE = "ICE consent, DTLS handshake and its retransmission"
    REPORT = "sender and receiver reports"
    FEEDBACK = "transport-wide feedback or REMB"
    NACK = "asking for missing packets"
    KEY_FRAME = "repeating or releasing a key frame request"
    BANDWIDTH = "what the link carries, and who gets it"
    WANTED = "which encodings nobody watches any more"
    ACTIVITY = "which simulcast streams are alive"
    OBSERVE = "an RTP observer's interval is over"


class DeadlineOwner(Protocol):
    """Something with deadlines of its own. Its number comes from ``Context.next_id``."""

    def handle_deadline(self, deadline: Deadline, now: Instant) -> None:
        """One of them is due."""


class Context:
    """One for each worker."""

    def __init__(
        self,
        plane: DataPlane,
        settings: WorkerSettings,
        dtls_context: DtlsContext,
        listen: tuple[ListenAddress, ...],
        entropy: Entropy,
        unix_us_at_zero: int,
    ) -> None:
        self.plane = plane
        self.settings = settings
        self.dtls_context = dtls_context
        self.listen = listen
        self.entropy = entropy
        self.timers: Timers[tuple[int, Deadline]] = Timers()
        """By number of the owner and name."""
        self.deadline_owners: dict[int, DeadlineOwner] = {}
        self.outgoing: list[Datagram] = []
        self.events: list[Event] = []
        self.transports: dict[TransportId, WebRtcTransport] = {}
        self.by_ufrag: dict[str, WebRtcTransport] = {}
        self.incoming: dict[ReceiveStreamId, IncomingStream] = {}
        self.consumers: dict[SendStreamId, Consumer] = {}
        self.error_budget = ErrorBudget()
        self.ledger = Ledger(settings.ledger)
        self.ended = Ended()
        self.half_open = 0
        """Transports whose DTLS handshake has begun and not ended."""
        self.closed_drops: Counter[str] = Counter()
        """What closed transports had dropped, so that totals still add up."""
        self._unix_us_at_zero = unix_us_at_zero
        self._last_id = 0
        self._shard_of_local = {one.local: one.shard for one in listen}

    def listen_of(self, shard: int) -> tuple[ListenAddress, ...]:
        """Where the transports of one part of the data plane can be reached."""
        return tuple(one for one in self.listen if one.shard == shard)

    def shard_of(self, path: Path) -> int:
        """Which part of the data plane has the socket of this path."""
        return self._shard_of_local.get(path[0], 0)

    def next_id(self) -> int:
        """A number that no other object of this worker has."""
        self._last_id += 1
        return self._last_id

    def new_uuid(self) -> str:
        """An unguessable id in the form of RFC 9562 §5.4 (version 4)."""
        data = bytearray(self.entropy(16))
        data[6] = data[6] & 0x0F | 0x40
        data[8] = data[8] & 0x3F | 0x80
        text = data.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def ntp(self, now: Instant) -> int:
        """The wall clock at ``now`` as a 64-bit NTP time."""
        return unix_us_to_ntp(self._unix_us_at_zero + now)

    def unix_ms(self, now: Instant) -> int:
        """The wall clock at ``now`` in milliseconds since 1970, for stats."""
        return (self._unix_us_at_zero + now) // 1000
