"""Bandwidth in virtual time, as a table and as pictures: ``python -m tests.scenarios.bandwidth [NAME ...]``.

Prints what was promised and what was found, and writes test-output/bandwidth-report.md and a picture of each
scene to test-output/plots/. Everything is a function of the seeds.
"""

from __future__ import annotations

import sys
import time

from tests.scenarios.bandwidth_scenarios import SCENARIOS
from tests.scenarios.outcome import Outcome
from tests.scenarios.plots import PLOTS, plot

REPORT = PLOTS.parent / "bandwidth-report.md"


def rows(name: str, outcome: Outcome) -> list[str]:
    """Markdown, a line for each check."""
    return [
        f"| {name} | {check.statement} | {check.found} | {'yes' if check.holds else '**no**'} |"
        for check in outcome.checks
    ]


def main(names: list[str]) -> int:
    """Run these scenarios, or all; the number of checks that do not hold."""
    lines = ["| scenario | what has to hold | found | holds |", "| --- | --- | --- | --- |"]
    failed = 0
    for name in names or list(SCENARIOS):
        began = time.perf_counter()
        outcome = SCENARIOS[name]()
        taken = time.perf_counter() - began
        plot(
            name,
            outcome.title,
            outcome.timelines,
            layer_names=outcome.layer_names,
            watched_names=outcome.watched_names,
        )
        lines += rows(name, outcome)
        failed += sum(not check.holds for check in outcome.checks)
        print(f"{name}: {outcome.title} ({taken:.1f} s)")
        for check in outcome.checks:
            print(f"  {'ok  ' if check.holds else 'FAIL'} {check.statement}: {check.found}")
    if not names:
        REPORT.write_text("\n".join(lines) + "\n")
    print(f"{failed} checks do not hold; pictures in {PLOTS}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
