"""``rtpfwd version``: what is installed, for bug reports."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Annotated

import typer

DEPENDENCIES = ("aioice", "pylibsrtp", "cryptography", "pyOpenSSL")


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the versions of rtpfwd, Python and what media depends on."""
    found = {
        "rtpfwd": _version("rtpfwd"),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.release()}",
        **{name: _version(name) for name in DEPENDENCIES},
    }
    lines = [f"{name} {what}" for name, what in found.items()]
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines))


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return "not installed"
