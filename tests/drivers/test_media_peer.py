"""What the client does by itself; calls with a server are in tests/scenarios."""

from rtpfwd.clock import Instant, seconds
from rtpfwd.drivers.fake_media import SourceSpec
from rtpfwd.drivers.media_peer import MediaPeer, seeded_entropy
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext

NOW = Instant(seconds(1))
CONTEXT = DtlsContext(generate(1_700_000_000_000_000))


def peer_at(address: str) -> MediaPeer:
    return MediaPeer.for_transport(
        {"usernameFragment": "ufrag", "password": "p" * 32, "iceLite": True},
        [{"address": address, "port": 3000, "protocol": "udp"}],
        {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}]},
        CONTEXT,
        seeded_entropy(1),
    )


def test_nothing_is_sent_before_the_start_and_then_a_check_to_the_candidate():
    peer = peer_at("192.0.2.1")
    assert peer.next_timeout() is None
    peer.start(NOW)
    assert peer.next_timeout() == NOW
    peer.handle_timeout(NOW)
    [(data, path)] = peer.transmit()
    assert path == (0, ("192.0.2.1", 3000))
    assert data[:2] == b"\x00\x01"


def test_an_ipv6_candidate_is_addressed_as_sockets_do():
    assert peer_at("2001:db8::1").peer.server == ("2001:db8::1", 3000, 0, 0)


def test_media_waits_for_the_connection():
    peer = peer_at("192.0.2.1")
    source = peer.add_source(SourceSpec(kind="video", ssrc=1, mid="0"))
    peer.start(NOW)
    peer.handle_timeout(Instant(NOW + seconds(5)))
    assert source.packets == 0
    assert not peer.connected


def test_what_signaling_needs_is_there():
    parameters = peer_at("192.0.2.1").dtls_parameters
    assert parameters["role"] == "client"
    assert {one["algorithm"] for one in parameters["fingerprints"]} >= {"sha-256"}


def test_seeded_entropy_repeats_itself():
    assert seeded_entropy(5)(20) == seeded_entropy(5)(20) != seeded_entropy(6)(20)
