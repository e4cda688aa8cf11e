"""H.264 profiles and levels, after RFC 6184 table 5 and the tests of libwebrtc that everyone copies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.ortc.h264_profile import (
    LEVEL_1B,
    Profile,
    ProfileLevel,
    answer_profile_level_id,
    is_same_profile,
)


@pytest.mark.parametrize(
    ("text", "profile", "level"),
    [
        ("42e01f", Profile.CONSTRAINED_BASELINE, 31),
        ("42E01F", Profile.CONSTRAINED_BASELINE, 31),
        ("4d801f", Profile.CONSTRAINED_BASELINE, 31),
        ("58c01f", Profile.CONSTRAINED_BASELINE, 31),
        ("42a01f", Profile.BASELINE, 31),
        ("58a01f", Profile.BASELINE, 31),
        ("4d4015", Profile.MAIN, 21),
        ("640015", Profile.HIGH, 21),
        ("640c15", Profile.CONSTRAINED_HIGH, 21),
        ("f40015", Profile.PREDICTIVE_HIGH_444, 21),
        ("42e00b", Profile.CONSTRAINED_BASELINE, 11),
        ("42f00b", Profile.CONSTRAINED_BASELINE, LEVEL_1B),
    ],
)
def test_a_profile_level_id_is_read(text: str, profile: Profile, level: int) -> None:
    assert ProfileLevel.parse(text) == ProfileLevel(profile, level)


@pytest.mark.parametrize(
    "text",
    ["", "42e0", "42e01f00", "gggggg", "-bffe1", " 42e01", "42e01\n", "64001g", "640800", "42e0ff", "000000"],
)
def test_another_text_is_no_profile_level_id(text: str) -> None:
    assert ProfileLevel.parse(text) is None


@pytest.mark.parametrize("value", [None, 420029, True, [], {}])
def test_what_is_no_text_is_no_profile_level_id(value: object) -> None:
    assert ProfileLevel.parse(value) is None


@settings(max_examples=200)
@given(st.binary(min_size=3, max_size=3))
def test_what_is_read_is_written_in_a_form_that_reads_the_same(raw: bytes) -> None:
    parsed = ProfileLevel.parse(raw.hex())
    if parsed is not None:
        text = parsed.serialize()
        assert text is not None
        assert ProfileLevel.parse(text) == parsed


def test_level_1b_exists_for_three_profiles_only() -> None:
    written = {profile: ProfileLevel(profile, LEVEL_1B).serialize() for profile in Profile}
    assert {profile for profile, text in written.items() if text} == {
        Profile.CONSTRAINED_BASELINE,
        Profile.BASELINE,
        Profile.MAIN,
    }


def test_a_missing_profile_means_constrained_baseline() -> None:
    assert is_same_profile({}, {"profile-level-id": "42e00a"})
    assert not is_same_profile({}, {"profile-level-id": "640c1f"})
    assert not is_same_profile({"profile-level-id": "bad"}, {"profile-level-id": "bad"})


def test_the_answer_is_the_lower_level_unless_both_allow_asymmetry() -> None:
    low, high = {"profile-level-id": "42e015"}, {"profile-level-id": "42e01f"}
    allowed = {"level-asymmetry-allowed": "1"}
    assert answer_profile_level_id(high, low) == "42e015"
    assert answer_profile_level_id(low, high) == "42e015"
    assert answer_profile_level_id(high | allowed, low) == "42e015"
    assert answer_profile_level_id(high | allowed, low | allowed) == "42e01f"
    assert answer_profile_level_id({}, {}) is None
    assert answer_profile_level_id(low, {"profile-level-id": "640c1f"}) is None
