"""Audio levels out of the plane: whose, of which packets, how many are kept."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import milliseconds
from rtpfwd.dataplane.interface import AudioLevelSample, PlaneLimits
from rtpfwd.wire.header_extensions import MID, SSRC_AUDIO_LEVEL
from rtpfwd.wire.rtp import RtpPacket
from tests.support.packets import padding_only, rtp, vp8
from tests.support.stage import Stage

SSRC, LEVEL_ID = 0x5000, 12
WITH_LEVELS = {"extension_ids": {MID: 4, SSRC_AUDIO_LEVEL: LEVEL_ID}}


def spoken(number: int, level: int = 30, *, voice: bool = True, ssrc: int = SSRC) -> RtpPacket:
    return rtp(ssrc, number, timestamp=960 * number, elements={LEVEL_ID: bytes((voice << 7 | level,))})


def test_each_packet_of_a_microphone_tells_its_level_voice_and_arrival_once():
    stage = Stage("reference")
    ann = stage.join()
    stream = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    first = stage.now
    stage.send(ann, spoken(1, 127, voice=False))
    stage.wait(milliseconds(20))
    stage.send(ann, spoken(2, 0), spoken(3, 64))
    assert stage.plane.take_audio_levels(stream) == [
        AudioLevelSample(first, 127, False),
        AudioLevelSample(stage.now, 0, True),
        AudioLevelSample(stage.now, 64, True),
    ]
    assert stage.plane.take_audio_levels(stream) == []


def test_packets_without_a_level_or_with_a_strange_one_tell_nothing_and_still_count():
    stage = Stage("reference")
    ann = stage.join()
    stream = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    stage.send(ann, rtp(SSRC, 1), rtp(SSRC, 2, elements={LEVEL_ID: b"ab"}), rtp(SSRC, 3, elements={4: b"0"}))
    assert stage.plane.take_audio_levels(stream) == []
    assert stage.plane.receive_counters(stream).packets == 3


def test_repetitions_and_padding_have_no_say():
    stage = Stage("reference")
    ann = stage.join()
    stream = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    datagram = ann.send(spoken(1, 10))
    stage.arrive(datagram, datagram)
    stage.send(ann, padding_only(SSRC, 2, payload_type=111))
    assert [one.level for one in stage.plane.take_audio_levels(stream)] == [10]


def test_a_paused_microphone_is_not_listened_to():
    stage = Stage("reference")
    ann = stage.join()
    stream = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    stage.send(ann, spoken(1, 11))
    stage.plane.set_receive_paused(stream, True)
    stage.send(ann, spoken(2, 12))
    stage.plane.set_receive_paused(stream, False)
    stage.send(ann, spoken(3, 13))
    assert [one.level for one in stage.plane.take_audio_levels(stream)] == [11, 13]


def test_cameras_and_microphones_that_did_not_negotiate_levels_have_none():
    stage = Stage("reference")
    ann = stage.join()
    camera = stage.camera(0, 1, 0x100, **WITH_LEVELS)
    silent = stage.microphone(0, 2, SSRC)
    stage.send(ann, vp8(0x100, 1, key=True, elements={LEVEL_ID: b"\x85"}), spoken(1))
    assert stage.plane.take_audio_levels(camera) == []
    assert stage.plane.take_audio_levels(silent) == []


def test_two_microphones_of_one_transport_do_not_mix():
    stage = Stage("reference")
    ann = stage.join()
    one = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    two = stage.microphone(0, 2, SSRC + 1, **WITH_LEVELS)
    stage.send(ann, spoken(1, 1), spoken(1, 2, ssrc=SSRC + 1), spoken(2, 3))
    assert [sample.level for sample in stage.plane.take_audio_levels(two)] == [2]
    assert [sample.level for sample in stage.plane.take_audio_levels(one)] == [1, 3]


@settings(max_examples=50, deadline=None)
@given(levels=st.lists(st.tuples(st.integers(0, 127), st.booleans()), max_size=30), keep=st.integers(1, 12))
def test_of_many_levels_the_last_ones_are_kept(levels: list[tuple[int, bool]], keep: int):
    stage = Stage("reference", PlaneLimits(audio_levels=keep))
    ann = stage.join()
    stream = stage.microphone(0, 1, SSRC, **WITH_LEVELS)
    stage.send(ann, *(spoken(n, level, voice=voice) for n, (level, voice) in enumerate(levels)))
    found = [(one.level, one.voice) for one in stage.plane.take_audio_levels(stream)]
    assert found == levels[-keep:]
