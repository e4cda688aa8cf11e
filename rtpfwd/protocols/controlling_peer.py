"""The other end of a call, for tests and benches: a controlling ICE agent, DTLS and SRTP, sans-IO.

Source: RFC 8445 §7.2 (checks), RFC 7675 §5.1 (consent), libwebrtc for the rhythm: a check every 50 ms until
one is answered, nomination with the next, then one every 2.5 to 5 s.

It knows one server address and uses one socket at a time: its datagrams carry the path ``(socket, server)``,
and :meth:`ControllingPeer.move` is a change of network. Left out: gathering, candidate pairs, giving up.
"""

from collections import Counter
from dataclasses import dataclass

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import InvalidState, MalformedPacket, NetworkInputError
from rtpfwd.protocols.certificate import Fingerprint
from rtpfwd.protocols.dtls import DtlsContext, DtlsTransport
from rtpfwd.protocols.dtls_states import DtlsRole, DtlsState, DtlsStateChanged, KeysReady
from rtpfwd.protocols.ice_lite import Entropy
from rtpfwd.protocols.srtp import RtcpReceiver, RtcpSender, RtpReceiver, RtpSender, SrtpKeys
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Address, Datagram

CHECK_INTERVAL_US = milliseconds(50)
MIN_CONSENT_INTERVAL_US, MAX_CONSENT_INTERVAL_US = milliseconds(2500), seconds(5)
HOST_PRIORITY = 126 << 24 | 65535 << 8 | 255  # RFC 8445 §5.1.2


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """The server answered; ``mapped`` is how it sees us."""

    mapped: tuple[str, int]


@dataclass(frozen=True, slots=True)
class CheckRefused:
    """The server answered with an error."""

    code: int


@dataclass(frozen=True, slots=True)
class RtpArrived:
    """A packet of RTP, decrypted."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class RtcpArrived:
    """A compound packet of RTCP, decrypted."""

    packet: bytes


PeerEvent = CheckAnswered | CheckRefused | RtpArrived | RtcpArrived | DtlsStateChanged | KeysReady


class ControllingPeer:
    """A client. ``server_ufrag``, ``_password`` and ``_fingerprints`` are what signaling would bring."""

    __slots__ = (
        "_dtls",
        "_entropy",
        "_events",
        "_next_check",
        "_nominate",
        "_out",
        "_pending",
        "_rtcp_in",
        "_rtcp_out",
        "_rtp_in",
        "_rtp_out",
        "_server_password",
        "_server_ufrag",
        "_tie_breaker",
        "drops",
        "nomination",
        "role",
        "server",
        "silent",
        "socket",
        "ufrag",
    )

    def __init__(
        self,
        context: DtlsContext,
        entropy: Entropy,
        *,
        server: Address,
        server_ufrag: str,
        server_password: str,
        server_fingerprints: list[Fingerprint],
        role: DtlsRole = DtlsRole.CLIENT,
        socket: int = 0,
    ) -> None:
        self._entropy = entropy
        self.server = server
        self.socket = socket
        self.role = role
        self.ufrag = entropy(4).hex()
        self._tie_breaker = int.from_bytes(entropy(8), "big")
        self._server_ufrag = server_ufrag
        self._server_password = server_password
        self._dtls = DtlsTransport(context)
        self._dtls.set_remote_fingerprints(server_fingerprints)
        self.nomination: int | None = None
        """When set, sent with every nominating check (renomination)."""
        self.silent = False
        """When true no check is sent, as if the client's machine slept."""
        self._next_check: Instant | None = None
        self._nominate = False
        self._pending: dict[bytes, bool] = {}  # transaction id -> whether it nominated
        self._out: list[Datagram] = []
        self._events: list[PeerEvent] = []
        self._rtp_out: RtpSender | None = None
        self._rtp_in: RtpReceiver | None = None
        self._rtcp_out: RtcpSender | None = None
        self._rtcp_in: RtcpReceiver | None = None
        self.drops: Counter[str] = Counter()

    @property
    def dtls_state(self) -> DtlsState:
        """Where its DTLS stands."""
        return self._dtls.state

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return self._rtp_out is not None

    def start(self, now: Instant) -> None:
        """Begin with checks at once."""
        self._next_check = now

    def restart_ice(self, server_ufrag: str, server_password: str, now: Instant) -> None:
        """Go on with the server's new credentials, and new ones here."""
        self.ufrag = self._entropy(4).hex()
        self._server_ufrag, self._server_password = server_ufrag, server_password
        self._nominate = False
        self._pending.clear()
        self._next_check = now

    def move(self, socket: int, now: Instant) -> None:
        """Change to another local socket, and check and nominate from there at once."""
        self.socket = socket
        self._next_check = now

    def set_keys(self, keys: SrtpKeys) -> None:
        """Use ``keys`` in place of a handshake."""
        self._take_keys(keys)

    def receive(self, data: bytes, now: Instant) -> None:
        """Take a datagram from the server (RFC 7983)."""
        first = data[0] if data else 255
        if first < 4:
            self._receive_stun(data, now)
        elif 20 <= first < 64:
            self._dtls.receive(data, now)
            self._collect()
        elif 128 <= first < 192:
            self._receive_srtp(data)
        else:
            self.drops["unknown"] += 1

    def send_rtp(self, packet: bytes) -> None:
        """Protect and queue a packet of RTP; :class:`InvalidState` before there are keys."""
        if self._rtp_out is None:
            raise InvalidState("no SRTP keys yet")
        self._queue(self._rtp_out.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and queue a compound packet of RTCP; :class:`InvalidState` before there are keys."""
        if self._rtcp_out is None:
            raise InvalidState("no SRTP keys yet")
        self._queue(self._rtcp_out.protect(packet))

    def next_timeout(self) -> Instant | None:
        """When to call :meth:`handle_timeout`."""
        waiting = [at for at in (self._next_check, self._dtls.next_timeout()) if at is not None]
        return min(waiting, default=None)

    def handle_timeout(self, now: Instant) -> None:
        """Send the check that is due; repeat DTLS."""
        if self._next_check is not None and now >= self._next_check:
            self._next_check = Instant(now + CHECK_INTERVAL_US)
            if not self.silent:
                self._send_check()
        due = self._dtls.next_timeout()
        if due is not None and now >= due:
            self._dtls.handle_timeout(now)
        self._collect()

    def transmit(self) -> list[Datagram]:
        """Datagrams to send, in order."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[PeerEvent]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Say close_notify and stop checking."""
        self._dtls.close()
        self._next_check = None
        self._collect()

    def _queue(self, data: bytes) -> None:
        self._out.append((data, (self.socket, self.server)))

    def _send_check(self) -> None:
        transaction_id = self._entropy(12)
        while len(self._pending) >= 32:  # unanswered; forget the oldest
            del self._pending[next(iter(self._pending))]
        self._pending[transaction_id] = self._nominate
        self._queue(
            stun.binding_request(
                transaction_id,
                f"{self._server_ufrag}:{self.ufrag}",
                self._server_password.encode(),
                priority=HOST_PRIORITY,
                controlling=self._tie_breaker,
                use_candidate=self._nominate,
                nomination=self.nomination if self._nominate else None,
            )
        )

    def _receive_stun(self, data: bytes, now: Instant) -> None:
        try:
            view = stun.parse(data)
            if view.transaction_id not in self._pending or not stun.check_fingerprint(view):
                raise MalformedPacket("no answer to a check of ours")
            if view.message_class == stun.Class.ERROR:
                del self._pending[view.transaction_id]
                self._events.append(CheckRefused(view.error_code or 0))
                return
            if not stun.check_integrity(view, self._server_password.encode()):
                raise MalformedPacket("answer without integrity")
            mapped = stun.mapped_address(view)
        except MalformedPacket:
            self.drops["stun"] += 1
            return
        nominated = self._pending.pop(view.transaction_id)
        self._events.append(CheckAnswered(mapped))
        if nominated:
            spread = MAX_CONSENT_INTERVAL_US - MIN_CONSENT_INTERVAL_US
            wait_us = MIN_CONSENT_INTERVAL_US + int.from_bytes(self._entropy(4), "big") % spread
            self._next_check = Instant(now + wait_us)
        self._nominate = True
        if self._dtls.state is DtlsState.NEW and not self.connected:
            self._dtls.start(self.role, now)
        self._collect()

    def _receive_srtp(self, data: bytes) -> None:
        if self._rtp_in is None or self._rtcp_in is None:
            self.drops["srtp_without_keys"] += 1
            return
        try:
            if len(data) > 1 and 192 <= data[1] < 224:  # RFC 5761 §4
                self._events.append(RtcpArrived(self._rtcp_in.unprotect(data)))
            else:
                self._events.append(RtpArrived(self._rtp_in.unprotect(data)))
        except NetworkInputError:
            self.drops["srtp"] += 1

    def _take_keys(self, keys: SrtpKeys) -> None:
        self._rtp_out, self._rtp_in = RtpSender(keys), RtpReceiver(keys)
        self._rtcp_out, self._rtcp_in = RtcpSender(keys), RtcpReceiver(keys)

    def _collect(self) -> None:
        for datagram in self._dtls.transmit():
            self._queue(datagram)
        for event in self._dtls.events():
            if isinstance(event, KeysReady):
                self._take_keys(event.keys)
            self._events.append(event)
