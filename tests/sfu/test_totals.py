"""Totals of a worker never go back."""

from rtpfwd.sfu.totals import NAMES
from tests.scenarios.call import Call, camera


def test_what_streams_counted_outlives_them():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, _ = bob.consume(producer)
    call.run(2)
    consumer.pause(now=call.network.now)
    call.run(1)
    before = call.worker.counters()
    assert set(before["streams"]) == set(NAMES)
    assert before["streams"]["keyFrameRequestsSent"] >= 1
    assert before["streams"]["bytesForwarded"] > 0
    assert before["sendDrops"]["consumer_paused"] > 0
    consumer.close(now=call.network.now)
    producer.close(now=call.network.now)
    bob.leave()
    after = call.worker.counters()
    assert after["streams"] == before["streams"]
    assert after["sendDrops"] == before["sendDrops"]
