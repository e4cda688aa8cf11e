"""How soon somebody who joins a running call sees the others."""

import pytest
from playwright.async_api import Browser

from tests.browser.join_times import REPORT, measure
from tests.browser.server import RunningServer

# The goal is 600 ms on a machine with nothing else to do. Tests share theirs, so only a broken join fails.
LOOSE_MEDIAN_MS = 2_000


async def test_the_first_remote_frame_is_shown_soon_after_pressing_join(
    server: RunningServer, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    times = await measure(browser, server.url, joins=5)
    times.write(REPORT)
    with capsys.disabled():
        print(f"\n{times}")
    assert times.median_ms < LOOSE_MEDIAN_MS
