from rtpfwd.congestion.link_capacity import LinkCapacity


def test_nothing_exceeds_or_falls_short_of_the_unknown():
    capacity = LinkCapacity(0.05)
    assert not capacity.exceeded_by(10**12)
    assert not capacity.fallen_short_by(0)


def test_samples_move_the_mean_little_by_little():
    capacity = LinkCapacity(0.05)
    capacity.add(1_000_000)
    capacity.add(2_000_000)
    assert capacity.kbps == 1050


def test_the_bounds_are_three_deviations_away():
    capacity = LinkCapacity(0.05)
    for _ in range(50):
        capacity.add(1_000_000)
    # 3 * sqrt(0.4 * 1000) = 60 kbit/s
    assert not capacity.exceeded_by(1_059_000)
    assert capacity.exceeded_by(1_061_000)
    assert not capacity.fallen_short_by(941_000)
    assert capacity.fallen_short_by(939_000)
    capacity.reset()
    assert capacity.kbps is None
