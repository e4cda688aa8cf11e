"""When a publisher is asked for a key frame, and when it is asked again."""

from rtpfwd.clock import Instant
from rtpfwd.sfu.keyframe_requests import KeyFrameRequests
from rtpfwd.sfu.settings import KeyFrameSettings

SSRC = 7
SETTINGS = KeyFrameSettings()
START = Instant(1_000_000)


def at(after_us: int) -> Instant:
    return Instant(START + after_us)


def test_a_request_is_repeated_until_a_key_frame_comes() -> None:
    requests = KeyFrameRequests(SETTINGS)
    assert requests.ask(SSRC, START)
    assert requests.next_timeout() == at(SETTINGS.retry_us)
    assert requests.due(at(SETTINGS.retry_us)) == [SSRC]
    requests.received(SSRC, at(SETTINGS.retry_us + 20_000))
    assert requests.next_timeout() is None


def test_the_key_frame_that_a_stream_begins_with_does_not_answer_who_asks_because_of_it() -> None:
    requests = KeyFrameRequests(SETTINGS)
    assert requests.ask(SSRC, START)
    requests.received(SSRC, START)
    assert requests.due(at(SETTINGS.retry_us)) == [SSRC]


def test_who_asks_while_a_request_is_unanswered_waits_for_its_answer() -> None:
    requests = KeyFrameRequests(SETTINGS)
    assert requests.ask(SSRC, START)
    assert not requests.ask(SSRC, at(1_000))
    requests.received(SSRC, at(50_000))
    assert requests.ask(SSRC, at(60_000))


def test_a_publisher_that_never_answers_is_left_alone_in_the_end() -> None:
    requests = KeyFrameRequests(SETTINGS)
    requests.ask(SSRC, START)
    sent = 1
    while (due := requests.next_timeout()) is not None:
        sent += len(requests.due(due))
    assert sent == SETTINGS.retries
