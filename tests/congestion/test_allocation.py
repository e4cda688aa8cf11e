"""Who gets which layers, told as little scenes. Rates in kbit/s."""

import pytest

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.allocation import AllocationSettings, Allocator
from rtpfwd.congestion.demands import Demand, LayerOption, Reason, VideoKind

CAMERA = ((50, 75, 100), (200, 300, 400), (800, 1200, 1600))
SIZES = ((320, 180), (640, 360), (1280, 720))
SCREEN = ((400, 600), (1500, 2500))


def options(rows, untrusted=()):
    return tuple(
        LayerOption(spatial, temporal, rate * 1000, spatial not in untrusted)
        for spatial, row in enumerate(rows)
        for temporal, rate in enumerate(row)
    )


def camera(key=1, **changes):
    return Demand(key, **{"options": options(CAMERA), "sizes": SIZES, **changes})


def screen(key=1, **changes):
    return Demand(key, **{"options": options(SCREEN), "kind": VideoKind.SCREEN, **changes})


class Scene:
    """An allocator and its clock; five allocations a second."""

    def __init__(self, **settings):
        self.allocator = Allocator(AllocationSettings(**settings))
        self.now = 0

    def see(self, demands, kbps, reserved=0):
        return self.allocator.allocate(demands, kbps * 1000, reserved * 1000, Instant(self.now))

    def go_on(self, demands, kbps, for_seconds, reserved=0):
        """All assignments of the time, a list for each allocation."""
        end = self.now + seconds(for_seconds)
        seen = []
        while self.now < end:
            self.now += 200_000
            seen.append(self.see(demands, kbps, reserved))
        return seen


def layers(assignments):
    return [assignment.layers for assignment in assignments]


def reasons(assignments):
    return [assignment.reason for assignment in assignments]


def settled(demands, kbps, **settings):
    return Scene(**settings).see(demands, kbps)


# what one consumer may have


def test_with_all_the_bandwidth_it_gets_the_best():
    [got] = settled([camera()], 5000)
    assert got == (1, (2, 2), 1_600_000, Reason.PREFERRED, 1_600_000, 5_000_000)


def test_preferred_layers_cap_spatial_and_temporal():
    [got] = settled([camera(preferred=(1, 1))], 5000)
    assert (got.layers, got.reason) == ((1, 1), Reason.PREFERRED)


def test_a_picture_is_no_larger_than_it_is_shown():
    [got] = settled([camera(shown=(640, 360))], 5000)
    assert (got.layers, got.reason) == ((1, 2), Reason.SHOWN_SIZE)


@pytest.mark.parametrize(
    ("shown", "spatial"),
    [
        ((320, 180), 0),
        ((350, 196), 0),  # a tenth larger than the layer: nobody sees that
        ((400, 225), 1),
        ((180, 320), 0),  # turned
        ((1000, 560), 2),
        ((1920, 1080), 2),  # larger than all: the largest
    ],
)
def test_the_lowest_layer_that_is_sharp_enough_is_taken(shown, spatial):
    assert settled([camera(shown=shown)], 5000)[0].layers == (spatial, 2)


def test_the_stricter_of_both_caps_counts():
    [got] = settled([camera(shown=(1280, 720), preferred=(1, 2))], 5000)
    assert (got.layers, got.reason) == ((1, 2), Reason.PREFERRED)


def test_without_known_sizes_the_size_shown_caps_nothing():
    assert settled([camera(shown=(320, 180), sizes=())], 5000)[0].layers == (2, 2)


def test_nothing_is_sent_that_is_not_shown():
    [got] = settled([camera(shown=(0, 0))], 5000)
    assert (got.layers, got.bitrate_bps, got.reason) == (None, 0, Reason.HIDDEN)


def test_nothing_is_sent_while_paused():
    assert reasons(settled([camera(paused=True)], 5000)) == [Reason.PAUSED]


def test_nothing_is_sent_when_the_publisher_sends_nothing():
    assert reasons(settled([camera(options=())], 5000)) == [Reason.LAYER_INACTIVE]


def test_a_layer_that_is_off_is_the_reason_for_less():
    [got] = settled([camera(options=options(CAMERA[:2]))], 5000)
    assert (got.layers, got.reason) == ((1, 2), Reason.LAYER_INACTIVE)


def test_when_only_layers_above_the_cap_are_alive_the_lowest_of_them_serves():
    alive = tuple(option for option in options(CAMERA) if option.spatial > 0)
    [got] = settled([camera(options=alive, preferred=(0, 2))], 5000)
    assert (got.layers, got.reason) == ((1, 2), Reason.LAYER_INACTIVE)


def test_a_layer_that_has_only_begun_is_not_gone_up_to():
    [got] = settled([camera(options=options(CAMERA, untrusted={2}))], 5000)
    assert (got.layers, got.reason) == ((1, 2), Reason.LAYER_INACTIVE)


def test_when_all_layers_have_only_begun_they_are_all_used():
    assert settled([camera(options=options(CAMERA, untrusted={0, 1, 2}))], 5000)[0].layers == (2, 2)


def test_a_lower_layer_that_has_only_begun_may_be_gone_down_to():
    [got] = settled([camera(options=options(CAMERA, untrusted={0}))], 150)
    assert got.layers == (0, 2)


def test_a_layer_in_use_stays_when_it_has_only_begun():
    [got] = settled([camera(options=options(CAMERA, untrusted={2}), forwarded=(2, 2))], 5000)
    assert got.layers == (2, 2)


def test_a_camera_does_not_trade_motion_for_sharpness():
    assert settled([camera()], 280)[0].layers == (0, 2)
    assert settled([camera()], 280, camera_min_temporal=0)[0].layers == (1, 0)


def test_a_camera_that_may_not_move_goes_up_all_the_same():
    assert settled([camera(preferred=(2, 0))], 5000)[0].layers == (2, 0)


def test_a_camera_that_may_move_again_stays_as_sharp_as_it_is():
    scene = Scene()
    scene.go_on([camera(preferred=(2, 0))], 1000, 20)
    assert layers(scene.see([camera()], 1000)) == [(2, 0)]
    assert layers(scene.go_on([camera()], 2000, 3)[-1]) == [(2, 2)]


# sharing


def test_the_lowest_layer_goes_to_everyone_first():
    demands = [camera(1, priority=255), camera(2), camera(3)]
    assert layers(settled(demands, 170)) == [(0, 0), (0, 0), (0, 0)]


def test_equals_get_equal_layers():
    demands = [camera(key) for key in range(4)]
    assert layers(settled(demands, 1800)) == [(1, 2)] * 4


def test_more_priority_gets_more():
    demands = [camera(1), camera(2, priority=4)]
    low, high = settled(demands, 1800)
    assert (low.layers, high.layers) == ((1, 2), (2, 1))


def test_bandwidth_is_the_reason_and_the_figures_say_how_much_is_missing():
    [got] = settled([camera()], 1000)
    assert got == (1, (1, 2), 400_000, Reason.BANDWIDTH, 1_200_000, 1_000_000)


def test_sound_comes_off_the_budget_first():
    scene = Scene()
    [got] = scene.see([camera()], 500, reserved=100)
    assert got.available_bps == 400_000
    assert got.layers == (1, 1)


def test_only_the_lowest_fits_and_is_called_so():
    assert reasons(settled([camera()], 60)) == [Reason.BASE_LAYER]


def test_the_lowest_priority_is_paused_when_not_even_the_lowest_layers_fit():
    demands = [camera(1), camera(2, priority=3), camera(3, priority=2)]
    got = settled(demands, 115)
    assert layers(got) == [None, (0, 0), (0, 0)]
    assert got[0].reason is Reason.NOT_ENOUGH_BANDWIDTH
    assert got[0].needed_bps == 50_000


def test_one_who_is_too_expensive_does_not_hold_up_the_others():
    heavy = camera(1, priority=9, options=(LayerOption(0, 0, 900_000),), sizes=())
    assert layers(settled([heavy, camera(2)], 500)) == [None, (1, 2)]


def test_what_is_left_over_fills_smaller_layers():
    steep = (LayerOption(0, 0, 300_000), LayerOption(1, 0, 3_000_000))
    demands = [camera(1, priority=255, options=steep, sizes=()), camera(2)]
    assert layers(settled(demands, 1000)) == [(0, 0), (1, 2)]
    assert layers(settled(demands, 1000, fill_leftover=False)) == [(0, 0), (0, 0)]


# screens


def test_a_screen_comes_before_cameras_of_the_same_priority():
    demands = [camera(1), screen(2)]
    assert layers(settled(demands, 440)) == [None, (0, 0)]


def test_a_screen_gives_up_frames_before_sharpness():
    [got] = settled([screen()], 1800)
    assert got.layers == (1, 0)


def test_a_screens_lowest_layer_is_sent_although_it_does_not_fit():
    got = settled([camera(1), screen(2)], 250)
    assert layers(got) == [None, (0, 0)]
    assert got[1].reason is Reason.OVERSENT


def test_a_screen_too_heavy_to_be_sent_over_is_paused():
    heavy = screen(2, options=(LayerOption(0, 0, 600_000),))
    assert layers(settled([heavy, camera(1)], 250)) == [None, (0, 2)]


def test_only_one_screen_is_sent_over():
    demands = [screen(1), screen(2)]
    assert layers(settled(demands, 100)) == [(0, 0), None]


def test_sending_over_can_be_switched_off():
    assert layers(settled([screen()], 250, screen_oversend_bps=0)) == [None]


# up and down in time


def test_down_happens_at_once():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    assert layers(scene.see([camera()], 1000)) == [(1, 2)]


def test_a_small_excess_is_tolerated():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    assert layers(scene.see([camera()], 1500)) == [(2, 2)]


def test_up_waits_until_there_is_room_for_a_while():
    scene = Scene()
    scene.go_on([camera()], 1000, 5)
    seen = scene.go_on([camera()], 2000, 4)
    assert layers(seen[9]) == [(1, 2)]
    assert reasons(seen[9]) == [Reason.HYSTERESIS]
    assert layers(seen[10]) == [(2, 2)]


def test_just_enough_is_not_enough_to_go_up():
    scene = Scene()
    scene.go_on([camera()], 1000, 5)
    got = scene.go_on([camera()], 1650, 30)[-1]
    assert layers(got) == [(2, 1)]
    assert reasons(got) == [Reason.HYSTERESIS]


def test_after_a_way_down_there_is_no_way_up_for_ten_seconds():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    scene.see([camera()], 1000)
    seen = scene.go_on([camera()], 2000, 12)
    rise = next(turn for turn, got in enumerate(seen) if layers(got) == [(2, 2)])
    assert rise + 1 == 50


def test_an_upgrade_that_failed_doubles_the_wait():
    scene = Scene()
    scene.go_on([camera()], 1000, 20)
    waits = []
    for _ in range(6):
        began = scene.now
        while layers(scene.go_on([camera()], 2000, 0.2)[-1]) != [(2, 2)]:
            assert scene.now - began < seconds(200)
        waits.append((scene.now - began) / seconds(1))
        scene.go_on([camera()], 2000, 1)
        scene.go_on([camera()], 1000, 0.2)
    assert waits == [2.2, 20, 40, 80, 120, 120]


def test_after_an_upgrade_that_lasted_the_wait_is_the_usual_one():
    scene = Scene()
    scene.go_on([camera()], 1000, 20)
    for _ in range(3):
        scene.go_on([camera()], 2000, 60)
        scene.go_on([camera()], 1000, 0.2)
        assert scene.allocator.next_step(Instant(scene.now)).not_before == scene.now + seconds(10)


def test_asking_for_more_is_answered_at_once():
    scene = Scene()
    scene.go_on([camera(preferred=(0, 2))], 2000, 5)
    assert layers(scene.see([camera(preferred=(2, 2))], 2000)) == [(2, 2)]


def test_showing_it_larger_is_answered_at_once():
    scene = Scene()
    scene.go_on([camera(shown=(320, 180))], 2000, 5)
    assert layers(scene.see([camera(shown=(1280, 720))], 2000)) == [(2, 2)]


def test_asking_for_more_does_not_undo_a_failure():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    scene.see([camera()], 1000)
    scene.now += seconds(1)
    assert layers(scene.see([camera(preferred=(2, 2))], 2000)) == [(1, 2)]


def test_one_who_comes_back_into_view_is_sent_at_once():
    scene = Scene()
    scene.go_on([camera(shown=(0, 0))], 2000, 5)
    assert layers(scene.see([camera(shown=(1280, 720))], 2000)) == [(2, 2)]


def test_a_newcomer_gets_its_lowest_layer_at_once_and_others_give_way():
    scene = Scene()
    scene.go_on([camera(1)], 480, 20)
    assert layers(scene.see([camera(1), camera(2)], 480)) == [(1, 1), (0, 2)]


def test_a_consumer_paused_for_bandwidth_comes_back_with_a_fifth_to_spare_after_two_seconds():
    scene = Scene()
    demands = [camera(1), camera(2)]
    assert layers(scene.see(demands, 90)) == [(0, 1), None]
    seen = scene.go_on(demands, 113, 30)
    assert {got[1].layers for got in seen} == {None}
    assert seen[-1][1].reason is Reason.NOT_ENOUGH_BANDWIDTH
    seen = scene.go_on(demands, 116, 3)
    assert seen[9][1].reason is Reason.HYSTERESIS
    assert layers(seen[9])[1] is None
    assert layers(seen[10]) == [(0, 0), (0, 0)]


def test_a_layer_that_stops_is_left_at_once_and_gone_back_to_without_punishment():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    lower = camera(options=options(CAMERA[:2]))
    assert layers(scene.see([lower], 2000)) == [(1, 2)]
    scene.now += seconds(3)
    assert layers(scene.see([camera()], 2000)) == [(2, 2)]


def test_equals_do_not_swap_places():
    scene = Scene()
    one, other = options(CAMERA), tuple(o._replace(bitrate_bps=o.bitrate_bps + 500) for o in options(CAMERA))
    scene.go_on([camera(1, options=one), camera(2, options=other)], 1750, 20)
    before = layers(scene.see([camera(1, options=one), camera(2, options=other)], 1750))
    seen = scene.go_on([camera(1, options=other), camera(2, options=one)], 1750, 60)
    assert {tuple(layers(got)) for got in seen} == {tuple(before)}


def test_those_who_leave_are_forgotten():
    scene = Scene()
    scene.see([camera(1), camera(2)], 2000)
    scene.see([camera(2)], 2000)
    assert list(scene.allocator._states) == [2]


# what could be used


def test_desired_is_the_best_of_everyone_who_is_seen():
    allocator = Allocator(AllocationSettings())
    demands = [camera(1), camera(2, preferred=(1, 2)), camera(3, shown=(0, 0)), camera(4, paused=True)]
    assert allocator.desired_bps(demands) == 2_000_000


def test_the_next_step_says_what_to_probe_for():
    scene = Scene()
    scene.go_on([camera()], 1000, 5)
    step = scene.allocator.next_step(Instant(scene.now))
    assert step is not None
    assert (step.key, step.layers) == (1, (2, 1))
    assert step.available_bps == pytest.approx(1_320_000, abs=2)
    scene.now += 200_000
    assert layers(scene.go_on([camera()], 1 + step.available_bps // 1000, 3)[-1]) == [(2, 1)]


def test_the_next_step_of_one_paused_for_bandwidth_comes_first():
    scene = Scene()
    demands = [camera(1), camera(2)]
    scene.see(demands, 90)
    step = scene.allocator.next_step(Instant(scene.now))
    assert step is not None
    assert (step.key, step.layers) == (2, (0, 0))
    assert layers(scene.go_on(demands, 1 + step.available_bps // 1000, 3)[-1])[1] == (0, 0)


def test_the_next_step_tells_until_when_nobody_goes_up():
    scene = Scene()
    scene.go_on([camera()], 2000, 20)
    scene.see([camera()], 1000)
    step = scene.allocator.next_step(Instant(scene.now))
    assert step is not None
    assert step.not_before == scene.now + seconds(10)


def test_without_anything_better_there_is_no_next_step():
    scene = Scene()
    scene.see([camera()], 5000)
    assert scene.allocator.next_step(Instant(0)) is None
    scene.see([], 5000)
    assert scene.allocator.next_step(Instant(0)) is None


def test_who_had_nothing_begins_again_with_the_lowest_layer():
    scene = Scene()
    scene.go_on([camera()], 400, 3)
    assert layers(scene.go_on([camera()], 10, 4)[-1]) == [None]
    back = [layers(seen)[0] for seen in scene.go_on([camera()], 3000, 3)]
    first = next(one for one in back if one is not None)
    assert first[0] == 0


def test_a_layer_that_falls_silent_is_waited_for_where_those_above_do_not_fit():
    scene = Scene()
    assert layers(scene.go_on([camera()], 120, 3)[-1]) == [(0, 2)]
    upper = camera(options=options(CAMERA)[3:])
    silent = scene.go_on([upper], 120, 1)
    assert {one.layers for seen in silent for one in seen} == {(0, 2)}
    assert reasons(silent[-1]) == [Reason.LAYER_INACTIVE]
    assert layers(scene.go_on([camera()], 120, 1)[-1]) == [(0, 2)]
    assert layers(scene.go_on([upper], 120, 3)[-1]) == [None]
    assert layers(scene.see([upper], 1000)) == [None]
