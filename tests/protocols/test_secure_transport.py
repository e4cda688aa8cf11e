"""A server's SecureTransport and a ControllingPeer with a virtual network between them."""

import itertools
import random
import struct
from collections.abc import Callable
from functools import cache

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.protocols import certificate
from rtpfwd.protocols.controlling_peer import (
    CheckAnswered,
    CheckRefused,
    ControllingPeer,
    RtcpArrived,
    RtpArrived,
)
from rtpfwd.protocols.dtls import DtlsContext, DtlsTransport
from rtpfwd.protocols.dtls_states import DtlsReason, DtlsRole, DtlsState, DtlsStateChanged, KeysReady
from rtpfwd.protocols.ice_lite import (
    IceLite,
    IceState,
    IceStateChanged,
    SelectedTupleChanged,
    TupleAdded,
)
from rtpfwd.protocols.secure_transport import Closed, SecureEvent, SecureTransport
from rtpfwd.protocols.srtp import (
    Profile,
    RtcpReceiver,
    RtcpSender,
    RtpReceiver,
    RtpSender,
    SrtpKeys,
)
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Datagram, Path

START = Instant(0)
LATENCY_US = milliseconds(10)
SERVER = ("203.0.113.5", 44444)
SOCKETS: list[Path] = [(0, ("192.0.2.1", 5000)), (0, ("192.0.2.1", 6000)), (0, ("198.51.100.9", 7000))]


@cache
def context(name: str) -> DtlsContext:
    return DtlsContext(certificate.generate(1_700_000_000 * 1_000_000))


def entropy_from(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


class Call:
    """Both ends and what flies between them."""

    def __init__(self, *, role: DtlsRole = DtlsRole.CLIENT, signaled: bool = True, seed: int = 1) -> None:
        self.server = SecureTransport(
            IceLite(entropy_from(seed), own_addresses=[SERVER]),
            context("server"),
            handshake_timeout_us=seconds(20),
        )
        self.peer = ControllingPeer(
            context("peer"),
            entropy_from(seed + 1),
            server=SERVER,
            server_ufrag=self.server.ice.ufrag,
            server_password=self.server.ice.password,
            server_fingerprints=self.server.fingerprints,
            role=role,
        )
        self.now = START
        self.loses: Callable[[bytes], bool] = lambda data: False
        self.sent_to: list[Path] = []
        self.server_events: list[SecureEvent] = []
        self._flying: list[tuple[int, int, Path | None, int, bytes]] = []
        self._serial = itertools.count()
        if signaled:
            self.connect()
        self.peer.start(START)

    def connect(self) -> DtlsRole:
        return self.server.connect(self.peer.role, context("peer").fingerprints, self.now)

    def run(self, duration_us: int) -> None:
        """Let time pass."""
        end = Instant(self.now + duration_us)
        while True:
            self._flush()
            timeouts = [each.next_timeout() for each in (self.server, self.peer)]
            waiting = [at for at in timeouts if at is not None] + [entry[0] for entry in self._flying]
            if not waiting or min(waiting) > end:
                break
            self.now = Instant(max(self.now, min(waiting)))
            self._flying.sort(key=lambda entry: entry[:2])
            while self._flying and self._flying[0][0] <= self.now:
                _, _, path, socket, data = self._flying.pop(0)
                if path is not None:
                    self.server.receive(data, path, self.now)
                elif socket == self.peer.socket:
                    self.peer.receive(data, self.now)
            for each in (self.server, self.peer):
                due = each.next_timeout()
                if due is not None and due <= self.now:
                    each.handle_timeout(self.now)
        self.now = end
        self.server_events += self.server.events()

    def _flush(self) -> None:
        for data, (socket, _) in self.peer.transmit():
            if not self.loses(data):
                self._flying.append((self.now + LATENCY_US, next(self._serial), SOCKETS[socket], 0, data))
        for data, path in self.server.transmit():
            self.sent_to.append(path)
            if not self.loses(data):
                flight = (self.now + LATENCY_US, next(self._serial), None, SOCKETS.index(path), data)
                self._flying.append(flight)

    def keys(self) -> SrtpKeys:
        self.server_events += self.server.events()
        (keys,) = [event.keys for event in self.server_events if isinstance(event, KeysReady)]
        return keys


def rtp(sequence: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, 0, 1234) + b"media"


REPORT = struct.pack("!BBHI", 0x80, 201, 1, 1234)


# --- what works


@pytest.mark.parametrize("role", [DtlsRole.CLIENT, DtlsRole.SERVER])
def test_a_whole_call_in_either_dtls_role(role: DtlsRole) -> None:
    call = Call(role=role)
    call.run(seconds(1))
    assert call.server.dtls_role is (DtlsRole.SERVER if role is DtlsRole.CLIENT else DtlsRole.CLIENT)
    assert (call.server.ice_state, call.server.dtls_state) == (IceState.COMPLETED, DtlsState.CONNECTED)
    assert call.peer.connected and call.server.selected == SOCKETS[0]
    keys = call.keys()
    call.peer.send_rtp(rtp(1))
    call.peer.send_rtcp(REPORT)
    media, report = [data for data, _ in call.peer.transmit()]
    assert RtpReceiver(keys).unprotect(media) == rtp(1)
    assert RtcpReceiver(keys).unprotect(report) == REPORT
    call.peer.receive(RtpSender(keys).protect(rtp(2)), call.now)
    call.peer.receive(RtcpSender(keys).protect(REPORT), call.now)
    assert call.peer.events()[-2:] == [RtpArrived(rtp(2)), RtcpArrived(REPORT)]
    assert not call.server.drop_counts()


def test_the_events_tell_the_story_in_order() -> None:
    call = Call()
    call.run(seconds(1))
    assert call.server_events == [
        TupleAdded(SOCKETS[0]),
        SelectedTupleChanged(SOCKETS[0]),
        IceStateChanged(IceState.CONNECTED),
        DtlsStateChanged(DtlsState.CONNECTING),
        DtlsStateChanged(DtlsState.CONNECTED),
        KeysReady(call.keys()),
        IceStateChanged(IceState.COMPLETED),
    ]
    assert CheckAnswered((SOCKETS[0][1][0], SOCKETS[0][1][1])) in call.peer.events()


def test_a_call_comes_up_through_a_third_of_loss() -> None:
    for seed in range(20):
        call = Call(seed=seed)
        dice = random.Random(seed)
        call.loses = lambda data, dice=dice: dice.random() < 0.33  # type: ignore[misc]
        call.run(seconds(15))
        assert call.peer.connected and call.server.dtls_state is DtlsState.CONNECTED


def test_dtls_may_be_done_before_signaling_says_who_the_peer_is() -> None:
    call = Call(signaled=False)
    call.run(seconds(5))
    assert call.server.dtls_role is DtlsRole.SERVER
    assert call.server.dtls_state is DtlsState.CONNECTING and call.peer.connected
    assert not any(isinstance(event, KeysReady) for event in call.server_events)
    assert call.connect() is DtlsRole.SERVER
    assert call.server.dtls_state is DtlsState.CONNECTED
    call.keys()
    assert call.server.remote_certificate_pem is not None


def test_a_peer_that_turns_out_to_be_the_server_gets_a_client() -> None:
    call = Call(role=DtlsRole.SERVER, signaled=False)
    call.run(seconds(1))
    assert call.server.dtls_role is DtlsRole.SERVER
    assert call.connect() is DtlsRole.CLIENT
    call.run(seconds(1))
    assert call.peer.connected and call.server.dtls_state is DtlsState.CONNECTED


def test_a_remote_role_of_auto_makes_us_the_client() -> None:
    call = Call(signaled=False)
    fingerprints = context("peer").fingerprints
    assert call.server.connect(DtlsRole.AUTO, fingerprints, START) is DtlsRole.CLIENT
    assert call.server.dtls_state is DtlsState.NEW  # not before ICE


def test_connect_is_called_once_and_leaves_nothing_behind_when_refused() -> None:
    call = Call(signaled=False)
    with pytest.raises(InvalidParameters):
        call.server.connect(DtlsRole.CLIENT, context("peer").fingerprints[:2], START)
    assert call.server.dtls_role is DtlsRole.AUTO
    call.connect()
    with pytest.raises(InvalidState):
        call.connect()


# --- the gate


def client_hello() -> bytes:
    stranger = DtlsTransport(context("stranger"))
    stranger.start(DtlsRole.CLIENT, START)
    (hello,) = stranger.transmit()
    return hello


def test_dtls_from_a_tuple_that_ice_did_not_prove_is_neither_read_nor_answered() -> None:
    call = Call()
    for path in SOCKETS:
        call.server.receive(client_hello(), path, START)
    assert not call.server.transmit() and call.server.dtls_state is DtlsState.NEW
    call.run(seconds(1))
    call.server.receive(client_hello(), SOCKETS[2], call.now)
    assert call.server.drop_counts() == {"dtls_unvalidated_tuple": 4}
    assert call.peer.connected and not call.server.transmit()


def test_nothing_is_ever_sent_to_an_address_that_ice_did_not_prove() -> None:
    call = Call()
    call.run(milliseconds(5))
    for _ in range(50):
        call.server.receive(client_hello(), SOCKETS[1], call.now)
        call.server.receive(rtp(1), SOCKETS[1], call.now)
        call.run(milliseconds(20))
    assert call.peer.connected and set(call.sent_to) == {SOCKETS[0]}
    assert call.server.drop_counts() == {"dtls_unvalidated_tuple": 50, "secure_not_stun_or_dtls": 50}


def test_every_datagram_that_is_not_stun_or_dtls_is_counted() -> None:
    call = Call()
    for first in range(256):
        for size in (0, 1, 2, 11, 12, 13, 19, 20, 1472):
            call.server.receive((bytes([first]) + bytes(1500))[:size], SOCKETS[0], START)
    assert not call.server.transmit()
    assert sum(call.server.drop_counts().values()) == 256 * 9


# --- ICE during the call


def test_the_path_moves_within_one_check_and_dtls_follows_it() -> None:
    call = Call()
    call.run(seconds(1))
    call.server_events.clear()
    call.peer.move(1, call.now)
    call.run(milliseconds(15))
    assert call.server_events == [TupleAdded(SOCKETS[1]), SelectedTupleChanged(SOCKETS[1])]
    call.server.close()
    assert call.server.transmit()[-1][1] == SOCKETS[1]


def test_renomination_moves_the_path_and_a_late_lower_one_does_not_move_it_back() -> None:
    call = Call()
    call.peer.nomination = 1
    call.run(seconds(1))
    call.peer.nomination = 2
    call.peer.move(1, call.now)
    call.run(milliseconds(15))
    assert call.server.selected == SOCKETS[1]
    call.peer.nomination = 1
    call.peer.move(0, call.now)
    call.run(milliseconds(15))
    assert call.server.selected == SOCKETS[1]


def test_an_ice_restart_keeps_the_keys_and_the_path() -> None:
    call = Call()
    call.run(seconds(1))
    for turn in range(5):
        call.server.restart_ice(entropy_from(50 + turn), call.now)
        call.peer.restart_ice(call.server.ice.ufrag, call.server.ice.password, call.now)
        call.run(seconds(3))
        assert call.server.ice.local_ufrags() == [call.server.ice.ufrag]
        assert call.server.selected == SOCKETS[0] and call.server.ice_state is IceState.COMPLETED
    call.keys()
    assert call.server.dtls_state is DtlsState.CONNECTED


def test_consent_keeps_a_quiet_call_alive_and_its_loss_disconnects_without_ending_it() -> None:
    call = Call()
    call.run(seconds(120))
    assert call.server.ice_state is IceState.COMPLETED
    call.peer.silent = True
    call.server_events.clear()
    call.run(seconds(24))
    assert call.server.ice_state is IceState.COMPLETED
    call.run(seconds(6))
    assert call.server.ice_state is IceState.DISCONNECTED and call.server.selected is None
    assert IceStateChanged(IceState.DISCONNECTED) in call.server_events
    assert call.server.dtls_state is DtlsState.CONNECTED and not call.server.closed
    call.peer.silent = False
    call.run(seconds(6))
    assert call.server.ice_state is IceState.COMPLETED and call.server.selected == SOCKETS[0]


def test_the_peers_checks_are_50_ms_apart_until_answered_and_then_2_to_5_s() -> None:
    call = Call()
    call.loses = lambda data: True
    times: list[int] = []
    while len(times) < 5:
        due = call.peer.next_timeout()
        assert due is not None
        call.peer.handle_timeout(due)
        times += [due] * len(call.peer.transmit())
    assert times == [milliseconds(50) * step for step in range(5)]
    call = Call()
    call.run(seconds(1))
    gaps = []
    for _ in range(10):
        due = call.peer.next_timeout()
        assert due is not None
        gaps.append(due - call.now)
        call.run(due - call.now + 2 * LATENCY_US)
    assert all(milliseconds(1400) <= gap <= seconds(5) for gap in gaps)
    assert len(set(gaps)) > 5


def test_the_peer_reports_a_refusal() -> None:
    call = Call()
    call.peer.restart_ice(call.server.ice.ufrag, "wrong password that is long enough", START)
    call.run(milliseconds(60))
    assert CheckRefused(401) in call.peer.events() and not call.peer.connected


# --- the end


def test_the_peers_close_notify_closes_everything_at_once() -> None:
    call = Call()
    call.run(seconds(1))
    call.server_events.clear()
    call.peer.close()
    call.run(milliseconds(15))
    assert call.server.closed and call.server_events[-1] == Closed(DtlsReason.CLOSE_NOTIFY)
    assert DtlsStateChanged(DtlsState.CLOSED, DtlsReason.CLOSE_NOTIFY) in call.server_events
    assert call.server.ice_state is IceState.CLOSED and call.server.next_timeout() is None


def test_closing_here_tells_the_peer_and_then_answers_nothing() -> None:
    call = Call()
    call.run(seconds(1))
    call.server.close()
    call.server.close()
    call.run(milliseconds(30))
    assert call.peer.dtls_state is DtlsState.CLOSED
    assert not any(isinstance(event, Closed) for event in call.server_events)
    call.run(seconds(10))
    assert call.server.drop_counts().keys() <= {"stun_closed", "dtls_unvalidated_tuple"}
    with pytest.raises(InvalidState):
        call.server.set_keys(keys_of(Profile.AEAD_AES_128_GCM))
    with pytest.raises(InvalidState):
        call.connect()


def test_a_handshake_that_never_ends_closes_the_transport_after_twenty_seconds() -> None:
    call = Call()
    call.loses = lambda data: 20 <= data[0] < 64
    call.run(seconds(25))
    assert Closed(DtlsReason.TIMEOUT) in call.server_events
    assert call.server.dtls_state is DtlsState.FAILED and call.server.ice_state is IceState.CLOSED


def test_the_wrong_certificate_closes_the_transport_without_keys() -> None:
    call = Call(signaled=False)
    call.server.connect(DtlsRole.CLIENT, context("stranger").fingerprints, START)
    call.run(seconds(1))
    assert call.server_events[-1] == Closed(DtlsReason.FINGERPRINT_MISMATCH)
    assert not any(isinstance(event, KeysReady) for event in call.server_events)


# --- keys by hand


def keys_of(profile: Profile) -> SrtpKeys:
    size = profile.key_size + profile.salt_size
    return SrtpKeys(profile, bytes(size), bytes([1]) * size)


def test_keys_set_by_hand_take_the_place_of_dtls_and_make_a_call_deterministic() -> None:
    def play() -> tuple[list[SecureEvent], list[Datagram]]:
        call = Call(signaled=False)
        keys = keys_of(Profile.AEAD_AES_128_GCM)
        call.server.set_keys(keys)
        call.peer.set_keys(SrtpKeys(keys.profile, keys.receive, keys.send))
        call.run(seconds(30))
        assert call.server.dtls_state is DtlsState.CONNECTED and call.server.ice_state is IceState.COMPLETED
        call.server.receive(client_hello(), SOCKETS[0], call.now)
        assert call.server.drop_counts() == {"dtls_not_started": 1}
        call.peer.send_rtp(rtp(1))
        return call.server_events, call.peer.transmit()

    first, second = play(), play()
    assert first == second
    assert isinstance(first[0][1], KeysReady)


def test_keys_cannot_be_set_once_dtls_has_begun() -> None:
    call = Call()
    call.run(seconds(1))
    with pytest.raises(InvalidState):
        call.server.set_keys(keys_of(Profile.AEAD_AES_128_GCM))


def test_the_peer_counts_what_it_cannot_use() -> None:
    call = Call()
    for data in (rtp(1), b"", b"\x50", b"\x00junk", stun.error_response(bytes(12), 401)):
        call.peer.receive(data, START)
    assert call.peer.drops == {"srtp_without_keys": 1, "unknown": 2, "stun": 2}
    with pytest.raises(InvalidState):
        call.peer.send_rtp(rtp(1))
    with pytest.raises(InvalidState):
        call.peer.send_rtcp(REPORT)
    call.run(seconds(1))
    call.peer.receive(rtp(1) + bytes(20), call.now)
    assert call.peer.drops["srtp"] == 1
