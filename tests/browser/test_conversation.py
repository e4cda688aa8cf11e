"""Two people in a call: hands, reactions, links, names, devices, figures, settings, and a lost camera."""

from typing import Any

from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.line import line_to
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.test_losing_the_socket import BROKEN_LINE
from tests.browser.waiting import until

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
    "reduced_motion": "reduce",
}
NO_CAMERA = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.plugIn = () => {
    navigator.mediaDevices.getUserMedia = ask;
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  };
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("none", "NotFoundError"));
  const track = document.querySelector("[data-tile=you] video").srcObject.getVideoTracks()[0];
  track.stop();
  track.dispatchEvent(new Event("ended"));
}"""


async def test_what_people_do_beside_talking(server: RunningServer, meet: Meet, room: str) -> None:
    ada, grace = await meet("Ada"), await meet("Grace", **PHONE)
    await ada.open(server.url, room)
    assert await violations(ada.page) == []
    await ada.press_join()
    await grace.join(server.url, room)
    await ada.shows_picture_of(grace)
    await grace.shows_picture_of(ada)

    await _hands_and_reactions(ada, grace)
    await _links_in_the_chat(ada, grace)
    await _figures_on_a_tile(ada, grace)
    await _full_screen(ada, grace)
    await _devices_and_settings(ada, grace)
    await _names_and_languages(ada, grace)
    await _the_camera_is_lost_and_found(ada, grace)
    await ada.press("leave")
    await ada.page.get_by_test_id("rejoin").wait_for()
    assert await violations(ada.page) == []
    await ada.screenshot("after-the-call")
    await ada.page.goto(server.url)
    await ada.page.get_by_test_id("new-room").wait_for()
    assert await violations(ada.page) == []


async def test_the_others_see_who_is_reconnecting(server: RunningServer, meet: Meet, room: str) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    async with line_to(server.port) as line:
        grace.complain_about(*BROKEN_LINE)
        await ada.join(server.url, room)
        await grace.join(line.url, room)
        await ada.shows_picture_of(grace)
        line.cut()
        await ada.tile(grace).get_by_test_id("tile-reconnecting").wait_for()
        await ada.screenshot("reconnecting-tile")
        line.mend()
        await ada.tile(grace).get_by_test_id("tile-reconnecting").wait_for(state="detached")
        await ada.wait_for_frames(grace)


async def _hands_and_reactions(ada: Person, grace: Person) -> None:
    await ada.page.keyboard.press("h")
    await grace.page.locator("[data-testid=tile][data-local=false][data-hand=true]").wait_for()
    await grace.press("more")
    await grace.screenshot("phone-menu")
    assert await violations(grace.page) == []
    await grace.press("menu-hand")
    await ada.tile(grace).get_by_text("2", exact=True).wait_for()  # her place in the queue
    await grace.press("more")
    await grace.page.get_by_test_id("react-heart").locator("visible=true").click()
    await ada.tile(grace).locator(".reaction").wait_for()
    await ada.press("react")
    await ada.page.get_by_test_id("react-party").locator("visible=true").click()
    reaction = grace.tile(ada).locator(".reaction")
    await reaction.wait_for()
    assert await reaction.evaluate("(one) => getComputedStyle(one).opacity") == "1"
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert await grace.page.evaluate(moving) == 0, "she asked for less motion"
    await ada.screenshot("hands-and-reactions")
    await ada.page.keyboard.press("u")
    people = ada.page.get_by_test_id("person")
    assert [await one.get_attribute("data-hand") for one in await people.all()] == ["1", "2"]
    await grace.press("camera")
    await people.nth(1).get_by_label("camera off").wait_for()
    await ada.screenshot("people")
    assert await violations(ada.page) == []
    await grace.press("camera")
    await people.nth(1).hover()
    await people.nth(1).get_by_test_id("person-pin").click()
    await ada.page.locator("[data-testid=tile][data-local=false][data-pinned=true]").wait_for()
    await people.nth(1).get_by_test_id("person-pin").click()
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_test_id("people-panel").wait_for(state="detached")
    await ada.page.keyboard.press("h")
    await grace.page.locator("[data-local=false][data-hand=false]").wait_for()


async def _links_in_the_chat(ada: Person, grace: Person) -> None:
    await grace.say("see https://example.org/a?b=1. <img src=x> javascript:alert(1)")
    assert await ada.page.get_by_test_id("chat-toggle").inner_text() == "1"
    await ada.page.keyboard.press("c")
    links = ada.page.locator("[data-testid=chat-line] a")
    await links.wait_for()
    assert await links.count() == 1
    assert await links.get_attribute("href") == "https://example.org/a?b=1"
    assert set((await links.get_attribute("rel") or "").split()) >= {"noopener", "noreferrer"}
    assert await links.get_attribute("target") == "_blank"
    await ada.screenshot("chat-beside-the-call")
    await grace.screenshot("phone-chat-with-controls")
    assert await violations(ada.page) == []
    for test_id in ("mute", "camera", "leave", "chat-toggle"):
        box = await grace.page.get_by_test_id(test_id).bounding_box()
        hit = "([x, y]) => document.elementFromPoint(x, y).closest('[data-testid]').dataset.testid"
        assert box is not None
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert await grace.page.evaluate(hit, middle) == test_id, "the chat does not cover it"
    await grace.press("chat-close")
    await ada.press("chat-close")


async def _figures_on_a_tile(ada: Person, grace: Person) -> None:
    tile = ada.tile(grace)
    await tile.hover()
    await tile.get_by_test_id("tile-stats").click()

    async def measured() -> bool:
        text = await tile.get_by_test_id("stats").inner_text()
        rate = [int(line.split()[0]) for line in text.splitlines() if line.endswith("kbps")]
        return "VP8" in text and "360" in text and len(rate) == 2 and min(rate) > 50  # bitrate, estimate

    await until("resolution, codec and bitrate are there", measured)
    await until("a line is drawn", lambda: _has_line(tile))
    await ada.screenshot("statistics")
    await tile.get_by_test_id("tile-stats").click()
    assert await tile.get_by_test_id("stats").count() == 0


async def _full_screen(ada: Person, grace: Person) -> None:
    await ada.tile(grace).hover()
    await ada.tile(grace).get_by_test_id("tile-full").click()
    assert await _asks(ada, "document.fullscreenElement?.dataset.testid", "tile")
    await ada.page.evaluate("document.exitFullscreen()")
    if await ada.page.evaluate("document.pictureInPictureEnabled"):
        await ada.tile(grace).hover()
        await ada.tile(grace).get_by_test_id("tile-pip").click()
        assert await _asks(ada, "document.pictureInPictureElement?.tagName", "VIDEO")
        await ada.page.evaluate("document.exitPictureInPicture()")


async def _devices_and_settings(ada: Person, grace: Person) -> None:
    await ada.press("choose-audio")
    await ada.screenshot("choosing-a-microphone")
    choices = ada.page.get_by_test_id("device-audioinput").locator("option")
    assert await choices.count() >= 2
    before = await _own_track(ada)
    await ada.page.keyboard.press("Escape")
    await ada.press("choose-video")
    await ada.page.get_by_test_id("device-videoinput").select_option(index=1)

    async def other_track() -> bool:
        return await _own_track(ada) not in (before, None)

    await until("the camera is opened anew", other_track)
    await ada.page.keyboard.press("Escape")
    await grace.wait_for_frames(ada)

    await ada.press("more")
    await ada.press("menu-settings")
    await ada.page.get_by_test_id("settings-dialog").wait_for()
    assert await violations(ada.page) == []
    await ada.page.get_by_test_id("noiseSuppression").uncheck()
    await ada.screenshot("settings")
    own = ada.page.locator("[data-tile=you]")
    await ada.page.get_by_test_id("hide-self").check()
    await own.wait_for(state="detached")
    await ada.page.get_by_test_id("hide-self").uncheck()
    await own.wait_for()
    await ada.press("dialog-close")
    await grace.wait_for_sound(ada)
    await ada.page.keyboard.press("?")
    await ada.page.get_by_test_id("shortcuts-dialog").wait_for()
    await ada.screenshot("shortcuts")
    assert await violations(ada.page) == []
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_test_id("shortcuts-dialog").wait_for(state="detached")

    await ada.page.keyboard.press("m")
    await until("muted", lambda: _tile_says(grace, ada, "data-muted", "true"))
    await ada.page.evaluate("document.activeElement?.blur()")
    await ada.page.keyboard.down("Space")
    await until("talking while the key is held", lambda: _tile_says(grace, ada, "data-muted", "false"))
    await ada.page.keyboard.up("Space")
    await until("muted again", lambda: _tile_says(grace, ada, "data-muted", "true"))
    await ada.page.keyboard.press("m")


async def _names_and_languages(ada: Person, grace: Person) -> None:
    await grace.press("more")
    await grace.press("menu-settings")
    await grace.page.get_by_test_id("new-name").fill("Grace <b>H.</b>")
    await grace.press("save-name")
    grace.name = "Grace <b>H.</b>"
    await ada.sees(grace)
    await grace.page.get_by_test_id("language").select_option("de")
    await grace.page.get_by_role("heading", name="Einstellungen").wait_for()
    assert await grace.page.evaluate("document.documentElement.lang") == "de"
    await grace.screenshot("phone-settings-in-german")
    await grace.page.get_by_test_id("language").select_option("en")
    for theme, background in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(23, 29, 27)")):
        await grace.page.get_by_test_id(f"theme-{theme}").check(force=True)
        colour = "getComputedStyle(document.querySelector('dialog')).backgroundColor"
        assert await _asks(grace, colour, background)
        assert await violations(grace.page) == [], theme
        await grace.screenshot(f"phone-settings-{theme}")
    await grace.press("dialog-close")


async def _the_camera_is_lost_and_found(ada: Person, grace: Person) -> None:
    await ada.page.evaluate(NO_CAMERA)
    await until("the others see it", lambda: _tile_says(grace, ada, "data-camera", "off"))
    await ada.page.locator(".toast", has_text="The camera went away").wait_for()
    await ada.screenshot("camera-lost")
    await ada.page.evaluate("window.plugIn()")
    await until("it is back", lambda: _tile_says(grace, ada, "data-camera", "on"))
    await grace.wait_for_frames(ada)


async def _own_track(person: Person) -> str | None:
    script = "document.querySelector('[data-tile=you] video')?.srcObject?.getVideoTracks()[0]?.id ?? null"
    return await person.page.evaluate(script)


async def _asks(person: Person, script: str, wanted: str) -> bool:
    async def so() -> bool:
        return bool(await person.page.evaluate(script) == wanted)

    return await until(f"{script} is {wanted}", so)


async def _has_line(tile: Any) -> bool:
    return "L" in (await tile.locator(".stats path").nth(1).get_attribute("d") or "")


async def _tile_says(viewer: Person, other: Person, attribute: str, value: str) -> bool:
    return await viewer.tile(other).get_attribute(attribute) == value
