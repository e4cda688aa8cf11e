"""When a publisher is asked for a key frame, and when it is asked again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.sfu.keyframe_requests import KeyFrameRequests
from rtpfwd.sfu.settings import KeyFrameSettings

SSRC = 7
SETTINGS = KeyFrameSettings()
START = Instant(1_000_000)


def at(after_us: int) -> Instant:
    return Instant(START + after_us)


def test_a_request_is_repeated_until_a_key_frame_comes() -> None:
    requests = KeyFrameRequests(lambda: SETTINGS)
    assert requests.ask(SSRC, START)
    assert requests.next_timeout() == at(SETTINGS.retry_us)
    assert requests.due(at(SETTINGS.retry_us)) == [SSRC]
    requests.received(SSRC, at(SETTINGS.retry_us + 20_000))
    assert requests.next_timeout() is None


def test_the_key_frame_that_a_stream_begins_with_does_not_answer_who_asks_because_of_it() -> None:
    requests = KeyFrameRequests(lambda: SETTINGS)
    assert requests.ask(SSRC, START)
    requests.received(SSRC, START)
    assert requests.due(at(SETTINGS.retry_us)) == [SSRC]


def test_who_asks_while_a_request_is_unanswered_waits_for_its_answer() -> None:
    requests = KeyFrameRequests(lambda: SETTINGS)
    assert requests.ask(SSRC, START)
    assert not requests.ask(SSRC, at(1_000))
    requests.received(SSRC, at(50_000))
    assert requests.ask(SSRC, at(60_000))


def test_a_publisher_that_never_answers_is_left_alone_in_the_end() -> None:
    requests = KeyFrameRequests(lambda: SETTINGS)
    requests.ask(SSRC, START)
    sent = 1
    while (due := requests.next_timeout()) is not None:
        sent += len(requests.due(due))
    assert sent == SETTINGS.retries


def test_after_an_answer_the_next_one_goes_out_at_once_but_not_a_third_in_the_window():
    requests = KeyFrameRequests(lambda: SETTINGS)
    assert requests.ask(1, Instant(0))
    requests.received(1, Instant(10))
    assert requests.ask(1, Instant(20))
    requests.received(1, Instant(30))
    assert not requests.ask(1, Instant(40))
    assert requests.next_timeout() == SETTINGS.window_us
    assert requests.due(Instant(SETTINGS.window_us)) == [1]


def test_a_stream_that_is_gone_is_not_asked_again():
    requests = KeyFrameRequests(lambda: SETTINGS)
    requests.ask(1, Instant(0))
    requests.forget(1)
    requests.forget(1)
    assert requests.next_timeout() is None
    requests.received(1, Instant(5))


@given(st.lists(st.tuples(st.sampled_from(("ask", "answer")), st.integers(0, 400_000)), max_size=80))
@settings(max_examples=150, deadline=None)
def test_never_more_than_the_burst_in_a_window_and_nobody_waits_longer_than_one(steps):
    requests = KeyFrameRequests(lambda: SETTINGS)
    now, sent = 0, []
    waiting_since: int | None = None
    for action, wait_us in steps:
        end = now + wait_us
        while (at := requests.next_timeout()) is not None and at <= end:
            if requests.due(at):
                sent.append(at)
                waiting_since = None
        now = end
        if action == "ask":
            if requests.ask(1, Instant(now)):
                sent.append(now)
            elif waiting_since is None:
                waiting_since = now
        else:
            requests.received(1, Instant(now))
            if requests.next_timeout() is None:
                waiting_since = None
        if waiting_since is not None:
            assert requests.next_timeout() is not None
            assert requests.next_timeout() - waiting_since <= SETTINGS.window_us + milliseconds(1)
    for start in sent:
        assert len([at for at in sent if start <= at < start + SETTINGS.window_us]) <= SETTINGS.burst
