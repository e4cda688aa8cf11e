"""A room of six on one machine: its tiles get the layers they need, and all of them move.

With ten, and with the tasks of the page: ``python -m tests.browser.ten``.
"""

from pathlib import Path

from playwright.async_api import Browser

from tests.browser import ten
from tests.browser.server import RunningServer


async def test_tiles_of_a_full_room_switch_layers(
    server: RunningServer, browser: Browser, room: str, tmp_path: Path
) -> None:
    async with (
        ten.crowd_browser(tmp_path) as others,
        ten.full_room(browser, others, server.url, room, 6, traced=False) as (ada, crowd, figures),
    ):
        await ten.look_around(ada, crowd, figures)
    assert len(figures.up) == 2 and len(figures.down) == 1
    assert min(figures.frames_per_s) > 0, "every tile moves"
