"""``rtpfwd version``: what is installed, for bug reports."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import typer

DEPENDENCIES = ("aioice", "pylibsrtp", "cryptography", "pyOpenSSL")


def version() -> None:
    """Print the versions of rtpfwd, Python and what media depends on."""
    typer.echo(f"rtpfwd {_version('rtpfwd')}")
    typer.echo(f"Python {platform.python_version()} on {platform.system()} {platform.release()}")
    for name in DEPENDENCIES:
        typer.echo(f"{name} {_version(name)}")


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return "not installed"
