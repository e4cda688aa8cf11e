"""``rtpfwd capture``: recordings of a running server, begun and ended, and the flight recorder's last minute.

Exit codes as in commands.py. Files are written by the server, where it runs (``CAPTURE_DIR``).
"""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from rtpfwd.cli.inspect.words import plain
from rtpfwd.cli.live.client import DEFAULT_URL, AsJson, Ca, Server, Token, Url, answer_of
from rtpfwd.cli.live.commands import new_console

MB = 1_000_000

Room = Annotated[str | None, typer.Option(help="This room, by its name.")]
Peer = Annotated[str | None, typer.Option(help="This person, by id.")]
Transport = Annotated[str | None, typer.Option(help="This transport, by id.")]
MaxMb = Annotated[
    float | None, typer.Option(min=0.01, help="Megabytes at most (or the server's capture_mb).")
]

capture = typer.Typer(name="capture", help="Record what goes through a running server.", no_args_is_help=True)


@capture.command()
def start(
    room: Room = None,
    peer: Peer = None,
    transport: Transport = None,
    producer: Annotated[str | None, typer.Option(help="The transport of this producer.")] = None,
    consumer: Annotated[str | None, typer.Option(help="The transport of this consumer.")] = None,
    wire: Annotated[
        bool,
        typer.Option("--wire", help="As it is on the wire (SRTP, DTLS, STUN), with all keys in the file."),
    ] = False,
    max_mb: MaxMb = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Begin a recording: of everything, or of what is named."""
    server = Server(url, token, ca)
    target = _target(server, room=room, peer=peer, transport=transport, producer=producer, consumer=consumer)
    if wire:
        target["wire"] = True
    answer = answer_of(server, "capture start", "POST", "/api/captures", _bounded(target, max_mb))
    _print(answer, as_json, f"{answer['id']}: recording to {answer['file']}")


@capture.command()
def stop(
    capture_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="As start and list print it; without it all.")
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """End a recording, or all that run."""
    server = Server(url, token, ca)
    ids = [capture_id]
    if capture_id is None:
        listed = answer_of(server, "capture stop", "GET", "/api/captures")["captures"]
        ids = [one["id"] for one in listed if one["running"]]
    answers = [
        answer_of(server, "capture stop", "DELETE", f"/api/captures/{quote(str(one), safe='')}")
        for one in ids
    ]
    lines = [f"{one['id']}: {one['bytes']} bytes in {one['file']}" for one in answers]
    _print({"captures": answers}, as_json, "\n".join(lines) or "nothing is being recorded")


@capture.command(name="list")
def list_captures(
    url: Url = DEFAULT_URL, token: Token = None, ca: Ca = None, as_json: AsJson = False
) -> None:
    """Recordings of this server since it began, and what its flight recorder has kept."""
    answer = answer_of(Server(url, token, ca), "capture list", "GET", "/api/captures")
    if as_json:
        _print(answer, True, "")
        return
    if not answer["available"]:
        typer.echo("this server does not record: it has no CAPTURE_DIR")
        return
    table = Table(box=None)
    for name in ("id", "of", "state", "bytes", "packets", "file"):
        table.add_column(name, justify="right" if name in ("bytes", "packets") else "left")
    for one in answer["captures"]:
        of = " ".join(str(part) for part in (one.get("scope"), one.get("of")) if part)
        state = "running" if one["running"] else str(one["error"] or one["ended"])
        packets = one["received"] + one["sent"]
        table.add_row(
            *(plain(str(cell)) for cell in (one["id"], of, state, one["bytes"], packets, one["file"]))
        )
    for one in answer["dumps"]:
        state = "complete" if one["complete"] else str(one["error"] or "being written")
        table.add_row("", "flight recorder", plain(state), "", "", plain(one["file"]))
    new_console().print(table)


@capture.command()
def flight(
    room: Room = None,
    peer: Peer = None,
    transport: Transport = None,
    max_mb: MaxMb = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Keep the flight recorder's last minute (headers only): of everything, or of what is named."""
    server = Server(url, token, ca)
    target = _bounded(_target(server, room=room, peer=peer, transport=transport), max_mb)
    answer = answer_of(server, "capture flight", "POST", "/api/flight", target)
    _print(answer, as_json, answer["file"])


def _target(server: Server, **named: str | None) -> dict[str, Any]:
    """What is named, as the API wants it."""
    given = {scope: target for scope, target in named.items() if target is not None}
    if len(given) > 1:
        raise typer.BadParameter(f"one of {', '.join(f'--{one}' for one in given)}, not several")
    for scope, target in given.items():
        if scope == "room":
            found = answer_of(server, "capture", "GET", "/api/routes", room=target, limit=1)["rooms"]
            target = found[0]["routerId"]
        return {"scope": scope, "id": target}
    return {"scope": "server"}


def _bounded(target: dict[str, Any], max_mb: float | None) -> dict[str, Any]:
    return target if max_mb is None else {**target, "maxBytes": round(max_mb * MB)}


def _print(answer: Any, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=True) if as_json else plain_lines(text))


def plain_lines(text: str) -> str:
    """Without what moves a terminal's cursor, line by line."""
    return "\n".join(plain(line) for line in text.split("\n"))
