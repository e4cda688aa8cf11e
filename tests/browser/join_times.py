"""How long joining takes, from the press of the button to the first remote picture on the screen.

``python -m tests.browser.join_times`` starts a server and a browser, puts one person into a room, lets
somebody else join it a few times and prints the times; with ``--timeline`` also what happened when during the
join of median length. The two marks are the client's own (static/src/lib/marks.ts).
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.person import LIGHT, Person
from tests.browser.server import OUTPUT, running_server
from tests.browser.waiting import until

JOIN_CLICKED = "rtpfwd:join-clicked"
FIRST_REMOTE_FRAME = "rtpfwd:first-remote-frame"
REPORT = OUTPUT / "join-times.json"

# Notes, on the page's clock, every signaling message, every change of a connection, and media's first signs
# of life. Statistics are asked for every 10 ms: good for finding out where time goes, not for the figure.
RECORD_TIMELINE = """
window.timeline = [];
const note = (what) => window.timeline.push([performance.now(), what]);
const names = {};
const NativeSocket = window.WebSocket;
window.WebSocket = class extends NativeSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("open", () => note("socket open"));
    this.addEventListener("message", ({ data }) => {
      const ack = /^43\\/call,(\\d+)/.exec(data), push = /^42\\/call,\\["([^"]+)/.exec(data);
      if (ack) note("answer to " + names[ack[1]]);
      if (push) note("push " + push[1]);
    });
  }
  send(data) {
    const asked = /^42\\/call,(\\d*)\\["([^"]+)/.exec(data);
    if (asked) { names[asked[1]] = asked[2]; note("ask " + asked[2]); }
    super.send(data);
  }
};
const NativeConnection = window.RTCPeerConnection;
let count = 0;
window.RTCPeerConnection = class extends NativeConnection {
  constructor(...args) {
    super(...args);
    const name = "connection " + ++count;
    note(name + " made");
    for (const kind of ["iceConnectionState", "connectionState"]) {
      this.addEventListener(kind.toLowerCase() + "change", () => note(name + " " + kind + " " + this[kind]));
    }
    const seen = new Set();
    const once = (what) => { if (!seen.has(what)) { seen.add(what); note(name + " " + what); } };
    const timer = setInterval(async () => {
      if (this.connectionState === "closed") return clearInterval(timer);
      for (const report of (await this.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.kind === "video") {
          if (report.packetsReceived > 0) once("first video packet");
          if (report.framesReceived > 0) once("first whole frame");
          if (report.framesDecoded > 0) once("first frame decoded");
          if (report.pliCount > 0) once("PLI sent");
        }
        if (report.type === "transport" && report.dtlsState === "connected") once("DTLS connected");
      }
    }, 10);
  }
  async setRemoteDescription(...args) {
    note("setRemoteDescription");
    await super.setRemoteDescription(...args);
    note("setRemoteDescription done");
  }
  async setLocalDescription(...args) {
    note("setLocalDescription");
    await super.setLocalDescription(...args);
    note("setLocalDescription done");
  }
};
"""


@dataclass(frozen=True)
class JoinTime:
    """One join: its length in milliseconds, and what happened (milliseconds after the click, what)."""

    ms: float
    timeline: list[tuple[float, str]]


@dataclass(frozen=True)
class JoinTimes:
    """Several joins of one call."""

    joins: list[JoinTime]

    @property
    def median_ms(self) -> float:
        return statistics.median(join.ms for join in self.joins)

    @property
    def typical(self) -> JoinTime:
        """The one of median length."""
        return sorted(self.joins, key=lambda join: join.ms)[len(self.joins) // 2]

    def __str__(self) -> str:
        times = ", ".join(f"{join.ms:.0f}" for join in self.joins)
        return f"first remote frame after Join: median {self.median_ms:.0f} ms of {times} ms"

    def write(self, path: Path) -> None:
        """As JSON, for whoever keeps track."""
        path.parent.mkdir(parents=True, exist_ok=True)
        values = [round(join.ms, 1) for join in self.joins]
        path.write_text(json.dumps({"median_ms": round(self.median_ms, 1), "joins_ms": values}) + "\n")


async def measure(
    browser: Browser, url: str, *, joins: int = 5, query: str = LIGHT, timeline: bool = False
) -> JoinTimes:
    """One person waits in the room; ``joins`` times somebody comes, looks at the first picture and leaves."""
    host = await _person(browser, "Host", "")
    await host.join(url, "join-times", query)
    await until("the host sends video", lambda: _sends_video(host))
    measured = []
    for number in range(joins):
        guest = await _person(browser, f"Guest {number}", RECORD_TIMELINE if timeline else "")
        await guest.open(url, "join-times", query)
        await asyncio.sleep(1.0)  # a person reads the page before pressing the button
        await guest.press_join()
        clicked = await until("the click is marked", lambda page=guest: page.mark(JOIN_CLICKED))
        shown = await until("a remote frame is shown", lambda page=guest: page.mark(FIRST_REMOTE_FRAME))
        notes: list[list[Any]] = await guest.page.evaluate("window.timeline ?? []") if timeline else []
        notes += [[shown, "FIRST REMOTE FRAME SHOWN"]] if timeline else []
        after = sorted((at - clicked, what) for at, what in notes if clicked <= at <= shown + 50)
        measured.append(JoinTime(shown - clicked, after))
        await guest.context.close()
        await host.sees()
    await host.context.close()
    return JoinTimes(measured)


async def _person(browser: Browser, name: str, script: str) -> Person:
    context = await browser.new_context()
    await context.add_init_script(chromium.RECORD_CONNECTIONS + script)
    return Person(name, context, await context.new_page(), OUTPUT / "screenshots")


async def _sends_video(person: Person) -> bool:
    script = """async () => {
      const reports = await Promise.all(window.peerConnections.map((connection) => connection.getStats()));
      const sent = reports.flatMap((report) => [...report.values()]).filter((r) => r.type === "outbound-rtp");
      return sent.some((r) => r.kind === "video" && r.framesEncoded > 0);
    }"""
    return bool(await person.page.evaluate(script))


async def _main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long joining a call takes.")
    parser.add_argument("--joins", type=int, default=9, help="how often to join (default 9)")
    parser.add_argument("--video", default="640x360", help="camera size (default 640x360)")
    parser.add_argument("--url", help="a running server (default: start one)")
    parser.add_argument("--timeline", action="store_true", help="print what happened during the median join")
    options = parser.parse_args()
    query = f"video={options.video}"

    async def run(url: str) -> JoinTimes:
        async with chromium.launch() as browser:
            return await measure(browser, url, joins=options.joins, query=query, timeline=options.timeline)

    if options.url is not None:
        times = await run(options.url)
    else:
        with tempfile.TemporaryDirectory() as folder:
            async with running_server(Path(folder) / "server.log") as server:
                times = await run(server.url)
    print(times)
    for at, what in times.typical.timeline:
        print(f"{at:7.0f} ms  {what}")


if __name__ == "__main__":
    asyncio.run(_main())
