"""The network emulator keeps its figures, its seed and, when asked to, the order."""

from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay
from rtpfwd.drivers.netem import (
    PRESETS,
    BurstEvery,
    BurstLoss,
    Duplicate,
    Jitter,
    LinkSpec,
    Outages,
    RateLimit,
    Reorder,
    emulate,
    preset,
)
from rtpfwd.errors import InvalidParameters, NotFoundError

NOW = Instant(seconds(5))
DELAY = FixedDelay(1000)
PACKET = bytes(972)  # a thousand bytes on the wire


def run(link, count=5000, spacing_us=2000, data=PACKET):
    """Arrivals of ``count`` packets sent at an even pace, one list each."""
    return [list(link.arrivals(data, Instant(NOW + number * spacing_us))) for number in range(count)]


def runs_of_loss(arrivals):
    lengths, length = [], 0
    for one in [*arrivals, [0]]:
        if one:
            lengths += [length] if length else []
            length = 0
        else:
            length += 1
    return lengths


def test_a_plain_spec_is_a_delay():
    link = emulate(LinkSpec(delay_us=25_000), seed=1)
    assert list(link.arrivals(b"x", NOW)) == [NOW + 25_000]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_uniform_loss_takes_its_share_in_short_runs(share):
    link = emulate(LinkSpec(loss=share), seed=1)
    arrivals = run(link, 20_000)
    assert link.counters.lost == pytest.approx(20_000 * share, rel=0.15)
    assert mean(runs_of_loss(arrivals)) == pytest.approx(1 / (1 - share), rel=0.1)


@pytest.mark.parametrize(("share", "length"), [(0.05, 5), (0.02, 20)])
def test_bursty_loss_takes_the_same_share_in_runs_of_the_length_asked_for(share, length):
    link = emulate(LinkSpec(loss=share, loss_burst=length), seed=3)
    arrivals = run(link, 60_000)
    assert link.counters.lost == pytest.approx(60_000 * share, rel=0.25)
    assert mean(runs_of_loss(arrivals)) == pytest.approx(length, rel=0.2)


def test_elliotts_two_states_lose_with_chances_of_their_own():
    link = BurstLoss(DELAY, 0.5, 0.5, seed=1, bad=0.4, good=0.2)
    run(link, 20_000)
    assert link.counters.lost == pytest.approx(20_000 * 0.3, rel=0.1)


def test_a_burst_takes_so_many_packets_every_so_often():
    link = BurstEvery(DELAY, seconds(1), 20)
    lengths = runs_of_loss(run(link, 2500))
    assert lengths == [20] * 4
    assert link.counters.lost == 80


def test_an_outage_takes_all_that_is_sent_within_it_and_nothing_else():
    link = Outages(DELAY, [(NOW + 100, NOW + 200), (NOW + 300, NOW + 301)])
    arrived = [at for at in range(0, 400, 50) if link.arrivals(b"x", Instant(NOW + at))]
    assert arrived == [0, 50, 200, 250, 350]
    assert link.counters.during_outage == 3


def test_a_limited_rate_spaces_packets_and_drops_what_the_queue_cannot_hold():
    link = RateLimit(DELAY, 1_000_000, milliseconds(40))  # eight milliseconds for each packet
    arrivals = run(link, 10, spacing_us=0)
    assert [one[0] - NOW for one in arrivals if one] == [1000 + 8000 * place for place in range(1, 7)]
    assert link.counters.overflowed == 4


def test_a_limited_rate_carries_just_its_rate():
    link = emulate(LinkSpec(rate_bps=2_000_000, queue_us=milliseconds(100)), seed=1)
    arrivals = [one[0] for one in run(link, 5000, spacing_us=milliseconds(2)) if one]
    assert len(arrivals) * 8000 / ((arrivals[-1] - NOW) / 1e6) == pytest.approx(2_000_000, rel=0.02)
    assert link.counters.overflowed == 5000 - len(arrivals)


def test_jitter_stays_within_its_spread_and_uses_it():
    link = Jitter(DELAY, milliseconds(50), seed=1, keep_order=False)
    delays = [one[0] - NOW - 1000 for one in run(link, spacing_us=0)]
    assert 0 <= min(delays) < milliseconds(1)
    assert milliseconds(49) < max(delays) <= milliseconds(50)
    assert mean(delays) == pytest.approx(milliseconds(25), rel=0.05)


@given(
    seed=st.integers(0, 1000),
    spread_us=st.integers(0, milliseconds(200)),
    gaps=st.lists(st.integers(0, milliseconds(50)), max_size=60),
)
@settings(max_examples=100)
def test_jitter_that_keeps_order_never_lets_one_overtake_another(seed, spread_us, gaps):
    link = emulate(LinkSpec(jitter_us=spread_us, rate_bps=5_000_000), seed=seed)
    now, last = NOW, 0
    for gap in gaps:
        now = Instant(now + gap)
        for at in link.arrivals(PACKET, now):
            assert at >= max(last, now)
            last = at


def test_jitter_without_order_lets_packets_overtake():
    arrivals = [one[0] for one in run(Jitter(DELAY, milliseconds(50), seed=1, keep_order=False))]
    assert arrivals != sorted(arrivals)


def test_reordering_holds_back_its_share_by_the_places_asked_for():
    link = Reorder(DELAY, 0.05, (3, 30), seed=1)
    delays = [one[0] - NOW - number * 2000 - 1000 for number, one in enumerate(run(link, 10_000))]
    held = [delay / 2000 for delay in delays if delay]
    assert link.counters.reordered == len(held) == pytest.approx(500, rel=0.15)
    assert (min(held), max(held)) == (3, 30)


def test_duplicates_come_twice_and_within_the_time_asked_for():
    link = Duplicate(DELAY, 0.1, seed=1, within_us=5000)
    twice = [one for one in run(link) if len(one) == 2]
    assert len(twice) == link.counters.duplicated == pytest.approx(500, rel=0.2)
    assert all(0 <= second - first <= 5000 for first, second in twice)


SPECS = st.builds(
    LinkSpec,
    delay_us=st.integers(0, milliseconds(300)),
    loss=st.floats(0, 1),
    loss_burst=st.floats(1, 30),
    jitter_us=st.integers(0, milliseconds(100)),
    keep_order=st.booleans(),
    reorder=st.floats(0, 1),
    duplicate=st.floats(0, 1),
    rate_bps=st.sampled_from([0, 100_000, 10_000_000]),
    outages=st.just(((NOW + 1000, NOW + milliseconds(20)),)),
)


@given(SPECS, st.integers(0, 100))
@settings(max_examples=150)
def test_whatever_the_link_nothing_arrives_before_it_was_sent_and_each_datagram_is_counted(spec, seed):
    link = emulate(spec, seed=seed)
    arrivals = run(link, 80)
    for number, one in enumerate(arrivals):
        assert all(at >= NOW + number * milliseconds(2) + spec.delay_us for at in one)
        assert len(one) <= 2
    counters = link.counters
    gone = counters.lost + counters.overflowed + counters.during_outage
    assert counters.offered == 80
    assert counters.delivered == 80 - gone + counters.duplicated


@given(SPECS, st.integers(0, 100))
@settings(max_examples=50)
def test_the_same_seed_gives_the_same_arrivals(spec, seed):
    assert run(emulate(spec, seed=seed), 80) == run(emulate(spec, seed=seed), 80)


def test_another_seed_gives_others():
    spec = LinkSpec(loss=0.2)
    assert run(emulate(spec, seed=1), 200) != run(emulate(spec, seed=2), 200)


def test_more_jitter_does_not_change_which_packets_are_lost():
    spec = LinkSpec(loss=0.1)
    plain = run(emulate(spec, seed=1))
    shaken = run(emulate(replace(spec, jitter_us=5000), seed=1))
    assert [bool(one) for one in plain] == [bool(one) for one in shaken]


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_can_carry_a_call(name):
    link = preset(name, seed=1)
    run(link, 1000, spacing_us=milliseconds(20))  # 400 kbit/s
    assert link.counters.delivered > 700


def test_a_preset_takes_changes_and_refuses_what_it_does_not_know():
    assert preset("lossy-10", seed=1, delay_us=7).spec == LinkSpec(loss=0.1, delay_us=7)
    with pytest.raises(NotFoundError, match="lossy-10"):
        preset("carrier pigeon", seed=1)
    with pytest.raises(InvalidParameters, match="smell"):
        preset("wifi", seed=1, smell=1)


@pytest.mark.parametrize(
    "spec", [LinkSpec(loss=1.5), LinkSpec(reorder=-1), LinkSpec(delay_us=-1), LinkSpec(duplicate=2)]
)
def test_what_no_link_can_be_is_refused(spec):
    with pytest.raises(InvalidParameters):
        emulate(spec, seed=1)


def test_a_place_to_be_held_back_to_lies_ahead():
    with pytest.raises(InvalidParameters):
        Reorder(DELAY, 0.1, (0, 3), seed=1)
    with pytest.raises(InvalidParameters):
        RateLimit(DELAY, 0, 1, counters=None)
