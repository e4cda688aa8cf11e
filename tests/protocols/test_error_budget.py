from rtpfwd.clock import Instant, seconds
from rtpfwd.protocols.error_budget import ErrorBudget


def test_a_host_has_so_many_errors_a_second_and_no_more() -> None:
    budget = ErrorBudget(per_second=10)
    granted = [budget.take("192.0.2.1", Instant(step)) for step in range(30)]
    assert granted == [True] * 10 + [False] * 20
    assert budget.take("192.0.2.2", Instant(30))
    assert budget.take("192.0.2.1", Instant(seconds(1)))


def test_memory_is_bounded_and_a_crowd_gets_silence() -> None:
    budget = ErrorBudget(per_second=10, max_hosts=3)
    assert [budget.take(str(host), Instant(host)) for host in range(6)] == [True] * 3 + [False] * 3
    assert len(budget._spent) == 3
    assert budget.take("another", Instant(seconds(1)))  # the first host's second is over
    assert len(budget._spent) == 3


def test_a_budget_of_nothing_answers_nobody() -> None:
    assert not ErrorBudget(per_second=0).take("192.0.2.1", Instant(0))
