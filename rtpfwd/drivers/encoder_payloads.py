"""The payload descriptors that encoders write: what comes before the (made up) picture data of each packet.

VP8: RFC 7741 §4.2, with the temporal pattern of libwebrtc's ``DefaultTemporalLayers``. VP9: RFC 9628 §4.2 in
non-flexible mode, whose scalability structure comes with key frames. AV1: the dependency descriptor (AV1 RTP
specification, appendix A) beside an aggregation header. H.264: RFC 6184 §5.8 (FU-A). Left out: H.264's
temporal layers, AV1 without a descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rtpfwd.drivers.encoder_model import TEMPORAL_PATTERNS, EncoderSpec, Frame
from rtpfwd.errors import UnsupportedError
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    FrameTemplate,
    Indication,
    serialize_dependency_descriptor,
)


@dataclass(frozen=True, slots=True)
class Head:
    """What one packet starts with, and its dependency descriptor if the codec uses one."""

    payload: bytes
    dependency_descriptor: bytes | None = None


class PayloadWriter(Protocol):
    """Writes the heads of one stream, frame by frame."""

    def heads(self, frame: Frame, count: int) -> list[Head]:
        """Of the ``count`` packets of the next frame."""


class Vp8Writer:
    """Picture ids of 15 bits, TL0PICIDX and KEYIDX; Y where a frame needs the base layer only."""

    def __init__(self, spec: EncoderSpec, encoding: int) -> None:
        self._spec = spec.encodings[encoding]
        self._picture = 1000 * (encoding + 1)
        self._base = 50 * (encoding + 1)
        self._key = 0

    def heads(self, frame: Frame, count: int) -> list[Head]:
        """S in the first packet; the frame header with the resolution behind it in key frames."""
        self._picture = self._picture + 1 & 0x7FFF
        self._base = self._base + (frame.temporal == 0) & 0xFF
        self._key = self._key + frame.key & 0x1F
        layered = self._spec.temporal_layers > 1
        present = 0xF0 if layered else 0x90
        counters = bytes((0x80 | self._picture >> 8, self._picture & 0xFF))
        sync = frame.temporal > 0 and frame.place != 3
        last = bytes((frame.temporal << 6 | sync << 5 | self._key,))
        fields = counters + (bytes((self._base,)) if layered else b"") + last
        discardable = frame.temporal == 2 or (frame.temporal == 1 and self._spec.temporal_layers == 2)
        flags = 0x80 | discardable << 5
        heads = []
        for place in range(count):
            head = bytes((flags | 0x10 * (place == 0), present)) + fields
            if place == 0:
                head += b"\x50\x00\x00" + self._key_header() if frame.key else b"\x51\x00\x00"
            else:
                head += b"\x01"
            heads.append(Head(head))
        return heads

    def _key_header(self) -> bytes:
        size = self._spec.width.to_bytes(2, "little") + self._spec.height.to_bytes(2, "little")
        return b"\x9d\x01\x2a" + size  # RFC 6386 §9.1


class Vp9Writer:
    """All spatial layers of a stream; one picture id for the layer frames of a picture."""

    def __init__(self, spec: EncoderSpec) -> None:
        self._spec = spec
        self._picture = 3000
        self._base = 70
        self._captured: int | None = None
        self._lowest = 0

    def heads(self, frame: Frame, count: int) -> list[Head]:
        """B in the first, E in the last packet of a layer frame; the structure in a key picture's first."""
        if frame.captured != self._captured:
            self._captured, self._lowest = frame.captured, frame.encoding
            self._picture = self._picture + 1 & 0x7FFF
            self._base = self._base + (frame.temporal == 0) & 0xFF
        is_lowest = frame.encoding == self._lowest
        between = not is_lowest and (frame.key or not self._spec.key_only)  # D
        switching = frame.temporal > 0 and frame.place != 3
        unused = frame.last_of_picture or (self._spec.key_only and not frame.key)  # Z
        structure = self._structure() if frame.key and is_lowest else b""
        heads = []
        for place in range(count):
            first = 0x80 | (not frame.key) << 6 | 0x20 | unused
            first |= (place == 0) << 3 | (place == count - 1) << 2
            has_structure = bool(structure) and place == 0
            layers = frame.temporal << 5 | switching << 4 | frame.encoding << 1 | between
            head = bytes(
                (
                    first | has_structure << 1,
                    0x80 | self._picture >> 8,
                    self._picture & 0xFF,
                    layers,
                    self._base,
                )
            )
            heads.append(Head(head + structure * has_structure + b"\x00"))
        return heads

    def _structure(self) -> bytes:
        encodings = self._spec.encodings
        out = bytes(((len(encodings) - 1) << 5 | 0x18,))  # Y and G
        for one in encodings:
            out += one.width.to_bytes(2) + one.height.to_bytes(2)
        pattern = TEMPORAL_PATTERNS[encodings[0].temporal_layers]
        out += bytes((len(pattern),))
        for place, temporal in enumerate(pattern):
            back = len(pattern) if place == 0 else 1 if place in (1, 3) else 2
            switching = temporal > 0 and place != 3
            out += bytes((temporal << 5 | switching << 4 | 1 << 2, back))
        return out


class Av1Writer:
    """A dependency descriptor on each packet; the structure comes with key frames."""

    def __init__(self, spec: EncoderSpec) -> None:
        self._spec = spec
        self._number = 500
        self._structure = _make_structure(spec)
        self._last: dict[tuple[int, int], int] = {}  # (spatial, place) -> frame number
        self._chains: dict[int, int] = {}
        self._below: int | None = None
        self._captured: int | None = None
        self._layers: tuple[int, ...] | None = None
        self._active = 0

    def heads(self, frame: Frame, count: int) -> list[Head]:
        """The start and end of a frame, its references, and now and then the structure."""
        spec, spatial = self._spec, frame.encoding
        self._number += 1
        number = self._number
        new_picture = frame.captured != self._captured
        self._captured = frame.captured
        if new_picture:
            self._below = None
        references = []
        if not frame.key:
            before = reference_place(frame.place, spec.encodings[0].temporal_layers)
            references.append(number - self._last[spatial, before])
        if self._below is not None:
            references.append(number - self._below)
        chains = tuple(number - self._chains.get(chain, number) for chain in range(self._structure.chains))
        starts = frame.key and new_picture
        attached = self._structure if starts else None
        if starts:
            chains = (0,) * self._structure.chains
        self._remember(frame, number)
        templates = self._structure.templates
        own = [
            index
            for index, one in enumerate(templates)
            if (one.spatial_layer, one.temporal_layer) == (spatial, frame.temporal)
        ]
        index = next((one for one in own if templates[one].frame_diffs == tuple(references)), own[0])
        shape = FrameTemplate(
            spatial, frame.temporal, templates[index].indications, tuple(references), chains
        )
        heads = []
        for place in range(count):
            descriptor = DependencyDescriptor(
                place == 0, place == count - 1, index, number & 0xFFFF, shape,
                attached if place == 0 else None,
            )  # fmt: skip
            value = serialize_dependency_descriptor(descriptor, self._structure)
            aggregation = 0x10 | (place > 0) << 7 | (place < count - 1) << 6 | (starts and place == 0) << 3
            heads.append(Head(bytes((aggregation, 0x30 if place == 0 else 0)), value))
        return heads

    def _remember(self, frame: Frame, number: int) -> None:
        self._below = number
        if frame.key:
            for place in range(4):
                self._last[frame.encoding, place] = number
        self._last[frame.encoding, frame.place] = number
        if frame.temporal == 0:
            for chain in range(frame.encoding, self._structure.chains):
                self._chains[chain] = number


class H264Writer:
    """FU-A fragments of an IDR or a plain slice."""

    def __init__(self, spec: EncoderSpec) -> None:
        self._spec = spec

    def heads(self, frame: Frame, count: int) -> list[Head]:
        """S in the first fragment, E in the last; a frame of one packet is a single unit."""
        kind = 5 if frame.key else 1
        if count == 1:
            return [Head(bytes((0x60 | kind, 0x88)))]
        return [
            Head(bytes((0x7C, (place == 0) << 7 | (place == count - 1) << 6 | kind, 0x88)))
            for place in range(count)
        ]


def reference_place(place: int, temporal_layers: int) -> int:
    """The place in the pattern of the frame that one at ``place`` is predicted from; 0: the last base."""
    return 2 if temporal_layers == 3 and place == 3 else 0


def payload_writer(codec: str, spec: EncoderSpec, encoding: int) -> PayloadWriter:
    """The writer of one stream; ``encoding`` is the simulcast encoding, 0 for SVC.

    Raises ``UnsupportedError`` for k-SVC in AV1, whose templates nobody has written down here.
    """
    if codec == "AV1" and spec.key_only:
        raise UnsupportedError("AV1 with spatial layers that depend on one another in key frames only")
    if codec == "VP8":
        return Vp8Writer(spec, encoding)
    if codec == "VP9":
        return Vp9Writer(spec)
    if codec == "AV1":
        return Av1Writer(spec)
    return H264Writer(spec)


def _make_structure(spec: EncoderSpec) -> DependencyStructure:
    """Templates of one cycle of the pattern, as frames of all layers would come."""
    spatial_layers, temporal_layers = len(spec.encodings), spec.encodings[0].temporal_layers
    pattern = TEMPORAL_PATTERNS[temporal_layers]
    count = spatial_layers
    templates: list[FrameTemplate] = []
    for spatial in range(spatial_layers):
        for temporal in range(temporal_layers):
            indications = _indications(spatial, temporal, spatial_layers, temporal_layers)
            if temporal == 0:
                chains = _chain_diffs(spatial, 0, count, len(pattern), key=True)
                below = (1,) if spatial else ()
                templates.append(FrameTemplate(spatial, 0, indications, below, chains))
            for place, layer in enumerate(pattern):
                if layer != temporal:
                    continue
                before = reference_place(place, temporal_layers)
                back = count * (len(pattern) if place == 0 else place - before)
                below = (1,) if spatial else ()
                chains = _chain_diffs(spatial, place, count, len(pattern), key=False)
                templates.append(FrameTemplate(spatial, temporal, indications, (back, *below), chains))
    protected_by = tuple(spatial for spatial in range(spatial_layers) for _ in range(temporal_layers))
    return DependencyStructure(
        0, spatial_layers * temporal_layers, tuple(templates), spatial_layers, protected_by,
        tuple((one.width, one.height) for one in spec.encodings),
    )  # fmt: skip


def _chain_diffs(spatial: int, place: int, count: int, cycle: int, *, key: bool) -> tuple[int, ...]:
    """How long ago each chain's last frame was; chain n has the base frames of layers 0 to n."""
    diffs = []
    for chain in range(count):
        if place == 0 and spatial == 0:
            diffs.append(0 if key else count * cycle - chain)
        elif place == 0:
            # Of this picture, the layers below were already there.
            diffs.append(spatial - min(chain, spatial - 1))
        else:
            diffs.append(place * count + spatial - chain)
    return tuple(diffs)


def _indications(
    spatial: int, temporal: int, spatial_layers: int, temporal_layers: int
) -> tuple[Indication, ...]:
    """What a frame of this layer is to each decode target (spatial-major)."""
    found = []
    for wanted_spatial in range(spatial_layers):
        for wanted_temporal in range(temporal_layers):
            if spatial > wanted_spatial or temporal > wanted_temporal:
                found.append(Indication.NOT_PRESENT)
            elif temporal == 0:
                switch = spatial == wanted_spatial
                found.append(Indication.SWITCH if switch else Indication.REQUIRED)
            elif spatial < wanted_spatial:
                found.append(Indication.REQUIRED)
            elif temporal == wanted_temporal:
                found.append(Indication.DISCARDABLE)
            else:
                found.append(Indication.SWITCH)
    return tuple(found)
