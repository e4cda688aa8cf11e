"""Joining with nothing to send."""

from tests.browser import chromium
from tests.browser.conftest import Meet
from tests.browser.server import RunningServer


async def test_whoever_refuses_the_devices_is_told_and_still_sees_and_hears_the_others(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada = await meet("Ada")
    await ada.join(server.url, room)
    async with chromium.launch(devices=chromium.DEVICES_DENIED) as refusing:
        grace = await meet("Grace", at=refusing)
        await grace.open(server.url, room)
        for device in ("Camera", "Microphone"):
            assert await grace.page.get_by_text(f"{device} access is blocked").is_visible()
        await grace.screenshot("devices-refused")

        await grace.press_join()
        await grace.sees(ada)
        await grace.shows_picture_of(ada)
        await grace.wait_for_sound(ada)
        await ada.sees(grace)
        tile = ada.tile(grace)
        assert await tile.get_attribute("data-muted") == "true"
        assert await tile.get_attribute("data-camera") == "off"
        await grace.screenshot("call-without-devices")
