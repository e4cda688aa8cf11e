"""The operators' page in a browser: rows, names that are only names, the token, recordings, accessibility."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from signaling.app import CallServer
from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.server import OUTPUT, running_server
from tests.signaling.clients import Person
from tests.signaling.conftest import settings_for_tests, url_of

TOKEN = "an-operators-token"


@pytest_asyncio.fixture(loop_scope="session")
async def calls(tmp_path: Path) -> AsyncIterator[CallServer]:
    """A server with a token and a call, whose people have names that try to be more."""
    server = await CallServer.start(settings_for_tests(tmp_path, operator_token=TOKEN, capture_dir=tmp_path))
    people = [await Person(url_of(server)).connect() for _ in range(2)]
    await people[0].join("<b>office</b>", displayName="<img src=x onerror=alert(1)>")
    await people[1].join("<b>office</b>", displayName="Bob")
    await people[0].transport(consumer=False)
    await people[1].consume((await people[0].produce("audio"))["id"])
    yield server
    for person in people:
        await person.leave()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, calls: CallServer) -> AsyncIterator[Page]:
    """The page with the token given; it must not complain about anything but the first 401s."""
    complaints: list[str] = []
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{url_of(calls)}/stats")
    await page.get_by_label("Operator token").fill(TOKEN)
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tr.route")).to_have_count(1)
    yield page
    await context.close()
    assert [one for one in complaints if "401" not in one] == []


async def test_names_are_shown_as_what_they_are(page: Page) -> None:
    await expect(page.locator("tr.room")).to_contain_text("<b>office</b>")
    await expect(page.locator("tr.route")).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(page.locator("tr.idle, tr.consumer")).to_contain_text("Bob")
    assert await page.locator("main img, main td b").count() == 0


async def test_nobody_stumbles_over_it(page: Page) -> None:
    assert await violations(page) == []
    await page.emulate_media(color_scheme="light")
    assert await violations(page) == []
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_wrong_token_is_asked_for_again(browser: Browser, calls: CallServer) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{url_of(calls)}/stats")
    await page.get_by_label("Operator token").fill("something else altogether")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("status")).to_have_text("This is not the token.")
    await expect(page.locator("tr.route")).to_have_count(0)
    await context.close()


async def test_rows_renew_themselves_and_the_focus_stays(page: Page, calls: CallServer) -> None:
    button = page.get_by_role("button", name="Record room <b>office</b>")
    await button.focus()
    carol = await Person(url_of(calls)).connect()
    await carol.join("<b>office</b>", displayName="Carol")
    await carol.transport(consumer=False)
    await carol.produce("audio")
    await expect(page.locator("tr.route")).to_have_count(2)
    await expect(button).to_be_focused()
    await carol.leave()
    await expect(page.locator("tr.route")).to_have_count(1)


async def test_recording_begins_and_ends(page: Page, calls: CallServer) -> None:
    await page.get_by_role("button", name="Record everything").click()
    await page.get_by_role("button", name="Stop recording everything").click()
    await expect(page.get_by_role("button", name="Record everything")).to_be_visible()
    await page.get_by_role("button", name="Record what Bob receives").click()
    await expect(page.get_by_role("button", name="Stop recording what Bob receives")).to_be_visible()
    assert calls.driver.captures is not None
    assert [one["running"] for one in calls.driver.captures.listing()] == [False, True]


async def test_the_last_minute_is_kept(page: Page, calls: CallServer) -> None:
    await page.get_by_role("button", name="Keep the last minute of everything").click()
    await expect(page.locator("#capture-list")).to_contain_text("last minute: ")
    await page.get_by_role("button", name="Keep the last minute of room <b>office</b>").click()
    await expect(page.locator("#capture-list li")).to_have_count(2)
    assert calls.driver.captures is not None
    assert len(calls.driver.captures.dumps()) == 2


async def test_without_a_directory_for_them_there_are_no_buttons(page: Page, calls: CallServer) -> None:
    calls.operators.api.captures = None
    await expect(page.get_by_role("button", name="Record")).to_have_count(0)


async def test_a_call_of_real_browsers_is_in_the_routing_table(meet: Meet, room: str) -> None:
    log = OUTPUT / "operators-server.log"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        running_server(log, OPERATOR_TOKEN=TOKEN) as server,
        aiohttp.ClientSession(headers=headers) as http,
    ):
        ada, grace = await meet("Ada"), await meet("Grace")
        for person in (ada, grace):
            await person.join(server.url, room)
        await ada.wait_for_frames(grace)
        await grace.wait_for_frames(ada)

        async def table() -> dict[str, Any]:
            async with http.get(f"{server.url}/api/routes", params={"room": room}) as response:
                assert response.status == 200
                found: dict[str, Any] = await response.json()
                return found

        def flows(found: dict[str, Any]) -> bool:
            sent = [one for route in found["routes"] for one in route["consumers"]]
            return {one["kind"] for one in sent if one["bitrate"] > 10_000 and one["packetRate"] > 5} == {
                "audio",
                "video",
            }

        async with asyncio.timeout(15):
            while not flows(found := await table()):
                await asyncio.sleep(0.3)
        names = {one["displayName"] for one in found["people"].values()}
        assert names == {"Ada", "Grace"} and [one["name"] for one in found["rooms"]] == [room]
        for route in found["routes"]:
            for one in route["consumers"]:
                assert one["ssrc"] != route["ssrc"] and one["transportId"] != route["transportId"]
                assert found["people"][one["transportId"]] != found["people"][route["transportId"]]
                assert ":" in one["to"] and one["packets"] > 0
        async with http.get(f"{server.url}/metrics") as response:
            text = await response.text()
        forwarded = re.search(r"^rtpfwd_forwarded_packets_total (\S+)$", text, re.MULTILINE)
        assert forwarded is not None and float(forwarded[1]) > 100

        page = await grace.context.new_page()
        await page.goto(f"{server.url}/stats")
        await page.get_by_label("Operator token").fill(TOKEN)
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("tr.consumer").first).to_contain_text("bit/s")
        await page.screenshot(path=OUTPUT / "screenshots" / "stats-of-a-call.png")
        for person in (ada, grace):
            await person.page.close()  # before the server goes: they would complain
