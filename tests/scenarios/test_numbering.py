"""Stories of what senders do to their numbers, and of receivers that notice nothing of it."""

import pytest

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.netem import LinkSpec, emulate
from tests.scenarios.call import Call, assert_whole, camera, microphone
from tests.scenarios.test_simulcast import layer, simulcast


@pytest.mark.parametrize("step", [4000, 20_000, 30_000])
def test_a_sender_that_begins_another_numbering_goes_on_for_its_receivers(step):
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(3)
    source.restart(source._sequence + step & 0xFFFF, 77)
    before, keys = sink.packets, sink.key_frames
    call.run(2)
    assert sink.packets - before >= 110
    assert sink.key_frames >= keys + 1
    assert_whole(sink)


@pytest.mark.parametrize("first", [65_500, 32_760])
def test_numbers_and_timestamps_wrap_under_loss_without_a_trace(first):
    call = Call(keys=True)
    links = [emulate(LinkSpec(loss=0.05), seed=seed) for seed in range(4)]
    alice, bob = call.join(*links[:2]), call.join(*links[2:])
    spec = camera(first_sequence_number=first, first_timestamp=0xFFFF_0000, packets_per_frame=5)
    producer, [source] = alice.produce(spec)
    _, sink = bob.consume(producer)
    call.run(10)
    assert set(range(sink.marks[0], source.packets - 100)) <= set(sink.marks)
    assert len(set(sink.marks)) == len(sink.marks)
    assert sink.timestamps_back == sink.jumps == 0


def test_padding_that_a_prober_sends_is_absorbed_and_leaves_no_gap():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(1)
    for turn in range(60):
        for _ in range(turn % 4):
            alice.peer.peer.send_rtp(source.make_padding(200))
        call.run(0.05)
    assert call.worker.counters()["drops"]["padding_only"] == 90
    assert sink.marks == list(range(len(sink.marks)))
    assert_whole(sink)


def test_padding_amid_loss_is_not_missed_by_anybody():
    call = Call(keys=True)
    alice = call.join(uplink=emulate(LinkSpec(loss=0.1), seed=3))
    bob = call.join(downlink=emulate(LinkSpec(loss=0.1), seed=4))
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(1)
    for _ in range(100):
        alice.peer.peer.send_rtp(source.make_padding(200))
        call.run(0.05)
    call.run(2)
    sent = set(range(sink.marks[0], source.packets - 60))
    assert len(sent - set(sink.marks)) <= 0.01 * len(sent)
    assert len(set(sink.marks)) == len(sink.marks)
    assert sink.timestamps_back == 0


def test_duplicates_on_every_link_reach_nobody_twice():
    call = Call(keys=True)
    links = [emulate(LinkSpec(duplicate=0.5), seed=seed) for seed in range(4)]
    alice, bob = call.join(*links[:2]), call.join(*links[2:])
    sent = [alice.produce(camera()), alice.produce(microphone())]
    sinks = [bob.consume(producer)[1] for producer, _ in sent]
    call.run(5)
    for sink in sinks:
        assert sink.marks == list(range(len(sink.marks)))
        assert_whole(sink)
    drops = call.worker.counters()["drops"]
    assert drops["srtp_replay"] > 50
    assert drops["srtcp_replay"] > 0, drops


def test_a_layer_that_falls_silent_has_no_score_until_it_is_back():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    _, consumer, _, high, sink, _ = simulcast(call, alice, bob)
    told = []
    consumer.on("score", told.append)
    call.run(4)
    assert consumer.score["producerScores"] == [10, 10]
    high.paused = True
    call.run(3)
    assert consumer.score["producerScores"] == [10, 0]
    assert told[-1] == consumer.score
    high.paused = False
    call.run(4)
    assert consumer.score["producerScores"][1] > 0
    assert_whole(sink)


def test_a_layer_switch_over_lossy_links_shows_a_picture_every_tenth_of_a_second():
    call = Call(keys=True)
    lossy = LinkSpec(delay_us=milliseconds(25), loss=0.03)
    links = [emulate(lossy, seed=seed) for seed in range(4)]
    alice, bob = call.join(*links[:2]), call.join(*links[2:])
    producer, _ = alice.produce(layer(0x1000, "l", 300), layer(0x2000, "h", 900))
    consumer, sink = bob.consume(producer)
    call.run(3)
    sink.pictures.shown_at.clear()
    for turn in range(12):
        consumer.set_preferred_layers({"spatialLayer": turn % 2}, now=call.network.now)
        call.run(1)
        assert consumer.current_layers["spatialLayer"] == turn % 2
    assert sink.pictures.longest_freeze_us < milliseconds(400)
    assert len(sink.pictures.shown_at) > 330
