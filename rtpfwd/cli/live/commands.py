"""The commands that look at a running server and turn its settings.

Exit codes: 0 done; 1 the server refused (the text says why); 2 the command line is wrong; 3 nothing answers.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from rtpfwd.cli.live.client import DEFAULT_URL, AsJson, Ca, Server, Token, Url, answer_of
from rtpfwd.cli.live.tables import amount, routes_table, summary, tunables_table

WIDTH_OF_A_FILE = 200  # columns, where no terminal says how many there are
UNITS = {
    "_us": {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000},
    "_bps": {"bit/s": 1, "k": 1_000, "kbit/s": 1_000, "M": 1_000_000, "Mbit/s": 1_000_000},
    "_percent": {"%": 1},
    "_ms": {"ms": 1},
}
"""What a value may end with, by the end of the setting's name."""


def routes(
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    room: Annotated[str | None, typer.Option(help="Of this room only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5_000, help="Rows at most.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Print the routing table of a running server: which SSRC goes to whom, how fast, and what is dropped."""
    answer = answer_of(Server(url, token, ca), "routes", "GET", "/api/routes", room=room, limit=limit)
    if as_json:
        _print_json(answer)
        return
    console = new_console()
    console.print(routes_table(answer))
    console.print(summary(answer), style="dim")


def tunables(
    prefix: Annotated[str, typer.Argument(help="Names that begin so; without it all.")] = "",
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only those that are not the default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the settings of a running server: value, range, whom a change reaches, what it means."""
    answer = answer_of(Server(url, token, ca), "tunables", "GET", "/api/tunables", prefix=prefix)
    if changed:
        answer["tunables"] = [one for one in answer["tunables"] if one["value"] != one["default"]]
    if as_json:
        _print_json(answer)
    else:
        new_console().print(tunables_table(answer["tunables"]))


def set_tunables(
    assignments: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="VALUE: 250ms, 2s, 500k, 1.5M, true, 0.9, or default."),
    ],
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a running server: all of them, or none when one is refused."""
    values = dict(assignment(one) for one in assignments)
    server = Server(url, token, ca)
    units: dict[str, str] = {}
    if not as_json or None in values.values():
        known = answer_of(server, "set", "GET", "/api/tunables")["tunables"]
        units = {one["name"]: one["unit"] for one in known}
        defaults = {one["name"]: one["default"] for one in known}
        values = {name: defaults.get(name, 0) if value is None else value for name, value in values.items()}
    answer = answer_of(server, "set", "PATCH", "/api/tunables", values)
    if as_json:
        _print_json(answer)
        return
    for one in answer["changed"]:
        unit = units.get(one["name"], "")
        typer.echo(
            f"{one['name']}: {amount(one['before'], unit)} -> {amount(one['after'], unit)} ({one['scope']})"
        )
    if not answer["changed"]:
        typer.echo("nothing to change: these are the values already")


def drain(
    deadline: Annotated[
        float | None, typer.Option(min=0, help="Seconds that calls may go on. [the server's drain_s]")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take people again.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Let a running server end: nobody new comes in, it stops when the last call has ended."""
    server = Server(url, token, ca)
    if cancel:
        answer = answer_of(server, "drain", "DELETE", "/api/drain")
    else:
        body = {} if deadline is None else {"deadlineS": deadline}
        answer = answer_of(server, "drain", "POST", "/api/drain", body)
    if as_json:
        _print_json(answer)
    elif answer["draining"]:
        typer.echo(f"draining: {answer['people']} people left, {answer['remainingS']:g} s at most")
    else:
        typer.echo(f"not draining: {answer['people']} people")


def new_console() -> Console:
    """As wide as the terminal; wide enough for all columns where there is none."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, markup=False, highlight=False)


def _print_json(answer: Any) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=True))


def assignment(text: str) -> tuple[str, bool | int | float | None]:
    """``NAME=VALUE`` taken apart, the value in the unit that the name ends with; None for ``default``. Raises
    ``typer.BadParameter``.
    """
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    if value == "default":
        return name, None
    if value in ("true", "false"):
        return name, value == "true"
    factor = 1
    units = next((units for ending, units in UNITS.items() if name.endswith(ending)), {})
    for unit in sorted(units, key=len, reverse=True):
        if value.endswith(unit):
            value, factor = value.removesuffix(unit).strip(), units[unit]
            break
    try:
        return name, int(value) * factor
    except ValueError:
        pass
    try:
        number = float(value) * factor
    except ValueError:
        ways = f", also with {', '.join(units)}" if units else ""
        raise typer.BadParameter(f"{text!r}: a number is expected{ways}") from None
    return name, int(number) if factor > 1 and number == int(number) else number
