"""How long to wait before a hole is asked for, learnt from earlier holes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import PlaneLimits
from rtpfwd.dataplane.reference.nack import OUTAGE_PACKETS, OUTAGE_US, NackList
from rtpfwd.dataplane.reference.nack_delay import MAX_DELAY_US, MIN_DELAY_US, NackDelay


def test_nothing_known_is_ten_milliseconds():
    assert NackDelay().delay_us == milliseconds(10)


def test_a_link_that_only_loses_is_asked_at_once():
    delay = NackDelay()
    for sequence in range(1000):
        delay.repaired(sequence, Instant(0))
    assert delay.delay_us == MIN_DELAY_US


def test_a_link_that_only_reorders_is_given_the_time_that_it_needs():
    delay = NackDelay()
    for place in range(100):
        delay.filled(milliseconds(place % 60))
    assert milliseconds(59) <= delay.delay_us <= milliseconds(70)


def test_one_late_packet_among_many_lost_ones_makes_nobody_wait():
    delay = NackDelay()
    for sequence in range(100):
        delay.repaired(sequence, Instant(0))
    for _ in range(5):
        delay.filled(milliseconds(80))
    assert delay.delay_us == MIN_DELAY_US
    delay.filled(milliseconds(80))
    assert delay.delay_us == milliseconds(90)


def test_who_is_later_than_can_be_waited_for_is_not_waited_for():
    delay = NackDelay()
    for _ in range(50):
        delay.filled(MAX_DELAY_US + 1)
    assert delay.delay_us == MIN_DELAY_US


def test_a_packet_that_came_after_its_repair_was_late_and_not_lost():
    delay = NackDelay()
    delay.repaired(7, Instant(0))
    delay.original_came(7)
    delay.original_came(8)  # never repaired: a duplicate
    delay.tick(Instant(milliseconds(40)))
    assert delay.delay_us == milliseconds(45)


def test_it_forgets_slowly_and_surely():
    delay = NackDelay()
    for _ in range(50):
        delay.filled(milliseconds(60))
    for sequence in range(300):
        delay.repaired(sequence, Instant(0))
    assert delay.delay_us == MIN_DELAY_US


@given(st.lists(st.one_of(st.none(), st.integers(0, 2 * MAX_DELAY_US)), max_size=300))
@settings(max_examples=100, deadline=None)
def test_at_most_one_of_twenty_askings_would_have_been_needless(holes):
    delay = NackDelay()
    for sequence, lateness_us in enumerate(holes):
        if lateness_us is None:
            delay.repaired(sequence, Instant(0))
        else:
            delay.filled(lateness_us)
    assert MIN_DELAY_US <= delay.delay_us <= MAX_DELAY_US
    known = holes[-256:]
    avoidable = [one for one in known if one is not None and one <= MAX_DELAY_US]
    needless = sum(one > delay.delay_us for one in avoidable)
    assert needless <= (len(known) - len(avoidable)) // 19


def reordering_list(without_rtx: bool) -> NackList:
    nacks = NackList(PlaneLimits())
    for turn in range(40):
        base, now = turn * 10, Instant(turn * milliseconds(100))
        nacks.received(base, False, now)
        nacks.received(base + 2, False, now)
        if not without_rtx:
            nacks.repaired(base + 1)
        nacks.received(base + 1, False, Instant(now + milliseconds(50)))
        for place in range(3, 10):
            nacks.received(base + place, False, Instant(now + milliseconds(50)))
    return nacks


def test_a_list_learns_from_packets_that_fill_holes_and_not_from_repairs():
    assert milliseconds(50) <= reordering_list(without_rtx=True).first_delay_us <= milliseconds(60)
    assert reordering_list(without_rtx=False).first_delay_us == MIN_DELAY_US


def test_without_rtx_what_comes_a_round_trip_after_it_was_asked_for_is_a_repair():
    nacks = NackList(PlaneLimits())
    for turn in range(30):
        base, now = turn * 2, turn * milliseconds(200)
        nacks.received(base, False, Instant(now))
        nacks.received(base + 2, False, Instant(now))
        nacks.due(milliseconds(50), Instant(now + MIN_DELAY_US))
        nacks.received(base + 1, False, Instant(now + MIN_DELAY_US + milliseconds(50)))
    assert nacks.first_delay_us == MIN_DELAY_US


def test_a_long_silence_with_many_packets_lost_is_beyond_repair():
    nacks = NackList(PlaneLimits())
    nacks.received(0, False, Instant(0))
    assert not nacks.received(OUTAGE_PACKETS + 2, False, Instant(OUTAGE_US))
    assert len(nacks) == 0


def test_a_slow_stream_that_lost_a_packet_is_repaired():
    nacks = NackList(PlaneLimits())
    nacks.received(0, False, Instant(0))
    assert nacks.received(3, False, Instant(5 * OUTAGE_US))
    assert len(nacks) == 2
