"""When a packet may be sent again, and what is kept for it."""

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import SendStreamSpec, TransportId
from rtpfwd.dataplane.reference.retransmission import (
    CIPHERTEXT_KEPT_US,
    CIPHERTEXTS_KEPT,
    RESENDS_REMEMBERED,
    Resends,
)

RTT_US = milliseconds(100)


def resends(first: int = 500) -> Resends:
    return Resends(
        SendStreamSpec(
            transport=TransportId(1), ssrc=1, rtx_ssrc=2, rtx_payload_types={}, payload_types=frozenset(),
            clock_rate=90_000, mime_type="video/VP8", mid=b"", extension_ids={}, first_sequence_number=0,
            first_rtx_sequence_number=first, needs_key_frame=False, keep_ciphertext=True,
        )
    )  # fmt: skip


def test_a_packet_is_sent_again_at_most_once_in_a_round_trip():
    one = resends()
    times = [
        at for at in range(0, milliseconds(1000), milliseconds(10)) if one.may_resend(7, RTT_US, Instant(at))
    ]
    assert times == [milliseconds(100) * turn for turn in range(10)]


def test_different_packets_do_not_wait_for_each_other():
    one = resends()
    assert all(one.may_resend(number, RTT_US, Instant(0)) for number in range(300))


def test_who_asks_for_more_numbers_than_are_remembered_still_gets_each_at_most_once_in_a_round_trip():
    one = resends()
    granted = [
        number for _ in range(3) for number in range(4 * RESENDS_REMEMBERED)
        if one.may_resend(number, RTT_US, Instant(0))
    ]  # fmt: skip
    assert len(granted) == len(set(granted)) == RESENDS_REMEMBERED
    assert one.may_resend(60_000, RTT_US, Instant(RTT_US)), "and later it goes on"
    assert len(one._last_resent) <= RESENDS_REMEMBERED


def test_a_nack_that_crosses_a_packet_sent_late_is_not_answered_in_a_long_call_either():
    one = resends()
    for number in range(4 * RESENDS_REMEMBERED):
        now = Instant(number * milliseconds(20))
        one.sent_late(number, now)
        assert not one.may_resend(number, RTT_US, Instant(now + milliseconds(50)))
        assert one.may_resend(number, RTT_US, Instant(now + RTT_US))
    assert len(one._last_resent) <= RESENDS_REMEMBERED


def test_rtx_numbers_follow_each_other_over_the_wrap():
    one = resends(65_534)
    assert [one.next_sequence_number() for _ in range(4)] == [65_534, 65_535, 0, 1]


def test_a_kept_ciphertext_comes_back_as_it_was():
    one = resends()
    one.keep(7, b"first", Instant(0))
    assert one.verbatim(7) == b"first"
    assert one.verbatim(7) == b"first"
    assert one.verbatim(8) is None
    one.count_verbatim(len(b"first"))
    assert (one.packets, one.bytes) == (1, 5)


def test_ciphertexts_are_kept_for_two_seconds_and_so_many():
    one = resends()
    one.keep(1, b"old", Instant(0))
    one.keep(2, b"new", Instant(CIPHERTEXT_KEPT_US))
    assert one.verbatim(1) == b"old"
    one.keep(3, b"newer", Instant(CIPHERTEXT_KEPT_US + 1))
    assert one.verbatim(1) is None
    for number in range(2000):
        one.keep(number, b"x", Instant(CIPHERTEXT_KEPT_US + 1))
    assert len(one._ciphertexts) == CIPHERTEXTS_KEPT
    assert one.verbatim(1999) == b"x"


def test_a_number_that_comes_round_again_replaces_the_old_ciphertext():
    one = resends()
    one.keep(7, b"first", Instant(0))
    one.keep(7, b"second", Instant(1))
    assert one.verbatim(7) == b"second"
