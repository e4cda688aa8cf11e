"""Socket.IO and Engine.IO frames as this server accepts them: text only, one namespace's events, strict JSON.

``CallPacket`` is python-socketio's packet with a decoder that never raises: what does not parse carries its
fault in ``fault``, together with the acknowledgement id if that much was readable, so that the sender can be
told. ``admit`` looks at a raw Engine.IO frame before python-engineio does, whose parser raises out of its
reading loop on an empty frame, an unknown type or deep nesting (engineio 4.15, seen).
"""

import json
import math
from types import SimpleNamespace
from typing import Any

from socketio import packet

MOST_DIGITS = 20  # of an integer; longer ones read as infinity, which every message refuses by name
MOST_EVENT_NAME = 64  # characters

CONNECT = packet.CONNECT
DISCONNECT = packet.DISCONNECT
EVENT = packet.EVENT
ACK = packet.ACK


def admit(frame: str, *, upgrading: bool = False) -> str | None:
    """The frame as python-engineio may see it, or ``None`` if it is to be dropped.

    Kept: CLOSE, PONG (without the payload that none of them needs), and MESSAGE whose Socket.IO type is a
    digit; while a connection moves from polling to WebSocket also its probe and UPGRADE.
    """
    match frame[:1]:
        case "1" | "3":
            return frame[0]
        case "4" if frame[1:2] in tuple("0123456"):
            return frame
        case "2" | "5" if upgrading and frame in ("2probe", "5"):
            return frame
        case _:
            return None


def loads(text: str) -> Any:
    """JSON to Python. Numbers that are not finite come out as floats that ``messages.check_tree`` names."""
    return json.loads(text, parse_int=_integer)


def dumps(value: Any, separators: tuple[str, str] | None = None) -> str:
    """Python to JSON. Raises ``ValueError`` for NaN and infinities: a browser cannot read them."""
    return json.dumps(value, separators=separators, allow_nan=False)


class CallPacket(packet.Packet):
    """A Socket.IO packet of this server."""

    uses_binary_events = False
    json = SimpleNamespace(loads=loads, dumps=dumps)
    fault: str | None = None

    def decode(self, encoded_packet: object) -> int:
        """Parses a text frame; what is wrong with it is left in ``fault``. Never raises."""
        self.packet_type = -1
        if not isinstance(encoded_packet, str):
            self.fault = "binary messages are not accepted"
            return 0
        try:
            super().decode(encoded_packet)
        except (ValueError, RecursionError):
            self.fault = "the message is not valid JSON"
            return 0
        if self.packet_type in (packet.BINARY_EVENT, packet.BINARY_ACK):
            self.fault = "binary messages are not accepted"
        elif self.packet_type == EVENT:
            self.fault = _event_fault(self.data)
        return 0


def _event_fault(data: object) -> str | None:
    if not isinstance(data, list) or not data:
        return "an event is a list that begins with its name"
    if not isinstance(data[0], str) or not 0 < len(data[0]) <= MOST_EVENT_NAME:
        return f"an event's name is a string of at most {MOST_EVENT_NAME} characters"
    return None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else math.inf
