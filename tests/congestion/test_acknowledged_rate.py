import pytest

from rtpfwd.clock import Instant
from rtpfwd.congestion.acknowledged_rate import MAX_CHUNKS, AcknowledgedRate
from rtpfwd.congestion.settings import RateSettings


def packets(start, count, sent_every, arrived_every, size=1000):
    return [
        (Instant(start + n * sent_every), start + 50_000 + n * arrived_every, size, 0) for n in range(count)
    ]


def test_nothing_is_known_before_ten_packets():
    rate = AcknowledgedRate(RateSettings())
    assert rate.add(packets(0, 9, 10_000, 10_000)) is None
    assert rate.add(packets(90_000, 1, 10_000, 10_000)) is not None


def test_a_steady_stream_is_measured_as_it_is():
    rate = AcknowledgedRate(RateSettings())
    for turn in range(20):
        rate.add(packets(turn * 100_000, 10, 10_000, 10_000))
    assert rate.bps == pytest.approx(800_000, rel=0.02)


def test_the_slower_of_both_clocks_counts():
    spread, clumped = AcknowledgedRate(RateSettings()), AcknowledgedRate(RateSettings())
    assert spread.add(packets(0, 40, 1000, 10_000)) == pytest.approx(800_000, rel=0.04)
    assert clumped.add(packets(0, 40, 10_000, 1000)) == pytest.approx(800_000, rel=0.04)


def test_a_pause_is_not_a_slow_link():
    rate = AcknowledgedRate(RateSettings())
    stalled = [(sent, at + (300_000 if n > 20 else 0), size, 0) for n, (sent, at, size, _) in
               enumerate(packets(0, 40, 10_000, 10_000))]  # fmt: skip
    assert rate.add(stalled) == pytest.approx(800_000, rel=0.05)


def test_a_rate_that_fell_shows_within_the_window():
    rate = AcknowledgedRate(RateSettings())
    for turn in range(10):
        rate.add(packets(turn * 100_000, 40, 2500, 2500))
    for turn in range(10, 17):
        rate.add(packets(turn * 100_000, 5, 20_000, 20_000))
    assert rate.bps is not None
    assert rate.bps < 500_000


def test_arrivals_that_jump_back_are_another_clock():
    rate = AcknowledgedRate(RateSettings())
    rate.add(packets(10_000_000, 40, 10_000, 10_000))
    assert rate.add(packets(0, 5, 10_000, 10_000)) is None


def test_a_receiver_whose_clock_stands_still_costs_no_memory():
    rate = AcknowledgedRate(RateSettings())
    for turn in range(1000):
        rate.add([(Instant(turn), 5, 100, 0)])
    assert len(rate._chunks) == MAX_CHUNKS
