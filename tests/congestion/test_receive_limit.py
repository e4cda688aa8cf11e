"""The REMB estimate from loss."""

from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.congestion.receive_limit import MAX_BPS, MIN_BPS, ReceiveLimit


def test_without_loss_it_grows_by_half_each_second_while_the_publisher_uses_it():
    limit = ReceiveLimit(1_000_000)
    assert [limit.update(1_000_000, 0, 100) for _ in range(3)] == [1_500_000, 2_250_000, 3_375_000]


def test_it_does_not_run_away_from_what_arrives():
    limit = ReceiveLimit(1_000_000)
    for _ in range(50):
        limit.update(300_000, 0, 100)
    assert limit.bitrate_bps == 1_000_000


def test_little_loss_changes_nothing_between_the_two_bounds():
    limit = ReceiveLimit(1_000_000)
    assert limit.update(1_000_000, 5, 100) == 1_000_000


def test_much_loss_takes_half_of_the_lost_share_off_what_arrives():
    limit = ReceiveLimit(1_000_000)
    assert limit.update(800_000, 20, 100) == 720_000


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**12), st.integers(-1000, 10_000), st.integers(-1000, 10_000)))
)
def test_whatever_is_claimed_it_stays_within_its_bounds(evidence):
    limit = ReceiveLimit(1_000_000)
    for received_bps, lost, expected in evidence:
        assert MIN_BPS <= limit.update(received_bps, lost, expected) <= MAX_BPS
