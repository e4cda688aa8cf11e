"""The command: options in, table or JSON out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rtpfwd.cli.bench.control import ControlBenchResult, ControlBenchSettings, run_control
from rtpfwd.cli.bench.measure import BenchSettings, run
from rtpfwd.cli.bench.replay import ReplayBenchSettings, run_replay
from rtpfwd.cli.bench.tables import comparison, comparison_table, isolation_table, results_table
from rtpfwd.cli.bench.trials import run_isolation, run_leak, run_memory, run_scale
from rtpfwd.errors import RtpfwdError
from rtpfwd.protocols.srtp import Profile


class Suite(StrEnum):
    """The SRTP suites worth comparing."""

    GCM = "gcm"
    CM = "cm"


PROFILES = {Suite.GCM: Profile.AEAD_AES_128_GCM, Suite.CM: Profile.AES_CM_128_HMAC_SHA1_80}
CONTROL = "control"
REPLAY = "replay"
TRIALS = ("isolation", "scale", "memory", "leak")
SCENARIO = re.compile(r"(1x|room|simulcast)([1-9][0-9]{0,3})")
SIMULCAST = "simulcast"
SIMULCAST_CONSUMERS = 30


def bench(
    scenario: Annotated[
        str,
        typer.Argument(
            help="1xN: one publisher, N subscribers. roomN: N who all see each other. simulcast: one "
            "publisher of three encodings, 30 subscribers. control: bandwidth estimates alone. replay: "
            "how fast a recording is replayed. isolation: latency beside a busy Python. scale: to 1,000 "
            "subscribers, 200 rooms. memory: of idle peers. leak: create, connect, close."
        ),
    ] = "1x100",
    suite: Annotated[
        list[Suite] | None, typer.Option(help="SRTP suite; give it twice for both. Default: both.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, help="Packets a second published. Default: the highest borne.")
    ] = None,
    half: Annotated[
        bool, typer.Option("--half/--no-half", help="Measure at half of the highest rate, too.")
    ] = True,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to measure.")] = 5.0,
    packet_bytes: Annotated[int, typer.Option(min=100, max=1400, help="Size of an RTP packet.")] = 1200,
    keys_given: Annotated[
        bool, typer.Option("--keys-given", help="Set SRTP keys by hand instead of DTLS handshakes.")
    ] = False,
    plane: Annotated[
        list[str] | None,
        typer.Option(help="Data plane, the best there is unless told; give it twice for both."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Of the native plane, for several rooms.")] = 1,
    rooms: Annotated[int, typer.Option(min=1, max=1000, help="So many of the scenario at once.")] = 1,
    cycles: Annotated[int, typer.Option(min=10, help="Of leak.")] = 10_000,
    profile: Annotated[
        Path | None, typer.Option(help="Profile the server with cProfile into this file (slows it down).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Measure nothing: print the ratios of two files written with --json."),
    ] = None,
) -> None:
    """Measure forwarding over real sockets on loopback: the server in a process of its own, on a core of its
    own.

    Loss and latency are the clients', CPU and memory the server's; loopback makes the sender do the
    receiver's half of the kernel's work too. The scenario ``control`` needs no socket: it takes the time of a
    hundred bandwidth estimators, and heeds no option but ``--json``. Nor does ``replay``, but ``--plane``.
    """
    try:
        if compare is not None:
            _print_comparison(*compare, as_json)
        elif scenario == REPLAY:
            _print_replay(plane[0] if plane else "reference", as_json)
        elif scenario == CONTROL:
            _print_control(run_control(ControlBenchSettings()), as_json)
        else:
            shape = _shape("1x50" if scenario in TRIALS else scenario)
            settings = [
                BenchSettings(
                    profile=PROFILES[one],
                    packet_bytes=packet_bytes,
                    rate=rate,
                    seconds=seconds,
                    keys_given=keys_given,
                    plane=name,
                    profile_path=str(profile) if profile is not None else None,
                    threads=threads,
                    rooms=rooms,
                    half=half,
                    scenario=scenario if rooms == 1 else f"{rooms} x {scenario}",
                    **shape,
                )
                for name in (dict.fromkeys(plane) if plane else (None,))
                for one in dict.fromkeys(suite or ([Suite.GCM] if scenario in TRIALS else list(Suite)))
            ]
            _run(scenario, settings, cycles, as_json)
    except (RtpfwdError, OSError) as error:
        typer.echo(f"rtpfwd bench: {error}", err=True)
        raise typer.Exit(1) from None


def _shape(scenario: str) -> dict[str, Any]:
    match = SCENARIO.fullmatch(f"{SIMULCAST}{SIMULCAST_CONSUMERS}" if scenario == SIMULCAST else scenario)
    if match is None:
        raise typer.BadParameter(
            f"{scenario!r}: need control, replay, {', '.join(TRIALS)}, simulcast, "
            "or 1xN or roomN, N from 1 to 9999",
            param_hint="scenario",
        )
    kind, count = match[1], int(match[2])
    if kind == "room" and count == 1:
        raise typer.BadParameter("a room needs two", param_hint="scenario")
    if kind == "room":
        return {"consumers": count - 1, "publishers": count}
    return {"consumers": count, "simulcast": kind == SIMULCAST}


def _run(scenario: str, settings: list[BenchSettings], cycles: int, as_json: bool) -> None:
    if scenario == "isolation":
        found = run_isolation(settings[0])
        _print(found, as_json, lambda: isolation_table("1x50", found))
    elif scenario == "memory":
        memory = run_memory(settings[0])
        _print(
            [memory],
            as_json,
            lambda: (
                f"{memory.peers} idle peers of two transports: {memory.kib_per_peer:.0f} KiB each, "
                f"{memory.before_mib:.1f} MiB before, {memory.after_mib:.1f} MiB after"
            ),
        )
    elif scenario == "leak":
        leak = run_leak(settings[0], cycles)
        _print(
            [leak],
            as_json,
            lambda: (
                f"{leak.cycles} transports made, connected and closed: {leak.grown_kib} KiB more than after "
                f"the first {leak.warm_up}, {leak.bytes_per_cycle:.0f} bytes each; descriptors, sessions and "
                "tables: "
                f"{'as before' if leak.clean else f'{leak.before} became {leak.after}'}"
            ),
        )
    else:
        ways = run_scale if scenario == "scale" else run
        results = [result for one in settings for result in ways(one)]
        _print(results, as_json, lambda: results_table(scenario, results))


def _print(results: Sequence[Any], as_json: bool, text: Callable[[], Table | str]) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        Console().print(text(), highlight=False)


def _print_comparison(before: Path, after: Path, as_json: bool) -> None:
    found = comparison(before, after)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console().print(comparison_table(before, after, found))


def _print_control(result: ControlBenchResult, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2))
        return
    typer.echo(
        f"{result.transports} transports, feedback about {result.packets} packets:"
        f" {result.cpu_us_per_feedback:.0f} µs each; {result.cpu_us_per_allocation:.0f} µs an allocation;"
        f" ten and four a second for each transport take {result.core_share:.1%} of a core"
    )


def _print_replay(plane: str, as_json: bool) -> None:
    result = run_replay(ReplayBenchSettings(plane=plane))
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2))
        return
    typer.echo(
        f"{result.plane} plane: {result.packets_per_second:.0f} packets a second by the clock, "
        f"{result.packets_per_cpu_second:.0f} by CPU time; {result.call_seconds:.0f} s of call, "
        f"{result.times_faster_than_life:.0f} times faster than life; "
        f"memory grew by {result.grown_kib} KiB after the first round"
    )
