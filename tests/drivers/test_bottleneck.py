from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.drivers.bottleneck import Bottleneck, RateSchedule
from rtpfwd.drivers.links import FixedDelay
from rtpfwd.drivers.netem import IP_UDP_BYTES
from rtpfwd.errors import InvalidParameters

PACKET = bytes(1250 - IP_UDP_BYTES)  # 10,000 bits on the wire
NONE = FixedDelay(0)


def test_a_packet_takes_its_bits_over_the_rate_and_waits_for_those_before_it():
    link = Bottleneck(1_000_000).link(NONE)
    assert link.arrivals(PACKET, Instant(0)) == (milliseconds(10),)
    assert link.arrivals(PACKET, Instant(0)) == (milliseconds(20),)
    assert link.arrivals(PACKET, Instant(milliseconds(100))) == (milliseconds(110),)
    assert [wait for _, wait in link.waits] == [0, milliseconds(10), 0]


def test_what_waits_when_the_rate_changes_leaves_at_the_new_rate():
    queue = Bottleneck(RateSchedule([(0, 1_000_000), (milliseconds(15), 100_000)]))
    link = queue.link(NONE)
    assert link.arrivals(PACKET, Instant(0)) == (milliseconds(10),)
    # Half of it at the old rate, half at a tenth of it.
    assert link.arrivals(PACKET, Instant(0)) == (milliseconds(15 + 50),)
    assert (queue.rate_at(0), queue.rate_at(milliseconds(15))) == (1_000_000, 100_000)


def test_nothing_leaves_while_the_rate_is_zero_and_the_queue_overflows():
    queue = Bottleneck(RateSchedule([(0, 0), (seconds(2), 1_000_000)]), queue_us=milliseconds(100))
    link = queue.link(NONE)
    assert link.arrivals(PACKET, Instant(0)) == (seconds(2) + milliseconds(10),)
    assert link.arrivals(PACKET, Instant(1000)) == ()
    assert queue.counters.overflowed == 1


def test_two_links_wait_for_one_another():
    queue = Bottleneck(1_000_000)
    one, two = queue.link(NONE), queue.link(NONE)
    assert one.arrivals(PACKET, Instant(0)) == (milliseconds(10),)
    assert two.arrivals(PACKET, Instant(0)) == (milliseconds(20),)
    assert (one.bytes_passed, two.bytes_passed, queue.bytes_sent) == (1250, 1250, 2500)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**7)), max_size=6),
    st.integers(1, 10**7),
    st.lists(st.tuples(st.integers(0, 3 * 10**6), st.integers(1, 10**6)), min_size=1, max_size=5),
)
def test_no_schedule_gives_more_bits_than_its_rates_allow(gaps, last, asked):
    at, steps = 0, []
    for gap, bps in gaps:
        steps.append((at, bps))
        at += gap
    steps.append((at, last))
    schedule = RateSchedule(steps)
    for start, bits in asked:
        end = schedule.finish(start, bits)
        edges = [start, *(one for one, _ in steps if start < one < end), end]
        room = sum((later - earlier) * schedule.rate_at(earlier) for earlier, later in pairwise(edges))
        assert bits - len(edges) - schedule.rate_at(end) / MICROSECONDS <= room / MICROSECONDS
        assert room / MICROSECONDS <= bits + len(edges) + schedule.rate_at(end) / MICROSECONDS


@pytest.mark.parametrize("steps", [[], [(5, 1), (5, 2)], [(0, 1), (9, 0)], [(0, -1), (9, 1)]])
def test_schedules_that_make_no_sense_are_refused(steps):
    with pytest.raises(InvalidParameters):
        RateSchedule(steps)
