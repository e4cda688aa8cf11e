"""Which layers of a VP8 or VP9 stream a consumer gets, told from the payload descriptors.

A picture is all packets of one RTP timestamp. Its fate is settled by the first packet of it that arrives (of
each spatial layer, by that layer's first) and stays: what comes late follows what was decided, and a picture
that comes late as a whole goes on only if its layers were being forwarded then. Down happens at the next
picture; up:

- VP8 (RFC 7741): one temporal layer at a time, at a picture with Y, which needs the base layer only.
- VP9 (RFC 9628): all temporal layers after a picture of a forwarded layer with U, the next one at a picture
  of its own with U (some encoders use it like VP8's Y), and in flexible mode at a picture whose references
  were all forwarded. A spatial layer at a frame that is not predicted from another picture.
- At a key frame, at once.

``intact`` has a bit for each spatial layer of which everything was forwarded that the next picture may need.
Where upper layers depend on lower ones in key pictures only (k-SVC, seen from the D bits) one layer is enough
between key frames, so the others soon are not intact: any change needs a key frame then.
"""

from __future__ import annotations

from rtpfwd.dataplane.interface import SendDrop
from rtpfwd.dataplane.reference.layering import Layering
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.payloads.vp9 import Vp9Descriptor
from rtpfwd.wire.serial import distance_32

PICTURES_KEPT = 128
"""Two seconds of a 60 fps stream: as long as packets are kept for repair."""
MISSING_PICTURES = 15
"""Pictures in a row without the only layer that is forwarded until a key frame is asked for."""
REFERENCES_KEPT = 128  # P_DIFF has seven bits

# A picture's entry: bits 0 to 7 spatial layers forwarded, 8 to 15 dropped, 16 to 18 the highest to forward.
DROPPED = 8
TOP = 16
WHOLLY_DROPPED = 1 << 19
KEY = 1 << 20


class PictureFilter:
    """The layers of one source for one send stream; ``select`` takes its packets in order of arrival."""

    __slots__ = (
        "_floor", "_is_vp9", "_layering", "_missing", "_newest", "_pictures", "_references",
        "_since_spatial", "_since_temporal", "_wanted_spatial", "_wanted_temporal", "fresh_drop", "intact",
        "key_needed", "mask", "spatial", "temporal",
    )  # fmt: skip

    def __init__(self, packet: Packet, layering: Layering, spatial: int, temporal: int, begins: bool) -> None:
        """``packet`` is the first that is filtered where a stream begins, else the newest forwarded so far,
        all layers being forwarded until then. ``layering`` is the source's own.
        """
        self._layering = layering
        self._is_vp9 = isinstance(packet.descriptor, Vp9Descriptor)
        self._wanted_spatial, self._wanted_temporal = spatial, temporal
        self.spatial = 0 if begins else layering.highest_spatial
        """The highest spatial layer being forwarded."""
        self.temporal = temporal if begins else 7
        self.intact = 0 if begins else (2 << self.spatial) - 1
        self.mask = -1
        """Of decode targets: there are none here."""
        self.key_needed = False
        self.fresh_drop = False
        """Whether the last verdict was the first about a picture newer than all before, and against it."""
        self._missing = 0
        self._newest: int | None = None if begins else packet.timestamp
        self._floor: int | None = self._newest  # until here everything was forwarded
        self._pictures: dict[int, int] = {}
        self._since_temporal = [packet.timestamp] * 8
        self._since_spatial = [packet.timestamp] * 8
        self._references = [-1] * REFERENCES_KEPT  # picture id << 16 | entry's lower half
        if not begins:
            self._pictures[packet.timestamp] = self.spatial << TOP | KEY

    def want(self, spatial: int, temporal: int) -> None:
        """Other layers are wanted from the next picture on."""
        self._wanted_spatial, self._wanted_temporal = spatial, temporal
        wanted = min(spatial, self._layering.highest_spatial)
        # Down without one where the lower layers are complete; never counted on for a way up.
        self.key_needed = wanted > self.spatial or (
            wanted < self.spatial and (self._layering.independent or not self.intact >> wanted & 1)
        )

    def select(self, packet: Packet, now: int) -> SendDrop | None:
        """Why this packet stays behind, or None."""
        self.fresh_drop = False
        timestamp = packet.timestamp
        entry = self._pictures.get(timestamp)
        if entry is None:
            newest = self._newest
            if newest is not None and distance_32(timestamp, newest) < 0:
                return self._late(packet, 0)
            entry = self._open(packet)
        if entry & WHOLLY_DROPPED:
            return SendDrop.TEMPORAL_LAYER
        spatial = packet.layer >> 3
        bit = 1 << spatial
        if entry & bit:
            if packet.key_frame and not entry & KEY:
                self._note_key(packet, entry)
            return None
        if entry & bit << DROPPED:
            return SendDrop.SPATIAL_LAYER
        if timestamp != self._newest:
            return self._late(packet, entry)
        return self._decide(packet, entry, spatial)

    def superseded_by(self, packet: Packet) -> bool:
        """Whether dependency descriptors begin with this packet: they know better."""
        return packet.frame is not None and packet.frame.attached

    # -- a picture's first packet --------------------------------------------------------------------------

    def _open(self, packet: Packet) -> int:
        if self._layering.independent and self._newest is not None:
            self._watch(self._pictures.get(self._newest, 0))
        self._newest = packet.timestamp
        level = packet.layer & 7
        self.temporal = min(self.temporal, self._wanted_temporal)
        allowed = level <= self.temporal or self._rises_to(packet, level)
        if not allowed and not packet.key_frame:
            self.fresh_drop = True
            entry = WHOLLY_DROPPED | 0xFF << DROPPED
            self._keep(packet.timestamp, entry)
            self._note_reference(packet, entry)
            return entry
        if self._is_vp9 and level <= self.temporal < self._wanted_temporal and _switching_up(packet):
            self._raise_temporal(self._wanted_temporal, packet.timestamp)
        possible = self.intact & (2 << self._wanted_spatial) - 1
        if possible:
            self.spatial = possible.bit_length() - 1
        elif self.intact:
            self.spatial = (self.intact & -self.intact).bit_length() - 1
        entry = self.spatial << TOP
        self._keep(packet.timestamp, entry)
        return entry

    def _rises_to(self, packet: Packet, level: int) -> bool:
        if level > self._wanted_temporal:
            return False
        if not self._is_vp9:
            if level != self.temporal + 1 or not _switching_up(packet):
                return False
        elif _names_references(packet):
            if not self._all_references_forwarded(packet):
                return False
        elif level != self.temporal + 1 or not _switching_up(packet):
            return False
        self._raise_temporal(level, packet.timestamp)
        return True

    def _raise_temporal(self, level: int, timestamp: int) -> None:
        for one in range(self.temporal + 1, level + 1):
            self._since_temporal[one] = timestamp
        self.temporal = level

    def _watch(self, entry: int) -> None:
        # A layer that its sender stopped sending, and none other can be decoded.
        if entry & WHOLLY_DROPPED:
            return
        self._missing = 0 if entry >> self.spatial & 1 else self._missing + 1
        if self._missing == MISSING_PICTURES:
            self.key_needed = True

    # -- the first packet of a spatial layer's frame -------------------------------------------------------

    def _decide(self, packet: Packet, entry: int, spatial: int) -> SendDrop | None:
        bit = 1 << spatial
        descriptor = packet.descriptor
        if isinstance(descriptor, Vp9Descriptor):
            if spatial == 0 and not descriptor.inter_picture_predicted:
                entry = self._note_key(packet, entry)
                forward = True
            else:
                forward = self._allows(descriptor, packet, entry, spatial)
        else:
            forward = True
            if packet.key_frame:
                entry = self._note_key(packet, entry)
        if forward:
            entry |= bit
            if not self.intact & bit:
                self._since_spatial[spatial] = packet.timestamp
            self.intact |= bit
            if spatial > entry >> TOP & 7:
                self.spatial = spatial
                entry = entry & ~(7 << TOP) | spatial << TOP
        else:
            entry |= bit << DROPPED
            self.intact &= ~bit
            if not self.intact or spatial == self.spatial:
                self.key_needed = True
        self._keep(packet.timestamp, entry)
        self._note_reference(packet, entry)
        return None if forward else SendDrop.SPATIAL_LAYER

    def _allows(self, descriptor: Vp9Descriptor, packet: Packet, entry: int, spatial: int) -> bool:
        top = entry >> TOP & 7
        below = 1 << spatial >> 1 if descriptor.inter_layer_predicted else 0
        if descriptor.inter_picture_predicted:
            if spatial > top or not self.intact >> spatial & 1:
                return False
            if spatial < top and self._layering.independent:
                return False
            return not (entry >> DROPPED & below) and not self._lacks_reference(packet)
        if spatial > self._wanted_spatial and spatial > top:
            return False
        if spatial > top:
            return not below or bool(entry & below)
        return not entry >> DROPPED & below

    def _note_key(self, packet: Packet, entry: int) -> int:
        """A key picture: everything that is wanted begins with it."""
        entry = entry & ~(7 << TOP) | KEY
        self.intact = entry & 0xFF
        self._raise_temporal(self._wanted_temporal, packet.timestamp)
        self._since_temporal = [packet.timestamp] * 8
        self._missing = 0
        top = self._wanted_spatial
        descriptor = packet.descriptor
        if not isinstance(descriptor, Vp9Descriptor):
            top = 0
        elif descriptor.spatial_layers:
            top = min(top, descriptor.spatial_layers - 1)
        else:
            top = min(top, max((entry & 0xFF).bit_length() - 1, 0))
        self.spatial = top
        entry |= top << TOP
        self._keep(packet.timestamp, entry)
        return entry

    # -- lateness and references ---------------------------------------------------------------------------

    def _late(self, packet: Packet, entry: int) -> SendDrop | None:
        timestamp = packet.timestamp
        if self._floor is not None and distance_32(timestamp, self._floor) <= 0:
            return None
        spatial, level = packet.layer >> 3, packet.layer & 7
        if packet.key_frame and self._wanted_spatial != self.spatial and not entry:
            self.key_needed = True  # too late to begin with
        if level > self.temporal or distance_32(timestamp, self._since_temporal[level]) < 0:
            if not entry:
                self._keep(timestamp, WHOLLY_DROPPED | 0xFF << DROPPED)
                self._note_reference(packet, 0xFF << DROPPED)
            return SendDrop.TEMPORAL_LAYER
        top = entry >> TOP & 7 if entry else self.spatial
        bit = 1 << spatial
        below = bit >> 1
        forward = (
            spatial <= top
            and not (self._layering.independent and spatial < top and not entry & KEY)
            and bool(self.intact & bit)
            and distance_32(timestamp, self._since_spatial[spatial]) >= 0
            and not (_uses_lower_layer(packet) and entry >> DROPPED & below)
            and not self._lacks_reference(packet)
        )
        entry |= top << TOP | (bit if forward else bit << DROPPED)
        self._keep(timestamp, entry)
        self._note_reference(packet, entry)
        return None if forward else SendDrop.SPATIAL_LAYER

    def _keep(self, timestamp: int, entry: int) -> None:
        pictures = self._pictures
        pictures[timestamp] = entry
        if len(pictures) > PICTURES_KEPT:
            oldest = next(iter(pictures))
            del pictures[oldest]
            if oldest == self._floor:
                self._floor = None

    def _note_reference(self, packet: Packet, entry: int) -> None:
        descriptor = packet.descriptor
        if self._is_vp9 and descriptor is not None and descriptor.picture_id is not None:
            picture = descriptor.picture_id
            self._references[picture & 127] = picture << 16 | entry & 0xFFFF

    def _lacks_reference(self, packet: Packet) -> bool:
        """Whether a picture that this frame needs is known and was kept back."""
        descriptor = packet.descriptor
        if not isinstance(descriptor, Vp9Descriptor) or not descriptor.references:
            return False
        return any(found == 0 for found in self._found_references(descriptor))

    def _all_references_forwarded(self, packet: Packet) -> bool:
        descriptor = packet.descriptor
        if not isinstance(descriptor, Vp9Descriptor) or not descriptor.references:
            return False
        return all(found == 1 for found in self._found_references(descriptor))

    def _found_references(self, descriptor: Vp9Descriptor) -> list[int]:
        """1 for each reference that was forwarded, 0 if it was dropped, -1 if it is unknown."""
        found = []
        picture = descriptor.picture_id or 0
        circle = (1 << descriptor.picture_id_bits) - 1
        for diff in descriptor.references:
            wanted = picture - diff & circle
            noted = self._references[wanted & 127]
            if noted >> 16 != wanted:
                found.append(-1)
            elif noted >> descriptor.spatial_layer & 1:
                found.append(1)
            else:
                found.append(0 if noted >> DROPPED + descriptor.spatial_layer & 1 else -1)
        return found


def _switching_up(packet: Packet) -> bool:
    return packet.descriptor is not None and packet.descriptor.switching_up_point


def _uses_lower_layer(packet: Packet) -> bool:
    descriptor = packet.descriptor
    return isinstance(descriptor, Vp9Descriptor) and descriptor.inter_layer_predicted


def _names_references(packet: Packet) -> bool:
    descriptor = packet.descriptor
    return isinstance(descriptor, Vp9Descriptor) and bool(descriptor.references)
