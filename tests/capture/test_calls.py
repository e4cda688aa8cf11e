"""Calls survive the way through JSON, and nothing else does."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.capture.calls import METHODS, NOW, decode_call, encode_call
from rtpfwd.dataplane.interface import Layers, ProbatorSpec, Probe, ReceiveStreamSpec, SendStreamSpec
from rtpfwd.errors import MalformedPacket
from rtpfwd.protocols.srtp import Profile, SrtpKeys

RECEIVE = ReceiveStreamSpec(
    1, 0x1234, {96: 101}, 0x1235, {97: 96}, 90000, "video/VP8", {"a": 1}, {"a": 2}, True
)
SEND = SendStreamSpec(
    1, 7, None, {101: 102}, frozenset((101, 103)), 90000, "video/VP8", b"0", {"a": 1}, 5, 6, True, False
)
PROBATOR = ProbatorSpec(1234, 127, b"probator", {"a": 4}, 9)
CALLS = [
    ("add_transport", (1,)),
    ("add_path", (1, (0, ("192.0.2.1", 5)))),
    ("select_path", (1, None)),
    ("add_receive_stream", (3, RECEIVE)),
    ("add_send_stream", (4, SEND)),
    ("set_source", (4, 3, Layers(1, 2))),
    ("set_source", (4, None, Layers(7, 7))),
    ("set_probator", (1, PROBATOR)),
    ("set_probator", (1, None)),
    ("probe", (1, Probe(1, 2, 3, 4))),
    ("retransmit", (4, [1, 2, 65535], 30_000)),
    ("set_send_paused", (4, True)),
    ("handle_timeout", ()),
]


@pytest.mark.parametrize(("method", "arguments"), CALLS)
def test_a_call_comes_back_as_it_was(method, arguments):
    value = json.loads(json.dumps(encode_call(method, arguments)))
    decoded = decode_call(method, value)
    assert tuple(one for one in decoded if one is not NOW) == arguments
    assert len(decoded) - len(arguments) == METHODS[method].count(None)


def test_keys_stay_out_and_only_their_profile_is_kept():
    keys = SrtpKeys(Profile.AES_CM_128_HMAC_SHA1_80, bytes(range(30)), bytes(range(30)))
    value = encode_call("set_keys", (1, keys))
    assert value == [1, "AES_CM_128_HMAC_SHA1_80"]
    assert decode_call("set_keys", value) == (1, Profile.AES_CM_128_HMAC_SHA1_80)


def test_scopes_of_addresses_stay_out():
    value = encode_call("add_path", (1, (0, ("fe80::1%eth0", 5, 0, 2))))
    assert decode_call("add_path", value) == (1, (0, ("fe80::1", 5)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*METHODS, "forward", "__class__"]), json_values)
def test_anything_else_is_malformed_or_of_the_right_form(method, value):
    try:
        decoded = decode_call(method, value)
    except MalformedPacket:
        return
    assert len(decoded) == len(METHODS[method])
