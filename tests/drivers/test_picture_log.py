"""Which pictures a decoder could show."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant
from rtpfwd.drivers.picture_log import PACKETS_KEPT, PictureLog
from rtpfwd.wire.payloads.vp8 import Vp8Descriptor

KEY = Vp8Descriptor(is_keyframe=True)
DELTA = Vp8Descriptor()


def add(log: PictureLog, *sequences: int, keys: tuple[int, ...] = (0,), at: int = 0) -> None:
    """Pictures of three packets each; those that start at a number in ``keys`` are key frames."""
    for sequence in sequences:
        log.add(sequence, KEY if sequence in keys else DELTA, sequence % 3 == 2, Instant(at or sequence))


def test_whole_pictures_are_shown_when_their_last_packet_comes():
    log = PictureLog()
    add(log, *range(9))
    assert log.shown_at == [2, 5, 8]
    assert log.key_pictures == 1
    assert log.longest_freeze_us == 3


def test_nothing_is_shown_before_a_key_frame():
    log = PictureLog()
    add(log, *range(9), keys=(3,))
    assert log.shown_at == [5, 8]


def test_a_hole_holds_up_all_that_follows_until_it_is_filled():
    log = PictureLog()
    add(log, 0, 1, 2, 3, 5, 6, 7, 8)
    assert log.shown_at == [2]
    add(log, 4, at=20)
    assert log.shown_at == [2, 20, 20]


def test_a_later_key_frame_ends_the_wait():
    log = PictureLog()
    add(log, 0, 1, 2, 3, 5, 9, 10, 11, 12, 13, 14, keys=(0, 9))
    assert log.shown_at == [2, 11, 14]
    add(log, 4, 6, 7, 8)
    assert len(log.shown_at) == 3, "the past is past"


def test_a_stream_that_never_gets_its_key_frame_keeps_a_bounded_memory():
    log = PictureLog()
    add(log, *range(3 * PACKETS_KEPT), keys=())
    assert log.shown_at == []
    assert len(log._waiting) <= PACKETS_KEPT


@given(st.permutations(list(range(30))))
@settings(max_examples=100)
def test_in_whatever_order_packets_come_all_pictures_are_shown_once(order):
    log = PictureLog()
    for step, sequence in enumerate(order):
        add(log, sequence, at=step + 1)
    assert len(log.shown_at) == 10
    assert log.shown_at == sorted(log.shown_at)
