"""What a datagram is, by its first two bytes and its length.

Source: RFC 7983 as updated by RFC 9443 (first byte); RFC 5761 §4 (RTP or RTCP by the second byte). Called
once per datagram, so it is a table and three comparisons. Left out: ZRTP, TURN channels and QUIC, which are
recognised only as not being ours.
"""

from enum import Enum

from rtpfwd.wire import Buffer


class Kind(Enum):
    """What stands on a datagram's envelope. Nothing in it has been checked yet."""

    UNKNOWN = "unknown"
    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"


def classify(data: Buffer) -> Kind:
    """The kind of one datagram; ``UNKNOWN`` when no such thing starts that way or is that short.

    Shortest: STUN 20 bytes (RFC 8489 §5), DTLS 13 (one record header), RTP 12, RTCP 8 (the shortest that
    names an SSRC).
    """
    size = len(data)
    if size < 8:
        return _UNKNOWN
    kind = _BY_FIRST_BYTE[data[0]]
    if kind is _RTP:
        # Packet types 192 to 223 are RTCP: an RTP packet would need its marker set and a payload type of 64
        # to 95, which RFC 5761 forbids.
        if 192 <= data[1] <= 223:
            return _RTCP
        return _RTP if size >= 12 else _UNKNOWN
    if kind is _STUN:
        return _STUN if size >= 20 else _UNKNOWN
    if kind is _DTLS:
        return _DTLS if size >= 13 else _UNKNOWN
    return _UNKNOWN


# An attribute of an Enum class costs a lookup in the metaclass; a global does not.
_UNKNOWN = Kind.UNKNOWN
_STUN = Kind.STUN
_DTLS = Kind.DTLS
_RTP = Kind.RTP
_RTCP = Kind.RTCP


def _kind_of_first_byte(first: int) -> Kind:
    if first <= 3:
        return _STUN
    if 20 <= first <= 63:
        return _DTLS
    if 128 <= first <= 191:
        return _RTP
    return _UNKNOWN


_BY_FIRST_BYTE = tuple(_kind_of_first_byte(first) for first in range(256))
