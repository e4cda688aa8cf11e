import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.wire.demux import Kind, classify


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0, Kind.STUN),
        (3, Kind.STUN),
        (4, Kind.UNKNOWN),
        (16, Kind.UNKNOWN),  # ZRTP
        (19, Kind.UNKNOWN),
        (20, Kind.DTLS),
        (63, Kind.DTLS),
        (64, Kind.UNKNOWN),  # TURN channel
        (80, Kind.UNKNOWN),  # QUIC
        (127, Kind.UNKNOWN),
        (128, Kind.RTP),
        (191, Kind.RTP),
        (192, Kind.UNKNOWN),  # QUIC
        (255, Kind.UNKNOWN),
    ],
)
def test_the_first_byte_decides_at_the_borders_of_rfc_9443(first: int, kind: Kind) -> None:
    assert classify(bytes([first]) + bytes(99)) is kind


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (64, Kind.RTP),
        (95, Kind.RTP),
        (127, Kind.RTP),
        (191, Kind.RTP),
        (192, Kind.RTCP),
        (200, Kind.RTCP),
        (223, Kind.RTCP),
        (224, Kind.RTP),
        (255, Kind.RTP),
    ],
)
def test_the_second_byte_tells_rtcp_from_rtp(second: int, kind: Kind) -> None:
    assert classify(bytes([0x80, second]) + bytes(50)) is kind


@pytest.mark.parametrize(
    ("head", "shortest", "kind"),
    [
        (b"\x00\x01", 20, Kind.STUN),
        (b"\x16\xfe", 13, Kind.DTLS),
        (b"\x80\x60", 12, Kind.RTP),
        (b"\x80\xc9", 8, Kind.RTCP),
    ],
)
def test_one_byte_too_short_is_unknown(head: bytes, shortest: int, kind: Kind) -> None:
    assert classify(head.ljust(shortest, b"\0")) is kind
    assert classify(head.ljust(shortest - 1, b"\0")) is Kind.UNKNOWN


@given(st.binary(max_size=40))
def test_any_bytes_have_a_kind(data: bytes) -> None:
    assert isinstance(classify(data), Kind)
    assert classify(memoryview(data)) is classify(data)
