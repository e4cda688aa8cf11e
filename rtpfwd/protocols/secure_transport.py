"""ICE, then DTLS, then keys: the one security machine of a WebRTC transport.

Source: RFC 8827 and RFC 5764 for the order; mediasoup 3.27's ``WebRtcTransport`` for when DTLS starts and in
which role.

Laws:

* DTLS is read from validated tuples only, and written to the selected one only (RFC 8445 §12);
* keys come out once, after ICE, DTLS and the fingerprint agreed;
* closed is final: nothing is answered, nothing is sent but the close_notify that is already waiting.

With ICE connected and no word from signaling yet, DTLS begins as server, for that is what browsers expect;
the keys wait for :meth:`SecureTransport.connect`. Losing ICE consent ends nothing here: the state goes to
disconnected, no DTLS leaves, and a later check brings everything back.
"""

from collections import Counter
from dataclasses import dataclass

from rtpfwd.clock import Instant
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.certificate import Fingerprint, usable_fingerprints
from rtpfwd.protocols.dtls import DEFAULT_HANDSHAKE_TIMEOUT_US, DtlsContext, DtlsTransport
from rtpfwd.protocols.dtls_states import (
    DtlsReason,
    DtlsRole,
    DtlsState,
    DtlsStateChanged,
    KeysReady,
    local_role,
)
from rtpfwd.protocols.ice_lite import (
    Entropy,
    IceEvent,
    IceLite,
    IceState,
)
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path
from rtpfwd.wire.stun import StunView


@dataclass(frozen=True, slots=True)
class Closed:
    """The transport is over: the peer closed it, or DTLS failed for good."""

    reason: DtlsReason


SecureEvent = IceEvent | DtlsStateChanged | KeysReady | Closed


class SecureTransport:
    """One peer's ICE agent and DTLS association, driven as one.

    ``ice`` and ``context`` are made by the owner: the agent with its own entropy and settings, the context
    once for all transports.
    """

    __slots__ = (
        "_closed",
        "_connect_called",
        "_dtls",
        "_events",
        "_keys_given",
        "_out",
        "_role",
        "drops",
        "fingerprints",
        "ice",
    )

    def __init__(
        self,
        ice: IceLite,
        context: DtlsContext,
        *,
        handshake_timeout_us: int = DEFAULT_HANDSHAKE_TIMEOUT_US,
    ) -> None:
        self.ice = ice
        self.fingerprints = context.fingerprints
        self._dtls = DtlsTransport(context, handshake_timeout_us=handshake_timeout_us)
        self._role = DtlsRole.AUTO
        self._connect_called = False
        self._keys_given = False
        self._closed = False
        self._out: list[Datagram] = []
        self._events: list[SecureEvent] = []
        self.drops: Counter[str] = Counter()
        """Datagrams dropped here; :meth:`drop_counts` has those of ICE and DTLS too."""

    @property
    def ice_state(self) -> IceState:
        """mediasoup's ``iceState``."""
        return self.ice.state

    @property
    def dtls_state(self) -> DtlsState:
        """mediasoup's ``dtlsState``; connected at once where keys were set by hand."""
        return DtlsState.CONNECTED if self._keys_given and not self._closed else self._dtls.state

    @property
    def dtls_role(self) -> DtlsRole:
        """Ours: auto until signaling or ICE decides."""
        return self._role

    @property
    def selected(self) -> Path | None:
        """Where media goes; ``None`` when it must not go anywhere."""
        return self.ice.selected

    @property
    def remote_certificate_pem(self) -> str | None:
        """mediasoup's ``dtlsRemoteCert``."""
        return self._dtls.remote_certificate_pem

    @property
    def key_log(self) -> str:
        """See ``DtlsTransport.key_log``."""
        return self._dtls.key_log

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    def connect(self, remote_role: DtlsRole, fingerprints: list[Fingerprint], now: Instant) -> DtlsRole:
        """What signaling says of the peer; returns our own role.

        Raises :class:`InvalidState` when closed or called before, :class:`InvalidParameters` for fingerprints
        that cannot be checked; then nothing has changed.
        """
        if self._closed or self._connect_called:
            raise InvalidState("connect() already called" if self._connect_called else "transport is closed")
        usable_fingerprints(fingerprints)
        self._connect_called = True
        role = local_role(remote_role)
        # A handshake that came to its end as server decides against a peer that now claims to be the server.
        if not self._dtls.established:
            self._role = role
        self._dtls.set_remote_fingerprints(fingerprints)
        self._start_dtls(now)
        self._collect()
        return self._role

    def set_keys(self, keys: SrtpKeys) -> None:
        """Use ``keys`` in place of a handshake: for replays and tests, which are deterministic that way.

        Raises :class:`InvalidState` when closed or when DTLS has begun.
        """
        if self._closed or self._keys_given or self._dtls.state is not DtlsState.NEW:
            raise InvalidState("keys cannot be set any more")
        self._keys_given = self._connect_called = True
        self._events += [DtlsStateChanged(DtlsState.CONNECTED), KeysReady(keys)]

    def restart_ice(self, entropy: Entropy, now: Instant, *, remote_ufrag: str | None = None) -> None:
        """New ICE credentials, see :meth:`IceLite.restart`."""
        self.ice.restart(entropy, now, remote_ufrag=remote_ufrag)
        self._collect()

    def receive(self, data: bytes, path: Path, now: Instant) -> None:
        """Take a STUN or DTLS datagram (RFC 7983). Never raises for what ``data`` holds."""
        first = data[0] if data else 255
        if first < 4:
            self._answered(self.ice.receive(data, path, now), path, now)
        elif 20 <= first < 64:
            self._receive_dtls(data, path, now)
        else:
            self.drops["secure_not_stun_or_dtls"] += 1

    def receive_stun(self, view: StunView, path: Path, now: Instant) -> None:
        """The same for a STUN message that was parsed to find this transport by its ufrag."""
        self._answered(self.ice.receive_view(view, path, now), path, now)

    def next_timeout(self) -> Instant | None:
        """When to call :meth:`handle_timeout`."""
        waiting = [at for at in (self.ice.next_timeout(), self._dtls.next_timeout()) if at is not None]
        return min(waiting, default=None)

    def handle_timeout(self, now: Instant) -> None:
        """Consent, retransmission, deadline: whichever is due."""
        self.ice.handle_timeout(now)
        due = self._dtls.next_timeout()
        if due is not None and now >= due:
            self._dtls.handle_timeout(now)
        self._collect()

    def transmit(self) -> list[Datagram]:
        """Answers and DTLS to send, in order."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[SecureEvent]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """End it from here: close_notify to the peer (in ``transmit``), then silence. No event ``Closed``."""
        if self._closed:
            return
        self._dtls.close()
        self._closed = True
        self._collect()
        self.ice.close()
        self._events += self.ice.events()

    def drop_counts(self) -> Counter[str]:
        """Every datagram dropped by this transport, by reason."""
        return self.drops + self.ice.drops + self._dtls.drops

    def record_drop_counts(self) -> Counter[str]:
        """DTLS records that did not reach OpenSSL, by reason; a datagram may hold several."""
        return Counter(self._dtls.record_drops)

    def _answered(self, answer: bytes | None, path: Path, now: Instant) -> None:
        if answer is not None:
            self._out.append((answer, path))
        self._start_dtls(now)
        self._collect()

    def _receive_dtls(self, data: bytes, path: Path, now: Instant) -> None:
        if not self.ice.is_valid(path):
            # A stranger's ClientHello would poison the association or reflect a certificate.
            self.drops["dtls_unvalidated_tuple"] += 1
            return
        self._dtls.receive(data, now)
        self._collect()

    def _start_dtls(self, now: Instant) -> None:
        if self._closed or self._keys_given or self._dtls.established:
            return
        if self._dtls.state not in (DtlsState.NEW, DtlsState.CONNECTING):
            return
        if self.ice.state not in (IceState.CONNECTED, IceState.COMPLETED):
            return
        if self._role is DtlsRole.AUTO:
            self._role = DtlsRole.SERVER
        self._dtls.start(self._role, now)

    def _collect(self) -> None:
        """Gather what the two machines have to say and to send."""
        self._events += self.ice.events()
        for datagram in self._dtls.transmit():
            selected = self.ice.selected
            if selected is None:
                self.drops["dtls_no_selected_tuple"] += 1
            else:
                self._out.append((datagram, selected))
        for event in self._dtls.events():
            self._events.append(event)
            if self._closed or not isinstance(event, DtlsStateChanged) or event.reason is None:
                continue
            self._closed = True
            self.ice.close()
            self._events += self.ice.events()
            self._events.append(Closed(event.reason))
