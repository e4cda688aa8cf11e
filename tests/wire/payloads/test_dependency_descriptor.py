from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    FrameTemplate,
    Indication,
    describe,
    parse_dependency_descriptor,
    serialize_dependency_descriptor,
    switch_layers,
)

# Sent by a Chromium that publishes AV1 with three spatial and three temporal layers.
KEY_FRAME = bytes.fromhex(
    "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b04a0941b820ac"
    "1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d"
)
LATER = [
    "86017340fc",
    "46017340fc",
    "c3017540fc",
    "88017640fc",
    "48017640fc",
    "c2017840fc",
    "860173",
    "0b0174",
]


def chromium_structure() -> DependencyStructure:
    return parse_dependency_descriptor(KEY_FRAME, None)[1]


def test_a_key_frame_of_chromium_brings_the_whole_structure() -> None:
    descriptor, structure = parse_dependency_descriptor(KEY_FRAME, None)
    assert descriptor.structure is structure
    assert descriptor.frame_number == 0x0172
    assert structure.decode_targets == 9
    assert structure.target_layers == tuple(
        (spatial, temporal) for spatial in range(3) for temporal in range(3)
    )
    assert structure.chains == 3
    assert structure.protected_by == (0, 0, 0, 1, 1, 1, 2, 2, 2)
    assert structure.resolutions == ((120, 67), (240, 135), (480, 270))
    assert descriptor.active_decode_targets == 0b1_1111_1111
    described = describe(descriptor, structure)
    assert described.is_keyframe
    assert (described.spatial_layer, described.temporal_layer) == (0, 0)


def test_later_frames_refer_to_the_structure() -> None:
    structure = chromium_structure()
    read = []
    for text in LATER:
        descriptor, same = parse_dependency_descriptor(bytes.fromhex(text), structure)
        assert same is structure
        described = describe(descriptor, structure)
        read.append((described.spatial_layer, described.temporal_layer, descriptor.active_decode_targets))
        assert not described.is_keyframe
    assert read == [
        (1, 0, 63),
        (1, 0, 63),
        (0, 2, 63),
        (1, 2, 63),
        (1, 2, 63),
        (0, 1, 63),
        (1, 0, None),
        (2, 0, None),
    ]


def test_what_chromium_sent_is_written_bit_for_bit() -> None:
    structure = chromium_structure()
    for data in [KEY_FRAME, *map(bytes.fromhex, LATER)]:
        descriptor, _ = parse_dependency_descriptor(data, structure)
        assert serialize_dependency_descriptor(descriptor, structure) == data


def test_a_key_frame_lets_a_receiver_change_to_any_layer() -> None:
    descriptor, structure = parse_dependency_descriptor(KEY_FRAME, None)
    assert switch_layers(descriptor, structure) == structure.target_layers


def test_a_frame_without_a_structure_is_malformed() -> None:
    with pytest.raises(MalformedPacket, match="without a structure"):
        parse_dependency_descriptor(bytes.fromhex("860173"), None)
    with pytest.raises(MalformedPacket, match="without a structure"):
        parse_dependency_descriptor(bytes.fromhex("86017340fc"), None)


def test_a_template_outside_the_structure_is_malformed() -> None:
    with pytest.raises(MalformedPacket, match="dependency template 63"):
        parse_dependency_descriptor(bytes.fromhex("bf0173"), chromium_structure())


@pytest.mark.parametrize("size", [0, 2, 4, 10, 60, len(KEY_FRAME) - 1])
def test_a_cut_key_frame_is_malformed(size: int) -> None:
    with pytest.raises(MalformedPacket):
        parse_dependency_descriptor(KEY_FRAME[:size], None)


def test_too_many_layers_are_malformed() -> None:
    for steps in (0x55, 0xAA, 0x00):  # always the next temporal, the next spatial, the same layer
        with pytest.raises(MalformedPacket, match="too high or too many"):
            parse_dependency_descriptor(bytes.fromhex("800001 80 00") + bytes((steps,)) * 200, None)


SMALL = DependencyStructure(
    0, 1, (FrameTemplate(0, 0, (Indication.SWITCH,)), FrameTemplate(0, 1, (Indication.REQUIRED,), (1,)))
)


def test_a_frame_that_others_need_is_no_place_to_switch_up() -> None:
    descriptor = DependencyDescriptor(True, True, 1, 0, SMALL.templates[1])
    assert not describe(descriptor, SMALL).switching_up_point
    assert switch_layers(descriptor, SMALL) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"template_id": 2},
        {"frame_number": 65536},
        {"frame": SMALL.templates[1]},
        {"frame": replace(SMALL.templates[0], indications=())},
        {"frame": replace(SMALL.templates[0], frame_diffs=(4097,))},
        {"frame": replace(SMALL.templates[0], chain_diffs=(1,))},
        {"active_decode_targets": 2},
        {"structure": replace(SMALL, templates=())},
        {"structure": replace(SMALL, templates=SMALL.templates[1:])},
        {"structure": replace(SMALL, protected_by=(0,))},
        {"structure": replace(SMALL, resolutions=((1, 1), (2, 2)))},
        {"structure": replace(SMALL, resolutions=((0, 1),))},
        {"structure": replace(SMALL, decode_targets=33)},
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(change: dict[str, object]) -> None:
    descriptor = DependencyDescriptor(True, True, 0, 0, SMALL.templates[0])
    with pytest.raises(InvalidParameters):
        serialize_dependency_descriptor(replace(descriptor, **change), SMALL)  # type: ignore[arg-type]


@st.composite
def structures(draw: st.DrawFn) -> DependencyStructure:
    layers = [(0, 0)]
    for step in draw(st.lists(st.sampled_from(["same", "temporal", "spatial"]), max_size=7)):
        spatial, temporal = layers[-1]
        if step == "temporal":
            layers.append((spatial, temporal + 1))
        elif step == "spatial" and spatial < 3:
            layers.append((spatial + 1, 0))
        else:
            layers.append((spatial, temporal))
    targets = draw(st.integers(1, 10))
    chains = draw(st.integers(0, targets))
    templates = tuple(draw(templates_of(layer, targets, chains, 16, 15)) for layer in layers)
    size = st.integers(1, 65536)
    return DependencyStructure(
        template_id_offset=draw(st.integers(0, 63)),
        decode_targets=targets,
        templates=templates,
        chains=chains,
        protected_by=tuple(draw(st.integers(0, chains - 1)) for _ in range(targets)) if chains else (),
        resolutions=tuple(draw(st.tuples(size, size)) for _ in range(layers[-1][0] + 1))
        if draw(st.booleans())
        else (),
    )


@st.composite
def templates_of(
    draw: st.DrawFn, layer: tuple[int, int], targets: int, chains: int, max_diff: int, max_chain_diff: int
) -> FrameTemplate:
    return FrameTemplate(
        *layer,
        indications=tuple(draw(st.sampled_from(Indication)) for _ in range(targets)),
        frame_diffs=tuple(draw(st.lists(st.integers(1, max_diff), max_size=3))),
        chain_diffs=tuple(draw(st.integers(0, max_chain_diff)) for _ in range(chains)),
    )


@given(structures(), st.data())
@settings(max_examples=120)
def test_descriptors_survive_a_round_trip(structure: DependencyStructure, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(structure.templates) - 1))
    template = structure.templates[index]
    layer = (template.spatial_layer, template.temporal_layer)
    custom = templates_of(layer, structure.decode_targets, structure.chains, 4096, 255)
    every_target = (1 << structure.decode_targets) - 1
    attached = data.draw(st.booleans())
    active = data.draw(st.none() | st.integers(0, every_target))
    descriptor = DependencyDescriptor(
        start_of_frame=data.draw(st.booleans()),
        end_of_frame=data.draw(st.booleans()),
        template_id=(structure.template_id_offset + index) % 64,
        frame_number=data.draw(st.integers(0, 65535)),
        frame=data.draw(st.just(template) | custom),
        structure=structure if attached else None,
        active_decode_targets=every_target if attached and active is None else active,
    )
    raw = serialize_dependency_descriptor(descriptor, structure)
    assert parse_dependency_descriptor(raw, None if attached else structure) == (descriptor, structure)


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_any_bytes_parse_or_are_malformed(data: bytes) -> None:
    for structure in (None, SMALL):
        try:
            descriptor, now = parse_dependency_descriptor(data, structure)
        except MalformedPacket:
            continue
        raw = serialize_dependency_descriptor(descriptor, now)
        assert parse_dependency_descriptor(raw, structure) == (descriptor, now)
        describe(descriptor, now)


@given(st.data())
@settings(max_examples=150)
def test_one_wrong_bit_in_a_key_frame_parses_or_is_malformed(data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(KEY_FRAME) * 8 - 1))
    raw = bytearray(KEY_FRAME)
    raw[bit // 8] ^= 1 << bit % 8
    try:
        descriptor, structure = parse_dependency_descriptor(raw, chromium_structure())
    except MalformedPacket:
        return
    describe(descriptor, structure)
