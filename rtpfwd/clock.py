"""The three kinds of time in an SFU, and the conversions between them.

* ``Instant``: integer microseconds of a monotonic clock. It drives every machine and is always passed in.
* RTP ticks: a stream's media time, 32 bits that wrap, in units of the codec's clock rate (RFC 3550 §5.1).
* NTP time: a wall clock, 64 bits of 2^-32 s since 1900 (RFC 3550 §4). Only sender reports speak it.

Nothing here reads a clock. Confusing two of the three is the classic SFU bug, so each conversion has a name.
"""

from typing import NewType

Instant = NewType("Instant", int)
"""Microseconds on the driver's monotonic clock; the zero point means nothing."""

MICROSECONDS = 1_000_000
NTP_UNIX_EPOCH_S = 2_208_988_800  # seconds from 1900-01-01 to 1970-01-01 (RFC 5905 figure 4)


def seconds(count: float) -> int:
    """A duration of ``count`` seconds, in microseconds."""
    return round(count * MICROSECONDS)


def milliseconds(count: float) -> int:
    """A duration of ``count`` milliseconds, in microseconds."""
    return round(count * 1000)


def unix_us_to_ntp(unix_us: int) -> int:
    """Microseconds since 1970 to a 64-bit NTP timestamp."""
    whole, rest = divmod(unix_us, MICROSECONDS)
    return ((whole + NTP_UNIX_EPOCH_S) << 32 | (rest << 32) // MICROSECONDS) & 0xFFFF_FFFF_FFFF_FFFF


def ntp_to_unix_us(ntp: int) -> int:
    """A 64-bit NTP timestamp to microseconds since 1970, rounded to the nearest."""
    whole, fraction = ntp >> 32, ntp & 0xFFFF_FFFF
    return (whole - NTP_UNIX_EPOCH_S) * MICROSECONDS + (fraction * MICROSECONDS + (1 << 31) >> 32)


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits, as LSR and LRR carry them (RFC 3550 §6.4.1): units of 2^-16 s."""
    return ntp >> 16 & 0xFFFF_FFFF


def us_to_ntp_short(duration_us: int) -> int:
    """A duration in microseconds to units of 2^-16 s (DLSR, DLRR), capped at 32 bits."""
    return min((duration_us << 16) // MICROSECONDS, 0xFFFF_FFFF)


def ntp_short_to_us(short: int) -> int:
    """Units of 2^-16 s to microseconds."""
    return short * MICROSECONDS >> 16


def us_to_ticks(duration_us: int, clock_rate: int) -> int:
    """A duration in microseconds to RTP ticks at ``clock_rate`` hertz, rounded towards minus infinity."""
    return duration_us * clock_rate // MICROSECONDS


def ticks_to_us(ticks: int, clock_rate: int) -> int:
    """RTP ticks at ``clock_rate`` hertz to microseconds, rounded towards minus infinity."""
    return ticks * MICROSECONDS // clock_rate
