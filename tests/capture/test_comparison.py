"""What counts as the same, and how differences are told."""

import pytest

from rtpfwd.capture.comparison import Comparer, first_difference
from rtpfwd.wire.rtp import RtpPacket


def packet(number: int, payload: bytes = b"x" * 40, ssrc: int = 1, timestamp: int = 0) -> bytes:
    return RtpPacket(
        payload_type=96, sequence_number=number & 0xFFFF, timestamp=timestamp, ssrc=ssrc, payload=payload
    ).serialize()


def compared(recorded: list[bytes], produced: list[bytes], late: bool = False, complete: bool = True):
    comparer = Comparer()
    if late:
        comparer.set_late(1)
    for one in produced:
        comparer.produced("here", one)
    for number, one in enumerate(recorded, 1):
        comparer.recorded("here", one, number)
    return comparer.finish(complete=complete)


TEN = [packet(number, bytes([number]) * 40) for number in range(10)]


def test_the_same_is_equal():
    result = compared(TEN, TEN)
    assert (result.same, result.equal, result.differences) == (10, True, [])


@pytest.mark.parametrize(
    ("recorded", "produced", "counts"),
    [
        (TEN, TEN[:4] + TEN[5:], (9, 0, 1, 0)),
        (TEN[:4] + TEN[5:], TEN, (9, 0, 0, 1)),
        (TEN, [*TEN[:4], packet(4, b"other"), *TEN[5:]], (9, 1, 0, 0)),
        (TEN[:5], TEN, (5, 0, 0, 5)),
        (TEN, [], (0, 0, 10, 0)),
    ],
)
def test_what_differs_is_counted_once(recorded, produced, counts):
    result = compared(recorded, produced)
    assert (result.same, result.changed, result.missing, result.extra) == counts
    assert not result.equal
    assert "SSRC 0x00000001" in str(result.differences[0])


def test_what_a_file_that_breaks_off_does_not_have_is_no_difference():
    assert compared(TEN[:5], TEN, complete=False).equal


def test_a_late_stream_may_begin_at_another_number_and_no_more():
    there = [packet(100 + number, bytes([number]) * 40, timestamp=5000 + number) for number in range(10)]
    here = [packet(number, bytes([number]) * 40, timestamp=number) for number in range(10)]
    result = compared(there, here[3:], late=True)
    assert (result.unaligned, result.aligned, result.equal) == (3, 7, True)
    here[6] = packet(7, bytes([6]) * 40, timestamp=6)
    assert not compared(there, here, late=True).equal


def test_a_difference_is_named():
    assert "number differs" in first_difference(packet(1), packet(2))
    assert "SSRC" in first_difference(packet(1, ssrc=1), packet(1, ssrc=2))
    assert "timestamp" in first_difference(packet(1), packet(1, timestamp=1))
    assert "payload differs: byte 12" in first_difference(packet(1, b"ab"), packet(1, b"bb"))
    assert "bytes recorded" in first_difference(packet(1, b"a"), packet(1, b"ab"))
