"""The command: a recording in; whether the data plane still sends what it sent.

Exit codes: 0 every packet is what was recorded; 1 the file could not be read, or not to its end; 2 the
command line is wrong; 3 something differs.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rtpfwd.capture.foreign import ForeignReplay, StreamsFound
from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.cli.recordings import Truncated, fail, read_items, reason
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.load import load_plane
from rtpfwd.drivers.recordings import is_foreign
from rtpfwd.errors import InvalidParameters, MalformedPacket, UnsupportedError

DIFFERENT = 3


def replay(
    file: Annotated[Path, typer.Argument(help="A recording of this program, or any capture with RTP.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    plane: Annotated[str, typer.Option(help="Which data plane: reference or native.")] = "reference",
    streams: Annotated[
        Path | None,
        typer.Option(help="For a foreign capture: a description of its streams (TOML). Default: inferred."),
    ] = None,
) -> None:
    """Run a capture through a fresh data plane in virtual time and compare what it sends."""
    try:
        load_plane(plane)
    except UnsupportedError as error:
        fail("replay", str(error), 2)
    try:
        document = _foreign(file, streams, plane) if is_foreign(file) else _replay(file, plane)
    except (OSError, MalformedPacket, InvalidParameters) as error:
        fail("replay", reason(file, error))
    typer.echo(json.dumps(document, indent=2) if as_json else _text(document))
    if document["error"]:
        fail("replay", f"{file}: {document['error']}")
    if not document["equal"]:
        raise typer.Exit(DIFFERENT)


def run(file: Path, player: Replay) -> tuple[ReplayResult, str | None]:
    """Feed a file to a player; what broke it off, if it did. Raises ``OSError`` and ``MalformedPacket``."""
    error = None
    try:
        for item in read_items(file):
            player.take(item)
    except Truncated as broken:
        error = str(broken)
    except MalformedPacket as broken:
        if player.plane is None:
            raise
        error = str(broken)
    return player.finish(), error


def make_plane(name: str) -> Any:
    """A maker of planes of that name, for ``Replay``."""

    def make(limits: PlaneLimits) -> DataPlane:
        return load_plane(name, limits)

    return make


def _replay(file: Path, plane: str) -> dict[str, Any]:
    player = Replay(make_plane(plane), plain=plane == "reference")
    begun = time.perf_counter()
    result, error = run(file, player)
    return describe(result, time.perf_counter() - begun, error)


def _foreign(file: Path, streams: Path | None, plane: str) -> dict[str, Any]:
    text = None
    if streams is not None:
        try:
            text = streams.read_text()
        except UnicodeDecodeError:
            raise InvalidParameters(f"{streams} is not UTF-8") from None
    found = StreamsFound(text)
    try:
        for item in read_items(file):
            found.take(item)
    except Truncated:
        pass  # the second reading tells
    player = ForeignReplay(make_plane(plane), found.streams(), plain=plane == "reference")
    begun = time.perf_counter()
    result, error = run(file, player)
    document = describe(result, time.perf_counter() - begun, error)
    document["streams"] = player.to_json()
    return document


def describe(result: ReplayResult, took_s: float, error: str | None) -> dict[str, Any]:
    """A result as JSON."""
    comparison = asdict(result.comparison)
    comparison["differences"] = [str(one) for one in result.comparison.differences]
    lasted_s = ((result.last_us or 0) - (result.first_us or 0)) / 1e6
    return {
        "equal": result.comparison.equal and not result.refused,
        "received": result.received,
        "sent": result.sent,
        "calls": result.calls,
        "skipped": result.skipped,
        "seconds": lasted_s,
        "tookSeconds": round(took_s, 3),
        "packetsPerSecond": round((result.received + result.sent) / took_s) if took_s else 0,
        "end": result.end,
        "refused": dict(result.refused),
        "comparison": comparison,
        "error": error,
    }


def _text(document: dict[str, Any]) -> str:
    compared = document["comparison"]
    lines = [
        f"{document['received']} packets in, {document['sent']} out, {document['calls']} calls; "
        f"{document['seconds']:.1f} s of call in {document['tookSeconds']:.2f} s "
        f"({document['packetsPerSecond']} packets a second)"
    ]
    if "streams" in document:
        for one in document["streams"]:
            drops = ", ".join(f"{count} {reason}" for reason, count in one["drops"].items()) or "none dropped"
            lines.append(
                f"  SSRC {one['ssrc']:#010x} {one['mimeType']}: {one['received']} in, "
                f"{one['sent']} out; {drops}"
            )
        return "\n".join(lines)
    parts = [f"{compared['same']} identical"]
    for name, words in (
        ("aligned", "identical but for where their numbering starts"),
        ("unaligned", "from before the first that can be compared"),
        ("changed", "changed"),
        ("missing", "missing"),
        ("extra", "too many"),
    ):
        if compared[name]:
            parts.append(f"{compared[name]} {words}")
    lines.append(("equal: " if document["equal"] else "DIFFERENT: ") + ", ".join(parts))
    lines += [f"  {one}" for one in compared["differences"]]
    lines += [f"  refused {count} times: {text}" for text, count in document["refused"].items()]
    if document["end"] not in (None, "asked"):
        lines.append(f"  the recording ended by itself: {document['end']}")
    return "\n".join(lines)
