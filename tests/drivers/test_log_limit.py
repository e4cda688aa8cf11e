from rtpfwd.clock import Instant, seconds
from rtpfwd.drivers.log_limit import LogLimit


def test_one_line_a_second_for_each_kind_and_the_next_one_tells_what_was_passed_over():
    now = [Instant(0)]
    limit = LogLimit(lambda: now[0])
    assert [limit.allow("a"), limit.allow("a"), limit.allow("b"), limit.allow("a")] == [0, None, 0, None]
    now[0] = Instant(seconds(1))
    assert [limit.allow("a"), limit.allow("b")] == [2, 0]
