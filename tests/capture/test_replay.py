"""What was recorded comes out again, byte for byte, and a plane that behaves otherwise is caught."""

import pytest

from rtpfwd.dataplane.load import PLANES
from rtpfwd.drivers.encoder_model import SIMULCAST_720P, EncoderSpec
from rtpfwd.drivers.netem import EmulatedLink, LinkSpec, emulate
from tests.capture.recording import RecordedCall, out_of, replay
from tests.scenarios.call import camera, microphone


def lossy(seed: int) -> EmulatedLink:
    return emulate(LinkSpec(loss=0.05, reorder=0.01, duplicate=0.01), seed=seed)


def a_call(seconds: float = 4, **options) -> RecordedCall:
    """Two people with cameras and microphones, and loss both ways."""
    recorded = RecordedCall(keys=True, **options)
    call = recorded.call
    one = call.join(lossy(1), lossy(2))
    two = call.join(lossy(3), lossy(4))
    call.connect(one, two)
    video, _ = one.produce(camera())
    audio, _ = one.produce(microphone())
    other, _ = two.produce(camera(0x5000, rtx=False))
    two.consume(video)
    two.consume(audio)
    one.consume(other)
    call.run(seconds)
    return recorded


@pytest.fixture(scope="module")
def capture() -> tuple[bytes, int]:
    recorded = a_call()
    return recorded.finish(), out_of(recorded.sent)


@pytest.mark.parametrize("plane", PLANES)
def test_a_lossy_call_comes_out_byte_for_byte(capture, plane):
    data, sent = capture
    for _ in range(2):
        result = replay(data, plane)
        assert result.comparison.equal, [str(one) for one in result.comparison.differences]
        assert result.comparison.same == result.sent == sent > 500
        assert not result.refused
        assert result.end == "asked"


@pytest.mark.parametrize(
    ("spec", "codec"),
    [(EncoderSpec(SIMULCAST_720P), "VP8"), (EncoderSpec(SIMULCAST_720P, svc=True, key_only=True), "VP9")],
    ids=["simulcast", "k-svc"],
)
@pytest.mark.parametrize("plane", PLANES)
def test_switches_of_layers_and_probes_come_out_byte_for_byte(spec, codec, plane):
    recorded = RecordedCall(keys=True, codecs=(codec,))
    call = recorded.call
    narrow = LinkSpec(loss=0.02, rate_bps=900_000, queue_us=300_000)
    publisher = call.join(emulate(LinkSpec(loss=0.02), seed=5))
    viewers = [
        call.join(lossy(6), emulate(narrow, seed=7), feedback="transport-cc"),
        call.join(lossy(8), feedback="transport-cc"),
    ]
    call.connect(publisher, *viewers)
    producer, _ = publisher.produce_camera(spec, codec)
    consumers = [one.watch(producer)[0] for one in viewers]
    call.run(4)
    consumers[1].pause(now=call.network.now)
    call.run(1)
    consumers[1].resume(now=call.network.now)
    call.run(3)
    data = recorded.finish()
    result = replay(data, plane)
    assert b'"seam.probe"' in data
    assert result.comparison.equal, [str(one) for one in result.comparison.differences]
    assert result.comparison.same == result.sent == out_of(recorded.sent) > 1000
    assert not result.refused
