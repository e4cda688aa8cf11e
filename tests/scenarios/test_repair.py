"""What is left of loss after repair, in figures. ``python -m tests.scenarios.report`` prints them all."""

from dataclasses import replace

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.netem import PRESETS, LinkSpec, emulate
from tests.scenarios.call import Call, camera, microphone
from tests.scenarios.measure import NEAR, Scenario, measure

TARGETS = [(0.01, 0.0001, 34), (0.05, 0.001, 8), (0.10, 0.01, 6), (0.20, 0.04, 6)]
"""Loss, what may be left of it, and how many seconds at 300 packets each are enough to show it."""


@pytest.mark.parametrize("where", ["uplink", "downlink", "both"])
@pytest.mark.parametrize(("loss", "residual", "duration_s"), TARGETS)
def test_of_random_loss_next_to_nothing_is_left(loss, residual, duration_s, where):
    lossy = replace(NEAR, loss=loss)
    result = measure(
        Scenario(
            f"{loss} {where}",
            uplink=NEAR if where == "downlink" else lossy,
            downlink=NEAR if where == "uplink" else lossy,
            duration_s=duration_s,
        )
    )
    assert result.residual <= residual
    assert result.duplicates == 0
    assert result.overhead[0] <= 1.5 * loss
    assert result.downlink_repeats <= result.sent / 4 + 64, "a quarter, and what was saved up before"
    assert result.longest_freeze_us < seconds(1)
    assert result.key_frames == 0


def test_bursts_of_twenty_packets_are_repaired_within_a_second():
    result = measure(Scenario("bursts", burst=(seconds(5), 20), duration_s=16))
    assert len(result.late_us) >= 60, "three bursts at least; how those of the two links meet is chance"
    assert result.missing == 0
    assert result.late(1.0) <= milliseconds(200)
    assert result.longest_freeze_us <= milliseconds(300)


def test_loss_in_runs_is_repaired_like_loss_of_single_packets():
    lossy = replace(NEAR, loss=0.05, loss_burst=5)
    result = measure(Scenario("runs", uplink=lossy, downlink=lossy, duration_s=10))
    assert result.residual <= 0.001
    assert result.longest_freeze_us < seconds(1)


def test_reordering_alone_makes_next_to_no_nacks():
    result = measure(Scenario("reordering", uplink=replace(NEAR, reorder=0.05), duration_s=15))
    assert result.reordered > 200
    assert result.falsely_nacked <= 0.1 * result.reordered
    assert result.missing == 0


def test_of_what_is_nacked_amid_reordering_at_most_a_tenth_comes_by_itself():
    link = replace(NEAR, reorder=0.05, loss=0.02)
    result = measure(Scenario("reordering and loss", uplink=link, duration_s=15))
    assert result.nacked > 80
    assert result.falsely_nacked <= 0.1 * result.nacked
    assert result.missing == 0


def test_duplicates_and_reordering_on_both_ways_never_leave_twice():
    link = replace(NEAR, reorder=0.05, duplicate=0.05, loss=0.02)
    result = measure(Scenario("all at once", uplink=link, downlink=link, duration_s=10))
    assert result.duplicates == 0
    assert result.missing == 0


def test_a_repair_over_half_a_second_of_round_trip_takes_one_round_trip():
    far = LinkSpec(delay_us=milliseconds(250))
    result = measure(Scenario("far", uplink=replace(far, loss=0.02), downlink=far, duration_s=8))
    assert result.missing == 0
    assert len(result.late_us) > 20
    assert result.late(0.5) <= milliseconds(560)


@pytest.mark.parametrize("name", ["wifi", "lte", "satellite"])
def test_the_links_that_people_have_lose_nothing_for_good(name):
    result = measure(Scenario(name, uplink=PRESETS[name], downlink=PRESETS[name], duration_s=8))
    assert result.missing == 0
    assert result.key_frames == 0


@pytest.mark.parametrize("ordered", [True, False])
def test_a_call_over_a_round_trip_of_500_ms_with_jitter_stands_for_ten_minutes(ordered):
    call = Call(keys=True)
    link = LinkSpec(delay_us=milliseconds(200), jitter_us=milliseconds(100), keep_order=ordered, loss=0.005)
    alice = call.join(uplink=emulate(link, seed=1), downlink=emulate(link, seed=2))
    bob = call.join(uplink=emulate(link, seed=3), downlink=emulate(link, seed=4))
    specs = (
        camera(interval_us=100_000, payload_bytes=200, packets_per_frame=1),
        replace(microphone(), interval_us=120_000),
    )
    sent = [alice.produce(spec) for spec in specs]
    sinks = [bob.consume(producer)[1] for producer, _ in sent]
    for sink in sinks:
        sink.nack_retry_us = milliseconds(500)  # as browsers do, which know the round trip too
    call.run(600)
    for (_, [source]), sink in zip(sent, sinks, strict=True):
        assert sink.jumps == sink.wrong_payload_type == 0
        assert len(set(sink.marks)) == len(sink.marks)
        lost = source.packets - len(sink.marks)
        assert lost <= (20 if sink.uses_nack else 0.012 * source.packets + 20)
    assert sinks[0].pictures.longest_freeze_us < seconds(2.5)
    assert alice.peer.key_frame_requests <= 3
    assert alice.ice_states == bob.ice_states == ["connected", "completed"]
