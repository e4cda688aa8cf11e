"""Makes the recordings of pcaps/ anew: real Chromium, our own server, one producer of each kind.

    python -m tests.browser.record_pcaps [NAME ...]

Each NAME.pcapng gets NAME.toml (its streams, for people and for ``rtpfwd inspect``) and NAME.json (what a
replay of it must give). Loss strikes after the recording on the way out and before it on the way in, so that
the file holds what the server really received and really sent.
"""

import asyncio
import contextlib
import json
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.errors import RtpfwdError
from rtpfwd.wire.datagram import Datagram
from signaling.app import CallServer
from signaling.settings import Settings
from tests.browser import chromium
from tests.browser.person import Person
from tests.browser.server import OUTPUT, PROJECT, free_tcp_port, free_udp_port
from tests.replay.expectations import describe_streams, expectation

PCAPS = PROJECT / "pcaps"
LASTS_S = 6.0
LOSS = 0.05


@dataclass(frozen=True)
class Kind:
    """One kind of producer: the page's parameters, and what it sends."""

    query: str
    what: str
    camera: bool = True
    screen: bool = False
    max_bps: int = 400_000


KINDS = {
    "opus": Kind("video=320x180", "a microphone: Opus", camera=False),
    "vp8": Kind("video=320x180&codec=vp8&mode=L1T1", "a camera: VP8, one layer"),
    "vp8-simulcast": Kind(
        "video=960x540&codec=vp8&mode=simulcast", "a camera: VP8, three encodings", max_bps=900_000
    ),
    "h264-simulcast": Kind(
        "video=960x540&codec=h264&mode=simulcast", "a camera: H264, three encodings", max_bps=900_000
    ),
    "vp9-l3t3-key": Kind("video=640x360&codec=vp9&mode=L3T3_KEY", "a camera: VP9, three by three layers"),
    "av1": Kind("video=640x360&codec=av1&mode=L2T3", "a camera: AV1 with dependency descriptor"),
    "screen": Kind("video=320x180", "a shared screen", camera=False, screen=True),
}
NAMES = [f"{kind}{end}" for kind in KINDS for end in ("", "-loss")]


class Lossy:
    """Between a driver and its sockets: some media and RTCP is lost, either way."""

    def __init__(self, driver: RealtimeDriver, share: float, seed: int) -> None:
        self._inner = driver._sockets
        self._random = random.Random(seed)
        self._share = share
        self.sent: list[Datagram] = []
        driver._sockets = self  # type: ignore[assignment]  # the rest is its own

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def _kept(self, datagrams: list[Datagram]) -> list[Datagram]:
        return [
            one
            for one in datagrams
            if not (one[0] and 128 <= one[0][0] < 192) or self._random.random() >= self._share
        ]

    def receive(self, index: int, *limit: int) -> list[Datagram]:
        return self._kept(self._inner.receive(index, *limit))

    def send(self, datagrams: list[Datagram]) -> None:
        self.sent += datagrams
        self._inner.send(self._kept(list(datagrams)))


@contextlib.asynccontextmanager
async def served(directory: Path, loss: float = 0.0) -> AsyncIterator[tuple[CallServer, Lossy]]:
    """A server in this process that may record."""
    settings = Settings(
        port=free_tcp_port(),
        mediasoup_listen_port=free_udp_port(),
        listen_ip=("0.0.0.0",),
        operator=False,
        capture_dir=directory,
    )
    server = await CallServer.start(settings)
    try:
        yield server, Lossy(server.driver, loss, seed=1)
    finally:
        await server.stop()


async def record(name: str, directory: Path) -> Path:
    """Records one; the path of the finished file."""
    kind = KINDS[name.removesuffix("-loss")]
    loss = LOSS if name.endswith("-loss") else 0.0
    switches = [f"--auto-select-tab-capture-source-by-title={name}"] if kind.screen else []
    async with served(directory, loss) as (server, _), chromium.launch(*switches) as browser:
        captures = server.driver.captures
        assert captures is not None
        capture = captures.start(name=name)
        people = []
        for who in ("Publisher", "Viewer"):
            context = await browser.new_context(viewport={"width": 800, "height": 600})
            await context.add_init_script(chromium.RECORD_CONNECTIONS)
            people.append(Person(who, context, await context.new_page(), OUTPUT / "screenshots"))
        publisher, viewer = people
        url = f"http://localhost:{server.port}"
        await viewer.open(url, name, "video=320x180")
        await viewer.press("camera")
        await viewer.press("mute")
        await viewer.press_join()
        await publisher.open(url, name, kind.query)
        if not kind.camera:
            await publisher.press("camera")
        if kind.camera or kind.screen:
            await publisher.press("mute")
        for transport in server.driver.worker.context.transports.values():
            transport.set_max_incoming_bitrate(kind.max_bps)
        joining = asyncio.create_task(publisher.press_join())
        for _ in range(100):
            await asyncio.sleep(0.05)
            for transport in list(server.driver.worker.context.transports.values()):
                transport.set_max_incoming_bitrate(kind.max_bps)
            if joining.done():
                break
        await joining
        if kind.screen:
            await publisher.press("share")
        await asyncio.sleep(LASTS_S)
        captures.stop(capture.id)
        await asyncio.to_thread(capture.file.join)
        for person in people:
            await person.context.close()
    return capture.file.path


def keep(name: str, path: Path) -> None:
    """Into pcaps/, with its description and expectation."""
    kind = KINDS[name.removesuffix("-loss")]
    PCAPS.mkdir(exist_ok=True)
    target = PCAPS / f"{name}.pcapng"
    shutil.move(path, target)
    clean = "5 % loss each way" if name.endswith("-loss") else "no loss"
    head = (
        f"# {kind.what}; {clean}. Chromium through our own server; made by tests/browser/record_pcaps.py.\n"
    )
    (PCAPS / f"{name}.toml").write_text(head + describe_streams(target))
    (PCAPS / f"{name}.json").write_text(json.dumps(expectation(target), indent=2) + "\n")


async def main(names: list[str]) -> None:
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            try:
                path = await record(name, Path(directory))
                keep(name, path)
            except (RtpfwdError, AssertionError, TimeoutError) as error:
                print(f"{name}: {type(error).__name__} {error}")
                continue
            result = json.loads((PCAPS / f"{name}.json").read_text())
            size = (PCAPS / f"{name}.pcapng").stat().st_size
            print(f"{name}: {size} bytes, {result['received']} packets in, {result['sent']} out")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or NAMES))
