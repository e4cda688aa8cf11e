"""Tiles come and go with the people they stand for."""

from tests.browser.conftest import Meet
from tests.browser.server import RunningServer


async def test_leaving_removes_the_tile_and_rejoining_brings_it_back(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.sees(grace)

    await grace.press("leave")
    await ada.sees()
    await grace.page.get_by_test_id("rejoin").wait_for()
    await grace.screenshot("after-leaving")
    await ada.screenshot("the-other-left")

    await grace.press("rejoin")
    await ada.sees(grace)
    await grace.sees(ada)
    await ada.wait_for_frames(grace)
    await ada.wait_for_sound(grace)
    await grace.wait_for_frames(ada)


async def test_reloading_the_page_brings_the_person_back_exactly_once(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.sees(grace)

    await grace.page.reload()
    await ada.sees()
    assert await grace.page.get_by_test_id("display-name").input_value() == "Grace", "the name is remembered"
    await grace.press_join()
    await ada.sees(grace)
    await grace.sees(ada)
    await ada.wait_for_frames(grace)
    assert len((await ada.state())["peers"]) == 1


async def test_closing_the_tab_removes_the_tile_at_once(server: RunningServer, meet: Meet, room: str) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.sees(grace)

    await grace.page.close(run_before_unload=True)
    await ada.sees()


async def test_whoever_follows_a_link_elsewhere_leaves_the_call(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.sees(grace)

    await grace.page.goto(server.url)
    await ada.sees()
    await grace.screenshot("first-page")
