"""Answering NACKs: what was resent when, and the ciphertexts kept for peers without RTX.

At most one resend of a packet per round trip (mediasoup's rule): a receiver repeats its NACK until the packet
comes. Peers without RTX get the very same ciphertext again: protecting the same number a second time with any
byte changed would reuse the cipher's nonce, which under GCM gives the authentication key away.
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import SendStreamSpec

RESENDS_REMEMBERED = 512  # and so at most as many resends in a round trip
LONG_ROUND_TRIP_US = 1_000_000  # no resend as old as that has an answer under way
REPAIR_SHARE = 4  # repairs may take a quarter of what the media takes
FIRST_BUDGET = MAX_BUDGET = (
    64_000  # bytes that may be saved up: a burst of fifty large packets is repaired at once
)
CIPHERTEXTS_KEPT = 1024
CIPHERTEXT_KEPT_US = 2_000_000


class Resends:
    """The retransmission side of one send stream."""

    __slots__ = (
        "_budget",
        "_ciphertexts",
        "_last_resent",
        "_next_rtx",
        "asked",
        "bytes",
        "not_found",
        "over_budget",
        "packets",
        "rtx_packets",
        "rtx_payload_bytes",
    )

    def __init__(self, spec: SendStreamSpec) -> None:
        self._next_rtx = spec.first_rtx_sequence_number
        self._ciphertexts: dict[int, tuple[bytes, Instant]] = {}
        self._last_resent: dict[int, Instant] = {}
        self._budget = FIRST_BUDGET
        self.asked = self.not_found = self.over_budget = self.packets = self.bytes = 0
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

    def sent_late(self, sequence_number: int, now: Instant) -> None:
        """A packet was sent for the first time, after later ones: a NACK that crosses it needs no answer."""
        resent = self._last_resent
        resent.pop(sequence_number, None)
        if len(resent) >= RESENDS_REMEMBERED:
            oldest = next(iter(resent))
            if now - resent[oldest] < LONG_ROUND_TRIP_US:
                return
            del resent[oldest]
        resent[sequence_number] = now

    def earn(self, size: int) -> None:
        """A media packet of ``size`` bytes left: a quarter of it may be spent on repairs."""
        if self._budget < MAX_BUDGET:
            self._budget += size // REPAIR_SHARE

    def spend(self, size: int) -> bool:
        """Whether a repair of ``size`` bytes is within the budget; takes it from there if so."""
        if self._budget < size:
            self.over_budget += 1
            return False
        self._budget -= size
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
        """The same ciphertext again, while it is kept."""
        entry = self._ciphertexts.get(sequence_number)
        return entry[0] if entry is not None else None

    def count_verbatim(self, size: int) -> None:
        """Count a retransmission that left as the same ciphertext."""
        self.packets += 1
        self.bytes += size
