import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import ntp_middle, us_to_ntp_short
from rtpfwd.inspection.codecs import Confidence
from rtpfwd.inspection.description import parse_description
from rtpfwd.inspection.inspector import MAX_CANDIDATES, Inspector
from rtpfwd.inspection.report import CaptureFacts, make_report
from rtpfwd.wire.captures.items import CapturedDatagram
from rtpfwd.wire.captures.reader import CaptureReader
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR, serialize_elements
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    FrameTemplate,
    Indication,
    serialize_dependency_descriptor,
)
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import ReceiverReport, ReportBlock, SdesChunk, SenderReport, SourceDescription
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket
from tests.inspection.calls import ALICE, BOB, START_US, back, camera, inspect, repair, voice


def test_a_voice_exactly_on_time():
    _, [stream] = inspect(voice(100))
    assert (stream.codec.mime_type, stream.codec.confidence) == ("audio/opus", Confidence.LIKELY)
    assert (stream.packets, stream.bytes, stream.payload_bytes) == (100, 100 * 52, 100 * 40)
    assert (stream.reception.lost, stream.reception.duplicates) == (0, 0)
    assert (stream.first_us, stream.last_us) == (START_US, START_US + 99 * 20_000)
    assert stream.jitter is not None
    assert stream.jitter.value_ms == pytest.approx(0, abs=1e-9)
    assert stream.peak.peak == 50 * 52
    assert stream.mean_bps == pytest.approx(100 * 52 * 8 / 1.98)


def test_loss_and_duplicates_are_counted_each_for_itself():
    packets = voice(200)
    _, [stream] = inspect([*packets[:50], *packets[53:120], packets[60], packets[61], *packets[121:]])
    assert (stream.packets, stream.reception.lost, stream.reception.duplicates) == (198, 4, 2)
    assert [value for _, value in stream.lost_series.points()] == [3, 1]


def test_a_camera_has_frames_key_frames_layers_and_a_size():
    _, [stream] = inspect(camera(100))
    pictures = stream.pictures
    assert pictures is not None
    assert (stream.codec.mime_type, stream.codec.confidence) == ("video/VP8", Confidence.LIKELY)
    assert (pictures.frames, pictures.key_frames) == (100, 4)
    assert pictures.resolutions == [(START_US, (640, 480))]
    assert pictures.layers == {(0, 0): (150, 150 * 512), (0, 1): (150, 150 * 512)}


def test_retransmissions_are_inferred_and_name_what_they_repeat():
    packets = camera(100)
    lost = packets[::10]
    kept = [packet for packet in packets if packet not in lost]
    for arrived in (packets, kept):  # with the originals in the capture, and without
        _, streams = inspect([*arrived, *(repair(packet, 7 + n) for n, packet in enumerate(lost))])
        rtx = next(stream for stream in streams if stream.key.ssrc == 3)
        assert (rtx.codec.mime_type, rtx.repairs, rtx.pictures) == ("video/rtx", 2, None)


def test_noise_is_no_stream():
    chance = random.Random("noise")
    noise = [
        (number * 1000, ALICE, BOB, b"\x80" + chance.randbytes(40)) for number in range(2 * MAX_CANDIDATES)
    ]
    inspector, streams = inspect([*voice(10), *noise])
    assert [stream.key.ssrc for stream in streams] == [1]
    kept = inspector.datagrams["rtp"]
    assert inspector.noise == kept - 10


def test_two_packets_that_agree_are_a_stream_and_one_is_none():
    inspector, streams = inspect([*voice(2, ssrc=5), *voice(1, ssrc=6)])
    assert [(stream.key.ssrc, stream.packets) for stream in streams] == [(5, 2)]
    assert inspector.noise == 1


def test_a_described_ssrc_needs_only_one_packet():
    description = parse_description('[[stream]]\nssrc = 6\ncodec = "opus"\nname = "Bob"')
    _, [stream] = inspect(voice(1, ssrc=6), description)
    assert (stream.name, stream.codec.mime_type, stream.codec.confidence) == (
        "Bob", "audio/opus", Confidence.GIVEN,
    )  # fmt: skip


def test_the_same_ssrc_over_other_addresses_is_another_stream():
    there = voice(10)
    _, streams = inspect([*there, *(back(time_us + 5, data) for time_us, _, _, data in there)])
    assert [(stream.packets, stream.reception.duplicates) for stream in streams] == [(10, 0), (10, 0)]


def test_a_new_numbering_is_not_a_loss_and_does_not_jerk_the_jitter():
    later = [(t + 200_000, a, b, d) for t, a, b, d in voice(10, first=40_000, clock=48000)]
    _, [stream] = inspect([*voice(10), *later])
    assert (stream.reception.restarts, stream.reception.lost) == (1, 0)


def test_where_dtls_was_payloads_are_not_believed():
    hello = bytes.fromhex("16fefd0000000000000000000401020304")
    inspector, [stream] = inspect(
        [(0, BOB, ALICE, hello), *camera(30), back(5, bytes.fromhex("81c9000700000001") * 4)]
    )
    assert stream.protected
    assert (stream.codec.mime_type, stream.codec.clock_rate, stream.pictures) == (None, 90000, None)
    assert (inspector.control.encrypted, inspector.control.types) == (1, {})


def test_layers_of_a_dependency_descriptor_whose_id_is_described():
    layers = [(0, 0), (1, 0)]
    structure = DependencyStructure(
        0, 2, tuple(
            FrameTemplate(s, t, (Indication.SWITCH if s == 0 else Indication.NOT_PRESENT, Indication.SWITCH))
            for s, t in layers
        ), resolutions=((320, 180), (640, 360)),
    )  # fmt: skip
    packets = []
    for number in range(20):
        template = number % 2
        value = serialize_dependency_descriptor(
            DependencyDescriptor(
                True,
                True,
                template,
                number,
                structure.templates[template],
                structure if number == 0 else None,
            ),
            structure,
        )
        profile, block = serialize_elements({13: value})
        packet = RtpPacket(
            45, number, number // 2 * 3600, 9, template == 1, extension_profile=profile, extension=block,
            payload=b"\x10\x32" + bytes(50),
        )  # fmt: skip
        packets.append((number * 20_000, ALICE, BOB, packet.serialize()))
    text = f'[[stream]]\npayload_type = 45\ncodec = "AV1"\n[extensions]\n13 = "{DEPENDENCY_DESCRIPTOR}"'
    _, [stream] = inspect(packets, parse_description(text))
    assert stream.pictures is not None
    assert {layer: count for layer, (count, _) in stream.pictures.layers.items()} == {(0, 0): 10, (1, 0): 10}
    assert (stream.pictures.frames, stream.pictures.key_frames) == (10, 1)
    assert stream.pictures.resolutions == [(START_US, (640, 360))]


def test_rtcp_is_counted_by_type_and_read():
    ntp = 0xE000_0000_1234_5678
    block = ReportBlock(2, 64, 10, 500, 90, ntp_middle(ntp), us_to_ntp_short(300_000))
    reports = (
        SenderReport(2, ntp, 0, 1, 1).serialize()
        + SourceDescription((SdesChunk(2, ((1, b"alice"),)),)).serialize()
    )
    feedback = ReceiverReport(8, (block,)).serialize() + Nack(8, 2, (5, 6, 90)).serialize()
    feedback += (
        PictureLossIndication(8, 2).serialize() + FullIntraRequest(8, 0, (FirEntry(2, 1),)).serialize()
    )
    feedback += ReceiverEstimatedMaxBitrate(8, 0, 500_000, (2,)).serialize()
    feedback += TransportFeedback(8, 2, 0, 0, 0, (0, None, 4)).serialize()
    inspector, _ = inspect([(0, ALICE, BOB, reports), back(340_000, feedback)])
    control = inspector.control
    assert control.types == dict.fromkeys(
        ("sr", "sdes", "rr", "nack", "pli", "fir", "remb", "transport_cc"), 1
    )
    assert control.round_trips[8].mean == pytest.approx(40, abs=0.02)
    about = control.feedback[2]
    assert (about.nacks, about.nacked_packets, about.plis, about.firs) == (1, 3, 1, 1)
    assert (about.fraction_lost_max, about.reported_lost) == (0.25, 10)
    assert control.estimates[8].largest == pytest.approx(500_000, rel=1e-4)
    assert (control.transport_reported, control.transport_lost) == (3, 1)
    assert control.cnames == {2: "alice"}


def test_encrypted_rtcp_is_not_believed():
    secret = ReceiverReport(8, (ReportBlock(2, 0, 0, 0, 0, 0, 0),)).serialize() + b"\x80\0\0\1" + bytes(10)
    inspector, _ = inspect([back(0, secret)])
    assert (inspector.control.encrypted, inspector.control.types) == (1, {})


def test_cut_packets_count_with_their_full_size():
    inspector = Inspector(parse_description(""))
    for number, (time_us, source, destination, data) in enumerate(camera(10, per_frame=1)):
        padded = bytes((data[0] | 0x20,)) + data[1:]  # its padding's length would be in what is cut
        inspector.add(
            CapturedDatagram(number, time_us, padded[:60], source, destination, missing=len(data) - 60)
        )
    [stream] = inspector.finish()
    assert (stream.packets, stream.bytes) == (10, 10 * 512)


def test_the_report_is_json_with_the_promised_names():
    inspector, _ = inspect([])
    for number, (time_us, source, destination, data) in enumerate(voice(100)):
        inspector.add(CapturedDatagram(number, time_us, data, source, destination))
    document = make_report(CaptureFacts("x"), CaptureReader(), inspector).to_json()
    (stream,) = document["streams"]
    assert {
        "ssrc", "payload_type", "codec", "packets", "bytes", "lost", "duplicates", "jitter_ms", "first_us",
        "last_us",
    } <= stream.keys()  # fmt: skip
    assert document["rtcp"] == {}
    assert (stream["ssrc"], stream["payload_type"], stream["codec"]) == (1, 111, "audio/opus")


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1 << 40),
            st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x80\x60\0\1" + tail),
            st.integers(0, 9),
        ),
        max_size=30,
    )
)
def test_any_datagrams_are_counted_and_nothing_is_raised(datagrams):
    inspector = Inspector(parse_description(""))
    for number, (time_us, data, missing) in enumerate(datagrams):
        inspector.add(CapturedDatagram(number, time_us, data, ALICE, BOB, missing=missing))
    streams = inspector.finish()
    assert sum(inspector.datagrams.values()) == len(datagrams)
    assert sum(stream.packets for stream in streams) + inspector.noise == inspector.datagrams["rtp"]


def peak_memory(packets: int) -> int:
    inspector = Inspector(parse_description(""))
    payload = b"\xf8" + bytes(900)
    tracemalloc.start()
    for number in range(packets):
        packet = RtpPacket(111, number & 0xFFFF, number * 960 & 0xFFFF_FFFF, 1, payload=payload)
        inspector.add(CapturedDatagram(number, number * 20_000, packet.serialize(), ALICE, BOB))
    inspector.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_length_of_a_stream():
    short, long = peak_memory(3_000), peak_memory(6_000)
    assert long < 1.4 * short
