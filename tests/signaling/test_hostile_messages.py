"""Whatever a client sends is refused by the field's name, and its connection lives."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.messages import check_tree, parse
from signaling.namespace import ROUTES
from signaling.packets import CallPacket, admit
from signaling.refusal import Code, Refusal
from signaling.settings import Limits
from tests.signaling.clients import DTLS_PARAMETERS, Wire

VALID: dict[str, dict[str, Any]] = {
    "joinRoom": {
        "roomName": "r",
        "displayName": "Ann",
        "token": "t",
        "resumeToken": "t",
        "appData": {},
        "resume": True,
    },
    "createWebRtcTransport": {"consumer": True, "roomName": "r"},
    "transport-connect": {"dtlsParameters": DTLS_PARAMETERS, "transportId": "x"},
    "transport-recv-connect": {"dtlsParameters": DTLS_PARAMETERS, "serverConsumerTransportId": "x"},
    "transport-produce": {
        "kind": "audio",
        "rtpParameters": {},
        "appData": {},
        "transportId": "x",
        "paused": False,
    },
    "consume": {
        "rtpCapabilities": {},
        "remoteProducerId": "x",
        "serverConsumerTransportId": "x",
        "appData": {},
    },
    "consumer-resume": {"consumerId": "x"},
    "consumer-pause": {"consumerId": "x"},
    "consumer-close": {"consumerId": "x"},
    "consumer-request-key-frame": {"consumerId": "x"},
    "consumer-set-preferred-layers": {"consumerId": "x", "spatialLayer": 1, "temporalLayer": 1},
    "consumer-set-priority": {"consumerId": "x", "priority": 1},
    "consumer-set-shown-size": {"consumerId": "x", "width": 320, "height": 180},
    "producer-pause": {"producerId": "x"},
    "producer-resume": {"producerId": "x"},
    "producer-close": {"producerId": "x"},
    "restart-ice": {"transportId": "x"},
    "get-stats": {"transportId": "x", "producerId": "x", "consumerId": "x"},
    "chat-send": {"text": "hello"},
    "set-display-name": {"displayName": "Ann"},
    "raise-hand": {"raised": True},
    "react": {"reaction": "heart"},
    "room-lock": {"locked": True},
    "peer-mute": {"producerId": "x"},
    "peer-remove": {"peerId": "x"},
}
FIELDS = [(event, field) for event, payload in VALID.items() for field in payload]
WRONG_STRINGS: list[Any] = [0, 1.5, True, [], {}, ["x"], "", "x" * 70_000, math.nan]
WRONG_OBJECTS: list[Any] = [0, "x", [], True, {"a": math.inf}, {"a": [1, {"b": -math.inf}]}]
WRONG_NUMBERS: list[Any] = ["1", 1.5, -1, 1 << 40, [], {}, math.nan]
WRONG_FLAGS: list[Any] = [0, 1, "true", [], {}]


def wrong_values(valid: object) -> list[Any]:
    if isinstance(valid, bool):
        return WRONG_FLAGS
    if isinstance(valid, int):
        return WRONG_NUMBERS
    return WRONG_OBJECTS if isinstance(valid, dict) else WRONG_STRINGS


def refusal_in(answer: dict[str, Any]) -> tuple[str, str]:
    """Code and text, whichever of the three shapes."""
    body = answer.get("params", answer)
    error = body["error"]
    return (error["code"], error["message"]) if isinstance(error, dict) else (body["code"], error)


def test_the_corpus_knows_every_request_and_field() -> None:
    without_fields = {"getProducers", "leaveRoom"}
    assert set(VALID) == set(ROUTES) - without_fields
    for event, payload in VALID.items():
        assert len(payload) == len(ROUTES[event].model.model_fields), event


@pytest.mark.parametrize(("event", "field"), FIELDS)
def test_a_wrong_value_is_refused_by_the_fields_name(event: str, field: str) -> None:
    for value in wrong_values(VALID[event][field]):
        with pytest.raises(Refusal) as refused:
            parse(ROUTES[event].model, [{**VALID[event], field: value}], Limits())
        assert refused.value.code is Code.BAD_REQUEST, (event, field, value)
        assert field in refused.value.message, (event, field, value)


@pytest.mark.parametrize("event", VALID)
def test_valid_messages_with_unknown_fields_and_nulls_are_accepted(event: str) -> None:
    model = ROUTES[event].model
    parse(model, [{**VALID[event], "sctpCapabilities": {"numStreams": 1}, "unknown": None}], Limits())


@pytest.mark.parametrize("event", sorted(ROUTES))
async def test_garbage_in_every_event_leaves_the_connection_alive(event: str, url: str) -> None:
    async with Wire(url) as wire:
        await wire.ask("joinRoom", {"roomName": "garbage"})
        for arguments in ([], [None], [1], ["x"], [[]], [[{}]], [{}, {}], [True], [{"roomName": {}}]):
            answer = await wire.ask(event, *arguments)
            assert isinstance(answer, dict | list), (event, arguments)
        for field in VALID.get(event, {}):
            broken = {name: value for name, value in VALID[event].items() if name != field}
            answer = await wire.ask(event, {**broken, field: {"deep": [None]}})
            assert isinstance(answer, dict), (event, field)
        assert await wire.alive()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "null",
        '"x"',
        "[5]",
        "[null]",
        "[[]]",
        '[{"a":1},{}]',
        '["' + "x" * 65 + '"]',
        '[""]',
        '["joinRoom",',
        '["joinRoom",{"roomName":}]',
        "[" * 5000,
        '["joinRoom",' + "[" * 5000 + "]" * 5000 + "]",
        "\ud800",
        '["joinRoom",{"roomName":"\\ud800"}]',
        '["joinRoom",{"roomName":' + "9" * 5000 + "}]",
    ],
    ids=range(18),
)
async def test_a_message_that_is_no_event_is_refused_and_the_connection_lives(body: str, url: str) -> None:
    async with Wire(url) as wire:
        answer = await wire.ask_raw(body.encode("utf-8", "replace").decode())
        assert refusal_in(answer)[0] == "bad_request"
        assert await wire.alive()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
async def test_numbers_that_are_not_finite_are_named(number: str, url: str) -> None:
    async with Wire(url) as wire:
        body = f'["transport-produce",{{"rtpParameters":{{"encodings":[{{"maxBitrate":{number}}}]}}}}]'
        code, text = refusal_in(await wire.ask_raw(body))
        assert (code, text) == ("bad_request", "rtpParameters.encodings.0.maxBitrate: not a finite number")
        assert await wire.alive()


async def test_of_duplicate_keys_the_last_counts(url: str) -> None:
    async with Wire(url) as wire:
        answer = await wire.ask_raw('["joinRoom",{"roomName":5,"roomName":"r"}]')
        assert "rtpCapabilities" in answer


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x",
        "0",
        "2",
        "2probe",
        "5",
        "6",
        "7",
        "4",
        "4x",
        "b4",
        "bAAAA",
        "3" + "[" * 5000,
        "4[" * 3000,
        "²",
    ],
)
async def test_frames_that_are_no_engineio_are_dropped_and_the_connection_lives(frame: str, url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str(frame)
        assert await wire.alive()


@pytest.mark.parametrize(
    "frame",
    ["43/call,1[]", "44/call,{}", "47/call,", "42[]", '42["leaveRoom"]', "42/other,1[]", "40/other,", "41"],
)
async def test_packets_that_no_client_sends_are_dropped(frame: str, url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str(frame)
        assert await wire.alive()


async def test_binary_is_refused(url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str('451-/call,77["chat-send",{"_placeholder":true,"num":0}]')
        assert refusal_in(await wire.acknowledged(77)) == (
            "bad_request",
            "binary messages are not accepted",
        )
        await wire.socket.send_bytes(b"x" * 60_000)
        assert await wire.alive()


async def test_five_hundred_attachments_hold_no_memory(url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str('45500-/call,["x"]')
        for _ in range(50):
            await wire.socket.send_bytes(b"x" * 60_000)
        assert await wire.alive()


@pytest.mark.parametrize(
    "event", ["connect", "disconnect", "connect_error", "message", "*", "__init__", "push"]
)
async def test_an_event_cannot_be_named_like_a_handler(event: str, url: str) -> None:
    async with Wire(url) as wire:
        peer_id = (await wire.ask("joinRoom", {"roomName": "r"}))["peerId"]
        answer = await wire.ask(event, {"HTTP_X": "forged"}, {"auth": "forged"})
        assert answer == {"error": {"code": "unsupported", "message": "unknown event"}}
        again = await wire.ask("joinRoom", {"roomName": "r"})
        assert again["peerId"] == peer_id, "neither the disconnect nor the connect handler ran"


async def test_requests_without_an_id_get_no_answer(url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str('42/call,["joinRoom",{}]')
        assert await wire.alive()


BAD_NAMES = [
    "a\r\nb",
    "\x1b[31mred",
    "nul\x00",
    "\u202egnp.exe",
    "\ud800",
    "\u2028",
    " ",
    "",
    "x" * 65,
    "\x85",
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_names_with_control_characters_are_refused(name: str, url: str) -> None:
    async with Wire(url) as wire:
        for field in ("roomName", "displayName"):
            answer = await wire.ask("joinRoom", {"roomName": "r", field: name})
            code, text = refusal_in(answer)
            assert code == "bad_request" and text.startswith(f"{field}:")
        assert (await wire.ask("joinRoom", {"roomName": "r"}))["peers"] == []


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "O'Brien & Söhne", "山田", "👩‍👩‍👧", "../../etc"]
)
async def test_other_names_are_carried_as_they_are(name: str, url: str) -> None:
    async with Wire(url) as first, Wire(url) as second:
        await first.ask("joinRoom", {"roomName": name, "displayName": name})
        answer = await second.ask("joinRoom", {"roomName": name})
        assert answer["peers"][0]["displayName"] == name


@pytest.mark.parametrize("text", ["", " \n", "x" * 2001, "nul\x00", "\x1b[2J", "\ud800"])
async def test_chat_is_text_of_a_sane_length(text: str, url: str) -> None:
    async with Wire(url) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        assert (await wire.ask("chat-send", {"text": text}))["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    "rtp",
    [
        {"codecs": 5},
        {"codecs": [{"mimeType": "audio/opus", "payloadType": "96", "clockRate": 48000}]},
        {"codecs": [{"mimeType": "audio/opus", "payloadType": 96, "clockRate": 48000, "channels": 2}] * 500},
        {"codecs": [], "encodings": {"0": {}}},
    ],
    ids=["codecs", "payload type", "many", "encodings"],
)
async def test_bad_rtp_parameters_have_a_code_of_their_own(rtp: dict[str, Any], url: str) -> None:
    async with Wire(url) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        await wire.ask("createWebRtcTransport", {"consumer": False})
        produce = {"kind": "audio", "rtpParameters": rtp, "appData": {}}
        code, _ = refusal_in(await wire.ask("transport-produce", produce))
        assert code in ("bad_rtp_parameters", "unsupported")
        assert await wire.alive()


@pytest.mark.parametrize(
    "dtls",
    [
        {},
        {"fingerprints": []},
        {"fingerprints": [{"algorithm": "md5", "value": "AB"}]},
        {"role": "boss", "fingerprints": DTLS_PARAMETERS["fingerprints"]},
        {"fingerprints": DTLS_PARAMETERS["fingerprints"] * 300},  # type: ignore[operator]
    ],
    ids=["empty", "no fingerprints", "md5", "role", "many"],
)
async def test_bad_dtls_parameters_are_refused(dtls: dict[str, Any], url: str) -> None:
    async with Wire(url) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        await wire.ask("createWebRtcTransport", {"consumer": False})
        code, text = refusal_in(await wire.ask("transport-connect", {"dtlsParameters": dtls}))
        assert code in ("bad_request", "unsupported") and text
        assert (await wire.ask("transport-connect", {"dtlsParameters": DTLS_PARAMETERS})) == {
            "connected": True
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(event=st.sampled_from(sorted(VALID)), data=st.data())
def test_any_payload_parses_or_is_refused(event: str, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(VALID[event])))
    payload = data.draw(JSON | JSON.map(lambda value: {**VALID[event], field: value}))
    try:
        parse(ROUTES[event].model, [payload], Limits())
    except Refusal as refusal:
        assert refusal.code is Code.BAD_REQUEST
        assert refusal.message and len(refusal.message) < 1000


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60)
    | JSON.map(lambda value: f"2/call,7{json.dumps(['x', value])}")
    | st.binary(max_size=9)
)
def test_any_packet_decodes_or_carries_its_fault(encoded: str | bytes) -> None:
    message = CallPacket(encoded_packet=encoded) if encoded else CallPacket()
    if encoded and message.fault is None and message.packet_type == 2:
        assert isinstance(message.data, list)
    if isinstance(encoded, str):
        kept = admit(encoded)
        assert kept is None or kept[0] in "134"


def test_a_long_key_before_many_values_costs_little() -> None:
    payload = {"k" * 30_000: list(range(15_000))}
    check_tree(payload, 32)
    with pytest.raises(Refusal) as refused:
        check_tree({"k" * 30_000: [math.nan]}, 32)
    assert len(refused.value.message) < 300


def test_deep_nesting_is_refused_by_its_path() -> None:
    value: Any = 1
    for _ in range(40):
        value = {"a": value}
    with pytest.raises(Refusal, match=r"appData\.a\.a.*nested deeper than 32 levels"):
        check_tree({"appData": value}, 32)
