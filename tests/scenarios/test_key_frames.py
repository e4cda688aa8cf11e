"""Stories of key frames: asked for once for all, and never waited for longer than it takes."""

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.drivers.media_peer import REPORTER_SSRC
from rtpfwd.drivers.netem import LinkSpec, emulate
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, PictureLossIndication
from tests.scenarios.call import Call, assert_whole, camera

DELAY = FixedDelay(milliseconds(25))
VIDEO = {"packets_per_frame": 10, "payload_bytes": 1000}


def test_ten_thousand_requests_of_fifty_consumers_cost_the_publisher_two_a_second():
    call = Call(keys=True)
    alice = call.join()
    producer, [source] = alice.produce(camera(packets_per_frame=1, payload_bytes=60))
    viewers = [call.join() for _ in range(50)]
    sinks = [viewer.consume(producer)[1] for viewer in viewers]
    call.run(3)
    asked, made = alice.peer.key_frame_requests, source.key_frames
    for turn in range(100):
        for viewer, sink in zip(viewers, sinks, strict=True):
            viewer.peer.send_rtcp(
                [
                    PictureLossIndication(REPORTER_SSRC, sink.ssrc),
                    FullIntraRequest(REPORTER_SSRC, 0, (FirEntry(sink.ssrc, turn),)),
                ]
            )
        call.network.run_for(milliseconds(20))
    assert 2 <= alice.peer.key_frame_requests - asked <= 5, "two a second for two seconds, and one begun"
    assert source.key_frames - made == alice.peer.key_frame_requests - asked
    for sink in sinks:
        assert_whole(sink)


def test_a_request_that_is_lost_is_repeated_until_the_key_frame_comes():
    call = Call(keys=True)
    cut_off_until = [0]
    downlink = Hook(DELAY, lambda data, now: [] if now < cut_off_until[0] and data[0] >= 128 else None)
    alice, bob = call.join(downlink=downlink), call.join()
    producer, [source] = alice.produce(camera())
    call.run(2)
    keys = source.key_frames
    cut_off_until[0] = call.network.now + milliseconds(700)
    _, sink = bob.consume(producer)
    call.run(0.7)
    assert source.key_frames == keys
    call.run(0.6)
    assert source.key_frames == keys + 1
    assert sink.began_with_key_frame


@pytest.mark.parametrize("late_ms", [5, 30])
def test_a_key_frame_whose_first_packet_comes_last_is_shown_whole_and_not_asked_for_again(late_ms):
    call = Call(keys=True)
    hold = [False]

    def hold_first(data: bytes, now: int) -> list[int] | None:
        if hold[0] and len(data) > 500:
            hold[0] = False
            return [Instant(now + DELAY.delay_us + milliseconds(late_ms))]
        return None

    alice, bob = call.join(uplink=Hook(DELAY, hold_first), downlink=DELAY), call.join()
    producer, [source] = alice.produce(camera(**VIDEO))
    call.run(2)
    consumer, sink = bob.consume(producer)
    asked = source.key_frames
    call.network.run_while(lambda: not source.key_frame_wanted, limit_us=seconds(1))
    hold[0] = True
    call.run(1)
    assert source.key_frames == asked + 1
    assert sink.began_with_key_frame
    assert sink.marks[0] % 10 == 0
    assert sorted(sink.marks) == list(range(sink.marks[0], sink.marks[0] + len(sink.marks)))
    assert sink.pictures.shown_at
    assert_whole(sink)
    assert not any(
        reason.name == "WAITING_FOR_KEY_FRAME"
        for reason, count in call.worker_counters(consumer).drops.items()
        if count > 60
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_late_joiner_sees_a_picture_within_a_second_and_a_round_trip_at_ten_percent_loss(seed):
    call = Call(keys=True, seed=seed + 1)
    links = [emulate(LinkSpec(delay_us=milliseconds(25), loss=0.1), seed=10 * seed + one) for one in range(4)]
    alice = call.join(uplink=links[0], downlink=links[1])
    producer, _ = alice.produce(camera(**VIDEO))
    call.run(2)
    bob = call.join(uplink=links[2], downlink=links[3])
    call.network.run_while(lambda: not bob.peer.connected, limit_us=seconds(2))
    joined_at = call.network.now
    _, sink = bob.consume(producer)
    call.run(1.5)
    assert sink.pictures.shown_at[0] - joined_at <= seconds(1) + milliseconds(100)
    assert sink.pictures.key_pictures >= 1
    assert len(sink.pictures.shown_at) > 15


def test_a_hundred_late_joiners_each_see_a_picture_within_a_second():
    call = Call(keys=True)
    alice = call.join(uplink=DELAY, downlink=DELAY)
    producer, [source] = alice.produce(camera(packets_per_frame=2, payload_bytes=100))
    call.run(1)
    before = source.key_frames
    waits = []
    for _ in range(20):
        joined = [(call.network.now, call.join(DELAY, DELAY).consume(producer)[1]) for _ in range(5)]
        call.run(0.1)
        waits += joined
    call.run(1.2)
    # Each client's first check takes a round trip of its own.
    assert max(sink.pictures.shown_at[0] - at for at, sink in waits) <= seconds(1) + milliseconds(150)
    assert source.key_frames - before <= 6, "two a second"


def test_a_viewer_that_asks_for_more_than_may_be_repaired_gets_a_key_frame_instead_of_a_standstill():
    call = Call(keys=True)
    gone = [False]
    alice = call.join()
    bob = call.join(downlink=Hook(DELAY, lambda data, now: [] if gone[0] and len(data) > 500 else None))
    producer, [source] = alice.produce(camera(**VIDEO))
    _, sink = bob.consume(producer)
    call.run(3)
    keys = source.key_frames
    gone[0] = True
    call.run(0.9)  # 270 packets: four times what is saved up for repairs
    gone[0] = False
    call.run(0.3)
    assert 1 <= source.key_frames - keys <= 2
    pictures = len(sink.pictures.shown_at)
    call.run(0.3)
    assert len(sink.pictures.shown_at) > pictures


def test_a_viewer_that_was_silent_for_three_seconds_gets_a_key_frame_unasked():
    call = Call(keys=True)
    deaf = [False]
    cut = Hook(DELAY, lambda data, now: [] if deaf[0] and data[0] >= 128 else None)
    alice, bob = call.join(), call.join(uplink=cut, downlink=DELAY)
    producer, [source] = alice.produce(camera())
    bob.consume(producer)
    call.run(3)
    keys = source.key_frames
    deaf[0] = True
    call.run(4)
    assert source.key_frames == keys
    deaf[0] = False
    call.run(1.2)
    assert source.key_frames == keys + 1
