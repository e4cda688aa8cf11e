"""Transport-wide feedback: what was fed comes out, once, and nothing that was not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.congestion.arrival_log import (
    DELTA_US,
    LATE_WINDOW,
    MAX_DELTAS,
    MAX_PENDING,
    MAX_STATUSES,
    ArrivalLog,
    Feedback,
)
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback


def on_the_wire(feedback: Feedback) -> TransportFeedback:
    """The feedback as a publisher reads it."""
    data = TransportFeedback(
        1, 2, feedback.base_sequence_number, feedback.feedback_count,
        (feedback.reference_time + 0x80_0000 & 0xFF_FFFF) - 0x80_0000, feedback.deltas,
    ).serialize()  # fmt: skip
    assert len(data) <= 1200
    return TransportFeedback.parse(data[4:])


def told(feedbacks: list[Feedback]) -> list[tuple[int, int]]:
    """(sequence number, time) of what is reported as received."""
    return [
        (number, at) for one in feedbacks for number, at in on_the_wire(one).arrivals_us() if at is not None
    ]


def lost(feedbacks: list[Feedback]) -> list[int]:
    return [number for one in feedbacks for number, at in on_the_wire(one).arrivals_us() if at is None]


def fed(*arrivals: tuple[int, int]) -> ArrivalLog:
    log = ArrivalLog()
    log.add((number, Instant(at)) for number, at in arrivals)
    return log


def test_nothing_fed_is_nothing_told():
    assert ArrivalLog().build() == []


def test_one_packet_is_told_to_a_quarter_of_a_millisecond():
    [feedback] = fed((7, seconds(64) + 1_300)).build()
    assert feedback == Feedback(7, 0, 1000, (5,))
    assert told([feedback]) == [(7, seconds(64) + 1_250)]


def test_holes_are_told_as_not_received():
    [feedback] = fed((10, 0), (13, 1000)).build()
    assert feedback.deltas == (0, None, None, 4)


def test_numbers_wrap():
    feedbacks = fed((65_534, 0), (65_535, 250), (0, 500), (1, 750)).build()
    assert told(feedbacks) == [(65_534, 0), (65_535, 250), (0, 500), (1, 750)]


def test_what_was_told_is_not_told_again_and_the_next_begins_where_the_last_ended():
    log = fed((10, 0), (11, 250))
    log.build()
    assert log.build() == []
    log.add([(14, Instant(500))])
    [feedback] = log.build()
    assert (feedback.base_sequence_number, feedback.feedback_count) == (12, 1)
    assert feedback.deltas == (None, None, 2)


def test_a_repeated_number_keeps_its_first_time():
    assert told(fed((10, 1000), (10, 9000)).build()) == [(10, 1000)]


def test_a_number_that_was_told_and_comes_again_is_not_told_again():
    log = fed((10, 0), (11, 0))
    log.build()
    log.add([(10, Instant(9000))])
    assert log.build() == []


def test_a_packet_that_was_reported_missing_is_told_when_it_comes_and_nothing_else_with_it():
    log = fed((10, 0), (13, 0), (14, 0))
    assert lost(log.build()) == [11, 12]
    log.add([(12, Instant(5000)), (16, Instant(6000))])
    late, fresh = log.build()
    assert (late.base_sequence_number, len(late.deltas)) == (12, 1)
    assert told([late]) == [(12, 5000)]
    assert (fresh.base_sequence_number, lost([fresh])) == (15, [15])


def test_what_comes_far_too_late_is_left_out():
    log = fed((1, 0), (2000, 0))
    log.build()
    log.add([(2000 - LATE_WINDOW, Instant(1)), (2001 - LATE_WINDOW, Instant(1))])
    assert [number for number, _ in told(log.build())] == [2001 - LATE_WINDOW]


def test_reordered_packets_have_negative_deltas():
    [feedback] = fed((11, 0), (10, 1000), (12, 2000)).build()
    assert feedback.deltas == (4, -4, 8)


def test_a_silence_longer_than_a_delta_begins_another_feedback():
    feedbacks = fed((10, 0), (11, seconds(9))).build()
    assert [one.base_sequence_number for one in feedbacks] == [10, 11]
    assert [one.feedback_count for one in feedbacks] == [0, 1]
    assert told(feedbacks) == [(10, 0), (11, seconds(9))]


def test_a_jump_of_numbers_is_not_told_packet_by_packet():
    feedbacks = fed((10, 0), (20_010, 1000)).build()
    assert sum(len(one.deltas) for one in feedbacks) <= MAX_STATUSES + 2
    assert [number for number, _ in told(feedbacks)] == [10, 20_010]


def test_each_feedback_fits_a_datagram():
    arrivals = [(number, milliseconds(70) * number) for number in range(3000)]
    feedbacks = fed(*arrivals).build()
    assert all(len(one.deltas) <= MAX_STATUSES for one in feedbacks)
    assert len(feedbacks) >= 3000 // MAX_DELTAS
    assert told(feedbacks) == [(number, at // DELTA_US * DELTA_US) for number, at in arrivals]


def test_memory_is_bounded():
    log = ArrivalLog()
    for turn in range(10):
        log.add((turn * 2000 + number & 0xFFFF, Instant(0)) for number in range(2000))
    assert len(log._arrivals) == MAX_PENDING
    log.build()
    assert len(log._reported) <= LATE_WINDOW
    assert not log._arrivals


@given(
    first=st.integers(0, 0xFFFF),
    start=st.integers(0, 2**40),
    batches=st.lists(
        st.lists(st.tuples(st.integers(-20, 300), st.integers(0, 50_000)), max_size=30), max_size=8
    ),
)
@settings(max_examples=200, deadline=None)
def test_what_is_fed_comes_out_once_at_its_time_and_nothing_else_does(first, start, batches):
    log = ArrivalLog()
    number, now = first, start
    expected: dict[int, int] = {}
    found: list[tuple[int, int]] = []
    counts: list[int] = []
    reported: int | None = None
    for batch in batches:
        arrivals = []
        for step, wait_us in batch:
            number += step
            now += wait_us
            arrivals.append((number & 0xFFFF, Instant(now)))
            if reported is None or number > reported - LATE_WINDOW:
                expected.setdefault(number, now)
        log.add(arrivals)
        feedbacks = log.build()
        found += told(feedbacks)
        counts += [one.feedback_count for one in feedbacks]
        reported = max(expected, default=None)
    wrap_us = 64_000 << 24
    times = {extended & 0xFFFF: at // DELTA_US * DELTA_US for extended, at in expected.items()}
    assert len(found) == len(expected)
    for told_number, at in found:
        assert (at - times[told_number]) % wrap_us == 0
    assert counts == [count & 0xFF for count in range(len(counts))]
