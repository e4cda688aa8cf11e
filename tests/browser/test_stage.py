"""How the tiles of a call are laid out, and that nothing is fetched for those that are not shown."""

from typing import Any

from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.crowd import crowd
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until

PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}
BIG = {"width": 1920, "height": 1080}
SHAPES = {
    "phone-on-its-side": {"width": 844, "height": 390},
    "tablet": {"width": 820, "height": 1180},
    "4k": {"width": 3840, "height": 2160},
}

# Tiles that overlap (the floating one may) or stick out, and how much of the stage is used.
MEASURE = """() => {
  const stage = document.querySelector("[data-testid=stage]").getBoundingClientRect();
  const tiles = [...document.querySelectorAll("[data-testid=tile], .invite")];
  const still = tiles.filter((tile) => tile.dataset.floating !== "true");
  const boxes = still.map((tile) => tile.getBoundingClientRect());
  const faults = [];
  boxes.forEach((a, i) => {
    if (a.left < stage.left - 1 || a.right > stage.right + 1) faults.push(`${i} sticks out sideways`);
    if (a.top < stage.top - 1 || a.bottom > stage.bottom + 1)
      faults.push(`${i} sticks out`);
    boxes.slice(i + 1).forEach((b, j) => {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        faults.push(`${i} overlaps ${i + 1 + j}`);
    });
  });
  const area = boxes.reduce((sum, box) => sum + box.width * box.height, 0);
  return {faults, used: area / (stage.width * stage.height), tiles: tiles.length};
}"""
SETTLED = """() => document.getAnimations().every((one) => one.playState !== "running" ||
  one.effect.getTiming().iterations === Infinity)"""


async def test_tiles_fill_the_stage_from_one_to_forty_nine(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada = await meet("Ada Lovelace", color_scheme="dark")
    await ada.join(server.url, room)
    async with crowd(server.url, room) as others:
        for count in (0, 1, 2, 3, 6, 11, 24, 48):
            await others.grow_to(count, cameras=count <= 24)
            for size in (LAPTOP, PHONE) if count in (1, 3) else (LAPTOP,):
                await ada.page.set_viewport_size(size)
                found = await _settled(ada, min(count, 49) + 1 + (count == 0))
                assert found["faults"] == [], (count, size, found)
                assert found["used"] > (0.6 if size is PHONE else 0.65), (count, size, found)
                name = "phone" if size is PHONE else "laptop"
                await ada.screenshot(f"stage-{name}-{count + 1:02}")
        assert await ada.page.get_by_test_id("page").count() == 0, "49 tiles are one page"
        await ada.page.set_viewport_size(BIG)
        assert (await _settled(ada, 49))["faults"] == []
        await ada.screenshot("stage-big-49")
        for name, size in SHAPES.items():
            await ada.page.set_viewport_size(size)
            assert (await _settled(ada))["faults"] == [], name
            await ada.screenshot(f"stage-{name}")

        await _pages_fetch_only_what_they_show(ada)
        await _speaker_view_and_pins(ada)
        await ada.page.set_viewport_size(LAPTOP)
        assert await violations(ada.page) == []


async def _pages_fetch_only_what_they_show(ada: Person) -> None:
    await ada.page.set_viewport_size(PHONE)

    async def fetched_is_shown() -> bool:
        shown = await ada.page.evaluate(
            "() => [...document.querySelectorAll('.tile[data-local=false]')].map((t) => t.dataset.tile)"
        )
        state = await ada.state()
        cameras = {media["producerId"]: peer["id"] for peer in state["peers"] for media in peer["media"]}
        wanted = {producer for producer, peer in cameras.items() if peer in shown}
        return set(state["fetched"]) == wanted

    seen: set[str] = set()
    await ada.page.get_by_test_id("page").wait_for()
    while True:
        await until("what is shown is what is fetched", fetched_is_shown)
        names = await ada.names()
        assert 0 < len(names) < 30 and not seen & set(names)
        seen |= set(names)
        if not await ada.page.get_by_test_id("page-on").is_enabled():
            break
        if len(seen) == len(names):
            assert (await _settled(ada))["faults"] == []
            await ada.screenshot("stage-phone-pages")
        await ada.press("page-on")
    assert len(seen) == 48, "every page together shows everybody"


async def _speaker_view_and_pins(ada: Person) -> None:
    await ada.page.set_viewport_size(LAPTOP)
    await ada.page.keyboard.press("g")
    await ada.page.locator("[data-testid=stage][data-layout=speaker]").wait_for()
    assert (await _settled(ada))["faults"] == []
    await ada.screenshot("speaker-view")
    tiles = ada.page.locator("[data-testid=tile][data-local=false]")
    for tile in (tiles.nth(2), tiles.nth(3)):
        await tile.hover()
        await tile.get_by_test_id("tile-pin").click()
    await ada.page.mouse.move(5, 5)
    pinned = ada.page.locator("[data-testid=tile][data-pinned=true]")
    await until("two are pinned", lambda: _counts(pinned, 2))
    assert (await _settled(ada))["faults"] == []
    areas = await ada.page.evaluate(
        "() => [...document.querySelectorAll('.tile')].map((t) => [t.dataset.pinned, t.offsetWidth])"
    )
    assert min(width for is_pinned, width in areas if is_pinned == "true") > 300
    await ada.screenshot("two-pinned")
    await ada.page.keyboard.press("g")


async def _settled(person: Person, tiles: int | None = None) -> dict[str, Any]:
    async def ready() -> bool:
        found = await person.page.evaluate(MEASURE)
        return (tiles is None or found["tiles"] == tiles) and await person.page.evaluate(SETTLED)

    await until(f"{tiles} tiles stand still", ready)
    return dict(await person.page.evaluate(MEASURE))


async def _counts(locator: Any, wanted: int) -> bool:
    return bool(await locator.count() == wanted)
