"""Stories of whole calls through the real worker, in virtual time."""

import time

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay
from tests.scenarios.call import Call, assert_whole, camera, microphone


def test_two_people_see_and_hear_each_other():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    sinks = []
    sources = []
    for sender, receiver, base in ((alice, bob, 0x1000), (bob, alice, 0x5000)):
        for spec in (camera(base), microphone(base + 0x100)):
            producer, made = sender.produce(spec)
            sources += made
            sinks.append(receiver.consume(producer)[1])
    call.run(5)
    for source, sink in zip(sources, sinks, strict=True):
        assert_whole(sink)
        assert sink.packets >= source.packets - 4, "all that was sent arrived, but for what is on its way"
    assert [sink.began_with_key_frame for sink in sinks] == [True, False, True, False]
    assert max(max(sink.latencies_us) for sink in sinks) <= milliseconds(25)
    for client in (alice, bob):
        assert client.ice_states == ["connected", "completed"]
        assert client.dtls_states == ["connecting", "connected"]
        assert client.peer.unknown_ssrcs == client.peer.malformed == 0
        assert not client.peer.peer.drops


def test_the_numbers_of_the_source_come_through_in_order():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(3)
    assert sink.marks == list(range(sink.marks[0], sink.marks[0] + len(sink.marks)))


def test_a_late_joiner_gets_a_key_frame_at_once_and_nobody_else_is_disturbed():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    _, early = bob.consume(producer)
    call.run(10)
    before = source.key_frames
    carol = call.join()
    _, late = carol.consume(producer)
    call.run(0.5)
    assert source.key_frames == before + 1
    assert late.began_with_key_frame
    assert_whole(late)
    assert_whole(early)


def test_many_joiners_at_once_cost_the_publisher_two_key_frames_at_most():
    call = Call(keys=True)
    alice = call.join()
    producer, [source] = alice.produce(camera())
    call.run(2)
    before = source.key_frames
    sinks = [call.join().consume(producer)[1] for _ in range(20)]
    call.run(1)
    assert 1 <= source.key_frames - before <= 2
    for sink in sinks:
        assert sink.began_with_key_frame
        assert_whole(sink)


def test_a_consumer_that_pauses_gets_nothing_and_resumes_with_a_key_frame():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    consumer, sink = bob.consume(producer)
    call.run(2)
    consumer.pause(now=call.network.now)
    call.run(0.1)
    stopped_at, keys = sink.packets, sink.key_frames
    call.run(2)
    assert sink.packets == stopped_at
    consumer.resume(now=call.network.now)
    call.run(0.3)
    assert sink.packets > stopped_at
    assert sink.key_frames == keys + 1
    assert source.spec.ssrc != sink.ssrc
    assert_whole(sink)


def test_a_consumer_made_paused_starts_with_a_key_frame_when_it_is_resumed():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, sink = bob.consume(producer, paused=True)
    call.run(2)
    assert sink.packets == 0
    consumer.resume(now=call.network.now)
    call.run(0.3)
    assert sink.began_with_key_frame
    assert_whole(sink)


def test_a_producer_that_pauses_silences_all_and_resumes_with_a_key_frame_without_a_gap():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, sink = bob.consume(producer)
    told = []
    consumer.on("producerpause", lambda: told.append("pause"))
    consumer.on("producerresume", lambda: told.append("resume"))
    call.run(2)
    producer.pause(now=call.network.now)
    call.run(0.1)
    stopped_at, keys = sink.packets, sink.key_frames
    call.run(3)
    assert sink.packets == stopped_at
    producer.resume(now=call.network.now)
    call.run(0.5)
    assert sink.packets > stopped_at
    assert sink.key_frames == keys + 1
    assert told == ["pause", "resume"]
    assert_whole(sink)


def test_video_that_goes_on_after_a_producers_pause_begins_at_the_key_frame():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(2)
    producer.pause(now=call.network.now)
    call.run(1)
    before, keys = sink.packets, sink.key_frames
    producer.resume(now=call.network.now)
    call.network.run_while(lambda: sink.packets == before, limit_us=seconds(2))
    assert sink.key_frames == keys + 1, "the first packet after the pause begins a key frame"


def test_whoever_leaves_takes_producers_and_consumers_along_and_the_rest_goes_on():
    call = Call()
    alice, bob, carol = call.join(), call.join(), call.join()
    call.connect(alice, bob, carol)
    producer, _ = alice.produce(camera())
    consumer, _ = bob.consume(producer)
    other, _ = bob.produce(microphone())
    _, heard = carol.consume(other)
    closed = []
    consumer.on("producerclose", lambda: closed.append("producerclose"))
    call.run(1)
    alice.leave()
    call.run(1)
    assert closed == ["producerclose"]
    assert consumer.closed and producer.closed
    assert alice.peer.peer.dtls_state.value == "closed", "close_notify reached the client"
    before = heard.packets
    call.run(1)
    assert heard.packets - before == 50
    assert_whole(heard)


def test_a_client_that_says_close_notify_is_gone_at_once():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    bob.consume(producer)
    call.run(1)
    alice.peer.close()
    call.run(0.1)
    assert alice.transport.dtls_state == "closed"
    assert alice.dtls_states[-1] == "closed"


def test_ice_restart_in_mid_call_loses_no_packet():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(2)
    for client in (alice, bob):
        old = client.transport.ice_parameters
        new = client.transport.restart_ice(now=call.network.now)
        assert new["usernameFragment"] != old["usernameFragment"]
        call.run(0.2)
        client.peer.restart_ice(new, call.network.now)
    call.run(40)  # beyond consent: the new credentials must carry it
    assert_whole(sink)
    assert alice.transport.ice_state == bob.transport.ice_state == "completed"
    assert max(sink.latencies_us) <= milliseconds(25)


def test_a_client_that_changes_its_network_goes_on_from_its_new_address():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(2)
    call.network.move(bob.peer, [("10.9.9.9", 7000)])
    bob.peer.peer.move(0, call.network.now)
    call.run(2)
    assert bob.transport.ice_selected_tuple["remoteIp"] == "10.9.9.9"
    assert_whole(sink)


def test_consent_that_expires_stops_all_sending_and_is_told():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(2)
    bob.peer.peer.silent = True
    call.run(36)
    assert bob.ice_states[-1] == "disconnected"
    stopped_at = sink.packets
    call.run(5)
    assert sink.packets == stopped_at
    assert bob.transport.ice_selected_tuple is None


def test_a_client_that_slept_past_its_consent_is_back_when_it_checks_again():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(2)
    bob.peer.peer.silent = True
    call.run(40)
    bob.peer.peer.silent = False
    bob.peer.peer.move(0, call.network.now)
    before, keys = sink.packets, sink.key_frames
    call.network.run_while(lambda: sink.packets == before, limit_us=seconds(2))
    assert sink.packets > before
    assert sink.key_frames == keys + 1, "video begins again at a key frame"


@pytest.mark.parametrize("delay_ms", [0, 250])
def test_a_call_stands_on_links_of_no_delay_and_of_half_a_second_there_and_back(delay_ms):
    call = Call()
    link = FixedDelay(milliseconds(delay_ms))
    alice, bob = call.join(link, link), call.join(link, link)
    call.connect(alice, bob)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(20)
    assert_whole(sink)


def test_the_same_seed_gives_the_same_bytes():
    def egress(seed: int) -> list[tuple[int, bytes, object]]:
        call = Call(seed=seed, keys=True)
        call.network.log = []
        alice, bob = call.join(), call.join()
        for sender, receiver, base in ((alice, bob, 0x1000), (bob, alice, 0x5000)):
            for spec in (camera(base), microphone(base + 0x100)):
                producer, _ = sender.produce(spec)
                receiver.consume(producer)
        call.run(3)
        alice.leave()
        call.run(1)
        return call.network.log

    first = egress(7)
    assert len(first) > 500
    assert egress(7) == first
    assert egress(8) != first


def test_an_hour_of_an_idle_call_passes_in_seconds():
    call = Call()
    alice, bob = call.join(), call.join()
    call.connect(alice, bob)
    begun = time.perf_counter()
    call.run(3600)
    assert time.perf_counter() - begun < 30
    assert alice.transport.ice_state == bob.transport.ice_state == "completed"
