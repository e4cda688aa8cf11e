"""The list of missing packets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import PlaneLimits
from rtpfwd.dataplane.reference.nack import FIRST_DELAY_US, NackList

RTT_US = milliseconds(50)


def after(*sequences: int, limits: PlaneLimits | None = None) -> NackList:
    nacks = NackList(limits or PlaneLimits())
    for sequence in sequences:
        nacks.received(sequence, False, Instant(0))
    return nacks


def test_nothing_is_missing_of_a_stream_that_arrives_in_order():
    nacks = after(*range(65_530, 65_550))
    assert not nacks.take_news()
    assert nacks.due(RTT_US, Instant(10**9)).sequence_numbers == ()


def test_a_gap_is_news_once():
    nacks = after(10, 13)
    assert nacks.take_news()
    assert not nacks.take_news()


def test_a_gap_is_asked_for_after_ten_milliseconds_and_not_before():
    nacks = after(10, 13)
    early = nacks.due(RTT_US, Instant(FIRST_DELAY_US - 1))
    assert early.sequence_numbers == ()
    assert early.next_due == FIRST_DELAY_US
    assert nacks.due(RTT_US, Instant(FIRST_DELAY_US)).sequence_numbers == (11, 12)


def test_numbers_are_asked_for_in_16_bits_over_the_wrap():
    nacks = after(65_534, 65_538)
    assert nacks.due(RTT_US, Instant(FIRST_DELAY_US)).sequence_numbers == (65_535, 0, 1)


def test_a_late_packet_is_not_asked_for():
    nacks = after(10, 13, 11)
    assert not nacks.is_missing(11)
    assert nacks.due(RTT_US, Instant(FIRST_DELAY_US)).sequence_numbers == (12,)


def test_a_packet_before_the_first_one_is_nobodys_loss():
    nacks = after(10, 8, 11)
    assert len(nacks) == 0


def test_it_is_asked_for_again_each_round_trip_and_given_up_after_ten_times():
    nacks = after(10, 12)
    now, asked = FIRST_DELAY_US, 0
    while (due := nacks.due(RTT_US, Instant(now))).sequence_numbers:
        assert due.sequence_numbers == (11,)
        asked += 1
        if due.next_due is None:
            break
        assert due.next_due == now + RTT_US
        assert nacks.due(RTT_US, Instant(now + RTT_US - 1)).sequence_numbers == ()
        now += RTT_US
    assert asked == PlaneLimits().nack_retries == 10
    assert len(nacks) == 0


def test_a_repair_ends_the_asking():
    nacks = after(10, 12)
    nacks.due(RTT_US, Instant(FIRST_DELAY_US))
    nacks.received(11, False, Instant(FIRST_DELAY_US + 1))
    due = nacks.due(RTT_US, Instant(FIRST_DELAY_US + 10 * RTT_US))
    assert due.sequence_numbers == ()
    assert due.next_due is None


def test_more_missing_than_the_list_holds_cannot_be_repaired():
    nacks = NackList(PlaneLimits(nack_list=100))
    assert nacks.received(0, False, Instant(0))
    assert nacks.received(101, False, Instant(0)), "a hundred fit"
    assert not nacks.received(103, False, Instant(0)), "one more does not"
    assert len(nacks) == 0


def test_what_lies_before_a_key_frame_is_forgotten_when_room_is_needed():
    nacks = NackList(PlaneLimits(nack_list=100))
    nacks.received(0, False, Instant(0))
    nacks.received(80, False, Instant(0))
    nacks.received(81, True, Instant(0))
    nacks.received(100, False, Instant(0))
    assert nacks.received(120, False, Instant(0))
    assert not nacks.is_missing(5)
    assert nacks.is_missing(90)
    assert nacks.is_missing(110)


def test_numbers_too_far_back_are_forgotten():
    nacks = NackList(PlaneLimits(nack_max_age=50))
    nacks.received(0, False, Instant(0))
    nacks.received(3, False, Instant(0))
    nacks.received(53, False, Instant(0))
    assert not nacks.is_missing(2)
    assert nacks.is_missing(4)


def test_a_restart_forgets_everything():
    nacks = after(10, 20)
    nacks.restart()
    assert len(nacks) == 0
    nacks.received(70_000, False, Instant(0))
    assert len(nacks) == 0


@given(st.permutations(list(range(1, 60))), st.sets(st.integers(1, 59)))
@settings(max_examples=100, deadline=None)
def test_what_is_missing_is_what_did_not_arrive_below_the_highest(order, lost):
    nacks = NackList(PlaneLimits())
    nacks.received(0, False, Instant(0))
    arrived = [sequence for sequence in order if sequence not in lost]
    for sequence in arrived:
        assert nacks.received(sequence, False, Instant(0))
    highest = max(arrived, default=0)
    expected = {sequence for sequence in lost if sequence < highest}
    assert set(nacks.due(RTT_US, Instant(FIRST_DELAY_US)).sequence_numbers) == expected
