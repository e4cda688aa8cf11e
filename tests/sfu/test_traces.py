"""Trace events: told to those who ask, about what they ask for."""

import pytest

from rtpfwd.errors import InvalidParameters
from tests.scenarios.call import Call, camera


@pytest.fixture
def call() -> Call:
    return Call(keys=True)


def test_packets_key_frames_and_requests_are_traced_on_both_sides(call: Call):
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, sink = bob.consume(producer)
    traced: dict[str, list[dict]] = {"in": [], "out": []}
    producer.on("trace", lambda trace: traced["in"].append(trace))
    consumer.on("trace", lambda trace: traced["out"].append(trace))
    producer.enable_trace_event(["rtp", "keyframe", "pli", "sr"])
    consumer.enable_trace_event(["rtp", "keyframe"])
    call.run(2)
    consumer.request_key_frame(now=call.network.now)
    call.run(2)
    kinds = {trace["type"] for trace in traced["in"]}
    assert kinds == {"rtp", "keyframe", "pli", "sr"}
    sent = [trace for trace in traced["out"] if trace["type"] == "rtp"]
    [outbound, _] = consumer.get_stats(now=call.network.now)
    assert len(sent) == outbound["packetCount"] >= sink.packets
    assert all(trace["direction"] == "out" for trace in sent)
    assert {trace["info"]["ssrc"] for trace in sent} == {consumer.ssrc}
    assert sum(trace["type"] == "keyframe" for trace in traced["out"]) == sink.key_frames


def test_nobody_is_told_what_was_not_asked_for(call: Call):
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, _ = bob.consume(producer)
    heard: list[object] = []
    consumer.on("trace", heard.append)
    consumer.enable_trace_event(["rtp"])
    call.run(1)
    assert heard
    consumer.enable_trace_event()
    heard.clear()
    call.run(1)
    assert heard == [] and consumer.dump()["traceEventTypes"] == []


def test_a_trace_that_there_is_not_is_refused(call: Call):
    alice = call.join()
    producer, _ = alice.produce(camera())
    with pytest.raises(InvalidParameters, match="no trace event 'bwe'"):
        producer.enable_trace_event(["bwe"])
