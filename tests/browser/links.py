"""People behind links of different widths, each codec: does everybody see the layer that their link carries?

``python -m tests.browser.links [--codec VP8 ...]`` puts a publisher and three viewers into namespaces
(namespaces.py) and has the publisher's camera play a film (moving_picture.py). It measures what each layer
costs at the desk, whose link is wide, gives the phone and the tablet links whose rates lie between what two
layers cost, lets things settle, watches every frame that is shown, and prints a table. The exit code is 1
when somebody saw the wrong layer or a picture that stood still.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.browser import chromium, moving_picture
from tests.browser.layers import QUERIES, Watched, decoder_figures, shown_height, video_consumer, watch
from tests.browser.namespaces import PORT, Network, browser_in, network, server_in
from tests.browser.person import Person
from tests.browser.quality import Snapshot
from tests.browser.server import OUTPUT
from tests.browser.waiting import until

REPORT = OUTPUT / "links.md"
FILM = OUTPUT / "film-960x540.y4m"
VIEWERS = ("phone", "tablet", "desk")
LAYERS = {"VP8 simulcast": 3, "H264 simulcast": 2, "VP9 L3T3_KEY": 2, "AV1 L2T3": 2}
"""That Chromium sends of these sizes: it makes no VP9 layer of less than 135 lines."""
BEST_TEMPORAL, LEAST_TEMPORAL = 2, 1
"""What a layer is sent with at best, and what a viewer goes up to it with at least."""
SWITCH_S, MEASURE_S, SETTLE_S, WATCH_S = 1.5, 4.0, 45.0, 30.0
CALM_S = 8.0
"""From everybody's having come to their layer to the first frame that counts."""
ROOM = 1.6
"""Of a layer's rate, for a link that carries it: the margin for going up, what an estimate stays below the
link, and that a layer is believed to cost what it did at its most.
"""
WIDE_ROOM = 1.8
OVERHEAD_BYTES = 14 + 20 + 8 + 32 + 16
"""Of each packet: Ethernet, IPv4, UDP, RTP with extensions, SRTP's tag."""
QUEUE = "200ms"
BURST = "3kb"
"""Of the token bucket: two packets, nearly a line of that rate. Short probes pass a deeper one untouched."""
FREEZE_MS = 500.0


@dataclass(frozen=True)
class Plan:
    """A viewer's link (bits per second; none: wide) and the layer that it carries."""

    rate_bps: int | None
    layer: int
    certain: bool = True
    """Whether the layers lie far enough apart for that."""


@dataclass(frozen=True)
class Row:
    """What one viewer saw."""

    codec: str
    viewer: str
    plan: Plan
    lines: int
    """Of that layer when it was measured."""
    expected: frozenset[int]
    """Its heights while it was watched: a sender short of CPU makes all its layers smaller."""
    watched: Watched
    freezes_ms: float
    """The browser's own sum of its freezes."""

    @property
    def gaps(self) -> list[float]:
        """Milliseconds between frames, sorted."""
        times = [at for at, _, _ in self.watched.frames]
        return sorted(later - earlier for earlier, later in pairwise(times)) or [1e9]

    @property
    def worst_each_second(self) -> list[float]:
        """The longest gap that ended in each second, sorted: few gaps are long where many are short."""
        worst: dict[int, float] = {}
        times = [0.0, *(at for at, _, _ in self.watched.frames), WATCH_S * 1000]
        for earlier, later in pairwise(times):
            second = int(later // 1000)
            worst[second] = max(worst.get(second, 0.0), later - earlier)
        return sorted(worst.values())

    @property
    def share(self) -> float:
        """Of the frames, those of the height that is expected."""
        frames = self.watched.frames
        return sum(height in self.expected for _, _, height in frames) / len(frames) if frames else 0.0

    @property
    def passes(self) -> bool:
        """Layers that can be told apart, nearly always the one that fits, no picture that stands still."""
        return (
            self.plan.certain and self.share >= 0.9 and _quantile(self.worst_each_second, 0.95) <= FREEZE_MS
        )

    def line(self) -> str:
        """Of a table in Markdown."""
        sizes = " ".join(sorted({f"{width}x{height}" for _, width, height in self.watched.frames}))
        gaps, worst = self.gaps, self.worst_each_second
        link = "wide" if self.plan.rate_bps is None else f"{self.plan.rate_bps / 1000:.0f} kbit/s"
        freezes = sum(gap > FREEZE_MS for gap in gaps)
        return (
            f"| {self.codec} | {self.viewer} | {link}{'' if self.plan.certain else ' (too near)'} "
            f"| {self.lines} | {sizes} | {self.share:.0%} | {len(self.watched.frames) / WATCH_S:.0f} "
            f"| {_quantile(gaps, 0.5):.0f} | {_quantile(gaps, 0.95):.0f} | {gaps[-1]:.0f} "
            f"| {_quantile(worst, 0.95):.0f} | {freezes} | {self.freezes_ms:.0f} "
            f"| {'yes' if self.passes else '**no**'} |"
        )


HEAD = (
    "| codec | viewer | link | lines expected | seen | share | frames/s | gap p50 ms | p95 | longest "
    "| worst of a second p95 | over 500 ms | browser's freezes ms | holds |\n"
    "| --- | --- | --- " + "| ---: " * 11 + "|"
)


def plans(full: Sequence[int], least: Sequence[int], sound: int) -> list[Plan]:
    """Links for the phone, the tablet and the desk. ``full`` and ``least`` are what the layers cost with all
    their frames, and with as few as anybody is given; in bits per second on the line, as is the sound's rate.
    """
    phone = _between(full[0], least[1], sound, 0)
    if len(full) > 2:
        return [phone, _between(full[1], least[2], sound, 1), Plan(None, 2)]
    return [phone, Plan(round(sound + WIDE_ROOM * full[1]), 1), Plan(None, 1)]


def _between(full: int, next_least: int, sound: int, layer: int) -> Plan:
    low, high = sound + ROOM * full, sound + next_least
    return Plan(round(max((low * high) ** 0.5, low)), layer, low <= high)


def _heights(layer: int, heights: Sequence[int], best: set[int]) -> frozenset[int]:
    """What a layer may measure beside highest layers of these heights; encoders round to even lines."""
    found = set()
    for one in best:
        lines = one * heights[layer] / heights[-1]
        found |= {one} if layer == len(heights) - 1 else set(range(round(lines) - 2, round(lines) + 3))
    return frozenset(found)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def _line_bps(viewer: Person, kind: str, for_s: float) -> int:
    """What a viewer's one stream of that kind takes on the line."""

    async def counted() -> tuple[float, float]:
        for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
            for report in consumer["stats"]:
                if report["type"] == "inbound-rtp" and report["kind"] == kind:
                    # Repetitions fill probes.
                    packets = report["packetsReceived"] - report.get("retransmittedPacketsReceived", 0)
                    payload = report["bytesReceived"] - report.get("retransmittedBytesReceived", 0)
                    return payload + packets * OVERHEAD_BYTES, report["timestamp"]
        return 0.0, 0.0

    size, at = await counted()
    await asyncio.sleep(for_s)
    later_size, later = await counted()
    return round((later_size - size) * 8000 / (later - at)) if later > at else 0


async def _measure(desk: Person, consumer_id: str, count: int) -> tuple[list[int], list[int], list[int]]:
    """Of each layer, at the desk: its rate with all frames, with few, and its height."""
    full: list[int] = []
    least: list[int] = []
    heights: list[int] = []
    for layer in range(count):
        for rates, temporal in ((least, LEAST_TEMPORAL), (full, BEST_TEMPORAL)):
            await desk.page.evaluate(
                "([id, s, t]) => window.rtpfwd.prefer(id, s, t)", [consumer_id, layer, temporal]
            )
            await asyncio.sleep(SWITCH_S)
            rates.append(await _line_bps(desk, "video", MEASURE_S))
        heights.append(await shown_height(desk))
    return full, least, heights


async def _sent(publisher: Person) -> str:
    """What the sender encodes, and what keeps it from more."""
    reports = (await Snapshot.of(publisher)).reports
    streams = [one for one in reports if one["type"] == "outbound-rtp" and one["kind"] == "video"]
    return ", ".join(
        f"{one.get('frameHeight')} lines at {one.get('framesPerSecond')} a second "
        f"(limited by {one.get('qualityLimitationReason')})"
        for one in streams
    )


async def _keep_ledger(miles: Network, codec: str) -> None:
    """What the server decided and why, for who wonders about a row."""
    ask = ("curl", "-s", f"http://localhost:{PORT + 1}/api/ledger?limit=1000")
    process = await asyncio.create_subprocess_exec(
        *("ip", "netns", "exec", miles.namespace("server"), *ask), stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate()
    (OUTPUT / f"links-ledger-{codec.split()[0].lower()}.json").write_bytes(answer)


async def _downlink(viewer: Person) -> Any:
    return (await viewer.page.evaluate("window.rtpfwd.state()")).get("downlink")


async def one_codec(miles: Network, browsers: dict[str, Browser], url: str, codec: str) -> list[Row]:
    """A call of its own: measure, narrow, settle, watch."""
    people = {name: await _person(browser, name) for name, browser in browsers.items()}
    publisher, desk = people["publisher"], people["desk"]
    viewers = {name: people[name] for name in VIEWERS}
    room = f"links-{codec.split()[0].lower()}"
    miles.restore()
    await asyncio.gather(*(one.open(url, room, QUERIES[codec]) for one in people.values()))
    for viewer in viewers.values():
        await viewer.press("camera")
        await viewer.press("mute")
    await asyncio.gather(*(one.press_join() for one in people.values()))
    await asyncio.gather(*(one.shows_picture_of(publisher) for one in viewers.values()))
    consumers = {name: await video_consumer(one, publisher) for name, one in viewers.items()}

    async def best() -> bool:
        return await shown_height(desk) >= 360

    try:
        await until("the desk sees the best picture", best, SETTLE_S)
    except AssertionError:
        print(f"{codec}: sent: {await _sent(publisher)}", flush=True)
        raise
    await asyncio.sleep(CALM_S)  # its sender comes to its full rate
    full, least, heights = await _measure(desk, consumers["desk"], LAYERS[codec])
    sound = await _line_bps(desk, "audio", 2.0)
    print(
        f"{codec}: lines {heights}, kbit/s of layers {[one // 1000 for one in full]}, "
        f"with fewer frames {[one // 1000 for one in least]}, sound {sound // 1000}; "
        f"sent: {await _sent(publisher)}",
        flush=True,
    )
    chosen = dict(zip(VIEWERS, plans(full, least, sound), strict=True))
    for name, plan in chosen.items():
        if plan.rate_bps is not None:
            miles.limit(name, f"{plan.rate_bps}bit", QUEUE, BURST)

    shown: dict[str, int] = {}

    async def settled() -> bool:
        shown.update({name: await shown_height(one) for name, one in viewers.items()})
        best = shown["desk"]
        return all(shown[name] in _heights(plan.layer, heights, {best}) for name, plan in chosen.items())

    try:
        await until("everybody sees the layer that fits", settled, SETTLE_S)
    except AssertionError:
        downlinks = [await _downlink(one) for one in viewers.values()]
        print(f"{codec}: lines {shown} after {SETTLE_S:g} s, {downlinks}", flush=True)
    await asyncio.sleep(CALM_S)
    before = {name: await decoder_figures(one) for name, one in viewers.items()}
    watched = await asyncio.gather(
        *(watch(one, consumers[name], None, int(WATCH_S * 1000)) for name, one in viewers.items())
    )
    rows = []
    best_seen = {height for _, _, height in watched[-1].frames}
    for (name, viewer), seen in zip(viewers.items(), watched, strict=True):
        after = await decoder_figures(viewer)
        frozen = after.get("totalFreezesDuration", 0) - before[name].get("totalFreezesDuration", 0)
        expected = _heights(chosen[name].layer, heights, best_seen)
        rows.append(
            Row(codec, name, chosen[name], heights[chosen[name].layer], expected, seen, 1000 * frozen)
        )
    await _keep_ledger(miles, codec)
    for person in people.values():
        await person.context.close()
    return rows


async def _person(browser: Browser, name: str) -> Person:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(chromium.RECORD_CONNECTIONS)
    return Person(name, context, await context.new_page(), OUTPUT / "screenshots")


async def _run(codecs: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    camera = f"--use-file-for-fake-video-capture={moving_picture.film(FILM, 960, 540)}"
    with network(("publisher", *VIEWERS)) as miles, tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(server_in(miles, OUTPUT / "links-server.log"))
            browsers = {}
            for name in miles.people:
                more = (camera,) if name == "publisher" else ()
                browsers[name] = await stack.enter_async_context(browser_in(miles, name, Path(folder), *more))
            for codec in codecs:
                found = await one_codec(miles, browsers, url, codec)
                print("\n".join(row.line() for row in found), flush=True)
                rows += found
    return rows


def main() -> int:
    """The command; 1 when something does not hold."""
    parser = argparse.ArgumentParser(description="what people behind links of different widths see")
    parser.add_argument("--codec", action="append", default=[], help="VP8, H264, VP9 or AV1; repeatable")
    names = [one.upper() for one in parser.parse_args().codec]
    codecs = [one for one in QUERIES if not names or one.split()[0] in names]
    rows = asyncio.run(_run(codecs))
    report = "\n".join([HEAD, *(row.line() for row in rows), ""])
    print(report)
    if not names:
        REPORT.write_text(report)
    return 0 if all(row.passes for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
