"""The command: a recording and a consumer in; why it got what it got, packet by packet.

Exit codes: 0 all was explained; 1 the file could not be read, or not to its end; 2 the command line is wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from rtpfwd.capture.explain import Explainer, Explanation, Names
from rtpfwd.cli.recordings import fail, reason
from rtpfwd.cli.replay.command import make_plane
from rtpfwd.drivers.recordings import Truncated, read_items, write_items
from rtpfwd.errors import InvalidParameters, MalformedPacket

UNEXPLAINED = frozenset(("forwarded",))
"""Shown only for a packet that was asked for by number."""


def explain(
    file: Annotated[Path, typer.Argument(help="A recording of this program.")],
    consumer: Annotated[str, typer.Option(help="Its id, the beginning of it, or its number.")],
    seq: Annotated[
        int | None, typer.Option(help="Only this sequence number, the source's or its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    pcapng: Annotated[
        Path | None, typer.Option(help="Write the file again with comments for Wireshark.")
    ] = None,
) -> None:
    """Give a reason for every drop, switch, retransmission and estimate of one consumer."""
    found: list[Explanation] = []
    by_packet: dict[int, list[str]] = defaultdict(list)

    def tell(one: Explanation) -> None:
        if one.number is not None and pcapng is not None:
            by_packet[one.number].append(f"{one.what}: {one.text}")
        if one.concerns(seq) if seq is not None else one.what not in UNEXPLAINED:
            found.append(one)

    error = None
    try:
        names = Names()
        error = _read(file, names)
        player = Explainer(make_plane("reference"), names, consumer, tell)
        error = _read(file, player)
        player.finish()
        if pcapng is not None:
            if pcapng.exists() and pcapng.samefile(file):
                fail("explain", f"{pcapng} is the input", 2)
            _write(file, pcapng, by_packet)
    except InvalidParameters as broken:
        fail("explain", str(broken), 2)
    except (OSError, MalformedPacket) as broken:
        fail("explain", reason(file, broken))
    if as_json:
        document = {"consumer": player.consumer, "producer": player.producer}
        typer.echo(json.dumps({**document, "explanations": [one.to_json() for one in found]}, indent=2))
    else:
        first = found[0].at if found else 0
        typer.echo(f"consumer {player.consumer} of producer {player.producer}")
        for one in found:
            typer.echo(_line(one, first))
    if error is not None:
        fail("explain", f"{file}: {error}")


def _read(file: Path, taker: Names | Explainer) -> str | None:
    try:
        for item in read_items(file):
            taker.take(item)
    except Truncated as error:
        return str(error)
    return None


def _line(one: Explanation, first: int) -> str:
    numbers = ""
    if one.source_number is not None:
        numbers = f" #{one.source_number}"
    elif one.sent_number is not None:
        numbers = f" #{one.sent_number} out"
    place = f" (packet {one.number})" if one.number is not None else ""
    return f"{(one.at - first) / 1e6:11.6f}  {one.what}{numbers}{place}: {one.text}"


def _write(source: Path, target: Path, comments: dict[int, list[str]]) -> None:
    """The file once more, with comments by packet number."""
    with suppress(Truncated):  # has been told
        write_items(target, read_items(source), comments)
