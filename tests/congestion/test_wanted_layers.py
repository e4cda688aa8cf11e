"""What publishers should send, by what anybody wants."""

from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.demands import Demand
from rtpfwd.congestion.ladder import wanted_spatial
from rtpfwd.congestion.wanted_layers import WantedLayers, WantedLayersSettings

SIZES = ((320, 180), (640, 360), (1280, 720))


def wanted(encodings=3):
    return WantedLayers(WantedLayersSettings(), encodings)


def at(count):
    return Instant(seconds(count))


def wants(**changes):
    return wanted_spatial(Demand(1, (), **{"sizes": SIZES, **changes}), spatial_layers=3, shown_percent=90)


def test_a_consumer_without_wishes_wants_the_best():
    assert wants() == 2


def test_a_cap_and_a_size_lower_what_is_wanted():
    assert wants(preferred=(1, 2)) == 1
    assert wants(shown=(320, 180)) == 0
    assert wants(preferred=(0, 0), shown=(1280, 720)) == 0
    assert wants(preferred=(7, 7)) == 2


def test_a_layer_that_was_never_seen_may_be_the_one():
    assert wants(shown=(1280, 720), sizes=((320, 180), (640, 360), None)) == 2
    assert wants(shown=(640, 360), sizes=((320, 180), (640, 360), None)) == 1


def test_who_is_paused_or_sees_nothing_wants_nothing():
    assert wants(paused=True) == -1
    assert wants(shown=(0, 0)) == -1


def test_all_is_sent_until_it_is_known_to_be_unwanted():
    producer = wanted()
    assert producer.encodings() == (True, True, True)
    assert producer.next_timeout() is None


def test_down_after_five_seconds():
    producer = wanted()
    assert not producer.update([1, 0], at(0))
    assert producer.next_timeout() == at(5)
    assert not producer.handle_timeout(at(4.9))
    assert producer.handle_timeout(at(5))
    assert producer.encodings() == (True, True, False)


def test_up_at_once():
    producer = wanted()
    producer.update([0], at(0))
    producer.handle_timeout(at(5))
    assert producer.encodings() == (True, False, False)
    assert producer.update([0, 2], at(6))
    assert producer.encodings() == (True, True, True)


def test_the_highest_want_counts():
    producer = wanted()
    producer.update([0, 2, 1], at(0))
    assert producer.next_timeout() is None


def test_when_nobody_wants_anything_all_goes_off_and_comes_back_at_once():
    producer = wanted()
    producer.update([], at(0))
    assert producer.handle_timeout(at(5))
    assert producer.encodings() == (False, False, False)
    assert producer.next_timeout() is None
    assert producer.update([0], at(60))
    assert producer.encodings() == (True, False, False)


def test_a_change_of_mind_within_the_delay_changes_nothing():
    producer = wanted()
    producer.update([0], at(0))
    producer.update([2], at(4))
    assert producer.next_timeout() is None
    producer.update([0], at(6))
    assert producer.next_timeout() == at(11)


def test_each_layer_waits_for_itself():
    producer = wanted()
    producer.update([1], at(0))
    producer.update([0], at(3))
    assert producer.handle_timeout(at(5))
    assert producer.encodings() == (True, True, False)
    assert producer.next_timeout() == at(8)
    assert producer.update([0], at(8))
    assert producer.encodings() == (True, False, False)


@given(st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(-1, 4), max_size=3)), max_size=20))
def test_what_is_wanted_is_always_sent_and_nothing_longer_than_the_delay(story):
    producer = wanted()
    now = 0
    last_wanted = [0, 0, 0]
    for pause, now_wanted in story:
        due = producer.next_timeout()
        assert due is None or due > at(now)
        highest = max(now_wanted, default=-1)
        now += pause
        producer.handle_timeout(at(now))
        producer.update(now_wanted, at(now))
        for layer in range(3):
            if layer <= highest:
                assert producer.encodings()[layer]
                last_wanted[layer] = None
            elif last_wanted[layer] is None:
                last_wanted[layer] = now
            if last_wanted[layer] is not None and story and now - last_wanted[layer] >= 5 and layer > highest:
                assert not producer.encodings()[layer] or last_wanted[layer] == 0
