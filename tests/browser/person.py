"""One person at one browser page: what they press, what they see, and what their page receives."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page

from tests.browser.waiting import until

LIGHT = "video=640x360"  # three simulcast layers of 720p are more than two cores can encode for three people


@dataclass(frozen=True)
class Received:
    """The browser's own counters of one remote track; those that do not fit its kind are 0."""

    kind: str
    packets: int
    frames: int
    width: int
    height: int
    energy: float
    key_frames: int

    @classmethod
    def of(cls, report: dict[str, Any]) -> "Received":
        return cls(
            kind=report["kind"],
            packets=report.get("packetsReceived", 0),
            frames=report.get("framesDecoded", 0),
            width=report.get("frameWidth", 0),
            height=report.get("frameHeight", 0),
            energy=report.get("totalAudioEnergy", 0.0),
            key_frames=report.get("keyFramesDecoded", 0),
        )


@dataclass
class Person:
    """Somebody with a browser. ``complaints`` collects what the page's console and error handlers say."""

    name: str
    context: BrowserContext
    page: Page
    screenshots: Path
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # pieces of text that a complaint may contain
    dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("dialog", self._on_dialog)
        self.page.on("crash", lambda _page: self.complaints.append("the page crashed"))

    # what they do

    async def open(self, url: str, room: str, query: str = LIGHT) -> None:
        """Opens the room's page and waits for the preview: devices answered, line up."""
        await self.page.goto(f"{url}/room/{room}?{query}")
        await self.page.get_by_test_id("display-name").fill(self.name)
        await until(f"{self.name}'s preview is ready", self._ready)

    async def press_join(self) -> None:
        await self.page.get_by_test_id("join").click()
        await self.page.get_by_test_id("leave").wait_for()

    async def join(self, url: str, room: str, query: str = LIGHT) -> None:
        """The whole way into a call."""
        await self.open(url, room, query)
        await self.press_join()

    async def press(self, test_id: str) -> None:
        await self.page.get_by_test_id(test_id).click()

    async def say(self, text: str) -> None:
        """Writes into the chat, opening it first if need be."""
        if not await self.page.get_by_test_id("chat-input").is_visible():
            await self.press("chat-toggle")
        await self.page.get_by_test_id("chat-input").fill(text)
        await self.press("chat-send")

    # what they see

    def tile(self, other: "Person") -> Locator:
        """The tiles with somebody else's name; there ought to be one."""
        return self.page.locator(
            "[data-testid=tile][data-local=false]",
            has=self.page.get_by_text(other.name, exact=True),
        )

    async def names(self) -> list[str]:
        """The names on the others' tiles, sorted."""
        tiles = self.page.locator("[data-testid=tile][data-local=false] .tile-name")
        return sorted(await tiles.all_inner_texts())

    async def sees(self, *others: "Person") -> None:
        """Waits until exactly these people have a tile, one each."""
        wanted = sorted(other.name for other in others)

        async def so() -> bool:
            return await self.names() == wanted

        await until(f"{self.name} sees exactly {wanted}", so)

    async def shows_picture_of(self, other: "Person") -> None:
        """Waits until the other's tile shows a video that has drawn a frame."""
        await self.tile(other).locator("video[data-live=true]").wait_for()

    async def screenshot(self, name: str) -> None:
        self.screenshots.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=self.screenshots / f"{name}.png")

    # what their page knows

    async def state(self) -> dict[str, Any]:
        return await self.page.evaluate("window.rtpfwd.state()")

    async def peer_id(self) -> str:
        return str((await self.state())["peerId"])

    async def receives(self, other: "Person", kind: str) -> Received | None:
        """The counters of what comes from somebody, or none while nothing does."""
        peer_id = await other.peer_id()
        for consumer in await self.page.evaluate("window.rtpfwd.stats()"):
            if consumer["peerId"] == peer_id and consumer["kind"] == kind:
                for report in consumer["stats"]:
                    if report["type"] == "inbound-rtp":
                        return Received.of(report)
        return None

    async def mark(self, name: str) -> float | None:
        """When the page set a performance mark, in milliseconds of its own timeline."""
        script = "name => performance.getEntriesByName(name, 'mark')[0]?.startTime ?? null"
        return await self.page.evaluate(script, name)

    async def wait_for_frames(self, other: "Person", count: int = 5) -> Received:
        """Waits until ``count`` further frames of somebody's picture were decoded."""
        before = await self.receives(other, "video")
        goal = (before.frames if before else 0) + count

        async def more() -> Received | None:
            now = await self.receives(other, "video")
            return now if now is not None and now.frames >= goal else None

        return await until(f"{self.name} decodes {count} more frames of {other.name}", more)

    async def wait_for_sound(self, other: "Person") -> Received:
        """Waits until more sound of somebody was heard."""
        before = await self.receives(other, "audio")
        energy = before.energy if before else 0.0

        async def more() -> Received | None:
            now = await self.receives(other, "audio")
            return now if now is not None and now.energy > energy else None

        return await until(f"{self.name} hears more of {other.name}", more)

    def complain_about(self, *expected: str) -> None:
        """Names pieces of text that this page's console may show in this test."""
        self.expected.extend(expected)

    @property
    def unexpected(self) -> list[str]:
        """The complaints that nobody asked for."""
        return [line for line in self.complaints if not any(piece in line for piece in self.expected)]

    # private

    async def _ready(self) -> bool:
        if await self.page.evaluate("window.rtpfwd.state().online") is not True:
            return False
        buttons = self.page.locator("[data-testid=mute], [data-testid=camera]")
        return all([await button.get_attribute("data-pending") == "false" for button in await buttons.all()])

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.complaints.append(f"console {message.type}: {message.text} ({where})")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        self._dismissal = asyncio.ensure_future(dialog.dismiss())
