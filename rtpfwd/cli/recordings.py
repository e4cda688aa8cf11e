"""What commands that read recordings say when they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer

from rtpfwd.cli.inspect.words import plain
from rtpfwd.drivers.recordings import Truncated, read_items

__all__ = ["Truncated", "fail", "read_items", "reason"]


def fail(command: str, message: str, code: int = 1) -> NoReturn:
    """End with a message for people."""
    typer.echo(f"rtpfwd {command}: {plain(message)}", err=True)
    raise typer.Exit(code)


def reason(path: Path, error: Exception) -> str:
    """What went wrong with a file, in words."""
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return f"{path}: {text}"
