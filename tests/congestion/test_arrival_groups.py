from rtpfwd.clock import Instant
from rtpfwd.congestion.arrival_groups import ArrivalGroups
from rtpfwd.congestion.settings import DelaySettings


def steps(packets):
    return ArrivalGroups(DelaySettings()).add([(Instant(sent), arrived, 100, 0) for sent, arrived in packets])


def test_packets_within_five_milliseconds_are_one_group():
    found = steps(
        [
            (0, 50_000),
            (4000, 54_000),
            (33_000, 83_000),
            (37_000, 89_000),
            (66_000, 116_000),
            (99_000, 149_000),
        ]
    )
    # From last to last packet of a group; the third group and the fourth are not complete yet.
    assert found == [(33_000, 35_000, 89_000), (29_000, 27_000, 116_000)]


def test_what_arrives_in_one_clump_is_one_group():
    clump = [(n * 10_000, 500_000 + n * 100) for n in range(8)]
    assert steps([*clump, (200_000, 600_000), (300_000, 700_000)]) == [(130_000, 99_300, 600_000)]


def test_packets_that_were_overtaken_are_left_out():
    assert steps([(0, 0), (20_000, 20_000), (10_000, 25_000), (40_000, 40_000)]) == [(20_000, 20_000, 20_000)]


def test_a_clock_that_jumps_starts_anew():
    groups = ArrivalGroups(DelaySettings())
    jump = [(0, 0), (20_000, 20_000), (40_000, 9_000_000), (60_000, 9_020_000), (80_000, 9_040_000)]
    assert groups.add([(Instant(sent), at, 1, 0) for sent, at in jump]) == [(20_000, 20_000, 20_000)]
    after = [(Instant(100_000 + n * 20_000), 9_060_000 + n * 20_000, 1, 0) for n in range(4)]
    assert [step[:2] for step in groups.add(after)][-1] == (20_000, 20_000)
