import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.inspection.reception import WINDOW, Arrival, Jitter, Reception


def receive(numbers):
    reception = Reception()
    for time_us, number in enumerate(numbers):
        reception.receive(number & 0xFFFF, time_us)
    reception.finish()
    return reception


def test_what_never_came_is_lost_and_counted_in_runs():
    reception = receive([10, 11, 14, 15, 17])
    assert (reception.lost, reception.longest_run, reception.runs) == (3, 2, {"2": 1, "1": 1})


def test_a_duplicate_does_not_make_up_for_a_loss():
    reception = receive([1, 2, 2, 2, 5])
    assert (reception.lost, reception.duplicates) == (2, 2)


def test_what_comes_late_is_not_lost():
    reception = receive([1, 4, 2, 5, 3])
    assert (reception.lost, reception.reordered, reception.duplicates) == (0, 2, 0)


def test_a_packet_from_before_the_first_one_opens_a_gap_between_them():
    reception = receive([10, 7, 11])
    assert (reception.lost, reception.reordered) == (2, 1)


def test_numbers_wrap():
    assert receive([65533, 65534, 0, 1]).lost == 1


def test_a_new_numbering_is_a_restart_and_nothing_is_lost_between():
    reception = receive([1, 2, 4, 30_000, 30_001, 30_003])
    assert (reception.restarts, reception.lost, reception.strays) == (1, 2, 0)


def test_one_packet_of_nowhere_is_a_stray():
    reception = receive([1, 2, 30_000, 3])
    assert (reception.restarts, reception.lost, reception.strays) == (0, 0, 1)


@settings(max_examples=50)
@given(st.integers(0, 0xFFFF), st.integers(2, 400), st.randoms(use_true_random=False))
def test_every_packet_is_new_late_or_double_whatever_the_order(first, count, chance):
    """Against the plain definition, for reordering within the window."""
    sent = [first + number for number in range(count)]
    kept = [number for number in sent if chance.random() > 0.1] or sent[:1]
    doubled = [number for number in kept if chance.random() < 0.1]
    arrived = sorted(kept + doubled, key=lambda number: number + chance.random() * 20)
    reception = receive(arrived)
    assert reception.lost == max(kept) - min(kept) + 1 - len(set(kept))
    assert reception.duplicates == len(doubled)
    assert sum(reception.runs.values()) <= reception.lost
    assert reception.strays == reception.restarts == 0


def test_memory_is_bounded_whatever_comes():
    reception = Reception()
    chance = random.Random("reception")
    number = 0
    for time_us in range(800):
        number += chance.choice([1, 2999, -2999, 20_000])
        assert isinstance(reception.receive(number & 0xFFFF, time_us), Arrival)
        assert len(reception._missing) <= WINDOW + 3000


def test_jitter_is_that_of_rfc_3550():
    jitter = Jitter(8000)
    for timestamp, time_us in ((0, 0), (160, 20_000), (320, 56_000), (480, 60_000)):
        jitter.receive(timestamp, time_us)
    # Differences of 0, 16 and 16 ms: J = 0, 1, 1 + 15/16.
    assert jitter.value_ms == pytest.approx(1.9375)
    assert jitter.spread.largest == pytest.approx(1.9375)


def test_jitter_over_a_wrap_of_timestamps_and_after_a_restart():
    jitter = Jitter(90000)
    jitter.receive(0xFFFF_FFFF - 899, 0)
    jitter.receive(0, 10_000)
    jitter.restart()
    jitter.receive(123_456, 20_000)
    assert jitter.value_ms == pytest.approx(0)
