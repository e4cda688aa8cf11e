"""Stories of two clocks: audio and video of one publisher stay on its NTP clock, whatever happens to them."""

from dataclasses import replace

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.netem import LinkSpec, emulate
from rtpfwd.wire.header_extensions import ABS_CAPTURE_TIME, PLAYOUT_DELAY, parse_elements
from tests.scenarios.call import Call, Client, camera, microphone

A_LITTLE_US = milliseconds(3)
AHEAD_US = seconds(12_345)
"""How far the publisher's wall clock is from everybody else's."""

VOICE = replace(microphone(), first_timestamp=0xFFFF_F000, first_sequence_number=65_500)
PICTURE = camera(first_timestamp=0x1234_5678)


def talk(call: Call, uplink=None) -> tuple[Client, Client, list, list[MediaSink]]:
    alice, bob = call.join(uplink=uplink), call.join()
    alice.peer.clock_offset_us = AHEAD_US
    sent = [alice.produce(VOICE), alice.produce(PICTURE)]
    received = [bob.consume(producer) for producer, _ in sent]
    return alice, bob, [*zip(sent, received, strict=True)], [sink for _, sink in received]


def assert_in_sync(call: Call, sinks: list[MediaSink], for_s: float = 3.0) -> None:
    """For some seconds the receiver knows, by the sender reports it has, when each packet was captured."""
    for sink in sinks:
        sink.capture_errors_us.clear()
    call.run(for_s)
    for sink in sinks:
        assert len(sink.capture_errors_us) > 20
        assert max(abs(error - AHEAD_US) for error in sink.capture_errors_us) <= A_LITTLE_US


def test_sender_reports_tell_when_the_publisher_captured_what_it_sent():
    call = Call(keys=True)
    _, _, _, sinks = talk(call)
    call.run(3)
    assert_in_sync(call, sinks, 20)
    assert sinks[0].last_sender_report.packet_count > 900


@pytest.mark.parametrize("who", ["producer", "consumer"])
def test_they_still_do_after_video_was_paused_and_resumed(who):
    call = Call(keys=True)
    _, _, parts, sinks = talk(call)
    call.run(3)
    (producer, _), (consumer, _) = parts[1]
    paused = producer if who == "producer" else consumer
    paused.pause(now=call.network.now)
    call.run(5)
    paused.resume(now=call.network.now)
    assert_in_sync(call, sinks)


def test_they_still_do_after_the_camera_was_off_for_a_while():
    call = Call(keys=True)
    _, _, parts, sinks = talk(call)
    call.run(3)
    [source] = parts[1][0][1]
    source.paused = True
    call.run(10)
    source.paused = False
    assert_in_sync(call, sinks)


def test_a_lossy_uplink_with_jitter_moves_no_clock():
    call = Call(keys=True)
    uplink = emulate(LinkSpec(delay_us=milliseconds(30), jitter_us=milliseconds(40), loss=0.05), seed=4)
    _, _, _, sinks = talk(call, uplink)
    call.run(3)
    assert_in_sync(call, sinks, 20)


@pytest.mark.parametrize("delay_ms", [10, 80])
def test_a_switch_between_simulcast_layers_with_clocks_of_their_own_keeps_in_sync(delay_ms):
    call = Call(keys=True)
    delay = FixedDelay(milliseconds(delay_ms))
    alice, bob = call.join(delay, delay), call.join()
    alice.peer.clock_offset_us = AHEAD_US
    low = camera(0x1000, rid="l", packets_per_frame=1, payload_bytes=300, first_timestamp=0)
    high = camera(0x3000, rid="h", packets_per_frame=1, payload_bytes=900, first_timestamp=0xF000_0000)
    video, _ = alice.produce(low, high)
    audio, _ = alice.produce(VOICE)
    consumer, seen = bob.consume(video)
    _, heard = bob.consume(audio)
    call.run(4)
    for layer in (0, 1, 0, 1):
        consumer.set_preferred_layers({"spatialLayer": layer}, now=call.network.now)
        assert_in_sync(call, [seen, heard], 2.5)
        assert consumer.current_layers["spatialLayer"] == layer
    assert seen.timestamps_back == 0


def test_a_switch_at_a_key_frame_that_comes_late_is_in_sync_at_once():
    call = Call(keys=True)
    # The key frame of the other layer is asked for, lost, and repaired: everything before it tells nothing.
    late = {"until": 0}

    def hold(data: bytes, now: int) -> list[int] | None:
        return [Instant(now + milliseconds(90))] if now < late["until"] and len(data) > 800 else None

    alice, bob = call.join(uplink=Hook(FixedDelay(milliseconds(20)), hold)), call.join()
    alice.peer.clock_offset_us = AHEAD_US
    low = camera(0x1000, rid="l", packets_per_frame=1, payload_bytes=300, first_timestamp=0)
    high = camera(0x3000, rid="h", packets_per_frame=1, payload_bytes=900, first_timestamp=0xF000_0000)
    video, _ = alice.produce(low, high)
    consumer, seen = bob.consume(video, preferred_layers={"spatialLayer": 0})
    call.run(4)
    consumer.set_preferred_layers({"spatialLayer": 1}, now=call.network.now)
    late["until"] = call.network.now + milliseconds(80)
    seen.capture_errors_us.clear()
    call.run(0.5)
    assert consumer.current_layers["spatialLayer"] == 1
    off = [error for error in seen.capture_errors_us if abs(error - AHEAD_US) > A_LITTLE_US]
    assert len(off) <= 3, "no more than came together with the first report"
    assert_in_sync(call, [seen], 2)


def test_capture_times_and_playout_delays_that_a_publisher_writes_reach_the_viewer_as_they_are():
    call = Call(keys=True)
    written = {ABS_CAPTURE_TIME: bytes(range(8)), PLAYOUT_DELAY: b"\x01\x20\x30"}
    alice, bob = call.join(), call.join()
    more = tuple((uri, 12 + place, value) for place, (uri, value) in enumerate(written.items()))
    producer, _ = alice.produce(camera(more_extensions=more))
    consumer, sink = bob.consume(producer)
    call.run(1)
    packet = sink.last_packet
    elements = parse_elements(packet.extension_profile, packet.extension)
    ids = {one["uri"]: one["id"] for one in consumer.rtp_parameters["headerExtensions"]}
    assert {uri: elements[ids[uri]] for uri in written} == written
