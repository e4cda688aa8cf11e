"""The files of recordings: a file in chunks, plain or gzip, as capture items; and items as a pcapng file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rtpfwd.capture.quick_reader import QuickReader
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Record
from rtpfwd.wire.captures.rewriting import rewrite

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


def write_items(
    path: Path, items: Iterable[CaptureItem], comments: Mapping[int, Sequence[str]] | None = None
) -> None:
    """A pcapng file of these items, with ``comments`` by packet number added. Raises ``OSError``.

    Where ``items`` raise, what came before is in the file.
    """
    with path.open("wb") as file:
        for piece in rewrite(items, comments or {}):
            file.write(piece)


def is_foreign(path: Path) -> bool:
    """Whether packets come before any ``start`` record of ours, or there is none. Raises as ``read_items``,
    but for ``Truncated``, which becomes ``MalformedPacket``.
    """
    try:
        for item in read_items(path):
            if isinstance(item, Record) and item.kind == "start":
                return False
            if isinstance(item, CapturedDatagram):
                return True
    except Truncated as error:
        raise MalformedPacket(str(error)) from None
    return True
