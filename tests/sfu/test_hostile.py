"""What a peer with good keys and bad intentions can do to a room: SRTP, RTP and RTCP, row by row.

=== ============================================================ ==========================================
R1  malformed headers, before and after decryption               here; tests/fuzz; tests/wire/test_rtp.py
R2  a million forged packets                                     here; tests/protocols/test_srtp.py
R3  replays, the window's edge                                   here; tests/protocols/test_srtp.py
R6  SSRCs of others, of the server, 0 and the highest            here; tests/sfu/test_objects.py
R7  RTX of the unknown, of RTX, apt in loops                     here; tests/dataplane/test_repair.py
R8  jumps of numbers and times                                   here; tests/dataplane/test_receive_stream.py
R9  odd header extensions, odd MIDs and RIDs                     here; tests/wire/test_header_extensions.py
R10 packets of 1357 to 1500 bytes                                here; tests/dataplane/test_drops.py
R12 NACK without measure, and for what was never sent            here; tests/sfu/test_rtcp.py
R13 PLI and FIR without measure, for others' streams             here; tests/sfu/test_rtcp.py
R15 REMB that lies                                               here; tests/sfu/test_rtcp.py
R16 absurd reports                                               here; tests/sfu/test_rtcp.py
R17 RTP when or where none is expected                           here
R18 payload types that are not negotiated, or look like RTCP     here
R19 junk by the hundred thousand                                 here; tests/drivers/test_udp.py (kernel)
R20 payload descriptors that are cut or lie                      here; tests/fuzz
=== ============================================================ ==========================================
"""

from __future__ import annotations

import copy
import random
import struct
import time
from typing import Any

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.dataplane.load import PLANES
from rtpfwd.drivers.fake_media import producer_parameters
from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtcp.compound import parse_compound
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import ReceiverReport, ReportBlock
from rtpfwd.wire.rtp import RtpPacket, peek_ssrc
from rtpfwd.wire.rtx import unwrap_payload
from tests.fuzz.engine import corpus_of
from tests.support.packets import padding_only, rtp, rtx, vp8
from tests.support.room import MID_ID, RID_ID, Member, Room, camera, microphone
from tests.support.stage import ROUTER_VP8, Stage

SECOND = seconds(1)
CAMERA, REPAIRS, MICROPHONE = 0x1000, 0x1001, 0x2000


class Call:
    """Alice is seen and heard by bob."""

    def __init__(self, room: Room, *, rtx_for_bob: bool = True) -> None:
        self.room = room
        self.alice, self.bob = room.join(), room.join()
        self.camera, self.microphone = self.alice.produce(camera()), self.alice.produce(microphone())
        capabilities = room.router.rtp_capabilities
        if not rtx_for_bob:
            codecs = [codec for codec in capabilities["codecs"] if codec["mimeType"] != "video/rtx"]
            capabilities = capabilities | {"codecs": codecs}
        self.video: Any = self.bob.transport.consume(self.camera.id, capabilities, now=room.now)
        room.settle()
        self.sound: Any = self.bob.consume(self.microphone)
        self.alice.send(vp8(CAMERA, 1, key=True), rtp(MICROPHONE, 1))
        assert self.got(self.video) == self.got(self.sound) == 1

    def got(self, consumer: Any) -> int:
        return sum(packet.ssrc == consumer.ssrc for packet in self.bob.rtp)

    def drops(self) -> dict[str, int]:
        return self.room.worker.counters()["drops"]

    def still_works(self) -> None:
        """The next packets of both streams arrive."""
        before = self.got(self.video), self.got(self.sound)
        number = 20 + max(self._numbers())  # clear of what a test has used up
        self.alice.send(vp8(CAMERA, number, key=True, timestamp=number * 3000), rtp(MICROPHONE, number))
        self.room.wait(milliseconds(300))
        assert (self.got(self.video), self.got(self.sound)) == (before[0] + 1, before[1] + 1)

    def _numbers(self) -> list[int]:
        plane = self.room.worker._context.plane
        streams = [*self.camera.streams, *self.microphone.streams]
        return [plane.receive_counters(one.id).highest_extended & 0xFFFF for one in streams]


@pytest.fixture
def call(room: Room) -> Call:
    return Call(room)


# -- R1, R2, R3: what is no packet, or not a new one


def test_r1_padding_that_lies_is_malformed_although_it_was_authentic(call):
    for number, fault in enumerate((0, 200, 255), 2):
        good = vp8(CAMERA, number).serialize()
        call.alice.send(bytes((good[0] | 0x20,)) + good[1:-1] + bytes((fault,)))
    assert call.drops() == {"rtp_malformed": 3}
    call.still_works()


def test_r1_padding_only_packets_are_consumed_and_leave_no_gap(call):
    call.alice.send(padding_only(CAMERA, 2), padding_only(CAMERA, 3), vp8(CAMERA, 4))
    assert call.drops() == {"padding_only": 2}
    first, second = (one.sequence_number for one in call.bob.rtp if one.ssrc == call.video.ssrc)
    assert second == first + 1


def test_r1_what_is_too_short_or_of_another_version_reaches_nobody(call):
    good = call.alice.peer.send(vp8(CAMERA, 2))[0]
    call.room.arrive(*((good[:size], call.alice.peer.path) for size in range(12)))
    call.room.arrive(
        *((bytes((first,)) + good[1:], call.alice.peer.path) for first in (0xC0, 0xFF, 0x40, 0x7F))
    )
    assert call.drops() == {"unclassified": 16}
    call.still_works()


def test_r2_any_number_of_forged_packets_closes_nothing(call):
    good, path = call.alice.peer.send(vp8(CAMERA, 2))
    forged = [(good[:-4] + number.to_bytes(4), path) for number in range(20_000)]
    call.room.arrive(*forged)
    assert call.drops() == {"srtp_auth_fail": 20_000}
    assert call.alice.transport.dtls_state == "connected"
    call.still_works()


def test_r3_a_second_of_traffic_played_again_changes_nothing(call):
    sent = [call.alice.peer.send(vp8(CAMERA, number)) for number in range(2, 400)]
    call.room.arrive(*sent)
    call.room.wait(SECOND)
    before = call.got(call.video)
    call.room.arrive(*reversed(sent), *sent)
    assert call.got(call.video) == before
    assert call.drops() == {"srtp_replay": 2 * len(sent)}
    call.still_works()


# -- R6: whose SSRC


@pytest.mark.parametrize("ssrc", [0, -1, 2**32])
def test_r6_an_ssrc_that_is_none_is_refused(room, ssrc):
    with pytest.raises(InvalidParameters, match=r"encoding\.ssrc"):
        room.join().produce(camera(ssrc))


def test_r6_the_highest_ssrc_is_one_as_any_other(room):
    alice, bob = room.join(), room.join()
    bob.consume(alice.produce(camera(0xFFFF_FFFF, rtx=False)))
    alice.send(vp8(0xFFFF_FFFF, 1, key=True))
    assert len(bob.rtp) == 1


def test_r6_an_ssrc_that_the_server_sends_with_is_refused(call):
    for ssrc in (call.video.ssrc, call.video.rtx_ssrc, call.sound.ssrc):
        with pytest.raises(InvalidParameters, match="this transport sends with"):
            call.bob.produce(camera(ssrc, rtx=False, mid="9"))
        with pytest.raises(InvalidParameters, match="this transport sends with"):
            call.bob.produce(microphone(ssrc, mid="9"))
    assert not call.bob.transport.producers
    # On a transport of its own it is free.
    call.room.join().produce(camera(call.video.ssrc, rtx=False))
    call.still_works()


def test_r6_a_packet_with_an_ssrc_that_the_server_sends_with_is_nobodys(room):
    alice, bob = room.join(), room.join()
    consumer = bob.consume(alice.produce(microphone()))
    layers = bob.produce(camera(0, rid="lo", rtx=False, mid="5"), camera(0, rid="hi", rtx=False, mid="5"))
    bob.send(vp8(consumer.ssrc, 1, key=True, elements={MID_ID: b"5", RID_ID: b"lo"}))
    assert layers.streams == []
    bob.send(vp8(77, 1, key=True, elements={MID_ID: b"5", RID_ID: b"lo"}))
    assert [stream.ssrc for stream in layers.streams] == [77]


def test_r6_whoever_had_an_ssrc_first_keeps_it_whatever_later_packets_claim(call):
    other = call.alice.produce(camera(0, rid="a", rtx=False, mid="7"), camera(0, rid="b", rtx=False, mid="7"))
    call.alice.send(vp8(CAMERA, 2, elements={MID_ID: b"7", RID_ID: b"a"}))
    assert other.streams == []
    assert call.got(call.video) == 2


def test_r6_the_next_ssrc_of_a_layer_that_has_one_is_dropped(room):
    alice = room.join()
    layers = alice.produce(camera(0, rid="a", rtx=False), camera(0, rid="b", rtx=False))
    for ssrc in (5, 6, 7):
        alice.send(vp8(ssrc, 1, key=True, elements={MID_ID: b"0", RID_ID: b"a"}))
    assert [stream.ssrc for stream in layers.streams] == [5]
    assert room.worker.counters()["held"] == 2


# -- R7: RTX


def loops() -> list[tuple[str, list[tuple[int, int]]]]:
    return [("itself", [(97, 97)]), ("each other", [(97, 98), (98, 97)]), ("of RTX", [(97, 96), (98, 97)])]


@pytest.mark.parametrize("apts", [apts for _, apts in loops()], ids=[name for name, _ in loops()])
def test_r7_apt_that_leads_to_no_media_codec_is_refused(room, apts):
    parameters = copy.deepcopy(producer_parameters(camera()))
    template = parameters["codecs"].pop(1)
    parameters["codecs"] += [
        template | {"payloadType": number, "parameters": {"apt": apt}} for number, apt in apts
    ]
    with pytest.raises(InvalidParameters, match="RTX PT"):
        room.join().transport.produce("video", parameters, now=room.now)


def test_r7_rtx_of_the_unknown_of_rtx_and_of_nothing_is_dropped(call):
    for number in range(2, 8):
        call.alice.send(vp8(CAMERA, number))
    before = call.got(call.video)
    repaired = rtx(REPAIRS, 1, vp8(CAMERA, 3))
    call.alice.send(
        repaired,
        rtx(REPAIRS, 2, rtx(REPAIRS, 3, vp8(CAMERA, 4))),
        rtx(REPAIRS, 3, vp8(CAMERA, 30_000)),
        rtp(REPAIRS, 4, payload_type=97, payload=b"\0"),
        rtx(REPAIRS, 5, vp8(CAMERA, 3), payload_type=96),
    )
    assert call.got(call.video) == before
    assert sum(call.drops().values()) == 5
    call.still_works()


# -- R8: jumps


JUMPS = [1 << 15, (1 << 15) - 1, (1 << 16) - 1, -1, -2, 3001, 60_000, -2000]


@pytest.mark.parametrize("times", [1, (1 << 31), (1 << 32) - 1, 12345])
@pytest.mark.parametrize("jump", JUMPS)
def test_r8_a_jump_of_number_and_time_leaves_what_goes_out_in_one_row(call, jump, times):
    sent = 20
    call.alice.send(*(vp8(CAMERA, number, timestamp=number * 3000) for number in range(2, sent)))
    for number in range(sent, 2 * sent):
        try:
            call.alice.send(
                vp8(CAMERA, number + jump, timestamp=number * 3000 + times, key=number % 3 == 0),
            )
        except Exception as error:  # so far back that the sender's own SRTP refuses
            assert "too old" in str(error)
        call.room.wait(milliseconds(30))
    numbers = [one.sequence_number for one in call.bob.rtp if one.ssrc == call.video.ssrc]
    assert len(set(numbers)) == len(numbers) >= sent - 1
    spread = max(numbers) - min(numbers)
    assert spread <= 2 * sent + 3, "a jump of the source went through"
    call.room.wait(2 * SECOND)
    assert all(abs(one.packets_lost) <= 1 << 16 for one in blocks(call.alice))


def blocks(member: Member) -> list[ReportBlock]:
    return [block for report in member.told(ReceiverReport) for block in report.reports]


def test_r8_one_packet_from_nowhere_moves_nothing(call):
    call.alice.send(vp8(CAMERA, 2), vp8(CAMERA, 40_000, key=True), vp8(CAMERA, 3))
    numbers = [one.sequence_number for one in call.bob.rtp if one.ssrc == call.video.ssrc]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert call.drops() == {"sequence_jump": 1}


# -- R9: header extensions


@pytest.mark.parametrize("entry", sorted(corpus_of("rtp")))
def test_r9_odd_extensions_are_left_out_and_the_packet_goes_on(call, entry):
    odd = RtpPacket(96, 2, 3000, CAMERA, payload=vp8(CAMERA, 2).payload)
    try:
        found = RtpPacket.parse(corpus_of("rtp")[entry])
    except Exception:
        return  # no packet at all: R1
    if len(found.extension) > 1000:
        found.extension = found.extension[:1000]
    odd.extension_profile, odd.extension = found.extension_profile, found.extension
    call.alice.send(odd)
    assert call.got(call.video) == 2
    assert call.bob.rtp[-1].payload == odd.payload
    assert call.drops() == {}


@pytest.mark.parametrize(
    "elements",
    [
        {MID_ID: b"m" * 255},
        {MID_ID: b"0" * 33},
        {MID_ID: b"\xff\xfe"},
        {MID_ID: b""},
        {MID_ID: b"0\0"},
        {RID_ID: b"a/b"},
        {RID_ID: b"a\0"},
        {RID_ID: b"<lo>"},
        {RID_ID: b"l" * 17},
        {MID_ID: b"0", RID_ID: b"../lo"},
    ],
)
def test_r9_names_that_are_none_claim_nothing(room, elements):
    alice = room.join()
    layers = alice.produce(camera(0, rid="lo", rtx=False), camera(0, rid="hi", rtx=False))
    alice.send(vp8(9, 1, key=True, elements=elements))
    assert layers.streams == []
    assert room.worker.counters()["held"] == 1


# -- R10: large packets


def test_r10_every_size_up_to_1500_bytes_goes_through_and_is_repaired_and_above_is_counted(call):
    call.alice.send(vp8(CAMERA, 2, size=1345, timestamp=1))
    sizes = range(1345, 1489)  # of payloads: 1357 to 1500 bytes with the header
    for number, size in enumerate(sizes, 3):
        call.alice.send(vp8(CAMERA, number, size=size))
        call.room.wait(milliseconds(5))
    assert call.got(call.video) == len(sizes) + 2
    call.alice.send(vp8(CAMERA, 200, size=1489), vp8(CAMERA, 201, size=1700))
    assert call.drops() == {"rtp_too_big": 2}
    largest = call.bob.rtp[-1]
    call.bob.send_rtcp(Nack(1, call.video.ssrc, (largest.sequence_number,)))
    call.room.wait(SECOND)
    repair = next(one for one in reversed(call.bob.rtp) if one.ssrc == call.video.rtx_ssrc)
    assert unwrap_payload(repair.payload) == (largest.sequence_number, largest.payload)


# -- R12: NACK


@pytest.mark.parametrize("every_ms", [1, 10])
@pytest.mark.parametrize("with_rtx", [True, False])
def test_r12_repairs_are_a_quarter_of_the_stream_at_most_whatever_is_asked(room, with_rtx, every_ms):
    call = Call(room, rtx_for_bob=with_rtx)
    first = next(one.sequence_number for one in call.bob.rtp if one.ssrc == call.video.ssrc)
    assert (call.video.rtx_ssrc is not None) == with_rtx
    arrived: list[bytes] = []

    def read(datagrams: Any) -> list[RtpPacket]:
        # As they are: a repair without RTX is the same bytes again, which SRTP takes for a replay.
        arrived.extend(data for data, path in datagrams if path == call.bob.peer.path)
        return []

    call.bob.peer.read = read  # type: ignore[method-assign]
    newest = 0
    for tick in range(4000):
        if tick % 5 == 0:
            newest = tick // 5 + 2
            call.alice.send(vp8(CAMERA, newest, timestamp=newest * 450, size=1000))
        if tick % every_ms == 0:
            # 300 numbers, the newest ones among them: all bits set.
            low = first + 1 + max(newest - 300, 0)
            call.bob.send_rtcp(Nack(1, call.video.ssrc, tuple((low + i) & 0xFFFF for i in range(300))))
        room.wait(milliseconds(1))
    room.wait(SECOND)
    media: dict[bytes, int] = {}
    repairs = 0
    for data in arrived:
        ssrc = peek_ssrc(data) if classify(data) is Kind.RTP else None
        if ssrc == call.video.ssrc and data not in media:
            media[data] = len(data)
        elif ssrc in (call.video.ssrc, call.video.rtx_ssrc):
            repairs += len(data)
    assert len(media) == 800, "repairs took the place of the stream"
    assert 20 * 1000 < repairs <= sum(media.values()) * 0.25 + 64_000  # what may be saved up, once


def test_r12_what_was_never_sent_is_not_resent(call):
    last = call.bob.rtp[0].sequence_number
    never = [last + 1 + step * 37 & 0xFFFF for step in range(1700)]
    for start in range(0, len(never), 300):
        call.bob.send_rtcp(Nack(1, call.video.ssrc, tuple(never[start : start + 300])))
    assert len(call.bob.rtp) == 2
    assert call.video.get_stats(now=call.room.now)[0]["nackCount"] == 6


# -- R13: key frames


def requests(member: Member) -> list[tuple[int, int]]:
    found = []
    for at, one in member.rtcp:
        if isinstance(one, PictureLossIndication):
            found.append((at, one.media_ssrc))
        elif isinstance(one, FullIntraRequest):
            found += [(at, entry.ssrc) for entry in one.entries]
    return found


@pytest.mark.parametrize("answers", [True, False])
def test_r13_fifty_consumers_that_do_what_they_can_cost_two_key_frames_a_second_at_most(room, answers):
    """PLI, FIR, pausing, resuming, closing, joining, losing their network: for each stream of a simulcast."""
    chance = random.Random(4)
    alice = room.join()
    producer = alice.produce(camera(0, rid="lo", rtx=False), camera(0, rid="hi", rtx=False))
    ssrcs, number = {b"lo": 0x51, b"hi": 0x52}, 1
    viewers = [room.join() for _ in range(50)]
    consumers = [viewer.consume(producer) for viewer in viewers]

    def send(key: bool) -> None:
        nonlocal number
        number += 1
        for rid, ssrc in ssrcs.items():
            elements = {MID_ID: b"0", RID_ID: rid}
            alice.send(vp8(ssrc, number, key=key, timestamp=number * 3000, elements=elements))

    answered = 0
    for tick in range(400):
        for _ in range(5):
            place = chance.randrange(50)
            viewer, consumer = viewers[place], consumers[place]
            match chance.randrange(9):
                case 0 | 1:
                    viewer.send_rtcp(*[PictureLossIndication(1, consumer.ssrc)] * 10)
                case 2 | 3:
                    entries = (FirEntry(consumer.ssrc, tick & 0xFF),)
                    viewer.send_rtcp(FullIntraRequest(1, 0, entries * 40))
                case 4:
                    consumer.pause(now=room.now)
                    consumer.resume(now=room.now)
                case 5:
                    consumer.set_preferred_layers({"spatialLayer": chance.randrange(2)}, now=room.now)
                case 6:
                    consumer.close(now=room.now)
                    consumers[place] = viewer.consume(producer)
                case 7:
                    consumer.request_key_frame(now=room.now)
                case 8:
                    viewer.peer.path = (0, (viewer.peer.path[1][0], 1024 + chance.randrange(60_000)))
                    viewer.check()
            room.settle()
        asked = len(requests(alice))
        send(key=tick == 0 or (answers and asked > answered))
        answered = asked
        room.wait(milliseconds(15))
    times: dict[int, list[int]] = {}
    for at, ssrc in requests(alice):
        times.setdefault(ssrc, []).append(at)
    assert set(times) == set(ssrcs.values())
    for at in times.values():
        assert len(at) >= 5
        assert all(later - earlier >= SECOND for earlier, later in zip(at, at[2:], strict=False))


def test_r13_a_fir_of_180_entries_counts_for_ones_own_stream_alone(call):
    call.room.wait(10 * SECOND)
    call.alice.rtcp.clear()
    own = FirEntry(call.video.ssrc, 7)
    foreign = [FirEntry(ssrc, 7) for ssrc in (CAMERA, REPAIRS, call.sound.ssrc, call.video.rtx_ssrc)]
    strangers = [FirEntry(ssrc, 7) for ssrc in range(175)]
    call.bob.send_rtcp(FullIntraRequest(1, 0, (*foreign, *strangers)))
    assert requests(call.alice) == []
    call.bob.send_rtcp(FullIntraRequest(1, 0, (*foreign, *strangers, own)))
    assert [ssrc for _, ssrc in requests(call.alice)] == [CAMERA]
    assert call.video.fir_count == 1


# -- R15, R16: reports


@pytest.mark.parametrize(
    "body",
    [
        b"REMB\xff\x03\xff\xff" + bytes(8),  # 255 SSRCs, two of which are there
        b"REMB\x01\xff\xff\xff" + bytes(4),  # 2^18 - 1 times 2^63
        b"REMB\x00\xff",
        b"REMB",
    ],
)
def test_r15_a_remb_that_does_not_add_up_is_ignored(call, body):
    body += bytes(-len(body) % 4)
    call.bob.send_rtcp(ReceiverEstimatedMaxBitrate(1, 0, 500_000, (1,)))
    whole = struct.pack("!II", 1, 0) + body
    call.room.arrive(call.bob.peer.send_raw_rtcp(struct.pack("!BBH", 0x8F, 206, len(whole) // 4) + whole))
    [stat] = call.bob.transport.get_stats(now=call.room.now)
    assert stat["availableOutgoingBitrate"] == 540_000  # with the allowance for a link without loss
    assert call.drops() == {"rtcp_malformed": 1}


def test_r16_forty_feedbacks_about_65535_packets_each_in_one_datagram_are_the_work_of_two(call):
    feedback = corpus_of("rtcp")["feedback-about-65535-in-nine-runs.bin"]
    body = feedback * (1400 // len(feedback))
    packets, malformed = parse_compound(body)
    assert len(packets) == 1
    assert malformed is not None
    call.room.arrive(call.bob.peer.send_raw_rtcp(body))
    assert call.drops() == {"rtcp_malformed": 1}
    call.still_works()


@pytest.mark.parametrize("value", [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_r16_no_report_makes_a_number_absurd(call, value):
    signed = value - (1 << 32) if value >> 31 else value
    lost = max(min(signed, (1 << 23) - 1), -(1 << 23))
    block = ReportBlock(call.video.ssrc, value & 0xFF, lost, value, value, value, value)
    call.bob.send_rtcp(ReceiverReport(1, (block,) * 31))
    call.room.wait(3 * SECOND)
    [stat, *_] = call.video.get_stats(now=call.room.now)
    assert 0 <= stat.get("roundTripTime", 0) <= 10_000
    assert 0 <= call.video.score["score"] <= 10
    call.still_works()


# -- R17, R18: at the wrong time, in the wrong place, of the wrong type


def test_r17_media_before_the_handshake_is_dropped_with_its_reason(room):
    alice = room.join(connected=False)
    alice.check()
    alice.send(vp8(CAMERA, 1, key=True))
    alice.send_rtcp(ReceiverReport(1))
    assert room.worker.counters()["drops"] == {"rtcp_before_keys": 1, "rtp_before_keys": 1}


def test_r17_media_from_a_tuple_that_ice_did_not_prove_is_dropped_with_its_reason(call):
    data, _ = call.alice.peer.send(vp8(CAMERA, 2))
    call.room.arrive((data, (0, ("203.0.113.77", 1))), (data, (1, call.alice.peer.path[1])))
    assert call.drops() == {"rtp_unvalidated_tuple": 2}
    call.room.arrive((data, call.alice.peer.path))
    assert call.got(call.video) == 2


def test_r17_media_on_a_transport_that_only_receives_is_held_and_then_dropped(call):
    call.bob.send(*(vp8(0x77, number, key=True) for number in range(1, 200)))
    counters = call.room.worker.counters()
    assert (counters["held"], counters["drops"]) == (64, {"unknown_ssrc": 135})
    call.bob.transport.close(now=call.room.now)
    assert call.room.worker.counters()["drops"]["unknown_ssrc"] == 199


def test_r17_media_of_a_closed_or_paused_producer_goes_nowhere(call):
    call.camera.pause(now=call.room.now)
    call.alice.send(vp8(CAMERA, 2, key=True))
    assert call.drops() == {"producer_paused": 1}
    call.camera.close(now=call.room.now)
    call.alice.send(*(vp8(CAMERA, number, key=True) for number in range(3, 103)))
    assert call.drops()["unknown_ssrc"] == 100 - 64
    assert call.got(call.video) == 1


@pytest.mark.parametrize("payload_type", [0, 34, 63, 64, 70, 95, 98, 100, 127])
def test_r18_a_payload_type_that_is_not_negotiated_is_dropped(call, payload_type):
    call.alice.send(vp8(CAMERA, 2), rtp(CAMERA, 3, payload_type=payload_type, payload=vp8(CAMERA, 3).payload))
    assert call.got(call.video) == 2
    assert call.drops() == {"unknown_payload_type": 1}
    call.still_works()


@pytest.mark.parametrize("payload_type", [64, 72, 76, 95])
def test_r18_with_the_marker_types_64_to_95_are_rtcp_and_fail_as_such(call, payload_type):
    call.alice.send(rtp(CAMERA, 2, payload_type=payload_type, marker=True, payload=bytes(40)))
    assert call.drops() == {"srtcp_auth_fail": 1}
    assert call.room.worker.counters()["rtcp"] == 1
    call.still_works()


# -- R19: junk


def test_r19_a_hundred_thousand_datagrams_of_junk_do_not_touch_the_call(call):
    chance = random.Random(1)
    stranger = (0, ("203.0.113.99", 9))
    firsts = bytes(range(256))
    junk = [
        (bytes((firsts[chance.randrange(256)],)) + chance.randbytes(chance.randrange(60)), path)
        for path in (stranger, call.alice.peer.path)
        for _ in range(500)
    ]
    started = time.thread_time()
    before = call.got(call.video)
    for turn in range(100):
        call.room.worker.receive(junk, call.room.now)
        call.alice.send(vp8(CAMERA, turn + 2, timestamp=turn * 3000))
        call.room.wait(milliseconds(10))
    assert call.got(call.video) == before + 100
    totals = call.room.worker._context.plane.counters()
    assert totals.datagrams > 100_000
    found = totals.stun + totals.dtls + totals.rtcp + totals.rtp + totals.held + sum(totals.drops.values())
    assert totals.datagrams == found
    assert time.thread_time() - started < 20, "more than 0.2 ms for a datagram of junk"


# -- R20: descriptors


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("mime_type", ["video/VP8", "video/VP9", "video/H264", "video/AV1"])
def test_r20_payloads_that_are_cut_or_lie_are_no_key_frame_or_go_on_as_they_are(plane, mime_type):
    stage = Stage(plane)
    alice, bob = stage.join(), stage.join()
    stage.camera(0, 1, CAMERA, mime_type=mime_type)
    stage.screen(1, 1, 0xBB, 1, mime_type=mime_type)
    faults = [data[1:] for data in corpus_of("payloads").values()]
    payloads = [payload[:size] for payload in faults for size in range(1, min(len(payload), 12) + 1)]
    for number, payload in enumerate(payloads, 1):
        stage.send(alice, rtp(CAMERA, number, payload_type=96, payload=payload))
    stage.assert_reconciled()
    totals = stage.plane.receive_counters(ReceiveStreamId(1))
    assert totals.packets == len(payloads) > 200
    forwarded = bob.read(stage.sent)
    assert {one.payload_type for one in forwarded} <= {ROUTER_VP8}
    # VP8's counters are rewritten after a change of source only: there was none.
    assert {one.payload for one in forwarded} <= set(payloads)
