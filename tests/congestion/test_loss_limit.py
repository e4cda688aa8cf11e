import pytest

from rtpfwd.clock import Instant
from rtpfwd.congestion.departure_log import FeedbackReport
from rtpfwd.congestion.loss_limit import LossLimit
from rtpfwd.congestion.settings import LossSettings


def lose(limit, share, seconds, estimate, start=0.0, acknowledged=None):
    """A hundred packets a second; the estimate follows the limit."""
    for turn in range(round(start * 10), round((start + seconds) * 10)):
        at = turn * 100_000
        lost = round(10 * share)
        report = FeedbackReport(
            [(Instant(at + n), 0, 1000, 0) for n in range(10 - lost)],
            [Instant(at + 50 + n) for n in range(lost)],
            0,
            Instant(at + 50),
        )
        now = Instant(at + 100_000)
        limit.update(report, min(estimate, limit.bps or estimate), acknowledged, now)
    return limit.bps


def test_without_loss_there_is_no_limit():
    assert lose(LossLimit(LossSettings()), 0, 10, 1_000_000) is None


def test_ten_percent_are_borne():
    assert lose(LossLimit(LossSettings()), 0.1, 10, 1_000_000) is None


def test_more_takes_half_the_loss_off():
    assert lose(LossLimit(LossSettings()), 0.2, 0.8, 1_000_000) == 900_000


def test_loss_that_does_not_depend_on_the_rate_does_not_starve_it():
    # 75 kbit/s / (0.2 - 0.05)
    assert lose(LossLimit(LossSettings()), 0.2, 60, 3_000_000) == pytest.approx(500_000)


def test_through_a_standing_queue_it_goes_below_what_arrives():
    limit = LossLimit(LossSettings())
    assert lose(limit, 0.2, 0.8, 400_000, acknowledged=300_000) == 255_000


def test_the_limit_eases_when_loss_is_gone_and_then_vanishes():
    limit = LossLimit(LossSettings())
    before = lose(limit, 0.3, 3, 1_000_000)
    assert before is not None
    after = lose(limit, 0, 3, 1_000_000, start=3)
    assert before * 1.1 < after < before * 1.3
    assert lose(limit, 0, 30, 200_000, start=6) is None


def test_packets_from_before_a_cut_do_not_count_again():
    limit = LossLimit(LossSettings())
    limit.ignore_before(Instant(10_000_000))
    assert lose(limit, 0.5, 10, 1_000_000) is None
    assert lose(limit, 0.5, 2, 1_000_000, start=11) is not None


def test_a_probe_that_went_through_lifts_the_limit():
    limit = LossLimit(LossSettings())
    lose(limit, 0.3, 3, 1_000_000)
    limit.lift(2_000_000)
    assert limit.bps == 2_000_000


def test_packets_that_came_after_all_were_not_lost():
    limit = LossLimit(LossSettings())
    for turn in range(30):
        at = Instant(turn * 100_000)
        report = FeedbackReport([(at, 0, 1, 0)] * 8, [at] * 2, 2 if turn else 0, at)
        limit.update(report, 1_000_000, None, at)
    assert limit.bps is None
    assert limit.ratio < 0.1
