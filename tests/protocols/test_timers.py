from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant
from rtpfwd.protocols.timers import Timers


def test_due_keys_come_in_deadline_order_and_ties_in_insertion_order() -> None:
    timers: Timers[str] = Timers()
    for key, deadline in [("late", 30), ("b", 10), ("a", 10), ("soon", 5)]:
        timers.set(key, Instant(deadline))
    assert timers.next_timeout() == 5
    assert timers.pop_due(Instant(10)) == ["soon", "b", "a"]
    assert timers.next_timeout() == 30
    assert "late" in timers and "a" not in timers


def test_setting_a_key_again_moves_it() -> None:
    timers: Timers[str] = Timers()
    timers.set("x", Instant(5))
    timers.set("y", Instant(6))
    timers.set("x", Instant(9))
    assert timers.next_timeout() == 6
    assert timers.pop_due(Instant(8)) == ["y"]
    assert timers.pop_due(Instant(9)) == ["x"]
    assert timers.pop_due(Instant(99)) == []


def test_a_cancelled_key_never_comes_due() -> None:
    timers: Timers[str] = Timers()
    timers.set("x", Instant(5))
    timers.cancel("x")
    timers.cancel("never set")
    assert timers.next_timeout() is None
    assert timers.pop_due(Instant(9)) == []


def test_a_timer_rearmed_for_ever_costs_bounded_memory() -> None:
    timers: Timers[int] = Timers()
    timers.set(0, Instant(1))
    for step in range(10_000):
        timers.set(1, Instant(1000 + step))
    assert len(timers) == 2
    assert len(timers._heap) < 32


def test_keys_need_not_be_comparable() -> None:
    timers: Timers[object] = Timers()
    timers.set(("a", 1), Instant(5))
    timers.set(7, Instant(5))
    assert timers.pop_due(Instant(5)) == [("a", 1), 7]


OPERATION = st.tuples(st.sampled_from(["set", "cancel", "pop"]), st.integers(0, 4), st.integers(0, 50))


@settings(max_examples=150)
@given(st.lists(OPERATION, max_size=80))
def test_the_table_agrees_with_a_sorted_list(operations: list[tuple[str, int, int]]) -> None:
    timers: Timers[int] = Timers()
    model: dict[int, tuple[int, int]] = {}
    for serial, (verb, key, at) in enumerate(operations):
        if verb == "set":
            timers.set(key, Instant(at))
            model[key] = (at, serial)
        elif verb == "cancel":
            timers.cancel(key)
            model.pop(key, None)
        else:
            due = sorted((key for key in model if model[key][0] <= at), key=lambda key: model[key])
            assert timers.pop_due(Instant(at)) == due
            for key in due:
                del model[key]
        assert timers.next_timeout() == min((at for at, _ in model.values()), default=None)
        assert len(timers) == len(model)
