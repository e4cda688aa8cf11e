"""Shrinking: what is needed stays, all else goes, and what nobody asked is not claimed."""

from pathlib import Path

import pytest

from rtpfwd.capture.minimise import minimise
from rtpfwd.drivers.played_capture import play_capture
from rtpfwd.drivers.recordings import read_items
from rtpfwd.errors import InvalidParameters, RtpfwdError
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, Record
from tests.inspection.calls import START_US

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def packets(count: int) -> list[CaptureItem]:
    return [
        CapturedDatagram(
            number, START_US + number, bytes((128, 96)) + number.to_bytes(2) + bytes(8), ("h", 1), ("h", 2)
        )
        for number in range(count)
    ]


def numbers(items) -> list[int]:
    return [one.number for one in items if isinstance(one, CapturedDatagram)]


@pytest.mark.parametrize("needed", [{0}, {99}, {17, 18}, {3, 50, 98}])
def test_exactly_the_packets_that_are_needed_stay(needed):
    found = minimise(packets(100), lambda items: needed <= set(numbers(items)))
    assert set(numbers(found.items)) == needed
    assert (found.packets, found.finished) == ((100, len(needed)), True)
    assert found.tries < 100


def test_a_check_that_passes_finds_nothing():
    with pytest.raises(InvalidParameters, match="passes"):
        minimise(packets(3), lambda items: False)


def test_it_stops_when_its_tries_are_used_up():
    found = minimise(packets(500), lambda items: len(numbers(items)) > 2, max_tries=7)
    assert (found.tries, found.finished) == (7, False)
    assert len(numbers(found.items)) > 2


def recorded(name: str) -> list[CaptureItem]:
    return list(read_items(PCAPS / f"{name}.pcapng"))


def test_a_packet_keeps_the_calls_that_bring_it_to_its_viewer():
    items = recorded("vp8-simulcast")
    wanted = play_capture(items).consumer().packets[100].rtp.payload

    def fails(part) -> bool:
        try:
            played = play_capture(part)
        except RtpfwdError:
            return False
        return not played.result.refused and any(one.rtp.payload == wanted for one in played.sent)

    found = minimise(items, fails)
    media = [one for one in found.items if isinstance(one, CapturedDatagram)]
    assert found.packets[0] > 1000 and len(media) <= 3
    assert all(one.direction is Direction.INBOUND for one in media)
    kinds = {one.kind for one in found.items if isinstance(one, Record)}
    assert {"start", "seam.add_transport", "seam.add_receive_stream", "seam.add_send_stream"} <= kinds
    assert "seam.set_source" in kinds and "seam.due_nacks" not in kinds
    assert found.calls[1] < 20 < found.calls[0]
    again = minimise(found.items, fails)
    assert again.items == found.items


def test_transports_and_streams_that_have_no_part_in_it_go_as_a_whole():
    items = recorded("screen")
    voice = next(one for one in play_capture(items).consumers if one.mime_type == "audio/opus")

    def fails(part) -> bool:
        try:
            played = play_capture(part)
            return len(played.consumer(voice.id).packets) >= 1 and not played.result.refused
        except RtpfwdError:
            return False

    found = minimise(items, fails)
    streams = [
        one.value for one in found.items if isinstance(one, Record) and one.kind == "seam.add_send_stream"
    ]
    assert [one[1]["mime_type"] for one in streams] == ["audio/opus"]
    assert found.packets[1] == 1
