"""Captures of what was on the wire, and the keys that open it.

SRTP keys stand in records of kind ``srtp``; those of DTLS in a Decryption Secrets Block (NSS key log), which
Wireshark wants to see before the handshake that it opens, while they are known only after it. So handshakes
are held back for a moment, with their times.
"""

from __future__ import annotations

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.protocols.srtp import PlainKeys, Profile, SrtpKeys
from rtpfwd.wire.captures.items import Direction, JsonValue
from rtpfwd.wire.datagram import Path

KEYS = "srtp"
MOST_HELD = 32
LONGEST_HELD_US = seconds(5)

Held = tuple[Instant, bytes, Path, Direction]


class Handshakes:
    """DTLS datagrams that wait for the keys of their transport: few, and not for long."""

    def __init__(self) -> None:
        self._held: dict[TransportId, list[Held]] = {}
        self._through: set[TransportId] = set()

    def hold(
        self, transport: TransportId, data: bytes, path: Path, direction: Direction, now: Instant
    ) -> bool:
        """Whether it is kept for ``release``; False: it is to be written now."""
        if transport in self._through:
            return False
        held = self._held.setdefault(transport, [])
        if len(held) >= MOST_HELD:
            return False
        held.append((now, data, path, direction))
        return True

    def release(self, transport: TransportId) -> list[Held]:
        """What was held, in order; nothing is from now on."""
        self._through.add(transport)
        return self._held.pop(transport, [])

    def overdue(self, now: Instant) -> list[TransportId]:
        """Whose handshake takes too long."""
        return [one for one, held in self._held.items() if held[0][0] + LONGEST_HELD_US <= now]


def encode_keys(transport: TransportId, keys: SrtpKeys) -> JsonValue:
    """The value of a record: master keys with their salts in hex, as SRTP tools take them."""
    value: dict[str, JsonValue] = {"transport": transport, "profile": keys.profile.name}
    if not isinstance(keys, PlainKeys):
        value |= {"fromPeer": keys.receive.hex(), "toPeer": keys.send.hex()}
    return value


def decode_keys(value: JsonValue) -> tuple[TransportId, SrtpKeys]:
    """Both again. Raises ``MalformedPacket``."""
    try:
        if not isinstance(value, dict) or type(value["transport"]) is not int:
            raise ValueError("need a transport")
        transport, profile = TransportId(value["transport"]), Profile[str(value["profile"])]
        if "fromPeer" not in value:
            return transport, PlainKeys(profile)
        ours, theirs = (bytes.fromhex(str(value[one])) for one in ("toPeer", "fromPeer"))
        return transport, SrtpKeys(profile, send=ours, receive=theirs)
    except (KeyError, ValueError, InvalidParameters) as error:
        raise MalformedPacket(f"record {KEYS}: {type(error).__name__} {error}") from None
