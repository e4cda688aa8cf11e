"""Pictures of an outcome: rates above, delay below."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from tests.congestion.simulation.scenario import Outcome

matplotlib.use("Agg")
from matplotlib import pyplot


def plot(outcome: Outcome, folder: Path) -> Path:
    """Write ``<name>.png`` into ``folder``; returns its path."""
    figure, (rates, delays) = pyplot.subplots(
        2, 1, sharex=True, figsize=(11, 6.5), height_ratios=(3, 1), layout="constrained"
    )
    seconds = outcome.trace.seconds
    rates.step(
        seconds, [outcome.link.capacity_at(at) / 1e6 for at in seconds], "k", label="capacity", where="post"
    )
    for number, flow in enumerate(outcome.flows):
        colour = f"C{number}"
        rates.plot(seconds, [x / 1e6 for x in flow.trace.sent], color=colour, alpha=0.25, linewidth=0.7)
        rates.plot(
            seconds, [x / 1e6 for x in flow.trace.target], color=colour, label=f"estimate {number + 1}"
        )
        delays.plot(
            [at for at, _ in flow.trace.waits_ms],
            [wait for _, wait in flow.trace.waits_ms],
            ".",
            color=colour,
            markersize=1,
        )
    highest = max(outcome.link.capacity_at(at) for at in seconds) / 1e6
    rates.set_ylim(0, highest * 1.6)
    rates.set_ylabel("Mbit/s")
    rates.set_title(outcome.scenario.name)
    rates.legend(loc="upper right")
    delays.set_ylabel("queue, ms")
    delays.set_xlabel("s")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (outcome.scenario.name.replace(" ", "_").replace(",", "").replace("/", "-") + ".png")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
    return path
