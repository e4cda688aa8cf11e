"""A sender over a bare link: the receiver's feedback drives the estimate, the estimate drives the encoder."""

from statistics import median

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.congestion.settings import EstimatorSettings
from rtpfwd.drivers.encoder_model import EncoderSpec, EncodingSpec
from rtpfwd.drivers.encoder_source import EncodedCamera, simulcast_streams
from rtpfwd.drivers.fake_media import EXTENSION_IDS
from rtpfwd.drivers.send_loop import SendLoop
from rtpfwd.wire.header_extensions import TRANSPORT_CC, parse_elements
from rtpfwd.wire.rtp import RtpPacket
from tests.support.bare_link import START, Flow, bottleneck, run

CAMERA = EncoderSpec((EncodingSpec(1280, 720, 2_500_000, 100_000, temporal_layers=3),))


def test_the_encoder_settles_at_the_rate_of_the_link_and_follows_it():
    queue = bottleneck((0, 1_500_000), (20, 400_000), (40, 1_500_000))
    flow = Flow(CAMERA, queue.link(), settings=EstimatorSettings(initial_bps=300_000))
    run([flow], 60)
    assert 0.7 * 1_500_000 <= median(flow.target_between(10, 20)) <= 1.02 * 1_500_000
    assert max(flow.target_between(22.5, 40)) <= 1.15 * 400_000
    assert median(flow.target_between(24, 40)) >= 0.6 * 400_000
    assert max(flow.target_between(45, 60)) >= 0.75 * 1_500_000
    waits = sorted(wait for at, wait in flow.link.waits if START + seconds(5) < at < START + seconds(20))
    assert waits[len(waits) * 95 // 100] < milliseconds(100)
    assert flow.decoder.misled == []
    assert flow.feedback.sent > 500


def test_two_flows_share_a_link():
    queue = bottleneck((0, 2_000_000))
    flows = [Flow(CAMERA, queue.link(), begins_s=begins) for begins in (0.0, 5.0)]
    run(flows, 40)
    one, two = (median(flow.target_between(20, 40)) for flow in flows)
    assert one + two <= 1.1 * 2_000_000
    assert 0.4 <= one / (one + two) <= 0.6


def test_without_an_estimator_the_rate_stays_and_packets_are_numbered_and_paced():
    camera = EncodedCamera(CAMERA, simulcast_streams(CAMERA), target_bps=1_000_000)
    loop = SendLoop()
    loop.cameras.append(camera)
    camera.start(START)
    sent: list[tuple[Instant, RtpPacket]] = []
    now = START
    while now < START + seconds(5):
        loop.enqueue(camera.take_due(now), now)
        sent += [(now, RtpPacket.parse(data)) for data in loop.take_due(now)]
        due = [at for at in (camera.next_timeout(), loop.next_timeout()) if at is not None]
        now = Instant(max(min(due), now + 1))
    numbers = [
        int.from_bytes(
            parse_elements(packet.extension_profile, packet.extension)[EXTENSION_IDS[TRANSPORT_CC]]
        )
        for _, packet in sent
    ]
    assert numbers == list(range(1, len(sent) + 1))
    assert [number for number, *_ in loop.take_departures()] == numbers
    rate = sum(len(packet.payload) for _, packet in sent) * 8 / 5
    assert 900_000 <= rate <= 1_100_000
    at_once: dict[int, int] = {}
    for at, packet in sent:
        at_once[at] = at_once.get(at, 0) + len(packet.payload)
    assert max(at_once.values()) <= 2.5 * 1_100_000 / 8 * 0.005 + 1200
