import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire import header_extensions as ext

ONE, TWO = ext.ONE_BYTE_PROFILE, ext.TWO_BYTE_PROFILE


def test_one_byte_elements_read_as_in_rfc_8285_section_4_2() -> None:
    # One byte, two bytes of padding between, then an element of four bytes.
    block = bytes.fromhex("10aa 21bbcc 0000 33ddddddde 000000")
    assert ext.parse_elements(ONE, block) == {1: b"\xaa", 2: b"\xbb\xcc", 3: b"\xdd\xdd\xdd\xde"}


def test_two_byte_elements_read_as_in_rfc_8285_section_4_3() -> None:
    block = bytes.fromhex("0100 0201bb 00 0304dddddddd")
    assert ext.parse_elements(TWO, block) == {1: b"", 2: b"\xbb", 3: b"\xdd" * 4}
    assert ext.parse_elements(TWO | 0x7, block) == ext.parse_elements(TWO, block), "appbits are ignored"


@pytest.mark.parametrize(
    ("profile", "block"),
    [
        (ONE, "10aa f0bb 20cc 00"),  # id 15 ends it
        (ONE, "10aa 03bb 20cc 0000"),  # padding with a length ends it
        (ONE, "10aa 2fbb"),  # length past the block
        (ONE, "10aa 00 20"),  # nothing behind the header
        (TWO, "0101aa 02"),  # no length
        (TWO, "0101aa 02ffbb"),  # length past the block
    ],
)
def test_a_broken_element_ends_the_list_and_keeps_what_came_before(profile: int, block: str) -> None:
    assert ext.parse_elements(profile, bytes.fromhex(block)) == {1: b"\xaa"}


def test_the_first_of_two_elements_with_one_id_wins() -> None:
    assert ext.parse_elements(ONE, bytes.fromhex("10aa 10bb")) == {1: b"\xaa"}
    assert ext.parse_elements(TWO, bytes.fromhex("0101aa 0101bb")) == {1: b"\xaa"}


@pytest.mark.parametrize("profile", [None, 0, 0xBEDF, 0x1010, 0xFFFF])
def test_an_unknown_profile_has_no_elements(profile: int | None) -> None:
    assert ext.parse_elements(profile, bytes.fromhex("10aa0000")) == {}


def test_an_element_is_found_where_it_stands_in_the_packet() -> None:
    data = b"header" + bytes.fromhex("51abcd 00") + b"payload"
    assert ext.locate_elements(ONE, data, 6, 10) == {5: (7, 9)}


def test_the_short_form_is_taken_when_everything_fits() -> None:
    assert ext.serialize_elements({1: b"\xaa", 14: bytes(16)}) == (
        ONE,
        bytes.fromhex("10aa ef") + bytes(16) + b"\0",
    )


@pytest.mark.parametrize("elements", [{15: b"x"}, {1: b""}, {1: bytes(17)}, {1: b"x", 255: bytes(255)}])
def test_the_long_form_is_taken_when_one_does_not_fit(elements: dict[int, bytes]) -> None:
    profile, block = ext.serialize_elements(elements)
    assert profile == TWO
    assert ext.parse_elements(profile, block) == elements


@pytest.mark.parametrize("elements", [{0: b"x"}, {256: b"x"}, {-1: b"x"}, {1: bytes(256)}])
def test_elements_that_fit_nowhere_are_the_callers_fault(elements: dict[int, bytes]) -> None:
    with pytest.raises(InvalidParameters):
        ext.serialize_elements(elements)


def test_the_uris_are_twelve_different_names() -> None:
    names = {value for name, value in vars(ext).items() if name.isupper() and isinstance(value, str)}
    assert len(names) == 12
    assert all(name.startswith(("urn:", "http://", "https://")) for name in names)


@given(st.dictionaries(st.integers(1, 255), st.binary(max_size=255), max_size=6))
@settings(max_examples=150)
def test_elements_survive_a_round_trip(elements: dict[int, bytes]) -> None:
    profile, block = ext.serialize_elements(elements)
    assert len(block) % 4 == 0
    assert list(ext.parse_elements(profile, block).items()) == list(elements.items())


@given(st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16)))
@settings(max_examples=150)
def test_short_elements_survive_a_round_trip_in_the_short_form(elements: dict[int, bytes]) -> None:
    profile, block = ext.serialize_elements(elements)
    assert profile == ONE
    assert ext.parse_elements(profile, block) == elements


@given(st.sampled_from([ONE, TWO]), st.binary(max_size=100))
@settings(max_examples=200)
def test_any_block_has_elements_within_its_borders(profile: int, block: bytes) -> None:
    for start, end in ext.locate_elements(profile, block, 0, len(block)).values():
        assert 0 < start <= end <= len(block)
