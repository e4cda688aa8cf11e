"""What is a gap for a decoder, and what is none."""

from pathlib import Path

import pytest

from rtpfwd.clock import Instant
from rtpfwd.drivers.played_capture import SentPacket
from rtpfwd.testing.gaps import assert_no_gaps, find_gaps
from rtpfwd.wire.rtp import RtpPacket

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CLEAN = sorted(one for one in PCAPS.glob("*.pcapng") if "loss" not in one.stem)


def audio(*numbers: int) -> list[SentPacket]:
    return [
        SentPacket(Instant(0), ("h", 1), RtpPacket(100, one & 0xFFFF, 0, 7, payload=b"x").serialize())
        for one in numbers
    ]


def vp8(number: int, picture: int, base: int, layer: int = 0) -> SentPacket:
    payload = bytes((0x90, 0xE0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, base & 0xFF, layer << 6, 1))
    packet = RtpPacket(100, number & 0xFFFF, 0, 7, payload=payload).serialize()
    return SentPacket(Instant(0), ("h", 1), packet, "video/VP8")


@pytest.mark.parametrize("file", CLEAN, ids=lambda one: one.stem)
def test_recordings_of_clean_links_have_no_gap(file, replay):
    for consumer in replay(file).consumers:
        assert_no_gaps(consumer.packets)


def test_losses_upstream_that_nobody_repaired_are_gaps(replay):
    found = find_gaps(replay(PCAPS / "opus-loss.pcapng").consumer().packets)
    assert len(found) > 10
    assert {one.what for one in found} == {"sequence number"}


def test_a_missing_number_is_named_and_order_repeats_and_wraps_are_fine():
    assert find_gaps(audio(65534, 65535, 65536, 65538, 65537, 65535, 65539)) == []
    [gap] = find_gaps(audio(65534, 65535, 65537))
    assert str(gap) == "SSRC 0x00000007: sequence number goes from 131071 to 131073 at sequence number 1"
    with pytest.raises(AssertionError, match="1 gaps:\nSSRC"):
        assert_no_gaps(audio(1, 3))


def test_nothing_at_all_is_not_whole():
    with pytest.raises(AssertionError, match="no packets"):
        assert_no_gaps([])


def test_pictures_go_on_by_one_over_the_wrap():
    packets = [
        vp8(1, 32766, 254), vp8(2, 32766, 254), vp8(3, 32767, 254, 1), vp8(4, 0, 255), vp8(5, 1, 0),
        vp8(6, 2, 0, 2),
    ]  # fmt: skip
    assert find_gaps(packets) == []
    assert [one.what for one in find_gaps([vp8(1, 5, 1), vp8(2, 7, 2)])] == ["picture id"]
    assert [one.what for one in find_gaps([vp8(1, 5, 1), vp8(2, 6, 3)])] == ["TL0PICIDX"]
    assert [one.what for one in find_gaps([vp8(1, 5, 1), vp8(2, 6, 1)])] == ["TL0PICIDX"]
    assert [one.what for one in find_gaps([vp8(1, 5, 1), vp8(2, 6, 2, 1)])] == ["TL0PICIDX"]


def test_streams_are_judged_each_by_itself():
    one, two = audio(5, 6), audio(900, 901)
    other = [
        SentPacket(each.at, each.destination, each.data[:8] + b"\0\0\0\x09" + each.data[12:]) for each in two
    ]
    assert find_gaps([one[0], other[0], one[1], other[1]]) == []
