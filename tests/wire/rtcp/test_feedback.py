import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from tests.wire.rtcp import strategies as some

SSRCS = "00000001 00000002"


def test_a_nack_names_a_packet_and_up_to_sixteen_after_it() -> None:
    body = bytes.fromhex(SSRCS + "fffe 8005")
    nack = Nack.parse(body)
    assert nack.sequence_numbers == (0xFFFE, 0xFFFF, 1, 14)
    assert nack.serialize() == bytes.fromhex("81cd0003") + body


def test_neighbours_share_a_pair_and_strangers_do_not() -> None:
    assert len(Nack(1, 2, tuple(range(100, 117))).serialize()) == 16
    assert len(Nack(1, 2, tuple(range(100, 118))).serialize()) == 20
    assert len(Nack(1, 2, (100, 117)).serialize()) == 20


def test_the_order_of_the_list_is_kept_even_when_it_costs_space() -> None:
    nack = Nack(1, 2, (5, 4, 4, 65535, 0))
    assert Nack.parse(nack.serialize()[4:]) == nack


def test_the_worst_nack_of_a_datagram_is_bounded() -> None:
    assert len(Nack.parse(bytes.fromhex(SSRCS) + b"\xff" * 1480).sequence_numbers) == 370 * 17


def test_pli_is_two_ssrcs() -> None:
    assert PictureLossIndication.parse(bytes.fromhex(SSRCS)) == PictureLossIndication(1, 2)
    assert PictureLossIndication(1, 2).serialize() == bytes.fromhex("81ce0002" + SSRCS)


def test_fir_entries_have_a_sequence_number() -> None:
    body = bytes.fromhex("00000001 00000000 00000009 07000000")
    fir = FullIntraRequest.parse(body)
    assert fir == FullIntraRequest(1, 0, (FirEntry(9, 7),))
    assert fir.serialize() == bytes.fromhex("84ce0004") + body


@pytest.mark.parametrize("body", ["", "00000001", SSRCS, SSRCS + "0001", SSRCS + "000100020003"])
def test_a_nack_of_another_length_is_malformed(body: str) -> None:
    with pytest.raises(MalformedPacket, match="NACK body"):
        Nack.parse(bytes.fromhex(body))


@pytest.mark.parametrize("size", [0, 8, 12, 15, 17, 20])
def test_a_fir_of_another_length_is_malformed(size: int) -> None:
    with pytest.raises(MalformedPacket, match="FIR body"):
        FullIntraRequest.parse(bytes(size))


@pytest.mark.parametrize(
    "packet",
    [
        Nack(1, 2, ()),
        Nack(1, 2, (65536,)),
        Nack(1 << 32, 2, (1,)),
        Nack(1, 2, (1, 100) * 40_000),
        PictureLossIndication(-1, 0),
        FullIntraRequest(1, 0, ()),
        FullIntraRequest(1, 0, (FirEntry(1, 256),)),
    ],
)
def test_fields_that_do_not_fit_are_the_callers_fault(
    packet: Nack | PictureLossIndication | FullIntraRequest,
) -> None:
    with pytest.raises(InvalidParameters):
        packet.serialize()


@given(some.nacks, some.plis, some.firs)
@settings(max_examples=150)
def test_feedback_survives_a_round_trip(
    nack: Nack, pli: PictureLossIndication, fir: FullIntraRequest
) -> None:
    assert Nack.parse(nack.serialize()[4:]) == nack
    assert PictureLossIndication.parse(pli.serialize()[4:]) == pli
    assert FullIntraRequest.parse(fir.serialize()[4:]) == fir


@given(st.binary(max_size=64))
@settings(max_examples=200)
def test_any_body_parses_or_is_malformed(body: bytes) -> None:
    for packet_class in (Nack, PictureLossIndication, FullIntraRequest):
        try:
            packet = packet_class.parse(body)
        except MalformedPacket:
            continue
        assert packet_class.parse(packet.serialize()[4:]) == packet
