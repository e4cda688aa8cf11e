"""What holds for any consumers, rates, budgets and noise."""

from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.allocation import AllocationSettings, Allocator
from rtpfwd.congestion.demands import Demand, LayerOption, VideoKind
from rtpfwd.congestion.sharing import Share, share

TOLERATED = 108
OVERSENT = 500_000


@st.composite
def layer_options(draw):
    spatial, temporal = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rates = sorted(draw(st.lists(st.integers(10, 3000), min_size=9, max_size=9)))
    trusted = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    pairs = [(s, t) for s in range(spatial) for t in range(temporal)]
    return tuple(
        LayerOption(s, t, rate * 1000, trusted[s]) for (s, t), rate in zip(pairs, rates, strict=False)
    )


@st.composite
def demands(draw, kinds=tuple(VideoKind), max_size=6):
    count = draw(st.integers(0, max_size))
    return [
        Demand(
            key,
            draw(layer_options()),
            priority=draw(st.integers(1, 255)),
            kind=draw(st.sampled_from(kinds)),
            preferred=draw(st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3))),
            shown=draw(st.none() | st.sampled_from([(0, 0), (320, 180), (640, 360), (1920, 1080)])),
            sizes=((320, 180), (640, 360), (1280, 720)),
            paused=draw(st.sampled_from([False, False, False, True])),
        )
        for key in range(count)
    ]


budgets = st.integers(0, 12_000_000)
ladders = st.lists(st.integers(1, 3000), min_size=1, max_size=9).map(sorted)


@st.composite
def shares(draw):
    return [
        Share(rates, draw(st.integers(1, 255)), len(rates) - 1)
        for rates in draw(st.lists(ladders, min_size=1, max_size=6))
    ]


def cost(parties, levels):
    return sum(one.rates[level] for one, level in zip(parties, levels, strict=True) if level >= 0)


# sharing


@given(shares(), st.integers(0, 20_000))
def test_a_share_never_costs_more_than_the_budget(parties, budget):
    assert cost(parties, share(parties, budget)) <= budget


@given(shares(), st.integers(0, 20_000), st.integers(0, 20_000), st.booleans())
def test_with_a_larger_budget_nobody_has_less_than_was_theirs(parties, budget, more, fill):
    """Theirs: what comes in turn. Beyond that, what is left over may go to somebody else."""
    assume(budget >= sum(one.rates[0] for one in parties))
    theirs = share(parties, budget, fill=False)
    later = share(parties, budget + more, fill=fill)
    assert all(before <= after for before, after in zip(theirs, later, strict=True))


@given(shares(), st.integers(0, 20_000))
def test_filling_up_takes_nothing_from_anybody(parties, budget):
    strict, filled = share(parties, budget, fill=False), share(parties, budget)
    assert all(before <= after for before, after in zip(strict, filled, strict=True))


@given(shares(), st.integers(0, 20_000))
def test_what_could_be_filled_is_filled(parties, budget):
    levels = share(parties, budget)
    left = budget - cost(parties, levels)
    for one, level in zip(parties, levels, strict=True):
        if level < 0:
            assert one.rates[0] > left
        elif level < len(one.rates) - 1:
            assert one.rates[level + 1] - one.rates[level] > left


@given(ladders.map(lambda rates: sorted(set(rates))), st.integers(1, 8), st.integers(0, 20_000))
def test_equals_differ_by_one_step_at_most_before_filling_up(rates, count, budget):
    assume(budget >= rates[0] * count)
    levels = share([Share(rates, 3, len(rates) - 1) for _ in range(count)], budget, fill=False)
    assert max(levels) - min(levels) <= 1


@given(ladders, st.integers(1, 255), st.integers(1, 255), st.integers(0, 6000))
def test_of_two_alike_the_one_with_more_priority_never_has_less(rates, one, other, budget):
    low, high = sorted((one, other))
    levels = share([Share(rates, high, len(rates) - 1), Share(rates, low, len(rates) - 1)], budget)
    assert levels[0] >= levels[1]


# allocation


def total(assignments):
    return sum(got.bitrate_bps for got in assignments)


@given(demands(), budgets, st.integers(0, 200_000))
def test_a_first_allocation_is_within_the_budget_or_one_screens_lowest_layer(asked, budget, reserved):
    got = Allocator(AllocationSettings()).allocate(asked, budget, reserved, Instant(0))
    sent = [one for one in got if one.layers is not None]
    if total(got) > max(budget - reserved, 0):
        assert len(sent) == 1
        assert asked[sent[0].key].kind is VideoKind.SCREEN
        assert total(got) <= OVERSENT


@settings(max_examples=60)
@given(demands(kinds=(VideoKind.CAMERA,)), st.lists(st.tuples(budgets, st.integers(1, 5)), max_size=12))
def test_no_history_leads_over_the_tolerated_budget(asked, story):
    allocator = Allocator(AllocationSettings(pause_after_us=0))
    now = 0
    for budget, pause in story:
        now += seconds(pause)
        got = allocator.allocate(asked, budget, 0, Instant(now))
        assert total(got) <= budget * TOLERATED // 100


@settings(max_examples=60)
@given(demands(), st.lists(st.tuples(budgets, st.integers(1, 5)), max_size=8))
def test_the_same_history_gives_the_same_result(asked, story):
    results = []
    for _ in range(2):
        allocator, now, seen = Allocator(AllocationSettings()), 0, []
        for budget, pause in story:
            now += seconds(pause)
            seen.append(allocator.allocate(asked, budget, 0, Instant(now)))
        results.append(seen)
    assert results[0] == results[1]


@given(demands(), budgets)
def test_the_order_of_the_demands_does_not_matter(asked, budget):
    straight = Allocator(AllocationSettings()).allocate(asked, budget, 0, Instant(0))
    turned = Allocator(AllocationSettings()).allocate(asked[::-1], budget, 0, Instant(0))
    assert turned[::-1] == straight


@given(demands(), budgets)
def test_nobody_gets_what_the_publisher_does_not_send(asked, budget):
    got = Allocator(AllocationSettings()).allocate(asked, budget, 0, Instant(0))
    for demand, one in zip(asked, got, strict=True):
        assert one.key == demand.key
        assert one.layers is None or one.layers in [option[:2] for option in demand.options]


@settings(max_examples=40)
@given(demands(kinds=(VideoKind.CAMERA,)), st.integers(100_000, 8_000_000), st.integers(100, 300))
def test_in_the_long_run_more_budget_gives_nobody_less(asked, budget, percent):
    """Without filling up, and once the lowest layers fit; how it came about does not matter then."""
    lowest = sum(one.options[0].bitrate_bps for one in asked)
    assume(budget * 100 // 120 >= lowest)
    less, more = (_long_run(asked, rate) for rate in (budget, budget * percent // 100))
    for before, after in zip(less, more, strict=True):
        assert before.layers is None or (after.layers is not None and after.layers >= before.layers)


def _long_run(asked, budget):
    allocator = Allocator(AllocationSettings(fill_leftover=False, held_percent=100))
    got = []
    for turn in range(40):
        got = allocator.allocate(asked, budget, 0, Instant(seconds(turn)))
    return got


@settings(max_examples=30)
@given(demands(kinds=(VideoKind.CAMERA,)), st.integers(100_000, 8_000_000))
def test_a_steady_budget_comes_to_rest(asked, budget):
    allocator = Allocator(AllocationSettings())
    for turn in range(300):
        allocator.allocate(asked, budget, 0, Instant(seconds(turn)))
    rest = allocator.allocate(asked, budget, 0, Instant(seconds(300)))
    for turn in range(301, 400):
        assert allocator.allocate(asked, budget, 0, Instant(seconds(turn))) == rest


CAMERA = (50, 75, 100, 200, 300, 400, 800, 1200, 1600)


def _switches(budget_kbps, estimate_noise, rate_noise, consumers, seed):
    """When each consumer's layers changed, in two minutes at five allocations a second."""
    dice = Random(seed)
    allocator = Allocator(AllocationSettings())
    before = {}
    times = {key: [] for key in range(consumers)}
    for turn in range(600):
        now = Instant(turn * 200_000)
        asked = [
            Demand(
                key,
                tuple(
                    LayerOption(
                        n // 3, n % 3, round(rate * 1000 * dice.uniform(1 - rate_noise, 1 + rate_noise))
                    )
                    for n, rate in enumerate(CAMERA)
                ),
            )
            for key in range(consumers)
        ]
        estimate = round(budget_kbps * 1000 * dice.uniform(1 - estimate_noise, 1 + estimate_noise))
        for got in allocator.allocate(asked, estimate, 0, now):
            if turn and got.layers != before[got.key]:
                times[got.key].append(now)
            before[got.key] = got.layers
    return times


def _most_within(times, span):
    return max((sum(1 for other in times if at <= other < at + span) for at in times), default=0)


@settings(max_examples=25)
@given(st.integers(40, 2500), st.integers(0, 1000))
def test_a_wavering_estimate_makes_nobody_flap(budget, seed):
    times = _switches(budget, 0.08, 0, 1, seed)[0]
    later = [at for at in times if at > seconds(5)]  # the first samples find the level
    assert _most_within(later, seconds(20)) <= 1


@settings(max_examples=15)
@given(st.integers(60, 2500), st.integers(1, 3), st.integers(0, 1000))
def test_wavering_rates_make_nobody_flap(budget, consumers, seed):
    for times in _switches(budget * consumers, 0.04, 0.04, consumers, seed).values():
        later = [at for at in times if at > seconds(15)]
        assert _most_within(later, seconds(20)) <= 1
