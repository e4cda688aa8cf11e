"""Numbering, loss and jitter of what arrives: RFC 3550 appendix A, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import Drop, PlaneLimits, ReceiveStreamId, ReceiveStreamSpec, TransportId
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import MAX_DROPOUT, MAX_MISORDER, ReceiveStream
from rtpfwd.wire.header_extensions import (
    ABS_SEND_TIME,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    SSRC_AUDIO_LEVEL,
    TRANSPORT_CC,
)


def stream(mime_type: str = "video/VP8", *, use_nack: bool = True, clock_rate: int = 90_000) -> ReceiveStream:
    spec = ReceiveStreamSpec(
        transport=TransportId(1), ssrc=1, payload_types={96: 101}, rtx_ssrc=2, rtx_payload_types={97: 96},
        clock_rate=clock_rate, mime_type=mime_type, extension_ids={}, mapped_extension_ids={},
        use_nack=use_nack,
    )  # fmt: skip
    return ReceiveStream(ReceiveStreamId(1), spec, PlaneLimits())


def take(one: ReceiveStream, number: int, now: int = 0) -> int | Drop:
    """One original packet, counted and kept if it is good."""
    verdict = one.accept(number & 0xFFFF)
    if not isinstance(verdict, Drop):
        one.count_original(100, 0, Instant(now))
        keep(one, verdict, now)
    return verdict


def keep(one: ReceiveStream, sequence: int, now: int = 0) -> bool:
    packet = Packet(one.id, sequence, 0, False, 101, [], b"x", None, Instant(now))
    return one.note(packet, Instant(now))


# -- A.1: validity and extension


def test_the_first_packet_starts_the_numbering():
    one = stream()
    assert not one.started
    assert take(one, 40_000) == 40_000
    assert one.started


def test_numbers_are_extended_over_the_wrap():
    one = stream()
    assert [take(one, number) for number in (65_534, 65_535, 0, 1)] == [65_534, 65_535, 65_536, 65_537]
    assert one.counters().highest_extended == 65_537


def test_a_late_packet_from_before_the_wrap_gets_its_own_number():
    one = stream()
    take(one, 65_535)
    take(one, 1)
    assert take(one, 0) == 65_536
    assert take(one, 65_534) == 65_534


def test_a_packet_older_than_the_first_may_have_a_negative_number():
    one = stream()
    take(one, 2)
    assert take(one, 65_535) == -1


def test_a_repeated_packet_is_a_duplicate_newest_or_not():
    one = stream()
    take(one, 10)
    assert take(one, 10) is Drop.DUPLICATE
    take(one, 11)
    assert take(one, 10) is Drop.DUPLICATE


def test_a_gap_just_below_the_dropout_is_loss():
    one = stream()
    take(one, 10)
    assert take(one, 10 + MAX_DROPOUT - 1) == 10 + MAX_DROPOUT - 1


@pytest.mark.parametrize("jump", [MAX_DROPOUT, 2**15 - 1, 2**15, -MAX_DROPOUT, -MAX_MISORDER - 1])
def test_a_jump_is_believed_when_a_second_packet_confirms_it(jump):
    one = stream()
    take(one, 20_000)
    take(one, 20_001)
    assert take(one, 20_001 + jump) is Drop.SEQUENCE_JUMP
    extended = take(one, 20_001 + jump + 1)
    assert extended & 0xFFFF == 20_001 + jump + 1 & 0xFFFF
    assert extended > 20_001, "never backwards"
    assert take(one, 20_001 + jump + 2) == extended + 1


def test_a_stray_packet_moves_nothing():
    one = stream()
    take(one, 20_000)
    assert take(one, 50_000) is Drop.SEQUENCE_JUMP
    assert take(one, 20_001) == 20_001
    assert take(one, 50_001) is Drop.SEQUENCE_JUMP, "the two were not in a row"


def test_a_stray_that_alternates_with_another_is_never_believed():
    one = stream()
    take(one, 20_000)
    for turn in range(20):
        assert take(one, 40_000 + 10 * turn) is Drop.SEQUENCE_JUMP


def test_what_is_too_late_is_too_old():
    one = stream()
    take(one, 20_000)
    assert take(one, 19_900) is Drop.TOO_OLD


@given(st.lists(st.integers(0, 0xFFFF), max_size=120))
@settings(max_examples=150, deadline=None)
def test_any_numbers_give_sane_extended_ones(numbers):
    one = stream()
    highest = None
    for number in numbers:
        verdict = take(one, number)
        if isinstance(verdict, Drop):
            continue
        assert verdict & 0xFFFF == number
        highest = verdict if highest is None else max(highest, verdict)
        assert one.counters().highest_extended == highest
    counters = one.counters()
    assert counters.received == counters.packets <= len(numbers)


# -- A.3: expected and lost


def test_expected_and_received_tell_the_loss():
    one = stream()
    for number in (65_530, 65_531, 65_535, 2):
        take(one, number)
    counters = one.counters()
    assert (counters.expected, counters.received) == (9, 4)


def test_before_the_first_packet_nothing_is_expected():
    assert stream().counters().expected == 0


def test_a_restart_neither_adds_nor_hides_loss():
    one = stream()
    for number in (100, 101, 104):
        take(one, number)
    take(one, 50_000)
    for number in (50_001, 50_002):
        take(one, number)
    counters = one.counters()
    assert (counters.expected, counters.received) == (5 + 2, 3 + 2)


def test_what_rtx_restores_is_not_received_by_the_link():
    one = stream()
    take(one, 100)
    take(one, 102)
    assert one.restore(101) == 101
    keep(one, 101)
    counters = one.counters()
    assert (counters.expected, counters.received) == (3, 2)


# -- A.8: jitter


def test_jitter_follows_the_formula_of_the_rfc():
    one = stream(clock_rate=8_000)
    # (arrival in ms, timestamp in ticks of 1/8 ms): 20 ms apart, arriving 20, 25, 15 and 20 ms apart
    arrivals = [(0, 0), (20, 160), (45, 320), (60, 480), (80, 640)]
    for at, timestamp in arrivals:
        one.count_original(100, timestamp, Instant(at * 1000))
    # transit differences: 0, 40, 40, 0 ticks; in 16ths: J += d - ((J + 8) >> 4)
    expected = 0
    for difference in (0, 40, 40, 0):
        expected += difference - (expected + 8 >> 4)
    assert one.counters().jitter == expected >> 4 == 4


def test_packets_of_one_picture_do_not_count_as_jitter():
    one = stream()
    for at in range(0, 5_000, 500):
        one.count_original(100, 3000, Instant(at))
    one.count_original(100, 6000, Instant(33_333))
    assert one.counters().jitter == 0


def test_a_timestamp_that_wraps_is_no_jitter():
    one = stream(clock_rate=8_000)
    for turn in range(10):
        one.count_original(100, 2**32 - 800 + 160 * turn & 0xFFFF_FFFF, Instant(20_000 * turn))
    assert one.counters().jitter == 0


def test_a_clock_that_jumps_is_no_jitter():
    one = stream(clock_rate=8_000)
    one.count_original(100, 0, Instant(0))
    one.count_original(100, 2**30, Instant(20_000))
    one.count_original(100, 2**30 + 160, Instant(40_000))
    one.count_original(100, 5, Instant(60_000))
    one.count_original(100, 165, Instant(80_000))
    one.count_original(100, 325, Instant(100_000))
    assert one.counters().jitter == 0


# -- RTX


def test_rtx_before_any_original_is_unwanted():
    assert stream().restore(5) is Drop.RTX_UNWANTED


def test_rtx_of_what_is_here_or_too_old_is_unwanted():
    one = stream()
    for number in range(1000, 1200):
        take(one, number)
    assert one.restore(1100) is Drop.RTX_UNWANTED
    assert one.restore(900) is Drop.RTX_UNWANTED
    assert one.restore(1000 - 4000) is Drop.RTX_UNWANTED


def test_rtx_may_bring_what_is_newer_than_all_originals():
    one = stream()
    take(one, 1000)
    assert one.restore(1002) == 1002
    keep(one, 1002)
    assert one.due_nacks(100_000, Instant(seconds(1))).sequence_numbers == (1001,)
    assert take(one, 1002) is Drop.DUPLICATE


def test_rtx_restores_over_the_wrap():
    one = stream()
    take(one, 65_534)
    take(one, 1)
    assert one.restore(65_535) == 65_535
    assert one.restore(0) == 65_536


# -- the rest


def test_a_stream_without_nack_asks_for_nothing():
    one = stream(use_nack=False)
    take(one, 1)
    take(one, 5)
    due = one.due_nacks(100_000, Instant(seconds(1)))
    assert (due.sequence_numbers, due.next_due) == ((), None)


def test_nacks_are_counted_by_request_and_by_packet():
    one = stream()
    take(one, 1)
    take(one, 5)
    one.due_nacks(100_000, Instant(seconds(1)))
    one.due_nacks(100_000, Instant(seconds(1)))
    counters = one.counters()
    assert (counters.nack_requests, counters.nack_packets) == (1, 3)


def test_what_speaks_of_the_publishers_own_link_does_not_go_on_to_consumers():
    own = (MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, TRANSPORT_CC, ABS_SEND_TIME)
    ids = {uri: place for place, uri in enumerate((*own, SSRC_AUDIO_LEVEL), 1)}
    spec = ReceiveStreamSpec(
        transport=TransportId(1), ssrc=1, payload_types={}, rtx_ssrc=None, rtx_payload_types={},
        clock_rate=48_000, mime_type="audio/opus", extension_ids=ids, mapped_extension_ids=ids,
        use_nack=False,
    )  # fmt: skip
    assert ReceiveStream(ReceiveStreamId(1), spec, PlaneLimits()).uris == {6: SSRC_AUDIO_LEVEL}
