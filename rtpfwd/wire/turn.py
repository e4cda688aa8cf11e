"""Asking a TURN server for a relay and giving it back: enough to see whether one works for our clients.

Source: RFC 8656 §7.1 (Allocate) and §8 (Refresh), RFC 8489 §9.2 (long-term credentials). The requests are
STUN messages; ``stun`` has what is common to all.

Left out: permissions, channels and data, which browsers do for themselves; PASSWORD-ALGORITHMS (coturn does
not ask for them); relays for TCP.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import stun

ALLOCATE = 0x003
REFRESH = 0x004

USERNAME = stun.USERNAME
LIFETIME = 0x000D
REALM = 0x0014
NONCE = 0x0015
XOR_RELAYED_ADDRESS = 0x0016
REQUESTED_TRANSPORT = 0x0019

UDP = 17  # the IP protocol number, which REQUESTED-TRANSPORT carries


@dataclass(frozen=True, slots=True)
class Login:
    """Long-term credentials, with the realm and nonce of the server's refusal of a request without them."""

    username: str
    password: str
    realm: str
    nonce: bytes

    @property
    def key(self) -> bytes:
        """Of MESSAGE-INTEGRITY: MD5 over the three, as RFC 8489 §9.2.2 has it. The password is plain ASCII
        here, so SASLprep changes nothing.
        """
        text = f"{self.username}:{self.realm}:{self.password}"
        return hashlib.md5(text.encode(), usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a TURN server says; ``error_code`` is ``None`` when it did what was asked."""

    method: int
    transaction_id: bytes
    error_code: int | None
    realm: str | None
    nonce: bytes | None
    relayed: tuple[str, int] | None


def parse(data: bytes) -> Answer:
    """A success or error response. Raises ``MalformedPacket`` for anything else.

    Whether it is authentic is not checked: it answers a question of a diagnosis.
    """
    view = stun.parse(data)
    if view.message_class not in (stun.Class.RESPONSE, stun.Class.ERROR):
        raise MalformedPacket("TURN answer: neither a response nor an error")
    values: dict[int, bytes] = {}
    position = stun.HEADER_SIZE
    while position < len(data):
        kind, length = struct.unpack_from("!HH", data, position)  # stun.parse has checked all lengths
        values.setdefault(kind, data[position + 4 : position + 4 + length])
        position += 4 + length + (-length & 3)
    error = view.error_code
    if (view.message_class == stun.Class.ERROR) != (error is not None):
        raise MalformedPacket("TURN answer: an error without ERROR-CODE, or the other way round")
    relayed = values.get(XOR_RELAYED_ADDRESS)
    return Answer(
        view.method,
        view.transaction_id,
        error,
        values[REALM].decode("utf-8", "replace") if REALM in values else None,
        values.get(NONCE),
        None if relayed is None else stun.mapped_address(replace(view, mapped_address=relayed)),
    )


def allocate_request(transaction_id: bytes, login: Login | None = None) -> bytes:
    """Asks for a UDP relay. Without ``login`` the server refuses with 401 and tells its realm and nonce."""
    transport = stun._attribute(REQUESTED_TRANSPORT, struct.pack("!Bxxx", UDP))
    return _request(ALLOCATE, transaction_id, transport, login)


def release_request(transaction_id: bytes, login: Login) -> bytes:
    """Gives the relay back: a Refresh with a lifetime of zero seconds (RFC 8656 §8)."""
    return _request(REFRESH, transaction_id, stun._attribute(LIFETIME, bytes(4)), login)


def _request(method: int, transaction_id: bytes, attributes: bytes, login: Login | None) -> bytes:
    head = struct.pack("!HHI12s", method, 0, stun.COOKIE, transaction_id)
    if login is None:
        return stun._seal(head + attributes, None)
    attributes += stun._attribute(USERNAME, login.username.encode())
    attributes += stun._attribute(REALM, login.realm.encode())
    attributes += stun._attribute(NONCE, login.nonce)
    return stun._seal(head + attributes, login.key)
