"""``rtpfwd doctor``: says what stands in the way of calls on this machine, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import doctor as checks
from .findings import Finding, as_json, as_text, fail, healthy
from .settings import SettingsError, load_settings


def doctor(
    as_document: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings [rtpfwd.toml if there]")
    ] = None,
) -> None:
    """Check ports, buffers, addresses, limits, TLS, STUN and TURN; exit with 1 if calls will not work."""
    findings: list[Finding] = []
    console = Console(soft_wrap=True, highlight=False)

    def note(finding: Finding) -> None:
        findings.append(finding)
        if not as_document:
            console.print(as_text(finding))

    try:
        settings = load_settings(config)
    except SettingsError as error:
        note(fail("settings", str(error), "README has a table of them"))
    else:
        for finding in checks.examine(settings):
            note(finding)
    if as_document:
        typer.echo(as_json(findings))
    raise typer.Exit(0 if healthy(findings) else 1)
