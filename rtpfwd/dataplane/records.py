"""What the control plane reads out of the data plane: counters and due work. Upcalls are in upcalls.py.

Floors above take these names from interface.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtpfwd.clock import Instant
from rtpfwd.dataplane.drops import Drop, SendDrop
from rtpfwd.dataplane.ids import ReceiveStreamId
from rtpfwd.dataplane.tables import Layers


@dataclass(frozen=True, slots=True)
class NacksDue:
    """Sequence numbers (16 bits) to ask for again now, and when to come back."""

    sequence_numbers: tuple[int, ...]
    next_due: Instant | None


@dataclass(frozen=True, slots=True)
class AudioLevelSample:
    """How loud one packet of an audio stream was, by its sender's own word (RFC 6464 §3).

    ``level`` is 0 (overload) to 127 (silence) in -dBov; ``voice``: the sender believes that it is speech.
    """

    arrival: Instant
    level: int
    voice: bool


@dataclass(frozen=True, slots=True)
class ReceiveCounters:
    """Running totals of a receive stream (RFC 3550 A.3 words where it has them)."""

    packets: int = 0
    bytes: int = 0
    """RTP packets whole, after SRTP; media and restored RTX alike."""
    expected: int = 0
    """Packets that the numbering says were sent, over all restarts of it."""
    received: int = 0
    """Of these, the ones that arrived by themselves; what RTX restored does not count (reports are about the
    link).
    """
    highest_extended: int = 0
    """Extended highest sequence number received; meaningless while ``packets`` is 0."""
    jitter: int = 0
    """Interarrival jitter in RTP ticks."""
    discarded: int = 0
    duplicates: int = 0
    retransmitted: int = 0
    """RTX packets that arrived."""
    repaired: int = 0
    """RTX packets that filled a hole."""
    rtx_bytes: int = 0
    rtx_discarded: int = 0
    """RTX packets of no use: malformed, of an unknown payload type, or repairing what is not missing."""
    nack_requests: int = 0
    nack_packets: int = 0
    key_frames: int = 0
    last_arrival: Instant | None = None
    last_timestamp: int = 0
    layer_bytes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """``bytes`` by (spatial, temporal) layer; streams whose layers are not understood have (0, 0) only."""


@dataclass(frozen=True, slots=True)
class SendCounters:
    """Running totals of a send stream."""

    packets: int = 0
    bytes: int = 0
    """RTP packets whole, before SRTP, retransmissions not included."""
    payload_bytes: int = 0
    """Sum of payload octets, for sender reports (RFC 3550 §6.4.1)."""
    retransmitted: int = 0
    retransmitted_bytes: int = 0
    rtx_packets: int = 0
    """Sent on the RTX SSRC."""
    rtx_payload_bytes: int = 0
    nack_packets: int = 0
    """Sequence numbers that the peer asked for."""
    not_found: int = 0
    """Asked for but no longer kept, or sent again less than a round trip ago."""
    over_budget: int = 0
    """Asked for but not resent, because repairs took their share of the stream already."""
    source: ReceiveStreamId | None = None
    timestamp_offset: int = 0
    """Outgoing minus source timestamp, modulo 2^32."""
    last_timestamp: int = 0
    last_sent: Instant | None = None
    highest_extended: int = 0
    drops: Mapping[SendDrop, int] = field(default_factory=dict)
    layers: Layers | None = None
    """The highest being forwarded now; None while nothing is."""


@dataclass(frozen=True, slots=True)
class TransportCounters:
    """Running totals of a transport's send queue, and what is in it."""

    queued_packets: int = 0
    queued_bytes: int = 0
    padding_packets: int = 0
    """Sent for probing only: on the probator's SSRC, or repeated or empty on an RTX SSRC."""
    padding_bytes: int = 0
    """Whole, before SRTP."""
    probing: bool = False
    probes_dropped: int = 0
    """Given up because they took twice their time and more, or refused because too many were waiting."""
    departures_lost: int = 0
    """Departures that nobody took in time."""


@dataclass(frozen=True, slots=True)
class PlaneCounters:
    """Totals of the plane. ``datagrams`` = ``stun + dtls + rtcp + rtp + held + sum(drops)``, exactly."""

    datagrams: int
    stun: int
    dtls: int
    rtcp: int
    rtp: int
    """Packets that a receive stream accepted."""
    held: int
    """Packets waiting for their SSRC to be claimed."""
    forwarded: int
    """Packets sent, one for each consumer; retransmissions not included."""
    drops: Mapping[Drop, int]
