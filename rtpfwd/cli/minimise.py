"""The command: a capture and a check that fails for it in; a much smaller one for which it fails out.

Exit codes: 0 written; 1 a file could not be read or written, or the check passes; 2 the command line is
wrong.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rtpfwd.capture.minimise import MAX_TRIES
from rtpfwd.cli.recordings import fail, reason
from rtpfwd.drivers.minimising import Check, minimise_file
from rtpfwd.drivers.recordings import Truncated
from rtpfwd.errors import InvalidParameters, MalformedPacket, UnsupportedError


def minimise(
    file: Annotated[Path, typer.Argument(help="A recording of this program, or any capture with RTP.")],
    check: Annotated[
        str,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Takes a PlayedCapture; raises or returns False where the fault is. Found from here.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Where to write. [FILE's name with -minimised]")] = None,
    plane: Annotated[str, typer.Option(help="Which data plane: reference or native.")] = "reference",
    tries: Annotated[int, typer.Option(min=1, help="So many parts are looked at, at most.")] = MAX_TRIES,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Shrink a capture as far as a check still fails for it."""
    function = _load(check)
    target = out or file.parent / f"{Path(file.name.removesuffix('.gz')).stem}-minimised.pcapng"
    if target.exists() and file.exists() and target.samefile(file):
        fail("minimise", f"{target} is the input", 2)
    try:
        found = minimise_file(file, function, target, max_tries=tries, told=_tell, plane=plane)
    except UnsupportedError as error:
        fail("minimise", str(error), 2)
    except (OSError, MalformedPacket, InvalidParameters, Truncated) as error:
        fail("minimise", reason(file, error))
    finally:
        if sys.stderr.isatty():
            typer.echo("\r\033[K", nl=False, err=True)
    document = {
        "file": str(target),
        "packetsBefore": found.packets[0],
        "packets": found.packets[1],
        "callsBefore": found.calls[0],
        "calls": found.calls[1],
        "bytesBefore": file.stat().st_size,
        "bytes": target.stat().st_size,
        "tries": found.tries,
        "finished": found.finished,
    }
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(
        f"{target}: {found.packets[1]} of {found.packets[0]} packets, {found.calls[1]} of {found.calls[0]} "
        f"calls, after {found.tries} tries{'' if found.finished else ' (stopped there: --tries)'}"
    )


def _load(text: str) -> Check:
    module, colon, name = text.partition(":")
    if not colon or not module or not name:
        fail("minimise", f"--check {text!r} is not MODULE:FUNCTION", 2)
    sys.path.insert(0, "")  # as python -m does: checks lie where people work
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        fail("minimise", f"--check {text}: {type(error).__name__}: {error}", 2)
    finally:
        sys.path.remove("")
    if not callable(found):
        fail("minimise", f"--check {text} is no function", 2)
    checked: Check = found
    return checked


def _tell(tries: int, items: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{tries} tried, now {items} packets and calls", nl=False, err=True)
