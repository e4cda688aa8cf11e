import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.arrival_log import ArrivalLog, Feedback
from rtpfwd.congestion.decisions import Reason
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings

WAY_US = 25_000


class Peer:
    """Sends at a rate for a while, and answers every 100 ms over a link that carries anything."""

    def __init__(self, **options):
        self.estimator = SendSideEstimator(EstimatorSettings(**options), Instant(0))
        self.arrivals = ArrivalLog()
        self.number = 0
        self.now = 0

    def send(self, bps, duration_s, answer=True, lose=0):
        """``lose``: one of so many packets, 0: none."""
        for _ in range(round(duration_s * 10)):
            count = max(round(bps / 8 / 10 / 1000), 1)
            departures = []
            for index in range(count):
                at = Instant(self.now + index * 100_000 // count)
                departures.append((self.number & 0xFFFF, at, 1000, 0))
                if not lose or self.number % lose:
                    self.arrivals.add([(self.number & 0xFFFF, Instant(at + WAY_US))])
                self.number += 1
            self.estimator.sent(departures)
            self.now += 100_000
            at = Instant(self.now + 2 * WAY_US)
            for feedback in self.arrivals.build():
                if answer:
                    self.estimator.feedback(feedback, at)
            due = self.estimator.next_timeout()
            if due is not None and due <= at:
                self.estimator.handle_timeout(at)
            self.probes = self.estimator.probes()


def reasons(estimator):
    return [change.reason for change in estimator.take_decisions()]


def test_it_begins_with_the_initial_rate_and_says_so():
    estimator = SendSideEstimator(EstimatorSettings(), Instant(5))
    assert (estimator.target_bps, estimator.pacing_bps) == (600_000, 1_500_000)
    [start] = estimator.take_decisions()
    assert (start.at, start.before_bps, start.after_bps, start.reason) == (5, 0, 600_000, Reason.START)


def test_it_probes_when_the_first_packets_have_left():
    peer = Peer()
    assert peer.estimator.probes() == []
    peer.estimator.sent([(0, Instant(0), 1000, 0)])
    assert [probe.rate_bps for probe in peer.estimator.probes()] == [1_800_000, 3_600_000]
    assert peer.estimator.probes() == []


def test_it_grows_while_the_link_carries_what_is_sent():
    peer = Peer()
    peer.send(600_000, 3)
    assert 650_000 < peer.estimator.target_bps <= 910_000
    assert reasons(peer.estimator) == [Reason.START, Reason.INCREASE]
    assert peer.estimator.rtt_us == pytest.approx(100_000, abs=60_000)


def test_the_application_s_maximum_holds_at_once_and_always():
    peer = Peer()
    peer.estimator.set_limits(None, 300_000, Instant(0))
    assert peer.estimator.target_bps == 300_000
    peer.send(300_000, 5)
    assert peer.estimator.target_bps == 300_000
    assert reasons(peer.estimator)[:2] == [Reason.START, Reason.LIMIT]
    assert all(probe.rate_bps <= 300_000 for probe in peer.estimator.probes())


def test_the_application_s_minimum_holds():
    peer = Peer()
    peer.estimator.set_limits(1_000_000, None, Instant(0))
    assert peer.estimator.target_bps == 1_000_000
    peer.estimator.set_limits(None, None, Instant(0))
    peer.send(600_000, 1)
    peer.send(600_000, 20, answer=False)
    assert peer.estimator.target_bps == 30_000


def test_demand_bounds_growth_and_never_cuts():
    peer = Peer()
    peer.estimator.set_demand(500_000, Instant(0))
    peer.send(1_000_000, 10)
    grown = peer.estimator.target_bps
    assert 600_000 <= grown <= 675_000, "beyond the first rate only as far as it is of use"
    peer.estimator.set_demand(100_000, Instant(peer.now))
    peer.send(100_000, 5)
    assert peer.estimator.target_bps == grown


def test_silence_of_the_feedback_lowers_it_and_its_return_asks_for_the_old_rate():
    peer = Peer()
    peer.send(600_000, 3)
    before = peer.estimator.target_bps
    peer.estimator.take_decisions()
    peer.send(600_000, 4, answer=False)
    assert peer.estimator.target_bps < before / 4
    assert set(reasons(peer.estimator)) == {Reason.NO_FEEDBACK}
    peer.send(100_000, 0.1)
    assert any(probe.rate_bps == pytest.approx(before * 0.85, rel=0.02) for probe in peer.probes)


def test_a_pause_of_the_application_is_no_outage():
    peer = Peer()
    peer.send(600_000, 3)
    before = peer.estimator.target_bps
    peer.estimator.handle_timeout(Instant(peer.now + seconds(60)))
    assert peer.estimator.target_bps == before


def test_little_random_loss_does_not_stop_growth():
    peer = Peer()
    peer.send(600_000, 3, lose=30)
    assert peer.estimator.target_bps > 650_000


def test_much_loss_lowers_it_with_that_reason():
    peer = Peer(initial_bps=3_000_000)
    peer.send(3_000_000, 5, lose=3)
    assert Reason.LOSS in reasons(peer.estimator)
    assert peer.estimator.target_bps < 2_000_000


def test_a_remb_is_the_estimate_while_there_is_no_feedback():
    estimator = SendSideEstimator(EstimatorSettings(), Instant(0))
    estimator.note_remb(1_000_000, Instant(1))
    assert estimator.target_bps == 1_080_000
    estimator.note_report(0.2, 80_000, Instant(2))
    assert estimator.target_bps == 900_000
    assert estimator.rtt_us == 80_000
    assert not estimator.has_feedback
    assert reasons(estimator)[1:] == [Reason.REMB, Reason.REMB]


def test_without_feedback_silence_is_no_outage():
    peer = Peer()
    peer.estimator.note_remb(1_000_000, Instant(1))
    peer.send(600_000, 10, answer=False)
    assert peer.estimator.target_bps == 1_080_000


def test_a_remb_beside_feedback_is_an_upper_bound():
    peer = Peer()
    peer.send(600_000, 3)
    peer.estimator.note_remb(200_000, Instant(peer.now))
    assert peer.estimator.target_bps == 200_000
    peer.estimator.note_remb(50_000_000, Instant(peer.now))
    assert peer.estimator.target_bps > 600_000


def test_a_silly_remb_and_a_silly_report_do_no_harm():
    estimator = SendSideEstimator(EstimatorSettings(), Instant(0))
    estimator.note_remb(-5, Instant(1))
    assert estimator.target_bps == 30_000
    estimator.note_report(99.0, -7, Instant(2))
    estimator.note_remb(2**80, Instant(3))
    assert estimator.target_bps == 100_000_000


def test_it_explains_itself():
    peer = Peer()
    peer.send(600_000, 2)
    figures = peer.estimator.explain()
    assert figures["usage"] == "normal"
    assert figures["target_bps"] == peer.estimator.target_bps
    assert figures["acknowledged_bps"] == pytest.approx(600_000, rel=0.1)


deltas = st.lists(st.none() | st.integers(-0x8000, 0x7FFF), max_size=80)
claims = st.builds(
    Feedback, st.integers(0, 300), st.integers(0, 255), st.integers(0, 0xFF_FFFF), deltas.map(tuple)
)


@settings(max_examples=100, deadline=None)
@given(st.lists(claims, max_size=30))
def test_whatever_a_stranger_claims_the_estimate_stays_within_its_bounds(claims):
    estimator = SendSideEstimator(EstimatorSettings(max_bps=5_000_000), Instant(0))
    now = Instant(0)
    for turn, claim in enumerate(claims):
        estimator.sent([(turn * 10 + n, Instant(now + n * 5000), 1000, n % 4) for n in range(10)])
        estimator.probes()
        now = Instant(now + 50_000)
        estimator.feedback(claim, now)
        estimator.handle_timeout(now)
        due = estimator.next_timeout()
        assert due is None or due > now, "the driver would spin"
        assert 30_000 <= estimator.target_bps <= 5_000_000
