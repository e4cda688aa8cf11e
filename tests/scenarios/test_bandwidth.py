"""What people notice of bandwidth, scene by scene; ``python -m tests.scenarios.bandwidth`` draws them."""

import pytest

from tests.scenarios.bandwidth_scenarios import SCENARIOS
from tests.scenarios.outcome import SIMULCAST
from tests.scenarios.timeline import Scene, rates

ASSERTED = (
    "step", "steady-0.7", "steady-1.5", "steady-2.4", "fair-share", "outage", "phone", "pause",
    "screen-share", "priority", "flapping", "uplink",
    "remb", "remb-grows", "remb-narrow",
    "switch-simulcast", "switch-svc", "switch-ksvc", "switch-av1",
)  # fmt: skip


@pytest.mark.parametrize("name", ASSERTED)
def test_what_a_scene_promises_holds(name):
    broken = [f"{check.statement}: {check.found}" for check in SCENARIOS[name]().checks if not check.holds]
    assert broken == []


def test_the_same_scene_is_played_the_same_way_twice():
    def played():
        scene = Scene(seed=3)
        viewer = scene.viewer("viewer", rates((0, 2_000_000), (4, 400_000)))
        producer, _ = scene.camera(SIMULCAST)
        seen = viewer.watch(producer)
        scene.run_until(8)
        return viewer.timeline, seen.decoder.shown, viewer.link.waits

    assert played() == played()
