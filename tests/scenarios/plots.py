"""Timelines as pictures: rates, waiting time, layers, one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from tests.scenarios.timeline import Timeline

PLOTS = Path(__file__).parents[2] / "test-output" / "plots"
COLOURS = ("#0b62a4", "#c2410c", "#15803d", "#7e22ce")
CAPACITY, GRID, TEXT = "#dbe4ee", "#d4d4d4", "#262626"
QUEUE_LIMIT_MS = 100
TEMPORAL_LAYERS = 3
BESIDE = 0.35
"""Of a rung: how far the second line is above the first, so that neither hides the other."""
SMOOTH = 5  # samples: half a second


def plot(
    name: str,
    title: str,
    timelines: Sequence[Timeline],
    *,
    layer_names: Sequence[Sequence[str]],
    watched_names: Sequence[str] = (),
    folder: Path = PLOTS,
) -> Path:
    """Write ``name``.png, 1000 pixels wide; ``layer_names`` has, for each thing watched, its spatial layers,
    lowest first. Timelines share a link when they are several.
    """
    folder.mkdir(parents=True, exist_ok=True)
    style = {"font.size": 10.5, "axes.edgecolor": "#8a8a8a", "text.color": TEXT, "axes.labelcolor": TEXT}
    with plt.rc_context(style):
        figure, (rates, queue, layers) = plt.subplots(
            3, 1, sharex=True, figsize=(10, 8.4), dpi=100, height_ratios=(3, 1.5, 2.4), layout="constrained"
        )
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
        _rates(rates, timelines)
        _queue(queue, timelines)
        _layers(layers, timelines, layer_names, watched_names)
        layers.set_xlabel("time, seconds")
        layers.set_xlim(0, max(line.times_s[-1] for line in timelines))
        for axes in (rates, queue, layers):
            axes.grid(True, color=GRID, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        figure.align_ylabels()
        path = folder / f"{name}.png"
        figure.savefig(path)
        plt.close(figure)
    return path


def _rates(axes: Axes, timelines: Sequence[Timeline]) -> None:
    first = timelines[0]
    capacity = [bps / 1e6 for bps in first.capacity_bps]
    axes.fill_between(first.times_s, capacity, step="pre", color=CAPACITY, label="link capacity")
    top = 0.0
    for line, colour in zip(timelines, COLOURS, strict=False):
        whose = f", {line.name}" if len(timelines) > 1 else ""
        sent = [bps / 1e6 for bps in _smooth(line.sent_bps)]
        estimate = [float("nan") if bps is None else bps / 1e6 for bps in line.estimate_bps]
        axes.plot(line.times_s, sent, color=colour, alpha=0.55, linewidth=1.2, label=f"sent{whose}")
        axes.plot(line.times_s, estimate, color=colour, linewidth=2.0, label=f"estimate{whose}")
        top = max([top, *sent, *(bps for bps in estimate if bps == bps)])
    if capacity and max(capacity) > 2.5 * top:
        axes.set_ylim(0, 1.4 * top)  # a link that nobody fills would flatten everything else
    else:
        axes.set_ylim(0, 1.12 * max([top, *capacity]))
    axes.set_ylabel("Mbit/s")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.16), ncols=5, frameon=False, borderaxespad=0)


def _queue(axes: Axes, timelines: Sequence[Timeline]) -> None:
    for line, colour in zip(timelines, COLOURS, strict=False):
        axes.plot(line.times_s, line.queue_ms, color=colour, linewidth=1.1)
    axes.axhline(QUEUE_LIMIT_MS, color="#b91c1c", linewidth=1, linestyle=(0, (5, 3)))
    axes.annotate(
        "goal: 95 % below 100 ms", (1, QUEUE_LIMIT_MS), xycoords=("axes fraction", "data"), ha="right",
        xytext=(-4, 5), textcoords="offset points", color="#b91c1c", fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
    )  # fmt: skip
    highest = max(max(line.queue_ms) for line in timelines)
    axes.set_ylim(0, max(150.0, 1.1 * highest))
    axes.set_ylabel("queue wait, ms")


def _layers(
    axes: Axes, timelines: Sequence[Timeline], layer_names: Sequence[Sequence[str]], names: Sequence[str]
) -> None:
    """A lane for each spatial layer, in it a rung for each temporal layer."""
    count = 0
    lanes = max(len(names) for names in layer_names)
    for line in timelines:
        for index in range(len(line.shown[-1])):
            colour, beside = COLOURS[count % len(COLOURS)], count * BESIDE
            count += 1
            labels = [line.name] * (len(timelines) > 1) + list(names[index : index + 1])
            whose = f", {' '.join(labels)}" if labels else ""
            chosen = [_rung(_get(sample, index)) + beside for sample in line.chosen]
            shown = [_rung(_get(sample, index)) + beside for sample in line.shown]
            axes.step(
                line.times_s, chosen, where="pre", color=colour, linewidth=1.0, alpha=0.6,
                label=f"sent{whose}",
            )  # fmt: skip
            axes.scatter(line.times_s, shown, s=7, color=colour, linewidths=0, label=f"on the screen{whose}")
    for lane in range(lanes):
        axes.axhspan(lane * 4 - 0.6, lane * 4 + 2.6, color="#f4f4f5", zorder=0)
    ticks, texts = [-3.0], ["nothing"]
    for lane, name in enumerate(layer_names[0]):
        ticks += [lane * 4 + rung for rung in range(TEMPORAL_LAYERS)]
        texts += ["T0", f"{name}  T1", "T2"]
    axes.set_yticks(ticks, texts, fontsize=9)
    axes.set_ylim(-4, lanes * 4 - 0.5)
    axes.set_ylabel("layer")
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, 1.17), ncols=4, frameon=False, borderaxespad=0, markerscale=2
    )


def _rung(layer: tuple[int, int] | None) -> float:
    return -3.0 if layer is None else layer[0] * 4 + layer[1]


def _get(sample: list[tuple[int, int] | None], index: int) -> tuple[int, int] | None:
    return sample[index] if index < len(sample) else None


def _smooth(values: Sequence[float]) -> list[float]:
    return [sum(values[max(i - SMOOTH + 1, 0) : i + 1]) / min(i + 1, SMOOTH) for i in range(len(values))]
