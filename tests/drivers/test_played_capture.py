"""What a test sees of a capture that was played."""

from pathlib import Path

import pytest

from rtpfwd.dataplane.load import PLANES
from rtpfwd.drivers.netem import preset
from rtpfwd.drivers.played_capture import play_capture
from rtpfwd.drivers.recordings import read_items
from rtpfwd.errors import InvalidParameters, NotFoundError, UnsupportedError
from rtpfwd.wire.header_extensions import MID
from tests.inspection.calls import camera, pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


@pytest.mark.parametrize("plane", PLANES)
def test_every_packet_belongs_to_its_consumer(plane):
    played = play_capture(PCAPS / "screen-loss.pcapng", plane=plane)
    assert played.result.comparison.equal
    video, audio = played.consumers
    assert (video.mime_type, audio.mime_type) == ("video/VP8", "audio/opus")
    assert {one.rtp.ssrc for one in video.packets} == {video.ssrc}
    assert {one.rtp.ssrc for one in video.repairs} == {video.rtx_ssrc}
    assert all(one.repair and one.descriptor is None for one in video.repairs)
    assert video.packets[0].descriptor.is_keyframe and audio.packets[0].descriptor is None
    assert {one.extensions[MID] for one in audio.packets} == {b"1"} or audio.packets[0].extensions[MID]
    assert len(played.sent) == len(video.packets) + len(video.repairs) + len(audio.packets)


def test_consumers_are_found_by_what_one_knows_of_them():
    played = play_capture(PCAPS / "screen.pcapng")
    video = played.consumers[0]
    for name in (video.id, video.id[:8], video.producer_id, str(video.number)):
        assert played.consumer(name) is video
    for name in (None, "nobody"):
        with pytest.raises(NotFoundError, match=video.id):
            played.consumer(name)


def test_limits_can_be_others_and_only_those_that_there_are():
    path = PCAPS / "vp8-loss.pcapng"
    assert len(play_capture(path).consumer().repairs) == 9
    assert len(play_capture(path, history_packets=2).consumer().repairs) < 9
    with pytest.raises(InvalidParameters, match="no limit colour: there are ssrcs_per_transport"):
        play_capture(path, colour=1)
    with pytest.raises(UnsupportedError):
        play_capture(path, plane="imaginary")


def test_a_link_before_the_server_loses_and_delays():
    path = PCAPS / "opus.pcapng"
    whole = play_capture(path)
    clean = play_capture(path, uplink=preset("clean", seed=1, delay_us=30_000))
    assert clean.result.received == whole.result.received
    sent = {one.rtp.timestamp: one.at for one in whole.sent}
    assert {one.at - sent[one.rtp.timestamp] for one in clean.sent if one.rtp.timestamp in sent} == {30_000}
    lossy = play_capture(path, uplink=preset("lossy-20", seed=1))
    assert 0.7 < lossy.result.received / whole.result.received < 0.9
    shuffled = play_capture(path, uplink=preset("clean", seed=1, jitter_us=80_000, keep_order=False))
    numbers = [one.rtp.sequence_number for one in shuffled.sent]
    assert numbers != sorted(numbers)


def test_captures_of_others_have_a_viewer_for_each_stream(tmp_path):
    path = tmp_path / "foreign.pcapng"
    path.write_bytes(pcapng([*voice(150), *camera(75)]))
    played = play_capture(path)
    assert [(one.mime_type, len(one.packets)) for one in played.consumers] == [
        ("audio/opus", 150),
        ("video/VP8", played.result.sent - 150),
    ]
    named = play_capture(path, streams='[[stream]]\nname = "a voice"\nssrc = 1\ncodec = "PCMU"\n')
    assert named.consumer("a voice").mime_type == "audio/PCMU"


def test_items_play_as_their_file_does():
    path = PCAPS / "opus.pcapng"
    assert [one.data for one in play_capture(list(read_items(path))).sent] == [
        one.data for one in play_capture(path).sent
    ]
