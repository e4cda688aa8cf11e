"""The figures of a result as one SVG: a small plot for each, a dot for the median and a bar from the tenth to
the ninetieth percentile for each variant. Figures that are the same in all of them are left out. Nothing is
loaded and nothing runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rtpfwd.cli.inspect.plots import ticks
from rtpfwd.cli.inspect.words import plain
from rtpfwd.cli.tune.variants import spelled
from rtpfwd.cli.tune.words import FIGURES

PANEL, HEIGHT, ACROSS = 300, 226, 3
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 30, 64
HEAD, LINE = 40, 17
COLOURS = ("#2f6fde", "#d9632a", "#1f9a6d", "#cc3750", "#8256d0", "#b58a00", "#1494a8", "#6d7686")
SHORT_LABEL = 14
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#3d4655}.t{font-weight:600;font-size:12px;fill:#1b2230}"
    ".h{font-weight:600;font-size:15px;fill:#1b2230}.g{stroke:#e1e5eb}.s{fill:#5d6778}"
)


def draw(document: dict[str, Any]) -> str:
    """The plot of a document as ``rtpfwd tune --json`` prints it."""
    variants = document["variants"]
    known = [
        (key, name, unit)
        for key, name, unit in FIGURES
        if any(one["figures"][key] is not None and one["figures"][key]["p90"] for one in variants)
    ]
    shown = [one for one in known if _differ([variant["figures"][one[0]] for variant in variants])] or known
    rows = -(-max(len(shown), 1) // ACROSS)
    head = HEAD + LINE * len(document["links"])
    width, height = ACROSS * PANEL + 20, head + rows * HEIGHT + 26
    swept = sorted({name for one in variants for name in one["settings"] if name not in document["set"]})
    title = f"{', '.join(swept) or 'what if'} on {document['file'].rpartition('/')[2]}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(plain(title))}"><style>{_STYLE}</style>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="h" x="16" y="26">{escape(plain(title))}</text>',
    ]
    links = list(dict.fromkeys(one["link"] for one in variants))
    for row, (name, text) in enumerate(document["links"].items()):
        y = HEAD + LINE * row
        if name in links:
            parts.append(f'<circle cx="20" cy="{y}" r="4" fill="{_colour(links, name)}"/>')
        parts.append(f'<text class="s" x="30" y="{y + 4}">{escape(plain(f"{name}: {text}"))}</text>')
    for index, (key, name, unit) in enumerate(shown):
        x, y = 10 + index % ACROSS * PANEL, head + index // ACROSS * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(variants, swept, key, name, unit)}</g>')
    foot = (
        f"dots: median, bars: 10th to 90th percentile of {document['seeds']} seeds; "
        "recorded: the publishers' packets; modelled: links and viewers"
    )
    parts.append(f'<text class="s" x="16" y="{height - 10}">{escape(foot)}</text></svg>')
    return "".join(parts) + "\n"


def _differ(values: Sequence[dict[str, float] | None]) -> bool:
    return any(one != values[0] for one in values)


def _panel(variants: Sequence[dict[str, Any]], swept: Sequence[str], key: str, name: str, unit: str) -> str:
    values = [one["figures"][key] for one in variants]
    steps = ticks(max(one["p90"] for one in values if one is not None))
    top = steps[-1]
    step = (PANEL - LEFT - RIGHT) / len(variants)
    links = list(dict.fromkeys(one["link"] for one in variants))

    def height(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text class="t" x="{LEFT}" y="16">{escape(name)}{f", {escape(unit)}" if unit else ""}</text>']
    for value in steps:
        at = height(value)
        parts.append(
            f'<line class="g" x1="{LEFT}" x2="{PANEL - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    for index, (variant, value) in enumerate(zip(variants, values, strict=True)):
        x = LEFT + (index + 0.5) * step
        colour = _colour(links, variant["link"])
        words = [spelled(name, variant["settings"][name]) for name in swept] or [plain(variant["link"])]
        parts.append(_label(words, x, step))
        if value is None:
            continue
        low, middle, high = height(value["p10"]), height(value["p50"]), height(value["p90"])
        tip = f"{plain(variant['label'])}: {value['p50']:g} ({value['p10']:g} to {value['p90']:g})"
        parts.append(
            f'<g fill="{colour}" stroke="{colour}"><title>{escape(tip)}</title>'
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke-width="5" '
            f'stroke-opacity=".3" stroke-linecap="round"/>'
            f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="4"/></g>'
        )
    return "".join(parts)


def _colour(links: Sequence[str], name: str) -> str:
    return COLOURS[links.index(name) % len(COLOURS)]


def _label(words: Sequence[str], x: float, step: float) -> str:
    """The values that are tried, one line for each setting; slanted where it is narrow."""
    if step >= 44:
        lines = "".join(
            f'<tspan x="{x:.1f}" dy="{13 if row else 0}">{escape(word[:SHORT_LABEL])}</tspan>'
            for row, word in enumerate(words[:3])
        )
        return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{lines}</text>'
    y = HEIGHT - BOTTOM + 12
    text = escape(" ".join(words)[:SHORT_LABEL])
    return f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-40 {x:.1f} {y})">{text}</text>'
