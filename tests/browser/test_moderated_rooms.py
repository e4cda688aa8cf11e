"""Rooms that need a token: links open them, and a moderator keeps order."""

import time
from collections.abc import AsyncIterator

import pytest_asyncio

from signaling.token_command import room_link
from signaling.tokens import Grants, make_token
from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.person import LIGHT, Person
from tests.browser.server import OUTPUT, RunningServer, running_server
from tests.browser.waiting import until

SECRET = "a secret of the tests of thirty-two or more"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(installed: None) -> AsyncIterator[RunningServer]:
    async with running_server(OUTPUT / "browser-tokens.log", TOKEN_SECRETS=SECRET) as server:
        yield server


def token(room: str, name: str | None = None, **grants: bool) -> str:
    return make_token(SECRET, room, name=name, grants=Grants(**grants), expires_at=int(time.time()) + 300)


async def ready(person: Person) -> None:
    """The preview is there and the line is up."""

    async def so() -> bool:
        return bool(await person.page.evaluate("window.rtpfwd?.state().online === true"))

    await until(f"{person.name}'s page is ready", so)


async def enter(person: Person, house: RunningServer, room: str, made: str) -> None:
    """Into the room by a link with a token."""
    await person.open(house.url, room, f"{LIGHT}&token={made}")
    await person.press_join()


async def test_a_link_opens_the_room_and_leaves_no_token_in_sight(
    house: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    link = room_link(house.url, room, token(room, "Ada of the token"))
    await ada.page.goto(link.replace("#", f"?{LIGHT}#"))
    await ready(ada)
    assert "token" not in ada.page.url and ada.page.url.endswith(f"/room/{room}?{LIGHT}")
    await ada.press_join()
    assert (await ada.state())["displayName"] == "Ada of the token"
    await enter(grace, house, room, token(room))
    assert "token" not in grace.page.url
    await ada.wait_for_frames(grace)
    await ada.page.reload()
    await ready(ada)
    await ada.press_join()
    await ada.wait_for_frames(grace)


async def test_without_a_token_the_door_stays_shut(house: RunningServer, meet: Meet, room: str) -> None:
    ada = await meet("Ada")
    await ada.open(house.url, room)
    await ada.press("join")
    await ada.page.get_by_text("You are not allowed into this room.").wait_for()
    assert (await ada.state())["phase"] == "prejoin"


async def test_who_only_watches_sends_nothing(house: RunningServer, meet: Meet, room: str) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    await enter(ada, house, room, token(room))
    await enter(grace, house, room, token(room, publish=False))
    await grace.wait_for_frames(ada)
    await ada.sees(grace)
    (peer,) = (await ada.state())["peers"]
    assert peer["media"] == []


async def test_a_moderator_mutes_locks_and_removes(house: RunningServer, meet: Meet, room: str) -> None:
    ada, grace, alan = await meet("Ada"), await meet("Grace"), await meet("Alan")
    await enter(ada, house, room, token(room, moderate=True))
    await enter(grace, house, room, token(room))
    await ada.wait_for_sound(grace)
    assert await grace.page.get_by_test_id("tile-mute").count() == 0, "these tools are not everybody's"

    tile = ada.tile(grace)
    await tile.hover()
    await tile.get_by_test_id("tile-mute").click()

    async def muted() -> bool:
        return not (await grace.state())["local"]["mic"] and await tile.get_attribute("data-muted") == "true"

    await until("Grace's own button shows it too", muted)
    await grace.press("mute")
    await ada.wait_for_sound(grace)

    await ada.press("people-toggle")
    line = ada.page.locator("[data-testid=person]", has=ada.page.get_by_text("Grace", exact=True))
    assert await line.get_attribute("data-muted") == "false"
    await ada.press("mute-all")
    await until("Grace is muted, and Ada is not", muted)
    assert (await ada.state())["local"]["mic"]
    await line.get_by_label("muted", exact=True).wait_for()
    await ada.press("people-lock")
    await grace.page.get_by_text("The room is locked now.").wait_for()
    await alan.open(house.url, room, f"{LIGHT}&token={token(room)}")
    await alan.press("join")
    await alan.page.get_by_text("This room is locked.").wait_for()
    await ada.screenshot("moderator")

    assert await violations(ada.page) == []
    await grace.press("people-toggle")
    assert await grace.page.get_by_test_id("person-remove").count() == 0
    await grace.page.get_by_text("Locked: nobody new can come in").wait_for()

    await tile.hover()
    await tile.get_by_test_id("tile-remove").click()
    await ada.page.get_by_role("heading", name="Remove Grace?").wait_for()
    await ada.screenshot("removing")
    await ada.press("remove-cancel")
    await line.hover()
    await line.get_by_test_id("person-remove").click()
    await ada.press("remove-confirm")
    await grace.page.get_by_test_id("rejoin").wait_for()
    await line.wait_for(state="detached")
    await ada.sees()
