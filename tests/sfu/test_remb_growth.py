"""When a peer that answers with REMB only gets padding, how much, and when no more."""

from itertools import pairwise

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.congestion.demands import NextStep
from rtpfwd.sfu.remb_growth import STRETCH_US, RembGrowth, RembGrowthSettings

STEP = NextStep(1, (1, 1), 600_000, 0)


class Peer:
    """A growth and its clock; asked four times a second."""

    def __init__(self):
        self.growth = RembGrowth(RembGrowthSettings())
        self.now = 0

    def ask(self, remb_bps, *, step=STEP, media_bps=100_000, numbered=True):
        self.now += STRETCH_US
        return self.growth.probe(step, remb_bps, remb_bps or 0, media_bps, numbered, Instant(self.now))

    def ask_for(self, duration_s, remb_bps, **options):
        return [self.ask(remb_bps, **options) for _ in range(round(duration_s * 4))]


def test_padding_is_nearly_what_the_remb_allows():
    probe = Peer().ask(300_000)
    assert probe.rate_bps == 255_000
    assert probe.size_bytes == 255_000 // 8 // 4


def test_padding_is_no_more_than_the_next_step_needs():
    assert RembGrowth(RembGrowthSettings()).probe(
        STEP, 2_000_000, 500_000, 100_000, True, Instant(0)
    ).rate_bps == 600_000  # fmt: skip


def test_a_probe_that_nothing_counts_asks_for_what_its_deadline_allows():
    probe = Peer().ask(300_000, numbered=False)
    lasts_us = 2 * probe.size_bytes * 8 * 1_000_000 // probe.rate_bps + milliseconds(200)
    assert lasts_us == pytest.approx(STRETCH_US, rel=0.01)


@pytest.mark.parametrize(
    ("remb_bps", "options"),
    [
        pytest.param(None, {}, id="without-a-remb"),
        pytest.param(300_000, {"step": None}, id="when-there-is-nothing-better"),
        pytest.param(600_000, {}, id="when-the-step-is-covered"),
        pytest.param(300_000, {"media_bps": 250_000}, id="when-the-media-make-it-grow"),
    ],
)
def test_nothing_is_padded(remb_bps, options):
    assert set(Peer().ask_for(30, remb_bps, **options)) == {None}


def test_a_remb_that_does_not_grow_ends_the_attempt_and_the_next_waits_longer_each_time():
    peer = Peer()
    padded = [one is not None for one in peer.ask_for(200, 300_000)]
    begins = [index / 4 for index in range(1, len(padded)) if padded[index] and not padded[index - 1]]
    waits = [later - earlier for earlier, later in pairwise(begins)]
    assert len(waits) >= 2
    assert all(later > 1.5 * earlier for earlier, later in pairwise(waits))
    assert sum(padded) / len(padded) < 0.15


def test_a_remb_that_falls_ends_the_attempt_at_once():
    peer = Peer()
    assert peer.ask(300_000) is not None
    assert peer.ask(300_000) is not None
    assert peer.ask(250_000) is None
    assert set(peer.ask_for(9, 300_000)) == {None}


def test_a_remb_that_grows_is_helped_until_it_covers_the_step():
    peer = Peer()
    for remb_bps in range(300_000, 600_000, 20_000):
        assert all(peer.ask_for(1, remb_bps))
    assert peer.ask(600_000) is None
    assert seconds(15) < peer.now < seconds(16)
