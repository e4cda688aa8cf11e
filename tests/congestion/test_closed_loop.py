"""The estimate in a loop with an encoder, a pacer, a queue and a receiver: what the product promises."""

import pytest

from tests.congestion.simulation import catalogue
from tests.congestion.simulation.catalogue import STEADY
from tests.congestion.simulation.scenario import run

SETTLED_S = 10


@pytest.mark.parametrize(("rate", "rtt_ms", "loss"), STEADY)
def test_the_estimate_lies_close_below_a_steady_link(rate, rtt_ms, loss):
    outcome = run(catalogue.steady(rate, rtt_ms, loss, seconds=40))
    assert 0.85 <= outcome.share_of_link(SETTLED_S, 40) <= 1.05
    assert outcome.utilisation(SETTLED_S, 40) > 0.8
    assert outcome.wait_ms(0.95, SETTLED_S) < 100
    assert outcome.large_falls(SETTLED_S, 40) <= 1


def test_a_step_down_is_followed_in_two_seconds_and_the_step_up_in_fifteen():
    outcome = run(catalogue.step())
    assert outcome.first_time(20, below=1.05 * 300e3) < 2
    assert outcome.first_time(40, above=0.75 * 3e6) < 15
    assert outcome.share_of_link(25, 40) < 1.05
    assert 0.8 < outcome.share_of_link(55, 80) < 1.05
    assert outcome.large_falls(SETTLED_S, 19) == 0
    assert outcome.large_falls(22, 40) <= 1
    assert outcome.large_falls(55, 80) <= 1
    assert outcome.wait_ms(0.95) < 100


def test_an_sfu_s_layers_come_back_after_a_step_though_they_fill_no_link():
    outcome = run(catalogue.layered_step())
    assert outcome.first_time(20, below=1.05 * 300e3) < 2
    assert outcome.first_time(40, above=1.5e6) < 15
    assert outcome.mean_sent(58, 80) == pytest.approx(1.5e6, rel=0.05)
    assert outcome.wait_ms(0.95) < 50


@pytest.mark.parametrize("length_s", [3, 10])
def test_after_an_outage_the_rate_is_back_in_a_few_seconds(length_s):
    outcome = run(catalogue.outage(length_s))
    assert outcome.first_time(19 + length_s, below=1e6) < 2, "it was not noticed"
    assert outcome.first_time(20 + length_s, above=0.75 * 2e6) < 4
    assert outcome.share_of_link(25 + length_s, 40 + length_s) > 0.8


def test_jitter_of_a_radio_link_does_not_collapse_the_estimate():
    outcome = run(catalogue.jittery())
    assert outcome.share_of_link(SETTLED_S, 60) > 0.8
    assert min(outcome.trace.target[SETTLED_S * 10 :]) > 0.5 * 2e6


def test_random_loss_of_five_percent_costs_no_rate_and_of_twenty_percent_leaves_some():
    assert run(catalogue.lossy(0.05)).share_of_link(SETTLED_S, 60) > 0.8
    assert run(catalogue.lossy(0.20)).mean_target(30, 60) > 300e3


def test_two_flows_share_a_bottleneck():
    shares = []
    for seed in (1, 2, 3):
        scenario = catalogue.two_flows()
        scenario.seed = seed
        outcome = run(scenario)
        shares.append(outcome.mean_sent(40, 120, 0) / outcome.mean_sent(40, 120, 1))
        assert outcome.wait_ms(0.95, 30) < 100
    assert all(1 / 1.6 < share < 1.6 for share in shares)
    assert 1 / 1.3 < sum(shares) / 3 < 1.3


def test_a_scenario_gives_the_same_figures_every_time():
    one, two = (run(catalogue.steady(1e6, 20, 0.02, seconds=10)) for _ in range(2))
    assert one.trace.target == two.trace.target
