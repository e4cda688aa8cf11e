"""What the data plane tells the control plane: taken right after packets, in order.

Floors above take these names from interface.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtpfwd.dataplane.ids import ReceiveStreamId, SendStreamId, TransportId
from rtpfwd.wire.datagram import Path

# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StunReceived:
    """A datagram of STUN's shape, from any path."""

    data: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class DtlsReceived:
    """A datagram of DTLS's shape, from a validated path only."""

    transport: TransportId
    data: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class RtcpReceived:
    """An SRTCP datagram, still encrypted: SRTCP's index belongs to the control plane."""

    transport: TransportId
    data: bytes


@dataclass(frozen=True, slots=True)
class UnknownSsrc:
    """An authenticated packet of an SSRC that no stream claims; the packet is held.

    ``mid``, ``rid`` and ``repaired_rid`` come from its header extensions under the transport's receive
    extensions. Answer with ``add_receive_stream`` or, later, ``retry_unknown``.
    """

    transport: TransportId
    ssrc: int
    payload_type: int
    mid: str | None
    rid: str | None
    repaired_rid: str | None


@dataclass(frozen=True, slots=True)
class PacketsMissing:
    """A gap appeared in a receive stream: ask ``due_nacks``, which says when to come back."""

    stream: ReceiveStreamId


@dataclass(frozen=True, slots=True)
class KeyFrameReceived:
    """The first packet of a key frame went through."""

    stream: ReceiveStreamId


@dataclass(frozen=True, slots=True)
class KeyFrameNeeded:
    """Too much was lost to repair; only a key frame of this receive stream helps."""

    stream: ReceiveStreamId


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The first packet of a receive stream arrived."""

    stream: ReceiveStreamId


@dataclass(frozen=True, slots=True)
class SourceSwitched:
    """A send stream forwards this source from now on."""

    stream: SendStreamId
    source: ReceiveStreamId


@dataclass(frozen=True, slots=True)
class LayersSwitched:
    """The highest (spatial, temporal) layer that a send stream forwards of its source is another one."""

    stream: SendStreamId
    spatial: int
    temporal: int


@dataclass(frozen=True, slots=True)
class ResolutionChanged:
    """(width, height) in pixels of each spatial layer of a receive stream, as its key frame says."""

    stream: ReceiveStreamId
    resolutions: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class OrientationChanged:
    """``urn:3gpp:video-orientation`` of a receive stream changed; ``value`` is its byte."""

    stream: ReceiveStreamId
    value: int


@dataclass(frozen=True, slots=True)
class PacketTrace:
    """A packet that a traced stream received or sent; exactly one of the two streams is set."""

    receive_stream: ReceiveStreamId | None
    send_stream: SendStreamId | None
    ssrc: int
    payload_type: int
    sequence_number: int
    timestamp: int
    marker: bool
    key_frame: bool
    is_rtx: bool
    size: int
    """Bytes of the whole RTP packet, before SRTP."""
    payload_size: int
    spatial_layer: int
    temporal_layer: int


Upcall = (
    StunReceived
    | DtlsReceived
    | RtcpReceived
    | UnknownSsrc
    | PacketsMissing
    | KeyFrameReceived
    | KeyFrameNeeded
    | StreamStarted
    | SourceSwitched
    | LayersSwitched
    | ResolutionChanged
    | OrientationChanged
    | PacketTrace
)
