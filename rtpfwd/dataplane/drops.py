"""Why packets end: every one that does counts under exactly one of these reasons.

Floors above take these names from interface.py.
"""

from __future__ import annotations

from enum import IntEnum


class Drop(IntEnum):
    """Why the plane dropped a packet. Every dropped packet counts under exactly one of these."""

    UNCLASSIFIED = 0
    """The first byte belongs to no protocol of RFC 7983, or the datagram is too short for the one it names.
    """
    DTLS_UNVALIDATED_TUPLE = 1
    RTP_UNVALIDATED_TUPLE = 2
    RTCP_UNVALIDATED_TUPLE = 3
    RTP_BEFORE_KEYS = 4
    RTCP_BEFORE_KEYS = 5
    SRTP_AUTH_FAIL = 6
    SRTP_REPLAY = 7
    RTP_MALFORMED = 8
    RTP_TOO_BIG = 9
    SSRC_LIMIT = 10
    """One SSRC more than the transport may introduce; refused before any decryption."""
    UNKNOWN_SSRC = 11
    """No stream claimed the SSRC and the few packets that are held for it are full."""
    UNKNOWN_PAYLOAD_TYPE = 12
    PRODUCER_PAUSED = 13
    DUPLICATE = 14
    TOO_OLD = 15
    PADDING_ONLY = 16
    RTX_MALFORMED = 17
    RTX_UNWANTED = 18
    """A retransmission of a packet that is already here, or of one too old to matter."""
    SEQUENCE_JUMP = 19
    """First packet after a jump in numbering: believed when the next one confirms it (RFC 3550 A.1)."""


class SendDrop(IntEnum):
    """Why a send stream did not forward a packet of its source."""

    CONSUMER_PAUSED = 0
    NO_TUPLE = 1
    """The transport has no selected tuple or no keys yet."""
    WAITING_FOR_KEY_FRAME = 2
    OTHER_LAYER = 3
    """A packet of a source that this stream has left, or has not switched to yet."""
    BEFORE_SWITCH = 4
    """Older than the first packet that this stream forwarded of the source."""
    PROTECT_FAILED = 5
    DTX = 6
    """Opus silence, for a consumer that asked to be spared it."""
    UNKNOWN_PAYLOAD_TYPE = 7
    """One of its producer's codecs that the consumer did not negotiate."""
    QUEUE_OVERFLOW = 8
    """Waited for its turn until the transport's queue was full."""
    SPATIAL_LAYER = 9
    """Of a spatial layer of its source that is not wanted, or not yet (SVC)."""
    TEMPORAL_LAYER = 10
    """Of a temporal layer that is not wanted, or not yet."""
