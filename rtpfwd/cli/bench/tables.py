"""Figures of benches for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from rtpfwd.cli.bench.measure import BenchResult
from rtpfwd.cli.bench.trials import Disturbance
from rtpfwd.errors import InvalidParameters

COMPARED = (
    "forwarded_per_s",
    "cpu_us_per_forwarded",
    "thread_us_per_forwarded",
    "latency_p50_us",
    "latency_p99_us",
    "latency_p999_us",
    "rss_mib",
)
Figures = dict[str, Any]


def results_table(title: str, results: Sequence[BenchResult]) -> Table:
    """A column for each measurement."""
    table = Table(title=f"rtpfwd bench {title}")
    table.add_column("")
    for result in results:
        table.add_column(f"{result.suite}\n{result.plane}, {result.load}", justify="right")
    rows: list[tuple[str, Callable[[BenchResult], str]]] = [
        ("scenario", lambda one: one.scenario),
        ("connected by", lambda one: one.handshake),
        ("connecting took", lambda one: f"{one.connect_s:.2f} s"),
        ("published a second", lambda one: f"{one.rate:,.0f}"),
        ("server kept up", lambda one: "yes" if one.borne else "[red]no"),
        ("measured for", lambda one: f"{one.seconds:.1f} s"),
        ("packets in", lambda one: f"{one.packets_in:,}"),
        ("forwarded", lambda one: f"{one.forwarded:,}"),
        ("[bold]forwarded a second", lambda one: f"[bold]{one.forwarded_per_s:,.0f}"),
        ("[bold]CPU for each", lambda one: f"[bold]{one.cpu_us_per_forwarded:.2f} µs"),
        ("of it in the plane's thread", lambda one: f"{one.thread_us_per_forwarded:.2f} µs"),
        ("of it in the kernel", lambda one: f"{one.system_share:.0%}"),
        ("CPU of the server", lambda one: f"{one.cpu_share:.0%}"),
        ("its core", lambda one: "any" if one.server_core is None else str(one.server_core)),
        ("loss", lambda one: f"{one.loss:.4%}"),
        ("latency p50", lambda one: _ms(one.latency_p50_us)),
        ("latency p99", lambda one: _ms(one.latency_p99_us)),
        ("latency p99.9", lambda one: _ms(one.latency_p999_us)),
        ("latency, worst", lambda one: _ms(one.latency_max_us)),
        ("server's loop late by", lambda one: _ms(one.loop_lag_us)),
        ("dropped by the kernel", lambda one: str(one.kernel_drops)),
        ("failed sends", lambda one: str(one.send_errors)),
        ("memory of the server", lambda one: f"{one.rss_mib:.0f} MiB"),
    ]
    for name, value in rows:
        table.add_row(name, *(value(one) for one in results))
    return table


def isolation_table(title: str, found: Sequence[Disturbance]) -> Table:
    """A row for each nuisance."""
    table = Table(title=f"rtpfwd bench isolation: {title}")
    for name in ("nuisance", "p50", "p99", "p99.9", "p99 to peace", "loss"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            one.nuisance,
            _ms(one.latency_p50_us),
            _ms(one.latency_p99_us),
            _ms(one.latency_p999_us),
            f"{one.p99_ratio:.2f}",
            f"{one.loss:.4%}",
        )
    return table


def comparison(before: Path, after: Path) -> list[Figures]:
    """Ratios (second file to first) of what both have measured: by scenario, suite, plane and load. Raises
    ``InvalidParameters`` for files that are not of this bench, or have nothing in common.
    """
    first, second = _read(before), _read(after)
    found: list[Figures] = []
    for key in [key for key in first if key in second]:
        ratios = {
            name: second[key][name] / first[key][name]
            for name in COMPARED
            if first[key].get(name) and name in second[key]
        }
        found.append({"what": " ".join(key), "ratios": ratios})
    if not found:
        raise InvalidParameters(f"{before} and {after} have measured nothing in common")
    return found


def comparison_table(before: Path, after: Path, found: Sequence[Figures]) -> Table:
    """Ratios as a table; a ratio below 1 is less in the second."""
    table = Table(title=f"{after.name} to {before.name}")
    table.add_column("")
    for name in COMPARED:
        table.add_column(name.replace("_", " "), justify="right")
    for one in found:
        cells = [one["ratios"].get(name) for name in COMPARED]
        table.add_row(one["what"], *("" if cell is None else f"{cell:.2f}" for cell in cells))
    return table


def _read(path: Path) -> dict[tuple[str, ...], Figures]:
    try:
        given = json.loads(path.read_text())
        return {
            tuple(str(one[name]) for name in ("scenario", "suite", "plane", "load")): one for one in given
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidParameters(f"{path}: not the JSON of a bench ({type(error).__name__})") from None


def _ms(us: int) -> str:
    return f"{us / 1000:.2f} ms"
