"""Two people who have never seen the pages: from the first page to a call with a shared screen and chat."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.person import LIGHT
from tests.browser.server import RunningServer
from tests.browser.waiting import until

A_MINUTE_S = 60.0
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(installed: None) -> AsyncIterator[Browser]:
    """A browser that shows its own tab when a screen is asked for."""
    async with chromium.launch("--auto-select-tab-capture-source-by-title=rtpfwd") as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_call_with_screen_and_chat_is_held_within_a_minute(
    server: RunningServer, meet: Meet, scheme: str
) -> None:
    ada = await meet("Ada", color_scheme=scheme, permissions=["clipboard-read", "clipboard-write"])
    ben = await meet("Ben", color_scheme=scheme, **PHONE)
    started = time.monotonic()

    await ada.page.goto(f"{server.url}/?{LIGHT}")
    await ada.press("new-room")
    await ada.page.get_by_test_id("display-name").fill(ada.name)
    await ada.page.locator(".preview video[data-live=true]").wait_for()
    await ada.screenshot(f"newcomer-{scheme}-1-preview")
    await ada.press_join()
    await ada.press("invite-link")
    await ada.screenshot(f"newcomer-{scheme}-2-alone")
    link = await ada.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{server.url}/room/") and "?" not in link

    await ben.page.goto(f"{link}?{LIGHT}")
    await ben.page.get_by_test_id("display-name").fill(ben.name)
    await ben.page.locator(".preview video[data-live=true]").wait_for()
    await ben.screenshot(f"newcomer-{scheme}-3-phone-preview")
    await ben.press_join()
    await ada.shows_picture_of(ben)
    await ben.shows_picture_of(ada)
    await ada.screenshot(f"newcomer-{scheme}-4-two")
    await ben.screenshot(f"newcomer-{scheme}-4-two-phone")

    await ada.press("share")
    await ben.page.locator("[data-kind=screen] video[data-live=true]").wait_for()
    await ben.say("I see your screen. https://example.org/notes")
    await ada.page.locator(".toast", has_text="I see your screen").wait_for()
    await ada.say("Good. Then we can begin.")
    await until("both lines are there", lambda: _lines(ben.page))
    took = time.monotonic() - started
    await ada.screenshot(f"newcomer-{scheme}-5-screen-and-chat")
    await ben.screenshot(f"newcomer-{scheme}-5-chat-phone")
    await ben.press("chat-close")
    await ben.screenshot(f"newcomer-{scheme}-6-screen-phone")
    await ada.press("people-toggle")
    await ada.screenshot(f"newcomer-{scheme}-6-people")
    assert await violations(ada.page) == []
    await ben.press("people-toggle")
    assert await violations(ben.page) == []
    await ben.screenshot(f"newcomer-{scheme}-7-people-phone")
    assert took < A_MINUTE_S, f"{took:.0f} s"


async def _lines(page: Any) -> bool:
    return bool(await page.get_by_test_id("chat-line").count() == 2)
