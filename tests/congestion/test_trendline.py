import pytest

from rtpfwd.congestion.settings import DelaySettings
from rtpfwd.congestion.trendline import Trendline, Usage


def feed(line, count, send_us, arrive_us, start=0):
    at = start
    usages = []
    for _ in range(count):
        at += arrive_us
        usages.append(line.update([(send_us, arrive_us, at)]))
    return at, usages


def test_even_arrivals_are_normal_and_the_trend_is_nothing():
    line = Trendline(DelaySettings())
    _, usages = feed(line, 200, 10_000, 10_000)
    assert set(usages) == {Usage.NORMAL}
    assert line.trend_ms == 0


def test_a_growing_queue_is_overuse_within_half_a_second():
    line = Trendline(DelaySettings())
    at, _ = feed(line, 60, 10_000, 10_000)
    _, usages = feed(line, 50, 10_000, 11_000, at)
    assert Usage.OVERUSE in usages


def test_a_draining_queue_is_underuse():
    line = Trendline(DelaySettings())
    at, _ = feed(line, 60, 10_000, 10_000)
    _, usages = feed(line, 40, 10_000, 9000, at)
    assert Usage.UNDERUSE in usages
    assert Usage.OVERUSE not in usages


def test_the_slope_settles_at_the_queue_s_growth():
    line = Trendline(DelaySettings())
    feed(line, 400, 10_000, 10_100)
    # 100 µs of delay for each 10.1 ms, weighed with 60 deltas and a gain of 4.
    assert line.trend_ms == pytest.approx(100 / 10_100 * 60 * 4, rel=0.01)


def test_the_threshold_sinks_in_quiet_and_grows_with_steady_slopes():
    line = Trendline(DelaySettings())
    at, _ = feed(line, 500, 10_000, 10_000)
    assert line.threshold_ms == DelaySettings().min_threshold_ms
    feed(line, 500, 10_000, 10_400, at)
    assert line.threshold_ms > DelaySettings().min_threshold_ms


def test_the_sums_stay_exact_after_a_day():
    line = Trendline(DelaySettings())
    feed(line, 100, 10_000, 10_000, start=0)
    feed(line, 400, 10_000, 10_100, start=86_400_000_000)
    assert line.trend_ms == pytest.approx(100 / 10_100 * 60 * 4, rel=0.01)
