"""Showing a screen: a tile and a layout of its own, several at once, and the sound of a shared tab."""

from playwright.async_api import Locator

from tests.browser import chromium
from tests.browser.conftest import DESK, Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until

PHONE = {"width": 390, "height": 844}
PLAYS_A_TONE = """() => {
  const context = new AudioContext();
  const tone = context.createOscillator();
  tone.connect(context.destination);
  tone.start();
}"""


async def test_screens_are_shown_large_with_their_sound_and_end_with_the_sharing(
    server: RunningServer, meet: Meet, room: str
) -> None:
    shows = f"--auto-select-tab-capture-source-by-title={room}"
    async with chromium.launch(shows) as sharing:
        ada, grace, alan = (
            await meet("Ada", at=sharing),
            await meet("Grace", at=sharing),
            await meet("Alan", at=sharing),
        )
        for person in (ada, grace, alan):
            await person.join(server.url, room, "video=320x180")
        await ada.page.evaluate(PLAYS_A_TONE)
        await ada.press("share")
        screen = _screen_of(alan, ada)
        await screen.locator("video[data-live=true]").wait_for()
        await alan.page.locator("[data-testid=stage][data-layout=speaker]").wait_for()
        assert await _width(screen) > 2 * await _width(alan.tile(ada)), "the screen is what to look at"
        await until("the sound of the tab is played beside the voice", lambda: _sounds(alan, ada, 2))
        assert await alan.tile(ada).get_attribute("data-camera") == "on", "the camera goes on"
        await ada.page.locator("[data-tile=your-screen] video[data-live=true]").wait_for()
        await alan.screenshot("screen-of-one")
        await ada.screenshot("sharing-a-screen")

        await _layers_of_a_screen(ada, alan)

        await grace.press("share")
        await _screen_of(alan, grace).locator("video[data-live=true]").wait_for()
        await until("the two screens are alike", lambda: _alike(screen, _screen_of(alan, grace)))
        await alan.screenshot("screens-of-two")

        await ada.press("stop-sharing")
        await screen.wait_for(state="detached")
        await until("its sound ends as well", lambda: _sounds(alan, ada, 1))
        await grace.page.keyboard.press("s")
        await _screen_of(alan, grace).wait_for(state="detached")
        await alan.page.locator("[data-testid=stage][data-layout=grid]").wait_for()
        await alan.wait_for_sound(ada)


async def _layers_of_a_screen(ada: Person, alan: Person) -> None:
    """A small tile gets the half size, a large one the whole."""
    await until("it is sent in two encodings", lambda: _encodings(ada, 2))
    for viewport, width in ((PHONE, DESK["width"] // 2), (DESK, DESK["width"])):
        await alan.page.set_viewport_size(viewport)
        await until(f"the screen is {width} wide", lambda width=width: _is_wide(alan, width), 30)


async def _encodings(person: Person, count: int) -> bool:
    found = (await person.state())["local"]["encodings"].get("screen", {"active": []})
    return len(found["active"]) == count


async def _is_wide(viewer: Person, width: int) -> bool:
    peers = (await viewer.state())["peers"]
    screens = {one["producerId"] for peer in peers for one in peer["media"] if one["source"] == "screen"}
    for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
        for report in consumer["stats"]:
            if consumer["producerId"] in screens and report["type"] == "inbound-rtp":
                return bool(report.get("frameWidth") == width)
    return False


def _screen_of(viewer: Person, other: Person) -> Locator:
    return viewer.page.locator(
        "[data-testid=tile][data-kind=screen]",
        has=viewer.page.get_by_text(f"{other.name}'s screen", exact=True),
    )


async def _width(tile: Locator) -> float:
    box = await tile.bounding_box()
    return box["width"] if box else 0.0


async def _alike(one: Locator, two: Locator) -> bool:
    return abs(await _width(one) - await _width(two)) < 2


async def _sounds(viewer: Person, other: Person, count: int) -> bool:
    peer_id = await other.peer_id()
    return await viewer.page.locator(f"audio[data-peer-id='{peer_id}']").count() == count
