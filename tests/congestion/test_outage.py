from rtpfwd.clock import Instant
from rtpfwd.congestion.outage import Outage
from rtpfwd.congestion.settings import RateSettings


def test_who_sends_nothing_misses_nothing():
    outage = Outage(RateSettings())
    assert outage.next_timeout() is None
    assert outage.step(1000, Instant(10**9)) is None


def test_silence_lowers_the_estimate_step_by_step_and_remembers_it():
    outage = Outage(RateSettings())
    outage.sent(Instant(0), 50_000)
    outage.sent(Instant(900_000), 50_000)
    assert outage.step(1000, Instant(999_999)) is None
    assert outage.step(1000, Instant(1_000_000)) == 700
    assert outage.step(700, Instant(1_400_000)) is None
    assert outage.step(700, Instant(1_500_000)) == 490
    assert outage.heard() == 1000
    assert outage.next_timeout() is None


def test_feedback_in_time_is_no_outage():
    outage = Outage(RateSettings())
    outage.sent(Instant(0), 50_000)
    assert outage.heard() is None
    outage.sent(Instant(900_000), 50_000)
    assert outage.next_timeout() == 1_900_000


def test_a_long_round_trip_is_waited_for():
    outage = Outage(RateSettings())
    outage.sent(Instant(0), 600_000)
    assert outage.next_timeout() == 1_800_000
