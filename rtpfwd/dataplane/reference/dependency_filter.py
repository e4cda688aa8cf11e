"""Which frames of a stream with dependency descriptors a consumer gets.

Source: "RTP Payload Format For AV1" (AOMedia), appendix A: a frame is forwarded if it is present in the
decode target that was chosen. A target may be chosen if it is ``intact`` (nothing that it must not miss was
kept back since a frame that one may switch at) or if this frame lets one switch to it and all that the frame
refers to was forwarded. Changes happen between pictures, a change to a higher spatial layer also at that
layer's own frame. A frame of the target's chain that does not come within ``CHAIN_PATIENCE_US`` is lost for
good: only a key frame helps.
"""

from __future__ import annotations

from rtpfwd.clock import milliseconds
from rtpfwd.dataplane.interface import SendDrop
from rtpfwd.dataplane.reference.dependency import DependencyFrame, Shape
from rtpfwd.dataplane.reference.packet import Packet

FRAMES_KEPT = 512
"""More than two seconds of 60 pictures in four layers; a power of two."""
CHAIN_PATIENCE_US = milliseconds(500)
DROPPED, FORWARDED = 0, 1


class DependencyFilter:
    """The layers of one source for one send stream; ``select`` takes its packets in order of arrival."""

    __slots__ = (
        "_active",
        "_decisions",
        "_floor",
        "_lost",
        "_lost_since",
        "_narrowed",
        "_newest",
        "_newest_timestamp",
        "_reason",
        "_settled",
        "_shape",
        "_since",
        "_target",
        "_wanted_spatial",
        "_wanted_temporal",
        "fresh_drop",
        "intact",
        "key_needed",
        "mask",
        "spatial",
        "temporal",
    )  # fmt: skip

    def __init__(self, packet: Packet, spatial: int, temporal: int, begins: bool) -> None:
        """``packet`` has a frame. It is the first that is filtered where a stream begins, else the newest
        forwarded so far, all layers being forwarded until then.
        """
        self._wanted_spatial, self._wanted_temporal = spatial, temporal
        self._shape: Shape | None = None
        self._target = -1
        self.intact = 0
        self.spatial = self.temporal = 0
        self.mask = -1
        """Decode targets that still can be decoded from what is forwarded; -1 while that is all of them."""
        self.key_needed = self.fresh_drop = self._narrowed = False
        self._decisions = [-1] * FRAMES_KEPT  # frame number << 1 | forwarded
        self._newest = self._since = self._floor = -1
        self._newest_timestamp: int | None = None
        self._reason = SendDrop.SPATIAL_LAYER
        self._active = 0
        self._settled = False  # the target is what is wanted
        self._lost = -1  # a frame of the chain that has not come
        self._lost_since = 0
        frame = packet.frame
        if not begins and frame is not None:
            self._newest = self._floor = self._since = frame.number
            self._newest_timestamp = packet.timestamp
            self._shape = frame.shape
            self.intact = frame.shape.all_targets
            self._take_target(self._best(frame, 7, 7), frame)
            self._narrowed = False
            self.mask = -1

    def want(self, spatial: int, temporal: int) -> None:
        """Other layers are wanted from the next picture on."""
        self._wanted_spatial, self._wanted_temporal = spatial, temporal
        self._settled = False
        shape = self._shape
        if shape is None or self._target < 0:
            return
        best = self._choose(shape, spatial, temporal, -1)
        wanted, present = shape.layers[best], shape.layers[self._target]
        # Other temporal layers come by themselves; a spatial one only if nothing of it was missed.
        self.key_needed = wanted[0] != present[0] and not self.intact >> best & 1

    def select(self, packet: Packet, now: int) -> SendDrop | None:
        """Why this packet stays behind, or None."""
        self.fresh_drop = False
        frame = packet.frame
        if frame is None:
            return self._undescribed(packet)
        number = frame.number
        shape = self._shape
        if not frame.attached or (shape is not None and frame.shape.first <= shape.first):
            known = self._decisions[number & FRAMES_KEPT - 1]
            if known >> 1 == number:
                return None if known & 1 else self._drop_reason(frame)
            if number <= self._newest:
                return self._late(frame)
        self._watch_chain(now)
        self._prepare(packet, frame)
        forward = self._present(frame) and not self._lacks_reference(frame, strict=False)
        self._decisions[number & FRAMES_KEPT - 1] = number << 1 | forward
        if number > self._newest:
            self._newest = number
            self._newest_timestamp = packet.timestamp
        if forward:
            self.intact |= frame.switch
            self._note_chain(frame, now)
            return None
        if self._present(frame):
            self.key_needed = True
        self.intact &= ~frame.needed
        return self._drop_reason(frame)

    def superseded_by(self, packet: Packet) -> bool:
        """Never: there is nothing better."""
        return False

    # -- a frame's first packet ----------------------------------------------------------------------------

    def _prepare(self, packet: Packet, frame: DependencyFrame) -> None:
        """Change the target where that is due and possible."""
        shape = frame.shape
        if shape is not self._shape:
            # A key frame; or what follows one whose own packet has not come: everything begins anew.
            self._shape = shape
            self._floor = shape.first - 1 if frame.attached else frame.number - 1
            self._since = frame.number
            self.intact = 0 if frame.attached else shape.all_targets
            self._lost = -1
            self._narrowed = False
            self._take_target(self._best(frame, self._wanted_spatial, self._wanted_temporal), frame)
            return
        if frame.active != self._active:
            # The sender gave up layers, or took them up again.
            self._settled = False
            self._take_mask(frame)
        if self._settled or self._best(frame, self._wanted_spatial, self._wanted_temporal) == self._target:
            self._settled = True
            return
        boundary = packet.timestamp != self._newest_timestamp
        chosen = self._reachable(frame)
        if chosen < 0 or chosen == self._target:
            if not frame.active >> self._target & 1 and boundary:
                self.key_needed = True
            return
        if boundary or shape.layers[chosen][0] > self.spatial:
            self._since = frame.number
            self._take_target(chosen, frame)

    def _take_target(self, target: int, frame: DependencyFrame) -> None:
        self._target = target
        self.spatial, self.temporal = frame.shape.layers[target]
        self._settled = False
        self._take_mask(frame)

    def _take_mask(self, frame: DependencyFrame) -> None:
        self._active = frame.active
        mask = 0
        for target, (spatial, temporal) in enumerate(frame.shape.layers):
            if spatial <= self.spatial and temporal <= self.temporal:
                mask |= 1 << target
        mask &= frame.active
        if mask != frame.active:
            self._narrowed = True
        self.mask = mask if self._narrowed else -1

    def _best(self, frame: DependencyFrame, spatial: int, temporal: int) -> int:
        return self._choose(frame.shape, spatial, temporal, frame.active)

    def _choose(self, shape: Shape, spatial: int, temporal: int, active: int) -> int:
        """The highest target within bounds among ``active`` ones, else the lowest of them."""
        best = lowest = -1
        for target, layers in enumerate(shape.layers):
            if not active >> target & 1:
                continue
            if lowest < 0 or layers < shape.layers[lowest]:
                lowest = target
            within = layers[0] <= spatial and layers[1] <= temporal
            if within and (best < 0 or layers > shape.layers[best]):
                best = target
        return best if best >= 0 else max(lowest, 0)

    def _reachable(self, frame: DependencyFrame) -> int:
        """The highest target within bounds that can be changed to with this frame, or -1."""
        possible = self.intact
        if frame.switch & ~possible and not self._lacks_reference(frame, strict=True):
            possible |= frame.switch
        possible &= frame.active
        best = -1
        for target, (spatial, temporal) in enumerate(frame.shape.layers):
            if spatial > self._wanted_spatial or temporal > self._wanted_temporal:
                continue
            better = best < 0 or (spatial, temporal) > frame.shape.layers[best]
            if better and possible >> target & 1:
                best = target
        return best

    # -- references, chains, lateness ----------------------------------------------------------------------

    def _present(self, frame: DependencyFrame) -> bool:
        return bool(frame.present >> self._target & 1)

    def _lacks_reference(self, frame: DependencyFrame, *, strict: bool) -> bool:
        """Whether it refers to what was kept back; ``strict``: or to what has not come."""
        for diff in frame.descriptor.frame.frame_diffs:
            wanted = frame.number - diff
            if wanted <= self._floor:
                continue
            found = self._decisions[wanted & FRAMES_KEPT - 1]
            if found >> 1 != wanted or found < 0:
                if strict:
                    return True
            elif not found & 1:
                return True
        return False

    def _note_chain(self, frame: DependencyFrame, now: int) -> None:
        structure = frame.shape.structure
        if not structure.chains or self._lost >= 0:
            return
        diff = frame.descriptor.frame.chain_diffs[structure.protected_by[self._target]]
        before = frame.number - diff
        if diff and before > max(self._floor, self._since):
            found = self._decisions[before & FRAMES_KEPT - 1]
            if found >> 1 != before:
                self._lost, self._lost_since = before, now

    def _watch_chain(self, now: int) -> None:
        lost = self._lost
        if lost < 0:
            return
        if self._decisions[lost & FRAMES_KEPT - 1] >> 1 == lost:
            self._lost = -1
        elif now - self._lost_since > CHAIN_PATIENCE_US:
            self.key_needed = True
            self._lost = -1

    def _late(self, frame: DependencyFrame) -> SendDrop | None:
        number = frame.number
        if self._newest - number >= FRAMES_KEPT:
            return SendDrop.SPATIAL_LAYER
        if number <= self._floor and frame.shape is self._shape:
            return None
        forward = (
            frame.shape is self._shape
            and number >= self._since
            and self._present(frame)
            and not self._lacks_reference(frame, strict=False)
        )
        self._decisions[number & FRAMES_KEPT - 1] = number << 1 | forward
        return None if forward else self._drop_reason(frame)

    def _undescribed(self, packet: Packet) -> SendDrop | None:
        """A packet whose descriptor does not parse: as the frame before it, or as its payload says."""
        if packet.timestamp == self._newest_timestamp:
            found = self._decisions[self._newest & FRAMES_KEPT - 1]
            return None if found & 1 else self._reason
        if packet.layer >> 3 > self.spatial:
            return SendDrop.SPATIAL_LAYER
        return SendDrop.TEMPORAL_LAYER if packet.layer & 7 > self.temporal else None

    def _drop_reason(self, frame: DependencyFrame) -> SendDrop:
        layers = frame.descriptor.frame
        if layers.spatial_layer <= self.spatial and layers.temporal_layer > self.temporal:
            self._reason = SendDrop.TEMPORAL_LAYER
        else:
            self._reason = SendDrop.SPATIAL_LAYER
        return self._reason
