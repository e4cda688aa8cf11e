"""STUN binding requests and their answers, as ICE needs them.

Source: RFC 8489 (STUN), RFC 8445 §7 and §16.1 (ICE attributes), draft-thatcher-ice-renomination (NOMINATION).

``parse`` is a strict scan of our own: aioice's parser accepts a wrong cookie, attributes that run past the
end and trailing bytes, and it drops the types of unknown mandatory attributes, which an answer 420 has to
name. Building is aioice's codec, but for the success response, which is assembled from cached pieces because
every client asks for one every few seconds; a test holds it byte-identical to aioice's.

Left out: TURN and long-term credentials (``turn``), MESSAGE-INTEGRITY-SHA256 (no browser sends it in a
connectivity check).
"""

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from aioice import stun as codec

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.datagram import Address

Class = codec.Class
"""REQUEST, INDICATION, RESPONSE and ERROR, as the bits of the message type (RFC 8489 §5)."""

BINDING = int(codec.Method.BINDING)
COOKIE = 0x2112A442
HEADER_SIZE = 20
MAX_SIZE = 1500  # bytes; a check is about 100, a ClientHello inside STUN (attribute 0xC070) reaches 1100
MAX_ATTRIBUTES = 32  # Chromium sends up to 10
MAX_USERNAME_SIZE = 513  # bytes (RFC 8489 §14.3)
MIN_PASSWORD_SIZE = 22  # characters (RFC 8445 §5.3); an empty key would verify for anybody

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
NOMINATION = 0x0030  # mediasoup 3.27 and newer libwebrtc
NOMINATION_OLD = 0xC001  # libwebrtc before the draft had a number
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    420: "Unknown Attribute",
    487: "Role Conflict",
}
"""The error codes that an ICE-lite agent answers with (RFC 8489 §14.8, RFC 8445 §16.2)."""


@dataclass(slots=True)
class StunView:
    """One well-formed STUN message: what ICE asks of it. Nothing in it is authenticated yet.

    Attributes after MESSAGE-INTEGRITY (but FINGERPRINT) and after FINGERPRINT are not in it, and of a
    repeated attribute the first counts (RFC 8489 §9, §14).
    """

    data: bytes
    message_class: int
    method: int
    transaction_id: bytes
    attribute_types: list[int]
    """Types in order of appearance, up to MESSAGE-INTEGRITY or FINGERPRINT, these excluded."""
    unknown_required: list[int]
    """Comprehension-required types (below 0x8000) that this code does not know."""
    username: str | None = None
    priority: int | None = None
    use_candidate: bool = False
    nomination: int | None = None
    ice_controlling: int | None = None
    ice_controlled: int | None = None
    mapped_address: bytes | None = None
    error_code: int | None = None
    integrity_at: int = 0
    """Offset of MESSAGE-INTEGRITY in ``data``, 0 when there is none."""
    fingerprint_at: int = 0
    """Offset of FINGERPRINT in ``data``, 0 when there is none."""

    @property
    def has_integrity(self) -> bool:
        """Whether MESSAGE-INTEGRITY is there (not: whether it is right)."""
        return self.integrity_at != 0

    @property
    def has_fingerprint(self) -> bool:
        """Whether FINGERPRINT is there (not: whether it is right)."""
        return self.fingerprint_at != 0

    @property
    def local_ufrag(self) -> str | None:
        """The receiver's half of USERNAME, which comes first (RFC 8445 §7.2.2)."""
        return None if self.username is None else self.username.partition(":")[0]

    @property
    def remote_ufrag(self) -> str | None:
        """The sender's half of USERNAME."""
        return None if self.username is None else self.username.partition(":")[2]


def parse(data: bytes) -> StunView:
    """Read a message strictly; :class:`MalformedPacket` tells what is wrong."""
    size = len(data)
    if not HEADER_SIZE <= size <= MAX_SIZE or size & 3:
        raise MalformedPacket(f"STUN message of {size} bytes: need 20 to 1500 in steps of 4")
    message_type, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if message_type & 0xC000 or cookie != COOKIE:
        raise MalformedPacket(f"STUN message of type 0x{message_type:04x} with cookie 0x{cookie:08x}")
    if length != size - HEADER_SIZE:
        raise MalformedPacket(f"STUN length field {length}: the datagram carries {size - HEADER_SIZE}")
    types: list[int] = []
    view = StunView(data, message_type & 0x0110, message_type & 0x3EEF, transaction_id, types, [])
    position = HEADER_SIZE
    count = 0
    while position < size:
        count += 1
        if count > MAX_ATTRIBUTES:
            raise MalformedPacket(f"STUN message with more than {MAX_ATTRIBUTES} attributes")
        kind, length = _ATTRIBUTE.unpack_from(data, position)  # 4 bytes are there: all is a multiple of 4
        start = position + 4
        end = start + length
        if end > size:
            raise MalformedPacket(f"STUN attribute 0x{kind:04x} of {length} bytes: {size - start} are left")
        if view.fingerprint_at:
            pass  # RFC 8489 §14.7: FINGERPRINT is the last attribute
        elif kind == FINGERPRINT:
            _need(kind, length, 4)
            view.fingerprint_at = position
        elif view.integrity_at:
            pass  # RFC 8489 §14.5: whatever follows MESSAGE-INTEGRITY is not covered by it
        elif kind == MESSAGE_INTEGRITY:
            _need(kind, length, 20)
            view.integrity_at = position
        elif kind in types:
            pass
        else:
            types.append(kind)
            _take(view, kind, data, start, end)
        position = end + (-length & 3)
    return view


def check_fingerprint(view: StunView) -> bool:
    """Whether FINGERPRINT is there and right (RFC 8489 §14.7)."""
    at = view.fingerprint_at
    if not at:
        return False
    found = int.from_bytes(view.data[at + 4 : at + 8], "big")
    return found == zlib.crc32(_covered(view.data, at, 8)) ^ _FINGERPRINT_XOR


def check_integrity(view: StunView, key: bytes) -> bool:
    """Whether MESSAGE-INTEGRITY is there and made with ``key``, the ICE password of the request's receiver.

    Compares in constant time (RFC 8489 §14.5, RFC 8445 §7.2.2).
    """
    at = view.integrity_at
    if not at:
        return False
    expected = hmac.digest(key, _covered(view.data, at, 24), "sha1")
    return hmac.compare_digest(view.data[at + 4 : at + 24], expected)


def pack_address(address: Address) -> bytes:
    """Family, port and host as MAPPED-ADDRESS holds them: 8 or 20 bytes, worth caching.

    An IPv4 address that a dual-stack socket reports as ``::ffff:a.b.c.d`` becomes IPv4 again: the peer knows
    itself by no other.
    """
    host = ipaddress.ip_address(address[0].partition("%")[0])
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return (
        struct.pack("!HH", codec.IPV4_PROTOCOL if host.version == 4 else codec.IPV6_PROTOCOL, address[1])
        + host.packed
    )


def success_response(transaction_id: bytes, packed_address: bytes, key: bytes) -> bytes:
    """The answer to a check that passed: XOR-MAPPED-ADDRESS, integrity, fingerprint (RFC 8445 §7.3.1).

    ``packed_address`` comes from :func:`pack_address`; ``key`` is the password that the request used.
    """
    size = len(packed_address)
    # The mask of the value's reserved byte and family is zero; port, then host, are masked by cookie and id.
    mask = int.from_bytes(_MASK_HEAD + transaction_id, "big") >> 8 * (20 - size)
    value = (int.from_bytes(packed_address, "big") ^ mask).to_bytes(size, "big")
    head = _SUCCESS_HEAD[size] + transaction_id + _MAPPED_HEAD[size] + value
    signed = head + _INTEGRITY_HEAD + hmac.digest(key, head, "sha1")
    signed = signed[:2] + (size + 4 + 24 + 8).to_bytes(2, "big") + signed[4:]
    return signed + _FINGERPRINT_HEAD + (zlib.crc32(signed) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def error_response(
    transaction_id: bytes, code: int, key: bytes | None = None, unknown: Sequence[int] = ()
) -> bytes:
    """An error with FINGERPRINT, and MESSAGE-INTEGRITY when ``key`` is given.

    400 and 401 go unsigned, because the request was not authenticated (RFC 8489 §9.1.3). ``unknown`` fills
    UNKNOWN-ATTRIBUTES of a 420 (§14.13). ``code`` is one of :data:`REASONS`.
    """
    message = codec.Message(
        codec.Method.BINDING, Class.ERROR, transaction_id, {"ERROR-CODE": (code, REASONS[code])}
    )
    extra = b""
    if unknown:
        extra = _attribute(UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown))
    return _seal(bytes(message) + extra, key)


def binding_request(
    transaction_id: bytes,
    username: str,
    key: bytes,
    *,
    priority: int,
    controlling: int | None = None,
    controlled: int | None = None,
    use_candidate: bool = False,
    nomination: int | None = None,
) -> bytes:
    """A connectivity check, for the agent that sends them: our test peers (RFC 8445 §7.2.2).

    ``username`` is ``remote:local`` seen from the sender and ``key`` the remote password; ``controlling`` or
    ``controlled`` is the 64-bit tie-breaker.
    """
    message = codec.Message(codec.Method.BINDING, Class.REQUEST, transaction_id, {"USERNAME": username})
    if controlling is not None:
        message.attributes["ICE-CONTROLLING"] = controlling
    if controlled is not None:
        message.attributes["ICE-CONTROLLED"] = controlled
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    message.attributes["PRIORITY"] = priority
    extra = b"" if nomination is None else _attribute(NOMINATION, nomination.to_bytes(4, "big"))
    return _seal(bytes(message) + extra, key)


def address_request(transaction_id: bytes) -> bytes:
    """Asks a STUN server for the address that it sees us under (RFC 8489 §6.3.1); nobody is named."""
    return _seal(_HEADER.pack(BINDING, 0, COOKIE, transaction_id), None)


def mapped_address(view: StunView) -> tuple[str, int]:
    """Host and port of XOR-MAPPED-ADDRESS; :class:`MalformedPacket` when absent or of the wrong size."""
    if view.mapped_address is None:
        raise MalformedPacket("STUN response without XOR-MAPPED-ADDRESS")
    try:
        return codec.unpack_xor_address(view.mapped_address, view.transaction_id)
    except ValueError as error:
        raise MalformedPacket(str(error)) from None


_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E  # "STUN" (RFC 8489 §14.7)
_INTEGRITY_HEAD = struct.pack("!HH", MESSAGE_INTEGRITY, 20)
_FINGERPRINT_HEAD = struct.pack("!HH", FINGERPRINT, 4)
_MAPPED_HEAD = {size: struct.pack("!HH", XOR_MAPPED_ADDRESS, size) for size in (8, 20)}
# The header as MESSAGE-INTEGRITY sees it: the length covers the attribute itself and nothing after it.
_SUCCESS_HEAD = {
    size: struct.pack("!HHI", BINDING | Class.RESPONSE, 4 + size + 24, COOKIE) for size in (8, 20)
}
_MASK_HEAD = struct.pack("!HHI", 0, COOKIE >> 16, COOKIE)
# What a binding message may legitimately carry among the comprehension-required types (RFC 8489 §18.3).
_KNOWN_REQUIRED = frozenset(
    {
        *(0x0001, USERNAME, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E),
        *(XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE, NOMINATION),
    }
)


def _need(kind: int, found: int, wanted: int) -> None:
    if found != wanted:
        raise MalformedPacket(f"STUN attribute 0x{kind:04x} of {found} bytes: need {wanted}")


def _take(view: StunView, kind: int, data: bytes, start: int, end: int) -> None:
    """Note the value of one attribute that ICE cares about."""
    if kind == USERNAME:
        if end - start > MAX_USERNAME_SIZE:
            raise MalformedPacket(f"STUN USERNAME of {end - start} bytes: at most {MAX_USERNAME_SIZE}")
        try:
            view.username = data[start:end].decode()
        except UnicodeDecodeError:
            raise MalformedPacket("STUN USERNAME is not UTF-8") from None
    elif kind == PRIORITY:
        _need(kind, end - start, 4)
        view.priority = int.from_bytes(data[start:end], "big")
    elif kind == USE_CANDIDATE:
        _need(kind, end - start, 0)
        view.use_candidate = True
    elif kind in (NOMINATION, NOMINATION_OLD):
        _need(kind, end - start, 4)
        if view.nomination is None or kind == NOMINATION:
            view.nomination = int.from_bytes(data[start:end], "big")
    elif kind == ICE_CONTROLLING:
        _need(kind, end - start, 8)
        view.ice_controlling = int.from_bytes(data[start:end], "big")
    elif kind == ICE_CONTROLLED:
        _need(kind, end - start, 8)
        view.ice_controlled = int.from_bytes(data[start:end], "big")
    elif kind == XOR_MAPPED_ADDRESS:
        view.mapped_address = data[start:end]
    elif kind == ERROR_CODE:
        if end - start < 4:
            raise MalformedPacket(f"STUN ERROR-CODE of {end - start} bytes: need 4 or more")
        view.error_code = (data[start + 2] & 7) * 100 + data[start + 3]
    elif kind < 0x8000 and kind not in _KNOWN_REQUIRED:
        view.unknown_required.append(kind)


def _covered(data: bytes, at: int, attribute_size: int) -> bytes:
    """The bytes before the attribute at ``at``, their length field as if it were the last attribute."""
    return data[:2] + (at - HEADER_SIZE + attribute_size).to_bytes(2, "big") + data[4:at]


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) & 3)


def _seal(message: bytes, key: bytes | None) -> bytes:
    """Append MESSAGE-INTEGRITY (with a key) and FINGERPRINT, and set the length."""
    if key is not None:
        message += _INTEGRITY_HEAD + codec.message_integrity(message, key)
    message += _FINGERPRINT_HEAD + codec.message_fingerprint(message).to_bytes(4, "big")
    return codec.set_body_length(message, len(message) - HEADER_SIZE)
