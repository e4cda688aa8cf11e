"""One RTP packet inside the plane: decrypted once, read once, shared by every send stream that forwards
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.wire.payloads.base import PayloadDescriptor

if TYPE_CHECKING:
    from rtpfwd.dataplane.reference.dependency import DependencyFrame


class Packet:
    """A media packet in the router's terms. Nobody changes it after the receive stream has filled it in.

    ``elements`` are its header extensions as (URI, value); ``sequence`` is extended (RFC 3550 A.1) and may be
    negative for packets that are older than the first one seen; ``payload`` excludes padding. ``layer`` is
    its spatial layer times 8 plus its temporal one; ``frame`` is there where a dependency descriptor told it.
    """

    __slots__ = (
        "arrival",
        "descriptor",
        "elements",
        "frame",
        "key_frame",
        "layer",
        "marker",
        "payload",
        "payload_type",
        "sequence",
        "stream",
        "timestamp",
    )

    def __init__(
        self,
        stream: ReceiveStreamId,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload_type: int,
        elements: list[tuple[str, bytes]],
        payload: bytes,
        descriptor: PayloadDescriptor | None,
        arrival: Instant,
    ) -> None:
        self.stream = stream
        self.sequence = sequence
        self.timestamp = timestamp
        self.marker = marker
        self.payload_type = payload_type
        self.elements = elements
        self.payload = payload
        self.descriptor = descriptor
        self.frame: DependencyFrame | None = None
        if descriptor is None:
            self.key_frame = False
            self.layer = 0
        else:
            self.key_frame = descriptor.is_keyframe
            self.layer = descriptor.spatial_layer << 3 | descriptor.temporal_layer
        self.arrival = arrival

    def __str__(self) -> str:
        key = " key" if self.key_frame else ""
        where = f"pt {self.payload_type} seq {self.sequence} ts {self.timestamp}"
        return f"stream {self.stream} {where} {len(self.payload)} B{key}"
