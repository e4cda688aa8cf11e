import pytest

from rtpfwd.clock import Instant
from rtpfwd.congestion.rate_control import RateControl
from rtpfwd.congestion.settings import RateSettings
from rtpfwd.congestion.trendline import Usage

NO_LIMIT = 10**9


def control(bps=1_000_000):
    return RateControl(RateSettings(), bps)


def normal(rate, seconds, acknowledged, start=0, limit=NO_LIMIT):
    for turn in range(round(seconds * 10) + 1):
        rate.update(Usage.NORMAL, acknowledged, False, limit, Instant(start + turn * 100_000))


def test_it_grows_by_eight_percent_a_second_while_the_link_is_unknown():
    rate = control()
    normal(rate, 1, 5_000_000)
    assert rate.bps == pytest.approx(1_080_000, rel=0.001)


def test_it_grows_no_further_than_what_arrives_justifies():
    rate = control()
    normal(rate, 10, 700_000)
    assert rate.bps == 1_060_000


def test_it_grows_no_further_than_the_limit_and_is_not_cut_to_it():
    rate = control()
    normal(rate, 10, 5_000_000, limit=1_010_000)
    assert rate.bps == 1_010_000
    normal(rate, 1, 5_000_000, start=20_000_000, limit=500_000)
    assert rate.bps == 1_010_000


def test_overuse_takes_it_below_what_arrives():
    rate = control()
    rate.update(Usage.OVERUSE, 900_000, False, NO_LIMIT, Instant(0))
    assert rate.bps == 765_000
    assert rate.capacity.kbps == 900


def test_it_waits_a_round_trip_before_it_falls_again():
    rate = control()
    rate.rtt_us = 100_000
    rate.update(Usage.OVERUSE, 900_000, False, NO_LIMIT, Instant(0))
    rate.update(Usage.OVERUSE, 800_000, False, NO_LIMIT, Instant(50_000))
    assert rate.bps == 765_000
    rate.update(Usage.OVERUSE, 800_000, False, NO_LIMIT, Instant(100_000))
    assert rate.bps == 680_000


def test_a_collapse_does_not_wait():
    rate = control()
    rate.update(Usage.OVERUSE, 900_000, False, NO_LIMIT, Instant(0))
    rate.update(Usage.OVERUSE, 200_000, False, NO_LIMIT, Instant(10_000))
    assert rate.bps == 170_000


def test_overuse_before_anything_was_measured_halves():
    rate = control()
    rate.update(Usage.OVERUSE, None, False, NO_LIMIT, Instant(0))
    assert rate.bps == 500_000


def test_an_application_that_sends_little_falls_from_the_estimate_not_from_what_it_sent():
    rate = control()
    rate.update(Usage.OVERUSE, 100_000, True, NO_LIMIT, Instant(0))
    assert rate.bps == 850_000
    assert rate.capacity.kbps is None


def test_underuse_holds():
    rate = control()
    normal(rate, 0.1, 5_000_000)
    before = rate.bps
    rate.update(Usage.UNDERUSE, 5_000_000, False, NO_LIMIT, Instant(5_000_000))
    assert rate.bps == before


def test_near_the_known_capacity_it_grows_by_a_packet_in_a_response_time():
    rate = control(2_000_000)
    rate.path_rtt_us = 100_000
    rate.update(Usage.OVERUSE, 1_000_000, False, NO_LIMIT, Instant(0))
    rate.set(950_000, Instant(0))
    # 950 kbit/s at 30 frames a second: four packets of 7917 bits; 2 * (100 + 100) ms.
    assert rate.increase_per_s() == pytest.approx(7917 / 0.4, rel=0.001)
    normal(rate, 1, 1_000_000)
    assert rate.bps == pytest.approx(969_800, rel=0.001)


def test_far_below_the_known_capacity_it_does_not_dawdle():
    rate = control(2_000_000)
    rate.update(Usage.OVERUSE, 1_000_000, False, NO_LIMIT, Instant(0))
    assert rate.bps == 850_000
    normal(rate, 1, 1_000_000)
    assert rate.bps >= 900_000


def test_more_arriving_than_the_link_was_thought_to_carry_is_a_new_link():
    rate = control()
    rate.update(Usage.OVERUSE, 900_000, False, NO_LIMIT, Instant(0))
    rate.update(Usage.NORMAL, 2_000_000, False, NO_LIMIT, Instant(1_000_000))
    assert rate.capacity_grew
    assert rate.capacity.kbps is None


def test_right_after_a_probe_the_old_rate_of_arrivals_does_not_count():
    rate = control(300_000)
    rate.probed(3_000_000, Instant(0))
    rate.update(Usage.OVERUSE, 400_000, False, NO_LIMIT, Instant(200_000))
    assert rate.bps == round(3_000_000 * 0.95 * 0.85)
    rate.update(Usage.OVERUSE, 400_000, False, NO_LIMIT, Instant(2_000_000))
    assert rate.bps == 340_000
