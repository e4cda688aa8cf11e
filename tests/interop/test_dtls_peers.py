"""Peers whose DTLS is not Chromium's: other certificates, hashes, profiles and fragments; false identities.

Each is an aiortc sender or receiver on real sockets, and each success is proven by media that is decoded.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rtpfwd.drivers.fake_media import SourceSpec, producer_parameters
from rtpfwd.drivers.interfaces import ListenSettings
from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.protocols.certificate import Certificate, self_sign
from tests.interop.aiortc_peer import AiortcReceiver, AiortcSender, AnyKindCertificate
from tests.interop.hello_splitter import HelloSplitter
from tests.interop.studio import Studio, describe, until

PADDING = [b"protocol-%03d" % number for number in range(82)]
"""ALPN names that nobody asks for: they make a ClientHello as large as a post-quantum one."""

MakeKey = Callable[[], Any]
KEYS: dict[str, MakeKey] = {
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
}


def certificate_of(kind: str) -> Certificate:
    return self_sign(KEYS[kind](), time.time_ns() // 1000)


def aiortc_certificate(kind: str, alpn: list[bytes] | None = None) -> AnyKindCertificate:
    made = certificate_of(kind)
    return AnyKindCertificate(made.private_key, made.certificate, alpn)


@pytest.fixture
async def rsa_studio() -> AsyncIterator[Studio]:
    """An SFU whose own certificate is RSA."""
    driver = await RealtimeDriver.start(
        ListenSettings(ips=["127.0.0.1"], port=0), certificate=certificate_of("rsa-2048")
    )
    one = Studio(driver)
    yield one
    await one.close()


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("role", ["client", "server"])
async def test_a_peer_may_have_any_kind_of_certificate(studio: Studio, kind: str, role: str) -> None:
    sender, receiver = AiortcSender(aiortc_certificate(kind)), AiortcReceiver(aiortc_certificate(kind))
    published = await studio.publish(sender, kinds=("audio",), role=role)
    await studio.subscribe(receiver, role=role)
    assert await receiver.sound(5) == 5 * 960
    assert published.dtls_remote_cert is not None
    assert published.dtls_remote_cert.startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("role", ["client", "server"])
async def test_the_sfu_may_have_an_rsa_certificate(rsa_studio: Studio, role: str) -> None:
    sender = AiortcSender(aiortc_certificate("rsa-2048"))
    receiver = AiortcReceiver(aiortc_certificate("rsa-2048"))
    await rsa_studio.publish(sender, kinds=("audio",), role=role)
    await rsa_studio.subscribe(receiver, role=role)
    assert await receiver.sound(5) == 5 * 960


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
async def test_one_fingerprint_of_any_accepted_hash_is_enough(studio: Studio, algorithm: str) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    sender.fingerprint_algorithm = receiver.fingerprint_algorithm = algorithm
    await studio.publish(sender, kinds=("audio",))
    await studio.subscribe(receiver)
    assert await receiver.sound(5) == 5 * 960


@pytest.mark.parametrize(
    "profile",
    [SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM],
    ids=lambda profile: profile.openssl_profile.decode(),
)
async def test_a_peer_that_knows_one_srtp_profile_gets_that_one(
    studio: Studio, profile: SRTPProtectionProfile
) -> None:
    """Sender and receiver differ, so the packets are really encrypted anew."""
    sender, receiver = AiortcSender(), AiortcReceiver()
    sender.srtp_profiles = [profile]
    await studio.publish(sender, kinds=("audio",))
    await studio.subscribe(receiver)
    assert await receiver.sound(5) == 5 * 960
    assert sender.srtp_profile == profile.openssl_profile
    assert receiver.srtp_profile == b"SRTP_AEAD_AES_128_GCM"


async def test_a_receiver_that_knows_only_aes_128_with_sha1_80_gets_media(studio: Studio) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    receiver.srtp_profiles = [SRTP_AES128_CM_SHA1_80]
    await studio.publish(sender)
    await studio.subscribe(receiver)
    assert len(await receiver.pictures(5)) == 5
    assert await receiver.sound(5) == 5 * 960


@pytest.mark.parametrize("manner", ["in order", "shuffled", "each twice"])
async def test_a_client_hello_in_pieces_of_255_bytes_is_put_together(studio: Studio, manner: str) -> None:
    splitters: list[HelloSplitter] = []

    def split(dtls: RTCDtlsTransport) -> None:
        splitter = HelloSplitter(
            dtls.transport._send, shuffle=manner == "shuffled", repeat=manner == "each twice"
        )
        splitters.append(splitter)
        dtls.transport._send = splitter.send

    sender = AiortcSender(aiortc_certificate("rsa-2048", PADDING))
    receiver = AiortcReceiver(aiortc_certificate("rsa-2048", PADDING))
    sender.before_start = receiver.before_start = split
    await studio.publish(sender, kinds=("audio",))
    await studio.subscribe(receiver)
    assert await receiver.sound(5) == 5 * 960
    for splitter in splitters:
        assert splitter.hello_bytes > 1200
        assert splitter.hello_pieces == -(-splitter.hello_bytes // 255)


@pytest.mark.parametrize("role", ["client", "server"])
async def test_a_wrong_fingerprint_fails_and_lets_no_media_in(studio: Studio, role: str) -> None:
    sender, other = AiortcSender(), AiortcSender()
    states: list[str] = []

    studio.at_end(sender.close)
    studio.at_end(other.close)
    transport = studio.transport()
    transport.on("dtlsstatechange", states.append)
    other.connection.addTransceiver("audio")
    await other.connection.setLocalDescription()

    async def connect(dtls_parameters: dict[str, Any]) -> None:
        stranger = other.dtls.getLocalParameters().fingerprints
        false = [{"algorithm": one.algorithm, "value": one.value} for one in stranger]
        transport.connect({**dtls_parameters, "fingerprints": false}, now=studio.driver.now())
        studio.driver.flush()

    async def produce(kind: str, parameters: dict[str, Any]) -> None:
        studio.produce(transport, kind, parameters)

    await sender.publish(describe(transport), connect, produce, kinds=("audio",), role=role)
    await until(lambda: transport.dtls_state == "failed")
    assert states == ["connecting", "failed"]
    assert transport.ice_state == "closed"
    await sender.until_dtls("closed")
    assert not _received(studio)


async def test_media_of_a_peer_whose_fingerprint_is_unknown_or_false_is_dropped(studio: Studio) -> None:
    """DTLS begins before ``connect``, so such a peer has keys and can send what decrypts."""
    transport = studio.transport()
    peer = studio.media_peer(transport, connect=False)
    spec = SourceSpec("audio", ssrc=7, mid="0", interval_us=1000, payload_bytes=60)
    source = peer.media.add_source(spec)
    studio.produce(transport, "audio", producer_parameters(spec))

    await until(lambda: source.packets >= 50)
    assert peer.media.connected
    assert transport.dtls_state == "connecting"
    assert studio.driver.worker.counters()["drops"]["rtp_before_keys"] >= 40
    assert not _received(studio)

    false = {"algorithm": "sha-256", "value": ":".join(["00"] * 32)}
    transport.connect({"role": "client", "fingerprints": [false]}, now=studio.driver.now())
    studio.driver.flush()
    sent = source.packets
    await until(lambda: source.packets >= sent + 50)
    assert transport.dtls_state == "failed"
    assert not _received(studio)


async def test_one_wrong_fingerprint_among_right_ones_fails_too(studio: Studio) -> None:
    sender = AiortcSender()
    studio.at_end(sender.close)
    transport = studio.transport()

    async def connect(dtls_parameters: dict[str, Any]) -> None:
        right = dtls_parameters["fingerprints"]
        assert len(right) == 3
        false = {"algorithm": "sha-512", "value": ":".join(["00"] * 64)}
        transport.connect({**dtls_parameters, "fingerprints": [*right[:2], false]}, now=studio.driver.now())
        studio.driver.flush()

    async def produce(kind: str, parameters: dict[str, Any]) -> None:
        studio.produce(transport, kind, parameters)

    await sender.publish(describe(transport), connect, produce, kinds=("audio",))
    await until(lambda: transport.dtls_state == "failed")
    assert not _received(studio)


@pytest.mark.parametrize("role", ["client", "server"])
async def test_a_peer_that_was_told_a_wrong_fingerprint_of_the_sfu_gets_no_media(
    studio: Studio, role: str
) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    await studio.publish(sender, kinds=("audio",))
    false = {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}]}

    # Only the fingerprint is false: the rest has to be the transport's own, so that ICE gets through.
    studio.at_end(receiver.close)
    transport = studio.transport()
    consumer = studio.consume(transport, studio.producers[0])

    async def connect(dtls_parameters: dict[str, Any]) -> None:
        transport.connect(dtls_parameters, now=studio.driver.now())
        studio.driver.flush()

    described = {**describe(transport), "dtlsParameters": false}
    await receiver.subscribe(
        described, connect, [{"kind": "audio", "rtpParameters": consumer.rtp_parameters}], role=role
    )
    await receiver.until_dtls("failed")
    assert receiver.dtls._rx_srtp is None


def _received(studio: Studio) -> int:
    """Packets that a producer accepted."""
    stats = [entry for one in studio.producers for entry in one.get_stats(now=studio.driver.now())]
    return sum(entry["packetCount"] for entry in stats)
