"""The IO of inspecting: opening files, plain or gzip, in chunks, and showing how far one is."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.inspection.description import CaptureDescription, parse_description
from rtpfwd.inspection.inspector import Inspector
from rtpfwd.inspection.report import CaptureFacts, CaptureReport, make_report
from rtpfwd.wire.captures.items import CapturedDatagram, Interface, Record
from rtpfwd.wire.captures.reader import CaptureReader

CHUNK = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"
MAX_DESCRIPTION = 1 << 20
MAX_LISTED_INTERFACES = 1000
MAX_RECORD_KINDS = 1000


def inspect_file(path: Path, description: CaptureDescription) -> CaptureReport:
    """Reads a capture to its end, or to where it breaks off: the report's ``error`` then says why.

    Raises ``OSError`` for a file that cannot be opened or read.
    """
    facts = CaptureFacts(path.name)
    reader, inspector = CaptureReader(), Inspector(description)
    with path.open("rb") as file:
        chunks = _chunks(file, path)
        try:
            for item in reader.read(chunks):
                if isinstance(item, CapturedDatagram):
                    facts.comments += len(item.comments)
                    inspector.add(item)
                elif isinstance(item, Interface) and len(facts.interfaces) < MAX_LISTED_INTERFACES:
                    facts.interfaces.append(item)
                elif isinstance(item, Record) and (
                    item.kind in facts.records or len(facts.records) < MAX_RECORD_KINDS
                ):
                    facts.records[item.kind] = facts.records.get(item.kind, 0) + 1
        except MalformedPacket as error:
            facts.error = str(error)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            facts.error = f"broken gzip file: {error}"
    return make_report(facts, reader, inspector)


def read_description(path: Path) -> CaptureDescription:
    """The description in a file.

    Raises ``OSError`` for one that cannot be read, ``InvalidParameters`` for one that makes no sense.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_DESCRIPTION + 1)
    if len(raw) > MAX_DESCRIPTION:
        raise InvalidParameters(f"over {MAX_DESCRIPTION} bytes: need a short description")
    try:
        return parse_description(raw.decode())
    except UnicodeDecodeError as error:
        raise InvalidParameters(f"not UTF-8: {error}") from None


def description_beside(path: Path) -> Path | None:
    """``NAME.toml`` beside ``NAME.pcapng`` or ``NAME.pcapng.gz``, if there is one."""
    if not path.name:  # "." or "/"
        return None
    stem = path.with_suffix("") if path.suffix == ".gz" else path
    beside = stem.with_suffix(".toml")
    # Unlike Path.is_file, this is False also where one may not look.
    return beside if beside != path and os.path.isfile(beside) else None


def _chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    source = file
    head = file.peek(2) if hasattr(file, "peek") else b""
    if head.startswith(GZIP_MAGIC):
        source = cast("BinaryIO", gzip.GzipFile(fileobj=file))
    with Progress(
        TextColumn("reading {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        size = path.stat().st_size
        task = progress.add_task(path.name if path.name.isprintable() else "", total=size or None)
        while chunk := source.read(CHUNK):
            yield chunk
            progress.update(task, completed=file.tell() if file.seekable() else 0)
