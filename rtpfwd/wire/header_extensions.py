"""RTP header extension elements: the framing, and the names under which SDP negotiates them.

Source: RFC 8285 §4.2 (one-byte elements) and §4.3 (two-byte elements). The URIs are the ones mediasoup 3.27
offers. Left out: what an element's bytes mean, see ``extension_values.py``; the dependency descriptor, see
``payloads/dependency_descriptor.py``; the 4 ``appbits`` of the two-byte profile, which nobody uses.

Reading is tolerant, because this text is the sender's: a broken element ends the list and keeps what came
before.
"""

from collections.abc import Mapping

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire import Buffer

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
SSRC_AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
TOFFSET = "urn:ietf:params:rtp-hdrext:toffset"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
PACKET_ID = "urn:mediasoup:params:rtp-hdrext:packet-id"

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
ONE_BYTE_MAX_ID = 14
ONE_BYTE_MAX_SIZE = 16
TWO_BYTE_MAX = 255


def parse_elements(profile: int | None, block: Buffer) -> dict[int, bytes]:
    """The elements of an extension block by id, in wire order; the first of two with one id wins.

    Never raises.

    An unknown profile, and None, has no elements. Reading stops at id 15 (one-byte form), at a padding byte
    that claims a length (RFC 8285 §4.2), and at an element that reaches past the block.
    """
    return {
        element_id: bytes(block[start:end])
        for element_id, (start, end) in locate_elements(profile, block, 0, len(block)).items()
    }


def locate_elements(profile: int | None, data: Buffer, start: int, end: int) -> dict[int, tuple[int, int]]:
    """Like ``parse_elements``, for the block ``data[start:end]``: id to the borders of its value in ``data``.

    Copies nothing; made for rewriting an element where it stands.
    """
    if profile == ONE_BYTE_PROFILE:
        return _locate_one_byte(data, start, end)
    if profile is not None and profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _locate_two_byte(data, start, end)
    return {}


def serialize_elements(elements: Mapping[int, bytes]) -> tuple[int, bytes]:
    """The profile and the block, padded to four bytes, that carry ``elements`` in their order.

    One-byte form when every id is 1 to 14 and every value 1 to 16 bytes long, else two-byte form. Raises
    ``InvalidParameters`` for an id outside 1 to 255 or a value longer than 255 bytes.
    """
    block = bytearray()
    if all(_fits_one_byte(element_id, value) for element_id, value in elements.items()):
        profile = ONE_BYTE_PROFILE
        for element_id, value in elements.items():
            block.append(element_id << 4 | len(value) - 1)
            block += value
    else:
        profile = TWO_BYTE_PROFILE
        for element_id, value in elements.items():
            if not 1 <= element_id <= TWO_BYTE_MAX:
                raise InvalidParameters(f"extension id {element_id}: need 1 to {TWO_BYTE_MAX}")
            if len(value) > TWO_BYTE_MAX:
                raise InvalidParameters(f"extension value of {len(value)} bytes: need at most {TWO_BYTE_MAX}")
            block += bytes((element_id, len(value)))
            block += value
    block += bytes(-len(block) % 4)
    return profile, bytes(block)


def _fits_one_byte(element_id: int, value: bytes) -> bool:
    return 1 <= element_id <= ONE_BYTE_MAX_ID and 1 <= len(value) <= ONE_BYTE_MAX_SIZE


def _locate_one_byte(data: Buffer, offset: int, end: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    while offset < end:
        first = data[offset]
        offset += 1
        if first == 0:  # padding
            continue
        element_id = first >> 4
        value_end = offset + (first & 0x0F) + 1
        if element_id in (0, 15) or value_end > end:
            break
        if element_id not in found:
            found[element_id] = (offset, value_end)
        offset = value_end
    return found


def _locate_two_byte(data: Buffer, offset: int, end: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    while offset < end:
        element_id = data[offset]
        offset += 1
        if element_id == 0:  # padding
            continue
        if offset >= end:
            break
        value_end = offset + 1 + data[offset]
        if value_end > end:
            break
        if element_id not in found:
            found[element_id] = (offset + 1, value_end)
        offset = value_end
    return found
