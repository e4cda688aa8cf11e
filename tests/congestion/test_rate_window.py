"""Bits per second from running totals."""

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.congestion.rate_window import RateWindow


def test_before_time_has_passed_there_is_no_rate():
    window = RateWindow()
    assert window.update(1000, Instant(0)) == 0
    assert window.update(2000, Instant(0)) == 0


def test_a_steady_stream_has_its_rate():
    window = RateWindow()
    rates = [window.update(1250 * turn, Instant(milliseconds(10) * turn)) for turn in range(500)]
    assert rates[1:] == [1_000_000] * 499


def test_a_stream_that_stops_has_no_rate_a_second_later():
    window = RateWindow()
    for turn in range(101):
        window.update(1250 * turn, Instant(milliseconds(10) * turn))
    for turn in range(101, 205):
        rate = window.update(125_000, Instant(milliseconds(10) * turn))
    assert rate == 0


def test_seldom_samples_span_more_than_the_window():
    window = RateWindow()
    window.update(0, Instant(0))
    assert window.update(1_000_000, Instant(seconds(4))) == 2_000_000


def test_memory_is_a_seconds_worth():
    window = RateWindow()
    for turn in range(10_000):
        window.update(turn, Instant(milliseconds(10) * turn))
    assert len(window._samples) <= 102
