"""What breaks under a call, and that nobody has to load the page again for it."""

import os
import signal
from contextlib import AsyncExitStack

from tests.browser.accessibility import violations
from tests.browser.conftest import Meet
from tests.browser.line import line_to
from tests.browser.server import OUTPUT, RunningServer, running_server
from tests.browser.test_losing_the_socket import BROKEN_LINE
from tests.browser.waiting import until

# The names that ICE goes by at the server's side; a restart changes them.
FAR_NAMES = """() => window.peerConnections.filter((pc) => pc.connectionState !== "closed").map(
  (pc) => /a=ice-ufrag:(\\S+)/.exec(pc.remoteDescription?.sdp ?? "")?.[1])"""


async def test_a_change_of_network_finds_new_paths_at_once(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.wait_for_frames(grace)
    before = await ada.page.evaluate(FAR_NAMES)
    await ada.page.evaluate("window.dispatchEvent(new Event('online'))")

    async def restarted() -> bool:
        return not set(before) & set(await ada.page.evaluate(FAR_NAMES))

    await until("both transports have restarted", restarted)
    await ada.wait_for_frames(grace, 10)
    await grace.wait_for_frames(ada, 10)


async def test_a_call_moves_to_the_server_that_replaces_one_that_drains(
    server: RunningServer, meet: Meet, room: str
) -> None:
    """Whoever comes too late for the first waits for the next; nobody presses anything."""
    ada, grace, late = await meet("Ada"), await meet("Grace"), await meet("Late")
    people = (ada, grace)
    async with (
        running_server(OUTPUT / "browser-restart.log", DRAIN_S="6") as first,
        line_to(first.port) as line,
    ):
        for person in (*people, late):
            person.complain_about(*BROKEN_LINE)
            await person.open(line.url, room)
        for person in people:
            await person.press_join()
        await late.press("camera")
        await late.press("mute")
        await ada.wait_for_frames(grace)
        os.kill(first.pid, signal.SIGTERM)
        for person in people:
            await person.page.get_by_test_id("draining").wait_for()
        await ada.screenshot("server-drains")
        await late.press("join")
        await late.page.get_by_text("We keep trying, and you join").wait_for()
        await late.screenshot("server-drains-preview")
        assert await violations(late.page) == []
        await ada.wait_for_frames(grace)

        line.lead_to(server.port)  # as a proxy does with new connections
        await late.page.get_by_test_id("leave").wait_for()
        await late.sees(*people)  # the drain is over
        for person, other in (people, people[::-1]):
            await person.sees(other, late)
            await person.wait_for_frames(other)
            await person.wait_for_sound(other)
            assert await person.page.locator("[data-testid=banner], [data-testid=draining]").count() == 0


async def test_the_call_waits_for_a_server_that_is_started_again(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    people = (ada, grace)
    async with AsyncExitStack() as at_the_end:
        async with running_server(OUTPUT / "browser-restart.log") as first:
            line = await at_the_end.enter_async_context(line_to(first.port))
            for person in people:
                person.complain_about(*BROKEN_LINE)
                await person.join(line.url, room)
            await ada.wait_for_frames(grace)
        line.cut()
        for person in people:
            await person.page.get_by_test_id("banner").wait_for()
        await ada.screenshot("server-restarts")
        line.lead_to(server.port)
        line.mend()
        for person, other in (people, people[::-1]):
            await person.page.get_by_test_id("banner").wait_for(state="detached")
            await person.sees(other)
            await person.wait_for_frames(other)
            await person.wait_for_sound(other)


async def test_people_of_a_killed_server_meet_again_on_the_next(
    server: RunningServer, meet: Meet, room: str
) -> None:
    """It has no time to say goodbye, neither in signaling nor in DTLS."""
    ada, grace = await meet("Ada"), await meet("Grace")
    people = (ada, grace)
    async with running_server(OUTPUT / "browser-killed.log") as first, line_to(first.port) as line:
        for person in people:
            person.complain_about(*BROKEN_LINE)
            await person.join(line.url, room)
        for person, other in (people, people[::-1]):
            await person.wait_for_frames(other)
        before = [await person.peer_id() for person in people]
        os.kill(first.pid, signal.SIGKILL)
        line.cut()  # nobody answers at that address
        for person in people:
            await person.page.get_by_test_id("banner").wait_for()
        line.lead_to(server.port)  # and now somebody who knows nothing of the call
        line.mend()
        for person, other in (people, people[::-1]):
            await person.page.get_by_test_id("banner").wait_for(state="detached")
            await person.sees(other)
            await person.wait_for_frames(other)
            await person.wait_for_sound(other)
        assert not set(before) & {await person.peer_id() for person in people}
