"""Records of SRTP keys, and handshakes that wait for theirs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpfwd.capture.wire_form import LONGEST_HELD_US, MOST_HELD, Handshakes, decode_keys, encode_keys
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.errors import MalformedPacket
from rtpfwd.protocols.srtp import PlainKeys, Profile, SrtpKeys
from rtpfwd.wire.captures.items import Direction

ONE = TransportId(1)
PATH = (0, ("192.0.2.1", 9))


@given(st.sampled_from(Profile), st.binary(min_size=46, max_size=46), st.binary(min_size=46, max_size=46))
def test_keys_come_back_as_they_were(profile, send, receive):
    size = profile.key_size + profile.salt_size
    keys = SrtpKeys(profile, send[:size], receive[:size])
    assert decode_keys(encode_keys(ONE, keys)) == (ONE, keys)
    _, plain = decode_keys(encode_keys(ONE, PlainKeys(profile)))
    assert isinstance(plain, PlainKeys) and plain.profile is profile


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"transport": "1", "profile": "AEAD_AES_128_GCM"},
        {"transport": 1, "profile": "ROT13"},
        {"transport": 1, "profile": "AEAD_AES_128_GCM", "fromPeer": "00"},
        {"transport": 1, "profile": "AEAD_AES_128_GCM", "fromPeer": "00", "toPeer": "00"},
        {"transport": 1, "profile": "AEAD_AES_128_GCM", "fromPeer": "zz", "toPeer": 5},
    ],
)
def test_what_is_no_key_is_malformed(value):
    with pytest.raises(MalformedPacket, match="record srtp: "):
        decode_keys(value)


def test_few_are_held_and_not_for_long():
    held = Handshakes()
    for at in range(MOST_HELD):
        assert held.hold(ONE, b"x", PATH, Direction.INBOUND, Instant(at))
    assert not held.hold(ONE, b"x", PATH, Direction.INBOUND, Instant(99))
    assert held.overdue(Instant(LONGEST_HELD_US - 1)) == []
    assert held.overdue(Instant(LONGEST_HELD_US)) == [ONE]
    assert [one[0] for one in held.release(ONE)] == list(range(MOST_HELD))
    assert held.release(ONE) == []
    assert not held.hold(ONE, b"x", PATH, Direction.INBOUND, Instant(100))
