import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from rtpfwd.errors import InvalidParameters
from rtpfwd.protocols import certificate
from rtpfwd.protocols.certificate import Fingerprint

UNIX_US = 1_700_000_000 * 1_000_000  # 2023-11-14T22:13:20Z


def der_of(own: certificate.Certificate) -> bytes:
    return own.certificate.public_bytes(Encoding.DER)


def test_a_made_certificate_is_p256_signed_with_sha256_and_valid_ten_years_either_way() -> None:
    own = certificate.generate(UNIX_US)
    assert isinstance(own.private_key, ec.EllipticCurvePrivateKey)
    assert isinstance(own.private_key.curve, ec.SECP256R1)
    assert isinstance(own.certificate.signature_hash_algorithm, SHA256)
    assert own.certificate.not_valid_before_utc.isoformat() == "2013-11-16T22:13:20+00:00"
    assert own.certificate.not_valid_after_utc.isoformat() == "2033-11-11T22:13:20+00:00"
    own.certificate.verify_directly_issued_by(own.certificate)


def test_when_a_certificate_ends() -> None:
    pem, _ = certificate.generate(UNIX_US).to_pem()
    assert certificate.expires_at(pem) == UNIX_US // 1_000_000 + 3650 * 86_400
    with pytest.raises(InvalidParameters):
        certificate.expires_at("not PEM")


def test_no_two_certificates_are_equal() -> None:
    assert certificate.generate(UNIX_US).fingerprints != certificate.generate(UNIX_US).fingerprints


def test_the_five_fingerprints_come_in_mediasoups_order_in_upper_case_colon_hex() -> None:
    own = certificate.generate(UNIX_US)
    assert [each.algorithm for each in own.fingerprints] == [
        "sha-1",
        "sha-224",
        "sha-256",
        "sha-384",
        "sha-512",
    ]
    assert [len(each.value) for each in own.fingerprints] == [size * 3 - 1 for size in (20, 28, 32, 48, 64)]
    assert own.fingerprints[2].value == own.certificate.fingerprint(SHA256()).hex(":").upper()


def test_a_certificate_round_trips_through_pem() -> None:
    own = certificate.generate(UNIX_US)
    again = certificate.load(*own.to_pem())
    assert again.fingerprints == own.fingerprints


def test_an_rsa_certificate_can_be_loaded() -> None:
    own = certificate.self_sign(rsa.generate_private_key(65537, 2048), UNIX_US)
    assert certificate.load(*own.to_pem()).fingerprints == own.fingerprints


def test_pem_that_cannot_serve_is_refused() -> None:
    first, second = certificate.generate(UNIX_US), certificate.generate(UNIX_US)
    edwards = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for pair in [
        ("junk", first.to_pem()[1]),
        (first.to_pem()[0], "junk"),
        (first.to_pem()[0], second.to_pem()[1]),
        (first.to_pem()[0], edwards.decode()),
    ]:
        with pytest.raises(InvalidParameters):
            certificate.load(*pair)


def test_every_fingerprint_given_has_to_match() -> None:
    own, other = certificate.generate(UNIX_US), certificate.generate(UNIX_US)
    usable = certificate.usable_fingerprints(own.fingerprints)
    assert [each.algorithm for each in usable] == ["sha-256", "sha-384", "sha-512"]
    assert certificate.matches(der_of(own), usable)
    assert not certificate.matches(der_of(other), usable)
    mixed = [usable[0], certificate.usable_fingerprints(other.fingerprints)[1]]
    assert not certificate.matches(der_of(own), mixed)
    assert not certificate.matches(der_of(own), [])


def test_case_does_not_matter() -> None:
    own = certificate.generate(UNIX_US)
    lower = Fingerprint("SHA-256", own.fingerprints[2].value.lower())
    assert certificate.matches(der_of(own), certificate.usable_fingerprints([lower]))


@pytest.mark.parametrize(
    "fingerprints",
    [
        [],
        [Fingerprint("sha-1", "AB:" * 19 + "AB")],
        [Fingerprint("sha-224", "AB:" * 27 + "AB")],
        [Fingerprint("md5", "AB:" * 15 + "AB")],
        [Fingerprint("sha-256", "AB:" * 30 + "AB")],
        [Fingerprint("sha-256", "AB" * 32)],
        [Fingerprint("sha-256", "ÄB:" * 31 + "AB")],
        [Fingerprint("sha-256", "+1:" * 31 + "AB")],
        [Fingerprint("sha-256", "")],
        [Fingerprint("sha-256", "AB:" * 31 + "AB"), Fingerprint("sha-512", "AB")],
    ],
)
def test_missing_weak_unknown_and_malformed_fingerprints_are_refused(fingerprints: list[Fingerprint]) -> None:
    with pytest.raises(InvalidParameters):
        certificate.usable_fingerprints(fingerprints)


def test_a_weak_fingerprint_beside_a_good_one_is_not_looked_at() -> None:
    own = certificate.generate(UNIX_US)
    usable = certificate.usable_fingerprints([Fingerprint("sha-1", "nonsense"), own.fingerprints[3]])
    assert usable == [own.fingerprints[3]]


def test_a_certificate_for_https_names_its_hosts_and_addresses():
    made = certificate.generate(UNIX_US, ["localhost", "192.0.2.7", "2001:db8::7"]).certificate
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::7"]
