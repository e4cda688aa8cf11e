"""The score of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.sfu.score import SAMPLES, Score


@pytest.mark.parametrize(
    ("expected", "lost", "repaired", "score"),
    [
        (100, 0, 0, 10),
        (100, 10, 0, 7),  # 10 x 0.9^4 = 6.6
        (100, 50, 0, 1),  # 10 x 0.5^4 = 0.6
        (100, 100, 0, 0),
        (100, 100, 100, 0),
        (100, 10, 10, 9),  # the repaired tenth counts (1 / (10/90 + 1))^4 = 0.66 of itself: 10 x 0.966^4
    ],
)
def test_one_interval_scores_its_delivered_share_to_the_fourth_power(expected, lost, repaired, score):
    assert Score().sample(expected, lost, repaired) == score


def test_the_newest_interval_weighs_most():
    falling, rising = Score(), Score()
    for lost in (0, 0, 100):
        falling.sample(100, lost, 0)
    for lost in (100, 0, 0):
        rising.sample(100, lost, 0)
    assert (falling.value, rising.value) == (5, 8)


def test_an_interval_without_packets_says_nothing():
    score = Score()
    score.reset(10)
    assert score.sample(0, 0, 0) == 10


def test_only_so_many_intervals_are_remembered():
    score = Score()
    for _ in range(100):
        score.sample(100, 100, 0)
    for _ in range(SAMPLES):
        score.sample(100, 0, 0)
    assert score.value == 10


@given(st.lists(st.tuples(st.integers(-10, 10**6), st.integers(-10, 10**6), st.integers(0, 10**6))))
def test_any_counts_give_a_score_from_0_to_10(intervals):
    score = Score()
    for expected, lost, repaired in intervals:
        assert 0 <= score.sample(expected, lost, repaired) <= 10
