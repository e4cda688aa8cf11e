"""A publisher's congestion control gets what it needs to open up."""

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until

FULL_BPS = 1_500_000  # the three layers together want 1.6 Mbit/s

AVAILABLE = """async () => {
  const reports = await Promise.all(window.peerConnections.map((connection) => connection.getStats()));
  const pairs = reports.flatMap((report) => [...report.values()]).filter((r) => r.type === "candidate-pair");
  return Math.max(0, ...pairs.map((pair) => pair.availableOutgoingBitrate ?? 0));
}"""


async def test_a_browser_reaches_its_full_send_bitrate(server: RunningServer, meet: Meet, room: str) -> None:
    camera, viewer = await meet("Camera"), await meet("Viewer")
    await viewer.join(server.url, room)
    await viewer.press("camera")  # the fake camera is one device, and its first user sets its size
    await camera.join(server.url, room, "video=1280x720")
    await viewer.sees(camera)

    async def enough() -> bool:
        return await _available_bps(camera) > FULL_BPS

    await until("the estimate passes 1.5 Mbit/s", enough)


async def _available_bps(person: Person) -> float:
    return float(await person.page.evaluate(AVAILABLE))
