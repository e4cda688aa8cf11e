"""The payload of a retransmission: the original sequence number (OSN), then the original payload.

Source: RFC 4588 §4. Session or SSRC multiplexing, and which payload type repeats which (``apt``), are the
SDP's. An RTX packet without even an OSN is how libwebrtc sends padding before there is anything to repeat.
"""

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer

OSN_SIZE = 2


def unwrap_payload(payload: Buffer) -> tuple[int, bytes]:
    """The original sequence number and payload of an RTX payload.

    Raises ``MalformedPacket`` below two bytes.
    """
    if len(payload) < OSN_SIZE:
        raise MalformedPacket(f"RTX payload of {len(payload)} bytes: need {OSN_SIZE}")
    return payload[0] << 8 | payload[1], bytes(payload[OSN_SIZE:])


def wrap_payload(original_sequence_number: int, payload: Buffer) -> bytes:
    """The RTX payload that repeats ``payload``; raises ``InvalidParameters`` for a number beyond 16 bits."""
    if not 0 <= original_sequence_number <= 0xFFFF:
        raise InvalidParameters(f"original sequence number {original_sequence_number}: need 0 to 65535")
    return original_sequence_number.to_bytes(OSN_SIZE) + payload
