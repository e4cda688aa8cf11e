"""Viewers without transport-wide feedback: their REMB is all that is known of the link.

The receiver (``RembFeedback``) believes in half as much again as what arrives, as libwebrtc's does.
"""

from __future__ import annotations

from tests.scenarios.outcome import SIMULCAST, Outcome, decoded_cleanly, longest_freeze
from tests.scenarios.timeline import Scene


def remb_says(bps: int) -> Outcome:
    """A REMB that stays as it is on a link that carries more."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", 3_000_000, feedback="remb")
    seen = viewer.watch(producer)
    told = viewer.client.peer.feedback
    assert told is not None
    told.script = lambda now: bps  # type: ignore[attr-defined]
    scene.run_until(30)
    outcome = Outcome(f"a viewer that says {bps // 1000} kbit/s by REMB", [viewer.timeline])
    outcome.at_least("share of 360p", seen.share_shown(1, 10, 30), 0.95)
    decoded_cleanly(outcome, seen)
    return outcome


def remb_grows() -> Outcome:
    """A wide link, and a REMB that begins at 300 kbit/s and grows with what arrives."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", 5_000_000, feedback="remb")
    seen = viewer.watch(producer)
    scene.run_until(60)
    outcome = Outcome("REMB alone on 5 Mbit/s", [viewer.timeline])
    outcome.at_most("720p after the start", seen.seen(2, after_s=0), 40, "s")
    outcome.at_least("share of 720p, last 20 s", seen.share_shown(2, 40, 60), 0.95)
    outcome.at_most("longest freeze", longest_freeze(seen, 5, 60), 500, "ms")
    decoded_cleanly(outcome, seen)
    return outcome


def remb_narrow() -> Outcome:
    """A link that 720p does not fit: padding finds that out, and nobody sees it."""
    scene = Scene()
    producer, _ = scene.camera(SIMULCAST)
    viewer = scene.viewer("viewer", 700_000, feedback="remb")
    seen = viewer.watch(producer)
    scene.run_until(60)
    outcome = Outcome("REMB alone on 700 kbit/s", [viewer.timeline])
    outcome.at_least("share of 360p", seen.share_shown(1, 10, 60), 0.95)
    outcome.at_most("spatial switches", seen.spatial_switches(10, 60), 1)
    outcome.at_most("longest freeze", longest_freeze(seen, 5, 60), 500, "ms")
    outcome.at_most("queue p95", viewer.queue_ms(0.95, 5, 60), 150, "ms")
    decoded_cleanly(outcome, seen)
    return outcome
