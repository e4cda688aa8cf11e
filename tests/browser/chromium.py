"""Debian's Chromium under Playwright: where it is, with which switches, and what every page gets to see.

The devices are Chromium's fake ones (a moving picture with a counter, a beep a second) and the prompt for
them is answered by the browser itself. No download of Playwright's own browsers is needed.
"""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
DEVICES_ALLOWED = "--use-fake-ui-for-media-stream"
DEVICES_DENIED = "--use-fake-ui-for-media-stream=deny"

# Keeps the page's RTCPeerConnections where a test can ask them for statistics.
RECORD_CONNECTIONS = """
window.peerConnections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...args) { super(...args); window.peerConnections.push(this); }
};
"""


def chromium_path() -> str | None:
    """The browser: environment variable CHROMIUM, else the one on the search path, else none."""
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@asynccontextmanager
async def launch(
    *more: str, devices: str = DEVICES_ALLOWED, path: str | None = None
) -> AsyncIterator[Browser]:
    """A browser for as long as the block lasts; ``more`` are further switches, ``path`` is what starts it."""
    switches: Sequence[str] = (*FLAGS, devices, *more)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path or chromium_path(), args=list(switches)
        )
        try:
            yield browser
        finally:
            await browser.close()
