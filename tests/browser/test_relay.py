"""Calls whose media may only go through a TURN server, with credentials that the call server makes."""

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.conftest import Meet
from tests.browser.person import LIGHT, Person
from tests.browser.server import OUTPUT, RunningServer, running_server
from tests.browser.turn_server import TurnServer, coturn, turn_server
from tests.browser.waiting import until

FOLDER = OUTPUT / "turn"
RELAY = f"{LIGHT}&relay=1"

# Of every connection that is up: the pair that carries it, with the local candidate's type and address.
SELECTED_PAIRS = """async () => {
  const found = [];
  for (const pc of window.peerConnections.filter((one) => one.connectionState === "connected")) {
    const reports = await pc.getStats();
    for (const transport of reports.values()) {
      if (transport.type !== "transport" || !transport.selectedCandidatePairId) continue;
      const pair = reports.get(transport.selectedCandidatePairId);
      const local = reports.get(pair.localCandidateId);
      found.push({
        type: local.candidateType, address: local.address, protocol: local.relayProtocol,
        sent: pair.bytesSent, received: pair.bytesReceived,
        state: pair.state,
      });
    }
  }
  return found;
}"""
CANDIDATE_TYPES = """async () => {
  const types = new Set();
  for (const pc of window.peerConnections)
    for (const report of (await pc.getStats()).values())
      if (report.type === "local-candidate") types.add(report.candidateType);
  return [...types];
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def turn(installed: None) -> AsyncIterator[TurnServer]:
    if coturn() is None:
        pytest.skip("no coturn on the search path: apt-get install coturn")
    async with turn_server(FOLDER) as server:
        yield server


async def pairs(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await person.page.evaluate(SELECTED_PAIRS)
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_relay_only_call_goes_through_the_turn_server(
    turn: TurnServer, meet: Meet, room: str, transport: str
) -> None:
    """Between browser and TURN server by UDP, and by TCP for who has no UDP at all."""
    ada, grace = await meet("Ada"), await meet("Grace")
    settings = {**turn.settings, "TURN_URLS": turn.url.replace("udp", transport)}
    async with running_server(FOLDER / "server.log", **settings) as server:
        await ada.join(server.url, room, RELAY)
        await grace.join(server.url, room, RELAY)
        for one, other in ((ada, grace), (grace, ada)):
            await one.wait_for_frames(other, 10)
            await one.wait_for_sound(other)
        for person in (ada, grace):
            before = await pairs(person)
            assert len(before) == 2, "one connection each way"
            assert {pair["type"] for pair in before} == {"relay"}
            assert {pair["address"] for pair in before} == {turn.address}
            assert {pair["protocol"] for pair in before} == {transport}
            assert await person.page.evaluate(CANDIDATE_TYPES) == ["relay"]

            async def flows(person: Person = person, before: list[dict[str, Any]] = before) -> bool:
                now = await pairs(person)
                sent = sum(pair["sent"] for pair in now) - sum(pair["sent"] for pair in before)
                received = sum(pair["received"] for pair in now) - sum(pair["received"] for pair in before)
                return sent > 50_000 and received > 50_000

            await until("media flows both ways over these pairs", flows)
        allocated = [
            line for line in turn.log.read_text().splitlines() if "ALLOCATE processed, success" in line
        ]
        for person in (ada, grace):
            own = [line for line in allocated if f":{await person.peer_id()}>" in line]
            assert len(own) >= 2, (
                "each page has its own name at the TURN server, and a relay for each connection"
            )
            await person.page.close()


async def test_an_ice_restart_gets_a_password_that_is_still_good(
    turn: TurnServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    settings = {**turn.settings, "TURN_TTL_S": "3"}
    async with running_server(FOLDER / "server-short-passwords.log", **settings) as server:
        for person in (ada, grace):
            await person.join(server.url, room, RELAY)
        await ada.wait_for_frames(grace)
        peer_id = await ada.peer_id()
        first = names_given(turn, peer_id)
        expiry = int(next(iter(first)).partition(":")[0])

        async def expired() -> bool:
            return time.time() > expiry + 1

        await until("the password from joining is worth nothing", expired)
        await ada.page.evaluate("window.dispatchEvent(new Event('online'))")

        async def anew() -> bool:
            return bool(names_given(turn, peer_id) - first)

        await until("Ada has relays under a new name", anew)
        await ada.wait_for_frames(grace, 10)
        await grace.wait_for_frames(ada, 10)
        assert {pair["type"] for pair in await pairs(ada)} == {"relay"}
        for person in (ada, grace):
            await person.page.close()


def names_given(turn: TurnServer, peer_id: str) -> set[str]:
    """The user names under which a person got relays."""
    names = re.findall(
        rf"user <(\d+:{peer_id})>: incoming packet ALLOCATE processed, success", turn.log.read_text()
    )
    return set(names)


async def test_without_relays_a_relay_only_page_has_no_way(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada = await meet("Ada")
    await ada.join(server.url, room, RELAY)

    async def gathered() -> bool:
        script = "() => window.peerConnections.some((pc) => pc.iceGatheringState === 'complete')"
        return bool(await ada.page.evaluate(script))

    await until("the page has looked for ways", gathered)
    assert await ada.page.evaluate(CANDIDATE_TYPES) == []
    assert await pairs(ada) == []


async def test_a_wrong_secret_opens_no_relay(turn: TurnServer, meet: Meet, room: str) -> None:
    ada = await meet("Ada")
    wrong = {**turn.settings, "TURN_SECRET": "not what the TURN server knows"}
    async with running_server(FOLDER / "server-wrong-secret.log", **wrong) as server:
        await ada.join(server.url, room, RELAY)
        peer_id = await ada.peer_id()

        async def refused() -> bool:
            complaints = [
                line for line in turn.log.read_text().splitlines() if "Cannot find credentials" in line
            ]
            return any(f":{peer_id}>" in line for line in complaints)

        await until("coturn refused the allocation", refused)
        assert await ada.page.evaluate(CANDIDATE_TYPES) == []
        assert await pairs(ada) == []
        await ada.page.close()
