"""A room of six on one machine: the page stays quick, and its tiles get the layers they need.

With ten, and as a report: ``python -m tests.browser.ten``; FULL_ROOM=10 has this test do it.
"""

import os
from pathlib import Path

from playwright.async_api import Browser

from tests.browser import ten
from tests.browser.server import RunningServer

PEOPLE = int(os.environ.get("FULL_ROOM", "6"))


async def test_a_page_in_a_full_room_is_quick_and_its_tiles_switch_layers(
    server: RunningServer, browser: Browser, room: str, tmp_path: Path
) -> None:
    async with (
        ten.crowd_browser(tmp_path) as others,
        ten.full_room(browser, others, server.url, room, PEOPLE) as (ada, crowd, figures),
    ):
        await ten.look_around(ada, crowd, figures)
    print("\n".join(figures.lines()))
    assert figures.longest_ms < ten.LONG_TASK_MS, "\n".join(figures.lines())
    assert len(figures.up) == 2 and len(figures.down) == 1
    assert min(figures.frames_per_s) > 0, "every tile moves"
