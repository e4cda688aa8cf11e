"""What a page shows while its own connection is too weak. The server's word is put into its mouth."""

import json
from typing import Any

from playwright.async_api import WebSocketRoute

from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.crowd import crowd
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until


async def test_a_weak_connection_is_shown_on_what_it_costs(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada = await meet("Ada Lovelace")
    lines: list[WebSocketRoute] = []

    def between(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    await ada.page.route_web_socket("**/socket.io/**", between)
    async with crowd(server.url, room) as others:
        await others.grow_to(2, cameras=True)
        await ada.join(server.url, room)
        first, second = [str(one) for one in await until("both are consumed", lambda: _consumers(ada))]
        note = ada.page.get_by_test_id("weak-link")
        held_back = ada.page.get_by_test_id("tile-weak")

        _tell(lines[-1], available=300_000, desired=900_000, paused=[first])
        await held_back.wait_for()
        assert await held_back.count() == 1 and await note.count() == 0, "a short while is nothing"
        assert "too weak" in await held_back.inner_text()
        await note.wait_for(timeout=8_000)
        assert (await ada.state())["downlink"] == {
            "availableBitrate": 300_000,
            "desiredBitrate": 900_000,
            "pausedConsumerIds": [first],
            "weak": True,
        }
        assert await violations(ada.page) == []
        await ada.screenshot("weak-link")

        _tell(lines[-1], available=150_000, desired=900_000, paused=[second, first])
        await until("both are held back", lambda: _counts(held_back, 2))
        _tell(lines[-1], available=2_000_000, desired=900_000, paused=[])
        await held_back.first.wait_for(state="detached")
        await note.wait_for(state="detached")


async def _consumers(person: Person) -> list[str] | None:
    media = [media for peer in (await person.state())["peers"] for media in peer["media"]]
    ids = [one["consumerId"] for one in media if one["consumerId"]]
    return ids if len(ids) == 2 else None


def _tell(line: WebSocketRoute, *, available: int, desired: int, paused: list[str]) -> None:
    downlink = {
        "transportId": "t",
        "availableBitrate": available,
        "desiredBitrate": desired,
        "pausedConsumerIds": paused,
    }
    line.send(f"42/call,{json.dumps(['downlink-bandwidth', downlink])}")


async def _counts(locator: Any, wanted: int) -> bool:
    return bool(await locator.count() == wanted)
