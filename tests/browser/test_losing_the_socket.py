"""Losing the signaling connection does not lose the call."""

import os

from tests.browser import outages
from tests.browser.conftest import Meet
from tests.browser.line import line_to
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until

BROKEN_LINE = ("WebSocket connection to", "net::ERR_")


async def test_media_flows_on_and_the_page_resumes_as_the_same_person(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    async with line_to(server.port) as line:
        grace.complain_about(*BROKEN_LINE)
        await ada.join(server.url, room)
        await grace.join(line.url, room)
        await ada.wait_for_frames(grace)
        await grace.wait_for_frames(ada)
        before = await grace.peer_id()

        line.cut()
        await grace.page.get_by_test_id("banner").wait_for()
        await grace.screenshot("connection-lost")
        await grace.wait_for_frames(ada, 10)
        await ada.wait_for_frames(grace, 10)
        await ada.wait_for_sound(grace)

        line.mend()
        await until("the line is up", lambda: _online(grace))
        await grace.page.get_by_test_id("banner").wait_for(state="detached")
        await ada.say("are you there")
        await until("pushes arrive again", lambda: _has_chat(grace))
        assert await grace.peer_id() == before
        await ada.sees(grace)
        await grace.sees(ada)
        await ada.wait_for_frames(grace)
        await grace.wait_for_frames(ada)
        toasts = await ada.page.locator(".toast").all_inner_texts()
        assert "Grace left" not in toasts, "nobody noticed"

        await grace.press("mute")  # requests work again too

        async def muted() -> bool:
            return await ada.tile(grace).get_attribute("data-muted") == "true"

        await until("muting reaches the others", muted)


async def test_no_media_and_nothing_known_is_lost_with_the_socket(
    server: RunningServer, meet: Meet, room: str
) -> None:
    """OUTAGES_S="1 5 29" tries the whole resume window; as a report: ``python -m tests.browser.outages``."""
    ada, grace = await meet("Ada"), await meet("Grace")
    async with line_to(server.port) as line:
        grace.complain_about(*BROKEN_LINE)
        await outages.prepare(ada, grace, server.url, line.url, room)
        for seconds in map(float, os.environ.get("OUTAGES_S", "1 5").split()):
            outage = await outages.cut_for(line, seconds, (ada, grace), grace)
            assert outage.faults == [], "\n".join(outage.lines())


async def test_who_comes_while_the_line_is_down_is_there_after_it(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace, alan = await meet("Ada"), await meet("Grace"), await meet("Alan")
    async with line_to(server.port) as line:
        grace.complain_about(*BROKEN_LINE)
        await ada.join(server.url, room)
        await grace.join(line.url, room)
        await grace.wait_for_frames(ada)
        await ada.wait_for_frames(grace)

        line.cut()
        await grace.page.get_by_test_id("banner").wait_for()
        await ada.press("leave")
        await alan.join(server.url, room)
        await alan.sees(grace)
        await alan.wait_for_frames(grace)

        line.mend()
        await grace.sees(alan)
        await grace.wait_for_frames(alan)
        await grace.wait_for_sound(alan)


async def test_a_camera_whose_answer_was_lost_with_the_line_is_seen_after_it(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    async with line_to(server.port) as line:
        grace.complain_about(*BROKEN_LINE)
        await ada.join(server.url, room)
        await grace.open(line.url, room)
        await grace.press("camera")
        await grace.press_join()
        await grace.wait_for_frames(ada)
        await ada.wait_for_sound(grace)

        line.deafen()
        await grace.press("camera")

        async def known_to_the_server() -> bool:
            return await ada.tile(grace).get_attribute("data-camera") == "on"

        await until("the server has the new producer", known_to_the_server)
        line.cut()
        await grace.page.get_by_test_id("banner").wait_for()
        line.mend()
        await ada.shows_picture_of(grace)
        await ada.wait_for_frames(grace)
        assert len((await ada.state())["peers"][0]["media"]) == 2, "one microphone, one camera"


async def _online(person: Person) -> bool:
    return (await person.state())["online"] is True


async def _has_chat(person: Person) -> bool:
    return len((await person.state())["chat"]) == 1
