"""A room full of people on one machine: does the page stay quick, and do its tiles get the layers they need?

``python -m tests.browser.ten`` starts a server and two browsers. One page is looked at; nine others join from
a browser of their own, with pages so small that they fetch little. They send two encodings of a slow camera
each, and all but one are muted, as people are in full rooms: two cores are all there is for ten cameras, ten
encoders and the server. Prints the longest tasks of the page that is looked at, how long its tiles take to
change their layer, and how its pictures move.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Error, ViewportSize

from tests.browser import chromium
from tests.browser.person import Person
from tests.browser.server import OUTPUT, running_server
from tests.browser.waiting import until

PEOPLE = 10
SLOW_CAMERA = "--use-fake-device-for-media-stream=fps=8"
DESK: ViewportSize = {"width": 1280, "height": 800}
KEYHOLE: ViewportSize = {"width": 220, "height": 200}
UNSEEN = "document.body.style.visibility = 'hidden'"
CAMERA = "video=480x270"
LONG_TASK_MS = 200
"""What a press of a button may wait for a page that is busy."""

TRACED = ["disabled-by-default-devtools.timeline"]
LONG_MS = 50
"""From here the browsers themselves speak of a long task."""
SMALL, LARGE = 240, 480  # widths of the two encodings


@dataclass(frozen=True)
class Task:
    """Milliseconds by the clock on the wall, and of computing: else it waited for one of the two cores."""

    wall: float
    computing: float


@dataclass
class Figures:
    """What was found. Times in milliseconds, but ``joined_s``."""

    people: int
    traced: bool = True
    joined_s: float = 0.0
    tasks: dict[str, list[Task]] = field(default_factory=dict)
    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    frames_per_s: list[float] = field(default_factory=list)

    @property
    def longest_ms(self) -> float:
        """Computing of the longest task of all."""
        return max((one.computing for tasks in self.tasks.values() for one in tasks), default=0.0)

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.people} people were in after {self.joined_s:.1f} s"]
        for part, tasks in self.tasks.items():
            computing = max((one.computing for one in tasks), default=0.0)
            late = [one.wall for one in tasks if one.wall >= LONG_MS]
            told.append(
                f"{part}: longest task {computing:.0f} ms of computing; with waiting for a core"
                f" {len(late)} took over {LONG_MS} ms, the longest {max(late, default=0):.0f} ms"
            )
        rates = " ".join(f"{rate:.0f}" for rate in self.frames_per_s)
        told.append(f"frames a second of each tile: {rates}")
        for what, times in (("larger", self.up), ("smaller", self.down)):
            told.append(f"a tile's picture grew {what} after {', '.join(f'{one:.0f}' for one in times)} ms")
        return told


@asynccontextmanager
async def crowd_browser(folder: Path) -> AsyncIterator[Browser]:
    """A browser that leaves the cores to others: those whom it stands for have machines of their own."""
    gentle = folder / "gentle-chromium"
    gentle.write_text(f'#!/bin/sh\nexec nice -n 10 "{chromium.chromium_path()}" "$@"\n')
    gentle.chmod(0o755)
    async with chromium.launch(SLOW_CAMERA, path=str(gentle)) as browser:
        yield browser


@asynccontextmanager
async def full_room(
    looker: Browser, others: Browser, url: str, room: str, people: int = PEOPLE, *, traced: bool = True
) -> AsyncIterator[tuple[Person, list[Person], Figures]]:
    """The page that is looked at, the others, and the figures of their joining. Its tasks are known if it is
    traced, which takes longer than all the rest.
    """
    figures = Figures(people, traced)
    ada = await _person(looker, "Ada", DESK)
    crowd = [await _person(others, f"Guest {number}", KEYHOLE) for number in range(2, people + 1)]
    try:
        await _begin_part(ada, figures)
        begun = time.monotonic()
        await ada.join(url, room, CAMERA)
        for guest in crowd:
            await guest.open(url, room, CAMERA)
            if guest is not crowd[0]:
                await guest.press("mute")
            await guest.press_join()
            await guest.page.evaluate(UNSEEN)
        await until("Ada sees everybody", lambda: _sees(ada, people - 1), 60)
        figures.joined_s = time.monotonic() - begun
        await _note_tasks(ada, figures, "while the others came")
        yield ada, crowd, figures
    finally:
        with suppress(Error):  # it had ended already
            await looker.stop_tracing()
        for person in (ada, *crowd):
            await person.context.close()


async def look_around(ada: Person, crowd: list[Person], figures: Figures, turns: int = 2) -> None:
    """Pins one after the other, who grows while the one before shrinks, and opens what there is to open."""
    pinned: Person | None = None
    for turn in range(turns):
        guest = crowd[turn % len(crowd)]
        pressed = time.monotonic()
        await _press_pin(ada, guest)
        if pinned is not None:
            await _press_pin(ada, pinned)
        await _grown(ada, guest, LARGE)
        figures.up.append(1000 * (time.monotonic() - pressed))
        if pinned is not None:
            await _grown(ada, pinned, SMALL)
            figures.down.append(1000 * (time.monotonic() - pressed))
        pinned = guest
    if pinned is not None:
        await _press_pin(ada, pinned)
    await _note_tasks(ada, figures, "while tiles were pinned")
    for key in "gucu":
        await ada.page.keyboard.press(key)
        await asyncio.sleep(0.3)
    await ada.page.keyboard.press("Escape")
    await ada.page.keyboard.press("g")
    await ada.press("more")
    await ada.press("menu-stats")
    before, begun = await _frames(ada, crowd), time.monotonic()
    await asyncio.sleep(3)
    after, took = await _frames(ada, crowd), time.monotonic() - begun
    figures.frames_per_s = [(now - then) / took for then, now in zip(before, after, strict=True)]
    await ada.screenshot(f"room-of-{figures.people}")
    await _note_tasks(ada, figures, "while panels and figures were open")


async def _person(browser: Browser, name: str, viewport: ViewportSize) -> Person:
    context = await browser.new_context(viewport=viewport)
    return Person(name, context, await context.new_page(), OUTPUT / "screenshots")


async def _press_pin(ada: Person, guest: Person) -> None:
    # By id: looking for names in a full page is work for the page, too.
    tile = ada.page.locator(f"[data-tile='{await guest.peer_id()}']")
    await tile.hover()
    await tile.locator("[data-testid=tile-pin]").click()


async def _sees(ada: Person, count: int) -> bool:
    live = "document.querySelectorAll('[data-local=false] video[data-live=true]').length"
    return bool(await ada.page.evaluate(live) == count)


async def _grown(ada: Person, guest: Person, width: int) -> None:
    await until(f"the picture of {guest.name} is {width} wide", lambda: _is_wide(ada, guest, width), 30)


async def _is_wide(ada: Person, guest: Person, width: int) -> bool:
    received = await ada.receives(guest, "video")
    return received is not None and received.width == width


async def _frames(ada: Person, crowd: list[Person]) -> list[int]:
    found = [await ada.receives(guest, "video") for guest in crowd]
    return [one.frames if one else 0 for one in found]


async def _begin_part(ada: Person, figures: Figures) -> None:
    if not figures.traced:
        return
    assert ada.context.browser is not None
    await ada.context.browser.start_tracing(page=ada.page, categories=TRACED)


async def _note_tasks(ada: Person, figures: Figures, part: str) -> None:
    """What the main thread of the page has done since ``_begin_part``; begins the next part."""
    if not figures.traced:
        return
    assert ada.context.browser is not None
    events = json.loads(await ada.context.browser.stop_tracing())["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    figures.tasks[part] = [
        Task(event["dur"] / 1000, event.get("tdur", 0) / 1000)
        for event in events
        if event["name"] == "RunTask" and "dur" in event and (event["pid"], event["tid"]) in threads
    ]
    assert figures.tasks[part], "the page did something"
    await _begin_part(ada, figures)


async def _report(people: int, turns: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_server(Path(folder) / "server.log") as server,
            chromium.launch() as looker,
            crowd_browser(Path(folder)) as others,
            full_room(looker, others, server.url, "full", people) as (ada, crowd, figures),
        ):
            await look_around(ada, crowd, figures, turns)
    print("\n".join(figures.lines()), flush=True)
    return figures.longest_ms < LONG_TASK_MS


def main() -> None:
    """The command; exits with 1 when the page was busy for too long."""
    parser = argparse.ArgumentParser(description="a page in a full room on one machine")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--turns", type=int, default=3, help="how often somebody is pinned and let go")
    arguments = parser.parse_args()
    raise SystemExit(0 if asyncio.run(_report(arguments.people, arguments.turns)) else 1)


if __name__ == "__main__":
    main()
