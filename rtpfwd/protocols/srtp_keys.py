"""SRTP's profiles and keys, and the stand-in for them in replays.

Source: RFC 5764 §4.1.2 and §4.2 (profiles and keys from DTLS), RFC 7714 §14.2. Others take these names from
srtp.py.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from rtpfwd.errors import InvalidParameters


class Profile(Enum):
    """An SRTP protection profile: value, OpenSSL's name, sizes of master key and salt in bytes.

    The order is the order of preference: GCM costs libsrtp a fifth of what HMAC-SHA1 does.
    """

    AEAD_AES_128_GCM = (0x0007, "SRTP_AEAD_AES_128_GCM", 16, 12)
    AEAD_AES_256_GCM = (0x0008, "SRTP_AEAD_AES_256_GCM", 32, 12)
    AES_CM_128_HMAC_SHA1_80 = (0x0001, "SRTP_AES128_CM_SHA1_80", 16, 14)
    AES_CM_128_HMAC_SHA1_32 = (0x0002, "SRTP_AES128_CM_SHA1_32", 16, 14)

    @property
    def number(self) -> int:
        """Its value in the use_srtp extension (RFC 5764 §4.1.2, RFC 7714 §14.2)."""
        return self.value[0]

    @property
    def openssl_name(self) -> str:
        """What OpenSSL calls it."""
        return self.value[1]

    @property
    def key_size(self) -> int:
        """Bytes of the master key."""
        return self.value[2]

    @property
    def tag_size(self) -> int:
        """Bytes that SRTP adds to an RTP packet."""
        return {0x0001: 10, 0x0002: 4}.get(self.number, 16)

    @property
    def salt_size(self) -> int:
        """Bytes of the master salt."""
        return self.value[3]


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master keys of both directions, each followed by its salt. Not in ``repr``."""

    profile: Profile
    send: bytes = field(repr=False)
    """Key and salt for what we send."""
    receive: bytes = field(repr=False)
    """Key and salt for what the peer sends."""

    def __post_init__(self) -> None:
        size = self.profile.key_size + self.profile.salt_size
        if len(self.send) != size or len(self.receive) != size:
            raise InvalidParameters(f"SRTP keys of {self.profile.name}: need {size} bytes of key and salt")

    @classmethod
    def from_exported(cls, profile: Profile, material: bytes, *, client: bool) -> Self:
        """Split what DTLS exports: client key, server key, client salt, server salt (RFC 5764 §4.2).

        ``client`` tells which of the two we were.
        """
        key, salt = profile.key_size, profile.salt_size
        if len(material) != 2 * (key + salt):
            raise InvalidParameters(f"keying material of {len(material)} bytes: need {2 * (key + salt)}")
        salts = material[2 * key :]
        of_client = material[:key] + salts[:salt]
        of_server = material[key : 2 * key] + salts[salt:]
        return cls(profile, *((of_client, of_server) if client else (of_server, of_client)))


class PlainKeys(SrtpKeys):
    """No keys at all: what stands here for SRTP only adds and takes off as many zeros as a tag has.

    For replays of decrypted captures, in which every size has to be what it was. No handshake makes these,
    and a compiled kernel cannot take them.
    """

    def __init__(self, profile: Profile) -> None:
        nothing = bytes(profile.key_size + profile.salt_size)
        SrtpKeys.__init__(self, profile, nothing, nothing)
