"""The official client, unmodified, in Node: its FakeHandler for the contract, libwebrtc for media."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.app import CallServer
from tests.interop.node import require_node, run_node

pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def node_is_there() -> None:
    require_node()


async def test_the_fake_handler_goes_through_the_whole_contract(call_server: CallServer) -> None:
    seen = await run_node("fake_device.mjs", url_of(call_server), "contract")
    assert seen["loaded"] and seen["canProduce"] == [True, True]
    assert seen["welcome"]["socketId"]
    assert seen["roles"] == {"send": "server", "receive": "client"}
    assert [one["producerId"] for one in seen["announced"]] == [seen["ids"]["audio"], seen["ids"]["video"]]
    assert [one["appData"]["source"] for one in seen["announced"]] == ["microphone", "camera"]
    assert len(seen["sent"]["video"]["encodings"]) == 3

    audio, video = seen["consumed"]
    assert (audio["kind"], video["kind"]) == ("audio", "video")
    assert audio["producerId"] == seen["ids"]["audio"] and video["producerId"] == seen["ids"]["video"]
    assert audio["answer"]["type"] == "simple" and video["answer"]["type"] == "simulcast"
    assert video["answer"]["appData"] == {"source": "camera"}
    [encoding] = video["answer"]["rtpParameters"]["encodings"]
    assert encoding["scalabilityMode"] == "L3T1" and encoding["maxBitrate"] == 900_000
    assert encoding["rtx"]["ssrc"] == encoding["ssrc"] + 1

    for parameters in seen["restarted"].values():
        assert parameters["iceLite"] is True
    assert [one["remoteProducerId"] for one in seen["gone"]] == [seen["ids"]["video"], seen["ids"]["audio"]]
    assert seen["left"] == [seen["ids"]["audio"]] and seen["after"] == []
    assert all(one["type"] == "inbound-rtp" for one in seen["stats"])
    assert no_nulls(seen["consumed"]) and no_nulls(seen["restarted"])


def no_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(no_nulls(one) for one in value.values())
    if isinstance(value, list):
        return all(no_nulls(one) for one in value)
    return value is not None


def url_of(server: CallServer) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("handler", "role"), [("Chrome111", "client"), ("Chrome74", "server")])
async def test_pictures_and_sound_flow_between_two_libwebrtc_clients(
    call_server: CallServer, handler: str, role: str
) -> None:
    """Also after an ICE restart, from the lowest to the highest layer, and after a pause."""
    seen = await run_node("call.mjs", url_of(call_server), "call", handler, role)
    for person, luma in (("alice", 200), ("bob", 80)):
        report = seen[person]
        assert report["roles"] == {"send": role, "receive": "client"}
        assert report["states"] == ["connected", "connected"]
        assert report["video"]["frames"] >= 20 and report["audio"]["frames"] >= 40
        assert abs(report["video"]["luma"] - luma) <= 10, "the picture is the other's"
        assert report["audio"]["peak"] > 1000, "the tone is heard"
        assert [one["rid"] for one in report["encodings"]] == ["r0", "r1", "r2"]
