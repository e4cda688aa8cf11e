from rtpfwd.clock import Instant
from rtpfwd.congestion.application_limit import ApplicationLimit


def send(share, seconds, detector=None, start=0):
    detector = detector or ApplicationLimit(0.65, 500_000)
    for turn in range(round(seconds * 50)):
        detector.sent(round(1_000_000 * share / 8 / 50), 1_000_000, Instant(start + turn * 20_000))
    return detector


def test_sending_half_of_the_estimate_is_the_application_s_choice():
    detector = send(0.4, 3)
    assert detector.limited
    assert detector.since is not None


def test_sending_most_of_the_estimate_is_not():
    assert not send(0.9, 5).limited


def test_it_ends_when_the_application_fills_the_estimate_again():
    detector = send(0.3, 3)
    send(1.0, 2, detector, start=3_000_000)
    assert not detector.limited
