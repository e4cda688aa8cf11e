"""What clients say about their media, wrong in every way thought of: refused by the field's name, at once."""

import copy
import time
from typing import Any

import pytest

from signaling.app import CallServer
from tests.signaling.clients import DTLS_PARAMETERS, FINGERPRINT, Wire, video_parameters
from tests.signaling.conftest import MeetPerson

LONGEST_S = 0.05
"""CPU time of client and server for one answer; a millisecond or two is usual."""


def changed(*path_and_value: Any) -> dict[str, Any]:
    """Good parameters with one value in them replaced."""
    *path, last, value = path_and_value
    parameters = copy.deepcopy(video_parameters())
    at: Any = parameters
    for key in path:
        at = at[key]
    at[last] = value
    return parameters


def without(name: str) -> dict[str, Any]:
    parameters = video_parameters()
    del parameters[name]
    return parameters


VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}
CODEC, RTX, EXTENSION, ENCODING = ("codecs", 0), ("codecs", 1), ("headerExtensions", 0), ("encodings", 0)

RTP: dict[str, tuple[dict[str, Any], str]] = {
    "700 codecs": (changed("codecs", [VP8] * 700), "codecs"),
    "payload type 128": (changed(*CODEC, "payloadType", 128), "payloadType"),
    "payload type -1": (changed(*CODEC, "payloadType", -1), "payloadType"),
    "payload type as text": (changed(*CODEC, "payloadType", "96"), "payloadType"),
    "payload type 96.5": (changed(*CODEC, "payloadType", 96.5), "payloadType"),
    "payload type true": (changed(*CODEC, "payloadType", True), "payloadType"),
    "payload type twice": (changed(*RTX, "payloadType", 96), "payloadType"),
    "mime type without slash": (changed(*CODEC, "mimeType", "VP8"), "mimeType"),
    "clock rate 0": (changed(*CODEC, "clockRate", 0), "clockRate"),
    "clock rate 2^40": (changed(*CODEC, "clockRate", 1 << 40), "clockRate"),
    "RTX of nothing": (changed(*RTX, "parameters", {}), "RTX"),
    "RTX of an unknown type": (changed(*RTX, "parameters", {"apt": 50}), "RTX"),
    "extension id 0": (changed(*EXTENSION, "id", 0), "ext.id"),
    "extension id 256": (changed(*EXTENSION, "id", 256), "ext.id"),
    "extension id as text": (changed(*EXTENSION, "id", "1"), "ext.id"),
    "extension id twice": (changed("headerExtensions", 1, "id", 1), "ext.id"),
    "URI of 40 kB": (changed(*EXTENSION, "uri", "u" * 40_000), "uri"),
    "SSRC 2^32": (changed("encodings", [{"ssrc": 1 << 32}]), "ssrc"),
    "SSRC -1": (changed("encodings", [{"ssrc": -1}]), "ssrc"),
    "1000 encodings": (changed("encodings", [{"rid": f"r{n}"} for n in range(1000)]), "encodings"),
    "RID __proto__": (changed(*ENCODING, "rid", "__proto__"), "rid"),
    "RID twice": (changed(*ENCODING, "rid", "r1"), "rid"),
    "scalability mode L99T99": (changed(*ENCODING, "scalabilityMode", "L99T99"), "scalabilityMode"),
    "cname with a line break": (changed("rtcp", "cname", "a\r\nb"), "cname"),
    "MID of 5 kB": (changed("mid", "m" * 5000), "mid"),
    "MID as number": (changed("mid", 5), "mid"),
    "codecs as object": (changed("codecs", {"0": VP8}), "codecs"),
    "encodings as object": (changed("encodings", {"0": {}}), "encodings"),
    "extensions as object": (changed("headerExtensions", {"0": {}}), "headerExtensions"),
    "rtcp as text": (changed("rtcp", "cname"), "rtcp"),
    "no codecs": (without("codecs"), "codecs"),
}


@pytest.mark.parametrize("case", RTP)
async def test_bad_rtp_parameters_are_refused_by_the_fields_name(
    case: str, server: CallServer, meet: MeetPerson
) -> None:
    parameters, field = RTP[case]
    ann = await meet()
    await ann.join()
    await ann.transport(consumer=False)
    began = time.thread_time()
    produce = {"kind": "video", "rtpParameters": parameters, "appData": {}}
    refused = await ann.ask("transport-produce", produce)
    assert time.thread_time() - began < LONGEST_S
    assert refused.get("code") == "bad_rtp_parameters", refused
    assert field in refused["error"] and len(refused["error"]) <= 300
    room = server.rooms.get("r")
    assert room is not None and not room.peers[ann.answer["peerId"]].producers, "nothing was made"
    await ann.produce("video")


async def test_a_codec_that_is_not_offered_is_unsupported(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join()
    await ann.transport(consumer=False)
    parameters = changed(*CODEC, "mimeType", "video/VP0")
    produce = {"kind": "video", "rtpParameters": parameters, "appData": {}}
    assert (await ann.ask("transport-produce", produce))["code"] == "unsupported"


DTLS: dict[str, dict[str, Any]] = {
    "short hex": {"fingerprints": [{"algorithm": "sha-256", "value": FINGERPRINT[:-3]}]},
    "long hex": {"fingerprints": [{"algorithm": "sha-256", "value": FINGERPRINT + ":AB"}]},
    "no hex": {"fingerprints": [{"algorithm": "sha-256", "value": FINGERPRINT.replace("A", "X")}]},
    "another algorithm's length": {"fingerprints": [{"algorithm": "sha-512", "value": FINGERPRINT}]},
    "fingerprints as object": {"fingerprints": {"0": {}}},
    "fingerprint as text": {"fingerprints": [FINGERPRINT]},
}


@pytest.mark.parametrize("case", DTLS)
async def test_bad_fingerprints_are_refused(case: str, url: str) -> None:
    async with Wire(url) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        await wire.ask("createWebRtcTransport", {"consumer": False})
        refused = await wire.ask("transport-connect", {"dtlsParameters": DTLS[case]})
        assert refused["code"] in ("bad_request", "unsupported")
        assert await wire.ask("transport-connect", {"dtlsParameters": DTLS_PARAMETERS}) == {"connected": True}


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "::ffff:127.0.0.1", "0.0.0.0", "localhost", "169.254.169.254"]
)
async def test_addresses_that_a_client_names_are_never_sent_to(address: str, meet: MeetPerson) -> None:
    """ICE-lite learns addresses from authenticated checks alone; no request has a field for one."""
    ann = await meet()
    await ann.join()
    transport = await ann.transport(consumer=False)
    candidate = {"ip": address, "address": address, "port": 70_000, "protocol": "udp", "type": "host"}
    connect = {
        "dtlsParameters": DTLS_PARAMETERS,
        "transportId": transport["id"],
        "iceCandidates": [candidate],
        "iceParameters": {"usernameFragment": "a", "password": "b"},
    }
    assert await ann.ask("transport-connect", connect) == {"connected": True}
    await ann.settled()
    (stats,) = (await ann.ask("get-stats", {"transportId": transport["id"]}))["stats"]
    assert stats["bytesSent"] == 0 and "iceSelectedTuple" not in stats


async def test_the_same_mid_twice_is_refused(meet: MeetPerson) -> None:
    ann = await meet()
    await ann.join()
    await ann.transport(consumer=False)
    await ann.produce("video")
    produce = {"kind": "video", "rtpParameters": video_parameters(), "appData": {}}
    refused = await ann.ask("transport-produce", produce)
    assert refused["code"] == "bad_rtp_parameters" and "MID" in refused["error"]


async def test_what_was_closed_is_not_found_and_closing_twice_hurts_nobody(meet: MeetPerson) -> None:
    ann, bob = await meet(), await meet()
    await ann.join(displayName="Ann")
    await bob.join(displayName="Bob")
    await ann.transport(consumer=False)
    producer_id = (await ann.produce())["id"]
    consumer_id = (await bob.consume(producer_id))["id"]
    assert await bob.ask("consumer-close", {"consumerId": consumer_id}) == {}
    assert await ann.ask("producer-close", {"producerId": producer_id}) == {}
    for person, event, payload in (
        (bob, "consumer-close", {"consumerId": consumer_id}),
        (bob, "consumer-pause", {"consumerId": consumer_id}),
        (ann, "producer-close", {"producerId": producer_id}),
        (ann, "producer-resume", {"producerId": producer_id}),
    ):
        assert (await person.ask(event, payload))["error"]["code"] == "not_found"
    assert await ann.ask("leaveRoom") == {} and await ann.ask("leaveRoom") == {}
