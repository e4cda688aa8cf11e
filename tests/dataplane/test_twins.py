"""The native plane is the twin of the reference: both give the same bytes, upcalls and counters."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rtpfwd.clock import milliseconds
from rtpfwd.dataplane.drops import Drop, SendDrop
from rtpfwd.dataplane.interface import (
    Layers,
    PlaneLimits,
    ProbatorSpec,
    Probe,
    ReceiveStreamId,
    SendStreamId,
    TransportId,
)
from rtpfwd.dataplane.load import PLANES
from rtpfwd.errors import RtpfwdError
from rtpfwd.protocols.srtp import Profile
from rtpfwd.wire.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    MID,
    SSRC_AUDIO_LEVEL,
    TRANSPORT_CC,
    VIDEO_ORIENTATION,
    serialize_elements,
)
from rtpfwd.wire.rtp import RtpPacket
from tests.support.packets import padding_only, rtp, rtx, vp8
from tests.support.srtp_peer import SrtpPeer
from tests.support.stage import CONSUMER_IDS, PUBLISHER_IDS, Stage
from tests.support.twins import TwinPlane

pytestmark = pytest.mark.skipif("native" not in PLANES, reason="the native plane is not built")

SENT_IDS = PUBLISHER_IDS | {SSRC_AUDIO_LEVEL: 6, VIDEO_ORIENTATION: 7, ABS_SEND_TIME: 2, ABS_CAPTURE_TIME: 8}
TAKEN_IDS = CONSUMER_IDS | {
    SSRC_AUDIO_LEVEL: 10,
    VIDEO_ORIENTATION: 11,
    ABS_SEND_TIME: 4,
    ABS_CAPTURE_TIME: 9,
}
TWO_BYTE_IDS = TAKEN_IDS | {TRANSPORT_CC: 20}
CAMERAS = (0xA0, 0xB0)
MICROPHONE, SCREEN, SPEAKER = 0xC0, 0xD0, 0xE0
CODECS = ("video/VP8", "video/VP9", "video/H264", "video/AV1", "video/unheard-of")

elements = st.dictionaries(
    st.sampled_from((*SENT_IDS.values(), 12, 14)), st.binary(min_size=1, max_size=8), max_size=4
)
payloads = st.one_of(st.binary(max_size=40), st.binary(min_size=1, max_size=4).map(lambda head: head * 300))


class TwinStory(RuleBasedStateMachine):
    """A publisher with two cameras and a microphone, viewers that differ in every term, and a wild link."""

    def __init__(self) -> None:
        super().__init__()
        limits = PlaneLimits(
            history_packets=64, history_video_us=milliseconds(900), ssrcs_per_transport=6,
            held_packets_per_ssrc=3, nack_list=40, audio_levels=4,
        )  # fmt: skip
        self.stage = Stage("twins", limits, TwinPlane(limits))
        self.plane = self.stage.plane
        self.publisher = self.stage.join()
        profiles = (Profile.AEAD_AES_128_GCM, Profile.AES_CM_128_HMAC_SHA1_80, Profile.AEAD_AES_256_GCM)
        self.viewers = [self.stage.join(profile) for profile in profiles]
        self.numbers = {CAMERAS[0]: 65500, CAMERAS[1]: 7, MICROPHONE: 300}
        self.serial = 0
        self.codecs = ["video/VP8", "video/VP8"]
        for place in range(2):
            self.add_camera(place)
        sent = {"extension_ids": SENT_IDS, "mapped_extension_ids": TAKEN_IDS}
        self.stage.microphone(0, 3, MICROPHONE, **sent)
        for place, ids in enumerate((TAKEN_IDS, TWO_BYTE_IDS, {MID: 1}), start=1):
            more = {"keep_ciphertext": True, "rtx_ssrc": None} if place == 3 else {}
            self.stage.screen(place, place, SCREEN + place, 1, extension_ids=ids, **more)
            self.stage.speaker(
                place, 10 + place, SPEAKER + place, 3, extension_ids=ids, ignore_dtx=place == 2
            )

    def add_camera(self, place: int) -> None:
        self.stage.camera(
            0, 1 + place, CAMERAS[place], mime_type=self.codecs[place],
            extension_ids=SENT_IDS, mapped_extension_ids=TAKEN_IDS,
        )  # fmt: skip

    def arrive(self, packet: RtpPacket, more: dict[int, bytes] | None = None) -> None:
        if more:
            packet.extension_profile, packet.extension = serialize_elements(more)
        try:
            datagram = self.publisher.send(packet)
        except RtpfwdError:
            return  # SRTP has no way to send a number that is so old
        self.stage.arrive(datagram)

    @rule(
        place=st.integers(0, 1), step=st.sampled_from((1, 1, 1, 1, 2, 5, 30)), key=st.booleans(),
        first=st.booleans(), tid=st.sampled_from((None, 0, 1, 2)), more=elements,
    )  # fmt: skip
    def picture(
        self, place: int, step: int, key: bool, first: bool, tid: int | None, more: dict[int, bytes]
    ) -> None:
        self.serial += 1
        ssrc = CAMERAS[place]
        self.numbers[ssrc] += step
        made = vp8(ssrc, self.numbers[ssrc], timestamp=self.serial * 3000, key=key, picture_id=self.serial)
        made.payload += b"#%d" % self.serial
        self.arrive(made, more)

    @rule(place=st.integers(0, 1), back=st.integers(-3, 70), payload=payloads, more=elements)
    def any_payload(self, place: int, back: int, payload: bytes, more: dict[int, bytes]) -> None:
        self.serial += 1
        ssrc = CAMERAS[place]
        self.numbers[ssrc] = max(self.numbers[ssrc], self.numbers[ssrc] - back)
        number = self.numbers[ssrc] - max(back, 0)
        made = vp8(ssrc, number, timestamp=self.serial * 3000)
        made.payload = payload
        self.arrive(made, more)

    @rule(step=st.sampled_from((1, 1, 2, -3)), payload=payloads, more=elements)
    def sound(self, step: int, payload: bytes, more: dict[int, bytes]) -> None:
        self.serial += 1
        self.numbers[MICROPHONE] += step
        self.arrive(rtp(MICROPHONE, self.numbers[MICROPHONE], payload=payload), more)

    @rule(place=st.integers(0, 1), ahead=st.integers(-40, 3))
    def repair_of_the_publisher(self, place: int, ahead: int) -> None:
        self.serial += 1
        ssrc = CAMERAS[place]
        made = vp8(ssrc, self.numbers[ssrc] + ahead, timestamp=self.serial * 3000, picture_id=self.serial)
        self.arrive(rtx(ssrc + 1, self.serial, made))

    @rule(place=st.integers(0, 1), ahead=st.integers(-3, 3))
    def padding(self, place: int, ahead: int) -> None:
        self.arrive(padding_only(CAMERAS[place], self.numbers[CAMERAS[place]] + ahead))
        self.numbers[CAMERAS[place]] += max(ahead, 0)

    @rule(place=st.integers(0, 1), jump=st.sampled_from((4000, -4000, 32768)))
    def restart(self, place: int, jump: int) -> None:
        ssrc = CAMERAS[place]
        self.numbers[ssrc] += jump
        for _ in range(2):
            self.numbers[ssrc] += 1
            self.arrive(vp8(ssrc, self.numbers[ssrc], key=True))

    @rule(ssrc=st.sampled_from((0xF0, 0xF1, 0xF2)), number=st.integers(0, 9), more=elements)
    def stranger(self, ssrc: int, number: int, more: dict[int, bytes]) -> None:
        self.serial += 1
        self.arrive(vp8(ssrc, self.serial + number, key=True), more)

    @rule(data=st.binary(max_size=60), known=st.booleans())
    def noise(self, data: bytes, known: bool) -> None:
        self.stage.arrive((data, self.publisher.path if known else (0, ("192.0.2.9", 9))))

    @rule(
        viewer=st.integers(1, 3),
        place=st.sampled_from((0, 1, None)),
        layers=st.tuples(*[st.integers(0, 3)] * 2),
    )
    def change_source(self, viewer: int, place: int | None, layers: tuple[int, int]) -> None:
        source = None if place is None else ReceiveStreamId(1 + place)
        self.plane.set_source(SendStreamId(viewer), source, self.stage.now, Layers(*layers))

    @rule(viewer=st.integers(1, 3), paused=st.booleans(), kind=st.sampled_from((0, 10)))
    def pause_viewer(self, viewer: int, paused: bool, kind: int) -> None:
        self.plane.set_send_paused(SendStreamId(kind + viewer), paused)

    @rule(stream=st.integers(1, 3), paused=st.booleans())
    def pause_publisher(self, stream: int, paused: bool) -> None:
        self.plane.set_receive_paused(ReceiveStreamId(stream), paused)

    @rule(stream=st.integers(1, 3), traced=st.booleans())
    def trace(self, stream: int, traced: bool) -> None:
        self.plane.set_receive_traced(ReceiveStreamId(stream), traced)
        self.plane.set_send_traced(SendStreamId(stream), traced)

    @rule(viewer=st.integers(1, 3), rate=st.sampled_from((20_000, 300_000, 10**12)))
    def pace(self, viewer: int, rate: int) -> None:
        self.plane.set_pacing_rate(TransportId(viewer), rate)

    @rule(viewer=st.integers(1, 3), there=st.booleans(), ids=st.sampled_from((TAKEN_IDS, {}, TWO_BYTE_IDS)))
    def probator(self, viewer: int, there: bool, ids: dict[str, int]) -> None:
        spec = ProbatorSpec(1234, 127, b"probator", ids, 77) if there else None
        self.plane.set_probator(TransportId(viewer), spec)

    @rule(viewer=st.integers(1, 3), cluster=st.integers(0, 3), rate=st.sampled_from((100_000, 2_000_000)))
    def probe(self, viewer: int, cluster: int, rate: int) -> None:
        try:
            self.plane.probe(TransportId(viewer), Probe(cluster, rate, 3000, 4), self.stage.now)
        except RtpfwdError:
            assert cluster == 0

    @rule(viewer=st.integers(1, 3), back=st.lists(st.integers(0, 80), min_size=1, max_size=20))
    def nack(self, viewer: int, back: list[int]) -> None:
        newest = self.plane.send_counters(SendStreamId(viewer)).highest_extended
        asked = [newest - one & 0xFFFF for one in back]
        self.plane.retransmit(SendStreamId(viewer), asked, milliseconds(30), self.stage.now)

    @rule(place=st.integers(0, 1), codec=st.sampled_from(CODECS))
    def camera_again(self, place: int, codec: str) -> None:
        self.plane.remove_receive_stream(ReceiveStreamId(1 + place))
        self.codecs[place] = codec
        self.add_camera(place)

    @rule(viewer=st.integers(1, 3), place=st.integers(0, 1), key=st.booleans(), ids=st.booleans())
    def screen_again(self, viewer: int, place: int, key: bool, ids: bool) -> None:
        self.plane.remove_send_stream(SendStreamId(viewer))
        self.serial += 1
        ssrc = 0x1000 + self.serial * 16
        self.stage.screen(
            viewer, viewer, ssrc, 1 + place, needs_key_frame=key, extension_ids=TAKEN_IDS if ids else {}
        )

    @rule(ssrc=st.sampled_from((0xF0, 0xF1, 0xF2)))
    def claim_and_let_go(self, ssrc: int) -> None:
        try:
            self.stage.camera(0, 20, ssrc, rtx_ssrc=None)
        except RtpfwdError:
            return
        self.plane.handle_timeout(self.stage.now)
        self.plane.remove_receive_stream(ReceiveStreamId(20))

    @rule()
    def ask_again(self) -> None:
        self.plane.retry_unknown(TransportId(0))

    @rule(viewer=st.integers(0, 2))
    def lose_and_find_the_path(self, viewer: int) -> None:
        peer: SrtpPeer = self.viewers[viewer]
        self.plane.remove_path(peer.path)
        self.picture(0, 1, True, True, None, {})
        self.plane.add_path(TransportId(viewer + 1), peer.path)
        self.plane.select_path(TransportId(viewer + 1), peer.path)

    @rule(pause_ms=st.sampled_from((1, 5, 20, 100, 1500, 6000)))
    def wait(self, pause_ms: int) -> None:
        self.stage.wait(milliseconds(pause_ms))
        self.plane.handle_timeout(self.stage.now)
        for stream in (1, 2):
            self.plane.due_nacks(ReceiveStreamId(stream), milliseconds(30), self.stage.now)
        for transport in range(4):
            self.plane.take_departures(TransportId(transport))

    @invariant()
    def all_records_agree(self) -> None:
        for stream in (1, 2, 3):
            self.plane.receive_counters(ReceiveStreamId(stream))
            self.plane.take_audio_levels(ReceiveStreamId(stream))
            self.plane.send_counters(SendStreamId(stream))
            self.plane.send_counters(SendStreamId(10 + stream))
        for transport in range(4):
            self.plane.transport_counters(TransportId(transport))
            self.plane.take_arrivals(TransportId(transport))
        self.stage.assert_reconciled()
        self.plane.take_upcalls()


def test_any_story_has_the_same_bytes_upcalls_and_counters_on_both_planes():
    TwinStory.TestCase.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
    TwinStory.TestCase().runTest()


def test_reasons_have_the_numbers_that_the_kernel_gives_them():
    from rtpfwd.dataplane.native import plane

    assert plane.reason_numbers() == (
        {reason.name: reason.value for reason in Drop},
        {reason.name: reason.value for reason in SendDrop},
    )
