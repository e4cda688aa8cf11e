from rtpfwd import ortc
from rtpfwd.clock import Instant, seconds
from rtpfwd.drivers.fake_media import (
    EXTENSION_IDS,
    Mark,
    MediaSource,
    SourceSpec,
    producer_parameters,
    read_mark,
    router_media_codecs,
)
from rtpfwd.wire.header_extensions import MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, parse_elements
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload

NOW = Instant(seconds(7))
CAMERA = SourceSpec(
    kind="video", ssrc=1, mid="0", rtx_ssrc=2, rid="h", packets_per_frame=3, first_sequence_number=65535
)


def packets(source: MediaSource, count: int = 1) -> list[RtpPacket]:
    made = []
    for frame in range(count):
        at = Instant(NOW + frame * source.spec.interval_us)
        made += [RtpPacket.parse(data) for data in source.make_frame(at, at)]
    return made


def test_the_first_picture_is_a_key_frame_and_the_next_only_when_it_is_asked_for():
    source = MediaSource(CAMERA)
    keys = [parse_vp8(packet.payload).is_keyframe for packet in packets(source, 2)]
    assert keys == [True, False, False, False, False, False]
    source.key_frame_wanted = True
    assert parse_vp8(packets(source)[0].payload).is_keyframe


def test_a_picture_has_one_timestamp_and_one_marker_and_its_numbers_wrap():
    made = packets(MediaSource(CAMERA), 2)
    assert [one.sequence_number for one in made] == [65535, 0, 1, 2, 3, 4]
    assert [one.marker for one in made] == [False, False, True] * 2
    assert [one.timestamp for one in made] == [0] * 3 + [2999] * 3
    assert len({parse_vp8(one.payload).picture_id for one in made[:3]}) == 1


def test_packets_carry_mid_and_rid():
    packet = packets(MediaSource(CAMERA))[0]
    elements = parse_elements(packet.extension_profile, packet.extension)
    assert elements == {EXTENSION_IDS[MID]: b"0", EXTENSION_IDS[RTP_STREAM_ID]: b"h"}


def test_a_payload_has_the_size_asked_for_and_tells_its_number_and_time():
    made = packets(MediaSource(CAMERA), 2)
    assert {len(one.payload) for one in made} == {CAMERA.payload_bytes}
    assert read_mark(made[4].payload) == Mark(4, Instant(NOW + CAMERA.interval_us))
    assert read_mark(b"something else that is long enough") is None
    assert read_mark(b"") is None


def test_frames_fall_due_by_the_clock_and_a_late_call_catches_up():
    source = MediaSource(SourceSpec(kind="audio", ssrc=1, mid="0", interval_us=20_000))
    assert source.next_timeout() is None
    source.start(NOW)
    assert len(source.take_due(NOW)) == 1
    assert source.next_timeout() == NOW + 20_000
    assert len(source.take_due(Instant(NOW + 65_000))) == 3
    source.paused = True
    assert source.take_due(Instant(NOW + 85_000)) == []


def test_media_time_goes_on_over_a_stop():
    source = MediaSource(SourceSpec(kind="audio", ssrc=1, mid="0", interval_us=20_000))
    source.start(NOW)
    source.take_due(NOW)
    source.stop()
    source.start(Instant(NOW + seconds(1)))
    [data] = source.take_due(Instant(NOW + seconds(1)))
    assert RtpPacket.parse(data).timestamp == 48_000


def test_a_packet_is_repeated_on_the_rtx_ssrc():
    source = MediaSource(CAMERA)
    original = packets(source)[1]
    repeat = RtpPacket.parse(source.retransmit(0))
    assert (repeat.ssrc, repeat.timestamp) == (2, original.timestamp)
    assert unwrap_payload(repeat.payload) == (0, original.payload)
    elements = parse_elements(repeat.extension_profile, repeat.extension)
    assert elements[EXTENSION_IDS[REPAIRED_RTP_STREAM_ID]] == b"h"
    assert source.retransmit(999) is None


def test_without_rtx_the_very_packet_is_repeated():
    source = MediaSource(SourceSpec(kind="video", ssrc=1, mid="0"))
    [data] = source.make_frame(NOW, NOW)
    assert source.retransmit(1) == data


def test_a_router_takes_the_parameters():
    capabilities = ortc.generate_router_rtp_capabilities(router_media_codecs())
    microphone = SourceSpec(kind="audio", ssrc=3, mid="1")
    low = SourceSpec(kind="video", ssrc=5, mid="0", rtx_ssrc=6, rid="l")
    for specs in ((CAMERA, low), (microphone,), (SourceSpec(kind="video", ssrc=1, mid="0", rtx_ssrc=2),)):
        parameters = ortc.get_producer_rtp_parameters(producer_parameters(*specs), capabilities)
        assert len(parameters["encodings"]) == len(specs)


def test_padding_takes_a_number_and_carries_nothing():
    source = MediaSource(SourceSpec(kind="video", ssrc=7, mid="0", first_sequence_number=65_535))
    padding = RtpPacket.parse(source.make_padding(100))
    assert (padding.sequence_number, padding.payload, padding.padding) == (65_535, b"", 100)
    [frame] = source.make_frame(Instant(0), Instant(0))
    assert RtpPacket.parse(frame).sequence_number == 0


def test_a_source_that_is_restarted_has_other_numbers_another_clock_and_a_key_frame():
    source = MediaSource(SourceSpec(kind="video", ssrc=7, mid="0"))
    source.make_frame(Instant(0), Instant(0))
    source.restart(5000, 123)
    [frame] = source.make_frame(Instant(40_000), Instant(40_000))
    packet = RtpPacket.parse(frame)
    assert (packet.sequence_number, packet.timestamp, source.key_frames) == (5000, 123, 2)
    assert source.retransmit(1) is None
    assert source.timestamp_at(Instant(50_000)) == 123 + 900
