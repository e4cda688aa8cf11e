"""What the control plane writes into the data plane's tables: limits, streams on the wire, layers, probes.

Floors above take these names from interface.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtpfwd.dataplane.ids import TransportId


@dataclass(frozen=True, slots=True)
class Layers:
    """The highest spatial and temporal layer *within one source*; simulcast streams have spatial layer 0
    only.
    """

    spatial: int
    temporal: int


ALL_LAYERS = Layers(7, 7)
"""Whatever a source has: three bits each."""


@dataclass(frozen=True, slots=True)
class PlaneLimits:
    """Bounds of the plane's own memory."""

    ssrcs_per_transport: int = 64
    """Receive SSRCs, held unknown ones included; more are refused before decryption."""
    held_packets_per_ssrc: int = 64
    """Decrypted packets kept for an SSRC until the control plane says whose it is."""
    history_packets: int = 2048
    """Packets kept of each receive stream for retransmission and duplicate detection; a power of two."""
    history_video_us: int = 2_000_000
    history_audio_us: int = 1_000_000
    nack_list: int = 1000
    nack_max_age: int = 10_000
    """In sequence numbers (mediasoup: same)."""
    nack_retries: int = 10
    audio_levels: int = 256
    """Audio levels kept of each receive stream until they are taken; the oldest go first."""
    packet_bytes: int = 1500
    """Largest RTP packet forwarded, header included, before SRTP's tag."""


@dataclass(frozen=True, slots=True)
class ReceiveStreamSpec:
    """A producer's encoding on the wire.

    ``extension_ids`` maps header extension URIs to the *producer's* ids; ``mapped_extension_ids`` to the
    router's.
    """

    transport: TransportId
    ssrc: int
    payload_types: Mapping[int, int]
    """Media payload types, producer's -> router's."""
    rtx_ssrc: int | None
    rtx_payload_types: Mapping[int, int]
    """RTX payload type -> the *media* payload type it repairs, both the producer's."""
    clock_rate: int
    mime_type: str
    extension_ids: Mapping[str, int]
    mapped_extension_ids: Mapping[str, int]
    use_nack: bool
    paused: bool = False


@dataclass(frozen=True, slots=True)
class SendStreamSpec:
    """A consumer's encoding on the wire."""

    transport: TransportId
    ssrc: int
    rtx_ssrc: int | None
    rtx_payload_types: Mapping[int, int]
    """Router's media payload type -> RTX payload type."""
    payload_types: frozenset[int]
    """Router's payload types that the consumer understands."""
    clock_rate: int
    mime_type: str
    mid: bytes
    extension_ids: Mapping[str, int]
    """Header extensions that the consumer takes, URI -> id."""
    first_sequence_number: int
    """Below 2^15, so that no receiver can miss the first wrap (reliability rule of SRTP's rollover counter).
    """
    first_rtx_sequence_number: int
    needs_key_frame: bool
    """Whether forwarding may begin only at a key frame (video whose descriptor is understood)."""
    keep_ciphertext: bool
    """Resend the very same ciphertext when asked (peers without RTX)."""
    paused: bool = False
    ignore_dtx: bool = False
    """Leave out Opus packets that carry no sound."""


@dataclass(frozen=True, slots=True)
class ProbatorSpec:
    """A stream of nothing but padding, for links without an RTX stream to pad with.

    mediasoup-client announces it to the browser by itself (mid ``probator``, SSRC 1234, payload type 127).
    """

    ssrc: int
    payload_type: int
    mid: bytes
    extension_ids: Mapping[str, int]
    first_sequence_number: int


@dataclass(frozen=True, slots=True)
class Probe:
    """A short stretch at a given rate, to learn whether the link carries it.

    What is waiting or comes meanwhile goes first; padding fills the rest, until ``size_bytes`` and
    ``packets`` both have left. Departures of the stretch bear ``cluster`` (1 and up).
    """

    cluster: int
    rate_bps: int
    size_bytes: int
    packets: int
