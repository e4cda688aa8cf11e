"""Stories of asking again: when, how often, for how much, and what comes back."""

from collections import Counter
from itertools import pairwise

import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.drivers.media_peer import REPORTER_SSRC
from rtpfwd.drivers.netem import LinkSpec, Outages, emulate
from rtpfwd.wire.rtcp.feedback import Nack
from tests.scenarios.call import Call, Client, assert_whole, camera, microphone
from tests.scenarios.measure import Tap
from tests.scenarios.test_loss import LoseNth

DELAY = FixedDelay(milliseconds(25))


def ssrc_and_number(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[8:12]), int.from_bytes(data[2:4])


def sent_to(call: Call, client: Client, ssrc: int) -> list[tuple[Instant, bytes]]:
    """RTP of this SSRC in what the server sent and when; ``network.log`` must be on."""
    address = client.transport.ice_selected_tuple["remoteIp"]
    return [
        (at, data)
        for at, data, (_, remote) in call.network.log
        if remote[0] == address and not 192 <= data[1] < 224 and ssrc_and_number(data)[0] == ssrc
    ]


def test_a_hole_is_asked_for_ten_milliseconds_after_it_is_seen_then_each_round_trip_ten_times_in_all():
    call = Call(keys=True)
    lost_at = []
    lose = LoseNth(200)

    def lose_and_note(data: bytes, now: Instant) -> list[int] | None:
        decided = lose(data, now)
        lost_at.extend([now] if decided == [] else [])
        return decided

    alice = call.join(uplink=Hook(DELAY, lose_and_note), downlink=DELAY)
    producer, [source] = alice.produce(camera(packets_per_frame=1))
    call.join().consume(producer)
    call.run(5)
    alice.peer.answers_nacks = False
    call.run(5)
    asked = [at for at, _, numbers in alice.peer.nacks]
    sent_at = [at - DELAY.delay_us for at in asked]
    assert {numbers for _, _, numbers in alice.peer.nacks} == {(201,)}
    seen_at = lost_at[0] + 33_333 + DELAY.delay_us  # when the next frame arrives
    assert abs(sent_at[0] - seen_at - milliseconds(10)) <= 1
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert len(asked) == 10
    assert all(abs(gap - milliseconds(50)) <= milliseconds(1) for gap in gaps), gaps
    assert source.retransmitted == 0


def test_an_outage_that_no_repair_could_fill_is_not_asked_for_but_ends_in_a_key_frame():
    call = Call(keys=True)
    start = call.network.now
    link = Outages(DELAY, [(start + seconds(3), start + seconds(5))])
    alice, bob = call.join(uplink=link, downlink=DELAY), call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(4.9)
    keys = source.key_frames
    call.run(1.1)
    assert alice.peer.nacked <= 2
    assert source.key_frames == keys + 1
    assert call.network.now - sink.pictures.shown_at[-1] < milliseconds(100)


def test_more_holes_than_the_list_holds_end_in_a_key_frame():
    call = Call(keys=True)
    alice, bob = call.join(uplink=Hook(DELAY, LoseNth(*range(1200, 2300))), downlink=DELAY), call.join()
    producer, [source] = alice.produce(camera(packets_per_frame=40, payload_bytes=520))
    _, sink = bob.consume(producer)
    call.run(0.95)
    keys = source.key_frames
    call.run(2)
    assert source.key_frames > keys
    assert alice.peer.nacked < 500
    assert call.network.now - sink.pictures.shown_at[-1] < milliseconds(100)


def test_rtx_that_carries_packets_never_seen_is_used_and_nobody_asks_for_them():
    call = Call(keys=True)
    alice, bob = call.join(uplink=Hook(DELAY, LoseNth(40, 41))), call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    while source.packets < 42:
        call.network.run_for(milliseconds(1))
    for number in (41, 42):  # both packets of the last frame, by themselves, as a prober repeats them
        alice.peer.peer.send_rtp(source.retransmit(number))
    call.run(2)
    assert alice.peer.nacked == 0
    assert sink.marks == list(range(len(sink.marks)))
    assert_whole(sink)


def test_a_repair_that_is_not_needed_goes_nowhere():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    _, sink = bob.consume(producer)
    call.run(1)
    for number in range(10, 30):
        alice.peer.peer.send_rtp(source.retransmit(number))
    call.run(1)
    assert sink.duplicates == sink.repaired == sink.needless_repairs == 0
    assert call.worker.counters()["drops"]["rtx_unwanted"] == 20


@pytest.mark.parametrize("rtx", [True, False])
def test_whoever_asks_fifty_times_within_a_round_trip_is_answered_once(rtx):
    call = Call(keys=True)
    alice, bob = call.join(), call.join(uplink=DELAY, downlink=DELAY)
    producer, _ = alice.produce(camera())
    codecs = [one for one in call.router.rtp_capabilities["codecs"] if rtx or "rtx" not in one["mimeType"]]
    consumer, sink = bob.consume(producer, call.router.rtp_capabilities | {"codecs": codecs})
    call.run(3)  # long enough that the round trip is known
    number = sink._highest & 0xFFFF
    before = call.worker_counters(consumer)
    for _ in range(50):
        bob.peer.send_rtcp([Nack(REPORTER_SSRC, sink.ssrc, (number,))])
        call.network.run_for(milliseconds(0.9))
    call.network.run_for(milliseconds(30))
    after = call.worker_counters(consumer)
    assert after.nack_packets - before.nack_packets == 50
    assert after.retransmitted - before.retransmitted == 1
    assert call.worker_counters(consumer).rtx_packets == (1 if rtx else 0)


def test_without_rtx_the_same_ciphertext_is_sent_again_byte_for_byte():
    call = Call(keys=True)
    call.network.log = []
    alice, bob = call.join(), call.join(downlink=Hook(DELAY, LoseNth(30, 31)))
    producer, _ = alice.produce(camera())
    codecs = [one for one in call.router.rtp_capabilities["codecs"] if "rtx" not in one["mimeType"]]
    _, sink = bob.consume(producer, call.router.rtp_capabilities | {"codecs": codecs})
    call.run(2)
    ciphertexts: dict[int, Counter[bytes]] = {}
    for _, data in sent_to(call, bob, sink.ssrc):
        ciphertexts.setdefault(ssrc_and_number(data)[1], Counter())[data] += 1
    twice = [one for one in ciphertexts.values() if sum(one.values()) == 2]
    assert len(twice) == 2
    assert all(len(one) == 1 for one in ciphertexts.values()), "one number, one ciphertext"
    assert_whole(sink)


def test_repairs_leave_on_an_even_line_and_not_in_one_clump():
    call = Call(keys=True)
    call.network.log = []
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera(packets_per_frame=10, payload_bytes=1000))
    _, sink = bob.consume(producer)
    call.run(2)
    newest = sink._highest
    bob.peer.send_rtcp([Nack(REPORTER_SSRC, sink.ssrc, tuple(newest - back & 0xFFFF for back in range(50)))])
    call.run(0.5)
    times = [at for at, _ in sent_to(call, bob, sink.rtx_ssrc)]
    assert len(times) == 50
    rate_bps = 50 * 1050 * 8 / ((times[-1] - times[0]) / 1e6)
    assert rate_bps < 8_000_000, "near the pacing rate of this stream, and not as fast as the server can"
    most_at_once = max(sum(start <= at < start + milliseconds(5) for at in times) for start in times)
    assert most_at_once <= 12
    assert_whole(sink)


def test_opus_is_repaired_for_the_consumer_that_asked_for_rtx_and_for_no_other():
    call = Call(keys=True)
    lossy = emulate(LinkSpec(loss=0.05), seed=1), emulate(LinkSpec(loss=0.05), seed=1)
    alice, bob, carol = call.join(), call.join(downlink=lossy[0]), call.join(downlink=lossy[1])
    producer, [source] = alice.produce(microphone())
    _, with_rtx = bob.consume(producer, enable_rtx=True)
    _, without = carol.consume(producer)
    call.run(20)
    assert with_rtx.uses_nack
    assert with_rtx.rtx_ssrc is None, "there is no RTX for Opus: it comes again as it was"
    assert source.packets - len(with_rtx.marks) <= 3
    assert not without.uses_nack
    assert source.packets - len(without.marks) > 20


def test_one_publishers_losses_are_asked_for_once_however_many_consumers_miss_them():
    call = Call(keys=True)
    alice = call.join(uplink=Hook(DELAY, LoseNth(50, 51, 60)), downlink=DELAY)
    taps = [Tap(FixedDelay(milliseconds(10))) for _ in range(5)]
    producer, [source] = alice.produce(camera())
    sinks = [call.join(downlink=tap).consume(producer)[1] for tap in taps]
    call.run(3)
    assert source.retransmitted == 3
    for sink, tap in zip(sinks, taps, strict=True):
        assert_whole(sink)
        assert tap.repeated == 0
