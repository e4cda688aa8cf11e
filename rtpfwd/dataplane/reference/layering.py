"""What a receive stream's packets have shown of its layers so far.

One for each video receive stream: the highest layers seen, whether spatial layers depend on each other only
in key pictures (k-SVC, told by VP9's D bit: names that were negotiated are not believed), bytes by layer, and
the size of its pictures.
"""

from __future__ import annotations

from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.payloads.resolution import Resolutions, resolutions_of
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor


class Layering:
    """``bytes`` is indexed by spatial layer times 8 plus temporal layer; (0, 0) is what the others leave."""

    __slots__ = ("bytes", "highest_spatial", "highest_temporal", "independent", "resolutions", "svc")

    def __init__(self) -> None:
        self.highest_spatial = self.highest_temporal = 0
        self.independent = False
        """Between key frames no spatial layer needs another."""
        self.svc = False
        """There are spatial layers: even who wants everything needs a filter."""
        self.bytes = [0] * 64
        self.resolutions: Resolutions | None = None

    def note(self, packet: Packet, size: int) -> None:
        """Learn from a packet that was accepted; ``size`` is the whole of it."""
        layer = packet.layer
        if layer:
            self.bytes[layer] += size
            temporal, spatial = layer & 7, layer >> 3
            if temporal > self.highest_temporal:
                self.highest_temporal = temporal
            if spatial:
                self._note_spatial(packet, spatial)
        if packet.frame is not None:
            if packet.frame.attached:
                layers = packet.frame.shape.layers
                self.highest_spatial = max(spatial for spatial, _ in layers)
                self.highest_temporal = max(temporal for _, temporal in layers)
                self.svc = packet.frame.shape.svc
        elif packet.key_frame:
            descriptor = packet.descriptor
            if isinstance(descriptor, Vp9Descriptor) and descriptor.spatial_layers > 1:
                self.svc = True
                self.highest_spatial = descriptor.spatial_layers - 1

    def note_size(self, packet: Packet, mime_type: str) -> bool:
        """Whether the first packet of a key frame tells another size of the pictures."""
        if packet.frame is not None:
            resolutions: Resolutions | None = packet.frame.shape.structure.resolutions
        elif packet.descriptor is not None:
            resolutions = resolutions_of(mime_type, packet.payload, packet.descriptor)
        else:
            resolutions = None
        if not resolutions or resolutions == self.resolutions:
            return False
        self.resolutions = resolutions
        return True

    def _note_spatial(self, packet: Packet, spatial: int) -> None:
        self.svc = True
        if spatial > self.highest_spatial:
            self.highest_spatial = spatial
        descriptor = packet.descriptor
        if isinstance(descriptor, Vp9Descriptor) and descriptor.inter_picture_predicted:
            self.independent = not descriptor.inter_layer_predicted
