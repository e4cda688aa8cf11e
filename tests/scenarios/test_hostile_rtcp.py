"""Stories of RTCP that is short, odd or meant to hurt. All is authentic: the peer itself is the attacker."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.media_peer import REPORTER_SSRC
from rtpfwd.wire.rtcp.extended_reports import DelaySinceLastReceiverReport, DlrrItem, ExtendedReport
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import Goodbye, ReceiverReport, ReportBlock, SenderReport
from tests.scenarios.call import Call, Client, assert_whole, camera


def a_call() -> tuple[Call, Client, Client, list]:
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, [source] = alice.produce(camera())
    consumer, sink = bob.consume(producer)
    call.run(2)
    return call, alice, bob, [producer, source, consumer, sink]


def test_reduced_size_feedback_without_any_report_before_it_is_acted_on():
    call, alice, bob, [_, source, consumer, sink] = a_call()
    keys = source.key_frames
    bob.peer.send_rtcp([PictureLossIndication(REPORTER_SSRC, sink.ssrc)])
    call.run(0.2)
    assert source.key_frames == keys + 1
    bob.peer.send_rtcp([FullIntraRequest(REPORTER_SSRC, 0, (FirEntry(sink.ssrc, 3),))])
    call.run(1.1)
    assert source.key_frames == keys + 2
    bob.peer.send_rtcp([Nack(REPORTER_SSRC, sink.ssrc, (sink._highest & 0xFFFF,))])
    call.run(0.2)
    assert call.worker_counters(consumer).retransmitted == 1
    assert (consumer.pli_count, consumer.fir_count, consumer.nack_count) == (1, 1, 1)
    assert alice.peer.malformed == bob.peer.malformed == 0


def test_all_numbers_asked_for_every_ten_milliseconds_cost_a_quarter_of_the_stream():
    call, _, bob, [_, _, consumer, sink] = a_call()
    before = call.worker_counters(consumer)
    call.network.log = []
    for turn in range(1000):
        newest = sink._highest + (turn * 300) % 65_536  # never-sent numbers and all others, round and round
        bob.peer.send_rtcp(
            [
                Nack(REPORTER_SSRC, sink.ssrc, tuple(newest - back & 0xFFFF for back in range(300))),
                Nack(REPORTER_SSRC, sink.ssrc, tuple(sink._highest - back & 0xFFFF for back in range(200))),
            ]
        )
        call.network.run_for(milliseconds(10))
    after = call.worker_counters(consumer)
    media = after.bytes - before.bytes
    repairs = after.retransmitted_bytes - before.retransmitted_bytes
    assert after.nack_packets - before.nack_packets > 100_000
    assert repairs <= media // 4 + 64_000 + 2000, "a quarter, and what was saved up before"
    assert_whole(sink)


@pytest.mark.parametrize(
    "block",
    [
        {"fraction_lost": 255, "packets_lost": 0x7F_FFFF},
        {"packets_lost": -0x80_0000},
        {"last_sender_report": 0xFFFF_FFFF, "delay_since_last_sender_report": 0xFFFF_FFFF},
        {"last_sender_report": 1, "delay_since_last_sender_report": 0},
        {"highest_sequence_number": 0xFFFF_FFFF, "jitter": 0xFFFF_FFFF},
    ],
)
def test_a_receiver_report_that_lies_changes_nothing_but_the_score(block):
    call, _, bob, [_, _, consumer, sink] = a_call()
    honest = {
        "fraction_lost": 0, "packets_lost": 0, "highest_sequence_number": 0, "jitter": 0,
        "last_sender_report": 0, "delay_since_last_sender_report": 0,
    }  # fmt: skip
    report = ReportBlock(ssrc=sink.ssrc, **honest | block)
    for _ in range(20):
        bob.peer.send_rtcp([ReceiverReport(REPORTER_SSRC, (report,) * 31)])
        call.run(0.05)
    assert 0 <= consumer.score["score"] <= 10
    assert all(0 <= one.get("roundTripTime", 0) <= 10_000 for one in consumer.get_stats(now=call.network.now))
    call.run(2)
    assert_whole(sink)


def test_an_echo_of_a_true_report_with_an_absurd_delay_is_no_round_trip():
    call, _, bob, [_, _, consumer, sink] = a_call()
    middle = sink.last_sender_report.ntp >> 16 & 0xFFFF_FFFF
    block = ReportBlock(sink.ssrc, 0, 0, 0, 0, middle, 0xFFFF_FFFF)
    bob.peer.send_rtcp([ReceiverReport(REPORTER_SSRC, (block,))])
    call.run(0.1)
    assert 0 <= consumer.reports.rtt_us <= milliseconds(21)
    call.run(3)
    assert consumer.reports.rtt_us == pytest.approx(milliseconds(20), abs=milliseconds(1)), "truth returns"


def test_feedback_about_streams_of_somebody_else_is_ignored():
    call, _, bob, [_, source, consumer, sink] = a_call()
    keys = source.key_frames
    for ssrc in (source.spec.ssrc, source.spec.rtx_ssrc, 0, 0xFFFF_FFFF, sink.ssrc ^ 1):
        bob.peer.send_rtcp(
            [
                Nack(REPORTER_SSRC, ssrc, (1, 2, 3)),
                PictureLossIndication(REPORTER_SSRC, ssrc),
                FullIntraRequest(REPORTER_SSRC, 0, (FirEntry(ssrc, 9),) * 100),
                SenderReport(ssrc, 1 << 60, 5, 5, 5),
                Goodbye((ssrc,)),
            ]
        )
        call.run(0.1)
    assert source.key_frames == keys
    assert call.worker_counters(consumer).nack_packets == 0
    assert_whole(sink)


def test_a_fir_repeated_with_its_number_is_one_request():
    call, _, bob, [_, source, consumer, sink] = a_call()
    keys = source.key_frames
    for _ in range(50):
        bob.peer.send_rtcp([FullIntraRequest(REPORTER_SSRC, 0, (FirEntry(sink.ssrc, 7),))])
        call.run(0.05)
    assert source.key_frames == keys + 1
    assert consumer.fir_count == 1


@pytest.mark.parametrize("bitrate_bps", [0, 1, (1 << 18) - 1 << 46])
def test_a_bandwidth_of_nothing_or_of_more_than_there_is_stops_no_stream(bitrate_bps):
    call, _, bob, [_, _, _, sink] = a_call()
    bob.peer.send_rtcp([ReceiverEstimatedMaxBitrate(REPORTER_SSRC, 0, bitrate_bps, (sink.ssrc,) * 255)])
    before = sink.packets
    call.run(2)
    assert sink.packets - before > 110
    assert_whole(sink)


def test_a_publisher_that_lies_about_its_round_trip_is_still_asked_at_a_sane_pace():
    call, alice, _, _ = a_call()
    for middle, delay in ((1, 0xFFFF_FFFF), (0xFFFF_FFFF, 0), (0x8000_0000, 0x8000_0000)):
        items = tuple(DlrrItem(ssrc, middle, delay) for ssrc in range(150))
        alice.peer.send_rtcp([ExtendedReport(REPORTER_SSRC, (DelaySinceLastReceiverReport(items),))])
        call.run(0.1)
        for stream in call.worker._context.incoming.values():
            assert 0 <= stream.rtt_us <= 10_000_000


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_bytes_an_authentic_peer_sends_as_rtcp_the_call_goes_on(junk):
    call, _, bob, [_, _, _, sink] = SHARED
    for data in junk:
        bob.peer.peer.send_rtcp(b"\x81\xc9" + data.ljust(6, b"\0"))
        bob.peer.peer.send_rtcp(bytes((0x80 | len(data) % 32, 200 + len(data) % 8)) + data.ljust(6, b"\0"))
    before = sink.packets
    call.run(0.2)
    assert sink.packets > before
    assert_whole(sink)


SHARED = a_call()
