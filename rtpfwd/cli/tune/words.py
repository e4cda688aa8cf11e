"""A result for people: what is recorded and what is modelled, and the figures as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtpfwd.cli.inspect.words import plain

COLUMNS = 6
"""Variants side by side; more go into tables below."""

FIGURES: tuple[tuple[str, str, str], ...] = (
    ("residualLossPercent", "residual loss, video", "%"),
    ("audioLossPercent", "residual loss, sound", "%"),
    ("repairP50Ms", "repair, p50", "ms"),
    ("repairP95Ms", "repair, p95", "ms"),
    ("overheadPercent", "overhead (repairs, padding)", "%"),
    ("firstPictureMs", "first picture after", "ms"),
    ("freezes", "freezes", ""),
    ("freezeS", "frozen", "s"),
    ("picturesPerS", "pictures a second", ""),
    ("lateP95Ms", "pictures late, p95", "ms"),
    ("playoutDelayMs", "playout delay, p50", "ms"),
    ("meanSpatial", "spatial layer, mean", ""),
    ("meanTemporal", "temporal layer, mean", ""),
    ("estimateKbps", "estimate", "kbit/s"),
    ("estimateToCapacityPercent", "estimate / capacity", "%"),
    ("sentKbps", "sent to each viewer", "kbit/s"),
    ("keyFramesAsked", "key frames asked for", ""),
    ("nackedUpstream", "packets asked of publishers", ""),
)
"""Of each figure its key in the document, its name, and its unit."""


def print_result(document: dict[str, Any], console: Console) -> None:
    """All of it."""
    for line in heading(document):
        console.print(line)
    variants = document["variants"]
    for at in range(0, len(variants), COLUMNS):
        console.print(_table(variants[at : at + COLUMNS], document["seeds"]))


def heading(document: dict[str, Any]) -> list[str]:
    """What was played, what is recorded, and what is modelled."""
    lines = []
    recorded = document["recorded"]
    for one in recorded["producers"]:
        encodings = ", ".join(
            f"{plain(enc['rid']) + ' ' if enc['rid'] else ''}{enc['packets']} packets "
            f"{enc['kbps']:.0f} kbit/s {enc['layers']}"
            + (f" ({enc['repaired']} of them came by repair only)" if enc["repaired"] else "")
            + (f" ({enc['neverCame']} more never came)" if enc["neverCame"] else "")
            for enc in one["encodings"]
        )
        pictures = ""
        if one["picturesPerS"]:
            pictures = (
                f"; {one['picturesPerS']:.1f} pictures a second, {one['freezes']} pauses "
                f"({one['freezeS']:.1f} s) at the source"
            )
        lines.append(f"{plain(one['mimeType'])}: {encodings}{pictures}")
    lines.append(
        f"{recorded['seconds']:.1f} s recorded, played {document['repeat']} times in a row = "
        f"{document['secondsEach']:.1f} s; {document['viewers']} viewer(s), {document['seeds']} seed(s)"
    )
    lines += [f"recorded: {text}" for text in document["recordedParts"]]
    lines += [f"modelled: {text}" for text in document["modelledParts"]]
    lines += [f"link {plain(name)}: {text}" for name, text in document["links"].items()]
    lines += [f"set: {name}={value}" for name, value in document["set"].items()]
    lines += [f"note: {plain(text)}" for text in document["notes"]]
    return lines


def cell(values: dict[str, float] | None) -> str:
    """``median (p10-p90)``; a dash where there was nothing to measure."""
    if values is None:
        return "-"
    low, middle, high = (_short(values[name]) for name in ("p10", "p50", "p90"))
    return middle if low == middle == high else f"{middle} ({low}-{high})"


def _table(variants: Sequence[dict[str, Any]], seeds: int) -> Table:
    table = Table(title=f"median (p10-p90) of {seeds} seeds", title_justify="left", header_style="bold")
    table.add_column("figure", no_wrap=True)
    for one in variants:
        table.add_column(Text(plain(one["label"])), justify="right", overflow="fold")
    for key, name, unit in FIGURES:
        if all(one["figures"][key] is None for one in variants):
            continue
        cells = [cell(one["figures"][key]) for one in variants]
        table.add_row(f"{name}{f', {unit}' if unit else ''}", *cells)
    if any(one["figures"]["layerShares"] for one in variants):
        table.add_row("time by layer, %", *(_shares(one["figures"]["layerShares"]) for one in variants))
    return table


def _shares(shares: dict[str, float]) -> str:
    return " ".join(f"{name} {100 * share:.0f}" for name, share in shares.items() if share >= 0.005)


def _short(value: float) -> str:
    if value and abs(value) < 1:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
