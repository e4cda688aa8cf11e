"""The ring of kept packets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.dataplane.reference.history import LATE_AT_START, History
from rtpfwd.dataplane.reference.packet import Packet

KEEP_US = seconds(2)


def packet(sequence: int, at: int = 0) -> Packet:
    return Packet(ReceiveStreamId(1), sequence, 0, False, 96, [], b"x", None, Instant(at))


def filled(first: int, last: int, *, capacity: int = 64, step_us: int = 0) -> History:
    history = History(capacity, KEEP_US)
    history.restart(first)
    for place, sequence in enumerate(range(first, last + 1)):
        history.add(packet(sequence, place * step_us), Instant(place * step_us))
    return history


def test_a_capacity_that_is_no_power_of_two_is_refused():
    with pytest.raises(ValueError, match="100 is not a power of two"):
        History(100, KEEP_US)


def test_what_was_added_is_given_and_what_was_not_is_not():
    history = filled(1000, 1010)
    assert history.has(1005)
    assert history.get(1005).sequence == 1005
    assert not history.has(1011)
    assert history.get(1011) is None
    assert not history.has(1005 + 64), "the same place of the ring"


def test_the_ring_forgets_what_it_has_no_place_for():
    history = filled(0, 199, capacity=64)
    assert [sequence for sequence in range(200) if history.has(sequence)] == list(range(136, 200))
    assert history.too_old(135)
    assert not history.too_old(136)


def test_late_packets_before_the_first_are_welcome_but_only_so_many():
    history = History(2048, KEEP_US)
    history.restart(10)
    history.add(packet(10), Instant(0))
    assert not history.too_old(10 - LATE_AT_START)
    assert history.too_old(10 - LATE_AT_START - 1)
    history.add(packet(-3), Instant(0))
    assert history.has(-3)
    assert history.get(-3).sequence == -3


def test_a_packet_older_than_the_time_is_forgotten_although_nothing_came_before_the_first():
    history = filled(5000, 5300, capacity=1024, step_us=milliseconds(20))
    kept = [sequence for sequence in range(5000, 5301) if history.has(sequence)]
    assert kept == list(range(5200, 5301)), "two seconds of fifty packets, and the newest"
    assert history.too_old(5199)


def test_a_hole_of_any_width_does_not_stop_old_packets_from_being_forgotten():
    history = History(1024, KEEP_US)
    history.restart(0)
    for sequence in [*range(10), *range(500, 510)]:
        history.add(packet(sequence), Instant(0))
    history.add(packet(510, KEEP_US + 1), Instant(KEEP_US + 1))
    assert [sequence for sequence in range(511) if history.has(sequence)] == [510]


def test_a_repair_is_still_welcome_while_the_packet_after_the_hole_is_kept():
    history = History(64, KEEP_US)
    history.restart(0)
    for sequence in (0, 1, 3):
        history.add(packet(sequence), Instant(0))
    history.add(packet(4, KEEP_US), Instant(KEEP_US))
    assert not history.too_old(2)
    history.add(packet(5, KEEP_US + 1), Instant(KEEP_US + 1))
    assert history.too_old(2)


def test_after_a_restart_nothing_is_left_of_before():
    history = filled(100, 160)
    history.restart(70_000)
    assert not any(history.has(sequence) for sequence in range(100, 161))
    assert history.too_old(160)
    history.add(packet(70_000), Instant(0))
    assert history.has(70_000)


@given(
    st.lists(st.tuples(st.integers(-40, 150), st.integers(0, 200_000)), max_size=150),
)
@settings(max_examples=150, deadline=None)
def test_any_order_of_arrival_keeps_the_newest_of_the_ring_and_never_one_that_is_too_old(steps):
    history = History(32, KEEP_US)
    history.restart(0)
    now, highest, model = 0, None, {}
    for sequence, wait_us in steps:
        now += wait_us
        if history.too_old(sequence) or history.has(sequence):
            continue
        history.add(packet(sequence, now), Instant(now))
        highest = sequence if highest is None else max(highest, sequence)
        model[sequence] = now
        model = {number: at for number, at in model.items() if at >= now - KEEP_US and number > highest - 32}
        assert {number for number in range(-64, 200) if history.has(number)} == set(model)
        assert not any(history.too_old(number) for number in range(highest, 200))
        assert len(history._arrivals) <= 32, "memory is the ring's"
