"""TURN messages: the published vector of long-term credentials, and answers as servers send them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import stun, turn

ID = bytes(range(12))

# RFC 5769 §2.4: a request with long-term authentication.
LONG_TERM = bytes.fromhex(
    "00010060"
    "2112a442"
    "78ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


def answer(method: int, kind: int, *attributes: tuple[int, bytes]) -> bytes:
    message_type = method | kind
    head = message_type.to_bytes(2, "big") + bytes(2) + stun.COOKIE.to_bytes(4, "big") + ID
    return stun._seal(head + b"".join(stun._attribute(*one) for one in attributes), None)


def test_the_key_of_the_published_request() -> None:
    login = turn.Login("マトリックス", "TheMatrIX", "example.org", b"f//499k954d6OL34oL9FSTvy64sA")
    assert stun.check_integrity(stun.parse(LONG_TERM), login.key)


def test_the_first_request_asks_for_a_relay_without_a_name() -> None:
    view = stun.parse(turn.allocate_request(ID))
    assert (view.method, view.transaction_id) == (turn.ALLOCATE, ID)
    assert view.attribute_types == [turn.REQUESTED_TRANSPORT]
    assert stun.check_fingerprint(view) and not view.has_integrity


def test_requests_with_a_name_are_signed() -> None:
    login = turn.Login("1700000000:ann", "secret", "rtpfwd", b"nonce")
    for data, method in (
        (turn.allocate_request(ID, login), turn.ALLOCATE),
        (turn.release_request(ID, login), turn.REFRESH),
    ):
        view = stun.parse(data)
        assert view.method == method and view.username == login.username
        assert stun.check_integrity(view, login.key) and stun.check_fingerprint(view)


def test_a_refusal_tells_realm_and_nonce() -> None:
    data = answer(
        turn.ALLOCATE,
        0x0110,
        (stun.ERROR_CODE, b"\0\0\4\1Unauthorized"),
        (turn.REALM, b"rtpfwd"),
        (turn.NONCE, b"abc"),
    )
    assert turn.parse(data) == turn.Answer(turn.ALLOCATE, ID, 401, "rtpfwd", b"abc", None)


def test_success_tells_the_relayed_address() -> None:
    relayed = (
        b"\0\1" + (49152 ^ 0x2112).to_bytes(2, "big") + bytes([192 ^ 0x21, 0 ^ 0x12, 2 ^ 0xA4, 7 ^ 0x42])
    )
    data = answer(turn.ALLOCATE, 0x0100, (turn.XOR_RELAYED_ADDRESS, relayed))
    assert turn.parse(data).relayed == ("192.0.2.7", 49152)


@pytest.mark.parametrize(
    "data",
    [
        turn.allocate_request(ID),
        answer(turn.ALLOCATE, 0x0110),
        answer(turn.ALLOCATE, 0x0100, (stun.ERROR_CODE, b"\0\0\4\1")),
        answer(turn.ALLOCATE, 0x0100, (turn.XOR_RELAYED_ADDRESS, b"\0\1")),
        answer(turn.ALLOCATE, 0x0100, (turn.XOR_RELAYED_ADDRESS, b"\0\x09" + bytes(6))),
    ],
    ids=["a request", "error without code", "success with a code", "short address", "odd family"],
)
def test_what_is_no_answer_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        turn.parse(data)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=80)
    | st.lists(
        st.tuples(st.sampled_from([9, 0x14, 0x15, 0x16, 0x20]), st.binary(max_size=24)), max_size=5
    ).map(lambda attributes: answer(turn.ALLOCATE, 0x0100, *attributes))
)
def test_any_bytes_parse_or_are_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        turn.parse(data)
