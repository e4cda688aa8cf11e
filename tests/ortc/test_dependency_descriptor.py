"""The dependency descriptor is offered to consumers where the router was told to, and nowhere else."""

from typing import Any

import pytest

from rtpfwd import ortc
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR

AV1 = {"kind": "video", "mimeType": "video/AV1", "clockRate": 90000}


def entropy(size: int) -> bytes:
    return bytes(range(1, size + 1))


def producer_parameters(capabilities: dict[str, Any]) -> dict[str, Any]:
    codec = capabilities["codecs"][0]
    return {
        "mid": "0",
        "codecs": [
            {
                "mimeType": codec["mimeType"],
                "payloadType": codec["preferredPayloadType"],
                "clockRate": 90000,
                "parameters": {},
                "rtcpFeedback": [],
            }
        ],
        "headerExtensions": [{"uri": DEPENDENCY_DESCRIPTOR, "id": 13}],
        "encodings": [{"ssrc": 1111, "scalabilityMode": "L2T3"}],
        "rtcp": {"cname": "somebody"},
    }


def consumable(capabilities: dict[str, Any]) -> dict[str, Any]:
    given = ortc.get_producer_rtp_parameters(producer_parameters(capabilities), capabilities)
    mapping = ortc.get_producer_rtp_parameters_mapping(given, capabilities, entropy=entropy)
    return ortc.get_consumable_rtp_parameters("video", given, capabilities, mapping)


@pytest.mark.parametrize("offered", [False, True])
def test_consumers_get_the_descriptor_only_where_it_is_offered(offered: bool) -> None:
    capabilities = ortc.generate_router_rtp_capabilities([AV1])
    if offered:
        ortc.offer_dependency_descriptor(capabilities)
    found = ortc.get_consumer_rtp_parameters(
        consumable_rtp_parameters=consumable(capabilities),
        remote_rtp_capabilities=capabilities,
        pipe=False,
        enable_rtx=True,
        entropy=entropy,
    )
    uris = [extension["uri"] for extension in found["headerExtensions"]]
    assert uris.count(DEPENDENCY_DESCRIPTOR) == int(offered)


def test_a_pipe_has_it_once_either_way() -> None:
    for offered in (False, True):
        capabilities = ortc.generate_router_rtp_capabilities([AV1])
        if offered:
            ortc.offer_dependency_descriptor(capabilities)
        piped = ortc.get_pipe_consumer_rtp_parameters(
            consumable_rtp_parameters=consumable(capabilities), enable_rtx=True, entropy=entropy
        )
        uris = [extension["uri"] for extension in piped["headerExtensions"]]
        assert uris.count(DEPENDENCY_DESCRIPTOR) == 1
