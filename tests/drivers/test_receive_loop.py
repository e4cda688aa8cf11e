from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.receive_loop import (
    FEEDBACK_INTERVAL_US,
    REMB_START_BPS,
    ArrivalFeedback,
    RembFeedback,
)
from rtpfwd.wire.header_extensions import serialize_elements
from rtpfwd.wire.rtcp.compound import parse_compound, serialize_compound
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket

NOW = Instant(seconds(10))


def numbered(number: int, ssrc: int = 7) -> RtpPacket:
    profile, extension = serialize_elements({5: number.to_bytes(2)})
    return RtpPacket(96, 1, 0, ssrc, extension_profile=profile, extension=extension, payload=b"x")


def told(feedback: ArrivalFeedback, now: int) -> list[TransportFeedback]:
    due = feedback.take_due(1, [7], Instant(now))
    packets, malformed = parse_compound(serialize_compound(due))
    assert malformed is None
    return packets


def test_every_number_is_told_once_with_its_time_whatever_stream_it_was_of():
    feedback = ArrivalFeedback(5)
    feedback.arrived(numbered(65535), 100, None, NOW)
    [first] = told(feedback, NOW)
    assert [number for number, _ in first.arrivals_us()] == [65535]
    assert feedback.next_timeout() is None
    for step, number, ssrc in ((1, 0, 7), (4, 1, 8), (9, 3, 1234)):
        feedback.arrived(numbered(number, ssrc), 100, None, Instant(NOW + milliseconds(step)))
    assert feedback.next_timeout() == NOW + FEEDBACK_INTERVAL_US
    assert told(feedback, NOW + milliseconds(20)) == []
    [second] = told(feedback, NOW + FEEDBACK_INTERVAL_US)
    found = second.arrivals_us()
    assert [(number, at is None) for number, at in found] == [(0, False), (1, False), (2, True), (3, False)]
    assert found[3][1] - found[0][1] == milliseconds(8)
    assert second.media_ssrc == 1234
    assert second.feedback_count == first.feedback_count + 1


def test_packets_without_a_number_and_a_silent_receiver_tell_nothing():
    feedback = ArrivalFeedback(5)
    feedback.arrived(RtpPacket(96, 1, 0, 7, payload=b"x"), 100, None, NOW)
    assert feedback.next_timeout() is None
    feedback.silent = True
    feedback.arrived(numbered(1), 100, None, NOW)
    assert told(feedback, NOW) == []


def receive(feedback: RembFeedback, duration_s: int, delay_us) -> list[int]:
    """800 kbit/s; what was said, second by second."""
    said = []
    for step in range(duration_s * 100):
        now = Instant(NOW + step * 10_000)
        feedback.arrived(numbered(step), 1000, delay_us(step / 100), now)
        said += [one.bitrate_bps for one in feedback.take_due(1, [7, 8], now)]
    return said


def test_remb_grows_while_delay_stays_and_falls_below_what_comes_when_it_grows():
    said = receive(
        RembFeedback(), 20, lambda at_s: 20_000 if at_s < 10 else 20_000 + int((at_s - 10) * 40_000)
    )
    assert REMB_START_BPS <= said[0] < said[5] < said[9] <= 1.5 * 800_000 + 50_000
    assert 0.8 * 0.85 * 800_000 <= min(said[12:]) <= 800_000


def test_remb_can_be_scripted_and_names_the_streams():
    feedback = RembFeedback(lambda now: 123_456)
    feedback.arrived(numbered(1), 100, None, NOW)
    [one] = feedback.take_due(1, [7, 8], Instant(NOW + seconds(1)))
    assert (one.bitrate_bps, one.ssrcs) == (123_456, (7, 8))
