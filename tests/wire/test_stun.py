import struct

import pytest
from aioice import stun as codec
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import stun

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
KEY = b"VOkJxbRl1RmTxUk/WvJxBt"
HEAD = "2112a442b7e7a701bc34d686fa87dfae"

# RFC 5769 §2.1, §2.2 and §2.3.
REQUEST = bytes.fromhex(
    "00010058" + HEAD + "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "00060009"
    "6576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RESPONSE_V4 = bytes.fromhex(
    "0101003c" + HEAD + "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RESPONSE_V6 = bytes.fromhex(
    "01010048" + HEAD + "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)


def message(*attributes: tuple[int, bytes], kind: int = 1) -> bytes:
    """An unsigned message of arbitrary attributes."""
    body = b"".join(
        struct.pack("!HH", number, len(value)) + value + bytes(-len(value) & 3)
        for number, value in attributes
    )
    return struct.pack("!HHI12s", kind, len(body), stun.COOKIE, TRANSACTION) + body


def test_the_sample_request_of_rfc_5769_is_read_and_verified() -> None:
    view = stun.parse(REQUEST)
    assert (view.message_class, view.method) == (stun.Class.REQUEST, stun.BINDING)
    assert view.transaction_id == TRANSACTION
    assert (view.username, view.local_ufrag, view.remote_ufrag) == ("evtj:h6vY", "evtj", "h6vY")
    assert view.priority == 0x6E0001FF
    assert view.ice_controlled == 0x932FF9B151263B36
    assert view.attribute_types == [0x8022, stun.PRIORITY, stun.ICE_CONTROLLED, stun.USERNAME]
    assert view.has_integrity and view.has_fingerprint and not view.unknown_required
    assert stun.check_fingerprint(view)
    assert stun.check_integrity(view, KEY)
    assert not stun.check_integrity(view, KEY + b"x")


@pytest.mark.parametrize(
    ("data", "host"),
    [(RESPONSE_V4, "192.0.2.1"), (RESPONSE_V6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_the_sample_responses_of_rfc_5769_are_read_and_verified(data: bytes, host: str) -> None:
    view = stun.parse(data)
    assert view.message_class == stun.Class.RESPONSE
    assert stun.mapped_address(view) == (host, 32853)
    assert stun.check_fingerprint(view)
    assert stun.check_integrity(view, KEY)


ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4).map(str), st.integers(1, 65535)),
    st.tuples(st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None).map(str), st.integers(1, 65535)),
)


@settings(max_examples=150)
@given(st.binary(min_size=12, max_size=12), ADDRESSES, st.binary(min_size=22, max_size=40))
def test_a_success_response_is_byte_identical_with_aioices(
    transaction_id: bytes, address: tuple[str, int], key: bytes
) -> None:
    reference = codec.Message(
        codec.Method.BINDING, codec.Class.RESPONSE, transaction_id, {"XOR-MAPPED-ADDRESS": address}
    )
    reference.add_message_integrity(key)
    built = stun.success_response(transaction_id, stun.pack_address(address), key)
    assert built == bytes(reference)
    view = stun.parse(built)
    assert stun.mapped_address(view) == address
    assert stun.check_integrity(view, key) and stun.check_fingerprint(view)


def test_an_ipv4_peer_of_a_dual_stack_socket_is_told_its_ipv4_address() -> None:
    packed = stun.pack_address(("::ffff:192.0.2.7", 4000, 0, 0))
    assert packed == stun.pack_address(("192.0.2.7", 4000))


def test_a_link_local_address_loses_its_zone() -> None:
    assert stun.pack_address(("fe80::1%eth0", 9, 0, 2)) == stun.pack_address(("fe80::1", 9, 0, 0))


@settings(max_examples=100)
@given(
    st.text(min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.none() | st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_a_request_round_trips(
    username: str, priority: int, tie: int, nominates: bool, nomination: int | None, controls: bool
) -> None:
    data = stun.binding_request(
        TRANSACTION,
        username,
        KEY,
        priority=priority,
        controlling=tie if controls else None,
        controlled=None if controls else tie,
        use_candidate=nominates,
        nomination=nomination,
    )
    view = stun.parse(data)
    assert (view.username, view.priority, view.use_candidate) == (username, priority, nominates)
    assert view.nomination == nomination
    assert (view.ice_controlling, view.ice_controlled) == ((tie, None) if controls else (None, tie))
    assert stun.check_integrity(view, KEY) and stun.check_fingerprint(view)
    # aioice agrees, but for NOMINATION, which it does not know
    assert codec.parse_message(data).check_message_integrity(KEY)


@pytest.mark.parametrize("code", sorted(stun.REASONS))
@pytest.mark.parametrize("key", [None, KEY])
def test_an_error_response_is_what_aioice_would_send(code: int, key: bytes | None) -> None:
    data = stun.error_response(TRANSACTION, code, key)
    reference = codec.Message(
        codec.Method.BINDING, codec.Class.ERROR, TRANSACTION, {"ERROR-CODE": (code, stun.REASONS[code])}
    )
    if key is None:
        reference.add_fingerprint()
    else:
        reference.add_message_integrity(key)
    assert data == bytes(reference)
    assert stun.parse(data).error_code == code


def test_a_420_names_the_unknown_attributes_under_integrity() -> None:
    data = stun.error_response(TRANSACTION, 420, KEY, [0x7001, 0x7002, 0x7003])
    assert bytes.fromhex("000a0006700170027003") in data
    view = stun.parse(data)
    assert stun.UNKNOWN_ATTRIBUTES in view.attribute_types
    assert stun.check_integrity(view, KEY) and stun.check_fingerprint(view)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(REQUEST[:19], id="shorter than a header"),
        pytest.param(REQUEST[:-4], id="cut short"),
        pytest.param(REQUEST + bytes(4), id="trailing word"),
        pytest.param(REQUEST + b"\0", id="trailing byte"),
        pytest.param(REQUEST[:4] + b"\x21\x12\xa4\x43" + REQUEST[8:], id="wrong cookie"),
        pytest.param(b"\x40" + REQUEST[1:], id="second bit set"),
        pytest.param(b"\x80" + REQUEST[1:], id="first bit set"),
        pytest.param(message((0x8022, bytes(1480))), id="1504 bytes"),
        pytest.param(message()[:2] + b"\0\4" + message()[4:] + b"\x80\x22\0\1", id="value past the end"),
        pytest.param(message((stun.USERNAME, b"a" * 514)), id="USERNAME of 514 bytes"),
        pytest.param(message((stun.USERNAME, b"\xff:b")), id="USERNAME not UTF-8"),
        pytest.param(message(*[(0x8022, b"")] * 33), id="33 attributes"),
        pytest.param(message((stun.MESSAGE_INTEGRITY, bytes(19))), id="integrity of 19 bytes"),
        pytest.param(message((stun.FINGERPRINT, bytes(3))), id="fingerprint of 3 bytes"),
        pytest.param(message((stun.PRIORITY, bytes(2))), id="PRIORITY of 2 bytes"),
        pytest.param(message((stun.USE_CANDIDATE, bytes(4))), id="USE-CANDIDATE with a value"),
        pytest.param(message((stun.NOMINATION, bytes(8))), id="NOMINATION of 8 bytes"),
        pytest.param(message((stun.ICE_CONTROLLING, bytes(4))), id="tie-breaker of 4 bytes"),
        pytest.param(message((stun.ERROR_CODE, bytes(3))), id="ERROR-CODE of 3 bytes"),
    ],
)
def test_a_malformed_message_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        stun.parse(data)


def test_a_username_of_513_bytes_is_still_legal() -> None:
    assert len(stun.parse(message((stun.USERNAME, b"a" * 513))).username or "") == 513


def test_attributes_after_the_integrity_are_ignored() -> None:
    data = message(
        (stun.USERNAME, b"a:b"), (stun.MESSAGE_INTEGRITY, bytes(20)), (stun.USE_CANDIDATE, b""), (0x7001, b"")
    )
    view = stun.parse(data)
    assert view.attribute_types == [stun.USERNAME]
    assert not view.use_candidate and not view.unknown_required


def test_integrity_after_the_fingerprint_does_not_count() -> None:
    view = stun.parse(message((stun.FINGERPRINT, bytes(4)), (stun.MESSAGE_INTEGRITY, bytes(20))))
    assert view.has_fingerprint and not view.has_integrity


def test_the_first_of_two_equal_attributes_counts() -> None:
    view = stun.parse(message((stun.USERNAME, b"a:b"), (stun.USERNAME, b"c:d")))
    assert view.username == "a:b"


def test_unknown_attributes_matter_only_below_0x8000() -> None:
    view = stun.parse(message((0x7001, b"abc"), (0xC070, bytes(900)), (0x0055, b"")))
    assert view.unknown_required == [0x7001, 0x0055]


def test_the_new_nomination_attribute_wins_over_the_old() -> None:
    both = [(stun.NOMINATION_OLD, b"\0\0\0\5"), (stun.NOMINATION, b"\0\0\0\7")]
    assert stun.parse(message(*both)).nomination == 7
    assert stun.parse(message(*reversed(both))).nomination == 7
    assert stun.parse(message(both[0])).nomination == 5


def test_a_message_without_integrity_or_fingerprint_verifies_with_no_key() -> None:
    view = stun.parse(message((stun.USERNAME, b"a:b")))
    assert not stun.check_integrity(view, b"")
    assert not stun.check_fingerprint(view)


def test_a_response_without_an_address_is_malformed_to_who_asks_for_it() -> None:
    for data in (message(kind=0x101), message((stun.XOR_MAPPED_ADDRESS, bytes(5)), kind=0x101)):
        with pytest.raises(MalformedPacket):
            stun.mapped_address(stun.parse(data))


@settings(max_examples=100)
@given(st.integers(0, len(REQUEST) * 8 - 1))
def test_every_flipped_bit_is_noticed(bit: int) -> None:
    damaged = bytearray(REQUEST)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        view = stun.parse(bytes(damaged))
    except MalformedPacket:
        return
    assert not (stun.check_fingerprint(view) and stun.check_integrity(view, KEY))


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30)), max_size=8).map(
            lambda pairs: message(*pairs)
        ),
        st.lists(
            st.tuples(
                st.sampled_from([6, 8, 9, 0x20, 0x24, 0x25, 0x30, 0x8028, 0x8029, 0x802A, 0xC001]),
                st.binary(max_size=24),
            ),
            max_size=8,
        ).map(lambda pairs: message(*pairs)),
    )
)
def test_any_bytes_parse_or_raise_malformed_packet(data: bytes) -> None:
    try:
        view = stun.parse(data)
    except MalformedPacket:
        return
    stun.check_fingerprint(view)
    stun.check_integrity(view, KEY)


def test_a_question_for_the_own_address_names_nobody() -> None:
    view = stun.parse(stun.address_request(TRANSACTION))
    assert (view.method, view.message_class, view.transaction_id) == (stun.BINDING, 0, TRANSACTION)
    assert view.attribute_types == [] and stun.check_fingerprint(view)
