"""How well media gets through, as a table: ``python -m tests.scenarios.report``.

It is printed and written to test-output/repair-report.md. Everything is a function of the seeds, so that the
table is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.netem import PRESETS, LinkSpec
from tests.scenarios.measure import NEAR, Result, Scenario, measure

REPORT = Path(__file__).parents[2] / "test-output" / "repair-report.md"
SMALLER = {"packets_per_frame": 3, "payload_bytes": 1000}


def scenarios() -> list[Scenario]:
    """All rows; round trips are 50 ms on either hop unless the name says more."""
    rows = []
    for percent, duration_s in ((1, 60.0), (5, 30.0), (10, 30.0), (20, 30.0)):
        lossy = replace(NEAR, loss=percent / 100)
        rows += [
            Scenario(f"{percent} % loss, uplink", uplink=lossy, duration_s=duration_s),
            Scenario(f"{percent} % loss, downlink", downlink=lossy, duration_s=duration_s),
            Scenario(f"{percent} % loss, both", uplink=lossy, downlink=lossy, duration_s=duration_s),
        ]
    runs = replace(NEAR, loss=0.05, loss_burst=5)
    shaken = replace(NEAR, reorder=0.05)
    both = replace(shaken, loss=0.02, duplicate=0.05)
    far = LinkSpec(delay_us=milliseconds(200), jitter_us=milliseconds(100), loss=0.01)
    rows += [
        Scenario("5 % loss in runs of 5, both", uplink=runs, downlink=runs),
        Scenario("20 packets lost every 5 s, both", burst=(seconds(5), 20)),
        Scenario("5 % reordered by 3-30, uplink", uplink=shaken),
        Scenario("5 % reordered, 5 % doubled, 2 % lost, both", uplink=both, downlink=both),
        Scenario("500 ms round trip, 100 ms jitter, 1 % loss, both", uplink=far, downlink=far),
    ]
    for name in ("wifi", "lte", "satellite"):
        rows.append(Scenario(f"{name}, both", uplink=PRESETS[name], downlink=PRESETS[name]))
    rows.append(Scenario("dsl-upload, uplink", uplink=PRESETS["dsl-upload"], video=SMALLER))
    return rows


def table(results: Iterable[tuple[Scenario, Result]]) -> str:
    """Markdown."""
    columns = (
        "scenario",
        "packets",
        "residual loss",
        "repair p50",
        "p95",
        "sent again up",
        "down",
        "needless NACKs",
        "key frames",
        "longest freeze",
    )
    lines = [f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"]
    for scenario, result in results:
        up, down = result.overhead
        needless = f"{result.falsely_nacked} of {result.nacked}" if result.nacked else "-"
        cells = [
            scenario.name,
            str(result.sent),
            f"{result.residual:.3%}",
            _ms(result.late(0.5)),
            _ms(result.late(0.95)),
            f"{up:.1%}",
            f"{down:.1%}",
            needless,
            str(result.key_frames),
            _ms(result.longest_freeze_us),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    text = table((scenario, measure(scenario)) for scenario in scenarios())
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"# Repair, measured in virtual time\n\n{text}", encoding="utf-8")
    print(text)


def _ms(duration_us: int) -> str:
    return f"{duration_us / 1000:.0f} ms" if duration_us else "-"


if __name__ == "__main__":
    main()
