"""Answering NACKs: what was resent when, and the ciphertexts kept for peers without RTX.

At most one resend of a packet per round trip (mediasoup's rule): a receiver repeats its NACK until the packet
comes. Peers without RTX get the very same ciphertext again: protecting the same number a second time with any
byte changed would reuse the cipher's nonce, which under GCM gives the authentication key away.
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import SendStreamSpec

RESENDS_REMEMBERED = 512  # and so at most as many resends in a round trip
CIPHERTEXTS_KEPT = 1024
CIPHERTEXT_KEPT_US = 2_000_000


class Resends:
    """The retransmission side of one send stream."""

    __slots__ = (
        "_ciphertexts",
        "_last_resent",
        "_next_rtx",
        "asked",
        "bytes",
        "not_found",
        "packets",
        "rtx_packets",
        "rtx_payload_bytes",
    )

    def __init__(self, spec: SendStreamSpec) -> None:
        self._next_rtx = spec.first_rtx_sequence_number
        self._ciphertexts: dict[int, tuple[bytes, Instant]] = {}
        self._last_resent: dict[int, Instant] = {}
        self.asked = self.not_found = self.packets = self.bytes = 0
        self.rtx_packets = self.rtx_payload_bytes = 0

    def may_resend(self, sequence_number: int, rtt_us: int, now: Instant) -> bool:
        """Whether the last resend of this number is at least a round trip ago; notes this one if so.

        Also ``False`` when more would have to be remembered than there is room for: who asks for that many
        numbers in a round trip is not repairing a stream.
        """
        resent = self._last_resent
        last = resent.get(sequence_number)
        if last is not None:
            if now - last < rtt_us:
                return False
            del resent[sequence_number]
        elif len(resent) >= RESENDS_REMEMBERED:
            oldest = next(iter(resent))
            if now - resent[oldest] < rtt_us:
                return False
            del resent[oldest]
        resent[sequence_number] = now
        return True

    def next_sequence_number(self) -> int:
        """The next number on the RTX SSRC."""
        number = self._next_rtx
        self._next_rtx = number + 1 & 0xFFFF
        return number

    def count_rtx(self, size: int, payload_size: int) -> None:
        """Count a retransmission that left on the RTX SSRC; sizes in bytes before SRTP."""
        self.packets += 1
        self.bytes += size
        self.rtx_packets += 1
        self.rtx_payload_bytes += payload_size

    def keep(self, sequence_number: int, ciphertext: bytes, now: Instant) -> None:
        """Keep a protected packet for a verbatim resend."""
        kept = self._ciphertexts
        kept.pop(sequence_number, None)
        kept[sequence_number] = (ciphertext, now)
        while kept:
            oldest = next(iter(kept))
            if len(kept) <= CIPHERTEXTS_KEPT and now - kept[oldest][1] <= CIPHERTEXT_KEPT_US:
                break
            del kept[oldest]

    def verbatim(self, sequence_number: int) -> bytes | None:
        """The same ciphertext again, while it is kept; counted."""
        entry = self._ciphertexts.get(sequence_number)
        if entry is None:
            return None
        self.packets += 1
        self.bytes += len(entry[0])
        return entry[0]
