import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec
from rtpfwd.drivers.media_sink import MAX_GAP, NACK_TRIES, MediaSink
from rtpfwd.wire.rtcp.reports import SenderReport
from rtpfwd.wire.rtp import RtpPacket

NOW = Instant(seconds(3))
SPEC = SourceSpec(kind="video", ssrc=7, mid="0", rtx_ssrc=8, first_sequence_number=65530)


@pytest.fixture
def sink():
    return MediaSink(
        {
            "mid": "0",
            "codecs": [
                {
                    "mimeType": "video/VP8",
                    "payloadType": 96,
                    "clockRate": 90000,
                    "rtcpFeedback": [{"type": "nack", "parameter": ""}],
                }
            ],
            "encodings": [{"ssrc": 7, "rtx": {"ssrc": 8}}],
        }
    )


@pytest.fixture
def source():
    return MediaSource(SPEC)


def made(source: MediaSource, count: int) -> list[RtpPacket]:
    found = []
    for frame in range(count):
        at = Instant(NOW + frame * 33_333)
        found += [RtpPacket.parse(data) for data in source.make_frame(at, at)]
    return found


def feed(sink: MediaSink, packets: list[RtpPacket], now: Instant = NOW) -> None:
    for packet in packets:
        sink.receive(packet, now)


def test_an_unbroken_stream_over_the_wrap_has_nothing_to_complain_about(sink, source):
    feed(sink, made(source, 20))
    assert (sink.packets, sink.lost, sink.duplicates, sink.timestamps_back, sink.jumps) == (20, 0, 0, 0, 0)
    assert sink.began_with_key_frame
    assert sink.marks == list(range(20))


def test_holes_are_asked_for_at_once_then_ten_times_in_all(sink, source):
    packets = made(source, 10)
    feed(sink, packets[:3] + packets[5:])
    assert sink.missing == [65533, 65534]
    assert sink.take_nacks(NOW) == [65533, 65534]
    assert sink.take_nacks(NOW) == []
    assert sink.next_nack() == NOW + milliseconds(100)
    asked = 1 + sum(bool(sink.take_nacks(Instant(NOW + seconds(n)))) for n in range(1, 20))
    assert asked == NACK_TRIES
    assert sink.next_nack() is None


def test_rtx_fills_a_hole_and_repeats_count_as_such(sink, source):
    packets = made(source, 4)
    feed(sink, [packets[0], packets[2], packets[2], packets[3]])
    assert (sink.lost, sink.duplicates) == (1, 1)
    repeat = RtpPacket.parse(source.retransmit(packets[1].sequence_number))
    feed(sink, [repeat, repeat])
    assert (sink.lost, sink.repaired, sink.needless_repairs, sink.packets) == (0, 1, 1, 4)


def test_a_jump_and_a_step_back_in_time_are_noticed(sink, source):
    packets = made(source, 3)
    packets[1].timestamp = packets[0].timestamp - 1 & 0xFFFF_FFFF
    packets[2].sequence_number = packets[0].sequence_number + MAX_GAP + 100 & 0xFFFF
    feed(sink, packets)
    assert (sink.timestamps_back, sink.jumps, sink.lost) == (1, 1, 0)


def test_the_report_says_what_was_lost_and_echoes_the_sender_report(sink, source):
    assert sink.report_block(NOW) is None
    packets = made(source, 8)
    feed(sink, packets[:2] + packets[4:])
    sink.note_sender_report(SenderReport(7, 0x1234_5678_9ABC_DEF0, 0, 8, 0), NOW)
    block = sink.report_block(Instant(NOW + seconds(1)))
    assert (block.fraction_lost, block.packets_lost) == (64, 2)
    assert block.highest_sequence_number == 65537
    assert block.last_sender_report == 0x5678_9ABC
    assert block.delay_since_last_sender_report == 65536
    feed(sink, made(source, 2))
    assert sink.report_block(NOW).fraction_lost == 0


def test_another_payload_type_is_not_media(sink, source):
    [packet] = made(source, 1)
    packet.payload_type = 100
    feed(sink, [packet])
    assert (sink.packets, sink.wrong_payload_type) == (0, 1)


def test_a_key_frame_is_asked_for_when_packets_come_and_no_picture_does(sink, source):
    packets = made(source, 10)
    feed(sink, packets[1:3])
    assert sink.next_key_frame_request() == NOW + milliseconds(200)
    assert not sink.take_key_frame_request(NOW)
    assert sink.take_key_frame_request(Instant(NOW + milliseconds(200)))
    assert sink.next_key_frame_request() is None
    feed(sink, packets[3:5], Instant(NOW + milliseconds(250)))
    assert sink.next_key_frame_request() == NOW + milliseconds(450)
    source.key_frame_wanted = True
    feed(sink, made(source, 1), Instant(NOW + milliseconds(300)))
    assert sink.next_key_frame_request() is None, "there it is"


def test_a_jump_asks_for_a_key_frame_at_once(sink, source):
    packets = made(source, 3)
    packets[2].sequence_number = packets[0].sequence_number + MAX_GAP + 100 & 0xFFFF
    feed(sink, packets)
    assert sink.take_key_frame_request(NOW)


def test_late_packets_make_it_wait_before_it_asks(sink, source):
    packets = made(source, 12)
    for turn in range(3):
        first = turn * 3
        feed(sink, [packets[first], packets[first + 2]])
        feed(sink, [packets[first + 1]], Instant(NOW + milliseconds(40)))
    feed(sink, [packets[9], packets[11]])
    assert sink.take_nacks(NOW) == []
    assert sink.next_nack() == NOW + milliseconds(40)


def test_a_packet_from_before_the_first_one_is_no_duplicate(sink, source):
    packets = made(source, 5)
    feed(sink, [packets[2], packets[0], packets[3]])
    assert (sink.duplicates, sink.packets, sink.missing) == (0, 3, [65531])
