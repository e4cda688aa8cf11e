"""RTCP of a transport: what is told to publishers and consumers, when, and what hostile reports can do."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import milliseconds, ntp_middle, seconds, unix_us_to_ntp, us_to_ntp_short
from rtpfwd.drivers.fake_media import producer_parameters
from rtpfwd.sfu.producer import Producer
from rtpfwd.wire.header_extensions import ABS_SEND_TIME, TRANSPORT_CC
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import MAX_BITRATE_BPS, ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import ReceiverReport, ReportBlock, SenderReport, SourceDescription
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import rtp, vp8
from tests.support.room import UNIX_US, Member, Room, camera, microphone

SECOND = seconds(1)
NTP = unix_us_to_ntp(UNIX_US)


def block(ssrc: int, *, lsr: int = 0, dlsr: int = 0, fraction: int = 0, lost: int = 0) -> ReportBlock:
    return ReportBlock(ssrc, fraction, lost, 0, 0, lsr, dlsr)


def video(room: Room) -> tuple[Member, Member, Producer, object]:
    """A camera of alice's that bob sees."""
    alice, bob = room.join(), room.join()
    producer = alice.produce(camera())
    consumer = bob.consume(producer)
    alice.send(vp8(0x1000, 1, key=True))
    return alice, bob, producer, consumer


# -- reports


def test_a_receiver_report_tells_loss_jitter_and_delay_as_computed_by_hand(room):
    alice, *_ = video(room)
    alice.send(*(vp8(0x1000, number, timestamp=0) for number in (2, 4, 5, 6, 8, 9, 10)))
    alice.send_rtcp(SenderReport(0x1000, NTP, 0, 8, 1000))
    reported_at = room.now
    room.wait(SECOND // 2)
    [(told_at, report)] = [one for one in alice.rtcp if isinstance(one[1], ReceiverReport)]
    assert report.reports == (
        ReportBlock(
            ssrc=0x1000,
            fraction_lost=2 * 256 // 10,
            packets_lost=2,
            highest_sequence_number=10,
            jitter=0,
            last_sender_report=ntp_middle(NTP),
            delay_since_last_sender_report=us_to_ntp_short(told_at - reported_at),
        ),
    )


def test_the_next_report_tells_the_share_of_its_own_interval(room):
    alice, *_ = video(room)
    room.wait(SECOND // 2)
    alice.send(*(vp8(0x1000, number) for number in (2, 3, 4, 6)))
    room.wait(2 * SECOND)
    first, second, *_ = alice.told(ReceiverReport)
    assert (first.reports[0].fraction_lost, first.reports[0].packets_lost) == (0, 0)
    assert (second.reports[0].fraction_lost, second.reports[0].packets_lost) == (256 // 5, 1)


def test_reports_come_every_one_to_one_and_a_half_seconds(room):
    alice, *_ = video(room)
    room.wait(60 * SECOND)
    times = [at for at, packet in alice.rtcp if isinstance(packet, ReceiverReport) and packet.reports]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert SECOND <= min(gaps) < max(gaps) < SECOND * 3 // 2
    assert len(set(gaps)) > 10, "not in step with everybody else"


def test_a_sender_report_carries_the_publishers_clock_over(room):
    alice, bob, _, consumer = video(room)
    alice.send_rtcp(SenderReport(0x1000, NTP, 123_456, 1, 100))
    reported_at = room.now
    room.wait(SECOND // 2 + milliseconds(10))
    [(told_at, report)] = [one for one in bob.rtcp if isinstance(one[1], SenderReport)]
    elapsed = told_at - reported_at
    assert report.ssrc == consumer.ssrc
    assert report.ntp == NTP + (elapsed << 32) // SECOND
    assert report.rtp_timestamp == 123_456 + elapsed * 90_000 // SECOND
    assert (report.packet_count, report.octet_count) == (1, len(bob.rtp[0].payload))
    [names] = bob.told(SourceDescription)
    assert [(chunk.ssrc, chunk.cname) for chunk in names.chunks] == [(consumer.ssrc, "rtpfwd-test")]


def test_no_sender_report_before_the_publisher_told_its_clock(room):
    _, bob, *_ = video(room)
    room.wait(3 * SECOND)
    assert bob.told(SenderReport) == []


def test_a_sender_report_for_an_rtx_or_foreign_ssrc_is_nobodys_clock(room):
    alice, bob, *_ = video(room)
    alice.send_rtcp(SenderReport(0x1001, NTP, 1, 1, 1), SenderReport(0x9999, NTP, 1, 1, 1))
    room.wait(3 * SECOND)
    assert bob.told(SenderReport) == []


def test_fifty_streams_are_reported_in_datagrams_of_ordinary_size(room):
    alice, bob = room.join(), room.join()
    for place in range(50):
        producer = alice.produce(microphone(0x100 + place, mid=f"m{place}"))
        bob.consume(producer)
        alice.send(rtp(0x100 + place, 1))
        alice.send_rtcp(SenderReport(0x100 + place, NTP, 1, 1, 1))
    sizes: list[int] = []
    transmit = room.worker.transmit
    room.worker.transmit = lambda: [sizes.append(len(one[0])) or one for one in transmit()]
    room.wait(2 * SECOND)
    reported = {one.ssrc for report in alice.told(ReceiverReport) for one in report.reports}
    assert len(reported) == 50
    assert len({report.ssrc for report in bob.told(SenderReport)}) == 50
    assert max(sizes) <= 1300


# -- round trip times


def test_a_round_trip_is_known_from_lsr_and_dlsr(room):
    alice, bob, _, consumer = video(room)
    alice.send_rtcp(SenderReport(0x1000, NTP, 0, 1, 100))
    room.wait(SECOND // 2 + milliseconds(1))
    report = bob.told(SenderReport)[-1]
    sent_at = next(at for at, packet in bob.rtcp if packet is report)
    room.wait(milliseconds(150) - (room.now - sent_at))
    lsr = ntp_middle(report.ntp)
    bob.send_rtcp(ReceiverReport(1, (block(consumer.ssrc, lsr=lsr, dlsr=us_to_ntp_short(100_000)),)))
    assert consumer.get_stats(now=room.now)[0]["roundTripTime"] == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize(
    ("lsr", "dlsr", "expected"),
    [
        ("right", 0xFFFF_FFFF, 0),
        ("right", 0, 3000),
        ("wrong", 0, None),
        ("none", 0, None),
    ],
)
def test_absurd_delays_are_clamped_and_unknown_reports_ignored(room, lsr, dlsr, expected):
    alice, bob, _, consumer = video(room)
    alice.send_rtcp(SenderReport(0x1000, NTP, 0, 1, 100))
    room.wait(SECOND // 2 + milliseconds(1))
    report = bob.told(SenderReport)[-1]
    sent_at = next(at for at, packet in bob.rtcp if packet is report)
    room.wait(3 * SECOND - (room.now - sent_at))
    number = {"right": ntp_middle(report.ntp), "wrong": 12_345, "none": 0}[lsr]
    bob.send_rtcp(ReceiverReport(1, (block(consumer.ssrc, lsr=number, dlsr=dlsr),)))
    assert consumer.get_stats(now=room.now)[0].get("roundTripTime") == expected


def test_the_publishers_round_trip_is_known_from_dlrr(room):
    alice, _, producer, _ = video(room)
    room.wait(SECOND // 2 + milliseconds(1))
    [extended] = alice.told(ExtendedReport)
    [reference] = extended.blocks
    told_at = next(at for at, packet in alice.rtcp if packet is extended)
    assert reference == ReceiverReferenceTime(unix_us_to_ntp(UNIX_US + told_at))
    room.wait(milliseconds(80) - (room.now - told_at))
    answer = DlrrItem(extended.ssrc, ntp_middle(reference.ntp), us_to_ntp_short(30_000))
    alice.send_rtcp(ExtendedReport(0x1000, (DelaySinceLastReceiverReport((answer,)),)))
    assert producer.get_stats(now=room.now)[0]["roundTripTime"] == pytest.approx(50, abs=0.1)


def test_a_reference_time_is_answered_with_the_delay_since(room):
    _, bob, *_ = video(room)
    room.wait(SECOND // 2 + 1)
    bob.send_rtcp(ReceiverReport(77), ExtendedReport(77, (ReceiverReferenceTime(NTP),)))
    asked_at = room.now
    room.wait(2 * SECOND)
    [(told_at, extended)] = [one for one in bob.rtcp if isinstance(one[1], ExtendedReport)]
    [answer] = extended.blocks
    assert answer.items == (DlrrItem(77, ntp_middle(NTP), us_to_ntp_short(told_at - asked_at)),)


def test_reference_times_of_many_sources_are_bounded(room):
    _, bob, *_ = video(room)
    for ssrc in range(200):
        bob.send_rtcp(ExtendedReport(ssrc, (ReceiverReferenceTime(NTP),)))
    room.wait(2 * SECOND)
    [extended] = bob.told(ExtendedReport)
    assert len(extended.blocks[0].items) == 16


# -- NACK


def test_a_hole_is_asked_for_after_ten_milliseconds_and_then_each_round_trip_ten_times(room):
    alice, *_ = video(room)
    alice.send(vp8(0x1000, 4))
    began = room.now
    room.wait(5 * SECOND)
    asked = [(at - began, packet) for at, packet in alice.rtcp if isinstance(packet, Nack)]
    assert [at for at, _ in asked] == [milliseconds(10 + 100 * turn) for turn in range(10)]
    assert all((packet.media_ssrc, packet.sequence_numbers) == (0x1000, (2, 3)) for _, packet in asked)


def test_a_hole_that_fills_by_itself_is_not_asked_for(room):
    alice, *_ = video(room)
    alice.send(vp8(0x1000, 3))
    room.wait(milliseconds(9))
    alice.send(vp8(0x1000, 2))
    room.wait(SECOND)
    assert alice.told(Nack) == []


def test_audio_without_nack_is_not_asked_for(room):
    alice = room.join()
    alice.produce(microphone())
    alice.send(rtp(0x2000, 1), rtp(0x2000, 5))
    room.wait(SECOND)
    assert alice.told(Nack) == []


def test_a_thousand_scattered_holes_are_asked_for_in_several_packets(room):
    alice, *_ = video(room)
    numbers = [number for number in range(2, 9_900) if number % 18]
    alice.send(*(vp8(0x1000, number, size=20) for number in numbers))
    room.wait(milliseconds(11))
    asked = alice.told(Nack)
    assert sorted(number for one in asked for number in one.sequence_numbers) == list(range(18, 9_900, 18))
    assert len(asked) > 1
    assert all(len(one.serialize()) <= 1200 for one in asked)


def test_a_consumers_nack_is_answered_on_its_rtx_ssrc(room):
    alice, bob, _, consumer = video(room)
    lost = vp8(0x1000, 2, timestamp=3000)
    alice.send(lost, vp8(0x1000, 3))
    number = bob.rtp[1].sequence_number
    bob.send_rtcp(Nack(1, consumer.ssrc, (number,)))
    assert bob.rtp[-1].ssrc == consumer.rtx_ssrc
    assert unwrap_payload(bob.rtp[-1].payload) == (number, lost.payload)
    assert consumer.get_stats(now=room.now)[0]["nackCount"] == 1


def test_a_receiver_that_claims_no_round_trip_at_all_is_not_answered_each_time(room):
    alice, bob, _, consumer = video(room)
    alice.send_rtcp(SenderReport(0x1000, NTP, 0, 1, 100))
    room.wait(SECOND // 2 + milliseconds(1))
    lsr = ntp_middle(bob.told(SenderReport)[-1].ntp)
    bob.send_rtcp(ReceiverReport(1, (block(consumer.ssrc, lsr=lsr, dlsr=0xFFFF_FFFF),)))
    assert consumer.reports.rtt_us == 0
    before = len(bob.rtp)
    for _ in range(50):
        bob.send_rtcp(Nack(1, consumer.ssrc, (bob.rtp[0].sequence_number,)))
    assert len(bob.rtp) - before == 1


@pytest.mark.parametrize("numbers", [tuple(range(6000)), (5,) * 300, tuple(range(0, 0x10000, 17))[:300]])
def test_hostile_nacks_are_bounded_work(room, numbers):
    alice, bob, _, consumer = video(room)
    alice.send(*(vp8(0x1000, number) for number in range(2, 30)))
    before = len(bob.rtp)
    for _ in range(100):
        for start in range(0, len(numbers), 300):
            bob.send_rtcp(Nack(1, consumer.ssrc, numbers[start : start + 300]))
        room.wait(milliseconds(1))
    assert len(bob.rtp) - before <= 29 * 2


def test_a_nack_for_somebody_elses_stream_is_ignored(room):
    alice, bob, _, consumer = video(room)
    carol = room.join()
    for ssrc in (consumer.ssrc, consumer.rtx_ssrc, 0x1000, 0, 0xFFFF_FFFF):
        carol.send_rtcp(Nack(1, ssrc, tuple(range(300))))
    bob.send_rtcp(Nack(1, consumer.rtx_ssrc, tuple(range(300))))
    assert len(bob.rtp) == 1
    assert carol.rtp == []
    assert alice.rtp == []


# -- key frames


def key_frame_requests(member: Member) -> list[int]:
    return [at for at, one in member.rtcp if isinstance(one, PictureLossIndication | FullIntraRequest)]


def test_ten_thousand_requests_in_a_second_are_two_at_most_for_the_publisher(room):
    alice = room.join()
    producer = alice.produce(camera())
    viewers = [room.join() for _ in range(50)]
    consumers = [viewer.consume(producer) for viewer in viewers]
    alice.send(vp8(0x1000, 1, key=True))
    room.wait(5 * SECOND)
    alice.rtcp.clear()
    number, picture = 1, 0
    for turn in range(200):
        for viewer, consumer in zip(viewers, consumers, strict=True):
            kind = PictureLossIndication(1, consumer.ssrc)
            fir = FullIntraRequest(1, 0, (FirEntry(consumer.ssrc, turn & 0xFF),))
            viewer.send_rtcp(fir if turn % 2 else kind)
        if len(key_frame_requests(alice)) > picture:
            picture, number = len(key_frame_requests(alice)), number + 1
            alice.send(vp8(0x1000, number, key=True, timestamp=3000 * number))
        room.wait(milliseconds(5))
    room.wait(3 * SECOND)
    times = key_frame_requests(alice)
    assert times
    for start in times:
        assert len([at for at in times if start <= at < start + SECOND]) <= 2


def test_who_comes_late_has_a_key_frame_asked_for_within_a_second(room):
    alice, *_ = video(room)
    rng = random.Random(3)
    number = 1
    for _ in range(20):
        room.wait(rng.randrange(milliseconds(700)))
        dave = room.join()
        dave.consume(next(iter(alice.transport.producers.values())))
        began = room.now
        while not dave.rtp:
            before = len(key_frame_requests(alice))
            room.wait(milliseconds(20))
            if len(key_frame_requests(alice)) > before:
                room.wait(milliseconds(30))
                number += 1
                alice.send(vp8(0x1000, number, key=True, timestamp=9000 * number))
            assert room.now - began <= SECOND + milliseconds(150)


def test_a_request_that_brings_nothing_is_repeated_and_given_up(room):
    alice, *_ = video(room)
    room.wait(60 * SECOND)
    alice.rtcp.clear()
    next(iter(room.members[1].transport.consumers.values())).request_key_frame(now=room.now)
    room.settle()
    room.wait(60 * SECOND)
    assert 2 <= len(key_frame_requests(alice)) <= 6


def test_key_frame_requests_for_what_is_not_ones_own_are_ignored(room):
    alice, _, _, consumer = video(room)
    room.wait(10 * SECOND)
    alice.rtcp.clear()
    carol = room.join()
    entries = tuple(FirEntry(ssrc, 1) for ssrc in (consumer.ssrc, 0x1000, *range(140)))
    carol.send_rtcp(PictureLossIndication(1, consumer.ssrc), FullIntraRequest(1, 0, entries))
    room.wait(SECOND)
    assert key_frame_requests(alice) == []


def test_the_same_fir_repeated_is_one_request(room):
    alice, bob, _, consumer = video(room)
    room.wait(10 * SECOND)
    for _ in range(5):
        bob.send_rtcp(FullIntraRequest(1, 0, (FirEntry(consumer.ssrc, 9),)))
    assert consumer.get_stats(now=room.now)[0]["firCount"] == 1
    assert alice.rtcp


def test_audio_and_paused_producers_are_never_asked_for_key_frames(room):
    alice, bob, producer, consumer = video(room)
    sound = alice.produce(microphone())
    heard = bob.consume(sound)
    producer.pause(now=room.now)
    room.wait(10 * SECOND)
    alice.rtcp.clear()
    heard.request_key_frame(now=room.now)
    consumer.request_key_frame(now=room.now)
    bob.send_rtcp(PictureLossIndication(1, heard.ssrc), PictureLossIndication(1, consumer.ssrc))
    alice.send(vp8(0x1000, 2500))
    room.wait(5 * SECOND)
    assert key_frame_requests(alice) == []


# -- transport-wide feedback, REMB


def feedback_parameters(uri: str, feedback: str, spec: object) -> dict[str, object]:
    parameters = producer_parameters(spec)
    parameters["headerExtensions"].append({"uri": uri, "id": 3})
    parameters["codecs"][0]["rtcpFeedback"].append({"type": feedback})
    return parameters


def test_transport_wide_feedback_tells_what_arrived_when(room):
    alice = room.join()
    parameters = feedback_parameters(TRANSPORT_CC, "transport-cc", camera())
    alice.transport.produce("video", parameters, now=room.now)
    rng, expected = random.Random(1), {}
    for number in range(65_400, 65_800):
        room.wait(rng.randrange(8_000))
        if rng.random() < 0.1:
            continue
        alice.send(vp8(0x1000, number, elements={3: (number & 0xFFFF).to_bytes(2)}))
        expected[number & 0xFFFF] = room.now // 250 * 250
    room.wait(milliseconds(100))
    feedbacks = alice.told(TransportFeedback)
    found = [pair for one in feedbacks for pair in one.arrivals_us() if pair[1] is not None]
    assert dict(found) == expected
    assert len(found) == len(expected)
    assert [one.feedback_count for one in feedbacks] == [count & 0xFF for count in range(len(feedbacks))]
    times = [at for at, one in alice.rtcp if isinstance(one, TransportFeedback)]
    assert {at % milliseconds(100) for at in times} == {times[0] % milliseconds(100)}
    assert alice.told(ReceiverEstimatedMaxBitrate) == []


def test_without_transport_wide_numbers_there_is_no_such_feedback(room):
    alice, *_ = video(room)
    room.wait(5 * SECOND)
    assert alice.told(TransportFeedback) == []


def test_who_has_only_abs_send_time_gets_an_estimate_each_second(room):
    alice = room.join()
    parameters = feedback_parameters(ABS_SEND_TIME, "goog-remb", camera())
    alice.transport.produce("video", parameters, now=room.now)
    for number in range(1, 501):
        alice.send(vp8(0x1000, number, size=1200))
        room.wait(milliseconds(10))
    limits = alice.told(ReceiverEstimatedMaxBitrate)
    assert 4 <= len(limits) <= 6
    assert all(one.ssrcs == (0x1000,) for one in limits)
    assert limits[-1].bitrate_bps > limits[0].bitrate_bps >= 1_000_000
    [stat] = alice.transport.get_stats(now=room.now)
    assert stat["availableIncomingBitrate"] >= limits[-1].bitrate_bps


def test_a_limit_is_told_to_any_publisher(room):
    alice, *_ = video(room)
    alice.transport.set_max_incoming_bitrate(300_000)
    room.wait(2 * SECOND)
    assert {one.bitrate_bps for one in alice.told(ReceiverEstimatedMaxBitrate)} <= {299_008, 300_000}
    assert alice.told(ReceiverEstimatedMaxBitrate)


@pytest.mark.parametrize(
    ("claimed", "taken"), [(0, 30_000), (MAX_BITRATE_BPS, 100_000_000), (750_000, 810_000)]
)
def test_a_consumers_remb_is_clamped(room, claimed, taken):
    _, bob, *_ = video(room)
    bob.send_rtcp(ReceiverEstimatedMaxBitrate(1, 0, claimed, tuple(range(100))))
    [stat] = bob.transport.get_stats(now=room.now)
    assert stat["availableOutgoingBitrate"] == taken


# -- hostile


def test_reports_of_total_loss_and_about_others_change_nothing_else(room):
    alice, bob, producer, consumer = video(room)
    other = alice.consume(bob.produce(microphone(0x3000)))
    bob.send_rtcp(ReceiverReport(1, tuple(block(ssrc, fraction=255, lost=2**23 - 1) for ssrc in range(31))))
    assert consumer.score["score"] == 10
    bob.send_rtcp(
        ReceiverReport(
            1, (block(consumer.ssrc, fraction=255, lost=-(2**23)), block(0x1000), block(other.ssrc))
        )
    )
    assert consumer.score["score"] == 0
    assert consumer.get_stats(now=room.now)[0]["packetsLost"] == 0
    assert other.score["score"] == 10
    assert producer.score


def test_an_echo_of_our_own_reports_does_nothing(room):
    alice, bob, *_ = video(room)
    alice.send_rtcp(SenderReport(0x1000, NTP, 0, 1, 100))
    room.wait(2 * SECOND)
    for member in (alice, bob):
        for packet in [packet for _, packet in member.rtcp]:
            member.send_rtcp(packet)
    room.wait(2 * SECOND)
    assert "rtcp_malformed" not in room.worker.counters()["drops"]


@given(st.lists(st.binary(min_size=8, max_size=300), max_size=5))
@settings(max_examples=60, deadline=None)
def test_authentic_rtcp_of_any_bytes_raises_nothing(bodies):
    room = shared_room()
    bob = room.members[1]
    for body in bodies:
        plain = bytes((body[0] & 0x3F | 0x80, 200 + body[1] % 8)) + body[2:]
        room.arrive(bob.peer.send_raw_rtcp(plain))
    room.wait(milliseconds(100))


ROOMS: list[Room] = []


def shared_room() -> Room:
    if not ROOMS:
        ROOMS.append(Room())
        video(ROOMS[0])
    return ROOMS[0]


def test_forged_and_replayed_rtcp_is_counted_and_nothing_else(room):
    _, bob, _, consumer = video(room)
    good, path = bob.peer.send_rtcp(ReceiverReport(1, (block(consumer.ssrc, fraction=128),)))
    room.arrive((good[:-1] + bytes((good[-1] ^ 1,)), path), (good[:9], path))
    assert consumer.score["score"] == 10
    room.arrive((good, path), (good, path))
    drops = room.worker.counters()["drops"]
    assert drops["srtcp_replay"] == 1
    assert drops["srtcp_auth_fail"] + drops.get("srtcp_malformed", 0) == 2
    assert consumer.score["score"] < 10
