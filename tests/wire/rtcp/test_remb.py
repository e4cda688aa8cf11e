import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.remb import MAX_BITRATE_BPS, ReceiverEstimatedMaxBitrate
from tests.wire.rtcp import strategies as some

HEAD = "00000001 00000000 52454d42 "


def test_the_bitrate_is_a_mantissa_and_an_exponent() -> None:
    body = bytes.fromhex(HEAD + "0107a120 00000009")  # 2^1 * 0x3a120
    remb = ReceiverEstimatedMaxBitrate.parse(body)
    assert remb == ReceiverEstimatedMaxBitrate(1, 0, 0x3A120 << 1, (9,))
    assert remb.serialize() == bytes.fromhex("8fce0005") + body


def test_a_bitrate_is_rounded_down_to_eighteen_bits() -> None:
    data = ReceiverEstimatedMaxBitrate(1, 0, (1 << 20) + 3, ()).serialize()
    assert ReceiverEstimatedMaxBitrate.parse(data[4:]).bitrate_bps == 1 << 20


def test_nothing_is_a_bitrate_too() -> None:
    assert ReceiverEstimatedMaxBitrate.parse(bytes.fromhex(HEAD + "00000000")).bitrate_bps == 0


@pytest.mark.parametrize(
    "body",
    [
        "",
        HEAD,
        "00000001 00000000 4e4f5045 00000000",
        HEAD + "ff000001 00000009",  # 255 SSRCs announced, one there
        HEAD + "00000001 00000009",  # none announced, one there
        HEAD + "00ffffff",  # 18 bits of mantissa shifted by 63
    ],
)
def test_a_lying_remb_is_malformed(body: str) -> None:
    with pytest.raises(MalformedPacket):
        ReceiverEstimatedMaxBitrate.parse(bytes.fromhex(body))


@pytest.mark.parametrize(
    ("bitrate", "ssrcs"), [(-1, ()), (MAX_BITRATE_BPS + 1, ()), (1, (0,) * 256), (1, (1 << 32,))]
)
def test_fields_that_do_not_fit_are_the_callers_fault(bitrate: int, ssrcs: tuple[int, ...]) -> None:
    with pytest.raises(InvalidParameters):
        ReceiverEstimatedMaxBitrate(1, 0, bitrate, ssrcs).serialize()


@given(some.rembs)
@settings(max_examples=150)
def test_remb_survives_a_round_trip(remb: ReceiverEstimatedMaxBitrate) -> None:
    assert ReceiverEstimatedMaxBitrate.parse(remb.serialize()[4:]) == remb


@given(st.integers(0, MAX_BITRATE_BPS))
def test_rounding_loses_less_than_one_part_in_131072(bitrate: int) -> None:
    data = ReceiverEstimatedMaxBitrate(1, 0, bitrate, ()).serialize()
    read = ReceiverEstimatedMaxBitrate.parse(data[4:]).bitrate_bps
    assert 0 <= bitrate - read <= bitrate >> 17


@given(st.binary(max_size=40).map(lambda tail: bytes.fromhex(HEAD) + tail))
def test_any_body_parses_or_is_malformed(body: bytes) -> None:
    try:
        remb = ReceiverEstimatedMaxBitrate.parse(body)
    except MalformedPacket:
        return
    assert ReceiverEstimatedMaxBitrate.parse(remb.serialize()[4:]) == remb
