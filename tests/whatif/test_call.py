"""The recorded ingress through the whole server, in a closed loop with modelled viewers."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from rtpfwd.capture.ingress import Ingress, SettingChange, read_ingress
from rtpfwd.clock import Instant
from rtpfwd.drivers.decoder_model import freezes_between
from rtpfwd.drivers.recordings import read_items
from rtpfwd.drivers.whatif.call import Plan, playable, run
from rtpfwd.drivers.whatif.figures import RunFigures, quantile, spread
from rtpfwd.drivers.whatif.link_words import parse_link
from rtpfwd.drivers.whatif.measuring import play_out
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.tunable_list import TUNABLES
from rtpfwd.sfu.tunables import configured

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
NAMES = sorted(one.stem for one in PCAPS.glob("*.pcapng"))


@cache
def ingress(name: str) -> Ingress:
    return read_ingress(lambda: read_items(PCAPS / f"{name}.pcapng"), foreign=False)


def figures(name: str, link: str = "clean", *, seed: int = 1, settings=None, **options) -> RunFigures:
    one = ingress(name)
    producers, notes = playable(one)
    assert notes == []
    tree = configured(WorkerSettings(), settings or {}, TUNABLES)
    return run(producers, one.duration_us, Plan(tree, parse_link(link), **options), seed)


@pytest.mark.parametrize("name", NAMES)
def test_each_recording_reaches_a_viewer(name):
    found = figures(name)
    if name.startswith("opus"):
        assert found.pictures_per_s is None
        assert (found.audio_loss_percent > 5) == name.endswith("-loss")  # sound is not repaired
    else:
        # What was lost on its way in is asked for anew; of one recording, one packet was never repaired.
        assert found.residual_loss_percent < 0.5
        assert found.pictures_per_s > 4
        assert found.first_picture_ms < 2_500
        assert (found.nacked_upstream > 0) == name.endswith("-loss")


def test_a_run_is_a_function_of_its_seed():
    assert figures("vp8-loss", "wifi", seed=3) == figures("vp8-loss", "wifi", seed=3)
    assert figures("vp8-loss", "lossy", seed=3) != figures("vp8-loss", "lossy", seed=4)


def test_a_lossy_link_is_repaired_at_a_price():
    found = figures("vp8", "delay=25ms,loss=10%")
    assert found.residual_loss_percent < 0.5
    assert found.repair_p50_ms >= 50
    assert found.overhead_percent > 5


def test_what_is_never_asked_for_twice_is_lost_more_often():
    once = figures("vp8-loss", uplink=parse_link("delay=25ms,loss=20%"), settings={"plane.nack_retries": 1})
    often = figures("vp8-loss", uplink=parse_link("delay=25ms,loss=20%"))
    assert once.key_frames_asked > often.key_frames_asked


def test_a_narrow_link_gets_lower_layers():
    wide, narrow = figures("h264-simulcast", times=2), figures("h264-simulcast", "rate=200k", times=2)
    assert narrow.mean_spatial < wide.mean_spatial
    assert narrow.estimate_to_capacity_percent < 130
    assert wide.estimate_to_capacity_percent is None


def test_a_slow_pacer_makes_pictures_late():
    slow = {"pacing.factor": 1.0, "pacing.floor_bps": 100_000, "pacing.least_bps": 100_000}
    assert figures("vp8", settings=slow).late_p95_ms > figures("vp8").late_p95_ms


def test_a_change_during_the_recording_is_made_again():
    link = "delay=25ms,loss=20%,burst=5"
    sparing = (SettingChange(500_000, "rtcp.nack_numbers_per_report", 1),)
    assert figures("vp8", link, changes=sparing).repair_p95_ms > figures("vp8", link).repair_p95_ms + 50


def test_several_viewers_share_the_publisher():
    found = figures("vp8-simulcast", "lossy-1", viewers=3)
    assert found.residual_loss_percent == 0
    assert sum(found.layer_shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("feedback", ["remb", "none"])
def test_viewers_may_tell_less(feedback):
    found = figures("vp8", feedback=feedback)
    assert found.pictures_per_s > 10
    assert (found.estimate_kbps is None) == (feedback == "none")


def test_figures_of_many_runs_are_spread():
    runs = [RunFigures(freezes=float(one), layer_shares={"S0T0": 1.0}) for one in range(11)]
    found = spread(runs)
    assert found.values["freezes"] == (1.0, 5.0, 9.0)
    assert found.values["repair_p50_ms"] is None
    assert found.to_json()["freezes"] == {"p10": 1.0, "p50": 5.0, "p90": 9.0}
    assert found.layer_shares == {"S0T0": 1.0}


def test_playout_waits_as_long_as_most_pictures_need():
    steady = [(Instant(i * 40_000 + (30_000 if i % 10 == 5 else 0)), i * 3600) for i in range(200)]
    found = play_out(steady, 90_000)
    assert max(found.late_us) == 30_000
    assert found.delays_us[-1] == 30_000  # one of ten is late: all wait for it
    gaps = {later - earlier for earlier, later in pairwise(found.times[100:])}
    assert gaps == {40_000}
    assert not freezes_between(found.times)


def test_a_picture_that_is_later_than_the_playout_freezes():
    late = [(Instant(i * 40_000 + (500_000 if i == 150 else 0)), i * 3600) for i in range(200)]
    found = play_out(late, 90_000)
    assert [length for _, length in freezes_between(found.times)] == [540_000]
    assert play_out([], 90_000).times == []


def test_quantiles_lie_between_values():
    assert quantile([1.0], 0.9) == 1.0
    assert quantile([0.0, 10.0], 0.25) == 2.5
