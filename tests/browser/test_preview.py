"""Before the call: picture, devices, level, and joining muted."""

from playwright.async_api import Locator

from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.server import RunningServer
from tests.browser.waiting import until


async def test_the_preview_shows_the_devices_and_joins_muted_with_the_camera_off(
    server: RunningServer, meet: Meet, room: str
) -> None:
    grace = await meet("Grace")
    ada = await meet("Ada", color_scheme="dark", locale="de-DE")
    await grace.join(server.url, room)
    await ada.open(server.url, room)
    await ada.page.locator("video[data-live=true]").wait_for()
    for kind in ("audioinput", "videoinput", "audiooutput"):
        options = ada.page.get_by_test_id(f"device-{kind}").locator("option")
        await until(f"{kind} is listed by name", lambda options=options: _named(options))

    async def heard() -> bool:
        return int(await ada.page.locator(".meter").get_attribute("data-level") or 0) > 0

    await until("the level moves with the fake beep", heard)
    await ada.press("test-sound")
    await ada.screenshot("preview-in-german")
    assert await violations(ada.page) == []
    assert await ada.page.get_by_test_id("join").inner_text() == "Beitreten"

    for button in ("mute", "camera"):
        await ada.press(button)
    await ada.press_join()
    await grace.sees(ada)
    tile = grace.tile(ada)
    assert await tile.get_attribute("data-muted") == "true"
    assert await tile.get_attribute("data-camera") == "off"
    assert (await grace.state())["peers"][0]["media"] == [], "nothing was sent before it was wanted"

    await ada.open(server.url, room)
    local = (await ada.state())["local"]
    assert (local["mic"], local["camera"]) == (False, False), "who joined muted does so the next time"
    for button in ("mute", "camera"):
        await ada.press(button)
    await ada.page.locator("video[data-live=true]").wait_for()
    await ada.press_join()
    await grace.wait_for_sound(ada)
    await ada.open(server.url, room)
    local = (await ada.state())["local"]
    assert (local["mic"], local["camera"]) == (True, True)


async def _named(options: Locator) -> bool:
    texts = await options.all_inner_texts()
    return len(texts) > 1 and "" not in texts
