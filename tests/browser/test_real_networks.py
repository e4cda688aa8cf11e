"""Calls over bad links: two browsers and the server in network namespaces of their own, 50 ms apart.

What is judged are the counters of the viewer's browser. Needs root on Linux with iproute2, better with
nftables; skipped with a line that says what is missing otherwise. The measurements are printed at the end
and written to test-output/real-networks.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.netem import LinkSpec
from tests.browser.conftest import Meet
from tests.browser.namespaces import DELAY_US, Network, NotPossibleHere, browser_in, network, server_in
from tests.browser.person import Person
from tests.browser.quality import Quality, Snapshot, measure, table
from tests.browser.server import OUTPUT
from tests.browser.waiting import until

MEASURE_S = 8.0
SETTLE_S = 4.0  # between a change of the link and the measurement; pages take three to know it
FULL_HEIGHT = 360


@dataclass
class Call:
    """One publisher, one viewer, and the network between them."""

    network: Network
    publisher: Person
    viewer: Person
    report: Report

    async def measure(self, name: str, for_s: float = MEASURE_S) -> Quality:
        quality = await measure(name, self.publisher, self.viewer, for_s)
        self.report.rows.append(quality)
        return quality

    async def frames(self) -> int:
        return (await Snapshot.of(self.viewer)).frames

    async def seconds_to_frames(self, count: int, deadline_s: float) -> float:
        """How long from now until ``count`` more frames were decoded."""
        begin, before = time.monotonic(), await self.frames()

        async def more() -> bool:
            return await self.frames() >= before + count

        await until(f"{count} more frames are decoded", more, deadline_s)
        return time.monotonic() - begin

    async def identity(self) -> list[object]:
        """What would differ after leaving and coming back, or new transports, of both browsers."""
        people = (self.publisher, self.viewer)
        return [(await person.peer_id(), (await Snapshot.of(person)).transports) for person in people]

    def flowed(self, quality: Quality, control: dict[str, Quality]) -> None:
        """Fails unless a measurement is nearly as good as that of the good link."""
        assert quality.frames >= 0.8 * control["clean"].frames * quality.seconds / control["clean"].seconds
        assert quality.frozen_per_10_s < 1.0
        assert quality.concealed < 0.15

    def allow_complaints(self) -> None:
        """An outage may be reported on the console."""
        for person in (self.publisher, self.viewer):
            person.complain_about("WebSocket connection to", "net::ERR_")

    def handshakes(self) -> int:
        """DTLS handshake datagrams seen so far."""
        return sum(self.network.handshakes(name) for name in self.network.miles)


@dataclass
class Report:
    """What the tests of this file measured."""

    rows: list[Quality] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join([table(self.rows), "", *(f"- {line}" for line in self.lines), ""])


@pytest.fixture(scope="module")
def say(request: pytest.FixtureRequest):
    """Prints to the terminal, captured or not."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(text)

    return say


@pytest.fixture(scope="module")
def report(say) -> Iterator[Report]:
    report = Report()
    yield report
    if report.rows:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        (OUTPUT / "real-networks.md").write_text("# Real browsers over bad links\n\n" + report.text())
        say(report.text())


@pytest.fixture(scope="module")
def made_network(installed: None, say) -> Iterator[Network]:
    """The namespaces, or a skip of everything here that says why."""
    try:
        with network() as made:
            if not made.has_nft:
                say("real networks: no nft (apt-get install nftables); the TUN link loses instead")
            yield made
        return
    except NotPossibleHere as error:
        problem = f"real networks are not tested: {error}"
    say(problem)
    pytest.skip(problem)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(made_network: Network) -> AsyncIterator[str]:
    """The server's address as the people see it."""
    async with server_in(made_network, OUTPUT / "real-networks-server.log") as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def publishers(
    made_network: Network, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    async with browser_in(made_network, "publisher", tmp_path_factory.mktemp("publisher")) as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(made_network: Network, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """The viewer's; it takes the place of the one that other modules meet people at."""
    async with browser_in(made_network, "receiver", tmp_path_factory.mktemp("receiver")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def call(
    made_network: Network, url: str, publishers: Browser, meet: Meet, room: str, report: Report
) -> AsyncIterator[Call]:
    """A call that has come to its full quality on a good network."""
    publisher, viewer = await meet("Publisher", at=publishers), await meet("Viewer")
    for person in (viewer, publisher):
        await person.open(url, room)
    await viewer.press("camera")
    await viewer.press("mute")
    await asyncio.gather(viewer.press_join(), publisher.press_join())
    call = Call(made_network, publisher, viewer, report)

    async def full() -> bool:
        return (await Snapshot.of(viewer)).stream("video").get("frameHeight") == FULL_HEIGHT

    await until(f"the picture is {FULL_HEIGHT} lines high", full)
    await viewer.wait_for_sound(publisher)
    yield call
    made_network.restore()


@pytest.fixture(scope="module")
def control() -> dict[str, Quality]:
    """Where the run without loss is kept for the others."""
    return {}


async def test_a_good_link_gives_the_measure_for_the_others(call: Call, control: dict[str, Quality]) -> None:
    clean = control["clean"] = await call.measure("no loss")
    assert clean.frames > MEASURE_S * 10
    assert clean.freezes == 0
    assert 45 < clean.round_trip_ms < 150


@pytest.mark.parametrize(
    ("uplink", "downlink"),
    [
        pytest.param(0.0, 0.1, id="10-%-on-the-viewers-downlink"),
        pytest.param(0.1, 0.0, id="10-%-on-the-publishers-uplink"),
        pytest.param(0.05, 0.05, id="5-%-on-both"),
    ],
)
async def test_video_and_sound_flow_on_while_packets_are_lost(
    call: Call, control: dict[str, Quality], uplink: float, downlink: float
) -> None:
    call.network.lose("publisher", up=uplink)
    call.network.lose("receiver", down=downlink)
    await asyncio.sleep(SETTLE_S)
    lossy = await call.measure(f"loss {uplink:.0%} up, {downlink:.0%} down")
    call.flowed(lossy, control)
    assert lossy.nacks > 0 and lossy.concealed > 0, "the link lost nothing"


async def test_jitter_reordering_and_duplicates_are_not_seen(call: Call, control: dict[str, Quality]) -> None:
    call.network.shape(LinkSpec(delay_us=DELAY_US, jitter_us=milliseconds(20), reorder=0.03, duplicate=0.02))
    await asyncio.sleep(SETTLE_S)
    call.flowed(await call.measure("10 ms jitter, 3% reordered, 2% twice"), control)


async def test_a_client_whose_address_changes_is_heard_and_seen_on(call: Call) -> None:
    if not call.network.has_nft:
        pytest.skip("no nft: nothing here can change an address")
    handshakes, before = call.handshakes(), await call.identity()
    for name in ("publisher", "receiver"):
        call.network.move(name)
        await asyncio.sleep(0.2)  # what is under way arrives
        took = 0.2 + await call.seconds_to_frames(5, deadline_s=8.0)
        call.report.lines.append(f"the {name}'s address changed: 5 frames decoded within {took:.1f} s")
        # Chromium checks a good pair every 2.5 s, and only such a check may move the path (RFC 8445).
        assert took < 6.0
    assert (await call.viewer.wait_for_sound(call.publisher)).packets > 0
    assert call.handshakes() == handshakes, "DTLS shook hands again"
    assert await call.identity() == before


@pytest.mark.parametrize("seconds", [3, 10])
async def test_the_picture_is_back_soon_after_an_outage(call: Call, seconds: int) -> None:
    call.allow_complaints()
    handshakes, before = call.handshakes(), await call.identity()
    call.network.cut("publisher", "receiver")
    await asyncio.sleep(0.5)  # what is under way arrives
    frames = await call.frames()
    await asyncio.sleep(seconds - 0.5)
    assert await call.frames() <= frames + 1, "the link was not cut"
    call.network.mend("publisher", "receiver")
    took = await call.seconds_to_frames(3, deadline_s=10.0)
    call.report.lines.append(f"both were cut off for {seconds} s: 3 frames decoded within {took:.1f} s")
    # Half of it is the publisher's browser, which trusts its link little by little again. How long the server
    # takes is judged in virtual time (the scene ``outage``): processors are shared here.
    assert took < 5.0
    await call.viewer.wait_for_sound(call.publisher)
    assert call.handshakes() == handshakes, "DTLS shook hands again"
    assert await call.identity() == before


async def test_a_link_a_little_wider_than_the_stream_does_not_fill_up(
    call: Call, control: dict[str, Quality]
) -> None:
    call.network.limit("receiver", "2mbit", "200ms")
    await asyncio.sleep(1.0)
    first = await call.measure("2 Mbit/s down, first half", MEASURE_S / 2)
    second = await call.measure("2 Mbit/s down, second half", MEASURE_S / 2)
    for half in (first, second):
        assert half.round_trip_ms < 150
        assert half.freezes == 0
    assert second.video_delay_ms < first.video_delay_ms + 50
    assert second.audio_delay_ms < first.audio_delay_ms + 50
