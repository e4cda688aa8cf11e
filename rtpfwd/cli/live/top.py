"""``rtpfwd top``: the routing table of a running server as a screen that renews itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from rtpfwd.cli.inspect.words import plain, rate
from rtpfwd.cli.live.client import (
    DEFAULT_URL,
    AsJson,
    Ca,
    Refused,
    Server,
    Token,
    Unreachable,
    Url,
    answer_of,
)
from rtpfwd.cli.live.commands import new_console
from rtpfwd.cli.live.tables import routes_table, summary

LINES_AROUND = 6  # of a screen: what stands above and below the table
ROWS = 500


def top(
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    interval: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between looks.")] = 1.0,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", "-n", min=1, help="Looks, and then the end; without it until Ctrl-C."),
    ] = None,
    room: Annotated[str | None, typer.Option(help="Of this room only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Watch a running server: a screen of its routing table. Without a terminal it is printed once."""
    server = Server(url, token, ca)
    first = {
        path: answer_of(server, "top", "GET", f"/api/{path}", **_query(path, room))
        for path in ("server", "routes")
    }
    if as_json:
        typer.echo(json.dumps(first, indent=2))
        return
    console = new_console()
    if not sys.stdout.isatty() and rounds is None:
        console.print(_screen(first, console, whole=True))
        return
    try:
        with Live(
            _screen(first, console), console=console, screen=sys.stdout.isatty(), auto_refresh=False
        ) as live:
            for answers in _looks(server, room, interval, (rounds or 0) - 1):
                live.update(_screen(answers, console), refresh=True)
    except KeyboardInterrupt:
        pass


def _looks(server: Server, room: str | None, interval: float, rounds: int) -> Iterator[dict[str, Any]]:
    last: dict[str, Any] = {}
    while rounds != 0:
        time.sleep(interval)
        rounds -= 1
        try:
            for path in ("server", "routes"):
                last[path] = server.ask("GET", f"/api/{path}", **_query(path, room))
            yield last
        except (Unreachable, Refused) as error:
            yield {"error": str(error)}


def _query(path: str, room: str | None) -> dict[str, Any]:
    return {"room": room, "limit": ROWS} if path == "routes" else {}


def _screen(answers: dict[str, Any], console: Console, *, whole: bool = False) -> Group:
    if "error" in answers:
        return Group(Text(plain(answers["error"]), "bold red"), Text("asking again; Ctrl-C ends", "dim"))
    server, routes = answers["server"], answers["routes"]
    incoming = sum(one["bitrate"] for one in routes["routes"])
    outgoing = sum(one["bitrate"] for route in routes["routes"] for one in route["consumers"])
    draining = ""
    if server["draining"]:
        draining = f"   DRAINING, {server['remainingS']:.0f} s left"
    head = Text.assemble(
        (f"rtpfwd {plain(server['version'])}", "bold"),
        f"   up {_duration(server['uptimeS'])}   {server['rooms']} rooms, {server['people']} people   ",
        f"in {rate(incoming)}   out {rate(outgoing)}   ",
        f"loop lag {server['loopLagMs']:.1f} ms (worst {server['loopLagWorstMs']:.1f})",
        (draining, "bold yellow"),
    )
    drops = sorted(server["counters"]["drops"].items(), key=lambda one: -one[1])
    dropped = ", ".join(f"{plain(name)} {number:,}" for name, number in drops[:6] if number) or "none"
    lines = None if whole else max(console.height - LINES_AROUND, 1)
    return Group(
        head,
        Text(f"dropped on arrival: {dropped}", "dim"),
        Text(),
        routes_table(routes, at_most=lines),
        Text(summary(routes), "dim"),
    )


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds) % 60} s"
