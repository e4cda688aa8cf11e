"""How much a publisher without transport-wide feedback may send: a REMB estimate from loss.

Source: the loss rules of draft-ietf-rmcat-gcc-02 §6 (below 2 % grow, above 10 % shrink by half the loss),
applied on the receiving side; mediasoup runs libwebrtc's delay-based estimator there. Only publishers without
the transport-wide extension need it.
"""

from __future__ import annotations

MIN_BPS = 30_000  # mediasoup's floor of a target
MAX_BPS = 100_000_000
GROWTH_NUMERATOR, GROWTH_DENOMINATOR = 3, 2  # each second: a browser's own prober ramps at that pace
HEADROOM = 4  # the limit stays within this multiple of what really arrives


class ReceiveLimit:
    """One transport's estimate in bits per second."""

    __slots__ = ("bitrate_bps",)

    def __init__(self, initial_bps: int) -> None:
        self.bitrate_bps = initial_bps

    def update(self, received_bps: int, lost: int, expected: int) -> int:
        """One second's evidence: the rate that arrived, packets lost of packets expected. Returns the new
        limit.
        """
        bitrate = self.bitrate_bps
        if expected <= 0 or lost * 100 < expected * 2:
            grown = bitrate * GROWTH_NUMERATOR // GROWTH_DENOMINATOR
            if grown <= max(received_bps * HEADROOM, self.bitrate_bps):
                bitrate = grown
        elif lost * 10 > expected:
            bitrate = min(bitrate, max(received_bps, MIN_BPS)) * (2 * expected - lost) // (2 * expected)
        self.bitrate_bps = min(max(bitrate, MIN_BPS), MAX_BPS)
        return self.bitrate_bps
