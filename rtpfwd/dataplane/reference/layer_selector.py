"""What a send stream takes of its source's layers: what is wanted, which filter sees to it, what came of it.

Streams of one layer, and those of which every temporal layer is wanted, have no filter: a packet costs them
one comparison. ``highest`` is what it compares with.
"""

from __future__ import annotations

from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    KeyFrameNeeded,
    Layers,
    LayersSwitched,
    SendDrop,
    SendStreamId,
    Upcall,
)
from rtpfwd.dataplane.reference.dependency_filter import DependencyFilter
from rtpfwd.dataplane.reference.layering import Layering
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.picture_filter import PictureFilter
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor

NOTHING = -1


class LayerSelector:
    """One for each send stream."""

    __slots__ = ("_id", "_layering", "filter", "highest", "spatial", "temporal", "wanted")

    def __init__(self, stream: SendStreamId) -> None:
        self._id = stream
        self._layering: Layering | None = None
        self.wanted = ALL_LAYERS
        self.filter: PictureFilter | DependencyFilter | None = None
        self.highest = NOTHING
        """The highest layer seen while there is no filter, as ``Packet.layer``."""
        self.spatial = self.temporal = 0
        """The highest being forwarded."""

    def begin(self, packet: Packet, layering: Layering | None, wanted: Layers, anew: bool) -> None:
        """Forwarding begins with this packet, at a key frame where there are any; ``anew``: of another
        source than before.
        """
        self._layering = layering
        self.wanted = wanted
        self.highest = NOTHING
        self.filter = self._filter_if_needed(packet, True)
        if anew:
            self.spatial = self.temporal = 0

    def want(self, wanted: Layers, last: Packet | None) -> bool:
        """Other layers of the source that is being forwarded; ``last`` is the newest packet sent of it.

        Returns whether only a key frame can bring them.
        """
        self.wanted = wanted
        if self.filter is None:
            if last is not None:
                self.filter = self._filter_if_needed(last, False)
            return False
        self.filter.want(wanted.spatial, wanted.temporal)
        needed, self.filter.key_needed = self.filter.key_needed, False
        return needed

    def select(self, packet: Packet, last: Packet | None, now: int, upcalls: list[Upcall]) -> SendDrop | None:
        """Why this packet stays behind, or None. ``last`` is the newest packet sent of the source."""
        layering = self._layering
        if self.filter is not None and self.filter.superseded_by(packet):
            self.filter = self._filter_if_needed(packet, True)
        elif self.filter is None:
            self.highest = max(self.highest, packet.layer)
            if last is not None and last.stream == packet.stream and last.sequence < packet.sequence:
                self.filter = self._filter_if_needed(last, False)
        chosen = self.filter
        if layering is None:
            return None
        if chosen is None:
            reason = None
            spatial, temporal = layering.highest_spatial, self.highest & 7
        else:
            reason = chosen.select(packet, now)
            spatial, temporal = chosen.spatial, min(chosen.temporal, layering.highest_temporal)
            if chosen.key_needed:
                chosen.key_needed = False
                upcalls.append(KeyFrameNeeded(packet.stream))
        if temporal != self.temporal or spatial != self.spatial:
            self.spatial, self.temporal = spatial, temporal
            upcalls.append(LayersSwitched(self._id, spatial, temporal))
        return reason

    def _filter_if_needed(self, packet: Packet, begins: bool) -> PictureFilter | DependencyFilter | None:
        layering, wanted = self._layering, self.wanted
        if layering is None:
            return None
        if not layering.svc and wanted.temporal >= layering.highest_temporal:
            return None
        if packet.frame is not None:
            made = DependencyFilter(packet, wanted.spatial, wanted.temporal, begins)
            return made if packet.frame.shape.scalable else None
        if isinstance(packet.descriptor, Vp8Descriptor | Vp9Descriptor):
            return PictureFilter(packet, layering, wanted.spatial, wanted.temporal, begins)
        return None
