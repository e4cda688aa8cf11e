"""Layers packet by packet: where each codec lets one go up, what late packets get, what is rewritten."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    KeyFrameNeeded,
    Layers,
    LayersSwitched,
    ReceiveStreamId,
    ResolutionChanged,
    SendDrop,
    SendStreamId,
)
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    FrameTemplate,
    Indication,
    parse_dependency_descriptor,
    serialize_dependency_descriptor,
)
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import KEY_FRAME_START, VP8_TYPE, elements_of, rtp, rtx
from tests.support.stage import CONSUMER_IDS, PUBLISHER_IDS

SOURCE, SEND = ReceiveStreamId(1), SendStreamId(1)
SSRC = 0xA0
DESCRIPTOR_ID = 8
T0, T1, T2 = 0, 1, 2


def eight(
    number: int, temporal: int, *, key: bool = False, sync: bool = False, first: bool = True,
    last: bool = True, picture: int | None = None, tl0: int = 0, key_index: int = 0, ssrc: int = SSRC,
) -> RtpPacket:  # fmt: skip
    """A VP8 packet with all fields (RFC 7741 §4.2); its picture is its number unless told."""
    picture = number if picture is None else picture
    head = bytes((0x90 if first else 0x80, 0xF0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, tl0))
    head += bytes((temporal << 6 | sync << 5 | key_index,))
    start = (KEY_FRAME_START if key else b"\x51\x00\x00") if first else b""
    return rtp(
        ssrc, number, timestamp=3000 * picture, payload_type=VP8_TYPE, marker=last,
        payload=(head + start + b"%d" % number).ljust(40, b"."),
    )  # fmt: skip


def nine(
    number: int, picture: int, spatial: int = 0, temporal: int = 0, *, key: bool = False,
    between: bool = False, up: bool = False, back: tuple[int, ...] | None = None, structure: int = 0,
    marker: bool = False,
) -> RtpPacket:  # fmt: skip
    """A VP9 layer frame of one packet (RFC 9628 §4.2), in flexible mode if ``back`` has P_DIFFs."""
    flexible = back is not None
    head = bytes((
        0xAC | (not key) << 6 | flexible << 4 | bool(structure) << 1, 0x80 | picture >> 8, picture & 0xFF,
        temporal << 5 | up << 4 | spatial << 1 | between,
    ))  # fmt: skip
    if not flexible:
        head += bytes((picture & 0xFF,))
    for place, diff in enumerate(back or ()):
        head += bytes((diff << 1 | (place < len(back or ()) - 1),))
    if structure:
        head += bytes((structure - 1 << 5,))
    return rtp(
        SSRC, number, timestamp=3000 * picture, payload_type=VP8_TYPE, marker=marker, payload=head + b"frame"
    )


class Show:
    """Alice's stream and Bob's view of it."""

    def __init__(self, stage, mime_type: str, **changes: object) -> None:
        self.stage, self.mime_type = stage, mime_type
        self.alice, self.bob = stage.join(), stage.join()
        stage.camera(0, 1, SSRC, mime_type=mime_type, **changes)
        ids = CONSUMER_IDS | {DEPENDENCY_DESCRIPTOR: DESCRIPTOR_ID}
        stage.screen(1, 1, 0xB0, None, mime_type=mime_type, extension_ids=ids)

    def want(self, spatial: int, temporal: int, source: ReceiveStreamId = SOURCE) -> None:
        self.stage.plane.set_source(SEND, source, self.stage.now, Layers(spatial, temporal))

    def send(self, *packets: RtpPacket) -> list[RtpPacket]:
        return self.bob.read(self.stage.send(self.alice, *packets))

    def passes(self, *packets: RtpPacket) -> list[bool]:
        return [bool(self.send(packet)) for packet in packets]

    def drops(self) -> dict[SendDrop, int]:
        return dict(self.stage.plane.send_counters(SEND).drops)


# -- VP8


def test_vp8_goes_up_one_temporal_layer_at_a_time_at_a_sync_picture_only(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 0)
    show.send(eight(1, T0, key=True))
    assert show.passes(eight(2, T2, sync=True), eight(3, T1, sync=True), eight(4, T2)) == [False] * 3
    show.want(0, 2)
    pattern = [
        (eight(5, T0), True), (eight(6, T2), False), (eight(7, T1), False), (eight(8, T2), False),
        (eight(9, T0), True), (eight(10, T2, sync=True), False), (eight(11, T1, sync=True), True),
        (eight(12, T2), False), (eight(13, T0), True), (eight(14, T2, sync=True), True),
        (eight(15, T1), True), (eight(16, T2), True),
    ]  # fmt: skip
    assert [(packet, *show.passes(packet)) for packet, _ in pattern] == pattern
    assert stage.upcalls(LayersSwitched)[-2:] == [LayersSwitched(SEND, 0, 1), LayersSwitched(SEND, 0, 2)]
    assert stage.plane.send_counters(SEND).layers == Layers(0, 2)


def test_vp8_goes_up_at_a_key_frame_at_once(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 0)
    show.send(eight(1, T0, key=True))
    assert show.passes(eight(2, T2, sync=True)) == [False]
    show.want(0, 2)
    assert show.passes(eight(3, T0, key=True), eight(4, T2), eight(5, T1)) == [True] * 3


def test_a_picture_is_never_sent_in_part_and_late_packets_share_its_fate(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 2)
    show.send(eight(1, T0, key=True))
    show.send(eight(2, T2, picture=2, sync=True, last=False))
    show.want(0, 0)
    assert show.passes(eight(3, T2, picture=2, first=False)) == [True], "the one that was begun"
    assert show.passes(eight(4, T2, picture=3, last=False), eight(6, T2, picture=3, first=False)) == [
        False,
        False,
    ]
    show.want(0, 2)
    [base] = show.send(eight(7, T0, picture=4))
    assert show.passes(eight(5, T2, picture=3, first=False, last=False)) == [False]
    assert base.sequence_number == 1003, "neither the dropped packets nor the one among them that was late"
    assert show.drops() == {SendDrop.TEMPORAL_LAYER: 3}


def test_dropped_pictures_leave_no_hole_in_picture_ids_and_late_packets_have_their_own(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 1)
    found = show.send(
        eight(1, T0, key=True, picture=100), eight(2, T2, picture=101, sync=True),
        eight(3, T1, picture=102, sync=True), eight(5, T0, picture=104, last=False),
        eight(7, T2, picture=105), eight(8, T1, picture=106), eight(6, T0, picture=104, first=False),
    )  # fmt: skip
    described = [(one.sequence_number, parse_vp8(one.payload).picture_id) for one in found]
    # Number 4, picture 103, has not come: it keeps its place.
    assert described == [(1000, 100), (1001, 101), (1003, 103), (1005, 104), (1004, 103)]


def test_a_whole_picture_that_comes_late_goes_on_if_its_layer_did(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 1)
    show.send(
        eight(1, T0, key=True), eight(2, T2, sync=True), eight(3, T1, sync=True), eight(5, T0), eight(9, T0)
    )
    assert show.passes(eight(7, T1), eight(6, T2), eight(8, T2)) == [True, False, False]
    assert show.passes(rtx(SSRC + 1, 1, eight(4, T2))) == [False]


def test_a_late_picture_of_before_its_layer_was_taken_up_stays_behind(stage):
    show = Show(stage, "video/VP8")
    show.want(0, 0)
    show.send(eight(1, T0, key=True), eight(2, T1, sync=True), eight(3, T0))
    show.want(0, 1)
    assert show.passes(eight(5, T0), eight(6, T1, sync=True)) == [True, True]
    assert show.passes(eight(4, T1)) == [False], "it needs the dropped one"
    assert show.drops() == {SendDrop.TEMPORAL_LAYER: 2}


def test_counters_of_vp8_go_on_over_a_change_of_source(stage):
    show = Show(stage, "video/VP8")
    stage.camera(0, 2, 0xA8)
    show.want(0, 2)
    show.send(eight(1, T0, key=True, picture=0x7FFF, tl0=255, key_index=31))
    show.want(0, 2, ReceiveStreamId(2))
    [found] = show.send(eight(900, T0, key=True, picture=7, tl0=9, key_index=3, ssrc=0xA8))
    read = parse_vp8(found.payload)
    assert (read.picture_id, read.tl0_picture_index, read.key_index, read.temporal_layer) == (0, 0, 0, 0)


@pytest.mark.parametrize("rate", [30, 60])
def test_a_nack_two_seconds_late_finds_its_packet_while_every_second_picture_is_dropped(stage, rate):
    show = Show(stage, "video/VP8")
    show.want(0, 0)
    sent: dict[int, bytes] = {}
    for number in range(4 * rate):
        stage.wait(seconds(1) // rate)
        packet = eight(number, number % 2, key=number == 0, sync=bool(number % 2))
        for found in show.send(packet):
            sent[found.sequence_number] = found.payload
    assert len(sent) == 2 * rate
    kept = list(sent)[-(rate - 2) :]
    out = show.bob.read(stage.plane.retransmit(SEND, kept[:17], milliseconds(10), stage.now))
    assert [unwrap_payload(one.payload)[1] for one in out] == [sent[number] for number in kept[:17]]


# -- VP9


def test_vp9_goes_up_after_a_picture_that_allows_it(stage):
    show = Show(stage, "video/VP9")
    show.want(0, 0)
    assert show.passes(nine(1, 1, key=True), nine(2, 2, 0, T2), nine(3, 3, 0, T1)) == [True, False, False]
    show.want(0, 2)
    assert show.passes(nine(4, 4), nine(5, 5, 0, T2), nine(6, 6, 0, T1)) == [True, False, False]
    assert show.passes(nine(7, 7, up=True), nine(8, 8, 0, T2), nine(9, 9, 0, T1)) == [True] * 3


def test_vp9_in_flexible_mode_goes_up_where_all_references_were_forwarded(stage):
    show = Show(stage, "video/VP9")
    show.want(0, 0)
    show.send(nine(1, 1, key=True, back=()))
    assert show.passes(nine(2, 2, 0, T1, back=(1,))) == [False]
    show.want(0, 1)
    assert show.passes(nine(3, 3, back=(2,)), nine(4, 4, 0, T1, back=(1, 2))) == [True, False]
    assert show.passes(nine(5, 5, back=(2,)), nine(6, 6, 0, T1, back=(1,))) == [True, True]
    assert show.passes(nine(7, 7, 0, T1, back=(1,)), nine(8, 8, 0, T1, back=(4,))) == [True, False]


def test_picture_ids_of_vp9_keep_their_distances_over_dropped_pictures(stage):
    show = Show(stage, "video/VP9")
    show.want(0, 0)
    found = show.send(nine(1, 1, key=True), nine(2, 2, 0, T1), nine(3, 3), nine(4, 4, 0, T1), nine(5, 5))
    assert [parse_vp9(one.payload).picture_id for one in found] == [1, 3, 5]
    assert [one.sequence_number for one in found] == [1000, 1001, 1002]


def test_the_last_packet_of_the_highest_forwarded_layer_has_the_marker_also_when_repaired(stage):
    show = Show(stage, "video/VP9")
    show.want(1, 0)
    key = (nine(1, 1, 0, key=True, structure=3), nine(2, 1, 1, key=True, between=True))
    found = show.send(*key, nine(3, 1, 2, key=True, between=True, marker=True))
    assert [one.marker for one in found] == [False, True]
    [repaired] = show.bob.read(stage.plane.retransmit(SEND, [1001], milliseconds(10), stage.now))
    assert repaired.marker
    # The encoder gave up the upper layers: then its own marker stands.
    assert [one.marker for one in show.send(nine(4, 2, 0, marker=True))] == [True]


def test_a_late_packet_ends_the_picture_as_it_was_cut_then(stage):
    show = Show(stage, "video/VP9")
    show.want(0, 0)
    show.send(nine(1, 1, 0, key=True, structure=2), nine(2, 1, 1, key=True, between=True))
    show.want(1, 0)
    found = show.send(
        nine(5, 3, 0, key=True, structure=2), nine(6, 3, 1, key=True, between=True, marker=True), nine(3, 2)
    )
    assert [(parse_vp9(one.payload).picture_id, one.marker) for one in found] == [(3, False), (3, True)]
    assert show.drops() == {SendDrop.SPATIAL_LAYER: 1, SendDrop.TEMPORAL_LAYER: 1}, "older than the key frame"


def test_a_layer_that_is_not_predicted_from_other_pictures_is_a_way_up(stage):
    show = Show(stage, "video/VP9")
    show.want(0, 0)
    show.send(nine(1, 1, 0, key=True, structure=2), nine(2, 1, 1, key=True, between=True))
    assert show.passes(nine(3, 2), nine(4, 2, 1, between=True)) == [True, False]
    stage.upcalls()
    show.want(1, 0)
    assert stage.upcalls() == [KeyFrameNeeded(SOURCE)]
    assert show.passes(nine(5, 3), nine(6, 3, 1, between=True)) == [True, False]
    assert show.passes(nine(7, 4), nine(8, 4, 1, key=True, between=True)) == [True, True]
    assert stage.upcalls() == [LayersSwitched(SEND, 1, 0)]
    assert show.passes(nine(9, 5), nine(10, 5, 1, between=True)) == [True, True]


def test_of_k_svc_the_lower_layers_stay_behind_even_when_everything_is_wanted(stage):
    show = Show(stage, "video/VP9")
    stage.plane.set_source(SEND, SOURCE, stage.now)
    assert Layers(7, 7) == ALL_LAYERS
    assert show.passes(nine(1, 1, 0, key=True, structure=2), nine(2, 1, 1, key=True, between=True)) == [
        True,
        True,
    ]
    show.passes(nine(3, 2), nine(4, 2, 1, marker=True))
    for place in range(5, 25, 2):
        assert show.passes(nine(place, place), nine(place + 1, place, 1, marker=True)) == [False, True]
    assert show.drops() == {SendDrop.SPATIAL_LAYER: 10}
    # The upper layer is gone: nothing can be decoded until a key frame.
    stage.upcalls()
    for place in range(30, 60):
        show.passes(nine(place, place, marker=True))
    assert stage.upcalls(KeyFrameNeeded) == [KeyFrameNeeded(SOURCE)]


# -- dependency descriptors


S, R, D, N = Indication.SWITCH, Indication.REQUIRED, Indication.DISCARDABLE, Indication.NOT_PRESENT
L1T2 = DependencyStructure(
    60, 2,
    (FrameTemplate(0, 0, (S, S), (), (0,)), FrameTemplate(0, 0, (S, S), (2,), (2,)),
     FrameTemplate(0, 1, (N, D), (1,), (1,))),
    1, (0, 0), ((640, 360),),
)  # fmt: skip
L2_KEY = DependencyStructure(
    5, 2,
    (FrameTemplate(0, 0, (S, R), (), (0, 0)), FrameTemplate(0, 0, (S, N), (2,), (2, 1)),
     FrameTemplate(1, 0, (N, S), (1,), (1, 1)), FrameTemplate(1, 0, (N, S), (2,), (1, 2))),
    2, (0, 1), ((320, 180), (640, 360)),
)  # fmt: skip


def described(
    number: int, structure: DependencyStructure, template: int, frame: int, *, attach: bool = False,
    start: bool = True, end: bool = True, picture: int | None = None, marker: bool = False, ssrc: int = SSRC,
) -> RtpPacket:  # fmt: skip
    descriptor = DependencyDescriptor(
        start, end, structure.template_id_offset + template & 63, frame & 0xFFFF,
        structure.templates[template], structure if attach else None,
    )  # fmt: skip
    return rtp(
        ssrc, number, timestamp=3000 * (frame if picture is None else picture), payload_type=VP8_TYPE,
        marker=marker, payload=b"\x10\x30 frame",
        elements={12: serialize_dependency_descriptor(descriptor, structure)},
    )  # fmt: skip


def descriptors(packets: list[RtpPacket]) -> list[DependencyDescriptor]:
    found, structure = [], None
    for packet in packets:
        one, structure = parse_dependency_descriptor(elements_of(packet)[DESCRIPTOR_ID], structure)
        found.append(one)
    return found


def av1(stage) -> Show:
    ids = {"extension_ids": PUBLISHER_IDS | {DEPENDENCY_DESCRIPTOR: 12}}
    mapped = {"mapped_extension_ids": CONSUMER_IDS | {DEPENDENCY_DESCRIPTOR: DESCRIPTOR_ID}}
    show = Show(stage, "video/AV1", **ids, **mapped)
    stage.camera(0, 2, 0xA8, mime_type="video/AV1", **ids, **mapped)
    return show


def test_a_descriptor_tells_the_receiver_what_is_left_out(stage):
    show = av1(stage)
    show.want(0, 0)
    found = show.send(
        described(1, L1T2, 0, 100, attach=True), described(2, L1T2, 2, 101), described(3, L1T2, 1, 102)
    )
    assert [(one.frame_number, one.active_decode_targets) for one in descriptors(found)] == [
        (100, 1),
        (102, 1),
    ]
    assert show.drops() == {SendDrop.TEMPORAL_LAYER: 1}
    show.want(0, 1)
    found = show.send(described(4, L1T2, 2, 103), described(5, L1T2, 1, 104))
    assert len(found) == 2
    numbers = [parse_dependency_descriptor(elements_of(one)[DESCRIPTOR_ID], L1T2)[0] for one in found]
    assert [one.active_decode_targets for one in numbers] == [3, 3]
    assert stage.upcalls(ResolutionChanged) == [ResolutionChanged(SOURCE, ((640, 360),))]


def test_frame_numbers_and_templates_of_another_source_follow_those_before(stage):
    show = av1(stage)
    show.want(0, 1)
    found = show.send(described(1, L1T2, 0, 65_535, attach=True), described(2, L1T2, 2, 65_536))
    show.want(0, 1, ReceiveStreamId(2))
    other = [described(70, L1T2, 0, 40, attach=True, ssrc=0xA8), described(71, L1T2, 2, 41, ssrc=0xA8)]
    found += show.send(*other)
    read = descriptors(found)
    assert [one.frame_number for one in read] == [65_535, 0, 1, 2]
    assert all(one.active_decode_targets in (None, 3) for one in read)
    offsets = [one.structure.template_id_offset for one in read if one.structure is not None]
    assert offsets == [60, 63], "three templates further on"
    [repaired] = show.bob.read(stage.plane.retransmit(SEND, [1003], milliseconds(10), stage.now))
    assert elements_of(repaired)[DESCRIPTOR_ID] == elements_of(found[3])[DESCRIPTOR_ID]


def test_k_svc_told_by_descriptors_changes_at_key_frames_only(stage):
    show = av1(stage)
    show.want(1, 0)
    key = [
        described(1, L2_KEY, 0, 10, attach=True, picture=1),
        described(2, L2_KEY, 2, 11, picture=1, marker=True),
    ]  # fmt: skip
    assert [one.marker for one in show.send(*key)] == [False, True]
    steady = [described(3, L2_KEY, 1, 12, picture=2), described(4, L2_KEY, 3, 13, picture=2, marker=True)]
    assert show.passes(*steady) == [False, True]
    stage.upcalls()
    show.want(0, 0)
    assert stage.upcalls() == [KeyFrameNeeded(SOURCE)]
    steady = [described(5, L2_KEY, 1, 14, picture=3), described(6, L2_KEY, 3, 15, picture=3, marker=True)]
    assert show.passes(*steady) == [False, True]
    key = [
        described(7, L2_KEY, 0, 16, attach=True, picture=4),
        described(8, L2_KEY, 2, 17, picture=4, marker=True),
    ]  # fmt: skip
    assert [one.marker for one in show.send(*key)] == [True]
    assert stage.upcalls(LayersSwitched) == [LayersSwitched(SEND, 0, 0)]


FULL = DependencyStructure(
    9, 2,
    (FrameTemplate(0, 0, (S, R), (), (0, 0)), FrameTemplate(0, 0, (S, R), (2,), (2, 1)),
     FrameTemplate(1, 0, (N, S), (1,), (1, 1)), FrameTemplate(1, 0, (N, S), (2, 1), (1, 1))),
    2, (0, 1), ((320, 180), (640, 360)),
)  # fmt: skip


def test_a_picture_that_was_begun_with_two_layers_ends_with_both(stage):
    show = av1(stage)
    show.want(1, 0)
    show.send(
        described(1, FULL, 0, 10, attach=True, picture=1), described(2, FULL, 2, 11, picture=1, marker=True)
    )
    show.send(described(3, FULL, 1, 12, picture=2))
    show.want(0, 0)
    assert show.passes(described(4, FULL, 3, 13, picture=2, marker=True)) == [True]
    found = show.send(described(5, FULL, 1, 14, picture=3), described(6, FULL, 3, 15, picture=3, marker=True))
    assert [one.marker for one in found] == [True]
    assert stage.upcalls(KeyFrameNeeded) == []


def test_a_layer_that_its_sender_gave_up_is_no_longer_waited_for(stage):
    show = av1(stage)
    show.want(1, 0)
    show.send(
        described(1, FULL, 0, 10, attach=True, picture=1), described(2, FULL, 2, 11, picture=1, marker=True)
    )
    given_up = DependencyDescriptor(
        True, True, FULL.template_id_offset + 1, 12, FULL.templates[1], None, 0b01
    )
    stage.upcalls()
    [found] = show.send(
        rtp(
            SSRC, 3, timestamp=6000, payload_type=VP8_TYPE, payload=b"\x10\x30", marker=True,
            elements={12: serialize_dependency_descriptor(given_up, FULL)},
        )
    )  # fmt: skip
    assert stage.upcalls() == [LayersSwitched(SEND, 0, 0)]
    assert found.marker


def test_a_chain_that_stays_broken_takes_a_key_frame(stage):
    show = av1(stage)
    show.want(0, 0)
    show.send(described(1, L1T2, 0, 100, attach=True), described(5, L1T2, 1, 104))
    stage.upcalls()
    stage.wait(milliseconds(400))
    show.send(described(7, L1T2, 1, 106))
    assert stage.upcalls(KeyFrameNeeded) == []
    stage.wait(milliseconds(200))
    show.send(described(9, L1T2, 1, 108))
    assert stage.upcalls(KeyFrameNeeded) == [KeyFrameNeeded(SOURCE)]


def test_a_chain_that_is_mended_in_time_does_not(stage):
    show = av1(stage)
    show.want(0, 0)
    show.send(described(1, L1T2, 0, 100, attach=True), described(5, L1T2, 1, 104))
    assert len(show.send(described(3, L1T2, 1, 102))) == 1
    stage.upcalls()
    stage.wait(seconds(1))
    show.send(described(7, L1T2, 1, 106))
    assert stage.upcalls(KeyFrameNeeded) == []


def test_a_descriptor_that_does_not_parse_is_as_good_as_none(stage):
    show = av1(stage)
    show.want(0, 0)
    broken = described(1, L1T2, 0, 1, attach=True)
    broken = rtp(SSRC, 1, payload_type=VP8_TYPE, payload=b"\x18\x0a key", elements={12: b"\xc0\x00\x01\xff"})
    assert len(show.send(broken)) == 1, "the payload's N bit says key frame"
    assert len(show.send(described(2, L1T2, 0, 2, attach=True), described(3, L1T2, 2, 3))) == 1
    malformed = rtp(
        SSRC, 4, timestamp=12_000, payload_type=VP8_TYPE, payload=b"\x10\x30", elements={12: b"\x81"}
    )
    assert len(show.send(malformed)) == 1
    stage.assert_reconciled()


# -- what is counted


def test_bytes_are_counted_by_layer_and_sum_up(stage):
    show = Show(stage, "video/VP9")
    sizes: dict[tuple[int, int], int] = {}
    for number in range(12):
        packet = nine(number, number // 2, number % 2, number // 2 % 2, key=number < 2)
        layer = (number % 2, number // 2 % 2)
        sizes[layer] = sizes.get(layer, 0) + len(packet.serialize())
        show.send(packet)
    counters = stage.plane.receive_counters(SOURCE)
    assert dict(counters.layer_bytes) == sizes
    assert sum(counters.layer_bytes.values()) == counters.bytes


def test_numbers_never_step_back_over_any_change(stage):
    show = Show(stage, "video/VP8")
    stage.camera(0, 2, 0xA8)
    show.want(0, 2)
    found = show.send(eight(1, T0, key=True), eight(2, T2, sync=True))
    show.want(0, 0, ReceiveStreamId(2))
    found += show.send(eight(500, T0, key=True, ssrc=0xA8), eight(501, T1, sync=True, ssrc=0xA8))
    show.want(0, 0)
    found += show.send(eight(3, T0, key=True), eight(4, T2), eight(5, T0))
    assert [b.sequence_number - a.sequence_number for a, b in pairwise(found)] == [1] * (len(found) - 1)
    stamps = [one.timestamp for one in found]
    assert stamps == sorted(stamps)


def test_a_frame_of_the_structure_before_that_is_sent_again_has_no_more_targets_than_it_knew(stage):
    """A hostile sender: few decode targets, then many, then a new packet of an old frame of few."""
    many = DependencyStructure(
        20, 20,
        (FrameTemplate(0, 0, (S,) * 20), FrameTemplate(0, 1, (D,) * 10 + (N,) * 10, (1,))),
    )  # fmt: skip
    show = av1(stage)
    show.want(0, 0)
    show.send(described(1, L1T2, 0, 100, attach=True), described(2, many, 0, 101, attach=True))
    [again] = show.send(described(3, L1T2, 0, 100))
    value = elements_of(again)[DESCRIPTOR_ID]
    assert parse_dependency_descriptor(value, L1T2)[0].active_decode_targets in (None, 0, 1, 2, 3)
    stage.assert_reconciled()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("codec", ["VP8", "VP9", "AV1"])
def test_whatever_descriptors_claim_the_plane_goes_on(stage, codec, seed):
    chance = random.Random(f"{codec} {seed}")
    show = Show(
        stage, f"video/{codec}", extension_ids=PUBLISHER_IDS | {DEPENDENCY_DESCRIPTOR: 12},
        mapped_extension_ids=CONSUMER_IDS | {DEPENDENCY_DESCRIPTOR: DESCRIPTOR_ID},
    )  # fmt: skip
    values = [
        serialize_dependency_descriptor(
            DependencyDescriptor(True, True, one.template_id_offset, 9, one.templates[0], one), one
        )
        for one in (L1T2, L2_KEY, FULL)
    ]
    heads = (b"", b"\x18", b"\x90\xf0", b"\x90\xb0\x01", b"\xac\x80", b"\x8e\x05", b"\xec\x81")
    number, sent = 0, []
    for _ in range(1500):
        if chance.random() < 0.1:
            show.want(chance.randrange(4), chance.randrange(4))
        number += chance.choice((1, 1, 1, 2, -1))
        fate = chance.random()
        value = chance.choice(values) if fate < 0.2 else chance.randbytes(chance.randint(3, 6))
        packet = rtp(
            SSRC, number, timestamp=(number // 4 + chance.randint(-2, 2)) * 3000, payload_type=VP8_TYPE,
            payload=chance.choice(heads) + chance.randbytes(chance.randint(1, 12)),
            elements={12: value} if fate < 0.8 else None,
        )  # fmt: skip
        sent += [one.sequence_number for one in show.send(packet)]
    assert len(set(sent)) == len(sent) > 0, "no number twice"
    stage.assert_reconciled()
