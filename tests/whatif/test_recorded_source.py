"""A recorded stream as a publisher: it plays, repeats what is asked for, and makes key frames of old ones."""

import pytest

from rtpfwd.capture.ingress import RecordedStream
from rtpfwd.clock import Instant
from rtpfwd.drivers.whatif.recorded_source import Playing, RecordedSource
from rtpfwd.drivers.whatif.shifting import Shift, shift_descriptor, shift_payload
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload
from tests.whatif.test_rebuilding import media, of, repair, vp8

BEGIN = Instant(1_000_000)
FRAME_US = 33_000


def stream(sent):
    return RecordedStream("p", "a", "video/VP8", 90_000, 1, None, 96, True, 97, 2, {}, sent)


def source(sent, **options) -> RecordedSource:
    playing = Playing(BEGIN, **({"loop_us": 330_000} | options))
    return RecordedSource(stream(sent), playing, rtx_ssrc=2, rtx_payload_type=97)


def ten_pictures(lost: int | None = None):
    arrived = [media(10 + i, i * FRAME_US) for i in range(10) if i != lost]
    return of(arrived, [repair(10 + lost, 400_000)] if lost is not None else [])


def play(one: RecordedSource, until_us: int) -> list[RtpPacket]:
    packets = []
    while (due := one.next_timeout()) is not None and due <= BEGIN + until_us:
        packets += [RtpPacket.parse(data) for data in one.take_due(due)]
    return packets


def numbers(packets) -> list[int]:
    return [one.sequence_number for one in packets]


def picture_ids(packets) -> list[int | None]:
    return [parse_vp8(one.payload).picture_id for one in packets]


def test_packets_leave_when_they_left():
    one = source(ten_pictures())
    assert one.next_timeout() == BEGIN
    assert numbers(play(one, FRAME_US)) == [10, 11]
    assert one.next_timeout() == BEGIN + 2 * FRAME_US
    assert numbers(play(one, 10_000_000)) == list(range(12, 20))
    assert one.next_timeout() is None


def test_the_second_time_everything_has_moved_on():
    one = source(ten_pictures(), times=3)
    packets = play(one, 10_000_000)
    assert numbers(packets) == list(range(10, 40))
    assert picture_ids(packets) == list(range(10, 40))
    assert packets[10].timestamp - packets[0].timestamp == 330_000 * 9 // 100
    assert packets[20].timestamp - packets[10].timestamp == 330_000 * 9 // 100


def test_what_was_lost_is_lost_again_and_repaired_when_asked_for():
    one = source(ten_pictures(lost=4))
    assert numbers(play(one, 10_000_000)) == [10, 11, 12, 13, 15, 16, 17, 18, 19]
    packet = RtpPacket.parse(one.retransmit(14))
    assert (packet.ssrc, packet.payload_type) == (2, 97)
    assert unwrap_payload(packet.payload) == (14, vp8(False, 14))
    assert one.retransmit(99) is None


def test_an_emulated_uplink_loses_by_itself():
    assert len(play(source(ten_pictures(lost=4), lose=False), 10_000_000)) == 10


def test_a_key_frame_that_is_asked_for_stands_in_for_the_next_picture():
    one = source(ten_pictures())
    play(one, 3 * FRAME_US)
    one.key_frame_wanted = True
    packets = play(one, 10_000_000)
    assert [parse_vp8(packet.payload).is_keyframe for packet in packets] == [True] + [False] * 5
    assert numbers(packets) == list(range(14, 20))
    assert picture_ids(packets) == list(range(14, 20))
    assert packets[0].timestamp == 14 * 3000
    assert (one.made_key_frames, one.key_frame_wanted) == (1, False)


def test_a_key_frame_of_more_packets_moves_the_numbers_behind_it():
    arrived = [
        media(10, 0, marker=False), media(11, 100, timestamp=10 * 3000, payload=b"\x80\x80\x0a" + bytes(30)),
        *(media(12 + i, (i + 1) * FRAME_US) for i in range(5)),
    ]  # fmt: skip
    one = source(of(arrived))
    play(one, 2 * FRAME_US)
    one.key_frame_wanted = True
    packets = play(one, 10_000_000)
    assert numbers(packets) == [14, 15, 16, 17]
    assert len({packet.timestamp for packet in packets[:2]}) == 1
    assert picture_ids(packets) == [14, 14, 15, 16]


def test_a_recorded_key_frame_will_do():
    one = source(ten_pictures())
    one.key_frame_wanted = True
    play(one, 10_000_000)
    assert (one.key_frames, one.made_key_frames) == (1, 0)


def test_without_any_key_frame_none_is_made():
    one = source(of([media(20 + i, i * FRAME_US) for i in range(5)]))
    one.key_frame_wanted = True
    assert len(play(one, 10_000_000)) == 5
    assert one.key_frame_wanted


@pytest.mark.parametrize(
    ("mime_type", "payload", "moved"),
    [
        # RFC 7741 §4.2: X, then I and L, a picture id of 15 bits, TL0PICIDX
        ("video/VP8", b"\x90\xc0\xff\xfe\xff\x01\0\0", b"\x90\xc0\x80\x01\x01\x01\0\0"),
        # RFC 9628 §4.2: I and L, a picture id of 7 bits, layers, TL0PICIDX
        ("video/VP9", b"\xa8\x7e\x00\xff\0\0", b"\xa8\x01\x00\x01\0\0"),
        ("video/H264", b"\x65abcdef", b"\x65abcdef"),
    ],
)
def test_counters_move_on_within_their_width(mime_type, payload, moved):
    assert shift_payload(payload, mime_type, Shift(picture_id=3, base_index=2)) == moved


def test_frame_numbers_move_on():
    assert shift_descriptor(b"\xc0\xff\xff", Shift(frame_number=2)) == b"\xc0\x00\x01"
    assert shift_descriptor(b"\xc0", Shift(frame_number=2)) == b"\xc0"
