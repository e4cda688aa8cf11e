"""Real decoders and changing layers: each codec up and down, and two people behind links of different widths.

How long changes take and two hundred of them in quick succession: ``python -m tests.browser.layers``; more
links, each codec, and how often a picture stands still: ``python -m tests.browser.links``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.conftest import Meet
from tests.browser.layers import (
    QUERIES,
    begin,
    change_often,
    decoder_figures,
    shown_height,
    switch_times,
    video_consumer,
    watch,
)
from tests.browser.namespaces import Network, NotPossibleHere, browser_in, network, server_in
from tests.browser.server import OUTPUT, RunningServer
from tests.browser.waiting import until

CHANGES = 24
LINKS = {"phone": "220kbit", "desk": None}
SETTLE_S = 40.0
LOOK_MS = 5000


@pytest.mark.parametrize("codec", QUERIES)
async def test_a_decoder_takes_every_change_of_layers(
    server: RunningServer, meet: Meet, room: str, codec: str
) -> None:
    publisher, viewer = await meet("Publisher"), await meet("Viewer")
    consumer_id = await begin(publisher, viewer, server.url, room, QUERIES[codec])

    async def full() -> bool:
        return await shown_height(viewer) >= 360

    await until("the best picture is shown", full, 30.0)
    stumbles = await change_often(viewer, consumer_id, CHANGES)
    assert stumbles.asked_for_key_frames == 0, f"the decoder could not go on: {stumbles}"
    assert stumbles.frames > CHANGES
    times = await switch_times(viewer, consumer_id, 1)
    assert times.down and times.up, f"not both ways: {times}"
    assert (await decoder_figures(viewer))["pliCount"] == 0


@pytest.fixture(scope="module")
def miles(installed: None) -> Iterator[Network]:
    """A network for them, or a skip that says why."""
    try:
        with network(("publisher", *LINKS)) as made:
            yield made
        return
    except NotPossibleHere as error:
        problem = str(error)
    pytest.skip(f"links of different widths are not tested: {problem}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browsers(
    miles: Network, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Browser]]:
    """A browser in everybody's namespace."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(browser_in(miles, name, tmp_path_factory.mktemp(name)))
            for name in miles.people
        }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def far_url(miles: Network) -> AsyncIterator[str]:
    """The server's address as they see it."""
    async with server_in(miles, OUTPUT / "layers-server.log") as url:
        yield url


async def test_everybody_sees_what_their_link_carries(
    miles: Network, browsers: dict[str, Browser], far_url: str, meet: Meet, room: str
) -> None:
    people = {name: await meet(name, at=browser) for name, browser in browsers.items()}
    publisher = people["publisher"]
    viewers = {name: people[name] for name in LINKS}
    miles.restore()
    await asyncio.gather(*(one.open(far_url, room, QUERIES["VP8 simulcast"]) for one in people.values()))
    for viewer in viewers.values():
        await viewer.press("camera")
        await viewer.press("mute")
    for name, rate in LINKS.items():
        if rate is not None:
            miles.limit(name, rate, "200ms")
    await asyncio.gather(*(one.press_join() for one in people.values()))
    await asyncio.gather(*(one.shows_picture_of(publisher) for one in viewers.values()))

    heights: dict[str, int] = {}

    async def apart() -> bool:
        heights.update({name: await shown_height(viewer) for name, viewer in viewers.items()})
        return heights["phone"] < heights["desk"] and heights["desk"] >= 360

    try:
        await until("the phone sees less than the desk", apart, SETTLE_S)
    except AssertionError as error:
        downlinks = [(await one.state()).get("downlink") for one in viewers.values()]
        raise AssertionError(f"{error}: lines {heights}, {downlinks}") from None
    seen = {}
    for name, viewer in viewers.items():
        consumer_id = await video_consumer(viewer, publisher)
        seen[name] = await watch(viewer, consumer_id, None, LOOK_MS)
    for name, watched in seen.items():
        assert len(watched.frames) > LOOK_MS / 1000 * 3, f"{name} sees hardly anything"
        assert watched.longest_gap_ms() < 1500, f"{name}'s picture stands still"
