from itertools import pairwise

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.probe_control import ProbeControl
from rtpfwd.congestion.settings import ProbeSettings


def rates(control):
    return [probe.rate_bps for probe in control.take()]


def started(demand=None):
    control = ProbeControl(ProbeSettings(), 100_000_000)
    if demand is not None:
        control.set_demand(demand, 600_000, Instant(0))
    control.start(600_000, Instant(0))
    return control


def quiet(control, estimate, until_s, start_s=0):
    """Tick every 100 ms; the seconds at which probes were issued."""
    issued = []
    for turn in range(start_s * 10, until_s * 10):
        control.tick(estimate, True, Instant(turn * 100_000))
        if control.take():
            issued.append(turn / 10)
    return issued


def test_the_first_probes_ask_for_three_and_six_times_the_initial_rate():
    control = started()
    first, second = control.take()
    assert (first.rate_bps, second.rate_bps) == (1_800_000, 3_600_000)
    assert (first.cluster, second.cluster) == (1, 2)
    assert (first.packets, first.size_bytes) == (5, 3375)  # 15 ms
    control.start(600_000, Instant(1))
    assert control.take() == []


def test_a_probe_that_finds_what_it_asked_for_is_doubled():
    control = started()
    control.take()
    assert control.note_result(3_500_000, 600_000, Instant(100_000))
    assert rates(control) == [7_000_000]


def test_a_probe_that_finds_less_is_not():
    control = started()
    control.take()
    control.note_result(2_000_000, 600_000, Instant(100_000))
    assert rates(control) == []


def test_no_probe_asks_for_more_than_demand_can_use():
    control = started(demand=1_000_000)
    assert rates(control) == [1_350_000]
    control.note_result(1_350_000, 600_000, Instant(100_000))
    assert rates(control) == []


def test_a_covered_demand_is_not_probed_for():
    control = started(demand=400_000)
    assert rates(control) == []
    assert quiet(control, 600_000, 60) == []


def test_small_changes_of_demand_are_ignored_and_a_rise_is_probed_at_once():
    control = started(demand=400_000)
    control.set_demand(430_000, 600_000, Instant(1))
    assert control.ceiling_bps == 540_000
    control.set_demand(2_000_000, 600_000, Instant(2))
    assert rates(control) == [1_200_000]


def test_probes_that_find_nothing_come_more_and_more_rarely():
    control = started()
    issued = quiet(control, 600_000, 300)
    pauses = [round(b - a) for a, b in pairwise(issued[1:])]
    assert pauses[0] <= 6
    assert pauses == sorted(pauses)
    assert pauses[-1] > 60


def test_a_success_makes_them_frequent_again():
    control = started()
    quiet(control, 600_000, 100)
    assert control.back_off_us > seconds(10)
    control.note_result(1_000_000, 600_000, Instant(seconds(100)))
    assert control.back_off_us == seconds(3)


def test_nothing_is_probed_while_something_speaks_against_it():
    control = started()
    control.take()
    for turn in range(1000):
        control.tick(600_000, False, Instant(turn * 100_000))
    assert control.take() == []


def test_a_recovery_probe_asks_for_most_of_the_old_rate_and_not_too_often():
    control = started()
    control.take()
    control.recover(3_000_000, 300_000, Instant(0))
    assert rates(control) == [2_550_000]
    control.recover(3_000_000, 300_000, Instant(seconds(2)))
    assert rates(control) == []
    control.recover(3_000_000, 300_000, Instant(seconds(6)))
    assert rates(control) == [2_550_000]


def test_on_a_link_that_media_fill_a_probe_is_longer():
    control = started()
    control.take()
    control.tick(600_000, False, Instant(seconds(2)))
    control.hurry(600_000, Instant(seconds(10)))
    [probe] = control.take()
    assert (probe.rate_bps, probe.size_bytes) == (1_200_000, 6000)  # 40 ms
