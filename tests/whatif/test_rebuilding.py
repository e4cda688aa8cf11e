"""What a publisher sent, put together again from what arrived."""

from dataclasses import replace
from pathlib import Path

import pytest

from rtpfwd.capture.ingress import read_ingress
from rtpfwd.capture.rebuilding import rebuild
from rtpfwd.drivers.recordings import read_items
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import Record
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import wrap_payload

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def vp8(key: bool, picture: int) -> bytes:
    """A whole picture: X, picture id of 7 bits, then a frame header."""
    head = b"\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" if key else b"\x01\x00\x00"
    return b"\x90\x80" + bytes((picture & 0x7F,)) + head + bytes(20)


def media(number: int, at: int, *, payload: bytes | None = None, **more) -> tuple[int, bytes]:
    payload = vp8(number == 10, number) if payload is None else payload
    fields = {"payload_type": 96, "timestamp": number * 3000, "ssrc": 1, "marker": True} | more
    return at, RtpPacket(sequence_number=number & 0xFFFF, payload=payload, **fields).serialize()


def repair(number: int, at: int, payload: bytes | None = None) -> tuple[int, bytes]:
    body = wrap_payload(number & 0xFFFF, vp8(False, number) if payload is None else payload)
    return at, RtpPacket(97, 1, number * 3000, 2, marker=True, payload=body).serialize()


def of(arrived, repairs=()):
    return rebuild(
        arrived, list(repairs), frozenset((96,)), mime_type="video/VP8", clock_rate=90_000, extension_ids={}
    )


def test_a_packet_that_came_as_a_repair_goes_back_to_its_place():
    stream = of([media(10, 0), media(12, 66_000)], [repair(11, 120_000)])
    assert [one.number & 0xFFFF for one in stream.packets] == [10, 11, 12]
    assert [one.lost for one in stream.packets] == [False, True, False]
    assert stream.packets[1].at_us == 66_000  # it was gone when the next one came
    assert (stream.repaired, stream.never_came) == (1, 0)


def test_a_repair_of_what_came_by_itself_is_only_a_probe():
    stream = of([media(10, 0), media(11, 33_000)], [repair(10, 50_000), repair(11, 60_000)])
    assert [one.lost for one in stream.packets] == [False, False]


def test_a_hole_stays_and_padding_does_not():
    stream = of([media(10, 0), media(11, 1, payload=b"", padding=200), media(12, 33_000), media(14, 66_000)])
    first = stream.packets[0].number
    assert [one.number - first for one in stream.packets] == [0, 1, 3]
    assert stream.never_came == 1


def test_numbers_wrap_and_duplicates_count_once():
    stream = of([media(65_535, 0), media(65_535, 5), media(65_536, 33_000), media(65_537, 66_000)])
    first = stream.packets[0].number
    assert [one.number - first for one in stream.packets] == [0, 1, 2]


def test_key_frames_are_found_and_whole_ones_known():
    stream = of([media(10, 0), media(11, 33_000), media(13, 99_000)])
    assert [one.key for one in stream.pictures] == [True, False, False]
    assert [one.whole for one in stream.pictures] == [True, False, True]  # behind 11 something is missing


def test_broken_packets_are_left_out():
    assert len(of([(0, b"\x80" * 5), media(10, 1), (2, b"\x9f\x60" + bytes(10))]).packets) == 1
    assert not of([]).packets


@pytest.mark.parametrize("name", sorted(one.stem for one in PCAPS.glob("*.pcapng")))
def test_each_recording_of_ours_is_put_together(name):
    ingress = read_ingress(lambda: read_items(PCAPS / f"{name}.pcapng"), foreign=False)
    assert 4_000_000 < ingress.duration_us < 9_000_000
    for stream in ingress.streams:
        sent = stream.sent
        assert min(one.at_us for one in sent.packets) >= 0
        if stream.mime_type.startswith("video/"):
            assert any(one.key and one.whole for one in sent.pictures)
            assert sent.never_came <= 1
            if not name.endswith("-loss"):
                assert sent.repaired == sent.never_came == 0


def test_encodings_come_in_the_order_of_their_size():
    ingress = read_ingress(lambda: read_items(PCAPS / "vp8-simulcast.pcapng"), foreign=False)
    [streams] = ingress.producers().values()
    assert [one.rid for one in streams] == ["r0", "r1", "r2"]


def test_layers_are_seen():
    ingress = read_ingress(lambda: read_items(PCAPS / "vp9-l3t3-key.pcapng"), foreign=False)
    sent = ingress.streams[0].sent
    assert (sent.temporal_layers, sent.key_only) == (3, True)
    assert sent.spatial_layers > 1


def test_nothing_of_a_publisher_is_an_error():
    with pytest.raises(MalformedPacket, match="no publisher"):
        read_ingress(list, foreign=False)


def test_a_rid_that_is_no_text_is_none():
    def damaged():
        for item in read_items(PCAPS / "vp8-simulcast.pcapng"):
            if isinstance(item, Record) and item.kind == "name" and "rid" in (item.value or {}):
                item = replace(item, value=item.value | {"rid": 7})
            yield item

    streams = read_ingress(damaged, foreign=False).streams
    assert len(streams) > 1
    assert {one.rid for one in streams} == {None}
