"""Probes: how long they last, how evenly they leave, what fills them, and what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import (
    ProbatorSpec,
    Probe,
    ReceiveStreamId,
    SendStreamId,
    TransportId,
)
from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.header_extensions import ABS_SEND_TIME, MID, TRANSPORT_CC
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import elements_of, rtp, vp8
from tests.support.srtp_peer import SrtpPeer
from tests.support.stage import ROUTER_OPUS, ROUTER_RTX, ROUTER_VP8, Stage

VIEWER = TransportId(1)
PROBATOR = ProbatorSpec(1234, 127, b"probator", {MID: 1, ABS_SEND_TIME: 4, TRANSPORT_CC: 5}, 700)
A_MEGABIT = 1_000_000


def probe(rate_bps: int, duration_us: int, packets: int = 5, cluster: int = 1) -> Probe:
    return Probe(cluster, rate_bps, rate_bps * duration_us // 8_000_000, packets)


def until_idle(stage: Stage) -> Iterator[tuple[Instant, Datagram]]:
    """What leaves by itself, and when; the clock goes along."""
    while (turn := stage.plane.next_timeout()) is not None:
        stage.now = Instant(max(stage.now, turn))
        out = stage.plane.handle_timeout(stage.now)
        stage.sent += out
        yield from ((stage.now, datagram) for datagram in out)


def begin(stage: Stage, one: Probe) -> list[tuple[Instant, Datagram]]:
    out = stage.plane.probe(VIEWER, one, stage.now)
    stage.sent += out
    return [(stage.now, datagram) for datagram in out]


def run(stage: Stage, one: Probe) -> list[tuple[Instant, Datagram]]:
    return begin(stage, one) + list(until_idle(stage))


def lasted(left: list[tuple[Instant, Datagram]], rate_bps: int) -> int:
    """From the first packet's first bit to the last one's last, in microseconds."""
    return left[-1][0] - left[0][0] + len(left[-1][1][0]) * 8_000_000 // rate_bps


@pytest.fixture
def scene(stage: Stage) -> tuple[Stage, SrtpPeer, SrtpPeer]:
    """A publisher with a camera, a viewer of it, and no media so far."""
    publisher, viewer = stage.join(), stage.join()
    stage.screen(1, 1, 5000, stage.camera(0, 1, 1000))
    return stage, publisher, viewer


def show(stage: Stage, publisher: SrtpPeer, sizes: list[int], first: int = 1) -> list[Datagram]:
    """Pictures of one packet each, 10 ms apart; the first is a key frame if it is number 1."""
    out = []
    for number, size in enumerate(sizes, first):
        out += stage.send(publisher, vp8(1000, number, key=number == 1, size=size, timestamp=number * 900))
        stage.wait(milliseconds(10))
    stage.plane.take_departures(VIEWER)
    return out


# -- how long, how even, how much


@pytest.mark.parametrize("fill", ["probator", "repetitions", "empty RTX"])
@pytest.mark.parametrize(
    ("rate_bps", "duration_ms"),
    [(A_MEGABIT, 15), (300_000, 15), (300_000, 40), (3 * A_MEGABIT, 15), (20 * A_MEGABIT, 15)],
)
def test_a_probe_lasts_its_time_evenly_whatever_it_is_filled_with(scene, fill, rate_bps, duration_ms):
    stage, publisher, viewer = scene
    if fill == "probator":
        stage.plane.set_probator(VIEWER, PROBATOR)
    else:
        viewer.read(
            show(stage, publisher, [40] if fill == "empty RTX" else [1200, 60, 350, 120, 900, 1100] * 5)
        )
    wanted = probe(rate_bps, milliseconds(duration_ms))
    left = run(stage, wanted)
    sizes = [len(data) for _, (data, _) in left]
    assert len(left) >= wanted.packets and sum(sizes) >= wanted.size_bytes
    assert sum(sizes[:-1]) < wanted.size_bytes or len(left) == wanted.packets
    due = max(wanted.size_bytes, min(sizes) * wanted.packets) * 8_000_000 // rate_bps
    assert due * 0.8 <= lasted(left, rate_bps) <= due * 1.2
    # Never ahead of the line but for what is rounded, and never behind it for longer than a pause.
    for place, (at, _) in enumerate(left):
        ideal = left[0][0] + sum(sizes[:place]) * 8_000_000 // rate_bps
        assert -place <= at - ideal <= milliseconds(1) + 100
    viewer.read(datagram for _, datagram in left)


def test_a_probe_of_a_megabit_for_15_ms_is_of_five_packets_or_a_few_more(scene):
    stage, _publisher, _viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    left = run(stage, probe(A_MEGABIT, milliseconds(15)))
    assert len(left) == 5
    assert milliseconds(12) <= lasted(left, A_MEGABIT) <= milliseconds(18)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(left)]
    assert max(gaps) - min(gaps) <= 100
    assert stage.plane.next_timeout() is None and not stage.plane.transport_counters(VIEWER).probing


def test_a_fast_probe_wakes_us_no_more_than_once_a_millisecond(scene):
    stage, _, _ = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    left = run(stage, probe(50 * A_MEGABIT, milliseconds(15)))
    turns = sorted({at for at, _ in left})
    assert len(left) >= 60
    assert min(later - earlier for earlier, later in pairwise(turns)) >= milliseconds(1)


def test_a_late_timer_sends_no_more_than_five_milliseconds_worth_at_once(scene):
    stage, _, _viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    rate = 20 * A_MEGABIT
    begin(stage, probe(rate, milliseconds(30)))
    stage.wait(milliseconds(20))
    clump = stage.plane.handle_timeout(stage.now)
    assert rate * 5 // 8000 <= sum(len(data) for data, _ in clump) <= rate * 5 // 8000 + 2 * 1400
    rest = list(until_idle(stage))
    assert rest[-1][0] - stage.now < milliseconds(30)
    assert max(later[0] - earlier[0] for earlier, later in pairwise(rest)) <= milliseconds(2)


def test_a_probe_leaves_the_usual_rate_and_its_debts_alone(scene):
    stage, publisher, _viewer = scene
    show(stage, publisher, [1000])
    stage.plane.set_pacing_rate(VIEWER, 500_000)
    stage.send(publisher, *(vp8(1000, number, size=1000) for number in range(2, 22)))
    assert stage.plane.transport_counters(VIEWER).queued_packets >= 18
    left = run(stage, probe(10 * A_MEGABIT, milliseconds(5)))
    times = [at for at, _ in left]
    fast = [at for at in times if at < times[0] + milliseconds(7)]
    assert 6 <= len(fast) <= 8, "6250 bytes at ten megabits"
    slow = [later - earlier for earlier, later in pairwise(times[len(fast) :])]
    assert min(slow) >= milliseconds(13), "and then at half a megabit again"
    assert stage.plane.transport_counters(VIEWER).padding_packets == 0


# -- what goes first


def test_media_that_waits_is_the_probe_and_padding_only_fills_up(scene):
    stage, publisher, viewer = scene
    show(stage, publisher, [500])
    stage.plane.set_pacing_rate(VIEWER, 300_000)
    stage.send(publisher, *(vp8(1000, number, size=500, timestamp=number) for number in range(2, 9)))
    waiting = stage.plane.transport_counters(VIEWER).queued_packets
    assert waiting >= 5
    stage.plane.take_departures(VIEWER)
    left = viewer.read(datagram for _, datagram in run(stage, probe(4 * A_MEGABIT, milliseconds(15))))
    assert [one.ssrc for one in left[:waiting]] == [5000] * waiting
    assert {one.ssrc for one in left[waiting:]} == {5001}
    departures = stage.plane.take_departures(VIEWER)
    assert {cluster for *_, cluster in departures} == {1}
    size = sum(one[2] for one in departures)
    assert 7500 <= size < 7500 + 1400, "media counted"


def test_media_and_sound_that_come_in_the_middle_count_and_sound_does_not_wait(scene):
    stage, publisher, viewer = scene
    stage.speaker(1, 2, 6000, stage.microphone(0, 2, 2000))
    stage.plane.set_probator(VIEWER, PROBATOR)
    show(stage, publisher, [60])
    begin(stage, probe(2 * A_MEGABIT, milliseconds(20)))
    stage.wait(100)
    [sound] = viewer.read(stage.send(publisher, rtp(2000, 1)))
    assert sound.ssrc == 6000
    assert stage.send(publisher, vp8(1000, 2, size=900)) == [], "the line is busy"
    rest = viewer.read(datagram for _, datagram in until_idle(stage))
    assert rest[0].ssrc == 5000, "before any padding"
    departures = stage.plane.take_departures(VIEWER)
    assert {one[3] for one in departures} == {1}
    assert 5000 <= sum(one[2] for one in departures) < 6400


def test_repairs_go_before_media_and_padding(scene):
    stage, publisher, viewer = scene
    show(stage, publisher, [900] * 5)
    stage.plane.set_pacing_rate(VIEWER, 300_000)
    stage.send(publisher, *(vp8(1000, number, size=900) for number in range(6, 12)))
    assert stage.plane.retransmit(SendStreamId(1), [1002], milliseconds(50), stage.now) == []
    first = viewer.read(datagram for _, datagram in begin(stage, probe(9 * A_MEGABIT, milliseconds(10))))
    assert [one.ssrc for one in first] == [5001]
    assert unwrap_payload(first[0].payload)[0] == 1002
    assert stage.plane.send_counters(SendStreamId(1)).rtx_packets == 1
    rest = viewer.read(datagram for _, datagram in until_idle(stage))
    ssrcs = [one.ssrc for one in rest]
    assert ssrcs == sorted(ssrcs), "all media, and then padding"
    assert stage.plane.send_counters(SendStreamId(1)).rtx_packets == 1


# -- several, and those that come to nothing


def test_probes_run_one_after_the_other_in_order(scene):
    stage, _, _viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    left = begin(stage, probe(A_MEGABIT, milliseconds(15), cluster=1))
    left += begin(stage, probe(2 * A_MEGABIT, milliseconds(15), cluster=2))
    left += begin(stage, probe(4 * A_MEGABIT, milliseconds(15), cluster=3))
    left += until_idle(stage)
    departures = stage.plane.take_departures(VIEWER)
    clusters = [cluster for *_, cluster in departures]
    assert clusters == sorted(clusters) and set(clusters) == {1, 2, 3}
    for number, rate in ((1, A_MEGABIT), (2, 2 * A_MEGABIT), (3, 4 * A_MEGABIT)):
        mine = [one for one in departures if one[3] == number]
        took = mine[-1][1] - mine[0][1] + mine[-1][2] * 8_000_000 // rate
        assert milliseconds(12) <= took <= milliseconds(18)
    assert left[-1][0] - left[0][0] <= milliseconds(50)


def test_no_more_than_eight_probes_wait(scene):
    stage, _, _ = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    for cluster in range(1, 13):
        begin(stage, probe(A_MEGABIT, milliseconds(15), cluster=cluster))
    assert stage.plane.transport_counters(VIEWER).probes_dropped == 3
    list(until_idle(stage))
    assert {one[3] for one in stage.plane.take_departures(VIEWER)} == set(range(1, 10))


def test_with_nothing_to_pad_with_a_probe_is_ignored(scene):
    stage, publisher, _ = scene
    assert begin(stage, probe(A_MEGABIT, milliseconds(15))) == []
    assert not stage.plane.transport_counters(VIEWER).probing and stage.plane.next_timeout() is None
    stage.plane.set_probator(VIEWER, PROBATOR)
    stage.plane.set_probator(VIEWER, None)
    assert begin(stage, probe(A_MEGABIT, milliseconds(15))) == []
    show(stage, publisher, [60])
    assert len(begin(stage, probe(A_MEGABIT, milliseconds(15)))) == 1, "a stream with RTX has sent"


def test_sound_and_video_without_rtx_are_nothing_to_pad_with(stage):
    publisher, viewer = stage.join(), stage.join()
    stage.speaker(
        1, 2, 6000, stage.microphone(0, 2, 2000), rtx_ssrc=6001, rtx_payload_types={ROUTER_OPUS: 99}
    )
    stage.screen(
        1, 3, 7000, stage.camera(0, 1, 1000), rtx_ssrc=None, rtx_payload_types={}, keep_ciphertext=True
    )
    assert len(viewer.read(stage.send(publisher, rtp(2000, 1), vp8(1000, 1, key=True)))) == 2
    assert begin(stage, probe(A_MEGABIT, milliseconds(15))) == []


@pytest.mark.parametrize("loss", ["no path", "no probator any more", "stream gone"])
def test_a_probe_that_cannot_go_on_is_given_up_in_bounded_time_and_without_much_waking(scene, loss):
    stage, publisher, _viewer = scene
    if loss == "stream gone":
        show(stage, publisher, [60] * 5)
    else:
        stage.plane.set_probator(VIEWER, PROBATOR)
    began = stage.now
    begin(stage, probe(A_MEGABIT, milliseconds(100)))
    begin(stage, probe(A_MEGABIT, milliseconds(15), cluster=2))
    if loss == "no path":
        stage.plane.select_path(VIEWER, None)
    elif loss == "stream gone":
        stage.plane.remove_send_stream(SendStreamId(1))
    else:
        stage.plane.set_probator(VIEWER, None)
    turns = 0
    while (turn := stage.plane.next_timeout()) is not None:
        stage.now = Instant(max(turn, stage.now))
        assert stage.plane.handle_timeout(stage.now) == []
        turns += 1
    assert stage.now - began <= milliseconds(400 + 230) + milliseconds(10)
    assert turns <= 140
    counters = stage.plane.transport_counters(VIEWER)
    assert counters.probes_dropped == 2 and not counters.probing


def test_a_probe_without_a_number_or_a_rate_is_refused(scene):
    stage, _, _ = scene
    for wrong in (Probe(0, 1000, 1000, 5), Probe(1, 0, 1000, 5)):
        with pytest.raises(InvalidParameters):
            stage.plane.probe(VIEWER, wrong, stage.now)


def test_a_transport_may_go_in_the_middle_of_its_probe(scene):
    stage, _, _ = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    begin(stage, probe(A_MEGABIT, milliseconds(15)))
    stage.plane.remove_transport(VIEWER)
    assert stage.plane.next_timeout() is None


# -- what is on record


def test_departures_are_every_numbered_packet_in_order_with_its_time_and_size(scene):
    stage, publisher, viewer = scene
    stage.speaker(1, 2, 6000, stage.microphone(0, 2, 2000), extension_ids={MID: 1})
    stage.plane.take_departures(VIEWER)
    stage.plane.set_pacing_rate(VIEWER, A_MEGABIT)
    expected = []

    def look(out: list[Datagram]) -> None:
        for data, packet in zip((data for data, _ in out), viewer.read(out), strict=True):
            if packet.ssrc != 6000:
                expected.append((int.from_bytes(elements_of(packet)[5]), stage.now, len(data)))

    for number in range(1, 31):
        look(stage.send(publisher, rtp(2000, number)))
        look(stage.send(publisher, *(vp8(1000, 3 * number + k, key=number == 1, size=700) for k in range(3))))
        look(stage.plane.retransmit(SendStreamId(1), [1000 + number], milliseconds(5), stage.now))
        if number % 10 == 0:
            look(stage.plane.probe(VIEWER, probe(3 * A_MEGABIT, milliseconds(15), cluster=number), stage.now))
        end = stage.now + milliseconds(20)
        while (turn := stage.plane.next_timeout()) is not None and turn <= end:
            stage.now = Instant(max(turn, stage.now))
            look(stage.plane.handle_timeout(stage.now))
        stage.now = Instant(end)
    for at, datagram in until_idle(stage):
        look([datagram])
        assert at == stage.now
    departures = stage.plane.take_departures(VIEWER)
    assert [one[:3] for one in departures] == expected
    assert [one[0] for one in departures] == list(range(len(departures)))
    assert {one[3] for one in departures} == {0, 10, 20, 30}
    assert stage.plane.take_departures(VIEWER) == []
    assert stage.plane.transport_counters(VIEWER).departures_lost == 0


def test_the_same_ciphertext_again_is_no_departure(stage):
    publisher, _viewer = stage.join(), stage.join()
    stage.screen(
        1, 1, 5000, stage.camera(0, 1, 1000), rtx_ssrc=None, rtx_payload_types={}, keep_ciphertext=True
    )
    show(stage, publisher, [60] * 3)
    assert len(stage.plane.retransmit(SendStreamId(1), [1001], milliseconds(5), stage.now)) == 1
    assert stage.plane.take_departures(VIEWER) == []


def test_departures_that_nobody_takes_are_counted_and_cost_bounded_memory(scene):
    stage, publisher, _viewer = scene
    packets = [vp8(1000, number, key=number == 1) for number in range(1, 1001)]
    for packet in packets[:500]:
        stage.send(publisher, packet)
    first = stage.plane.take_departures(VIEWER)
    assert first[-1][0] == 499 and 1 <= len(first) <= 500
    assert stage.plane.transport_counters(VIEWER).departures_lost == 500 - len(first)
    for packet in packets[500:]:
        stage.send(publisher, packet)
    assert [one[0] for one in stage.plane.take_departures(VIEWER)] == list(range(500, 1000))
    assert stage.plane.transport_counters(VIEWER).departures_lost == 500 - len(first)


def test_a_hundred_thousand_departures_never_taken_are_lost_but_for_the_last(stage):
    publisher, _ = stage.join(), stage.join()
    microphone = stage.microphone(0, 1, 2000)
    for place in range(20):
        stage.speaker(1, place, 6000 + place, microphone)
    stage.plane.take_departures(VIEWER)
    for number in range(5000):
        stage.plane.forward([publisher.send(rtp(2000, number))], stage.now)
    kept = stage.plane.take_departures(VIEWER)
    assert len(kept) == 4096 and kept[-1][0] == 99_999 & 0xFFFF
    assert stage.plane.transport_counters(VIEWER).departures_lost == 100_000 - 4096


# -- what it is filled with


def test_repetitions_restore_to_packets_that_the_viewer_has_seen_and_count_for_the_transport_only(scene):
    stage, publisher, viewer = scene
    seen = {one.sequence_number: one for one in viewer.read(show(stage, publisher, [1100] * 40))}
    before = stage.plane.send_counters(SendStreamId(1))
    left = viewer.read(datagram for _, datagram in run(stage, probe(6 * A_MEGABIT, milliseconds(15))))
    assert len(left) >= 9
    originals = []
    for place, one in enumerate(left):
        assert (one.ssrc, one.payload_type, one.sequence_number) == (5001, ROUTER_RTX, 500 + place)
        number, payload = unwrap_payload(one.payload)
        assert (seen[number].payload, seen[number].timestamp) == (payload, one.timestamp)
        assert elements_of(one)[1] == b"7"
        originals.append(number)
    assert len(set(originals)) == len(originals), "each at most once while there are others"
    assert min(originals) >= 1040 - 16
    assert stage.plane.send_counters(SendStreamId(1)) == before
    counters = stage.plane.transport_counters(VIEWER)
    assert counters.padding_packets == len(left)
    assert counters.padding_bytes == sum(len(one.serialize()) for one in left)


def test_a_repair_asked_for_afterwards_has_the_next_rtx_number_and_its_whole_budget(scene):
    stage, publisher, viewer = scene
    show(stage, publisher, [1100] * 40)
    padding = viewer.read(datagram for _, datagram in run(stage, probe(50 * A_MEGABIT, milliseconds(15))))
    assert sum(len(one.payload) for one in padding) > 64_000, "more than repairs may take"
    [repair] = viewer.read(stage.plane.retransmit(SendStreamId(1), [1003], milliseconds(5), stage.now))
    assert repair.sequence_number == 500 + len(padding)
    assert stage.plane.send_counters(SendStreamId(1)).over_budget == 0


def test_the_packets_that_fit_best_are_repeated(scene):
    stage, publisher, viewer = scene
    show(stage, publisher, [1200, 330, 60] * 6)
    # 1875 bytes in five packets: 375 each.
    left = viewer.read(datagram for _, datagram in run(stage, probe(A_MEGABIT, milliseconds(15))))
    assert [len(one.payload) - 2 for one in left[:4]] == [330] * 4


def test_where_nothing_of_the_size_is_kept_rtx_carries_padding_alone(scene):
    stage, publisher, viewer = scene
    show(stage, publisher, [1200] * 20)
    stage.wait(milliseconds(1))
    left = viewer.read(datagram for _, datagram in run(stage, probe(A_MEGABIT, milliseconds(15))))
    media = stage.plane.send_counters(SendStreamId(1))
    for place, one in enumerate(left):
        assert (one.ssrc, one.payload_type, one.sequence_number) == (5001, ROUTER_RTX, 500 + place)
        assert one.payload == b"" and 1 <= one.padding <= 255 and not one.marker
        assert one.timestamp == media.last_timestamp
        assert elements_of(one)[1] == b"7" and 5 in elements_of(one)


def test_the_stream_that_sent_last_is_repeated(scene):
    stage, publisher, viewer = scene
    stage.screen(1, 2, 8000, stage.camera(0, 2, 3000))
    show(stage, publisher, [1100] * 10)
    stage.send(publisher, *(vp8(3000, number, key=number == 1, size=1100) for number in range(1, 10)))
    left = viewer.read(datagram for _, datagram in run(stage, probe(6 * A_MEGABIT, milliseconds(15)))[9:])
    assert {one.ssrc for one in left} == {8001}


def test_the_probator_is_as_mediasoup_client_announces_it(scene):
    """mid ``probator``, SSRC 1234, payload type 127, the video's extensions; zeros, 1400 bytes at most."""
    stage, _, viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    left = run(stage, probe(20 * A_MEGABIT, milliseconds(15)))
    packets = viewer.read(datagram for _, datagram in left)
    for place, ((at, _), one) in enumerate(zip(left, packets, strict=True)):
        assert (one.ssrc, one.payload_type, one.sequence_number) == (1234, 127, 700 + place)
        elements = elements_of(one)
        assert (elements[1], elements[5]) == (b"probator", place.to_bytes(2))
        assert int.from_bytes(elements[4]) == (at << 18) // 1_000_000 & 0xFF_FFFF
        assert not any(one.payload) and one.payload and not one.marker and not one.padding
        assert len(one.serialize()) <= 1400
    timestamps = [one.timestamp for one in packets]
    assert {later - earlier for earlier, later in pairwise(timestamps)} == {20}
    assert stage.plane.transport_counters(VIEWER).padding_packets == len(packets) >= 27


def test_a_probator_that_comes_back_goes_on_with_its_numbers(scene):
    stage, _, viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    first = viewer.read(datagram for _, datagram in run(stage, probe(A_MEGABIT, milliseconds(15))))
    stage.plane.set_probator(VIEWER, None)
    stage.plane.set_probator(VIEWER, PROBATOR)
    second = viewer.read(datagram for _, datagram in run(stage, probe(A_MEGABIT, milliseconds(15))))
    numbers = [one.sequence_number for one in first + second]
    assert numbers == list(range(700, 700 + len(numbers)))


def test_a_stream_with_rtx_is_padded_on_rather_than_the_probator(scene):
    stage, publisher, viewer = scene
    stage.plane.set_probator(VIEWER, PROBATOR)
    show(stage, publisher, [1100] * 5)
    left = viewer.read(datagram for _, datagram in run(stage, probe(5 * A_MEGABIT, milliseconds(15))))
    assert {one.ssrc for one in left} == {5001}


# -- the queue when its streams change


def queue_up(stage: Stage, publisher: SrtpPeer, viewer: SrtpPeer) -> list[RtpPacket]:
    """A key frame of 20 packets at 2.5 times 300 kbit/s, the rest of which waits."""
    stage.plane.set_pacing_rate(VIEWER, 750_000)
    frame = [vp8(1000, number, key=True, first=number == 1, size=1200) for number in range(1, 21)]
    return viewer.read(stage.send(publisher, *frame))


def test_a_key_frame_at_a_low_rate_leaves_evenly_and_repairs_jump_the_queue(scene):
    stage, publisher, viewer = scene
    first = queue_up(stage, publisher, viewer)
    assert len(first) <= 2
    assert stage.plane.transport_counters(VIEWER).queued_packets == 20 - len(first)
    assert stage.plane.transport_counters(VIEWER).queued_bytes >= (20 - len(first)) * 1200
    assert stage.plane.retransmit(SendStreamId(1), [1000], milliseconds(50), stage.now) == []
    left = list(until_idle(stage))
    packets = viewer.read(datagram for _, datagram in left)
    assert packets[0].ssrc == 5001 and [one.ssrc for one in packets[1:]] == [5000] * (20 - len(first))
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(left)]
    assert milliseconds(11) <= min(gaps) and max(gaps) <= milliseconds(14)
    counters = stage.plane.transport_counters(VIEWER)
    assert (counters.queued_packets, counters.queued_bytes) == (0, 0)


def test_a_low_rate_of_the_past_does_not_hold_the_line(scene):
    stage, publisher, _viewer = scene
    stage.plane.set_pacing_rate(VIEWER, 100)
    stage.send(publisher, vp8(1000, 1, key=True, size=1200), vp8(1000, 2, size=1200))
    stage.plane.set_pacing_rate(VIEWER, A_MEGABIT)
    assert stage.plane.next_timeout() <= stage.now + milliseconds(250)


@pytest.mark.parametrize("change", ["paused", "no source", "source gone"])
def test_what_waits_has_its_number_and_leaves_also_when_its_stream_is_paused_or_loses_its_source(
    scene, change
):
    stage, publisher, viewer = scene
    packets = queue_up(stage, publisher, viewer)
    if change == "paused":
        stage.plane.set_send_paused(SendStreamId(1), True)
    elif change == "no source":
        stage.plane.set_source(SendStreamId(1), None, stage.now)
    else:
        stage.plane.remove_receive_stream(ReceiveStreamId(1))
    packets += viewer.read(datagram for _, datagram in until_idle(stage))
    assert [one.sequence_number for one in packets] == list(range(1000, 1020)), "no hole to ask for"
    assert {one.payload_type for one in packets} == {ROUTER_VP8}


def test_what_waits_of_a_removed_stream_goes_with_it_and_the_others_move_up(scene):
    stage, publisher, viewer = scene
    stage.screen(1, 2, 8000, stage.camera(0, 2, 3000))
    queue_up(stage, publisher, viewer)
    stage.send(publisher, vp8(3000, 1, key=True, size=600))
    stage.plane.remove_send_stream(SendStreamId(1))
    counters = stage.plane.transport_counters(VIEWER)
    assert counters.queued_packets == 1 and 600 <= counters.queued_bytes <= 700
    assert [one.ssrc for one in viewer.read(d for _, d in until_idle(stage))] == [8000]
