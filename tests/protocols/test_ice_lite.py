import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.protocols.ice_lite import (
    IceLite,
    IceState,
    IceStateChanged,
    LocalUfragRemoved,
    SelectedTupleChanged,
    TupleAdded,
    TupleRemoved,
)
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Path

TRANSACTION = b"transaction!"
NOW = Instant(1_000_000)
A: Path = (0, ("192.0.2.1", 4000))
B: Path = (0, ("192.0.2.2", 4000))
SIX: Path = (1, ("2001:db8::1", 4000, 0, 0))


def entropy_from(seed: int):  # type: ignore[no-untyped-def]
    counter = itertools.count(seed)
    return lambda size: bytes(next(counter) * 37 + 11 & 255 for _ in range(size))


def agent(**options) -> IceLite:  # type: ignore[no-untyped-def]
    return IceLite(entropy_from(1), **options)


def check(ice: IceLite, **changes) -> bytes:  # type: ignore[no-untyped-def]
    values = {
        "username": f"{ice.ufrag}:peer",
        "key": ice.password.encode(),
        "priority": 1,
        "controlling": 7,
        **changes,
    }
    return stun.binding_request(TRANSACTION, values.pop("username"), values.pop("key"), **values)


def signed(ice: IceLite, before: list[tuple[int, bytes]], after: list[tuple[int, bytes]] = []) -> bytes:  # noqa: B006
    """A request of arbitrary attributes, with integrity in the middle and a fingerprint at the end."""

    def pack(pairs: list[tuple[int, bytes]]) -> bytes:
        return b"".join(
            struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) & 3) for kind, value in pairs
        )

    head = struct.pack("!HHI12s", 1, 0, stun.COOKIE, TRANSACTION) + pack(before)
    data = stun._seal(head, ice.password.encode())[:-8] + pack(after)
    return stun._seal(data, None)


def base(ice: IceLite) -> list[tuple[int, bytes]]:
    return [
        (stun.USERNAME, f"{ice.ufrag}:peer".encode()),
        (stun.PRIORITY, bytes(4)),
        (stun.ICE_CONTROLLING, bytes(8)),
    ]


def error_of(answer: bytes | None) -> int | None:
    assert answer is not None
    return stun.parse(answer).error_code


def untouched(ice: IceLite) -> bool:
    return ice.state is IceState.NEW and not ice.tuples() and not ice.events() and ice.next_timeout() is None


# --- what works


def test_a_good_check_is_answered_with_its_source_under_our_password() -> None:
    ice = agent()
    for path in (A, SIX):
        answer = ice.receive(check(ice), path, NOW)
        assert answer is not None
        view = stun.parse(answer)
        assert view.message_class == stun.Class.RESPONSE and view.transaction_id == TRANSACTION
        assert stun.mapped_address(view) == path[1][:2]
        assert stun.check_integrity(view, ice.password.encode()) and stun.check_fingerprint(view)


def test_the_first_check_connects_and_a_nominating_one_completes() -> None:
    ice = agent()
    assert untouched(ice)
    ice.receive(check(ice), A, NOW)
    assert ice.events() == [TupleAdded(A), SelectedTupleChanged(A), IceStateChanged(IceState.CONNECTED)]
    ice.receive(check(ice), B, NOW)
    assert ice.events() == [TupleAdded(B)] and ice.selected == A
    ice.receive(check(ice, use_candidate=True), B, NOW)
    assert ice.events() == [SelectedTupleChanged(B), IceStateChanged(IceState.COMPLETED)]
    assert ice.is_valid(A) and ice.is_valid(B)


def test_aggressive_nomination_completes_with_the_first_check() -> None:
    ice = agent()
    ice.receive(check(ice, use_candidate=True), A, NOW)
    assert ice.events() == [TupleAdded(A), SelectedTupleChanged(A), IceStateChanged(IceState.COMPLETED)]


def test_use_candidate_moves_the_selection_when_completed_and_a_plain_check_does_not() -> None:
    ice = agent()
    ice.receive(check(ice, use_candidate=True), A, NOW)
    ice.receive(check(ice), B, NOW)
    assert ice.selected == A
    ice.receive(check(ice, use_candidate=True), B, NOW)
    assert ice.selected == B


def test_renomination_moves_only_on_a_higher_value() -> None:
    ice = agent()
    ice.receive(check(ice, nomination=1), A, NOW)
    assert ice.state is IceState.COMPLETED and ice.selected == A
    ice.receive(check(ice, nomination=5, use_candidate=True), B, NOW)
    assert ice.selected == B
    ice.receive(check(ice, nomination=4, use_candidate=True), A, NOW)
    ice.receive(check(ice, nomination=5), A, NOW)
    assert ice.selected == B
    ice.receive(check(ice, nomination=6), A, NOW)
    assert ice.selected == A


def test_credentials_are_32_ice_chars_each_and_come_from_the_entropy_given() -> None:
    one, same, other = agent(), agent(), IceLite(entropy_from(2))
    assert (one.ufrag, one.password) == (same.ufrag, same.password) != (other.ufrag, other.password)
    for text in (one.ufrag, one.password):
        assert len(text) == 32 and text.isalnum() and text.isascii()
    assert one.local_ufrags() == [one.ufrag]


# --- consent


def test_consent_lapses_thirty_seconds_after_the_last_authenticated_check() -> None:
    ice = agent()
    ice.receive(check(ice), A, NOW)
    ice.receive(check(ice), B, Instant(NOW + seconds(10)))
    deadline = ice.next_timeout()
    assert deadline == NOW + seconds(40)
    ice.receive(check(ice, key=b"x" * 32), A, Instant(NOW + seconds(39)))  # forged: extends nothing
    ice.handle_timeout(Instant(deadline - 1))
    assert ice.state is IceState.CONNECTED
    ice.events()
    ice.handle_timeout(deadline)
    assert ice.events() == [
        TupleRemoved(A),
        TupleRemoved(B),
        SelectedTupleChanged(None),
        IceStateChanged(IceState.DISCONNECTED),
    ]
    assert ice.next_timeout() is None and ice.selected is None and not ice.is_valid(A)


def test_a_disconnected_agent_connects_again_with_a_check() -> None:
    ice = agent()
    ice.receive(check(ice, nomination=9), A, NOW)
    ice.handle_timeout(Instant(NOW + seconds(30)))
    ice.receive(check(ice), B, Instant(NOW + seconds(31)))
    assert ice.state is IceState.CONNECTED and ice.selected == B
    ice.receive(check(ice, nomination=1), B, Instant(NOW + seconds(31)))
    assert ice.state is IceState.COMPLETED


def test_consent_can_be_off_and_has_limits() -> None:
    ice = agent(consent_timeout_us=0)
    ice.receive(check(ice), A, NOW)
    assert ice.next_timeout() is None
    for timeout_us in (-1, 1, seconds(9), seconds(61)):
        with pytest.raises(InvalidParameters):
            agent(consent_timeout_us=timeout_us)


# --- restart


def test_old_credentials_hold_until_the_first_check_with_the_new_ones() -> None:
    ice = agent()
    ice.receive(check(ice, use_candidate=True), A, NOW)
    ice.events()
    old, old_ufrag = check(ice), ice.ufrag
    ice.restart(entropy_from(9), NOW)
    assert ice.local_ufrags() == [ice.ufrag, old_ufrag]
    assert ice.receive(old, A, NOW) is not None
    assert not ice.events() and ice.state is IceState.COMPLETED and ice.selected == A  # media goes on
    assert ice.receive(check(ice), A, NOW) is not None
    assert ice.events() == [LocalUfragRemoved(old_ufrag)]
    assert ice.local_ufrags() == [ice.ufrag]
    assert ice.receive(old, A, NOW) is None
    assert ice.drops["stun_unknown_ufrag"] == 1


def test_a_second_restart_forgets_the_first_credentials_at_once() -> None:
    ice = agent()
    first = ice.ufrag
    ice.restart(entropy_from(9), NOW)
    ice.restart(entropy_from(99), NOW)
    assert ice.events() == [LocalUfragRemoved(first)]
    assert first not in ice.local_ufrags() and len(ice.local_ufrags()) == 2


def test_a_restart_gives_the_peer_a_whole_consent_interval_and_a_fresh_nomination() -> None:
    ice = agent()
    ice.receive(check(ice, nomination=8), A, NOW)
    ice.restart(entropy_from(9), Instant(NOW + seconds(20)))
    assert ice.next_timeout() == NOW + seconds(50)
    ice.receive(check(ice, nomination=1), B, Instant(NOW + seconds(21)))
    assert ice.selected == B


def test_twenty_restarts_in_one_call_lose_nothing() -> None:
    ice = agent()
    ice.receive(check(ice, use_candidate=True), A, NOW)
    for turn in range(20):
        ice.restart(entropy_from(100 + turn), NOW)
        assert ice.receive(check(ice, use_candidate=True), A, NOW) is not None
        assert ice.selected == A and ice.state is IceState.COMPLETED
    assert ice.local_ufrags() == [ice.ufrag]


# --- reliability 2.1, row by row


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:19],
        lambda data: data + bytes(1500),
        lambda data: data + b"\0",
        lambda data: data + bytes(4),
        lambda data: data[:4] + bytes(4) + data[8:],
        lambda data: b"\xc0" + data[1:],
        lambda data: data[:2] + b"\0\0" + data[4:],
        lambda data: b"",
    ],
)
def test_s1_a_datagram_that_is_not_quite_stun_is_dropped(damage) -> None:  # type: ignore[no-untyped-def]
    ice = agent()
    assert ice.receive(damage(check(ice)), A, NOW) is None
    assert ice.drops == {"stun_malformed": 1} and untouched(ice)


def test_s2_an_unknown_ufrag_gets_no_answer() -> None:
    ice = agent()
    assert ice.receive(check(ice, username="stranger:peer"), A, NOW) is None
    unsigned = stun._seal(struct.pack("!HHI12s", 1, 0, stun.COOKIE, TRANSACTION) + b"\0\6\0\3a:b\0", None)
    assert ice.receive(unsigned, A, NOW) is None
    assert ice.drops == {"stun_unknown_ufrag": 2} and untouched(ice)


def test_s3_a_wrong_password_gets_401_within_the_budget_and_changes_nothing() -> None:
    ice = agent()
    answers = [ice.receive(check(ice, key=b"wrong" * 5), A, NOW) for _ in range(25)]
    assert [error_of(answer) for answer in answers[:10]] == [401] * 10
    assert answers[10:] == [None] * 15
    assert not stun.parse(answers[0] or b"").has_integrity
    assert ice.drops == {"stun_unauthorized": 25} and untouched(ice)
    later = Instant(NOW + seconds(1))
    assert error_of(ice.receive(check(ice, key=b"wrong" * 5), A, later)) == 401


def test_s3_absent_or_misplaced_integrity_gets_400() -> None:
    ice = agent()
    unsigned = signed(ice, base(ice))[:-32]
    absent = stun._seal(unsigned, None)
    assert error_of(ice.receive(absent, A, NOW)) == 400
    misplaced = stun._seal(absent, ice.password.encode())[:-8]
    misplaced = misplaced[:2] + struct.pack("!H", len(misplaced) - 20) + misplaced[4:]
    assert ice.receive(misplaced, A, NOW) is not None
    assert ice.drops == {"stun_bad_request": 2} and untouched(ice)


def test_s3_a_short_integrity_value_is_malformed() -> None:
    ice = agent()
    assert (
        ice.receive(stun._seal(signed(ice, base(ice))[:-32] + b"\0\x08\0\x13" + bytes(20), None), A, NOW)
        is None
    )
    assert ice.drops == {"stun_malformed": 1} and untouched(ice)


@settings(max_examples=100)
@given(st.integers(0, 10**6))
def test_s3_no_single_flipped_bit_gets_through(bit: int) -> None:
    ice = agent()
    data = bytearray(check(ice, use_candidate=True))
    bit %= len(data) * 8
    data[bit // 8] ^= 1 << bit % 8
    answer = ice.receive(bytes(data), A, NOW)
    assert untouched(ice)
    assert answer is None or error_of(answer) in (400, 401)


def test_s5_overrunning_attributes_and_bad_usernames_are_malformed() -> None:
    ice = agent()
    for attribute in (
        b"\x80\x22\0\x10abcd",
        struct.pack("!HH", 6, 516) + bytes(516),
        struct.pack("!HH", 6, 4) + b"\xff\xfe:a",
    ):
        data = struct.pack("!HHI12s", 1, len(attribute), stun.COOKIE, TRANSACTION) + attribute
        assert ice.receive(data, A, NOW) is None
    assert ice.drops == {"stun_malformed": 3} and untouched(ice)


def test_s6_a_nomination_after_the_integrity_is_ignored() -> None:
    ice = agent()
    assert ice.receive(signed(ice, base(ice), [(stun.USE_CANDIDATE, b"")]), A, NOW) is not None
    assert ice.state is IceState.CONNECTED
    assert ice.receive(signed(ice, [*base(ice), (stun.USE_CANDIDATE, b"")]), A, NOW) is not None
    assert ice.state is IceState.COMPLETED


def test_s7_an_unknown_mandatory_attribute_gets_420_with_its_type() -> None:
    ice = agent()
    answer = ice.receive(signed(ice, [*base(ice), (0x7001, b"x"), (0x8999, b"y")]), A, NOW)
    assert error_of(answer) == 420 and answer is not None
    assert bytes.fromhex("000a00027001") in answer
    assert stun.check_integrity(stun.parse(answer), ice.password.encode())
    assert ice.drops == {"stun_unknown_attribute": 1} and untouched(ice)


def test_s7_unknown_optional_attributes_are_ignored() -> None:
    ice = agent()  # Chromium's network cost, and DTLS carried inside STUN
    answer = ice.receive(signed(ice, [*base(ice), (0xC057, bytes(4)), (0xC070, bytes(900))]), A, NOW)
    assert error_of(answer) is None and ice.state is IceState.CONNECTED


def test_s8_a_wrong_or_absent_fingerprint_is_dropped() -> None:
    ice = agent()
    good = check(ice)
    assert ice.receive(good[:-1] + bytes([good[-1] ^ 1]), A, NOW) is None
    absent = good[:-8]
    assert ice.receive(absent[:2] + struct.pack("!H", len(absent) - 20) + absent[4:], A, NOW) is None
    assert ice.drops == {"stun_fingerprint": 2} and untouched(ice)


def test_s9_a_controlled_peer_gets_487_and_nominates_nothing() -> None:
    ice = agent()
    answer = ice.receive(check(ice, controlling=None, controlled=5, use_candidate=True), A, NOW)
    assert error_of(answer) == 487
    assert ice.drops == {"stun_role_conflict": 1} and untouched(ice)


def test_s10_the_wrong_remote_ufrag_is_dropped_when_signaled() -> None:
    ice = agent(remote_ufrag="peer")
    assert ice.receive(check(ice, username=f"{ice.ufrag}:other"), A, NOW) is None
    assert ice.drops == {"stun_bad_remote_ufrag": 1} and untouched(ice)
    assert ice.receive(check(ice), A, NOW) is not None
    ice.set_remote_ufrag("other")
    assert ice.receive(check(ice), A, NOW) is None


def test_s11_responses_indications_and_turn_methods_are_dropped() -> None:
    ice = agent()
    response = stun.success_response(TRANSACTION, stun.pack_address(A[1]), ice.password.encode())
    assert ice.receive(response, A, NOW) is None
    for message_type in (0x0011, 0x0111, 0x0003, 0x0016, 0x0009):
        data = stun._seal(struct.pack("!HHI12s", message_type, 0, stun.COOKIE, TRANSACTION), None)
        assert ice.receive(data, A, NOW) is None
    assert ice.drops == {"stun_unsolicited_response": 2, "stun_indication": 1, "stun_method": 3}
    assert untouched(ice)


def test_s12_a_heap_of_attributes_is_dropped_on_its_size_or_count() -> None:
    ice = agent()
    huge = struct.pack("!HHI12s", 1, 65520, stun.COOKIE, TRANSACTION) + b"\x80\x28\0\4abcd" * 8190
    many = struct.pack("!HHI12s", 1, 1480, stun.COOKIE, TRANSACTION) + b"\x80\x22\0\0" * 370
    assert ice.receive(huge, A, NOW) is None and ice.receive(many, A, NOW) is None
    assert ice.drops == {"stun_malformed": 2} and untouched(ice)


def test_s13_a_ninth_tuple_evicts_the_oldest_that_is_not_selected() -> None:
    ice = agent()
    paths: list[Path] = [(0, (f"192.0.2.{host}", 5000)) for host in range(1, 12)]
    for path in paths[:8]:
        ice.receive(check(ice), path, NOW)
    assert ice.selected == paths[0] and len(ice.tuples()) == 8
    ice.events()
    ice.receive(check(ice), paths[8], NOW)
    assert ice.events() == [TupleRemoved(paths[1]), TupleAdded(paths[8])]
    ice.receive(check(ice, use_candidate=True), paths[9], NOW)
    ice.receive(check(ice), paths[10], NOW)
    assert ice.tuples() == paths[3:11]
    assert ice.selected == paths[9] and ice.is_valid(paths[9])


@pytest.mark.parametrize(
    "address",
    [
        ("192.0.2.1", 0),
        ("224.0.0.1", 4000),
        ("255.255.255.255", 4000),
        ("0.0.0.0", 4000),
        ("::", 4000, 0, 0),
        ("ff02::1", 4000, 0, 0),
        ("::ffff:224.0.0.1", 4000, 0, 0),
        ("198.51.100.1", 44444),
        ("::ffff:198.51.100.1", 44444, 0, 0),
        ("not an address", 4000),
    ],
)
def test_s15_an_address_that_nothing_may_be_sent_to_is_dropped(address) -> None:  # type: ignore[no-untyped-def]
    ice = agent(own_addresses=[("198.51.100.1", 44444)])
    assert ice.receive(check(ice), (0, address), NOW) is None
    assert ice.receive(check(ice, key=b"wrong" * 5), (0, address), NOW) is None
    assert ice.drops == {"stun_source_address": 2} and untouched(ice)


def test_s16_a_closed_agent_answers_nothing() -> None:
    ice = agent()
    ice.receive(check(ice), A, NOW)
    ufrag = ice.ufrag
    ice.events()
    ice.close()
    ice.close()
    assert ice.events() == [
        LocalUfragRemoved(ufrag),
        TupleRemoved(A),
        SelectedTupleChanged(None),
        IceStateChanged(IceState.CLOSED),
    ]
    assert ice.receive(check(ice), A, NOW) is None
    assert ice.drops == {"stun_closed": 1} and ice.local_ufrags() == [] and ice.next_timeout() is None
    with pytest.raises(InvalidState):
        ice.restart(entropy_from(5), NOW)


def test_s17_a_password_is_long_by_construction() -> None:
    assert len(agent().password) >= stun.MIN_PASSWORD_SIZE


# --- amplification


def test_an_unproven_sender_never_gets_more_than_it_sent() -> None:
    ice = agent()
    bare = stun._seal(struct.pack("!HHI12s", 1, 0, stun.COOKIE, TRANSACTION), None)
    assert ice.receive(bare, A, NOW) is None  # a 400 would be 48 bytes for 28
    for request in (check(ice, key=b"wrong" * 5), stun._seal(signed(ice, base(ice))[:-32], None)):
        answer = ice.receive(request, A, NOW)
        assert answer is not None and len(answer) <= len(request)


def test_ten_thousand_forged_requests_leave_the_selection_alone() -> None:
    ice = agent()
    ice.receive(check(ice, use_candidate=True), A, NOW)
    ice.events()
    forged = check(ice, key=b"wrong" * 5, use_candidate=True)
    answered = 0
    for step in range(10_000):
        path = (0, (f"10.0.{step >> 8 & 255}.{step & 255}", 1234))
        answered += ice.receive(forged, path, Instant(NOW + step)) is not None
    assert answered == 256  # one for each host that the budget remembers within the second
    assert ice.selected == A and ice.tuples() == [A] and not ice.events()
    assert ice.next_timeout() == NOW + seconds(30)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.booleans(), st.none() | st.integers(0, 4), st.integers(0, 12_000)),
        max_size=40,
    )
)
def test_selection_is_always_a_valid_tuple_and_there_are_never_more_than_eight(
    steps: list[tuple[int, bool, int | None, int]],
) -> None:
    ice = agent()
    now = NOW
    known: set[Path] = set()
    for host, nominates, nomination, wait_ms in steps:
        now = Instant(now + milliseconds(wait_ms))
        deadline = ice.next_timeout()
        if deadline is not None and deadline <= now:
            ice.handle_timeout(now)
            assert ice.state is IceState.DISCONNECTED
        ice.receive(
            check(ice, use_candidate=nominates, nomination=nomination), (0, (f"192.0.2.{host + 1}", 1)), now
        )
        for event in ice.events():
            if isinstance(event, TupleAdded):
                known.add(event.path)
            elif isinstance(event, TupleRemoved):
                known.remove(event.path)
        assert known == set(ice.tuples()) and len(known) <= 8
        assert ice.selected in known
        assert ice.state in (IceState.CONNECTED, IceState.COMPLETED)
