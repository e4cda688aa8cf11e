"""The command: a capture and other settings in; what would have happened out.

Exit codes: 0 done; 1 the file could not be read, or not to its end (what could be read is played all the
same); 2 the command line is wrong.
"""

from __future__ import annotations

import io
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rtpfwd.capture.ingress import Ingress, read_ingress
from rtpfwd.cli.live.commands import WIDTH_OF_A_FILE, new_console
from rtpfwd.cli.live.tables import tunables_table
from rtpfwd.cli.recordings import Truncated, fail, read_items, reason
from rtpfwd.cli.tune.plot import draw
from rtpfwd.cli.tune.report import describe_recording, modelled_parts, recorded_parts
from rtpfwd.cli.tune.variants import (
    Variant,
    make_variants,
    parse_assignments,
    parse_sweeps,
    recorded_settings,
    spelled,
)
from rtpfwd.cli.tune.words import print_result
from rtpfwd.cli.tune.work import processors, run_all
from rtpfwd.drivers.netem import LinkSpec
from rtpfwd.drivers.recordings import is_foreign
from rtpfwd.drivers.whatif.call import Plan, lasting_s, playable
from rtpfwd.drivers.whatif.figures import spread
from rtpfwd.drivers.whatif.link_words import describe_link, parse_link
from rtpfwd.errors import CallerError, MalformedPacket
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.tunable_list import TUNABLES
from rtpfwd.sfu.tunables import flattened
from rtpfwd.wire.captures.items import CaptureItem

LEAST_S = 20.0
"""A short recording is played again until a run lasts so long, unless told otherwise."""
MAX_RUNS = 100_000
MAX_RUN_S = 6 * 3600
"""Longer runs come of broken times, or of a typing error."""
RECORDED = "recorded"
FEEDBACKS = ("transport-cc", "remb", "none")


def _list_settings(wanted: bool) -> None:
    if not wanted:
        return
    defaults = dict(flattened(WorkerSettings()))
    new_console().print(
        tunables_table(
            [
                {
                    "name": one.name, "value": defaults[one.name], "default": defaults[one.name],
                    "unit": one.unit, "lowest": one.lowest, "highest": one.highest, "scope": "tune",
                    "source": one.source, "about": one.about,
                }
                for one in TUNABLES.values()
            ]
        )
    )  # fmt: skip
    raise typer.Exit


def tune(
    file: Annotated[Path, typer.Argument(help="A recording of this program, or any capture with RTP.")],
    fixed: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting for all runs.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", metavar="NAME=V1,V2,...", help="A setting to try with each of these values."),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            help="Viewers' links: clean, wifi, lte, dsl, 3g, congested, satellite, lossy, lossy-1 ... "
            "lossy-20, bursty-5, reordering, or figures: rate=1M,delay=40ms,loss=2% (also jitter, queue, "
            "burst, reorder, duplicate), or both. May be given several times. [default: clean]"
        ),
    ] = None,
    uplink: Annotated[
        str, typer.Option(help="The publishers' link: recorded (what was lost is lost again), or as --link.")
    ] = RECORDED,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Runs of each variant.")] = 5,
    viewers: Annotated[int, typer.Option(min=1, max=100, help="Receivers of everything.")] = 1,
    repeat: Annotated[
        int, typer.Option(min=0, max=10_000, help="Play it so often. 0: until a run lasts 20 s.")
    ] = 0,
    feedback: Annotated[
        str, typer.Option(help=f"What viewers tell of their downlink: {', '.join(FEEDBACKS)}.")
    ] = FEEDBACKS[0],
    streams: Annotated[
        Path | None, typer.Option(help="For a foreign capture: a description of its streams (TOML).")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, max=256, help="Processes. 0: one for each processor.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the figures: an .svg file, or a directory to put it in.")
    ] = None,
    _settings: Annotated[
        bool,
        typer.Option(
            "--settings", callback=_list_settings, is_eager=True, help="List the settings, and stop."
        ),
    ] = False,
) -> None:
    """Play a capture through the whole server with other settings, towards modelled receivers."""
    target = None if plot is None else _plot_target(plot, file)
    links = link or ["clean"]
    if feedback not in FEEDBACKS:
        fail("tune", f"--feedback {feedback}: need one of {', '.join(FEEDBACKS)}", 2)
    try:
        set_values, sweeps = parse_assignments(fixed or []), parse_sweeps(sweep or [])
        up = None if uplink == RECORDED else parse_link(uplink)
        make_variants(WorkerSettings(), links, set_values, sweeps)
        description = None if streams is None else _text_of(streams)
    except CallerError as error:
        fail("tune", str(error), 2)
    ingress, error_text = _read(file, description)
    try:
        producers, notes = playable(ingress)
    except MalformedPacket as error:
        fail("tune", reason(file, error))
    base, left_out = recorded_settings(ingress.settings, ingress.limits)
    try:
        variants = make_variants(base, links, set_values, sweeps)
    except CallerError as error:
        fail("tune", f"with the recorded settings: {error}", 2)
    times = repeat or max(math.ceil(LEAST_S / lasting_s(ingress.duration_us, 1)), 1)
    if lasting_s(ingress.duration_us, times) > MAX_RUN_S:
        fail(
            "tune",
            f"{file}: a run would last {lasting_s(ingress.duration_us, times):.0f} s: {MAX_RUN_S} at most",
        )
    if len(variants) * seeds > MAX_RUNS:
        fail("tune", f"{len(variants) * seeds} runs: {MAX_RUNS} at most", 2)
    plans = [_plan(one, ingress, up, viewers, times, feedback, set_values) for one in variants]
    begun = time.perf_counter()
    runs = run_all(producers, ingress.duration_us, plans, seeds, jobs or processors(), _progress(begun))
    document: dict[str, Any] = {
        "file": str(file),
        "error": error_text,
        "recorded": describe_recording(ingress, producers),
        "recordedParts": recorded_parts(ingress, up),
        "modelledParts": modelled_parts(up, feedback),
        "repeat": times,
        "secondsEach": round(lasting_s(ingress.duration_us, times), 3),
        "viewers": viewers,
        "seeds": seeds,
        "runs": len(plans) * seeds,
        "tookSeconds": round(time.perf_counter() - begun, 3),
        "links": {name: describe_link(parse_link(name)) for name in links}
        | ({"(uplink) " + uplink: describe_link(up)} if up is not None else {}),
        "set": {name: spelled(name, value) for name, value in set_values.items()},
        "notes": notes + left_out + _skipped(ingress),
        "variants": [
            {
                "label": one.label(with_link=len(links) > 1),
                "link": one.link_name,
                "settings": dict(set_values) | dict(one.varied),
                "figures": spread(figures).to_json(),
            }
            for one, figures in zip(variants, runs, strict=True)
        ],
    }
    _print(document, as_json)
    if target is not None:
        _write(target, draw(document))
    if error_text is not None:
        fail("tune", f"{file}: {error_text}")


def _skipped(ingress: Ingress) -> list[str]:
    if not ingress.skipped:
        return []
    return [f"{ingress.skipped} packets are left out: encrypted, cut off, or of streams that nobody knows"]


def _read(file: Path, description: str | None) -> tuple[Ingress, str | None]:
    """What was recorded, and what broke the file off, if something did."""
    broken: list[str] = []

    def items() -> Iterator[CaptureItem]:
        try:
            yield from read_items(file)
        except Truncated as error:
            broken[:] = [str(error)]

    try:
        ingress = read_ingress(items, foreign=is_foreign(file), description=description)
    except CallerError as error:
        fail("tune", str(error), 2)
    except (OSError, MalformedPacket) as error:
        fail("tune", reason(file, error))
    return ingress, broken[0] if broken else None


def _plan(
    variant: Variant,
    ingress: Ingress,
    uplink: LinkSpec | None,
    viewers: int,
    times: int,
    feedback: str,
    fixed: dict[str, Any],
) -> Plan:
    mine = fixed.keys() | variant.varied.keys()
    changes = tuple(one for one in ingress.changes if one.name not in mine)
    return Plan(variant.settings, variant.link, uplink, viewers, times, feedback, changes)


def _progress(begun: float) -> Any:
    """Tells on stderr how far it is: in one line of a terminal, else every ten seconds."""
    last = [begun]

    def tell(done: int, total: int) -> None:
        now = time.perf_counter()
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r{done} of {total} runs, {now - begun:.0f} s{end}")
            sys.stderr.flush()
        elif now - last[0] > 10:
            last[0] = now
            typer.echo(f"{done} of {total} runs", err=True)

    return tell


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    print_result(document, Console(width=width, markup=False, highlight=False))


def _plot_target(plot: Path, file: Path) -> Path:
    if plot.suffix.lower() == ".svg":
        return plot
    if plot.suffix and not plot.is_dir():
        fail("tune", f"--plot {plot}: plots are .svg, give such a name or a directory", 2)
    return plot / f"{file.name.partition('.')[0]}-tune.svg"


def _write(target: Path, picture: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(picture, encoding="utf-8")
    except OSError as error:
        fail("tune", reason(target, error))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail("tune", reason(path, error))
    except UnicodeDecodeError:
        fail("tune", f"{path}: not UTF-8")
