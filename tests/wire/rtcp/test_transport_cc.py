import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from tests.wire.rtcp import strategies as some


def feedback(*packets: int | None) -> TransportFeedback:
    return TransportFeedback(1, 2, 0x1234, 7, 5, packets)


def body(status_count: int, rest: str) -> bytes:
    return bytes.fromhex(f"00000001 00000002 1234{status_count:04x} 00000507" + rest)


def test_a_run_length_chunk_covers_equal_statuses() -> None:
    # Draft, section 3.1.3, first example: 221 times "not received" is 0x00dd.
    assert TransportFeedback.parse(body(221, "00dd")) == feedback(*[None] * 221)


def test_a_one_bit_vector_has_fourteen_statuses() -> None:
    # Draft, section 3.1.4, first example: 1 not received, 5 received, 3 not, 3 received, 2 not.
    data = body(14, "9f1c 0102030405 060708")
    assert TransportFeedback.parse(data) == feedback(
        None, 1, 2, 3, 4, 5, None, None, None, 6, 7, 8, None, None
    )


def test_a_two_bit_vector_has_seven_statuses() -> None:
    # Draft, section 3.1.4, second example, its symbol "no timestamp" taken as a large delta here: 0xcd50 has
    # 1 not received, 1 of symbol 3 (reserved since), so the example's layout is kept with symbol 2.
    data = body(7, "c950 ffff 01 02 03")
    assert TransportFeedback.parse(data) == feedback(None, -1, 1, 2, 3, None, None)


def test_the_reserved_symbol_is_malformed() -> None:
    with pytest.raises(MalformedPacket, match="symbol 3"):
        TransportFeedback.parse(body(7, "cd50 00000000"))
    with pytest.raises(MalformedPacket, match="symbol 3"):
        TransportFeedback.parse(body(1, "6001 00000000"))


def test_reference_time_is_signed_and_deltas_add_up() -> None:
    one = TransportFeedback(1, 2, 0xFFFF, 0, -1, (4, None, -8))
    assert TransportFeedback.parse(one.serialize()[4:]) == one
    assert one.arrivals_us() == [(0xFFFF, -63_000), (0, None), (1, -65_000)]


def test_a_last_chunk_beyond_the_status_count_is_cut() -> None:
    assert TransportFeedback.parse(body(2, "3fff 0102 0000")) == feedback(1, 2)
    assert TransportFeedback.parse(body(2, "bfff 0102 0000")) == feedback(1, 2)
    assert TransportFeedback.parse(body(2, "d555 0102 0000")) == feedback(1, 2)


def test_the_smallest_chunk_kind_is_chosen() -> None:
    def chunks(packet: TransportFeedback) -> str:
        return packet.serialize()[20:].hex()

    assert chunks(feedback(*[None] * 20)) == "00140000"
    assert chunks(feedback(*[0] * 20)).startswith("2014")
    assert chunks(feedback(*[300] * 8)).startswith("4008")
    assert chunks(feedback(0, None)).startswith("a000")
    assert chunks(feedback(None, 256)).startswith("c800")


def test_feedback_about_65535_packets_fits_where_few_arrived() -> None:
    packet = feedback(1, *[None] * 65533, 1)
    data = packet.serialize()
    assert len(data) < 60
    assert TransportFeedback.parse(data[4:]) == packet


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(15),
        body(0, "0000"),
        body(1, ""),
        body(1, "20"),
        body(1, "2001"),
        body(1, "4001 00"),
        body(8191, "3fff 0000"),
        body(20, "8000"),
    ],
)
def test_feedback_that_promises_more_than_it_has_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        TransportFeedback.parse(data)


@pytest.mark.parametrize(
    "packet",
    [
        TransportFeedback(1, 2, 0, 0, 0, ()),
        TransportFeedback(1, 2, 0, 0, 0, (None,) * 65536),
        TransportFeedback(1, 2, 0, 0, 1 << 23, (1,)),
        TransportFeedback(1, 2, 0, 256, 0, (1,)),
        TransportFeedback(1, 2, 65536, 0, 0, (1,)),
        TransportFeedback(1, 2, 0, 0, 0, (0x8000,)),
        TransportFeedback(1, 2, 0, 0, 0, (-0x8001,)),
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(packet: TransportFeedback) -> None:
    with pytest.raises(InvalidParameters):
        packet.serialize()


@given(some.transport_feedbacks)
@settings(max_examples=200)
def test_feedback_survives_a_round_trip(packet: TransportFeedback) -> None:
    assert TransportFeedback.parse(packet.serialize()[4:]) == packet


@given(st.integers(1, 65535), st.binary(max_size=60))
@settings(max_examples=200)
def test_any_body_parses_or_is_malformed(status_count: int, rest: bytes) -> None:
    data = body(status_count, "") + rest
    try:
        packet = TransportFeedback.parse(data)
    except MalformedPacket:
        return
    assert len(packet.packets) == status_count
    assert TransportFeedback.parse(packet.serialize()[4:]) == packet
