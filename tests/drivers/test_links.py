from rtpfwd.clock import Instant
from rtpfwd.drivers.links import FixedDelay, Hook

NOW = Instant(5_000_000)


def test_a_fixed_delay_delivers_once():
    assert list(FixedDelay(20_000).arrivals(b"x", NOW)) == [NOW + 20_000]


def test_a_hook_decides_only_what_it_wants_to():
    link = Hook(FixedDelay(10), lambda data, now: {b"lose": [], b"twice": [now, now + 5]}.get(data))
    assert link.arrivals(b"lose", NOW) == []
    assert link.arrivals(b"twice", NOW) == [NOW, NOW + 5]
    assert list(link.arrivals(b"other", NOW)) == [NOW + 10]
