"""Stories of lossy links: what is lost is asked for and repaired, on the way in and on the way out."""

import pytest

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.drivers.netem import UniformLoss
from tests.scenarios.call import Call, assert_whole, camera

DELAY = FixedDelay(milliseconds(10))


class LoseNth:
    """Loses the RTP packets with these positions on a link, counted from 0, once each."""

    def __init__(self, *positions: int) -> None:
        self.positions = set(positions)
        self.seen = -1

    def __call__(self, data: bytes, now: int) -> list[int] | None:
        if len(data) < 500 or not 0x80 <= data[0] < 0xC0:
            return None  # not the media
        self.seen += 1
        return [] if self.seen in self.positions else None


@pytest.mark.parametrize("rtx", [True, False])
def test_a_packet_lost_on_its_way_in_is_asked_for_and_everybody_gets_it(rtx):
    call = Call(keys=True)
    alice = call.join(uplink=Hook(DELAY, LoseNth(30, 31, 50)))
    bob, carol = call.join(), call.join()
    producer, [source] = alice.produce(camera(rtx=rtx))
    sinks = [one.consume(producer)[1] for one in (bob, carol)]
    call.run(2)
    assert alice.peer.nacked == source.retransmitted == 3
    for sink in sinks:
        assert_whole(sink)
        assert sorted(sink.marks) == list(range(len(sink.marks)))
        assert sink.marks[-1] > 100


def test_a_packet_lost_on_its_way_out_is_sent_again_to_whoever_asks_for_it():
    call = Call(keys=True)
    alice = call.join()
    bob = call.join(downlink=Hook(DELAY, LoseNth(30, 31, 50)))
    carol = call.join()
    producer, [source] = alice.produce(camera())
    _, lossy = bob.consume(producer)
    _, clean = carol.consume(producer)
    call.run(3)
    assert lossy.repaired == 3
    assert clean.repaired == 0
    assert source.retransmitted == 0, "the publisher is not asked for what the server has"
    assert_whole(lossy)
    assert_whole(clean)


def test_a_consumer_without_rtx_gets_the_very_same_packet_again():
    call = Call(keys=True)
    alice, bob = call.join(), call.join(downlink=Hook(DELAY, LoseNth(30)))
    producer, _ = alice.produce(camera())
    codecs = [codec for codec in call.router.rtp_capabilities["codecs"] if codec["mimeType"] != "video/rtx"]
    _, sink = bob.consume(producer, capabilities=call.router.rtp_capabilities | {"codecs": codecs})
    call.run(2)
    assert sink.uses_nack
    assert sink.rtx_ssrc is None
    assert_whole(sink)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.10])
def test_random_loss_both_ways_is_repaired(share):
    call = Call(keys=True)
    alice = call.join(uplink=UniformLoss(DELAY, share, seed=1), downlink=UniformLoss(DELAY, share, seed=2))
    bob = call.join(uplink=UniformLoss(DELAY, share, seed=3), downlink=UniformLoss(DELAY, share, seed=4))
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(20)
    assert sink.packets > 1000
    old = sink._highest - 60  # the last second may still be under repair
    residual = sum(1 for extended in sink._missing if extended < old)
    assert residual <= sink.packets * share / 100, f"{residual} of {sink.packets} never came"
    assert sink.duplicates <= sink.packets * share
    assert sink.timestamps_back == 0


def test_a_burst_longer_than_repair_can_mend_ends_in_a_key_frame():
    call = Call(keys=True)
    gone = range(60, 1600)
    alice = call.join(uplink=Hook(DELAY, LoseNth(*gone)))
    bob = call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(1)
    before = source.key_frames
    call.run(30)
    assert source.key_frames > before
    last = sink.marks[-1]
    assert last > 1700, "media goes on after the outage"


def test_reordered_and_doubled_packets_arrive_once_each():
    call = Call(keys=True)
    count = [0]

    def shake(data: bytes, now: int) -> list[int] | None:
        if len(data) < 500:
            return None
        count[0] += 1
        if count[0] % 10 == 0:
            return [now + milliseconds(10), now + milliseconds(12)]
        if count[0] % 7 == 0:
            return [now + milliseconds(45)]
        return None

    alice, bob = call.join(uplink=Hook(DELAY, shake)), call.join()
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(5)
    assert sink.packets > 200
    assert len(set(sink.marks)) == len(sink.marks)
    assert sink.duplicates == 0
