"""The DTLS certificate of this process, and fingerprints.

Source: RFC 8122 §5 (fingerprints), RFC 8827 §6.5 (self-signed certificates, which is what browsers use), and
mediasoup 3.27 for the curve, the validity and the five hashes it offers.

One exception to determinism, on purpose: keys are made with OpenSSL's randomness, because a key that a test
can foresee is no key. Tests that need the same certificate twice load it from PEM.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from rtpfwd.errors import InvalidParameters

OFFERED_HASHES = ("sha-1", "sha-224", "sha-256", "sha-384", "sha-512")
"""mediasoup's order; mediasoup-client puts the last one in the SDP."""
ACCEPTED_HASHES = ("sha-256", "sha-384", "sha-512")
"""What a peer's certificate is checked by. SHA-1 is broken, and no browser sends SHA-224."""
VALIDITY = timedelta(days=3650)  # before and after now, so that a wrong clock at either end does no harm

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of a certificate's DER form; ``value`` is upper-case hex with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, of any kind that DTLS 1.2 can sign with."""

    certificate: x509.Certificate
    private_key: PrivateKey

    @property
    def fingerprints(self) -> list[Fingerprint]:
        """One for each of :data:`OFFERED_HASHES`, in that order."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return [fingerprint_of(der, algorithm) for algorithm in OFFERED_HASHES]

    def to_pem(self) -> tuple[str, str]:
        """Certificate and unencrypted PKCS #8 key as PEM."""
        key = self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode(), key.decode()


def generate(unix_us: int, names: Sequence[str] = ()) -> Certificate:
    """A new ECDSA P-256 key and a certificate signed by itself, valid ten years around ``unix_us``.

    ``unix_us`` is the wall time in microseconds since 1970; ``names`` are host names and IP addresses that it
    is for, which only HTTPS needs.
    """
    return self_sign(ec.generate_private_key(ec.SECP256R1()), unix_us, names)


def self_sign(private_key: PrivateKey, unix_us: int, names: Sequence[str] = ()) -> Certificate:
    """A certificate for a key made elsewhere, as :func:`generate` makes it."""
    now = datetime.fromtimestamp(unix_us // 1_000_000, UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rtpfwd")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALIDITY)
        .not_valid_after(now + VALIDITY)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(map(_general_name, names)), critical=False
        )
    return Certificate(builder.sign(private_key, hashes.SHA256()), private_key)


def load(certificate_pem: str, private_key_pem: str) -> Certificate:
    """A certificate and key from PEM; :class:`InvalidParameters` when they do not parse or match."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        key = serialization.load_pem_private_key(private_key_pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise InvalidParameters(f"DTLS certificate or key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise InvalidParameters("DTLS key: need ECDSA or RSA")
    if key.public_key() != certificate.public_key():
        raise InvalidParameters("DTLS key does not belong to the certificate")
    return Certificate(certificate, key)


def expires_at(certificate_pem: str) -> int:
    """When the first certificate of a PEM text ends, in seconds since 1970. Raises ``InvalidParameters``."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    except ValueError as error:
        raise InvalidParameters(f"certificate: {error}") from None
    return int(certificate.not_valid_after_utc.timestamp())


def fingerprint_of(der: bytes, algorithm: str) -> Fingerprint:
    """The fingerprint of a certificate in DER by one of :data:`OFFERED_HASHES`."""
    digest = hashlib.new(algorithm.replace("-", ""), der, usedforsecurity=False)
    return Fingerprint(algorithm, digest.digest().hex(":").upper())


def usable_fingerprints(offered: Iterable[Fingerprint]) -> list[Fingerprint]:
    """Those of a peer's fingerprints that a certificate can be checked by, normalised.

    Raises :class:`InvalidParameters` for a malformed value, and when none is by an accepted hash.
    """
    usable: list[Fingerprint] = []
    for fingerprint in offered:
        algorithm = fingerprint.algorithm.lower()
        if algorithm not in ACCEPTED_HASHES:
            continue
        size = hashlib.new(algorithm.replace("-", "")).digest_size
        pieces = fingerprint.value.split(":")
        if len(pieces) != size or not all(len(piece) == 2 and _is_hex(piece) for piece in pieces):
            raise InvalidParameters(f"dtlsParameters.fingerprints: {algorithm} needs {size} bytes in hex")
        usable.append(Fingerprint(algorithm, fingerprint.value.upper()))
    if not usable:
        raise InvalidParameters(
            "dtlsParameters.fingerprints: need at least one of " + ", ".join(ACCEPTED_HASHES)
        )
    return usable


def matches(der: bytes, expected: Iterable[Fingerprint]) -> bool:
    """Whether a certificate has every one of the ``expected`` fingerprints, which must not be none."""
    results = [
        hmac.compare_digest(fingerprint_of(der, wanted.algorithm).value.encode(), wanted.value.encode())
        for wanted in expected
    ]
    return bool(results) and all(results)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
