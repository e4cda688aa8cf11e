"""Changing a dependency descriptor on its way: frame number, template ids, active decode targets.

Source: "RTP Payload Format For AV1" (AOMedia), appendix A. Who switches between sources goes on with frame
numbers and moves template ids away from the last structure's; who leaves layers out says so in the bit mask
of active decode targets. Descriptors without a structure are patched as bits, because most packets are such.
"""

from dataclasses import replace

from rtpfwd.wire.payloads.dependency_descriptor import (
    MANDATORY_SIZE,
    DependencyDescriptor,
    DependencyStructure,
    serialize_dependency_descriptor,
)

FLAGS = 5
ACTIVE_TARGETS_PRESENT = 0b01000


def rewrite_dependency_descriptor(
    value: bytes,
    descriptor: DependencyDescriptor,
    structure: DependencyStructure,
    *,
    frame_offset: int,
    template_offset: int,
    active: int | None,
) -> bytes:
    """``value`` with offsets added to its frame number (16 bits) and template ids (6 bits), and with the mask
    ``active`` instead of its own (None: leave that alone).

    ``descriptor`` and ``structure`` are what parsing ``value`` gave.
    """
    template_id = descriptor.template_id + template_offset & 0x3F
    number = descriptor.frame_number + frame_offset & 0xFFFF
    attached = descriptor.structure
    if attached is not None and (template_offset or active is not None):
        moved = replace(attached, template_id_offset=attached.template_id_offset + template_offset & 0x3F)
        changed = replace(
            descriptor,
            template_id=template_id,
            frame_number=number,
            structure=moved,
            active_decode_targets=descriptor.active_decode_targets if active is None else active,
        )
        return serialize_dependency_descriptor(changed, moved)
    head = bytes((value[0] & 0xC0 | template_id, number >> 8, number & 0xFF))
    if active is None:
        return head + value[MANDATORY_SIZE:]
    return head + _with_active(value[MANDATORY_SIZE:], active, structure.decode_targets)


def _with_active(rest: bytes, active: int, targets: int) -> bytes:
    flags, body, size = 0, 0, 0
    if rest:
        bits, size = int.from_bytes(rest), len(rest) * 8 - FLAGS
        flags, body = bits >> size, bits & (1 << size) - 1
        if flags & ACTIVE_TARGETS_PRESENT:
            size -= targets
            body &= (1 << size) - 1
    bits = ((flags | ACTIVE_TARGETS_PRESENT) << targets | active) << size | body
    size += FLAGS + targets
    spare = -size % 8
    return (bits << spare).to_bytes((size + spare) // 8)
