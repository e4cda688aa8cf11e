"""Plots over time as SVG text: areas, lines and marks, coloured by the page's style sheet.

All texts are escaped here; the numbers are ours. Nothing is loaded and nothing runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from rtpfwd.inspection.report import Plot

WIDTH, HEIGHT = 560, 170
WIDE = 1100
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 24
COLOURS = 8
TICKS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot. ``fill``: the area below it too. ``gaps``: nothing was there, so the value is 0."""

    name: str
    plot: Plot
    colour: int = 0
    fill: bool = False
    gaps: bool = False
    bars: bool = False


def chart(
    title: str,
    lines: Sequence[Line],
    duration_s: float,
    unit: Callable[[float], str],
    marks: Sequence[tuple[float, str]] = (),
    width: int = WIDTH,
) -> str:
    """A plot with both axes, as an SVG element; ``marks`` are times in seconds with a text each."""
    highest = max((value for line in lines for _, value in line.plot.points), default=0.0)
    steps = ticks(highest)
    top = steps[-1]
    longest = max(duration_s, *(line.plot.width_s for line in lines), 1e-3)

    def x(time_s: float) -> float:
        return LEFT + min(max(time_s / longest, 0.0), 1.0) * (width - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - min(value / top, 1.0) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for value in steps:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 3.5:.1f}" text-anchor="end">'
            f"{escape(unit(value))}</text>"
        )
    for value in ticks(longest):
        if value <= longest:
            parts.append(
                f'<text class="tick" x="{x(value):.1f}" y="{HEIGHT - 7}" text-anchor="middle">'
                f"{value:g} s</text>"
            )
    for time_s, text in marks:
        parts.append(
            f'<line class="mark" x1="{x(time_s):.1f}" x2="{x(time_s):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
            f"<title>{escape(text)}</title></line>"
        )
    for line in lines:
        parts.append(_bars(line, x, y) if line.bars else _curve(line, x, y))
    return "".join(parts) + "</svg>"


Scale = Callable[[float], float]


def _curve(line: Line, x: Scale, y: Scale) -> str:
    points = _without_gaps(line.plot) if line.gaps else list(line.plot.points)
    if not points:
        return ""
    half = line.plot.width_s / 2
    path = " ".join(f"{x(time_s + half):.1f},{y(value):.1f}" for time_s, value in points)
    name = f"<title>{escape(line.name)}</title>"
    colour = f"c{line.colour % COLOURS}"
    drawn = ""
    first, last, bottom = x(points[0][0] + half), x(points[-1][0] + half), y(0)
    if line.fill:
        corners = f"{first:.1f},{bottom:.1f} {path} {last:.1f},{bottom:.1f}"
        drawn = f'<polygon class="area {colour}" points="{corners}"/>'
    if len(points) == 1:
        drawn += f'<circle class="dot {colour}" cx="{first:.1f}" cy="{y(points[0][1]):.1f}" r="2.5"/>'
    return f'<g>{name}{drawn}<polyline class="line {colour}" points="{path}"/></g>'


def _bars(line: Line, x: Scale, y: Scale) -> str:
    bars = []
    for time_s, value in line.plot.points:
        wide = max(x(time_s + line.plot.width_s) - x(time_s) - 1, 1.5)
        bars.append(
            f'<rect class="bar c{line.colour % COLOURS}" x="{x(time_s):.1f}" y="{y(value):.1f}" '
            f'width="{wide:.1f}" height="{max(y(0) - y(value), 0):.1f}"/>'
        )
    return f"<g><title>{escape(line.name)}</title>{''.join(bars)}</g>"


def _without_gaps(plot: Plot) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for time_s, value in plot.points:
        if points and time_s - points[-1][0] > 1.5 * plot.width_s:
            points.append((points[-1][0] + plot.width_s, 0.0))
            if time_s - points[-1][0] > 1.5 * plot.width_s:
                points.append((time_s - plot.width_s, 0.0))
        points.append((time_s, value))
    return points


def ticks(highest: float) -> list[float]:
    """0 and up to five round numbers, the last at or above ``highest``."""
    if highest <= 0:
        return [0.0, 1.0]
    step = 10.0 ** floor(log10(highest / TICKS))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if step * factor * TICKS >= highest * 0.999)
    return [step * index for index in range(ceil(highest * 0.999 / step) + 1)]
