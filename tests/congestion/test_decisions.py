from rtpfwd.clock import Instant
from rtpfwd.congestion.decisions import DecisionLog, EstimateChange, Reason


def change(at, before, after, reason):
    return EstimateChange(Instant(at), before, after, reason, {"n": at})


def test_a_steady_climb_is_one_change():
    log = DecisionLog(10)
    log.add(change(1, 100, 110, Reason.INCREASE))
    log.add(change(2, 110, 120, Reason.INCREASE))
    log.add(change(3, 120, 90, Reason.OVERUSE))
    log.add(change(4, 90, 95, Reason.INCREASE))
    climb, fall, again = log.take()
    assert (climb.at, climb.before_bps, climb.after_bps, climb.figures) == (1, 100, 120, {"n": 2})
    assert (fall.before_bps, fall.after_bps, again.after_bps) == (120, 90, 95)
    assert log.take() == []


def test_memory_is_bounded_and_the_oldest_go_first():
    log = DecisionLog(3)
    for at in range(10):
        log.add(change(at, at, at + 1, Reason.PROBE))
    assert [one.at for one in log.take()] == [7, 8, 9]
