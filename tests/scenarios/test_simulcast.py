"""Stories of simulcast: layers come and go, and the receiver sees one stream."""

from rtpfwd.drivers.fake_media import SourceSpec
from tests.scenarios.call import Call, Client, assert_whole, camera


def layer(ssrc: int, rid: str, size: int) -> SourceSpec:
    return camera(ssrc, rid=rid, payload_bytes=size, packets_per_frame=1)


LOW, HIGH = layer(0x1000, "l", 300), layer(0x2000, "h", 900)


def simulcast(call: Call, sender: Client, receiver: Client):
    producer, [low, high] = sender.produce(LOW, HIGH)
    consumer, sink = receiver.consume(producer)
    layers = []
    consumer.on("layerschange", layers.append)
    return producer, consumer, low, high, sink, layers


def test_the_receiver_goes_up_when_the_higher_layer_starts():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    _, consumer, _, high, sink, layers = simulcast(call, alice, bob)
    high.paused = True
    call.run(2)
    assert consumer.type == "simulcast"
    assert consumer.current_layers["spatialLayer"] == 0
    keys = sink.key_frames
    high.paused = False
    high.key_frame_wanted = False  # it must be asked for
    call.run(2)
    assert [one["spatialLayer"] for one in layers] == [0, 1]
    assert sink.key_frames > keys
    assert_whole(sink)


def test_the_receiver_goes_down_when_the_higher_layer_stops():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    _, consumer, _, high, sink, layers = simulcast(call, alice, bob)
    call.run(3)
    assert consumer.current_layers["spatialLayer"] == 1
    high.paused = True
    call.run(3)
    assert [one["spatialLayer"] for one in layers][-1] == 0
    assert_whole(sink)
    before = sink.packets
    call.run(1)
    assert sink.packets - before >= 29


def test_a_layer_that_stops_while_another_goes_on_is_left_before_the_picture_stands_still_for_long():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    _, consumer, _, high, sink, _ = simulcast(call, alice, bob)
    call.run(3)
    before = sink.packets
    high.paused = True
    call.run(0.7)
    assert consumer.current_layers["spatialLayer"] == 0
    assert sink.packets > before


def test_all_layers_may_be_silent_for_a_second_together():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, consumer, low, high, _, layers = simulcast(call, alice, bob)
    call.run(3)
    told = list(layers)
    low.paused = high.paused = True
    call.run(1)
    low.paused = high.paused = False
    call.run(0.5)
    assert layers == told, "a picture that stands still is no reason to change over"
    assert consumer.current_layers["spatialLayer"] == 1
    assert all(stream.active for stream in producer.streams)


def test_preferred_layers_are_kept_to():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    _, consumer, _, _, sink, _ = simulcast(call, alice, bob)
    call.run(3)
    consumer.set_preferred_layers({"spatialLayer": 0}, now=call.network.now)
    call.run(1)
    assert consumer.current_layers["spatialLayer"] == 0
    consumer.set_preferred_layers({"spatialLayer": 1}, now=call.network.now)
    call.run(1)
    assert consumer.current_layers["spatialLayer"] == 1
    assert_whole(sink)


def test_streams_are_told_apart_by_their_rid_and_repaired_by_their_repaired_rid():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _, low, high, _, _ = simulcast(call, alice, bob)
    call.run(1)
    assert [(one.rid, one.ssrc) for one in producer.streams] == [("l", 0x1000), ("h", 0x2000)]
    low.key_frame_wanted = high.key_frame_wanted = True
    assert len(producer.score) == 2
