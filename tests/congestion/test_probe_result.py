import pytest

from rtpfwd.clock import Instant
from rtpfwd.congestion.probe_result import MAX_CLUSTERS, Probe, ProbeResults


def measure(sent_every, arrived_every, count=10, size=1000, probe=None):
    results = ProbeResults()
    results.expect(probe or Probe(1, 2_000_000, 10_000, 5))
    found = results.add(
        [(Instant(n * sent_every), 90_000 + n * arrived_every, size, 1) for n in range(count)]
    )
    return found[0][1] if found else None


def test_a_link_that_has_more_gives_the_rate_sent():
    assert measure(4000, 4000) == 2_000_000


def test_a_saturated_link_gives_a_little_less_than_what_arrived():
    assert measure(4000, 8000) == 950_000


def test_too_few_packets_or_bytes_say_nothing():
    assert measure(4000, 4000, count=3) is None
    assert measure(4000, 4000, size=100) is None


def test_arriving_much_faster_than_sent_says_nothing():
    assert measure(4000, 1000) is None


def test_packets_at_one_instant_say_nothing():
    assert measure(0, 4000) is None
    assert measure(4000, 0) is None


def test_a_stretch_of_more_than_a_second_says_nothing():
    assert measure(4000, 200_000) is None


def test_media_without_a_cluster_and_unknown_clusters_are_passed_over():
    results = ProbeResults()
    assert results.add([(Instant(n), n, 100, n % 3) for n in range(30)]) == []


def test_a_cluster_told_in_two_feedbacks_is_one():
    results = ProbeResults()
    results.expect(Probe(1, 2_000_000, 10_000, 5))
    records = [(Instant(n * 4000), n * 4000, 1000, 1) for n in range(10)]
    assert results.add(records[:5]) == []
    assert results.add(records[5:])[0][1] == pytest.approx(2_000_000)


def test_clusters_that_were_never_answered_are_forgotten():
    results = ProbeResults()
    for number in range(1, 100):
        results.expect(Probe(number, 1, 1, 1))
    assert len(results._clusters) == MAX_CLUSTERS
