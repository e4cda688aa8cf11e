"""What the doctor found: a list of findings, as text for people and as JSON for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.text import Text


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # it works, for some people or worse than it could
    FAIL = "fail"  # calls will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: what was looked at, what is, and what to do about it (empty when it is fine)."""

    check: str
    level: Level
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, found)


def warn(check: str, found: str, advice: str) -> Finding:
    """Worth doing something about."""
    return Finding(check, Level.WARN, found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """Has to be mended."""
    return Finding(check, Level.FAIL, found, advice)


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing has to be mended."""
    return all(finding.level is not Level.FAIL for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """One document: ``{"ok": bool, "findings": [{check, level, found, advice}]}``."""
    listed = list(findings)
    return json.dumps({"ok": healthy(listed), "findings": [asdict(one) for one in listed]}, indent=2)


def as_text(finding: Finding) -> Text:
    """One or two lines."""
    style = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}[finding.level]
    text = Text.assemble((f"{finding.level:<5}", style), (f"{finding.check}: ", "bold"), finding.found)
    if finding.advice:
        text.append(f"\n     -> {finding.advice}")
    return text
