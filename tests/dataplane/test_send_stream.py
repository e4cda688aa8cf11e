"""One outgoing stream: where it begins, how it goes on, what the receiver sees of a change."""

from __future__ import annotations

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import (
    KeyFrameNeeded,
    PlaneLimits,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendDrop,
    SendStreamId,
    SendStreamSpec,
    SourceSwitched,
    TransportId,
    Upcall,
)
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.route_table import Transport
from rtpfwd.dataplane.reference.send_stream import SendStream
from rtpfwd.protocols.srtp import RtpSender
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtp import RtpPacket
from tests.support.packets import vp8
from tests.support.srtp_peer import SrtpPeer

LOW, HIGH = ReceiveStreamId(1), ReceiveStreamId(2)


def receive_spec(source: ReceiveStreamId) -> ReceiveStreamSpec:
    return ReceiveStreamSpec(
        transport=TransportId(2), ssrc=source, payload_types={96: 101}, rtx_ssrc=None, rtx_payload_types={},
        clock_rate=90_000, mime_type="video/VP8", extension_ids={}, mapped_extension_ids={}, use_nack=False,
    )  # fmt: skip


class Viewer:
    """A send stream and the peer that receives it."""

    def __init__(self, *, needs_key_frame: bool = True) -> None:
        self.peer = SrtpPeer(0)
        self.transport = Transport(TransportId(1))
        self.transport.sender = RtpSender(self.peer.server_keys)
        self.transport.selected = self.peer.path
        spec = SendStreamSpec(
            transport=TransportId(1), ssrc=77, rtx_ssrc=78, rtx_payload_types={101: 102},
            payload_types=frozenset((101,)), clock_rate=90_000, mime_type="video/VP8", mid=b"0",
            extension_ids={}, first_sequence_number=1000, first_rtx_sequence_number=1,
            needs_key_frame=needs_key_frame, keep_ciphertext=False,
        )  # fmt: skip
        self.transport.pacer.set_rate(1_000_000_000_000)  # pacing is test_pacer.py's
        self.stream = SendStream(SendStreamId(1), spec, self.transport, Layout({}, b"0"), {})
        self.stream.set_target(LOW)
        self.sources = {
            source: ReceiveStream(source, receive_spec(source), PlaneLimits()) for source in (LOW, HIGH)
        }
        self.upcalls: list[Upcall] = []
        self.now = 0

    def take(
        self, source: ReceiveStreamId, sequence: int, *, key: bool = False, timestamp: int = 0,
        picture: int = 0, tl0: int = 0,
    ) -> RtpPacket | None:  # fmt: skip
        payload = vp8(1, sequence, key=key, picture_id=picture, tl0=tl0).payload
        packet = Packet(
            source, sequence, timestamp, True, 101, [], payload, parse_vp8(payload), Instant(self.now)
        )
        source_stream = self.sources[source]
        source_stream.history.add(packet, Instant(self.now))
        out: list[Datagram] = []
        self.stream.forward(source_stream, packet, Instant(self.now), self.upcalls, out)
        return self.peer.read(out)[0] if out else None

    def drops(self) -> dict[SendDrop, int]:
        return dict(self.stream.counters().drops)


def test_video_begins_at_a_key_frame_and_audio_at_once():
    viewer = Viewer()
    assert viewer.take(LOW, 10) is None
    assert viewer.drops() == {SendDrop.WAITING_FOR_KEY_FRAME: 1}
    assert viewer.take(LOW, 11, key=True).sequence_number == 1000
    assert viewer.take(LOW, 12).sequence_number == 1001
    assert Viewer(needs_key_frame=False).take(LOW, 10).sequence_number == 1000


def test_what_came_before_the_key_frame_stays_away_when_it_comes_late():
    viewer = Viewer()
    viewer.take(LOW, 11, key=True)
    assert viewer.take(LOW, 10) is None
    assert viewer.drops() == {SendDrop.BEFORE_SWITCH: 1}


def test_the_source_goes_on_until_the_target_has_a_key_frame():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True)
    viewer.stream.set_target(HIGH)
    assert viewer.take(HIGH, 500) is None
    assert viewer.take(LOW, 11).sequence_number == 1001
    assert viewer.take(HIGH, 501, key=True).sequence_number == 1002
    assert viewer.take(LOW, 12) is None
    assert viewer.drops() == {SendDrop.OTHER_LAYER: 2}
    assert [one.source for one in viewer.upcalls] == [LOW, HIGH]
    assert all(isinstance(one, SourceSwitched) for one in viewer.upcalls)


def test_a_change_of_source_is_continuous_in_numbers_timestamps_and_picture_ids():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True, timestamp=90_000, picture=0x7FFF, tl0=255)
    viewer.stream.set_target(HIGH)
    viewer.now += milliseconds(50)
    first = viewer.take(HIGH, 60_000, key=True, timestamp=2**32 - 10, picture=12, tl0=7)
    second = viewer.take(HIGH, 60_001, timestamp=2990, picture=13, tl0=8)
    assert (first.sequence_number, second.sequence_number) == (1001, 1002)
    assert first.timestamp == 90_000 + 4500
    assert second.timestamp == first.timestamp + 3000
    described = [parse_vp8(one.payload) for one in (first, second)]
    assert [one.picture_id for one in described] == [0, 1]
    assert [one.tl0_picture_index for one in described] == [0, 1]


def test_a_change_of_source_right_after_a_late_packet_repeats_no_timestamp_and_no_picture_id():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True, timestamp=0, picture=100, tl0=1)
    viewer.take(LOW, 12, timestamp=6000, picture=102, tl0=3)
    viewer.now += milliseconds(1)
    viewer.take(LOW, 11, timestamp=3000, picture=101, tl0=2)
    viewer.stream.set_target(HIGH)
    first = viewer.take(HIGH, 700, key=True, timestamp=5, picture=9, tl0=9)
    assert first.timestamp > 6000
    assert parse_vp8(first.payload).picture_id == 103
    assert parse_vp8(first.payload).tl0_picture_index == 4


def test_a_source_that_restarts_its_numbering_does_not_make_outgoing_numbers_jump():
    viewer = Viewer()
    viewer.take(LOW, 1000, key=True, timestamp=0, picture=1)
    viewer.take(LOW, 1001, timestamp=3000, picture=2)
    viewer.now += milliseconds(33)
    restarted = 0x10000 + 500
    assert viewer.take(LOW, restarted, timestamp=777) is None
    assert viewer.upcalls[-1] == KeyFrameNeeded(LOW)
    assert viewer.drops() == {SendDrop.WAITING_FOR_KEY_FRAME: 1}
    found = viewer.take(LOW, restarted + 1, key=True, timestamp=888, picture=40)
    assert found.sequence_number == 1002
    assert found.timestamp == 3000 + 2970
    assert parse_vp8(found.payload).picture_id == 3


def test_audio_goes_on_at_once_over_a_restart():
    viewer = Viewer(needs_key_frame=False)
    viewer.take(LOW, 1000)
    assert viewer.take(LOW, 0x10000 + 20).sequence_number == 1001
    assert viewer.take(LOW, 0x10000 + 21).sequence_number == 1002


def test_padding_at_a_restart_does_not_make_outgoing_numbers_jump():
    viewer = Viewer(needs_key_frame=False)
    viewer.take(LOW, 1000)
    viewer.stream.skip(LOW, 0x10000 + 20)
    assert viewer.take(LOW, 0x10000 + 21).sequence_number == 1001


def test_skipped_numbers_leave_no_gap_and_those_of_other_sources_nothing():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True)
    viewer.stream.skip(LOW, 11)
    viewer.stream.skip(HIGH, 12)
    assert viewer.take(LOW, 12).sequence_number == 1001


def test_a_pause_leaves_no_gap_and_ends_at_a_key_frame():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True, timestamp=0, picture=5)
    viewer.stream.set_paused(True)
    for sequence in range(11, 20):
        assert viewer.take(LOW, sequence) is None
    viewer.stream.skip(LOW, 20)
    viewer.stream.set_paused(False)
    assert viewer.take(LOW, 21) is None
    found = viewer.take(LOW, 22, key=True, timestamp=36_000, picture=17)
    assert found.sequence_number == 1001
    assert found.timestamp == 36_000, "the same clock goes on"
    assert parse_vp8(found.payload).picture_id == 17
    assert viewer.drops() == {SendDrop.CONSUMER_PAUSED: 9, SendDrop.WAITING_FOR_KEY_FRAME: 1}
    assert viewer.stream._numbering.find_output(1001)[1] == 22
    assert viewer.stream._numbering.find_output(1000)[1] == 10


def test_without_a_path_nothing_is_sent_and_it_begins_again_at_a_key_frame():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True)
    viewer.transport.selected = None
    assert viewer.take(LOW, 11) is None
    viewer.transport.selected = viewer.peer.path
    assert viewer.take(LOW, 12) is None
    assert viewer.take(LOW, 13, key=True).sequence_number == 1001
    assert viewer.drops() == {SendDrop.NO_TUPLE: 1, SendDrop.WAITING_FOR_KEY_FRAME: 1}


def test_a_source_that_is_gone_leaves_the_numbering_for_the_next():
    viewer = Viewer()
    viewer.take(LOW, 10, key=True, timestamp=50)
    viewer.stream.lost_source(LOW)
    assert viewer.stream.counters().source is None
    viewer.stream.set_target(HIGH)
    found = viewer.take(HIGH, 3, key=True, timestamp=9)
    assert found.sequence_number == 1001
    assert found.timestamp == 51


def test_a_packet_that_cannot_be_protected_is_counted():
    viewer = Viewer(needs_key_frame=False)
    payload = bytes(2100)
    packet = Packet(LOW, 10, 0, True, 101, [], payload, None, Instant(0))
    out: list[Datagram] = []
    viewer.stream.forward(viewer.sources[LOW], packet, Instant(0), [], out)
    assert out == []
    assert viewer.drops() == {SendDrop.PROTECT_FAILED: 1}


def test_totals_count_what_was_sent():
    viewer = Viewer()
    sizes = [len(viewer.take(LOW, sequence, key=True).payload) for sequence in (10, 11, 12)]
    counters = viewer.stream.counters()
    assert counters.packets == 3
    assert counters.payload_bytes == sum(sizes)
    assert counters.bytes == sum(sizes) + 3 * 12
    assert counters.highest_extended == 1002
