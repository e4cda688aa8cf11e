"""``python -m tests.congestion.reference_scenarios [part of a name]``: run scenarios, print a table, draw."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.congestion.simulation.catalogue import product_cases, reference_cases
from tests.congestion.simulation.plots import plot
from tests.congestion.simulation.scenario import run

PLOTS = Path("test-output/plots")
WARM_UP_S = 10


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    table = Table(title="send-side estimate on simulated links")
    for name in (
        "scenario",
        "utilisation",
        "estimate/link",
        "queue p50",
        "p95 ms",
        "loss",
        "fairness",
        "falls",
    ):
        table.add_column(name, justify="left" if name == "scenario" else "right", no_wrap=True)
    for scenario in [*reference_cases(), *product_cases()]:
        if wanted not in scenario.name:
            continue
        outcome = run(scenario)
        plot(outcome, PLOTS)
        end = scenario.seconds
        table.add_row(
            scenario.name,
            f"{outcome.utilisation(WARM_UP_S, end):.0%}",
            " ".join(
                f"{outcome.share_of_link(WARM_UP_S, end, flow):.0%}" for flow in range(len(outcome.flows))
            ),
            f"{outcome.wait_ms(0.5):.0f}",
            f"{outcome.wait_ms(0.95):.0f}",
            f"{outcome.loss():.1%}",
            f"{outcome.fairness(end / 2, end):.2f}" if len(outcome.flows) > 1 else "",
            str(outcome.large_falls(WARM_UP_S, end)),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
