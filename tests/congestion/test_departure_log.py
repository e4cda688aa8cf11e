from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant
from rtpfwd.congestion.arrival_log import ArrivalLog, Feedback
from rtpfwd.congestion.departure_log import DepartureLog


def log_of(count, first=0, size=100):
    log = DepartureLog(1000, 10_000_000, 4096)
    log.add([(first + n & 0xFFFF, Instant(1_000_000 + n * 1000), size, 0) for n in range(count)])
    return log


def test_feedback_gives_departure_arrival_and_size_of_each_packet():
    log = DepartureLog(1000, 10_000_000, 4096)
    log.add([(7, Instant(1000), 100, 0), (8, Instant(2000), 200, 3)])
    report = log.match(Feedback(7, 0, 10, (4, 8)))
    base = (10 + (1 << 24)) * 64_000
    assert report.received == [(1000, base + 1000, 100, 0), (2000, base + 3000, 200, 3)]
    assert report.last_sent_at == 2000


def test_numbers_wrap():
    log = log_of(10, first=65_530)
    report = log.match(Feedback(65_534, 0, 0, (0, 4, 4, 4)))
    assert [sent_at for sent_at, *_ in report.received] == [1_004_000, 1_005_000, 1_006_000, 1_007_000]


def test_the_reference_time_wraps_and_a_late_feedback_keeps_its_place():
    log = log_of(3)
    before = log.match(Feedback(0, 0, 0xFF_FFFF, (0,))).received[0][1]
    after = log.match(Feedback(2, 1, 1, (0,))).received[0][1]
    late = log.match(Feedback(1, 2, 0, (0,))).received[0][1]
    assert (late - before, after - before) == (64_000, 128_000)


def test_a_repeated_feedback_tells_nothing_new():
    log = log_of(4)
    feedback = Feedback(0, 0, 5, (0, None, 4, 4))
    first, second = log.match(feedback), log.match(feedback)
    assert (len(first.received), len(first.lost)) == (3, 1)
    assert (second.received, second.lost, second.recovered) == ([], [], 0)


def test_a_packet_called_lost_may_arrive_after_all_once():
    log = log_of(4)
    assert log.match(Feedback(0, 0, 5, (0, None))).lost == [1_001_000]
    report = log.match(Feedback(1, 1, 5, (0, 0)))
    assert report.recovered == 1
    assert len(report.received) == 2
    assert log.match(Feedback(1, 2, 5, (0, 0))).recovered == 0


def test_a_packet_that_arrived_is_not_lost_later():
    log = log_of(2)
    log.match(Feedback(0, 0, 5, (0, 0)))
    assert log.match(Feedback(0, 1, 5, (None, None))).lost == []


def test_unknown_numbers_are_passed_over_and_their_time_still_counts():
    log = log_of(2, first=100)
    report = log.match(Feedback(98, 0, 0, (4, 4, 4, 4, 4, 4)))
    assert [arrived - (1 << 24) * 64_000 for _, arrived, *_ in report.received] == [3000, 4000]


def test_before_anything_was_sent_feedback_is_nothing():
    assert DepartureLog(10, 1000, 10).match(Feedback(0, 0, 0, (0, None))).received == []


def test_outstanding_bytes_are_those_after_the_newest_that_arrived():
    log = log_of(10)
    assert log.outstanding_bytes == 1000
    log.match(Feedback(0, 0, 0, (0, None, None, 0)))
    assert log.outstanding_bytes == 600


def test_memory_is_bounded_by_packets_and_by_age():
    log = log_of(3000)
    assert len(log) == 1000
    log.add([(3000, Instant(60_000_000), 100, 0)])
    assert len(log) == 1


def test_the_project_s_own_receiver_is_understood():
    arrivals = ArrivalLog()
    log = log_of(300, first=65_400)
    arrivals.add((65_400 + n & 0xFFFF, Instant(9_000_000 + n * 1300)) for n in range(300) if n % 10)
    reports = [log.match(feedback) for feedback in arrivals.build()]
    received = [record for report in reports for record in report.received]
    assert len(received) == 270
    assert sum(len(report.lost) for report in reports) == 29  # the very first was never known to be missing
    assert abs(received[-1][1] - received[0][1] - 298 * 1300) <= 500


deltas = st.lists(st.none() | st.integers(-0x8000, 0x7FFF), max_size=60)
feedbacks = st.builds(
    Feedback, st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 0xFF_FFFF), deltas.map(tuple)
)


@settings(max_examples=200)
@given(st.lists(feedbacks, max_size=20), st.integers(0, 0xFFFF))
def test_whatever_a_stranger_claims_each_packet_is_told_of_once(claims, first):
    log = log_of(50, first=first)
    reports = [log.match(claim) for claim in claims]
    assert sum(len(report.received) for report in reports) <= 50
    assert sum(len(report.lost) for report in reports) <= 50
    assert sum(report.recovered for report in reports) <= sum(len(report.lost) for report in reports)


def test_of_an_endless_feedback_only_the_beginning_is_read():
    log = DepartureLog(1000, 10_000_000, 10)
    log.add([(n, Instant(n), 1, 0) for n in range(20)])
    assert len(log.match(Feedback(0, 0, 0, (0,) * 65_535)).received) == 10
