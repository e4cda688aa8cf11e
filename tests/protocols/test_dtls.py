"""Two transports, or one and a bare OpenSSL peer, on a virtual clock."""

import gc
import random
import struct
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from OpenSSL import SSL

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.protocols import certificate, dtls_records
from rtpfwd.protocols.certificate import Certificate, Fingerprint
from rtpfwd.protocols.dtls import CIPHERS, DtlsContext, DtlsTransport
from rtpfwd.protocols.dtls_states import (
    DtlsReason,
    DtlsRole,
    DtlsState,
    DtlsStateChanged,
    KeysReady,
    local_role,
)
from rtpfwd.protocols.srtp import Profile, SrtpKeys

UNIX_US = 1_700_000_000 * 1_000_000
LATENCY_US = milliseconds(10)
START = Instant(seconds(1))


@cache
def own(name: str = "a") -> Certificate:
    if name == "rsa":
        pem = (Path(__file__).parent / "rsa_4096.pem").read_text()
        return certificate.load(pem, pem)
    years = 20 if name == "expired" else 0
    return certificate.generate(UNIX_US - years * 365 * 24 * 3600 * 1_000_000)


@cache
def context(name: str = "a", profiles: tuple[Profile, ...] = tuple(Profile)) -> DtlsContext:
    return DtlsContext(own(name), profiles)


def keys_of(transport: DtlsTransport) -> list[SrtpKeys]:
    return [event.keys for event in transport.events() if isinstance(event, KeysReady)]


def states_of(transport: DtlsTransport) -> list[tuple[DtlsState, DtlsReason | None]]:
    return [
        (event.state, event.reason) for event in transport.events() if isinstance(event, DtlsStateChanged)
    ]


def pair(
    client: str = "a", server: str = "b", client_profiles: tuple[Profile, ...] = tuple(Profile)
) -> tuple[DtlsTransport, DtlsTransport]:
    """A client and a server that expect each other, started."""
    ours, theirs = DtlsTransport(context(client, client_profiles)), DtlsTransport(context(server))
    ours.set_remote_fingerprints(own(server).fingerprints)
    theirs.set_remote_fingerprints(own(client).fingerprints)
    theirs.start(DtlsRole.SERVER, START)
    ours.start(DtlsRole.CLIENT, START)
    return ours, theirs


Fate = Callable[[int, bytes], list[tuple[int, bytes]]]
"""From a datagram's number and bytes to what arrives: extra microseconds, and bytes."""


def straight(number: int, datagram: bytes) -> list[tuple[int, bytes]]:
    return [(0, datagram)]


def run(
    ours: DtlsTransport, theirs: DtlsTransport, fate: Fate = straight, until: int = seconds(25)
) -> tuple[int, int]:
    """Drive both until both stand still; returns the time passed (microseconds) and the datagrams sent."""
    now, number, serial = START, 0, 0
    flying: list[tuple[int, int, DtlsTransport, bytes]] = []
    while now < START + until:
        for sender, receiver in ((ours, theirs), (theirs, ours)):
            for datagram in sender.transmit():
                assert len(datagram) <= 1200
                for extra_us, arriving in fate(number, datagram):
                    serial += 1
                    flying.append((now + LATENCY_US + extra_us, serial, receiver, arriving))
                number += 1
        done = ours.state is not DtlsState.CONNECTING and theirs.state is not DtlsState.CONNECTING
        timeouts = [each.next_timeout() for each in (ours, theirs)]
        waiting = [at for at in timeouts if at is not None] + [entry[0] for entry in flying]
        if not waiting or (done and not flying):
            break
        now = Instant(min(waiting))
        flying.sort(key=lambda entry: entry[:2])
        while flying and flying[0][0] <= now:
            _, _, receiver, arriving = flying.pop(0)
            receiver.receive(arriving, now)
        for each in (ours, theirs):
            due = each.next_timeout()
            if due is not None and due <= now:
                each.handle_timeout(now)
    return now - START, number


def assert_connected(ours: DtlsTransport, theirs: DtlsTransport) -> None:
    assert (ours.state, theirs.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)
    (mine,), (other,) = keys_of(ours), keys_of(theirs)
    assert mine.profile is other.profile
    assert (mine.send, mine.receive) == (other.receive, other.send)


class Bare:
    """A peer of plain pyOpenSSL, free to misbehave."""

    def __init__(
        self,
        *,
        server: bool = False,
        name: str | None = "b",
        ciphers: bytes = CIPHERS,
        profiles: bytes = b"SRTP_AES128_CM_SHA1_80",
        mtu: int = 1200,
        alpn: list[bytes] | None = None,
        chain: int = 0,
    ) -> None:
        ssl = SSL.Context(SSL.DTLS_METHOD)
        ssl.set_options(SSL.OP_NO_QUERY_MTU)
        ssl.set_cipher_list(ciphers)
        ssl.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        if name:
            ssl.use_certificate(own(name).certificate)
            ssl.use_privatekey(own(name).private_key)
        for _ in range(chain):
            ssl.add_extra_chain_cert(own("rsa").certificate)
        if profiles:
            ssl.set_tlsext_use_srtp(profiles)
        self.connection = SSL.Connection(ssl, None)
        self.connection.set_ciphertext_mtu(mtu)
        if alpn:
            self.connection.set_alpn_protos(alpn)
        if server:
            self.connection.set_accept_state()
        else:
            self.connection.set_connect_state()
        self.mtu = mtu

    def step(self, datagrams: list[bytes], verb: str = "do_handshake") -> list[bytes]:
        """Feed datagrams one by one, and return what it sends."""
        for datagram in datagrams:
            self.connection.bio_write(datagram)
            self._try(verb)
        if not datagrams:
            self._try(verb)
        return self.output()

    def output(self) -> list[bytes]:
        try:
            return dtls_records.pack(self.connection.bio_read(1 << 20), self.mtu)
        except SSL.WantReadError:
            return []

    def _try(self, verb: str) -> None:
        try:
            self.connection.recv(1) if verb == "recv" else getattr(self.connection, verb)()
        except SSL.Error:
            return

    def handshake(
        self, transport: DtlsTransport, hello: list[bytes] | None = None, now: Instant = START
    ) -> None:
        """Talk to ``transport`` until neither has anything to say."""
        waiting = self.step([]) if hello is None else hello
        for _ in range(20):
            for datagram in waiting:
                transport.receive(datagram, START)
            answers = transport.transmit()
            if not answers:
                return
            waiting = self.step(answers)


def server(name: str = "a", expect: str | None = "b") -> DtlsTransport:
    transport = DtlsTransport(context(name))
    if expect:
        transport.set_remote_fingerprints(own(expect).fingerprints)
    transport.start(DtlsRole.SERVER, START)
    return transport


def record(kind: int, body: bytes, epoch: int = 0, number: int = 1000) -> bytes:
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, number, len(body)) + body


def refragment(flight: list[bytes], size: int) -> list[bytes]:
    """The one handshake message of an epoch-0 flight, cut anew into fragments of ``size`` bytes."""
    whole = b""
    head = b""
    for datagram in flight:
        for each in dtls_records.split(datagram):
            head = each.data[13:25]
            whole += each.data[25:]
    pieces = []
    for index, at in enumerate(range(0, len(whole), size)):
        piece = whole[at : at + size]
        fragment = head[:6] + at.to_bytes(3, "big") + len(piece).to_bytes(3, "big") + piece
        pieces.append(record(22, fragment, number=index + 10))  # clear of the peer's own numbers
    return pieces


BIG_HELLO = [bytes([letter]) * 240 for letter in b"abcde"]  # ALPN names that make a ClientHello of 1400 bytes


# --- what works


@pytest.mark.parametrize(
    ("client", "server_name"), [("a", "b"), ("rsa", "b"), ("a", "rsa"), ("expired", "b")]
)
def test_a_handshake_yields_mirrored_keys_with_gcm_first(client: str, server_name: str) -> None:
    ours, theirs = pair(client, server_name)
    assert run(ours, theirs) == (4 * LATENCY_US, run(*pair(client, server_name))[1])
    assert ours.remote_certificate_pem == own(server_name).to_pem()[0]
    assert theirs.remote_certificate_pem == own(client).to_pem()[0]
    assert states_of(ours)[0] == (DtlsState.CONNECTING, None)
    ours, theirs = pair(client, server_name)
    run(ours, theirs)
    (keys,) = keys_of(ours)
    assert keys.profile is Profile.AEAD_AES_128_GCM
    assert ours.next_timeout() is None and theirs.next_timeout() is None
    assert not ours.drops and not theirs.drops


def test_both_sides_have_the_same_line_for_a_key_log_while_they_are_connected() -> None:
    ours, theirs = pair()
    assert ours.key_log == theirs.key_log == ""
    run(ours, theirs)
    label, client_random, secret = ours.key_log.split()
    assert (label, len(bytes.fromhex(client_random)), len(bytes.fromhex(secret))) == ("CLIENT_RANDOM", 32, 48)
    assert theirs.key_log == ours.key_log
    ours.close()
    assert ours.key_log == ""


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_can_be_negotiated(profile: Profile) -> None:
    ours, theirs = pair(client_profiles=(profile,))
    run(ours, theirs)
    (keys,) = keys_of(ours)
    assert keys.profile is profile and keys_of(theirs)[0].send == keys.receive


def test_the_servers_order_of_profiles_wins() -> None:
    transport = server()
    Bare(profiles=b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM").handshake(transport)
    assert keys_of(transport)[0].profile is Profile.AEAD_AES_128_GCM


def test_roles_are_resolved_as_mediasoup_does() -> None:
    assert local_role(DtlsRole.CLIENT) is DtlsRole.SERVER
    assert local_role(DtlsRole.SERVER) is DtlsRole.CLIENT
    assert local_role(DtlsRole.AUTO) is DtlsRole.CLIENT


# --- loss, duplication, order: all on the virtual clock


@pytest.mark.parametrize("client", ["a", "rsa"])
@pytest.mark.parametrize("server_name", ["b", "rsa"])
def test_any_one_or_two_lost_datagrams_are_made_good_within_a_second(client: str, server_name: str) -> None:
    count = run(*pair(client, server_name))[1]
    for first in range(count + 2):
        for second in range(first, count + 2):
            ours, theirs = pair(client, server_name)
            passed, _ = run(ours, theirs, lambda n, d, a=first, b=second: [] if n in (a, b) else [(0, d)])  # type: ignore[misc]
            assert_connected(ours, theirs)
            assert passed <= seconds(1), f"datagrams {first} and {second} lost"


def test_at_thirty_percent_loss_each_way_the_handshake_completes_in_fifteen_seconds() -> None:
    late = 0
    for seed in range(100):
        dice = random.Random(seed)
        ours, theirs = pair()
        passed, _ = run(ours, theirs, lambda n, d, dice=dice: [] if dice.random() < 0.3 else [(0, d)])  # type: ignore[misc]
        late += passed > seconds(15) or ours.state is not DtlsState.CONNECTED
    assert late <= 1


def test_duplicated_and_reordered_datagrams_do_no_harm() -> None:
    for seed in range(30):
        dice = random.Random(seed)
        ours, theirs = pair("rsa", "rsa")

        def fate(number: int, datagram: bytes, dice: random.Random = dice) -> list[tuple[int, bytes]]:
            return [(dice.randrange(milliseconds(60)), datagram) for _ in range(dice.choice((1, 1, 2, 3)))]

        run(ours, theirs, fate)
        assert_connected(ours, theirs)


def test_flights_repeat_after_100_ms_doubling_to_4_s_until_the_deadline() -> None:
    transport = DtlsTransport(context())
    transport.start(DtlsRole.CLIENT, START)
    hello = transport.transmit()
    passed_ms = []
    while transport.state is DtlsState.CONNECTING:
        due = transport.next_timeout()
        assert due is not None
        transport.handle_timeout(Instant(due - 1))
        assert not transport.transmit()
        transport.handle_timeout(due)
        passed_ms.append((due - START) // 1000)
        repeated = transport.transmit()
        expected = hello if transport.state is DtlsState.CONNECTING else []
        assert [each[11:] for each in repeated] == [each[11:] for each in expected]  # all but the number
        assert not set(repeated) & set(hello)
    assert passed_ms == [100, 300, 700, 1500, 3100, 6300, 10300, 14300, 18300, 20000]
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.TIMEOUT)
    assert transport.next_timeout() is None


@pytest.mark.parametrize("order", [[0, 1], [1, 0], [0, 0, 1, 1], [1, 0, 1]])
def test_a_client_hello_in_two_datagrams_completes_in_any_order(order: list[int]) -> None:
    transport, peer = server(), Bare(alpn=BIG_HELLO)
    hello = peer.step([])
    assert len(hello) == 2 and sum(map(len, hello)) > 1400
    peer.handshake(transport, [hello[index] for index in order])
    assert transport.state is DtlsState.CONNECTED


@pytest.mark.parametrize("size", [100, 255, 700])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_client_hello_cut_anew_into_pieces_completes(size: int, backwards: bool) -> None:
    transport, peer = server(), Bare(alpn=BIG_HELLO)
    pieces = refragment(peer.step([]), size)
    peer.handshake(transport, pieces[::-1] if backwards else pieces)
    assert transport.state is DtlsState.CONNECTED


def test_a_client_hello_repeated_with_other_borders_completes() -> None:
    transport, peer = server(), Bare(alpn=BIG_HELLO)
    hello = peer.step([])
    peer.handshake(transport, [hello[0], *refragment(hello, 400)[1:]])
    assert transport.state is DtlsState.CONNECTED


def test_a_peer_that_fragments_everything_to_256_bytes_completes_in_both_roles() -> None:
    transport = server(expect="rsa")
    Bare(name="rsa", mtu=256).handshake(transport)
    assert transport.state is DtlsState.CONNECTED
    peer = Bare(name="rsa", mtu=256, server=True)
    client = DtlsTransport(context("a"))
    client.set_remote_fingerprints(own("rsa").fingerprints)
    client.start(DtlsRole.CLIENT, START)
    peer.handshake(client, peer.step(client.transmit()))
    assert client.state is DtlsState.CONNECTED


# --- D2: a stranger's bytes before the handshake


def null_hello() -> list[bytes]:
    return Bare(ciphers=b"eNULL:@SECLEVEL=0").step([])


def old_hello() -> list[bytes]:
    (hello,) = Bare().step([])
    return [hello[:25] + b"\xfe\xff" + hello[27:]]


def test_d2_a_poisonous_hello_costs_one_rebuild_and_the_real_one_completes() -> None:
    for poison in (null_hello(), old_hello(), [record(22, b"\x14" + bytes(11))], [record(22, b"\xff" * 40)]):
        transport = server()
        for datagram in poison:
            transport.receive(datagram, START)
        sent = transport.transmit()
        assert not sent, "an alert to a stranger's hello would end the real peer's handshake"
        Bare().handshake(transport)
        assert transport.state is DtlsState.CONNECTED


def test_d2_tls_records_and_garbage_never_reach_openssl() -> None:
    transport = server()
    for data in (
        b"\x16\x03\x01\0\x05hello",
        b"\x16",
        b"\x16\xfe\xfd",
        bytes(range(20, 64)),
        b"\x3f" * 1200,
        b"",
    ):
        transport.receive(data, START)
    assert transport.drops == {"dtls_malformed": 6} and not transport.record_drops
    Bare().handshake(transport)
    assert transport.state is DtlsState.CONNECTED


def test_d2_the_fourth_poisoning_within_ten_seconds_fails_for_good() -> None:
    transport = server()
    for turn in range(4):
        assert transport.state is DtlsState.CONNECTING
        for datagram in null_hello():
            transport.receive(datagram, Instant(START + turn))
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.POISONED)
    Bare().handshake(transport)
    assert transport.state is DtlsState.FAILED and not transport.transmit()
    assert transport.drops["dtls_closed"] >= 1


def test_d2_poisonings_are_forgotten_after_ten_seconds() -> None:
    transport = server()
    for turn in range(5):
        for datagram in null_hello():
            transport.receive(datagram, Instant(START + turn * seconds(4)))
    assert transport.state is DtlsState.CONNECTING


def test_d2_a_client_that_is_poisoned_says_hello_again() -> None:
    ours, theirs = pair()
    assert ours.transmit()
    ours.receive(record(22, b"\x02\0\0\5\0\0\0\0\0\0\0\5junk!"), START)
    assert len(ours.transmit()) == 1
    ours.handle_timeout(Instant(START + milliseconds(100)))
    run(ours, theirs)
    assert_connected(ours, theirs)


# --- D3: alerts in the clear


@pytest.mark.parametrize("alert", [b"\x02\x28", b"\x01\x00", b"\x02\x00"])
@pytest.mark.parametrize("moment", range(5))
def test_d3_plaintext_alerts_mid_handshake_are_not_obeyed(alert: bytes, moment: int) -> None:
    ours, theirs = pair()

    def fate(number: int, datagram: bytes) -> list[tuple[int, bytes]]:
        return [(0, record(21, alert)), (0, datagram)] if number == moment else [(0, datagram)]

    run(ours, theirs, fate)
    assert_connected(ours, theirs)
    dropped = ours.drops + theirs.drops
    assert sum(dropped.values()) == (moment < 4)


# --- after the handshake


def connected_with_bare() -> tuple[DtlsTransport, Bare]:
    transport, peer = server(), Bare()
    peer.handshake(transport)
    assert transport.state is DtlsState.CONNECTED
    transport.events()
    return transport, peer


def test_d4_junk_after_the_handshake_changes_nothing() -> None:
    transport, peer = connected_with_bare()
    for kind in (20, 21, 22, 23, 24, 63):
        for epoch in (0, 1, 2, 65535):
            for body in (b"", b"\x02\x28", bytes(100), b"\xff" * 1100):
                transport.receive(record(kind, body, epoch), START)
    for data in (b"", b"\x16", record(22, bytes(90), 1)[:-3]):
        transport.receive(data, START)
    assert transport.state is DtlsState.CONNECTED and not transport.events()
    peer.step([], "shutdown")
    assert transport.state is DtlsState.CONNECTED


def test_d5_a_cut_record_does_not_swallow_the_next_datagram() -> None:
    transport, peer = server(), Bare()
    (hello,) = peer.step([])
    transport.receive(hello[:60], START)
    peer.handshake(transport, [hello])
    assert transport.state is DtlsState.CONNECTED
    assert transport.drops == {"dtls_malformed": 1}


def test_d9_a_new_client_hello_on_an_established_session_is_dropped() -> None:
    transport, _ = connected_with_bare()
    for datagram in Bare().step([]):
        transport.receive(datagram, START)
    assert transport.drops == {"dtls_plaintext_after_handshake": 1}
    assert transport.state is DtlsState.CONNECTED and not transport.transmit()


def test_d10_renegotiation_is_refused_and_the_session_lives() -> None:
    transport, peer = connected_with_bare()
    peer.connection.renegotiate()
    for datagram in peer.step([]):
        transport.receive(datagram, START)
    answers = transport.transmit()
    assert [dtls_records.split(each)[0].content_type for each in answers] in ([], [dtls_records.ALERT])
    assert transport.state is DtlsState.CONNECTED and not transport.events()


def test_d11_a_peer_without_a_certificate_is_refused() -> None:
    transport = server()
    peer = Bare(name=None)
    peer.handshake(transport)
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.NO_CERTIFICATE)


@pytest.mark.parametrize("role", [DtlsRole.SERVER, DtlsRole.CLIENT])
def test_d11_a_certificate_that_does_not_match_fails_without_keys(role: DtlsRole) -> None:
    ours, theirs = DtlsTransport(context("a")), DtlsTransport(context("b"))
    ours.set_remote_fingerprints(own("other").fingerprints)
    theirs.set_remote_fingerprints(own("a").fingerprints)
    other = DtlsRole.CLIENT if role is DtlsRole.SERVER else DtlsRole.SERVER
    for transport, its in ((ours, role), (theirs, other)):
        transport.start(its, START)
    run(ours, theirs)
    events = ours.events()
    assert events[-1] == DtlsStateChanged(DtlsState.FAILED, DtlsReason.FINGERPRINT_MISMATCH)
    assert not any(isinstance(event, KeysReady) for event in events)
    assert theirs.state in (DtlsState.CLOSED, DtlsState.CONNECTED, DtlsState.FAILED)
    assert not ours.transmit() and ours.next_timeout() is None


def test_d11_one_good_and_one_bad_fingerprint_fail() -> None:
    transport = DtlsTransport(context("a"))
    transport.set_remote_fingerprints([own("b").fingerprints[2], own("other").fingerprints[4]])
    transport.start(DtlsRole.SERVER, START)
    Bare().handshake(transport)
    assert states_of(transport)[-1][1] is DtlsReason.FINGERPRINT_MISMATCH


@pytest.mark.parametrize("index", [2, 3, 4])
def test_d11_one_strong_fingerprint_is_enough(index: int) -> None:
    transport = DtlsTransport(context("a"))
    fingerprint = own("b").fingerprints[index]
    transport.set_remote_fingerprints([Fingerprint(fingerprint.algorithm, fingerprint.value.lower())])
    transport.start(DtlsRole.SERVER, START)
    Bare().handshake(transport)
    assert transport.state is DtlsState.CONNECTED


def test_d11_weak_fingerprints_alone_are_refused_to_the_caller() -> None:
    transport = server(expect=None)
    for fingerprints in (own("b").fingerprints[:2], []):
        with pytest.raises(InvalidParameters):
            transport.set_remote_fingerprints(fingerprints)
    Bare().handshake(transport)
    assert transport.state is DtlsState.CONNECTING and not keys_of(transport)


def test_d11_a_long_certificate_chain_is_bounded_by_the_library() -> None:
    transport = server()
    Bare(chain=40).handshake(transport)  # 50 kB
    assert transport.state is DtlsState.CONNECTED
    transport = server()
    Bare(chain=90).handshake(transport)  # above the library's 100 kB
    assert transport.state is not DtlsState.CONNECTED and not keys_of(transport)


def test_d12_no_common_srtp_profile_fails() -> None:
    transport = server()
    Bare(profiles=b"").handshake(transport)
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.NO_SRTP_PROFILE)
    transport = DtlsTransport(context("a", (Profile.AEAD_AES_128_GCM,)))
    transport.set_remote_fingerprints(own("b").fingerprints)
    transport.start(DtlsRole.SERVER, START)
    Bare(profiles=b"SRTP_AES128_CM_SHA1_80").handshake(transport)
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.NO_SRTP_PROFILE)


def test_d13_an_authenticated_close_notify_closes() -> None:
    transport, peer = connected_with_bare()
    for datagram in peer.step([], "shutdown"):
        transport.receive(datagram, START)
    assert states_of(transport) == [(DtlsState.CLOSED, DtlsReason.CLOSE_NOTIFY)]
    assert len(transport.transmit()) == 1  # ours in return


def test_d13_closing_here_says_close_notify_once_and_then_nothing() -> None:
    ours, theirs = pair()
    run(ours, theirs)
    theirs.events()
    ours.close()
    ours.close()
    (goodbye,) = ours.transmit()
    theirs.receive(goodbye, START)
    assert states_of(theirs) == [(DtlsState.CLOSED, DtlsReason.CLOSE_NOTIFY)]
    ours.receive(goodbye, START)
    assert ours.drops == {"dtls_closed": 1} and not ours.transmit() and ours.next_timeout() is None


def test_d14_application_data_is_counted_and_dropped() -> None:
    transport, peer = connected_with_bare()
    peer.connection.send(b"sctp")
    for datagram in peer.output():
        transport.receive(datagram, START)
    assert transport.drops == {"dtls_application_data": 1}
    assert transport.state is DtlsState.CONNECTED and not transport.events()


def test_d16_nothing_is_written_after_failure() -> None:
    transport = DtlsTransport(context())
    transport.start(DtlsRole.CLIENT, START)
    transport.transmit()
    transport.handle_timeout(Instant(START + seconds(20)))
    assert transport.state is DtlsState.FAILED
    transport.handle_timeout(Instant(START + seconds(30)))
    for datagram in Bare().step([]):
        transport.receive(datagram, Instant(START + seconds(30)))
    transport.close()
    assert not transport.transmit() and transport.drops == {"dtls_closed": 1}


def test_d16_many_datagrams_without_transmit_never_pile_up_in_openssl() -> None:
    transport = server()
    (hello,) = Bare().step([])
    for _ in range(2000):
        transport.receive(hello, START)
    assert len(transport.transmit()) == 1


# --- fingerprints that come late, roles that change


def test_a_handshake_that_precedes_the_fingerprint_waits_for_it() -> None:
    transport = server(expect=None)
    Bare().handshake(transport)
    assert transport.state is DtlsState.CONNECTING and transport.established
    assert transport.next_timeout() is None and not keys_of(transport)
    transport.set_remote_fingerprints(own("b").fingerprints)
    assert transport.state is DtlsState.CONNECTED and len(keys_of(transport)) == 1


def test_a_late_fingerprint_that_does_not_match_fails() -> None:
    transport = server(expect=None)
    Bare().handshake(transport)
    transport.set_remote_fingerprints(own("other").fingerprints)
    assert states_of(transport)[-1] == (DtlsState.FAILED, DtlsReason.FINGERPRINT_MISMATCH)


def test_a_server_that_nobody_spoke_to_may_become_the_client() -> None:
    ours, theirs = server("a"), DtlsTransport(context("b"))
    theirs.set_remote_fingerprints(own("a").fingerprints)
    theirs.start(DtlsRole.SERVER, START)
    ours.start(DtlsRole.CLIENT, START)
    assert ours.role is DtlsRole.CLIENT
    run(ours, theirs)
    assert_connected(ours, theirs)
    with pytest.raises(InvalidState):
        ours.start(DtlsRole.SERVER, START)


def test_auto_is_no_role_to_start_in_and_early_datagrams_are_dropped() -> None:
    transport = DtlsTransport(context())
    with pytest.raises(InvalidState):
        transport.start(DtlsRole.AUTO, START)
    for datagram in Bare().step([]):
        transport.receive(datagram, START)
    assert transport.drops == {"dtls_not_started": 1} and transport.next_timeout() is None


def test_abandoned_connections_are_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for finish in (False, True):
            ours, theirs = pair()
            if finish:
                run(ours, theirs)
            watched = [weakref.ref(each._connection) for each in (ours, theirs)]  # type: ignore[arg-type]
            del ours, theirs
            assert [ref() for ref in watched] == [None, None]
    finally:
        gc.enable()
