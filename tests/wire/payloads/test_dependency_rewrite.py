from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.wire.payloads.dependency_descriptor import parse_dependency_descriptor
from rtpfwd.wire.payloads.dependency_rewrite import rewrite_dependency_descriptor

# Sent by a Chromium that publishes AV1 with three spatial and three temporal layers.
KEY_FRAME = bytes.fromhex(
    "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b04a0941b820ac"
    "1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d"
)
LATER = [
    bytes.fromhex(one) for one in ("86017340fc", "46017340fc", "c3017540fc", "c2017840fc", "860173", "0b0174")
]
STRUCTURE = parse_dependency_descriptor(KEY_FRAME, None)[1]


@given(
    st.sampled_from([KEY_FRAME, *LATER]),
    st.integers(-70_000, 70_000),
    st.integers(0, 63),
    st.none() | st.integers(0, 511),
)
@settings(max_examples=200)
def test_what_is_rewritten_reads_as_told_and_the_rest_as_before(
    value: bytes, frame_offset: int, template_offset: int, active: int | None
) -> None:
    before, structure = parse_dependency_descriptor(value, STRUCTURE)
    out = rewrite_dependency_descriptor(
        value, before, structure, frame_offset=frame_offset, template_offset=template_offset, active=active
    )
    moved = replace(STRUCTURE, template_id_offset=STRUCTURE.template_id_offset + template_offset & 0x3F)
    after, structure = parse_dependency_descriptor(out, moved)
    assert structure == moved, "a reader who had the moved structure, or gets it here"
    assert after.frame_number == before.frame_number + frame_offset & 0xFFFF
    assert after.template_id == before.template_id + template_offset & 0x3F
    assert (after.start_of_frame, after.end_of_frame) == (before.start_of_frame, before.end_of_frame)
    assert after.frame == before.frame
    assert after.active_decode_targets == (before.active_decode_targets if active is None else active)


def test_custom_dependencies_stay_behind_a_new_mask() -> None:
    structure = STRUCTURE
    value = bytes.fromhex("86 0173") + bytes((0b00010_01_0, 0b000_00_000))  # one custom frame diff, of 1
    before, _ = parse_dependency_descriptor(value, structure)
    assert before.frame.frame_diffs == (1,)
    out = rewrite_dependency_descriptor(
        value, before, structure, frame_offset=0, template_offset=0, active=0b101
    )
    after, _ = parse_dependency_descriptor(out, structure)
    assert (after.frame, after.active_decode_targets) == (before.frame, 0b101)
    again = rewrite_dependency_descriptor(
        out, after, structure, frame_offset=0, template_offset=0, active=0b1
    )
    assert parse_dependency_descriptor(again, structure)[0].active_decode_targets == 1
    assert len(again) == len(out)


@pytest.mark.parametrize("value", LATER)
def test_nothing_to_change_changes_nothing(value: bytes) -> None:
    before, structure = parse_dependency_descriptor(value, STRUCTURE)
    assert (
        rewrite_dependency_descriptor(
            value, before, structure, frame_offset=0, template_offset=0, active=None
        )
        == value
    )
