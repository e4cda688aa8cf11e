"""The IO of commands that read recordings: chunks of a file, plain or gzip, as capture items."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import typer

from rtpfwd.capture.quick_reader import QuickReader
from rtpfwd.cli.inspect.words import plain
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import CaptureItem

CHUNK = 1 << 18
GZIP_MAGIC = b"\x1f\x8b"


class Truncated(Exception):
    """The file stops in the middle of something."""


def read_items(path: Path) -> Iterator[CaptureItem]:
    """The items of a file. Raises ``OSError``, ``MalformedPacket``, and ``Truncated`` after the last item of
    a file that breaks off.
    """
    reader = QuickReader()
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if zipped else file
        try:
            yield from reader.read(iter(lambda: source.read(CHUNK), b""))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise MalformedPacket(f"broken gzip file: {error}") from None
    if reader.truncated:
        raise Truncated("the file stops in the middle of a packet")


def fail(command: str, message: str, code: int = 1) -> NoReturn:
    """End with a message for people."""
    typer.echo(f"rtpfwd {command}: {plain(message)}", err=True)
    raise typer.Exit(code)


def reason(path: Path, error: Exception) -> str:
    """What went wrong with a file, in words."""
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return f"{path}: {text}"
