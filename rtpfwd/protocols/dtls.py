"""DTLS-SRTP: a handshake over memory BIOs, the peer's certificate checked, keys exported.

Source: RFC 6347 (DTLS 1.2), RFC 5764 (use_srtp, key export), RFC 8842 and RFC 8827 §6.5 (fingerprints), and
mediasoup 3.27's ``DtlsTransport`` for states, for the retransmission timer and for starting before the
fingerprint is known. OpenSSL does the cryptography by way of pyOpenSSL.

========== ======================================================= ==========
state      what happens                                            goes to
========== ======================================================= ==========
new        ``start``                                               connecting
connecting handshake done, fingerprints known and right, a profile connected
connecting deadline, wrong certificate, no profile, 4th rebuild    failed
connected  authenticated close_notify, or ``close``                closed
connected  authenticated fatal alert                               failed
========== ======================================================= ==========

Time. OpenSSL's retransmission timer follows the wall clock, counts from a whole second, and cannot be
virtual. So the last flight is kept and sent again on our own clock: after 100 ms, doubling to 4 s. Records in
the clear get fresh numbers from a counter of our own, so that no peer takes them for replays. An encrypted
Finished can only be repeated as it is, which is no replay to a peer that never had it. One case is left: a
peer that has our Finished, and whose own last flight was lost. Our server recognises the repetition and
repeats its last flight; other servers need a new record, which ``DTLSv1_handle_timeout`` makes as soon as
OpenSSL's own timer agrees, from one second on. It is asked first each time. This is the one place where real
time shows; replays begin after the handshake.

A connection that fails before the handshake is complete was perhaps poisoned by a stranger (a ClientHello
without a usable cipher is enough), so it is replaced, three times in ten seconds, and its alert is never
sent. So is one that waits for the rest of a hello, which costs nobody a try.

Left out: DTLS 1.3 (not in pyOpenSSL), cookies (ICE has proven the address), data channels.
"""

from collections import Counter, deque

from OpenSSL import SSL, crypto

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import InvalidState
from rtpfwd.protocols import dtls_records as records
from rtpfwd.protocols.certificate import Certificate, Fingerprint, matches, usable_fingerprints
from rtpfwd.protocols.dtls_states import (
    DtlsDrop,
    DtlsEvent,
    DtlsReason,
    DtlsRole,
    DtlsState,
    DtlsStateChanged,
    KeysReady,
)
from rtpfwd.protocols.srtp import Profile, SrtpKeys

DATAGRAM_LIMIT = 1200  # bytes of UDP payload; passes any path that WebRTC passes
DEFAULT_HANDSHAKE_TIMEOUT_US = seconds(20)
FIRST_RETRANSMISSION_US = milliseconds(100)  # mediasoup 3.27; OpenSSL's own is 1 s
LAST_RETRANSMISSION_US = seconds(4)  # mediasoup 3.27
REPEAT_INTERVAL_US = milliseconds(50)  # at most this often for a peer that repeats its last flight
MAX_REBUILDS = 3
REBUILD_WINDOW_US = seconds(10)
STALL_US = seconds(2)  # a hello that takes longer to come together is given up for the next one
DTLS1_2_VERSION = 0xFEFD
SSL_MODE_RELEASE_BUFFERS = 0x10  # an idle connection keeps none
EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!SHA256:!SHA384:!aNULL:!eNULL"


class DtlsContext:
    """What all connections with one certificate share: half the price of a handshake is saved by it."""

    __slots__ = ("fingerprints", "ssl")

    def __init__(self, certificate: Certificate, profiles: tuple[Profile, ...] = tuple(Profile)) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(DTLS1_2_VERSION)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL_MODE_RELEASE_BUFFERS)
        context.set_cipher_list(CIPHERS)
        context.use_certificate(certificate.certificate)
        context.use_privatekey(certificate.private_key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _accept_any)
        if profiles:
            context.set_tlsext_use_srtp(b":".join(profile.openssl_name.encode() for profile in profiles))
        self.ssl = context
        self.fingerprints = certificate.fingerprints


class DtlsTransport:
    """One DTLS association. Its datagrams must come from, and go to, the path that ICE proved."""

    __slots__ = (
        "_connection", "_context", "_deadline", "_established", "_events", "_expected", "_flight",
        "_handshake_timeout_us", "_heard_at", "_interval_us", "_out", "_rebuilds", "_record_number",
        "_repeat_not_before", "_resend_at", "_role", "_state", "drops", "record_drops",
        "remote_certificate_pem",
    )  # fmt: skip

    def __init__(
        self, context: DtlsContext, *, handshake_timeout_us: int = DEFAULT_HANDSHAKE_TIMEOUT_US
    ) -> None:
        self._context = context
        self._handshake_timeout_us = handshake_timeout_us
        self._connection: SSL.Connection | None = None
        self._role = DtlsRole.AUTO
        self._state = DtlsState.NEW
        self._established = False
        self._expected: list[Fingerprint] = []
        self._events: list[DtlsEvent] = []
        self._out: list[bytes] = []
        self._flight: list[bytes] = []
        self._interval_us = FIRST_RETRANSMISSION_US
        self._resend_at: Instant | None = None
        self._deadline: Instant | None = None
        self._heard_at: Instant | None = None
        self._record_number = 0  # goes on over rebuilds: the peer remembers what it has seen
        self._repeat_not_before = Instant(0)
        self._rebuilds: deque[Instant] = deque()
        self.drops: Counter[str] = Counter()
        """Datagrams of which nothing was used, by reason."""
        self.record_drops: Counter[str] = Counter()
        """Records that were not used, by reason."""
        self.remote_certificate_pem: str | None = None
        """The peer's certificate once the handshake is complete; checked when connected."""

    @property
    def state(self) -> DtlsState:
        """Where the connection stands."""
        return self._state

    @property
    def role(self) -> DtlsRole:
        """Client or server once started."""
        return self._role

    @property
    def established(self) -> bool:
        """Whether the handshake is through; connected is that and the right certificate."""
        return self._established

    @property
    def key_log(self) -> str:
        """The line of an NSS key log that opens this connection; empty unless its handshake is through."""
        connection = self._connection
        if connection is None or not self._established:
            return ""
        client_random, secret = connection.client_random(), connection.master_key()
        return f"CLIENT_RANDOM {(client_random or b'').hex()} {(secret or b'').hex()}\n"

    def start(self, role: DtlsRole, now: Instant) -> None:
        """Begin the handshake as client or server.

        A handshake that goes on in the other role is given up for this one: mediasoup too begins as server
        when ICE connects and learns later that the peer insists on it. Raises :class:`InvalidState`.
        """
        if role is DtlsRole.AUTO:
            raise InvalidState("DTLS role must be resolved before the start")
        if self._state not in (DtlsState.NEW, DtlsState.CONNECTING) or self._established:
            raise InvalidState(f"DTLS is {self._state.value}")
        if role is self._role:
            return
        self._role = role
        self._deadline = Instant(now + self._handshake_timeout_us)
        self._set_state(DtlsState.CONNECTING)
        self._build(now)

    def set_remote_fingerprints(self, fingerprints: list[Fingerprint]) -> None:
        """Who the peer has to be. May come before, during or after the handshake.

        Raises :class:`InvalidParameters` when none of them is by SHA-256, SHA-384 or SHA-512, or one is
        malformed.
        """
        self._expected = usable_fingerprints(fingerprints)
        if self._state is DtlsState.CONNECTING and self._established:
            self._judge()

    def receive(self, datagram: bytes, now: Instant) -> None:
        """Take a datagram. Never raises for what it holds."""
        if self._connection is None:
            unstarted = self._state is DtlsState.NEW
            self.drops[(DtlsDrop.NOT_STARTED if unstarted else DtlsDrop.CLOSED).value] += 1
            return
        reason: DtlsDrop | None = DtlsDrop.MALFORMED
        used = False
        for record in records.split(datagram):
            reason = records.refusal(record, established=self._established)
            if reason is None:
                used = True
                self._feed(record, now)
                if self._connection is None:
                    break
            else:
                self.record_drops[reason.value] += 1
        if not used and reason is not None:
            self.drops[reason.value] += 1

    def next_timeout(self) -> Instant | None:
        """When to call :meth:`handle_timeout`."""
        if self._resend_at is None or self._deadline is None:
            return self._resend_at or self._deadline
        return min(self._resend_at, self._deadline)

    def handle_timeout(self, now: Instant) -> None:
        """Repeat the last flight, or give up."""
        if self._connection is None:
            return
        if self._deadline is not None and now >= self._deadline:
            self._end(DtlsState.FAILED, DtlsReason.TIMEOUT)
            return
        if self._resend_at is None or now < self._resend_at:
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._broken(error, now)
            return
        self._flight = self._read_output() or self._flight
        self._out += self._flight
        self._interval_us = min(2 * self._interval_us, LAST_RETRANSMISSION_US)
        self._resend_at = Instant(now + self._interval_us)

    def transmit(self) -> list[bytes]:
        """Datagrams to send, each at most 1200 bytes, in order."""
        out, self._out = self._out, []
        for index, datagram in enumerate(out):
            out[index], self._record_number = records.renumber(datagram, self._record_number)
        return out

    def events(self) -> list[DtlsEvent]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Say close_notify, if there is a connection to close, and take no more datagrams."""
        if self._state in (DtlsState.FAILED, DtlsState.CLOSED):
            return
        self._say_goodbye()
        self._end(DtlsState.CLOSED, DtlsReason.CLOSED_HERE)

    def _feed(self, record: records.Record, now: Instant) -> None:
        """One record into OpenSSL, and all that follows from it."""
        if self._role is DtlsRole.SERVER and not self._flight:
            # A stranger's piece of a hello that never ends would keep OpenSSL from the real one.
            if self._heard_at is None:
                self._heard_at = now
            elif now - self._heard_at >= STALL_US:
                self._build(now)
                self._heard_at = now
        connection = self._connection
        if connection is None:
            return
        try:
            connection.bio_write(record.data)
            if self._established:
                connection.recv(1)  # no data can be there: runs the alert or handshake record
            else:
                connection.do_handshake()
        except SSL.WantReadError:
            self._flush(record, now)
            return
        except SSL.ZeroReturnError:
            if self._established:
                self._say_goodbye()
                self._end(DtlsState.CLOSED, DtlsReason.CLOSE_NOTIFY)
            else:
                self._broken(None, now)
            return
        except SSL.Error as error:
            self._broken(error, now)
            return
        self._flush(record, now)
        if not self._established:
            self._complete(connection)

    def _flush(self, record: records.Record | None, now: Instant) -> None:
        """Move OpenSSL's output to ours, and remember it as the flight to repeat."""
        output = self._read_output()
        self._out += output
        if output and output[0][0] != records.ALERT:
            self._flight = output
            self._interval_us = FIRST_RETRANSMISSION_US
            self._resend_at = Instant(now + self._interval_us)
            self._repeat_not_before = Instant(now + REPEAT_INTERVAL_US)
        elif (
            not output
            and self._established
            and self._role is DtlsRole.SERVER
            and record is not None
            and record.content_type == records.HANDSHAKE
            and now >= self._repeat_not_before
        ):
            # The peer repeats its Finished unchanged, so it lacks ours. OpenSSL took it for a replay.
            self._out += self._flight
            self._repeat_not_before = Instant(now + REPEAT_INTERVAL_US)
        if self._established:
            self._resend_at = None

    def _read_output(self) -> list[bytes]:
        output = b""
        if self._connection is not None:
            try:
                while True:
                    output += self._connection.bio_read(65536)
            except SSL.WantReadError:
                pass  # drained
        return records.pack(output, DATAGRAM_LIMIT)

    def _complete(self, connection: SSL.Connection) -> None:
        """The handshake is through: Finished of both sides verified."""
        self._established = True
        self._deadline = None
        self._resend_at = None
        certificate = connection.get_peer_certificate()
        if certificate is None:
            self._end(DtlsState.FAILED, DtlsReason.NO_CERTIFICATE)
            return
        self.remote_certificate_pem = crypto.dump_certificate(crypto.FILETYPE_PEM, certificate).decode()
        if self._expected:
            self._judge()

    def _judge(self) -> None:
        """Check the peer's certificate and hand out the keys."""
        connection = self._connection
        certificate = None if connection is None else connection.get_peer_certificate()
        if connection is None or certificate is None:
            return
        if not matches(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate), self._expected):
            self._say_goodbye()
            self._end(DtlsState.FAILED, DtlsReason.FINGERPRINT_MISMATCH)
            return
        selected = connection.get_selected_srtp_profile().decode()
        profile = next((known for known in Profile if known.openssl_name == selected), None)
        if profile is None:
            self._say_goodbye()
            self._end(DtlsState.FAILED, DtlsReason.NO_SRTP_PROFILE)
            return
        material = connection.export_keying_material(
            EXPORTER_LABEL, 2 * (profile.key_size + profile.salt_size)
        )
        keys = SrtpKeys.from_exported(profile, material, client=self._role is DtlsRole.CLIENT)
        self._set_state(DtlsState.CONNECTED)
        self._events.append(KeysReady(keys))

    def _broken(self, error: SSL.Error | None, now: Instant) -> None:
        """OpenSSL gave up on this connection."""
        if self._established:
            self._end(DtlsState.FAILED, DtlsReason.ALERT)
            return
        if error is not None and "peer did not return a certificate" in str(error):
            self._out += self._read_output()  # the alert that says so
            self._end(DtlsState.FAILED, DtlsReason.NO_CERTIFICATE)
            return
        while self._rebuilds and now - self._rebuilds[0] >= REBUILD_WINDOW_US:
            self._rebuilds.popleft()
        if len(self._rebuilds) >= MAX_REBUILDS:
            self._end(DtlsState.FAILED, DtlsReason.POISONED)
            return
        self._rebuilds.append(now)
        self._build(now)

    def _build(self, now: Instant) -> None:
        """A fresh OpenSSL connection in the current role; a client says its hello."""
        connection = SSL.Connection(self._context.ssl, None)
        connection.set_ciphertext_mtu(DATAGRAM_LIMIT)
        self._connection = connection
        self._flight = []
        self._resend_at = self._heard_at = None
        if self._role is DtlsRole.CLIENT:
            connection.set_connect_state()
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                self._flush(None, now)
        else:
            connection.set_accept_state()

    def _say_goodbye(self) -> None:
        """close_notify under encryption; nothing before the handshake is complete."""
        if self._connection is None or not self._established:
            return
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # already shut down: nothing to say
        self._out += self._read_output()

    def _end(self, state: DtlsState, reason: DtlsReason) -> None:
        self._connection = None
        self._flight = []
        self._resend_at = self._deadline = None
        self._state = state
        self._events.append(DtlsStateChanged(state, reason))

    def _set_state(self, state: DtlsState) -> None:
        if state is not self._state:
            self._state = state
            self._events.append(DtlsStateChanged(state))


def _accept_any(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    """Certificates are self-signed: trust is the fingerprint's, checked after the handshake."""
    return True
