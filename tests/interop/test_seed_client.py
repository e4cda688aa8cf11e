"""The seed application's own way of calling, with media: part 1 of the signaling contract and its habits."""

from __future__ import annotations

import pytest

from signaling.app import CallServer
from tests.interop.node import require_node, run_node

pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def node_is_there() -> None:
    require_node()


@pytest.mark.parametrize("people", [2, 3])
async def test_a_call_of_seed_clients_holds_while_people_leave_and_come_back(
    call_server: CallServer, people: int
) -> None:
    """The script fails where media does not flow; here is what must hold besides."""
    url = f"http://127.0.0.1:{call_server.port}"
    seen = await run_node("seed_call.mjs", url, str(people))
    for number, report in enumerate(seen["first"]):
        assert report["errors"] == []
        assert report["joins"] == 1
        assert report["receiveTransports"] == report["streams"] == 2 * (people - 1)
        assert report["producersExist"] == [number > 0, number > 0], "others produce, or nobody does"
        assert not set(report["own"]) & {*report["announced"], *report["everConsumed"]}
        audio, video = report["sent"]
        assert (audio["kind"], video["kind"]) == ("audio", "video")
        assert video["cname"] == ""
        assert [one["rid"] for one in video["encodings"]] == ["r0", "r1", "r2"]
        assert [one["scalabilityMode"] for one in video["encodings"]] == ["L1T3"] * 3
    for number, report in enumerate(seen["last"]):
        assert report["errors"] == []
        assert report["joins"] == (2 if number in (0, people - 1) else 1)
        assert report["streams"] == 2 * (people - 1)
        assert len(report["closed"]) == len(set(report["closed"])), "each end is told once"
        assert set(report["closed"]) <= set(report["everConsumed"]), "of what it consumes"
    assert len(call_server.rooms) <= 1
