"""Wrap-around ("serial number") arithmetic and the unwrapping of counters that a packet carries shortened.

Source: RFC 1982 (serial number arithmetic), RFC 3550 appendix A.1 (extended sequence numbers).

All distances are signed. Two numbers exactly half the circle apart are incomparable in RFC 1982; here neither
is newer than the other, and their distance is the negative half, so that a doubtful number never moves
anything on.
"""


def distance_16(newer: int, older: int) -> int:
    """How far ``newer`` is ahead of ``older`` on the 16-bit circle: -32768 to 32767."""
    return (newer - older + 0x8000 & 0xFFFF) - 0x8000


def is_newer_16(a: int, b: int) -> bool:
    """Whether the 16-bit number ``a`` comes after ``b`` (an equal number does not)."""
    return 0 < (a - b & 0xFFFF) < 0x8000


def unwrap_16(last_extended: int, seq16: int) -> int:
    """The integer nearest to ``last_extended`` whose low 16 bits are ``seq16``.

    The answer is negative when a packet older than the very first one arrives; start at 65536 to avoid that.
    """
    return last_extended + ((seq16 - last_extended + 0x8000 & 0xFFFF) - 0x8000)


def distance_32(newer: int, older: int) -> int:
    """How far ``newer`` is ahead of ``older`` on the 32-bit circle: -2^31 to 2^31 - 1 (RTP timestamps)."""
    return (newer - older + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


def is_newer_32(a: int, b: int) -> bool:
    """Whether the 32-bit number ``a`` comes after ``b`` (an equal number does not)."""
    return 0 < (a - b & 0xFFFF_FFFF) < 0x8000_0000


def unwrap_32(last_extended: int, value32: int) -> int:
    """The integer nearest to ``last_extended`` whose low 32 bits are ``value32``."""
    return last_extended + ((value32 - last_extended + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000)


def distance(newer: int, older: int, bits: int) -> int:
    """How far ``newer`` is ahead of ``older`` on a circle of ``bits`` bits.

    VP8 picture ids have 7 or 15, TL0PICIDX has 8, the reference time of transport-wide feedback 24.
    """
    half = 1 << bits - 1
    return (newer - older + half & (1 << bits) - 1) - half


def unwrap(last_extended: int, value: int, bits: int) -> int:
    """The integer nearest to ``last_extended`` whose low ``bits`` bits are ``value``."""
    return last_extended + distance(value, last_extended, bits)
