"""The dependency descriptor: a header extension that tells layers and key frames of any codec.

Source: "RTP Payload Format For AV1" (AOMedia), appendix A. Descriptors refer to templates in a structure that
comes with key frames; who reads must remember the last one per stream and hand it in.
Bounded: 64 templates, 4 spatial and 8 temporal layers as in libwebrtc; every loop consumes bits of a value
that is at most 255 bytes long.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.bits import BitReader, BitWriter

MANDATORY_SIZE = 3
MAX_TEMPLATES = 64
MAX_SPATIAL_LAYER = 3
MAX_TEMPORAL_LAYER = 7
MAX_DECODE_TARGETS = 32

NEXT_SAME_LAYER = 0
NEXT_TEMPORAL_LAYER = 1
NEXT_SPATIAL_LAYER = 2
NO_MORE_LAYERS = 3


class Indication(IntEnum):
    """What a frame is to one decode target (decode target indication, DTI)."""

    NOT_PRESENT = 0
    DISCARDABLE = 1
    SWITCH = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class FrameTemplate:
    """What frames have in common: layers, one indication per decode target, and distances in frame numbers.

    ``frame_diffs`` lead to the frames that this one refers to; ``chain_diffs`` to the last frame of each
    chain.
    """

    spatial_layer: int
    temporal_layer: int
    indications: tuple[Indication, ...]
    frame_diffs: tuple[int, ...] = ()
    chain_diffs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DependencyStructure:
    """The templates of a stream, from one key frame to the next.

    ``protected_by`` has the chain of each decode target, and is empty without chains; ``resolutions`` are
    (width, height) of each spatial layer, or empty. ``target_layers`` follows from the templates: the highest
    (spatial, temporal) layer of each decode target.
    """

    template_id_offset: int
    decode_targets: int
    templates: tuple[FrameTemplate, ...]
    chains: int = 0
    protected_by: tuple[int, ...] = ()
    resolutions: tuple[tuple[int, int], ...] = ()
    target_layers: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        layers = []
        for target in range(self.decode_targets):
            present = [
                t
                for t in self.templates
                if target < len(t.indications) and t.indications[target] is not Indication.NOT_PRESENT
            ]
            spatial = max((t.spatial_layer for t in present), default=0)
            temporal = max((t.temporal_layer for t in present), default=0)
            layers.append((spatial, temporal))
        object.__setattr__(self, "target_layers", tuple(layers))


@dataclass(frozen=True, slots=True)
class DependencyDescriptor:
    """One packet's descriptor, its template already looked up.

    ``frame`` is the template with what the packet overrides. ``structure`` is set only in the packet that
    brings it. ``active_decode_targets`` is a bit mask (bit 0 is target 0), None where the packet leaves it as
    it was.
    """

    start_of_frame: bool
    end_of_frame: bool
    template_id: int
    frame_number: int
    frame: FrameTemplate
    structure: DependencyStructure | None = None
    active_decode_targets: int | None = None


def parse_dependency_descriptor(
    value: Buffer, structure: DependencyStructure | None
) -> tuple[DependencyDescriptor, DependencyStructure]:
    """Reads one extension value against the stream's last structure (None: there has been none).

    Returns the descriptor and the structure to hand in next time. Raises ``MalformedPacket`` for a value that
    is cut short, passes a limit, or refers to a template that the structure does not have.
    """
    if len(value) < MANDATORY_SIZE:
        raise MalformedPacket(f"dependency descriptor of {len(value)} bytes: need {MANDATORY_SIZE}")
    first = value[0]
    start_of_frame, end_of_frame, template_id = bool(first & 0x80), bool(first & 0x40), first & 0x3F
    frame_number = value[1] << 8 | value[2]
    if len(value) == MANDATORY_SIZE:  # most packets of most streams
        if structure is None:
            raise MalformedPacket(_NO_STRUCTURE)
        frame = _find_template(structure, template_id)
        return DependencyDescriptor(start_of_frame, end_of_frame, template_id, frame_number, frame), structure
    reader = BitReader(value[MANDATORY_SIZE:])
    has_structure, has_active, *customs = (reader.read(1) for _ in range(5))
    attached, active = None, None
    if has_structure:
        structure = attached = _parse_structure(reader)
        active = (1 << attached.decode_targets) - 1
    if structure is None:
        raise MalformedPacket(_NO_STRUCTURE)
    if has_active:
        active = reader.read(structure.decode_targets)
    frame = _find_template(structure, template_id)
    if any(customs):
        frame = _parse_customs(reader, customs, frame, structure)
    descriptor = DependencyDescriptor(
        start_of_frame, end_of_frame, template_id, frame_number, frame, attached, active
    )
    return descriptor, structure


def serialize_dependency_descriptor(
    descriptor: DependencyDescriptor, structure: DependencyStructure
) -> bytes:
    """The extension value, overriding the template only where the descriptor's frame differs from it.

    ``structure`` is what the reader will have: the descriptor's own where it brings one. A reader takes all
    targets of a new structure for active, so that mask is not written beside it. Raises ``InvalidParameters``
    for a template that the structure does not have and for numbers that do not fit.
    """
    index = descriptor.template_id - structure.template_id_offset & 0x3F
    if index >= len(structure.templates):
        raise InvalidParameters(f"template_id {descriptor.template_id} is not in the structure")
    template, frame = structure.templates[index], descriptor.frame
    if (frame.spatial_layer, frame.temporal_layer) != (template.spatial_layer, template.temporal_layer):
        raise InvalidParameters("the frame's layers are not its template's")
    attached, active = descriptor.structure, descriptor.active_decode_targets
    if attached is not None and active == (1 << attached.decode_targets) - 1:
        active = None
    customs = (
        frame.indications != template.indications,
        frame.frame_diffs != template.frame_diffs,
        frame.chain_diffs != template.chain_diffs,
    )
    writer = BitWriter()
    writer.write(descriptor.start_of_frame, 1)
    writer.write(descriptor.end_of_frame, 1)
    writer.write(descriptor.template_id, 6)
    writer.write(descriptor.frame_number, 16)
    if attached is None and active is None and not any(customs):
        return writer.serialize()
    for flag in (attached is not None, active is not None, *customs):
        writer.write(flag, 1)
    if attached is not None:
        _write_structure(writer, attached)
    if active is not None:
        writer.write(active, structure.decode_targets)
    if customs[0]:
        _write_indications(writer, frame.indications, structure.decode_targets)
    if customs[1]:
        _write_frame_diffs(writer, frame.frame_diffs)
    if customs[2]:
        _write_chain_diffs(writer, frame.chain_diffs, structure.chains, 8)
    return writer.serialize()


def describe(descriptor: DependencyDescriptor, structure: DependencyStructure) -> PayloadDescriptor:
    """The same in the shape of every codec.

    A key frame starts where a structure comes with the first packet of a frame. A switching up point is a
    frame that the decode target of just its layers can start from (switch) or that nothing in it will miss
    (discardable).
    """
    frame = descriptor.frame
    own = (frame.spatial_layer, frame.temporal_layer)
    switching_up_point = False
    for indication, target in zip(frame.indications, structure.target_layers, strict=True):
        if target == own and indication in _SWITCHABLE:
            switching_up_point = True
            break
    return PayloadDescriptor(
        is_keyframe=descriptor.start_of_frame and descriptor.structure is not None,
        spatial_layer=frame.spatial_layer,
        temporal_layer=frame.temporal_layer,
        begins_picture=descriptor.start_of_frame,
        ends_picture=descriptor.end_of_frame,
        switching_up_point=switching_up_point,
    )


def switch_layers(
    descriptor: DependencyDescriptor, structure: DependencyStructure
) -> tuple[tuple[int, int], ...]:
    """The (spatial, temporal) layers of each decode target that a receiver may change to with this frame."""
    return tuple(
        target
        for indication, target in zip(descriptor.frame.indications, structure.target_layers, strict=True)
        if indication is Indication.SWITCH
    )


def _find_template(structure: DependencyStructure, template_id: int) -> FrameTemplate:
    index = template_id - structure.template_id_offset & 0x3F
    if index >= len(structure.templates):
        raise MalformedPacket(f"dependency template {index}: need less than {len(structure.templates)}")
    return structure.templates[index]


def _parse_customs(
    reader: BitReader, customs: list[int], template: FrameTemplate, structure: DependencyStructure
) -> FrameTemplate:
    """The template with what the packet overrides: indications, frame diffs, chain diffs, each if flagged."""
    indications, frame_diffs, chain_diffs = template.indications, template.frame_diffs, template.chain_diffs
    if customs[0]:
        indications = _parse_indications(reader, structure.decode_targets)
    if customs[1]:
        frame_diffs = _parse_frame_diffs(reader)
    if customs[2]:
        chain_diffs = tuple(reader.read(8) for _ in range(structure.chains))
    return FrameTemplate(
        template.spatial_layer, template.temporal_layer, indications, frame_diffs, chain_diffs
    )


def _parse_structure(reader: BitReader) -> DependencyStructure:
    template_id_offset, decode_targets = reader.read(6), reader.read(5) + 1
    layers = _parse_layers(reader)
    indications = [_parse_indications(reader, decode_targets) for _ in layers]
    frame_diffs = [_parse_template_frame_diffs(reader) for _ in layers]
    chains = reader.read_non_symmetric(decode_targets + 1)
    protected_by: tuple[int, ...] = ()
    chain_diffs: list[tuple[int, ...]] = [()] * len(layers)
    if chains:
        protected_by = tuple(reader.read_non_symmetric(chains) for _ in range(decode_targets))
        chain_diffs = [tuple(reader.read(4) for _ in range(chains)) for _ in layers]
    resolutions: tuple[tuple[int, int], ...] = ()
    if reader.read(1):
        resolutions = tuple((reader.read(16) + 1, reader.read(16) + 1) for _ in range(layers[-1][0] + 1))
    templates = tuple(
        FrameTemplate(*layer, indications[index], frame_diffs[index], chain_diffs[index])
        for index, layer in enumerate(layers)
    )
    return DependencyStructure(
        template_id_offset, decode_targets, templates, chains, protected_by, resolutions
    )


def _parse_layers(reader: BitReader) -> list[tuple[int, int]]:
    spatial = temporal = 0
    layers = []
    while True:
        layers.append((spatial, temporal))
        step = reader.read(2)
        if step == NO_MORE_LAYERS:
            return layers
        if step == NEXT_TEMPORAL_LAYER:
            temporal += 1
        elif step == NEXT_SPATIAL_LAYER:
            spatial, temporal = spatial + 1, 0
        if spatial > MAX_SPATIAL_LAYER or temporal > MAX_TEMPORAL_LAYER or len(layers) == MAX_TEMPLATES:
            raise MalformedPacket(
                f"dependency structure: layer {spatial}, {temporal} is too high or too many"
            )


def _parse_indications(reader: BitReader, count: int) -> tuple[Indication, ...]:
    return tuple(_INDICATIONS[reader.read(2)] for _ in range(count))


def _parse_template_frame_diffs(reader: BitReader) -> tuple[int, ...]:
    diffs = []
    while reader.read(1):
        diffs.append(reader.read(4) + 1)
    return tuple(diffs)


def _parse_frame_diffs(reader: BitReader) -> tuple[int, ...]:
    diffs = []
    while size := reader.read(2):
        diffs.append(reader.read(4 * size) + 1)
    return tuple(diffs)


def _write_structure(writer: BitWriter, structure: DependencyStructure) -> None:
    templates = structure.templates
    writer.write(structure.template_id_offset, 6)
    writer.write(structure.decode_targets - 1, 5)
    _write_layers(writer, templates)
    for template in templates:
        _write_indications(writer, template.indications, structure.decode_targets)
    for template in templates:
        for diff in template.frame_diffs:
            writer.write(1, 1)
            writer.write(diff - 1, 4)
        writer.write(0, 1)
    writer.write_non_symmetric(structure.chains, structure.decode_targets + 1)
    if len(structure.protected_by) != (structure.decode_targets if structure.chains else 0):
        raise InvalidParameters(f"protected_by has {len(structure.protected_by)} entries")
    for chain in structure.protected_by:
        writer.write_non_symmetric(chain, structure.chains)
    for template in templates:
        _write_chain_diffs(writer, template.chain_diffs, structure.chains, 4)
    writer.write(bool(structure.resolutions), 1)
    if structure.resolutions and len(structure.resolutions) != templates[-1].spatial_layer + 1:
        raise InvalidParameters(f"{len(structure.resolutions)} resolutions: need one per spatial layer")
    for width, height in structure.resolutions:
        writer.write(width - 1, 16)
        writer.write(height - 1, 16)


def _write_layers(writer: BitWriter, templates: tuple[FrameTemplate, ...]) -> None:
    if not 1 <= len(templates) <= MAX_TEMPLATES:
        raise InvalidParameters(f"{len(templates)} templates: need 1 to {MAX_TEMPLATES}")
    layers = [(template.spatial_layer, template.temporal_layer) for template in templates]
    spatial, temporal = 0, 0
    for index, layer in enumerate(layers):
        steps = {
            (spatial, temporal): NEXT_SAME_LAYER,
            (spatial, temporal + 1): NEXT_TEMPORAL_LAYER,
            (spatial + 1, 0): NEXT_SPATIAL_LAYER,
        }
        if layer not in steps or (index == 0 and layer != (0, 0)):
            raise InvalidParameters(f"template layers {layers} skip a layer or go back")
        if index:
            writer.write(steps[layer], 2)
        spatial, temporal = layer
    writer.write(NO_MORE_LAYERS, 2)


def _write_indications(writer: BitWriter, indications: tuple[Indication, ...], count: int) -> None:
    if len(indications) != count:
        raise InvalidParameters(f"{len(indications)} indications: need {count}")
    for indication in indications:
        writer.write(indication, 2)


def _write_frame_diffs(writer: BitWriter, frame_diffs: tuple[int, ...]) -> None:
    for diff in frame_diffs:
        size = max(1, ((diff - 1).bit_length() + 3) // 4)
        if size > 3:
            raise InvalidParameters(f"frame diff {diff}: need 1 to 4096")
        writer.write(size, 2)
        writer.write(diff - 1, 4 * size)
    writer.write(0, 2)


def _write_chain_diffs(writer: BitWriter, chain_diffs: tuple[int, ...], chains: int, bits: int) -> None:
    if len(chain_diffs) != chains:
        raise InvalidParameters(f"{len(chain_diffs)} chain diffs: need {chains}")
    for diff in chain_diffs:
        writer.write(diff, bits)


_NO_STRUCTURE = "dependency descriptor without a structure before it"
_INDICATIONS = tuple(Indication)
_SWITCHABLE = (Indication.SWITCH, Indication.DISCARDABLE)
