import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtx import unwrap_payload, wrap_payload


def test_the_original_sequence_number_comes_first() -> None:
    assert wrap_payload(0x1234, b"media") == b"\x12\x34media"


@pytest.mark.parametrize("payload", [b"", b"\x12"])
def test_a_payload_without_a_number_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedPacket):
        unwrap_payload(payload)


@pytest.mark.parametrize("number", [-1, 65536])
def test_a_number_beyond_16_bits_is_the_callers_fault(number: int) -> None:
    with pytest.raises(InvalidParameters):
        wrap_payload(number, b"")


@given(st.integers(0, 65535), st.binary(max_size=40))
def test_wrapping_is_undone_by_unwrapping(number: int, payload: bytes) -> None:
    assert unwrap_payload(wrap_payload(number, payload)) == (number, payload)
    assert unwrap_payload(memoryview(wrap_payload(number, payload))) == (number, payload)
