import gc
import hmac
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket, RtpfwdError, Unauthentic
from rtpfwd.protocols import srtp
from rtpfwd.protocols.srtp import Profile, RtcpReceiver, RtcpSender, RtpReceiver, RtpSender, SrtpKeys

PROFILES = list(Profile)
WAYS = ["pydll", "cffi", "wrapper"]

# RFC 3711 appendix B.3: master key and salt, and the session values derived from them.
MASTER_KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139")
MASTER_SALT = bytes.fromhex("0ec675ad498afeebb6960b3aabe6")
CIPHER_KEY = bytes.fromhex("c61e7a93744f39ee10734afe3ff7a087")
CIPHER_SALT = bytes.fromhex("30cbbc08863d8c85d49db34a9ae1")
AUTH_KEY = bytes.fromhex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")


def rtp(sequence: int, payload: bytes = b"payload", ssrc: int = 0xCAFEBABE) -> bytes:
    return struct.pack("!BBHII", 0x80, 15, sequence, 0xDECAFBAD, ssrc) + payload


def receiver_report(ssrc: int = 7, size: int = 8) -> bytes:
    return struct.pack("!BBHI", 0x80, 201, size // 4 - 1, ssrc) + bytes(size - 8)


def keys(profile: Profile, salt: int = 1) -> SrtpKeys:
    size = profile.key_size + profile.salt_size
    return SrtpKeys(profile, bytes([salt] * size), bytes([salt + 1] * size))


def mirrored(own: SrtpKeys) -> SrtpKeys:
    return SrtpKeys(own.profile, own.receive, own.send)


def aes_ctr(key: bytes, iv: int, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor().update(data)


def derive(master: bytes, salt: bytes, label: int, size: int) -> bytes:
    """RFC 3711 §4.3.1 with a key derivation rate of zero."""
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    return aes_ctr(master, x << 16, bytes(size))


# --- published vectors


def test_the_oracle_derives_the_session_keys_of_rfc_3711_b3() -> None:
    assert derive(MASTER_KEY, MASTER_SALT, 0, 16) == CIPHER_KEY
    assert derive(MASTER_KEY, MASTER_SALT, 1, 20) == AUTH_KEY
    assert derive(MASTER_KEY, MASTER_SALT, 2, 14) == CIPHER_SALT


@pytest.mark.parametrize(
    ("profile", "tag"), [(Profile.AES_CM_128_HMAC_SHA1_80, 10), (Profile.AES_CM_128_HMAC_SHA1_32, 4)]
)
def test_counter_mode_protects_as_rfc_3711_says_under_the_keys_of_b3(profile: Profile, tag: int) -> None:
    master = MASTER_KEY + MASTER_SALT
    packet = rtp(0x1234, b"\xab" * 16)
    iv = int.from_bytes(CIPHER_SALT, "big") << 16 ^ 0xCAFEBABE << 64 ^ 0x1234 << 16
    expected = packet[:12] + aes_ctr(CIPHER_KEY, iv, packet[12:])
    expected += hmac.digest(AUTH_KEY, expected + bytes(4), "sha1")[:tag]
    assert RtpSender(SrtpKeys(profile, master, master)).protect(packet) == expected
    assert RtpReceiver(SrtpKeys(profile, master, master)).unprotect(expected) == packet


def gcm(key: bytes, salt: bytes, packet: bytes) -> bytes:
    """RFC 7714 §8 for a packet of the first 65536."""
    iv = int.from_bytes(salt, "big") ^ int.from_bytes(packet[8:12], "big") << 48
    iv ^= int.from_bytes(packet[2:4], "big")
    return packet[:12] + AESGCM(key).encrypt(iv.to_bytes(12, "big"), packet[12:], packet[:12])


def test_the_oracle_encrypts_the_packet_of_rfc_7714_16_1_1() -> None:
    plain = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
    assert gcm(bytes(range(16)), bytes.fromhex("517569642070726f2071756f"), plain) == bytes.fromhex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
        "36de3adf8833899d7f27beb16a9152cf765ee4390cce"
    )


@pytest.mark.parametrize("profile", [Profile.AEAD_AES_128_GCM, Profile.AEAD_AES_256_GCM])
def test_gcm_protects_as_rfc_7714_says(profile: Profile) -> None:
    own = keys(profile)
    master, salt = own.send[: profile.key_size], own.send[profile.key_size :]
    packet = rtp(0x0102, b"some media")
    expected = gcm(derive(master, salt, 0, profile.key_size), derive(master, salt, 2, 14)[:12], packet)
    assert RtpSender(own).protect(packet) == expected


# --- keys


def test_exported_material_is_split_by_role() -> None:
    for profile in PROFILES:
        key, salt = profile.key_size, profile.salt_size
        material = b"c" * key + b"s" * key + b"C" * salt + b"S" * salt
        client = SrtpKeys.from_exported(profile, material, client=True)
        server = SrtpKeys.from_exported(profile, material, client=False)
        assert client.send == server.receive == b"c" * key + b"C" * salt
        assert client.receive == server.send == b"s" * key + b"S" * salt
        with pytest.raises(InvalidParameters):
            SrtpKeys.from_exported(profile, material[1:], client=True)


def test_keys_of_the_wrong_size_are_refused_and_keys_never_show() -> None:
    with pytest.raises(InvalidParameters):
        SrtpKeys(Profile.AEAD_AES_128_GCM, bytes(28), bytes(30))
    assert repr(keys(Profile.AEAD_AES_128_GCM)) == "SrtpKeys(profile=" + repr(Profile.AEAD_AES_128_GCM) + ")"


# --- both directions


@pytest.mark.parametrize("profile", PROFILES)
def test_every_size_from_12_to_2000_comes_through(profile: Profile) -> None:
    own = keys(profile)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    control_out, control_into = RtcpSender(own), RtcpReceiver(mirrored(own))
    for sequence, size in enumerate(range(12, 2001, 3)):
        packet = rtp(sequence, bytes(size - 12))
        assert into.unprotect(out.protect(packet)) == packet
        report = receiver_report(size=size // 4 * 4)
        assert control_into.unprotect(control_out.protect(report)) == report


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("way", WAYS)
def test_the_three_ways_to_libsrtp_give_the_same_bytes_and_errors(profile: Profile, way: str) -> None:
    own = keys(profile)
    sender, receiver = RtpSender(own), RtpReceiver(mirrored(own))
    protect = srtp.bind_call(RtpSender(own)._session, "srtp_protect", srtp.MAX_TRAILER, way=way)
    unprotect = srtp.bind_call(RtpReceiver(mirrored(own))._session, "srtp_unprotect", 0, way=way)
    cipher = sender.protect(rtp(1, bytes(1000)))
    assert protect(rtp(1, bytes(1000))) == cipher
    assert unprotect(cipher) == receiver.unprotect(cipher)
    for bad in (cipher, cipher[:-1] + bytes([cipher[-1] ^ 1]), cipher[:11], b"", bytes(40), bytes(3000)):
        errors = []
        for call in (unprotect, receiver.unprotect):
            with pytest.raises((Unauthentic, MalformedPacket)) as caught:
                call(bad)
            errors.append((type(caught.value), getattr(caught.value, "replayed", None)))
        assert errors[0] == errors[1]


def test_pylibsrtps_limit_of_1356_bytes_does_not_show() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    packet = rtp(1, bytes(1472 - 12))
    assert RtpReceiver(mirrored(own)).unprotect(RtpSender(own).protect(packet)) == packet
    assert len(RtpSender(own).protect(rtp(1, bytes(2028 - 12)))) == 2044
    with pytest.raises(MalformedPacket):
        RtpSender(own).protect(rtp(1, bytes(2029 - 12)))
    with pytest.raises(MalformedPacket):
        RtcpSender(own).protect(receiver_report(size=2032))


def test_this_pylibsrtp_allows_the_way_that_keeps_the_gil() -> None:
    addresses = srtp.function_addresses()
    assert set(addresses) == set(srtp.FUNCTIONS) and all(addresses.values())
    own = keys(Profile.AEAD_AES_128_GCM)
    assert RtpSender(own).address and RtpReceiver(own).address


def test_an_unknown_pylibsrtp_is_used_by_its_public_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylibsrtp.__version__", "2.0.0")
    assert srtp.function_addresses() == {}
    own = keys(Profile.AEAD_AES_128_GCM)
    assert RtpReceiver(mirrored(own)).unprotect(RtpSender(own).protect(rtp(1))) == rtp(1)
    with pytest.raises(InvalidParameters):
        srtp.bind_call(RtpSender(own)._session, "srtp_protect", 20, way="pydll")


def test_rtp_and_rtcp_have_sessions_of_their_own() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    first = RtcpSender(own).protect(receiver_report())
    sender = RtpSender(own)
    for sequence in range(50):
        sender.protect(rtp(sequence, ssrc=7))
    assert RtcpSender(own).protect(receiver_report()) == first  # the SRTCP index did not move


# --- what the network may do


@pytest.mark.parametrize("profile", PROFILES)
def test_a_replayed_packet_is_told_from_a_forged_one(profile: Profile) -> None:
    own = keys(profile)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    cipher = out.protect(rtp(1))
    into.unprotect(cipher)
    with pytest.raises(Unauthentic) as caught:
        into.unprotect(cipher)
    assert caught.value.replayed
    with pytest.raises(Unauthentic) as caught:
        into.unprotect(cipher[:3] + b"\x02" + cipher[4:])
    assert not caught.value.replayed
    control = RtcpSender(own).protect(receiver_report())
    control_into = RtcpReceiver(mirrored(own))
    control_into.unprotect(control)
    with pytest.raises(Unauthentic) as caught:
        control_into.unprotect(control)
    assert caught.value.replayed


def test_a_packet_a_thousand_late_is_taken_and_one_beyond_the_window_is_not() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    ciphers = [out.protect(rtp(sequence)) for sequence in range(1100)]
    into.unprotect(ciphers[1099])
    assert into.unprotect(ciphers[1099 - 1023]) == rtp(1099 - 1023)
    with pytest.raises(Unauthentic) as caught:
        into.unprotect(ciphers[1099 - 1024])
    assert caught.value.replayed


def test_the_same_packet_may_be_sent_again_and_is_the_same_ciphertext() -> None:
    sender = RtpSender(keys(Profile.AEAD_AES_128_GCM))
    first = sender.protect(rtp(5))
    sender.protect(rtp(6))
    assert sender.protect(rtp(5)) == first


def test_the_rollover_counter_follows_the_sequence_number_round() -> None:
    own = keys(Profile.AES_CM_128_HMAC_SHA1_80)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    for step in range(0, 200_000, 97):
        packet = rtp(step & 0xFFFF)
        assert into.unprotect(out.protect(packet)) == packet


def test_a_forged_flood_leaves_genuine_packets_alone() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    for step in range(2000):
        with pytest.raises(Unauthentic):
            into.unprotect(rtp(step, bytes(60), ssrc=step))
    assert into.unprotect(out.protect(rtp(1))) == rtp(1)


def test_a_removed_stream_starts_anew_and_an_unknown_one_is_no_error() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    cipher = out.protect(rtp(1))
    into.unprotect(cipher)
    into.remove(0xCAFEBABE)
    into.remove(0x12345678)
    out.remove(0xCAFEBABE)
    assert into.unprotect(cipher) == rtp(1)


def test_a_session_lives_as_long_as_its_bound_call() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    expected = RtpSender(own).protect(rtp(1))
    call = srtp.bind_call(RtpSender(own)._session, "srtp_protect", srtp.MAX_TRAILER)
    gc.collect()
    assert call(rtp(1)) == expected


@settings(max_examples=200)
@given(
    st.sampled_from(PROFILES),
    st.sampled_from(WAYS),
    st.one_of(
        st.binary(max_size=64),
        st.tuples(st.integers(0, 255), st.binary(min_size=11, max_size=90)).map(
            lambda pair: bytes([0x80 | pair[0] & 0x3F]) + pair[1]
        ),
    ),
)
def test_any_bytes_come_through_or_raise_a_network_error(profile: Profile, way: str, data: bytes) -> None:
    own = keys(profile)
    for session, name, trailer in (
        (RtpReceiver(own)._session, "srtp_unprotect", 0),
        (RtcpReceiver(own)._session, "srtp_unprotect_rtcp", 0),
        (RtpSender(own)._session, "srtp_protect", srtp.MAX_TRAILER),
        (RtcpSender(own)._session, "srtp_protect_rtcp", srtp.MAX_TRAILER),
    ):
        try:
            srtp.bind_call(session, name, trailer, way=way)(data)
        except RtpfwdError as error:
            assert isinstance(error, MalformedPacket | Unauthentic)


def test_a_repair_half_a_second_late_can_still_be_sent() -> None:
    own = keys(Profile.AEAD_AES_128_GCM)
    out, into = RtpSender(own), RtpReceiver(mirrored(own))
    for sequence in range(1, 900):
        into.unprotect(out.protect(rtp(sequence)))
    assert into.unprotect(out.protect(rtp(0))) == rtp(0)
