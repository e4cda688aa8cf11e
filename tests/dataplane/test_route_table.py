"""The tables: who owns a path and an SSRC, and what a removal leaves behind."""

import pytest

from rtpfwd.dataplane.interface import PlaneLimits, ReceiveStreamId, ReceiveStreamSpec, TransportId
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.route_table import ARRIVALS_KEPT, RouteTable
from rtpfwd.errors import InvalidState

A, B = TransportId(1), TransportId(2)
PATH, OTHER = (0, ("192.0.2.1", 1)), (0, ("192.0.2.1", 2))


def table() -> RouteTable:
    one = RouteTable()
    one.add_transport(A)
    one.add_transport(B)
    return one


def stream(number: int, ssrc: int, rtx_ssrc: int | None = None, transport: TransportId = A) -> ReceiveStream:
    spec = ReceiveStreamSpec(
        transport=transport, ssrc=ssrc, payload_types={}, rtx_ssrc=rtx_ssrc, rtx_payload_types={},
        clock_rate=48_000, mime_type="audio/opus", extension_ids={}, mapped_extension_ids={}, use_nack=False,
    )  # fmt: skip
    return ReceiveStream(ReceiveStreamId(number), spec, PlaneLimits(history_packets=2))


def test_unknown_ids_and_second_times_are_told():
    one = table()
    with pytest.raises(InvalidState, match="transport 1 is already"):
        one.add_transport(A)
    with pytest.raises(InvalidState, match="no transport 9"):
        one.transport(TransportId(9))
    with pytest.raises(InvalidState, match="no receive stream 9"):
        one.stream(ReceiveStreamId(9))
    with pytest.raises(InvalidState, match="no transport 9"):
        one.add_stream(stream(1, 5, transport=TransportId(9)))


def test_a_path_belongs_to_the_transport_that_validated_it_last():
    one = table()
    one.add_path(A, PATH)
    one.transport(A).selected = PATH
    one.add_path(B, PATH)
    assert one.paths[PATH] is one.transport(B)
    assert one.transport(A).selected is None, "nothing more is sent to an address that is another's"
    assert not one.transport(A).paths


def test_adding_a_path_twice_keeps_it_selected():
    one = table()
    one.add_path(A, PATH)
    one.transport(A).selected = PATH
    one.add_path(A, PATH)
    assert one.transport(A).selected == PATH


def test_removing_a_path_forgets_it_everywhere():
    one = table()
    one.add_path(A, PATH)
    one.add_path(A, OTHER)
    one.transport(A).selected = OTHER
    one.remove_path(PATH)
    assert one.transport(A).selected == OTHER
    one.remove_path(OTHER)
    one.remove_path(OTHER)
    assert not one.paths
    assert one.transport(A).selected is None


@pytest.mark.parametrize(("ssrc", "rtx"), [(5, None), (6, None), (7, 5), (7, 6), (7, 7)])
def test_an_ssrc_has_one_owner_on_its_transport(ssrc, rtx):
    one = table()
    one.add_stream(stream(1, 5, 6))
    with pytest.raises(InvalidState):
        one.add_stream(stream(2, ssrc, rtx))
    assert set(one.streams) == {ReceiveStreamId(1)}, "a refusal leaves nothing"
    assert set(one.routes) == {ReceiveStreamId(1)}
    assert set(one.transport(A).streams) == {5}
    assert set(one.transport(A).rtx) == {6}


def test_the_same_ssrc_on_another_transport_is_somebody_elses():
    one = table()
    one.add_stream(stream(1, 5, 6))
    one.add_stream(stream(2, 5, 6, transport=B))
    assert one.transport(A).streams[5] is not one.transport(B).streams[5]


def test_an_rtx_ssrc_learnt_later_replaces_the_former():
    one = table()
    media = stream(1, 5, 6)
    one.add_stream(media)
    one.add_rtx(media, 8)
    assert set(one.transport(A).rtx) == {8}
    with pytest.raises(InvalidState):
        one.add_rtx(media, 5)
    assert set(one.transport(A).rtx) == {8}


def test_removing_a_stream_frees_its_ssrcs():
    one = table()
    one.add_stream(stream(1, 5, 6))
    assert one.transport(A).ssrc_count() == 2
    assert one.remove_stream(ReceiveStreamId(1)) == []
    assert one.transport(A).ssrc_count() == 0
    assert not one.streams
    assert not one.routes
    one.add_stream(stream(2, 5, 6))


def test_transport_numbers_follow_each_other_over_the_wrap():
    transport = table().transport(A)
    numbers = [transport.next_number() for _ in range(0x10000 + 2)]
    assert numbers[:3] == [0, 1, 2]
    assert numbers[-3:] == [0xFFFF, 0, 1]


def test_arrivals_that_nobody_takes_are_bounded():
    transport = table().transport(A)
    for number in range(ARRIVALS_KEPT + 10):
        transport.note_arrival(number, 0)
    assert len(transport.arrivals) == ARRIVALS_KEPT
