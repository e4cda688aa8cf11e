from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.remb_limit import RembLimit
from rtpfwd.congestion.settings import LossSettings


def remb(bps, loss):
    limit = RembLimit(LossSettings())
    limit.note(bps, Instant(0))
    limit.note_loss(loss)
    return limit


def test_little_loss_is_rewarded_and_much_is_punished():
    assert remb(1_000_000, 0.0).allowed_bps() == 1_080_000
    assert remb(1_000_000, 0.05).allowed_bps() == 1_000_000
    assert remb(1_000_000, 0.2).allowed_bps() == 900_000


def test_as_an_upper_bound_it_ends_when_it_is_not_repeated():
    limit = remb(1_000_000, 0)
    assert limit.cap_bps(Instant(seconds(9))) == 1_000_000
    assert limit.cap_bps(Instant(seconds(10))) is None


def test_without_a_remb_there_is_nothing():
    limit = RembLimit(LossSettings())
    assert limit.allowed_bps() is None
    assert limit.cap_bps(Instant(0)) is None


def test_a_loss_out_of_range_is_cut():
    assert remb(1_000_000, 7.0).allowed_bps() == 500_000
