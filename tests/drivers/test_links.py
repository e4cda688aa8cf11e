from rtpfwd.clock import Instant
from rtpfwd.drivers.links import FixedDelay, Hook, RandomLoss

NOW = Instant(5_000_000)


def test_a_fixed_delay_delivers_once():
    assert list(FixedDelay(20_000).arrivals(b"x", NOW)) == [NOW + 20_000]


def test_random_loss_loses_its_share_and_the_same_packets_for_the_same_seed():
    def lost(seed: int) -> list[bool]:
        link = RandomLoss(FixedDelay(1), 0.1, seed=seed)
        return [not link.arrivals(b"x", NOW) for _ in range(5000)]

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)
    assert 400 < sum(lost(1)) < 600


def test_a_hook_decides_only_what_it_wants_to():
    link = Hook(FixedDelay(10), lambda data, now: {b"lose": [], b"twice": [now, now + 5]}.get(data))
    assert link.arrivals(b"lose", NOW) == []
    assert link.arrivals(b"twice", NOW) == [NOW, NOW + 5]
    assert list(link.arrivals(b"other", NOW)) == [NOW + 10]
