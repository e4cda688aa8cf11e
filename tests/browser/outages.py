"""What a lost socket costs the people in a call: nothing, for as long as the server keeps their place.

``python -m tests.browser.outages --seconds 1 5 29`` puts two people into a call, cuts the line of one of them
for that long each time, and prints what media came through meanwhile and whether both pages know afterwards
what they knew before.
"""

import argparse
import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.line import Line, line_to
from tests.browser.person import Person
from tests.browser.server import OUTPUT, running_server
from tests.browser.waiting import until

STILL_MS = 1500
"""A picture that stands this long stood for us, not for a machine that was busy."""

# Every 100 ms: since when nothing new has come of each kind. The page is told to stop by the next call.
WATCH = """() => {
  const watched = window.watched = {longest: {audio: 0, video: 0}, seen: {}, at: {}};
  const look = async () => {
    for (const {kind, stats} of await window.rtpfwd.stats())
      for (const report of stats) {
        if (report.type !== "inbound-rtp") continue;
        const now = performance.now();
        if (watched.seen[kind] !== report.packetsReceived) {
          watched.seen[kind] = report.packetsReceived;
          watched.at[kind] = now;
        }
        watched.longest[kind] = Math.max(watched.longest[kind], now - watched.at[kind]);
      }
    if (window.watched === watched) setTimeout(look, 100);
  };
  look();
}"""
LONGEST = "() => { const {longest} = window.watched; window.watched = null; return longest; }"

PASSING = ("score", "layers")


@dataclass(frozen=True)
class Came:
    """What came of one kind of media while the line was down."""

    kind: str
    packets: int
    lost: int
    frames: int
    still_ms: float

    def line(self) -> str:
        """For people."""
        frames = f", {self.frames} frames decoded" if self.kind == "video" else ""
        pause = f"longest pause {self.still_ms:.0f} ms"
        return f"{self.packets} {self.kind} packets, {self.lost} lost{frames}, {pause}"


@dataclass(frozen=True)
class Outage:
    """One cut of the line, for both people; what each of them knew of the call before and after."""

    seconds: float
    came: dict[str, list[Came]]
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def faults(self) -> list[str]:
        """What was lost."""
        found = [
            f"{name}: {came.line()}"
            for name, all_of_it in self.came.items()
            for came in all_of_it
            if came.lost > 0
            or came.packets == 0
            or (came.kind == "video" and (came.still_ms > STILL_MS or came.frames < 5 * self.seconds))
        ]
        for name, known in self.before.items():
            now = self.after[name]
            found += [
                f"{name}: {key} was {known[key]}, is {now[key]}" for key in known if known[key] != now[key]
            ]
        return found

    def lines(self) -> list[str]:
        """For people."""
        told = [f"  {name}: {came.line()}" for name, all_of_it in self.came.items() for came in all_of_it]
        return [
            f"{self.seconds:g} s without a socket:",
            *told,
            *(f"  NOT AS IT WAS {one}" for one in self.faults),
        ]


async def cut_for(line: Line, seconds: float, people: tuple[Person, ...], cut: Person) -> Outage:
    """Cuts the line for so long, and waits until the page is back."""
    before = {person.name: await known(person) for person in people}
    start = {person.name: await counters(person) for person in people}
    for person in people:
        await person.page.evaluate(WATCH)
    line.cut()
    await cut.page.get_by_test_id("banner").wait_for()
    await asyncio.sleep(seconds)
    line.mend()
    await cut.page.get_by_test_id("banner").wait_for(state="detached")
    came: dict[str, list[Came]] = {}
    for person in people:
        longest, now = await person.page.evaluate(LONGEST), await counters(person)
        came[person.name] = [
            Came(kind, *(now[kind][n] - start[person.name][kind][n] for n in range(3)), longest[kind])
            for kind in ("audio", "video")
        ]

    async def settled() -> bool:
        return {person.name: await known(person) for person in people} == before

    with suppress(AssertionError):  # the report says what differs
        await until("both know what they knew", settled, 10)
    return Outage(seconds, came, before, {person.name: await known(person) for person in people})


async def counters(person: Person) -> dict[str, tuple[int, int, int]]:
    """Packets received and lost, frames decoded, of each kind; there is one other person."""
    found: dict[str, tuple[int, int, int]] = {}
    for consumer in await person.page.evaluate("window.rtpfwd.stats()"):
        for report in consumer["stats"]:
            if report["type"] == "inbound-rtp":
                found[report["kind"]] = (
                    report["packetsReceived"],
                    report["packetsLost"],
                    report.get("framesDecoded", 0),
                )
    return found


async def known(person: Person) -> dict[str, Any]:
    """What a page knows of the call, without what changes all the time."""
    state = await person.state()
    peers = [
        {**peer, "media": [{k: v for k, v in one.items() if k not in PASSING} for one in peer["media"]]}
        for peer in state["peers"]
    ]
    kept = ("phase", "peerId", "displayName", "chat", "unread", "handRaised", "fetched")
    local = {key: value for key, value in state["local"].items() if key != "encodings"}
    return {**{key: state[key] for key in kept}, "local": local, "peers": peers}


async def prepare(ada: Person, grace: Person, ada_url: str, grace_url: str, room: str) -> None:
    """A call in which there is something to forget: a raised hand, a line of chat, somebody who is pinned."""
    await ada.join(ada_url, room)
    await grace.join(grace_url, room)
    for person, other in ((ada, grace), (grace, ada)):
        await person.wait_for_frames(other)
        await person.wait_for_sound(other)
    await grace.press("hand")
    await ada.say("before the line broke")
    await until("the words have arrived", lambda: _has_chat(grace))
    await ada.tile(grace).locator(".tile-hand").wait_for()


async def _has_chat(person: Person) -> bool:
    return len((await person.state())["chat"]) == 1


async def _report(outages: list[float]) -> bool:
    clean = True
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_server(Path(folder) / "server.log") as server,
            chromium.launch() as browser,
            line_to(server.port) as line,
        ):
            people = []
            for name in ("Ada", "Grace"):
                context = await browser.new_context(viewport={"width": 1280, "height": 800})
                people.append(Person(name, context, await context.new_page(), OUTPUT / "screenshots"))
            ada, grace = people
            await prepare(ada, grace, server.url, line.url, "outages")
            for seconds in outages:
                outage = await cut_for(line, seconds, (ada, grace), grace)
                print("\n".join(outage.lines()), flush=True)
                clean = clean and not outage.faults
    return clean


def main() -> None:
    """The command; exits with 1 when something was lost."""
    parser = argparse.ArgumentParser(description="what a lost socket costs a call")
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 5, 29])
    raise SystemExit(0 if asyncio.run(_report(parser.parse_args().seconds)) else 1)


if __name__ == "__main__":
    main()
