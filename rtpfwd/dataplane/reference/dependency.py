"""The dependency descriptor of a stream, packet by packet: read once where it arrives, shared by all who
forward it.

Source: "RTP Payload Format For AV1" (AOMedia), appendix A; the bytes are wire/payloads/
dependency_descriptor.py's. Templates become bit masks over decode targets, so that a send stream asks with
one AND. A late packet of before the last key frame is read with the structure that it was written with; what
does not parse has no frame, and the payload's own descriptor stands.
"""

from __future__ import annotations

from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    Indication,
    parse_dependency_descriptor,
)
from rtpfwd.wire.serial import unwrap_16

FIRST_NUMBER = 1 << 16
MASKS_KEPT = 128
"""Different sets of indications remembered for each structure; a hostile sender makes up more."""


class Shape:
    """A structure with what follows from it. Two are the same only if they are the same object."""

    __slots__ = ("_masks", "all_targets", "first", "layers", "scalable", "structure", "svc")

    def __init__(self, structure: DependencyStructure, first: int) -> None:
        self.structure = structure
        self.first = first
        """The extended number of the frame that brought it."""
        self.all_targets = (1 << structure.decode_targets) - 1
        self.layers = structure.target_layers
        self.svc = any(template.spatial_layer for template in structure.templates)
        self.scalable = structure.decode_targets > 1
        self._masks: dict[tuple[Indication, ...], tuple[int, int, int]] = {}

    def masks(self, indications: tuple[Indication, ...]) -> tuple[int, int, int]:
        """Bits of the decode targets that a frame is present in, lets switch to, and must not be missed
        in.
        """
        masks = self._masks.get(indications)
        if masks is None:
            present = switch = needed = 0
            for target, indication in enumerate(indications):
                bit = 1 << target
                if indication is not Indication.NOT_PRESENT:
                    present |= bit
                if indication is Indication.SWITCH:
                    switch |= bit
                if indication in (Indication.SWITCH, Indication.REQUIRED):
                    needed |= bit
            masks = present, switch, needed
            if len(self._masks) < MASKS_KEPT:
                self._masks[indications] = masks
        return masks


class DependencyFrame:
    """What one packet's descriptor says. ``number`` is the extended frame number."""

    __slots__ = (
        "active", "attached", "descriptor", "end", "needed", "number", "present", "shape", "switch",
    )  # fmt: skip

    def __init__(self, descriptor: DependencyDescriptor, shape: Shape, number: int, active: int) -> None:
        self.descriptor = descriptor
        self.shape = shape
        self.number = number
        self.active = active
        """Decode targets that the sender still sends."""
        self.attached = descriptor.structure is not None
        self.end = descriptor.end_of_frame
        self.present, self.switch, self.needed = shape.masks(descriptor.frame.indications)


class DependencyReader:
    """One for each receive stream whose sender negotiated the descriptor."""

    __slots__ = ("_active", "_before", "_highest", "_key_sequence", "_shape")

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._before: Shape | None = None
        self._highest: int | None = None
        self._key_sequence = 0
        self._active = 0

    def describe(self, packet: Packet, value: bytes) -> None:
        """Give the packet its frame, layers and key frame mark; leave it alone if the value is nonsense."""
        if len(value) < 3:
            return
        highest = self._highest
        number = value[1] << 8 | value[2]
        number = FIRST_NUMBER + number if highest is None else unwrap_16(highest, number)
        shape = self._shape
        if shape is not None and number < shape.first:
            shape = self._before
        try:
            descriptor, structure = parse_dependency_descriptor(
                value, shape.structure if shape is not None else None
            )
        except MalformedPacket:
            return
        if descriptor.structure is not None:
            if not descriptor.start_of_frame:
                return
            latest = self._shape
            if latest is not None and packet.sequence > self._key_sequence and number <= latest.first:
                number += 1 << 16  # an encoder that began anew
            shape = self._take(structure, number, packet.sequence)
        if shape is None:
            return
        if highest is None or number > highest:
            self._highest = number
        if descriptor.active_decode_targets is not None and (highest is None or number >= highest):
            self._active = descriptor.active_decode_targets
        # What is active may be of a newer structure, which has more targets.
        frame = DependencyFrame(descriptor, shape, number, self._active & shape.all_targets)
        template = descriptor.frame
        packet.frame = frame
        packet.layer = template.spatial_layer << 3 | template.temporal_layer
        packet.key_frame = frame.attached

    def _take(self, structure: DependencyStructure, number: int, sequence: int) -> Shape:
        shape = Shape(structure, number)
        present = self._shape
        if present is None or number > present.first:
            self._before, self._shape = present, shape
            self._key_sequence = sequence
        elif number == present.first:
            return present
        else:
            self._before = shape  # its key frame came late
        return shape
