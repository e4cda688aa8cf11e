"""What a viewer's browser shows of somebody's layers, sampled by the page itself, and how fast it changes.

``python -m tests.browser.layers`` starts a server and two browsers' pages, has each codec's layers changed
many times, and prints how long a change takes and whether a decoder ever stumbled.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.person import Person
from tests.browser.server import OUTPUT, running_server
from tests.browser.waiting import until

QUERIES = {
    "VP8 simulcast": "video=960x540&codec=vp8",
    "H264 simulcast": "video=640x360&codec=h264",
    "VP9 L3T3_KEY": "video=640x360&codec=vp9&mode=L3T3_KEY",
    "AV1 L2T3": "video=640x360&codec=av1&mode=L2T3",
}
"""Small enough to be encoded at full rate beside two pages on two cores; VP8 in three layers."""
TURNS = ((0, 2), (2, 2), (1, 2), (0, 0), (2, 0), (1, 1), (0, 1), (2, 2))
"""Limits (spatial, temporal) in turn: all ways up and down."""

WATCH = """([consumerId, layers, forMs]) => new Promise((resolve) => {
  // Frames as they are presented, with their size, from the moment the layers are asked for.
  const videos = [...document.querySelectorAll("[data-testid=tile][data-local=false] video")];
  const video = videos.find((one) => one.videoWidth > 0);
  const start = performance.now();
  const frames = [];
  const next = (now, meta) => {
    frames.push([performance.now() - start, meta.width, meta.height]);
    if (performance.now() - start < forMs) video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
  if (layers) window.rtpfwd.prefer(consumerId, layers[0], layers[1]);
  setTimeout(() => resolve(frames), forMs);
})"""


@dataclass(frozen=True)
class Watched:
    """Frames presented: milliseconds since the request, width, height."""

    frames: list[tuple[float, int, int]]

    @property
    def heights(self) -> list[int]:
        """Heights shown, each once, in order of appearance."""
        found: list[int] = []
        for _, _, height in self.frames:
            if not found or found[-1] != height:
                found.append(height)
        return found

    def first_ms(self, height: int) -> float | None:
        """When the first frame of that height was shown."""
        return next((at for at, _, shown in self.frames if shown == height), None)

    def longest_gap_ms(self, after_ms: float = 0.0) -> float:
        """The longest time without a new frame."""
        times = [at for at, _, _ in self.frames if at >= after_ms]
        return max((later - earlier for earlier, later in pairwise(times)), default=1e9)


async def video_consumer(viewer: Person, sender: Person) -> str:
    """The id of the viewer's consumer of somebody's picture."""
    peer_id = await sender.peer_id()
    for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
        if consumer["peerId"] == peer_id and consumer["kind"] == "video":
            return str(consumer["consumerId"])
    raise AssertionError(f"{viewer.name} has no consumer of {sender.name}'s picture")


async def watch(
    viewer: Person, consumer_id: str, layers: tuple[int, int] | None, for_ms: int = 2000
) -> Watched:
    """Ask for layers (or nothing new) and note every frame that is shown for a while."""
    frames: list[Any] = await viewer.page.evaluate(
        WATCH, [consumer_id, list(layers) if layers else None, for_ms]
    )
    return Watched([tuple(one) for one in frames])


async def decoder_figures(viewer: Person) -> dict[str, float]:
    """Counters of the one video that is received."""
    for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
        for report in consumer["stats"]:
            if report["type"] == "inbound-rtp" and report["kind"] == "video":
                return {name: value for name, value in report.items() if isinstance(value, (int, float))}
    return {}


async def pair(browser: Browser, url: str, room: str, query: str) -> tuple[Person, Person, str]:
    """A publisher, a viewer, and the id of the consumer between them, once the best picture is shown."""
    people = []
    for name in ("Publisher", "Viewer"):
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_init_script(chromium.RECORD_CONNECTIONS)
        people.append(Person(name, context, await context.new_page(), OUTPUT / "screenshots"))
    publisher, viewer = people
    return publisher, viewer, await begin(publisher, viewer, url, room, query)


async def begin(publisher: Person, viewer: Person, url: str, room: str, query: str) -> str:
    """A call of one who is seen and one who watches: the id of the consumer, once a picture is shown."""
    for person in (publisher, viewer):
        await person.open(url, room, query)
    await viewer.press("camera")
    await viewer.press("mute")
    await asyncio.gather(viewer.press_join(), publisher.press_join())
    await viewer.shows_picture_of(publisher)
    return await video_consumer(viewer, publisher)


async def shown_height(viewer: Person) -> int:
    """Lines of the picture that is being decoded."""
    return int((await decoder_figures(viewer)).get("frameHeight", 0))


@dataclass
class Stumbles:
    """What a decoder noticed of many changes."""

    changes: int
    frames: int
    asked_for_key_frames: int
    """PLIs of the viewer: it could not go on with what it got."""
    dropped: int
    heights: set[int] = field(default_factory=set)


async def change_often(viewer: Person, consumer_id: str, changes: int, every_s: float = 0.25) -> Stumbles:
    """Limit the layers ``changes`` times, whether or not the last change has come about."""
    before = await decoder_figures(viewer)
    heights: set[int] = set()
    for turn in range(changes):
        spatial, temporal = TURNS[turn % len(TURNS)]
        await viewer.page.evaluate(
            "([id, s, t]) => window.rtpfwd.prefer(id, s, t)", [consumer_id, spatial, temporal]
        )
        await asyncio.sleep(every_s)
        if turn % 4 == 3:
            heights.add(await shown_height(viewer))
    after = await decoder_figures(viewer)

    def counted(name: str) -> int:
        return round(after.get(name, 0) - before.get(name, 0))

    return Stumbles(changes, counted("framesDecoded"), counted("pliCount"), counted("framesDropped"), heights)


@dataclass
class Times:
    """Milliseconds from asking to the first frame of the other size."""

    down: list[float] = field(default_factory=list)
    up: list[float] = field(default_factory=list)
    longest_gap: list[float] = field(default_factory=list)

    def line(self) -> str:
        def of(times: list[float]) -> str:
            return f"{statistics.median(times):.0f} ({min(times):.0f}-{max(times):.0f})" if times else "never"

        gap = statistics.median(self.longest_gap) if self.longest_gap else 0
        return f"down {of(self.down)} ms, up {of(self.up)} ms, longest gap between frames {gap:.0f} ms"


async def switch_times(viewer: Person, consumer_id: str, rounds: int) -> Times:
    """Ask for the lowest and the highest layer in turn, and wait for each."""
    times = Times()
    await watch(viewer, consumer_id, (2, 2), 1500)
    for _ in range(rounds):
        highest = await shown_height(viewer)
        down = await watch(viewer, consumer_id, (0, 2), 1500)
        lowest = await shown_height(viewer)
        if lowest < highest and (at := down.first_ms(lowest)) is not None:
            times.down.append(at)
        up = await watch(viewer, consumer_id, (2, 2), 1800)
        if (at := up.first_ms(highest)) is not None:
            times.up.append(at)
        times.longest_gap.append(max(down.longest_gap_ms(), up.longest_gap_ms()))
    return times


async def _report(rounds: int, changes: int, codecs: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_server(Path(folder) / "server.log") as server, chromium.launch() as browser:
            for number, name in enumerate(codecs):
                query = QUERIES[name]
                publisher, viewer, consumer_id = await pair(browser, server.url, f"layers{number}", query)

                async def settled(viewer: Person = viewer) -> bool:
                    return await shown_height(viewer) >= 360

                await until(f"{name} comes to its full size", settled)
                times = await switch_times(viewer, consumer_id, rounds)
                print(f"{name}: {times.line()}", flush=True)
                stumbles = await change_often(viewer, consumer_id, changes)
                print(f"{name}: {stumbles}", flush=True)
                for person in (publisher, viewer):
                    await person.context.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="how long layers take to change in a real browser")
    parser.add_argument("--rounds", type=int, default=8, help="measured changes down and up of each codec")
    parser.add_argument("--changes", type=int, default=200, help="changes in quick succession of each codec")
    parser.add_argument("--codec", action="append", default=[], help="VP8, H264, VP9 or AV1; repeatable")
    arguments = parser.parse_args()
    wanted = [one.upper() for one in arguments.codec]
    codecs = [one for one in QUERIES if not wanted or one.split()[0] in wanted]
    asyncio.run(_report(arguments.rounds, arguments.changes, codecs))


if __name__ == "__main__":
    main()
