"""A publisher sends only what somebody's tiles are large enough for, and at once when one grows."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until

SMALL = {"width": 420, "height": 420}
DOWN_S = 7.0  # five seconds of patience in the server, then the way to the publisher
UP_S = 1.0
RAMP_S = 40.0  # until the estimates of both links, which begin below 1 Mbit/s, have room for the largest
STILL_MS = 500

SENT = """async () => {
  const found = {};
  for (const connection of window.peerConnections)
    for (const report of (await connection.getStats()).values())
      if (report.type === "outbound-rtp" && report.kind === "video")
        found[report.rid] = {frames: report.framesSent ?? 0, active: report.active};
  return found;
}"""

# The longest times between two pictures that the tile drew, and between two that the page could have drawn.
WATCH = """(tile) => {
  const video = tile.querySelector("video");
  window.longest = {still: 0, busy: 0};
  const watch = (what, ask) => {
    let last = performance.now();
    const next = (now) => {
      window.longest[what] = Math.max(window.longest[what], now - last);
      last = now;
      ask(next);
    };
    ask(next);
  };
  watch("still", (next) => video.requestVideoFrameCallback(next));
  watch("busy", (next) => requestAnimationFrame(next));
}"""
LONGEST = "() => { const found = window.longest; window.longest = {still: 0, busy: 0}; return found; }"


@dataclass(frozen=True)
class Sent:
    """Frames that left of one encoding, and whether it is on."""

    frames: int
    active: bool


async def test_encodings_that_nobody_wants_are_not_sent(server: RunningServer, meet: Meet, room: str) -> None:
    camera = await meet("Camera")
    viewers = [await meet("Grace", viewport=SMALL), await meet("Alan")]
    for viewer in viewers:
        await viewer.join(server.url, room)
        await viewer.press("camera")  # the fake camera is one device, and its first user sets its size
    await camera.join(server.url, room, "video=1280x720")
    alan = viewers[1]
    for viewer in viewers:
        await viewer.shows_picture_of(camera)
    await _press_pin(alan, camera)
    await until("the publisher's estimate has room for all", lambda: _is_wide(alan, camera), RAMP_S)
    for viewer in viewers:
        await viewer.tile(camera).evaluate(WATCH)
    await camera.page.locator("[data-tile=you]").evaluate(WATCH)

    for turn in (1, 2):
        await _press_pin(alan, camera)
        shrank_at = time.monotonic()
        await until("nobody wants the largest", lambda: _wants(camera, 2, False), DOWN_S)
        await until("and no more of it is sent", lambda: _is_silent(camera, "r2"), DOWN_S)
        took = time.monotonic() - shrank_at
        assert took < DOWN_S, f"turn {turn}: {took:.2f} s until nothing of it was sent"
        assert (await _sent(camera))["r0"].active, "the smallest goes on"
        sizes = [await _shown_size(viewer, camera) for viewer in viewers]
        assert all(0 < size["height"] < 360 for size in sizes), sizes
        await _drew_on(camera, viewers)

        before = (await _sent(camera))["r2"]
        await _press_pin(alan, camera)
        grew_at = time.monotonic()
        await until("it is sent again", lambda before=before: _sends_more(camera, "r2", before), 5)
        took = time.monotonic() - grew_at
        assert took < UP_S, f"turn {turn}: {took:.2f} s until it was sent"
        await until("Alan sees the large picture", lambda: _is_wide(alan, camera), RAMP_S)
        await until("and is told so", lambda: _is_told_layer(alan, camera, 2))
        await _drew_on(camera, viewers)


async def _press_pin(viewer: Person, other: Person) -> None:
    tile = viewer.tile(other)
    await tile.hover()
    await tile.get_by_test_id("tile-pin").click()


async def _sent(person: Person) -> dict[str, Sent]:
    found = await person.page.evaluate(SENT)
    return {rid: Sent(report["frames"], report["active"]) for rid, report in found.items()}


async def _sends_more(person: Person, rid: str, before: Sent) -> bool:
    now = (await _sent(person))[rid]
    return now.active and now.frames > before.frames


async def _is_silent(person: Person, rid: str) -> bool:
    before = (await _sent(person))[rid]
    await asyncio.sleep(0.5)
    now = (await _sent(person))[rid]
    return not now.active and now.frames == before.frames


async def _wants(person: Person, encoding: int, wanted: bool) -> bool:
    encodings = (await person.state())["local"]["encodings"].get("camera", {"wanted": None})
    return encodings["wanted"] is not None and encodings["wanted"][encoding] is wanted


async def _drew_on(camera: Person, viewers: list[Person]) -> None:
    """Nobody's picture stood still since this was last asked, but for a machine that was busy elsewhere:
    the publisher sees its own camera without encoder, network and decoder.
    """
    own = (await camera.page.evaluate(LONGEST))["still"]
    for viewer in viewers:
        found = await viewer.page.evaluate(LONGEST)
        assert 0 < found["still"] < STILL_MS + own + found["busy"], (viewer.name, found, own)


async def _is_wide(viewer: Person, other: Person) -> bool:
    received = await viewer.receives(other, "video")
    return received is not None and received.width == 1280


async def _media(viewer: Person, other: Person) -> dict[str, Any]:
    peer_id = await other.peer_id()
    peers = {peer["id"]: peer for peer in (await viewer.state())["peers"]}
    return next(media for media in peers[peer_id]["media"] if media["kind"] == "video")


async def _is_told_layer(viewer: Person, other: Person, spatial: int) -> bool:
    layers = (await _media(viewer, other))["layers"]
    return layers is not None and layers["spatialLayer"] == spatial


async def _shown_size(viewer: Person, other: Person) -> dict[str, int]:
    producer_id = (await _media(viewer, other))["producerId"]
    size: dict[str, int] = (await viewer.state())["shownSizes"][producer_id]
    return size
