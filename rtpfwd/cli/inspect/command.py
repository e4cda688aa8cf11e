"""The command: a capture in; tables, JSON or a page out.

Exit codes: 0 the file was read to its end; 1 it could not be read, or not to its end (what could be read is
printed all the same); 2 the command line is wrong.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from rtpfwd.cli.inspect.page import make_page
from rtpfwd.cli.inspect.reading import description_beside, inspect_file, read_description
from rtpfwd.cli.inspect.tables import WIDTH_OF_A_FILE, print_report
from rtpfwd.cli.inspect.words import plain
from rtpfwd.errors import InvalidParameters
from rtpfwd.inspection.description import CaptureDescription
from rtpfwd.inspection.report import CaptureReport


def inspect(
    file: Annotated[
        Path, typer.Argument(help="A capture: pcapng, pcap, rtpdump, text2pcap or mjr, or gzipped.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots to this file.")] = None,
    streams: Annotated[
        Path | None,
        typer.Option(
            help="A description of the streams (TOML). Default: FILE's name with .toml, if there is one."
        ),
    ] = None,
) -> None:
    """Show the streams of a capture: codecs, layers, loss, jitter, bitrates, key frames, RTCP."""
    if html is not None and os.path.realpath(html) in {
        os.path.realpath(one) for one in (file, streams) if one
    }:
        raise typer.BadParameter(f"{html} is an input", param_hint="--html")
    description = _description(file, streams)
    try:
        report = inspect_file(file, description)
    except OSError as error:
        _fail(f"{file}: {error.strerror or error}")
    if report.frames or report.records or not report.error:
        _print(report, as_json)
        if html is not None:
            _write_page(html, report)
    if report.error:
        _fail(f"{file}: {report.error}")
    if report.truncated:
        _fail(f"{file}: truncated: the file stops in the middle of a packet")


def _description(file: Path, given: Path | None) -> CaptureDescription:
    path = given or description_beside(file)
    if path is None:
        return CaptureDescription()
    try:
        return read_description(path)
    except InvalidParameters as error:
        _fail(f"{path}: {error}")
    except OSError as error:
        _fail(f"{path}: {error.strerror or error}")


def _print(report: CaptureReport, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # names in the capture may hold what this terminal cannot show
    print_report(report, Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE))


def _write_page(path: Path, report: CaptureReport) -> None:
    try:
        path.write_text(make_page(report), encoding="utf-8", errors="replace")
    except OSError as error:
        _fail(f"{path}: {error.strerror or error}")


def _fail(message: str) -> NoReturn:
    typer.echo(f"rtpfwd inspect: {plain(message)}", err=True)
    raise typer.Exit(1)
