"""What waits, for how long, and in which order it leaves."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.dataplane.interface import SendDrop, SendStreamId, TransportId
from rtpfwd.dataplane.reference.egress import Outgoing
from rtpfwd.dataplane.reference.pacer import BURST_US, MAX_QUEUE_US, MAX_QUEUED, Pacer
from rtpfwd.dataplane.reference.retransmission import FIRST_BUDGET
from tests.support.packets import rtp, vp8
from tests.support.stage import Stage

START = Instant(seconds(1))
A_MEGABIT = 1_000_000


def outgoing(size: int = 1250) -> Outgoing:
    return Outgoing(None, None, None, 0, size, False)


def drain(pacer: Pacer, now: Instant) -> list[tuple[Instant, Outgoing]]:
    left = []
    while (turn := pacer.next_timeout()) is not None:
        now = Instant(max(now, turn))
        packet = pacer.pop(now)
        assert packet is not None, "a turn that was announced is kept"
        left.append((now, packet))
    return left


def test_a_packet_on_a_free_line_leaves_at_once():
    assert Pacer(A_MEGABIT).free(START)


def test_a_short_burst_is_free_and_then_the_line_is_busy_for_the_size_at_the_rate():
    pacer = Pacer(A_MEGABIT)
    pacer.occupy(1250, START)  # 10 ms at a megabit: the burst allowance
    assert pacer.free(START)
    pacer.occupy(1250, START)
    assert not pacer.free(Instant(START + milliseconds(10) - 1))
    assert pacer.free(Instant(START + milliseconds(10)))


def test_repairs_leave_before_video_and_each_in_its_order():
    pacer = Pacer(A_MEGABIT)
    pacer.occupy(5000, START)
    first, second, repair, late_repair = (outgoing() for _ in range(4))
    pacer.push(first, False)
    pacer.push(repair, True)
    pacer.push(second, False)
    pacer.push(late_repair, True)
    assert [packet for _, packet in drain(pacer, START)] == [repair, late_repair, first, second]


@given(st.lists(st.integers(100, 1500), min_size=20, max_size=60), st.integers(500_000, 20_000_000))
def test_what_waits_leaves_evenly_at_the_rate_and_never_later_than_the_queue_may_last(sizes, rate):
    pacer = Pacer(rate)
    pacer.occupy(20_000, START)
    for size in sizes:
        pacer.push(outgoing(size), False)
    total = sum(sizes)
    left = drain(pacer, START)
    assert [packet.size for _, packet in left] == sizes
    assert pacer.queued_bytes == 0 and len(pacer) == 0
    took = left[-1][0] - left[0][0]
    at_the_rate = total * 8_000_000 // rate
    assert took <= at_the_rate + BURST_US
    if at_the_rate <= MAX_QUEUE_US:
        assert took >= at_the_rate - sizes[-1] * 8_000_000 // rate - 2 * BURST_US


def test_a_long_queue_drains_faster_than_the_rate():
    pacer = Pacer(100_000)
    pacer.occupy(1250, START)
    for _ in range(100):
        pacer.push(outgoing(), False)
    left = drain(pacer, START)
    assert left[49][0] - left[0][0] < MAX_QUEUE_US, "half of it within the time that the whole may wait"


def test_a_queue_has_an_end_and_the_oldest_video_pays():
    stage = Stage("reference")
    publisher, viewer = stage.join(), stage.join()
    stage.plane.set_pacing_rate(TransportId(1), 1)
    stream = stage.screen(1, 1, 5000, stage.camera(0, 1, 1000))
    for number in range(1, MAX_QUEUED + 8):
        stage.send(publisher, vp8(1000, number, key=number == 1))
    counters = stage.plane.send_counters(stream)
    assert counters.packets == len(viewer.read(stage.sent)) == 1
    assert counters.drops == {SendDrop.QUEUE_OVERFLOW: 6}


def test_packets_of_a_key_frame_that_overtook_its_first_one_are_not_lost():
    stage = Stage("reference")
    publisher, viewer = stage.join(), stage.join()
    stage.screen(1, 1, 5000, stage.camera(0, 1, 1000))
    packets = [vp8(1000, 10, key=True)] + [vp8(1000, number, first=False) for number in (11, 12, 13)]
    assert stage.send(publisher, packets[1], packets[3]) == []
    left = viewer.read(stage.send(publisher, packets[0], packets[2]))
    assert sorted(one.sequence_number for one in left) == [1000, 1001, 1002, 1003]
    assert stage.plane.send_counters(SendStreamId(1)).drops == {}


def test_repairs_take_no_more_than_a_quarter_of_the_stream_whatever_is_asked():
    stage = Stage("reference")
    publisher, viewer = stage.join(), stage.join()
    stream = stage.screen(1, 1, 5000, stage.camera(0, 1, 1000))
    for number in range(1, 2001):
        stage.send(publisher, vp8(1000, number, key=number == 1, size=1000, timestamp=number * 3000))
        stage.wait(milliseconds(10))
        wanted = [1000 + back & 0xFFFF for back in range(max(number - 100, 0), number)]
        viewer.read(stage.plane.retransmit(stream, wanted, milliseconds(10), stage.now))
    counters = stage.plane.send_counters(stream)
    assert counters.packets == 2000
    assert counters.retransmitted_bytes <= counters.bytes // 4 + FIRST_BUDGET
    assert counters.over_budget > 0


def test_a_clump_of_video_leaves_evenly_and_audio_overtakes_it():
    stage = Stage("reference")
    publisher, viewer = stage.join(), stage.join()
    stage.plane.set_pacing_rate(TransportId(1), A_MEGABIT)
    camera = stage.camera(0, 1, 1000)
    stage.screen(1, 1, 5000, camera)
    microphone = stage.microphone(0, 2, 2000)
    stage.speaker(1, 2, 6000, microphone)
    clump = [vp8(1000, number, key=number == 1, size=1000) for number in range(1, 31)]
    at_once = viewer.read(stage.send(publisher, *clump))
    assert 1 <= len(at_once) <= 3, "no more than a short burst"
    sound = viewer.read(stage.send(publisher, rtp(2000, 1)))
    assert [one.ssrc for one in sound] == [6000]
    times = []
    packets = list(at_once)
    while (turn := stage.plane.next_timeout()) is not None:
        more = viewer.read(stage.plane.handle_timeout(Instant(max(turn, stage.now))))
        times += [turn] * len(more)
        packets += more
    assert [one.sequence_number for one in packets] == list(range(1000, 1030))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) < milliseconds(12) and min(gaps) > 0
    assert stage.plane.send_counters(SendStreamId(1)).packets == 30
