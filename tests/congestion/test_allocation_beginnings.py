"""How a consumer gets its first layers, while a camera's streams begin one after the other."""

from rtpfwd.congestion.demands import Reason
from tests.congestion.test_allocation import CAMERA, Scene, camera, layers, options

ONLY_THE_UPPER = tuple(one for one in options(CAMERA) if one.spatial == 2)


def streams(**changes):
    return camera(simulcast=True, **changes)


def test_whoever_was_refused_the_upper_stream_that_came_first_gets_the_lower_one_at_once():
    """Two seconds of nothing, before: it waited for room that lasts as if its own layer had been refused."""
    scene = Scene()
    [got] = scene.see([streams(options=ONLY_THE_UPPER)], 600)
    assert (got.layers, got.reason) == (None, Reason.NOT_ENOUGH_BANDWIDTH)
    scene.now += 10_000
    [got] = scene.see([streams()], 600)
    assert got.layers == (1, 2)


def test_whoever_was_refused_the_lowest_layer_still_waits_for_room_that_lasts():
    scene = Scene()
    assert layers(scene.see([streams()], 20)) == [None]
    scene.now += 10_000
    assert layers(scene.see([streams()], 600)) == [None]
    assert layers(scene.go_on([streams()], 600, 3)[-1]) != [None]


def test_an_upper_stream_that_ends_and_comes_back_does_not_shorten_the_wait():
    scene = Scene()
    assert layers(scene.see([streams()], 20)) == [None]
    for _ in range(3):
        scene.now += 10_000
        assert layers(scene.see([streams(options=ONLY_THE_UPPER)], 600)) == [None]
        scene.now += 10_000
        assert layers(scene.see([streams()], 20)) == [None]


def test_the_next_step_tells_where_an_upgrade_would_lead():
    scene = Scene()
    scene.go_on([camera()], 250, 1)
    scene.see([camera()], 2000)
    step = scene.allocator.next_step(scene.now)
    assert (step.layers, step.landing_bps) == ((1, 1), 1_600_000)
