"""Our ORTC functions beside the real mediasoup's, over the table of answers in vectors.json.

The table comes from generate_vectors.mjs, which runs mediasoup 3.27.1. Where mediasoup's value is
``undefined`` or ``null``, ours is an absent key. The last test makes the table anew and compares it with the
committed file.
"""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtpfwd import ortc
from rtpfwd.errors import InvalidParameters, UnsupportedError
from rtpfwd.ortc.h264_profile import answer_profile_level_id, is_same_profile
from tests.ortc.mediasoup_vectors import VECTORS, VECTORS_FILE

HERE = Path(__file__).parent
INSTALLED_MEDIASOUP = HERE.parent / "node_modules" / "mediasoup" / "package.json"
ERRORS = {"TypeError": InvalidParameters, "UnsupportedError": UnsupportedError, "Error": UnsupportedError}


def counting_entropy() -> Callable[[int], bytes]:
    """The generator's numbers, 101,000,000 and so on, as the bytes that make them."""

    def draws() -> Iterator[int]:
        number = 0
        while True:
            number += 1_000_000
            yield number

    numbers = draws()
    return lambda size: next(numbers).to_bytes(size, "big")


def assert_same(run: Callable[[], Any], vector: dict[str, Any], *given: Any) -> None:
    """``run`` gives the vector's result or error, and leaves ``given`` as it was."""
    before = copy.deepcopy(given)
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]) as caught:
            run()
        if "message" in vector:
            assert str(caught.value) == vector["message"]
    else:
        assert run() == vector["result"]
    assert given == before


def router(name: str) -> dict[str, Any]:
    caps: dict[str, Any] = VECTORS["routers"][name]["result"]
    return caps


def consumable_of(vector: dict[str, Any]) -> dict[str, Any]:
    for produced in VECTORS["produced"]:
        if (produced["router"], produced["producer"]) == (vector["router"], vector["producer"]):
            consumable: dict[str, Any] = produced["result"]["consumableRtpParameters"]
            return consumable
    raise AssertionError("the table has a consumer without its producer")


def client_of(vector: dict[str, Any]) -> Any:
    return (
        VECTORS["clients"][vector["router"]].get(vector["client"])
        or VECTORS["plainClients"][vector["client"]]
    )


def test_the_table_is_that_of_the_pinned_packages() -> None:
    pinned = json.loads((HERE.parent / "package.json").read_text())["dependencies"]
    assert VECTORS["packages"]["mediasoup"] == pinned["mediasoup"] == "3.27.1"
    assert VECTORS["packages"]["mediasoup-client"] == pinned["mediasoup-client"]


def test_the_supported_capabilities_are_mediasoups() -> None:
    assert ortc.get_supported_rtp_capabilities() == VECTORS["supported"]


def test_supported_capabilities_are_a_new_value_on_every_call() -> None:
    ortc.get_supported_rtp_capabilities()["codecs"].clear()
    assert ortc.get_supported_rtp_capabilities() == VECTORS["supported"]


@pytest.mark.parametrize("name", VECTORS["routers"])
def test_a_router_has_mediasoups_capabilities(name: str) -> None:
    vector = VECTORS["routers"][name]
    codecs = vector["mediaCodecs"]
    assert_same(lambda: ortc.generate_router_rtp_capabilities(codecs), vector, codecs)


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=f"{v['producer']} in {v['router']}") for v in VECTORS["produced"]]
)
def test_a_producer_is_mapped_as_by_mediasoup(vector: dict[str, Any]) -> None:
    caps = router(vector["router"])
    kind, params = (VECTORS["producers"][vector["producer"]][key] for key in ("kind", "rtpParameters"))

    def produce() -> dict[str, Any]:
        own = ortc.get_producer_rtp_parameters(params, caps)
        mapping = ortc.get_producer_rtp_parameters_mapping(own, caps, entropy=counting_entropy())
        consumable = ortc.get_consumable_rtp_parameters(kind, own, caps, mapping)
        return {"rtpParameters": own, "rtpMapping": mapping, "consumableRtpParameters": consumable}

    assert_same(produce, vector, caps, params)


def test_negotiating_before_or_within_the_consumable_parameters_is_the_same() -> None:
    caps = router("H264 in all ways")
    for vector in VECTORS["produced"]:
        if vector["router"] != "H264 in all ways" or "result" not in vector:
            continue
        producer = VECTORS["producers"][vector["producer"]]
        if not producer["rtpParameters"].get("encodings"):
            continue  # get_producer_rtp_parameters adds one
        params = ortc.validate_rtp_parameters(producer["rtpParameters"])
        mapping = ortc.get_producer_rtp_parameters_mapping(params, caps, entropy=counting_entropy())
        direct = ortc.get_consumable_rtp_parameters(producer["kind"], params, caps, mapping)
        assert direct == vector["result"]["consumableRtpParameters"]


def test_every_consumer_has_mediasoups_parameters() -> None:
    assert len(VECTORS["consumed"]) > 1000
    for vector in VECTORS["consumed"]:
        consumable, caps = consumable_of(vector), client_of(vector)

        def consume(vector: Any = vector, consumable: Any = consumable, caps: Any = caps) -> dict[str, Any]:
            return ortc.get_consumer_rtp_parameters(
                consumable_rtp_parameters=consumable,
                remote_rtp_capabilities=caps,
                pipe=vector["pipe"],
                enable_rtx=vector["enableRtx"],
                entropy=counting_entropy(),
            )

        assert_same(consume, vector, consumable, caps)


def test_the_same_clients_can_consume() -> None:
    answers = set()
    for vector in VECTORS["consumed"]:
        consumable, caps = consumable_of(vector), client_of(vector)
        answers.add(vector["can"].get("result"))
        assert_same(
            lambda consumable=consumable, caps=caps: ortc.can_consume(consumable, caps), vector["can"], caps
        )
    assert answers == {True, False, None}, "the table has all three answers"


def test_every_pipe_consumer_has_mediasoups_parameters() -> None:
    assert len(VECTORS["piped"]) > 100
    for vector in VECTORS["piped"]:
        consumable = consumable_of(vector)

        def consume(vector: Any = vector, consumable: Any = consumable) -> dict[str, Any]:
            return ortc.get_pipe_consumer_rtp_parameters(
                consumable_rtp_parameters=consumable,
                enable_rtx=vector["enableRtx"],
                entropy=counting_entropy(),
            )

        assert_same(consume, vector, consumable)


def test_sctp_stream_parameters_are_checked_as_by_mediasoup() -> None:
    for vector in VECTORS["sctp"]:
        if "result" in vector:
            vector["result"] = {key: value for key, value in vector["result"].items() if value is not None}
        assert_same(
            lambda v=vector: ortc.validate_sctp_stream_parameters(v["params"]), vector, vector["params"]
        )


def test_h264_profiles_and_answers_are_those_of_the_package() -> None:
    assert len(VECTORS["profiles"]) > 1000
    for a, b, asymmetric, same, answer in VECTORS["profiles"]:
        local = {"profile-level-id": a} | ({"level-asymmetry-allowed": 1} if asymmetric else {})
        remote = {"profile-level-id": b} | ({"level-asymmetry-allowed": "1"} if asymmetric else {})
        assert is_same_profile(local, remote) is same, (a, b)
        if same:
            assert answer_profile_level_id(local, remote) == answer, (a, b, asymmetric)


# Where mediasoup's JavaScript accepts one changed member and we refuse it on purpose: the end of the member's
# path, and what we say. validation.py has the reasons.
OURS_ALONE = {
    "payloadType": "invalid codec.payloadType",
    "preferredPayloadType": "invalid codec.preferredPayloadType",
    "clockRate": "invalid codec.clockRate",
    "channels": "invalid codec.channels",
    "parameters": "parameters is not an object",
    "id": "invalid ext.id|duplicated ext.id",
    "preferredId": "invalid ext.preferredId",
    "ssrc": "invalid encoding.ssrc|invalid encoding.rtx.ssrc",
    "rtcp": "params.rtcp is not an object",
    "scalabilityMode": "invalid encoding.scalabilityMode",
    "0": "is not an object",
}


def test_one_changed_member_is_judged_as_by_mediasoup_or_refused_on_purpose() -> None:
    stricter = set()
    for vector in VECTORS["mutations"]:
        given = copy.deepcopy(VECTORS["mutationBase"][vector["what"]])
        *way, last = (int(part) if part.isdecimal() else part for part in vector["path"].split("/"))
        owner = given
        for part in way:
            owner = owner[part]
        owner[last] = vector["value"]
        validate = (
            ortc.validate_rtp_parameters if vector["what"] == "params" else ortc.validate_rtp_capabilities
        )
        case = f"{vector['what']} {vector['path']} = {vector['value']!r}"
        if "error" in vector:
            with pytest.raises(InvalidParameters) as caught:
                validate(given)
            # JavaScript calls a list an object and then misses its members; we say that it is none.
            if "message" in vector and not isinstance(vector["value"], list):
                assert str(caught.value) == vector["message"], case
            continue
        try:
            validate(given)
        except InvalidParameters as error:
            allowed = OURS_ALONE.get(str(last), "")
            assert any(text and text in str(error) for text in allowed.split("|")), f"{case}: {error}"
            stricter.add(str(last))
    assert stricter == set(OURS_ALONE)


@pytest.mark.node
def test_the_committed_table_is_what_the_package_answers_now(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not INSTALLED_MEDIASOUP.exists():
        pytest.skip("needs Node.js and `cd tests && npm ci --ignore-scripts`")
    fresh = tmp_path / "vectors.json"
    subprocess.run([node, str(HERE / "generate_vectors.mjs"), str(fresh)], check=True, timeout=60)
    assert fresh.read_text() == VECTORS_FILE.read_text(), (
        "run generate_vectors.mjs and look at the difference"
    )
