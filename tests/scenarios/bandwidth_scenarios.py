"""What people notice of bandwidth: scenes with a link, cameras and viewers, and what has to hold in each.

A scenario is a function that gives an ``Outcome``. Its checks are statements with the figure that was found;
``python -m tests.scenarios.bandwidth`` prints them and draws the timelines, test_bandwidth.py asserts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import mean, median

from rtpfwd.clock import Instant
from rtpfwd.drivers.bottleneck import Bottleneck
from rtpfwd.drivers.decoder_model import Shown
from rtpfwd.drivers.encoder_model import EncoderSpec
from tests.scenarios.outcome import (
    CAMERA_LAYERS,
    KSVC,
    SCREEN,
    SIMULCAST,
    SVC,
    Outcome,
    decoded_cleanly,
    longest_freeze,
)
from tests.scenarios.remb_scenarios import remb_grows, remb_narrow, remb_says
from tests.scenarios.timeline import Scene, Timeline, Watched, at, rates

FAST = 20_000_000


def step() -> Outcome:
    """3 Mbit/s, 300 kbit/s from second 20 on, 3 Mbit/s again from second 45 on."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", rates((0, 3_000_000), (20, 300_000), (45, 3_000_000)))
    seen = viewer.watch(producer)
    scene.run_until(80)
    line = viewer.timeline
    outcome = Outcome("3 Mbit/s, 300 kbit/s, 3 Mbit/s", [line])
    outcome.at_most("720p after the start", seen.seen(2, after_s=0), 15, "s")
    down_s = _when(line, lambda layer: layer is None or layer[0] == 0, 20)
    outcome.at_most("down after the fall", down_s, 2, "s")
    up_s = seen.seen(2, after_s=45)
    outcome.at_most("720p on the screen after the rise", None if up_s is None else up_s - 45, 15, "s")
    for begin, end in ((0, 20), (22, 45), (45, 65), (60, 80)):
        outcome.at_most(f"oscillations, {begin} to {end} s", seen.oscillations(begin, end), 1)
    outcome.at_most("queue p95, steady at 3 Mbit/s", viewer.queue_ms(0.95, 5, 20), 100, "ms")
    outcome.at_most("queue p95, steady at 300 kbit/s", viewer.queue_ms(0.95, 25, 45), 100, "ms")
    outcome.at_most("longest freeze once it is down", longest_freeze(seen, 23, 45), 500, "ms")
    decoded_cleanly(outcome, seen)
    return outcome


def steady(capacity_bps: int) -> Outcome:
    """A link that stays as it is."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", capacity_bps)
    seen = viewer.watch(producer)
    scene.run_until(60)
    line = viewer.timeline
    outcome = Outcome(f"a steady link of {capacity_bps / 1e6:g} Mbit/s", [line])
    known = [one for one in line.between(line.estimate_bps, 20, 60) if one is not None]
    share = median(known) / capacity_bps if known else None
    outcome.at_least("estimate, share of the link", share, 0.85)
    outcome.at_most("estimate, share of the link", share, 1.05)
    outcome.at_most("queue p95", viewer.queue_ms(0.95, 10, 60), 100, "ms")
    outcome.at_most("oscillations in 20 s", max(seen.oscillations(b, b + 20) for b in (0, 20, 40)), 1)
    outcome.at_most("longest freeze", longest_freeze(seen, 5, 60), 500, "ms")
    decoded_cleanly(outcome, seen)
    return outcome


def fair_share() -> Outcome:
    """Two transports on one bottleneck of 2 Mbit/s, with SVC, whose layers are fine enough to share well."""
    scene = Scene()
    producer, _ = scene.camera(SVC, "VP9")
    queue = Bottleneck(2_000_000)
    viewers = [scene.viewer(name, queue) for name in ("first", "second")]
    seen = [viewers[0].watch(producer)]
    scene.run_until(5)
    seen.append(viewers[1].watch(producer))
    scene.run_until(80)
    outcome = Outcome("two viewers on one link of 2 Mbit/s", [one.timeline for one in viewers])
    got = [mean(one.timeline.between(one.timeline.sent_bps, 30, 80)) for one in viewers]
    outcome.at_most("rates apart, share of their mean", abs(got[0] - got[1]) / mean(got), 0.3)
    outcome.at_least("of the link is used", sum(got) / 2_000_000, 0.4)
    outcome.at_most("queue p95", max(one.queue_ms(0.95, 15, 80) for one in viewers), 100, "ms")
    decoded_cleanly(outcome, *seen)
    return outcome


def outage() -> Outcome:
    """Three seconds in which nothing passes."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", rates((0, 3_000_000), (20, 0), (23, 3_000_000)))
    seen = viewer.watch(producer)
    scene.run_until(50)
    outcome = Outcome("nothing passes for 3 s", [viewer.timeline])
    outcome.at_most("a picture after the return", _back(seen, 23), 1.5, "s")
    up_s = seen.seen(2, after_s=23.5)
    outcome.at_most("720p after the return", None if up_s is None else up_s - 23, 10, "s")
    outcome.at_most("longest freeze afterwards", longest_freeze(seen, 26, 50), 500, "ms")
    decoded_cleanly(outcome, seen)
    return outcome


def phone() -> Outcome:
    """One of four has 300 kbit/s."""
    scene = Scene()
    producer, camera = scene.camera(SIMULCAST)
    handheld = scene.viewer("phone", 300_000)
    others = [scene.viewer(f"desk {index}", FAST) for index in range(3)]
    seen = handheld.watch(producer)
    theirs = [one.watch(producer) for one in others]
    scene.run_until(60)
    outcome = Outcome("a phone with 300 kbit/s beside three desks", [handheld.timeline])
    outcome.at_most("phone: longest freeze after 5 s", longest_freeze(seen, 5, 60), 500, "ms")
    outcome.at_least("phone: share of 180p", seen.share_shown(0, 5, 60), 0.95)
    outcome.at_least("phone: pictures a second", seen.decoder.rate(*_span(10, 60)), 7)
    outcome.at_most("phone: queue p95", handheld.queue_ms(0.95, 10, 60), 100, "ms")
    outcome.at_least("desks: share of 720p", min(one.share_shown(2, 5, 60) for one in theirs), 0.99)
    outcome.at_most("desks: longest freeze", max(longest_freeze(one, 3, 60) for one in theirs), 0, "ms")
    outcome.at_most("key frames of 720p", camera.sources[2].key_frames, 6)
    decoded_cleanly(outcome, seen, *theirs)
    return outcome


def pause() -> Outcome:
    """Not even the lowest layer fits between seconds 15 and 35."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", rates((0, 1_000_000), (15, 40_000), (35, 1_000_000)))
    seen = viewer.watch(producer)
    scene.run_until(60)
    line = viewer.timeline
    outcome = Outcome("a link too narrow for any layer", [line])
    stopped = _when(line, lambda layer: layer is None, 15)
    outcome.at_most("nothing is sent after the fall", stopped, 5, "s")
    outcome.at_most("a picture after the rise", _back(seen, 35), 15, "s")
    outcome.at_most("switches in the last 10 s", seen.spatial_switches(50, 60), 1)
    decoded_cleanly(outcome, seen)
    return outcome


def screen_share() -> Outcome:
    """A screen beside a camera, and 1.6 Mbit/s for both."""
    scene = Scene()
    alice = scene.publisher()
    screen, _ = scene.camera(SCREEN, of=alice, ssrc=0x3000, mid="1")
    camera, _ = scene.camera(SIMULCAST, of=alice)
    viewer = scene.viewer("viewer", rates((0, 3_000_000), (15, 1_600_000)))
    text = viewer.watch(screen)
    face = viewer.watch(camera)
    text.consumer.set_priority(10, now=scene.call.network.now)
    scene.run_until(60)
    outcome = Outcome(
        "a screen and a camera, 1.6 Mbit/s from second 15 on", [viewer.timeline],
        layer_names=(("540p / 180p", "1080p / 360p", "720p"), CAMERA_LAYERS),
        watched_names=("screen", "camera"),
    )  # fmt: skip
    outcome.at_least("screen: share of 1080p", text.share_shown(1, 8, 60), 0.9)
    outcome.at_most("screen: longest freeze", longest_freeze(text, 20, 60), 500, "ms")
    outcome.at_least("camera: pictures a second", face.decoder.rate(*_span(25, 60)), 5)
    outcome.at_most("camera: longest freeze", longest_freeze(face, 20, 60), 500, "ms")
    outcome.at_most("queue p95", viewer.queue_ms(0.95, 20, 60), 100, "ms")
    decoded_cleanly(outcome, text, face)
    return outcome


def priority() -> Outcome:
    """Two cameras and room for one of them to be large."""
    scene = Scene()
    first, _ = scene.camera(SIMULCAST)
    second, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", 1_200_000)
    minor, major = viewer.watch(first), viewer.watch(second)
    major.consumer.set_priority(10, now=scene.call.network.now)
    scene.run_until(60)
    outcome = Outcome(
        "two cameras, one of priority 10, 1.2 Mbit/s", [viewer.timeline],
        layer_names=(CAMERA_LAYERS, CAMERA_LAYERS), watched_names=("priority 1", "priority 10"),
    )  # fmt: skip
    outcome.at_least("priority 10: share of 360p or more", 1 - major.share_shown(0, 20, 60), 0.95)
    outcome.at_least("priority 1 is shown too, pictures a second", minor.decoder.rate(*_span(20, 60)), 5)
    levels = [mean(_level(one.decoder.shown, 20)) for one in (minor, major)]
    outcome.holds(
        "priority 10 is not below priority 1", [round(one, 2) for one in levels], levels[1] >= levels[0]
    )
    outcome.at_most("queue p95", viewer.queue_ms(0.95, 20, 60), 100, "ms")
    decoded_cleanly(outcome, minor, major)
    return outcome


def flapping() -> Outcome:
    """Between 2.5 Mbit/s and 500 kbit/s, changing every 5 s."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    steps = [(float(moment), 2_500_000 if moment % 10 == 0 else 500_000) for moment in range(0, 60, 5)]
    viewer = scene.viewer("viewer", rates(*steps))
    seen = viewer.watch(producer)
    scene.run_until(60)
    outcome = Outcome("2.5 Mbit/s and 500 kbit/s in turn, 5 s each", [viewer.timeline])
    outcome.at_most("longest freeze after 10 s", longest_freeze(seen, 10, 60), 2000, "ms")
    outcome.at_most("spatial switches in 50 s", seen.spatial_switches(10, 60), 20)
    outcome.at_least("pictures a second", seen.decoder.rate(*_span(10, 60)), 10)
    decoded_cleanly(outcome, seen)
    return outcome


def uplink() -> Outcome:
    """The publisher's own link narrows to 700 kbit/s between seconds 20 and 40."""
    scene = Scene()
    alice = scene.publisher(Bottleneck(rates((0, 4_000_000), (20, 700_000), (40, 4_000_000))))
    producer, _ = scene.camera(SIMULCAST, of=alice)
    viewer = scene.viewer("viewer", FAST)
    seen = viewer.watch(producer)
    scene.run_until(65)
    outcome = Outcome("a publisher whose link narrows to 700 kbit/s", [viewer.timeline])
    outcome.at_most("720p after the start", seen.seen(2, after_s=0), 15, "s")
    outcome.at_most("longest freeze once it is narrow", longest_freeze(seen, 23, 40), 1000, "ms")
    outcome.at_least("pictures a second while it is narrow", seen.decoder.rate(*_span(24, 40)), 25)
    up_s = seen.seen(2, after_s=40)
    outcome.at_most("720p after it is wide again", None if up_s is None else up_s - 40, 20, "s")
    assert alice.peer.sender is not None
    outcome.at_least("feedback of the server", alice.peer.sender.feedbacks, 100)
    decoded_cleanly(outcome, seen)
    return outcome


def switch_latency(spec: EncoderSpec, codec: str) -> Outcome:
    """From asking for other layers to seeing them, over 25 ms each way and no limit to speak of."""
    scene = Scene()
    producer, _ = scene.camera(spec, codec)
    viewer = scene.viewer("viewer", FAST)
    seen = viewer.watch(producer)
    while scene.now_s < 30 and (
        seen.seen(2, after_s=0) is None or seen.share_shown(2, scene.now_s - 3, 30) < 1
    ):
        scene.run_until(scene.now_s + 1)  # the estimate has to find out first
    name = "simulcast" if not spec.svc else "k-SVC" if spec.key_only else "SVC"
    outcome = Outcome(f"asked and seen: {codec} {name}", [viewer.timeline])
    began_s = moment = scene.now_s
    outcome.at_least("720p before it begins", seen.share_shown(2, began_s - 1, began_s), 1.0)
    down, up, fewer, more = [], [], [], []
    # Not in step with frames: each round begins a little later within the pattern.
    for turn in range(6):
        moment = round(moment + 2.013, 3)
        down.append(_asked(scene, seen, moment, 0, 2, lambda one: one.spatial == 0))
        moment = round(moment + 2.029, 3)
        up.append(_asked(scene, seen, moment, 2, 2, lambda one: one.spatial == 2))
        moment = round(moment + 2.007 + turn / 100, 3)
        _prefer(scene, seen, moment, 2, 0)
        scene.run_until(moment + 1)
        last = max(one.at for one in seen.decoder.shown if one.temporal > 0)
        fewer.append((last - at(moment)) / 1000)
        moment = round(moment + 1.0, 3)
        more.append(_asked(scene, seen, moment, 2, 2, lambda one: one.temporal > 0))
    # k-SVC goes down at a key frame only.
    limits = (1200, 1200) if spec.key_only else (200, 1200)
    outcome.at_most("spatial down, worst of 6", max(down), limits[0], "ms")
    outcome.at_most("spatial up, worst of 6", max(up), limits[1], "ms")
    outcome.at_most("temporal down, worst of 6", max(fewer), 150, "ms")
    # Up has to wait for a frame that refers to the base layer only: two of four do.
    outcome.at_most("temporal up, median of 6", median(more), 150, "ms")
    outcome.at_most("temporal up, worst of 6", max(more), 200, "ms")
    decoded_cleanly(outcome, seen)
    return outcome


SCENARIOS: dict[str, Callable[[], Outcome]] = {
    "step": step,
    "steady-0.7": lambda: steady(700_000),
    "steady-1.5": lambda: steady(1_500_000),
    "steady-2.4": lambda: steady(2_400_000),
    "fair-share": fair_share,
    "outage": outage,
    "phone": phone,
    "pause": pause,
    "screen-share": screen_share,
    "priority": priority,
    "flapping": flapping,
    "uplink": uplink,
    "remb": lambda: remb_says(800_000),
    "remb-grows": remb_grows,
    "remb-narrow": remb_narrow,
    "switch-simulcast": lambda: switch_latency(SIMULCAST, "VP8"),
    "switch-svc": lambda: switch_latency(SVC, "VP9"),
    "switch-ksvc": lambda: switch_latency(KSVC, "VP9"),
    "switch-av1": lambda: switch_latency(replace(SVC), "AV1"),
}
"""By the name under which their picture is kept."""


def _asked(
    scene: Scene, seen: Watched, moment: float, spatial: int, temporal: int, matches: Callable[[Shown], bool]
) -> float:
    """Milliseconds from asking to the first picture that ``matches``; 9999 when none came in 2 s."""
    _prefer(scene, seen, moment, spatial, temporal)
    asked = scene.call.network.now
    known = len(seen.decoder.shown)
    scene.run_until(moment + 1.9)
    found = [one.at for one in seen.decoder.shown[known:] if matches(one)]
    return (found[0] - asked) / 1000 if found else 9999.0


def _prefer(scene: Scene, seen: Watched, moment: float, spatial: int, temporal: int) -> None:
    scene.run_until(moment)
    seen.consumer.set_preferred_layers(
        {"spatialLayer": spatial, "temporalLayer": temporal}, now=scene.call.network.now
    )


def _when(line: Timeline, matches: Callable[[tuple[int, int] | None], bool], after_s: float) -> float | None:
    """Seconds after ``after_s`` until the first thing watched is sent like that."""
    for time_s, chosen in zip(line.times_s, line.chosen, strict=True):
        if time_s > after_s and matches(chosen[0]):
            return time_s - after_s
    return None


def _back(seen: Watched, moment_s: float) -> float | None:
    """Seconds from then to the first picture."""
    first = seen.decoder.first_shown(at(moment_s))
    return None if first is None else (first - at(moment_s)) / 1e6


def _span(begin_s: float, end_s: float) -> tuple[Instant, Instant]:
    return at(begin_s), at(end_s)


def _level(shown: list[Shown], begin_s: float) -> list[int]:
    return [one.spatial for one in shown if one.at >= at(begin_s)] or [-1]
