"""What was recorded comes out again, byte for byte, and a plane that behaves otherwise is caught."""

import pytest

from rtpfwd.dataplane.load import PLANES
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
