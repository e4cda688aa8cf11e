"""What a trial sends before an upgrade."""

from rtpfwd.clock import Instant
from rtpfwd.congestion.demands import NextStep
from rtpfwd.sfu.upgrade_trial import TrialSettings, UpgradeTrial


def tried_bps(step: NextStep) -> int:
    trial = UpgradeTrial(TrialSettings())
    assert trial.begin(step, 2_000_000, 200_000, Instant(0))
    probe = trial.probe(Instant(0))
    assert probe is not None
    return probe.rate_bps


def test_an_upgrade_over_many_rungs_is_tried_with_what_it_leads_to():
    """Short probes pass a token bucket untouched and tell of far more than the link carries: a viewer behind
    700 kbit/s was sent 1200, time and again, because the next rung alone had been tried.
    """
    assert tried_bps(NextStep(1, (1, 1), 300_000, 0, landing_bps=1_200_000)) == 1_200_000


def test_an_upgrade_by_little_is_tried_with_the_next_rung():
    assert tried_bps(NextStep(1, (1, 1), 300_000, 0, landing_bps=400_000)) == 300_000
    assert tried_bps(NextStep(1, (1, 1), 300_000, 0)) == 300_000
