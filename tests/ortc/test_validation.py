"""What we refuse beyond mediasoup (reliability requirement A12), and that refusing is quick and complete."""

import copy
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd import ortc
from rtpfwd.errors import InvalidParameters, UnsupportedError
from rtpfwd.ortc.validation import MAX_ENCODINGS

CAPS = ortc.generate_router_rtp_capabilities(
    [
        {"mimeType": "audio/opus", "clockRate": 48000, "channels": 2},
        {"mimeType": "video/VP8", "clockRate": 90000},
        {"mimeType": "video/H264", "clockRate": 90000, "parameters": {"packetization-mode": 1}},
    ]
)
VIDEO: dict[str, Any] = {
    "mid": "1",
    "codecs": [
        {
            "mimeType": "video/VP8",
            "payloadType": 96,
            "clockRate": 90000,
            "parameters": {},
            "rtcpFeedback": [{"type": "nack", "parameter": "pli"}],
        },
        {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}},
    ],
    "headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4}],
    "encodings": [
        {"ssrc": 11, "rtx": {"ssrc": 12}, "rid": "lo", "maxBitrate": 100_000},
        {"ssrc": 13, "rtx": {"ssrc": 14}, "rid": "hi", "scalabilityMode": "L1T3"},
    ],
    "rtcp": {"cname": "me", "reducedSize": True},
    "msid": "stream track",
}


def zeros(size: int) -> bytes:
    return bytes(size)


def everything(params: Any) -> None:
    """All that a ``produce`` message goes through."""
    own = ortc.get_producer_rtp_parameters(params, CAPS)
    mapping = ortc.get_producer_rtp_parameters_mapping(params, CAPS, entropy=zeros)
    ortc.parse_rtp_mapping(mapping)
    own_mapping = ortc.get_producer_rtp_parameters_mapping(own, CAPS, entropy=zeros)
    consumable = ortc.get_consumable_rtp_parameters("video", own, CAPS, own_mapping)
    ortc.parse_rtp_parameters(own)
    ortc.parse_rtp_parameters(
        ortc.get_consumer_rtp_parameters(
            consumable_rtp_parameters=consumable,
            remote_rtp_capabilities=CAPS,
            pipe=False,
            enable_rtx=True,
            entropy=zeros,
        )
    )


def changed(path: str, value: Any) -> dict[str, Any]:
    params = copy.deepcopy(VIDEO)
    *way, last = (int(part) if part.isdecimal() else part for part in path.split("/"))
    owner: Any = params
    for part in way:
        owner = owner[part]
    owner[last] = value
    return params


CODEC = VIDEO["codecs"][0]

HOSTILE = [
    ("codecs", [CODEC] * 10_000, "params.codecs has 10000 entries"),
    ("codecs", {"0": CODEC}, "missing params.codecs"),
    ("codecs", [CODEC, CODEC], "duplicated codec.payloadType 96"),
    ("codecs", [VIDEO["codecs"][1]], "missing media codec found for RTX PT 97"),
    ("codecs", [], "empty params.codecs"),
    ("codecs/0", [], "codec is not an object"),
    ("codecs/0/payloadType", 128, "invalid codec.payloadType 128"),
    ("codecs/0/payloadType", -1, "invalid codec.payloadType -1"),
    ("codecs/0/payloadType", "96", "missing codec.payloadType"),
    ("codecs/0/payloadType", 96.5, "invalid codec.payloadType 96.5"),
    ("codecs/0/payloadType", True, "missing codec.payloadType"),
    ("codecs/0/payloadType", float("nan"), "params.codecs.payloadType is not a finite number"),
    ("codecs/0/payloadType", 10**5000, "params.codecs.payloadType is a number beyond 2^53"),
    ("codecs/0/payloadType", 97, "duplicated codec.payloadType 97"),
    ("codecs/0/clockRate", 0, "invalid codec.clockRate 0"),
    ("codecs/0/clockRate", 2**40, "invalid codec.clockRate 1099511627776"),
    ("codecs/0/mimeType", "video/" + "x" * 1_000_000, "params.codecs.mimeType has 1000006 characters"),
    ("codecs/0/mimeType", "audio/opus\r\na=setup:active", "params.codecs.mimeType has control characters"),
    ("codecs/0/parameters", {f"p{n}": n for n in range(1000)}, "params.codecs.parameters has 1000 members"),
    ("codecs/0/parameters", {"a\nb": 1}, "params.codecs.parameters has a member with an unacceptable name"),
    ("codecs/0/parameters", {"a": "1\r\na=candidate"}, "params.codecs.parameters.a has control characters"),
    ("codecs/0/rtcpFeedback", [{"type": "nack"}] * 1000, "params.codecs.rtcpFeedback has 1000 entries"),
    ("codecs/1/parameters", {}, "missing media codec found for RTX PT 97"),
    ("codecs/1/parameters", {"apt": 97}, "missing media codec found for RTX PT 97"),
    ("codecs/1/parameters", {"apt": "96"}, "invalid codec apt parameter"),
    ("headerExtensions/0/id", 0, "invalid ext.id 0"),
    ("headerExtensions/0/id", 256, "invalid ext.id 256"),
    ("headerExtensions/0/uri", "u" * 2**20, "params.headerExtensions.uri has 1048576 characters"),
    ("headerExtensions", [{"uri": "urn:a", "id": 1}, {"uri": "urn:b", "id": 1}], "duplicated ext.id 1"),
    ("encodings", [{}] * 1000, "params.encodings has 1000 entries"),
    ("encodings", [{}] * (MAX_ENCODINGS + 1), "params.encodings has 9 entries"),
    ("encodings", {"ssrc": 1}, "params.encodings is not an array"),
    ("encodings/0/ssrc", 2**32, "invalid encoding.ssrc 4294967296"),
    ("encodings/0/ssrc", 0, "invalid encoding.ssrc 0"),
    ("encodings/0/ssrc", 13, "duplicated encoding.ssrc 13"),
    ("encodings/0/rtx", {"ssrc": 11}, "duplicated encoding.ssrc 11"),
    ("encodings/0/rtx", {"ssrc": -1}, "invalid encoding.rtx.ssrc -1"),
    ("encodings/0/rid", "__proto__", "invalid encoding.rid __proto__"),
    ("encodings/0/rid", "a" * 17, "invalid encoding.rid aaaaaaaaaaaaaaaaa"),
    ("encodings/0/rid", "hi", "duplicated encoding.rid hi"),
    ("encodings/0/scalabilityMode", "L99T99", "invalid encoding.scalabilityMode L99T99"),
    ("encodings/0/scalabilityMode", "L1T1; rm", "invalid encoding.scalabilityMode L1T1; rm"),
    ("encodings/0/scalabilityMode", "L3T3", "cannot use both simulcast"),
    ("encodings/0/maxBitrate", "9", "invalid encoding.maxBitrate 9"),
    ("encodings/0/maxBitrate", -1, "invalid encoding.maxBitrate -1"),
    ("encodings/0/codecPayloadType", 98, "unknown encoding.codecPayloadType 98"),
    ("rtcp", [1], "params.rtcp is not an object"),
    ("rtcp/cname", "me\r\na=ice-lite", "params.rtcp.cname has control characters"),
    ("rtcp/cname", "é" * 128, "rtcp.cname has 256 bytes"),
    ("mid", "m" * 33, "params.mid has 33 bytes"),
    ("msid", "\ud800", "params.msid has control characters or lone surrogates"),
    ("unknown", [[[[[[[1]]]]]]], "nested too deeply"),
    ("unknown", b"bytes", "params.unknown is not a JSON value but bytes"),
    ("unknown", [[0] * 128] * 128, "more than 4096 values in one message"),
]


@pytest.mark.parametrize(("path", "value", "text"), HOSTILE, ids=[f"{p}: {t[:60]}" for p, _, t in HOSTILE])
def test_hostile_parameters_are_refused_quickly_and_name_the_field(path: str, value: Any, text: str) -> None:
    params = changed(path, value)
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        with pytest.raises(InvalidParameters) as caught:
            everything(params)
        durations.append(time.perf_counter() - started)
    assert text in str(caught.value)
    assert len(str(caught.value)) < 300, "a long value is not repeated to the logs"
    assert min(durations) < 0.005


@pytest.mark.parametrize("params", [None, [], "x", 1, True, [VIDEO], {}])
def test_what_is_no_object_or_has_no_codecs_is_refused(params: Any) -> None:
    with pytest.raises(InvalidParameters, match="params"):
        everything(params)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("headerExtensions/0/id", 15),
        ("headerExtensions/0/id", 255),
        ("codecs/0/payloadType", 98.0),
        ("codecs/0/parameters", []),
        ("rtcp", []),
        ("rtcp", None),
        ("mid", None),
        ("encodings/0/ssrc", 2**32 - 1),
        ("encodings/0/rid", ""),
        ("encodings/0/scalabilityMode", None),
        ("encodings/0/scalabilityMode", "L1T3_KEY_SHIFT"),
        ("encodings/0/maxBitrate", 1e6),
        ("unknown", {"anything": [1, "two", None]}),
    ],
)
def test_unusual_but_harmless_parameters_are_accepted(path: str, value: Any) -> None:
    params = changed(path, value)
    if value == 98.0:
        params["codecs"][1]["parameters"]["apt"] = 98
    everything(params)


def test_nulls_disappear_and_integral_floats_become_integers() -> None:
    params = ortc.validate_rtp_parameters(
        {
            "mid": None,
            "codecs": [{"mimeType": "video/VP8", "payloadType": 96.0, "clockRate": 9e4, "channels": None}],
        }
    )
    text = json.dumps(params)
    assert "null" not in text
    assert ".0" not in text
    assert params["codecs"][0]["payloadType"] == 96


def test_the_copy_shares_nothing_with_the_argument() -> None:
    params = copy.deepcopy(VIDEO)
    validated = ortc.validate_rtp_parameters(params)
    validated["codecs"][0]["rtcpFeedback"].clear()
    validated["encodings"][0]["rtx"]["ssrc"] = 99
    assert params == VIDEO


def test_validating_twice_changes_nothing() -> None:
    once = ortc.validate_rtp_parameters(VIDEO)
    assert ortc.validate_rtp_parameters(once) == once
    assert ortc.validate_rtp_capabilities(CAPS) == CAPS


@pytest.mark.parametrize(
    "caps", [None, [], "x", 5, {"codecs": "x"}, {"codecs": [None]}, {"headerExtensions": {}}]
)
def test_malformed_capabilities_are_refused(caps: Any) -> None:
    with pytest.raises(InvalidParameters, match=r"caps|codec"):
        ortc.can_consume({"codecs": []}, caps)


def test_ten_thousand_capabilities_are_refused_quickly() -> None:
    caps = {"codecs": [{"mimeType": "video/VP8", "clockRate": 90000}] * 10_000}
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        with pytest.raises(InvalidParameters, match=r"caps\.codecs has 10000 entries"):
            ortc.validate_rtp_capabilities(caps)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.005


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ({"streamId": 65535}, "invalid params.streamId 65535"),
        ({"streamId": -1}, "invalid params.streamId -1"),
        ({"streamId": 1.5}, "invalid params.streamId 1.5"),
        ({"streamId": 1, "maxRetransmits": 2**16}, "invalid params.maxRetransmits 65536"),
        ([], "params is not an object"),
    ],
)
def test_impossible_sctp_streams_are_refused(stream: Any, text: str) -> None:
    with pytest.raises(InvalidParameters, match=text):
        ortc.validate_sctp_stream_parameters(stream)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["video/VP8", "audio/opus", "video/rtx", "apt", "nack", "L3T3", "42e01f", 96, 97, 90000]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


def paths_of(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    return [prefix, *(path for key, member in members for path in paths_of(member, (*prefix, key)))]


def mutate(base: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    value = copy.deepcopy(base)
    for path, replacement in changes:
        if not path:
            return replacement
        owner = value
        try:
            for part in path[:-1]:
                owner = owner[part]
            owner[path[-1]] = replacement
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return value


def mutations_of(base: Any) -> st.SearchStrategy[Any]:
    change = st.tuples(st.sampled_from(paths_of(base)), JSON_VALUES)
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: mutate(base, changes))


@settings(max_examples=200, deadline=None)
@given(mutations_of(VIDEO))
def test_mutated_parameters_raise_nothing_but_our_two_errors(params: Any) -> None:
    before = copy.deepcopy(params)
    with suppress(InvalidParameters, UnsupportedError):
        everything(params)
    assert repr(params) == repr(before), "the argument is left alone"


@settings(max_examples=200, deadline=None)
@given(mutations_of({"codecs": CAPS["codecs"], "headerExtensions": CAPS["headerExtensions"][:3]}))
def test_mutated_capabilities_raise_nothing_but_our_two_errors(caps: Any) -> None:
    own = ortc.get_producer_rtp_parameters(VIDEO, CAPS)
    mapping = ortc.get_producer_rtp_parameters_mapping(own, CAPS, entropy=zeros)
    consumable = ortc.get_consumable_rtp_parameters("video", own, CAPS, mapping)
    try:
        consumable_by_peer = ortc.can_consume(consumable, caps)
        consumer = ortc.get_consumer_rtp_parameters(
            consumable_rtp_parameters=consumable,
            remote_rtp_capabilities=caps,
            pipe=False,
            enable_rtx=True,
            entropy=zeros,
        )
    except (InvalidParameters, UnsupportedError):
        return
    assert consumable_by_peer
    assert ortc.parse_rtp_parameters(consumer).encodings[0].ssrc == 100_000_000


@settings(max_examples=150, deadline=None)
@given(mutations_of([CAPS["codecs"][0], CAPS["codecs"][1], CAPS["codecs"][3]]))
def test_mutated_media_codecs_raise_nothing_but_our_two_errors(media_codecs: Any) -> None:
    try:
        caps = ortc.generate_router_rtp_capabilities(media_codecs)
    except (InvalidParameters, UnsupportedError):
        return
    payload_types = [codec["preferredPayloadType"] for codec in caps["codecs"]]
    assert all(0 <= payload_type <= 127 for payload_type in payload_types)


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES)
def test_any_json_value_is_validated_or_refused(value: Any) -> None:
    for validate in (
        ortc.validate_rtp_capabilities,
        ortc.validate_rtp_parameters,
        ortc.validate_rtp_codec_capability,
        ortc.validate_sctp_stream_parameters,
    ):
        with suppress(InvalidParameters):
            json.dumps(validate(value), allow_nan=False)
