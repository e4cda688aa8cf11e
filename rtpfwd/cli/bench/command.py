"""The command: options in, table or JSON out."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rtpfwd.cli.bench.control import ControlBenchResult, ControlBenchSettings, run_control
from rtpfwd.cli.bench.measure import BenchResult, BenchSettings, run
from rtpfwd.cli.bench.replay import ReplayBenchSettings, run_replay
from rtpfwd.errors import RtpfwdError
from rtpfwd.protocols.srtp import Profile


class Suite(StrEnum):
    """The SRTP suites worth comparing."""

    GCM = "gcm"
    CM = "cm"


PROFILES = {Suite.GCM: Profile.AEAD_AES_128_GCM, Suite.CM: Profile.AES_CM_128_HMAC_SHA1_80}
CONTROL = "control"
REPLAY = "replay"
SCENARIO = re.compile(r"(1x|room)([1-9][0-9]{0,3})")


def bench(
    scenario: Annotated[
        str,
        typer.Argument(
            help="1xN: one publisher, N subscribers. roomN: N who all see each other. "
            "control: bandwidth estimates alone. replay: how fast a recording is replayed."
        ),
    ] = "1x100",
    suite: Annotated[
        list[Suite] | None, typer.Option(help="SRTP suite; give it twice for both. Default: both.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, help="Packets a second published. Default: the highest borne.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to measure.")] = 5.0,
    packet_bytes: Annotated[int, typer.Option(min=100, max=1400, help="Size of an RTP packet.")] = 1200,
    keys_given: Annotated[
        bool, typer.Option("--keys-given", help="Set SRTP keys by hand instead of DTLS handshakes.")
    ] = False,
    plane: Annotated[str | None, typer.Option(help="Data plane; the best there is unless told.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Profile the server with cProfile into this file (slows it down).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure forwarding over real sockets on loopback: the server in a process of its own, on a core of its
    own.

    Loss and latency are the clients', CPU and memory the server's; loopback makes the sender do the
    receiver's half of the kernel's work too. The scenario ``control`` needs no socket: it takes the time of a
    hundred bandwidth estimators, and heeds no option but ``--json``. Nor does ``replay``, but ``--plane``.
    """
    if scenario == REPLAY:
        _print_replay(plane, as_json)
        return
    if scenario == CONTROL:
        _print_control(run_control(ControlBenchSettings()), as_json)
        return
    match = SCENARIO.fullmatch(scenario)
    if match is None:
        raise typer.BadParameter(
            f"{scenario!r}: need control, replay, or 1xN or roomN, N from 1 to 9999", param_hint="scenario"
        )
    count = int(match[2])
    if match[1] == "room" and count == 1:
        raise typer.BadParameter("a room needs two", param_hint="scenario")
    settings = [
        BenchSettings(
            consumers=count if match[1] == "1x" else count - 1,
            publishers=1 if match[1] == "1x" else count,
            profile=PROFILES[one],
            packet_bytes=packet_bytes,
            rate=rate,
            seconds=seconds,
            keys_given=keys_given,
            plane=plane,
            profile_path=str(profile) if profile is not None else None,
        )
        for one in dict.fromkeys(suite or list(Suite))
    ]
    try:
        results = [run(one) for one in settings]
    except (RtpfwdError, OSError) as error:
        typer.echo(f"rtpfwd bench: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        Console().print(_table(scenario, results))


def _print_control(result: ControlBenchResult, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2))
        return
    typer.echo(
        f"{result.transports} transports, feedback about {result.packets} packets:"
        f" {result.cpu_us_per_feedback:.0f} µs each; {result.cpu_us_per_allocation:.0f} µs an allocation;"
        f" ten and four a second for each transport take {result.core_share:.1%} of a core"
    )


def _table(scenario: str, results: list[BenchResult]) -> Table:
    table = Table(title=f"rtpfwd bench {scenario}")
    table.add_column("")
    for result in results:
        table.add_column(result.suite, justify="right")
    rows = [
        ("connected by", [result.handshake for result in results]),
        ("connecting took", [f"{result.connect_s:.2f} s" for result in results]),
        ("rate", ["highest borne" if result.saturated else "as told" for result in results]),
        ("server kept up", ["yes" if result.borne else "[red]no" for result in results]),
        ("measured for", [f"{result.seconds:.1f} s" for result in results]),
        ("packets in", [f"{result.packets_in:,}" for result in results]),
        ("forwarded", [f"{result.forwarded:,}" for result in results]),
        ("[bold]forwarded a second", [f"[bold]{result.forwarded_per_s:,.0f}" for result in results]),
        ("[bold]CPU for each", [f"[bold]{result.cpu_us_per_forwarded:.2f} µs" for result in results]),
        ("of it in the plane's thread", [f"{result.thread_us_per_forwarded:.2f} µs" for result in results]),
        ("of it in the kernel", [f"{result.system_share:.0%}" for result in results]),
        ("CPU of the server", [f"{result.cpu_share:.0%}" for result in results]),
        (
            "its core",
            ["any" if result.server_core is None else str(result.server_core) for result in results],
        ),
        ("loss", [f"{result.loss:.4%}" for result in results]),
        ("latency p50", [f"{result.latency_p50_us / 1000:.2f} ms" for result in results]),
        ("latency p99", [f"{result.latency_p99_us / 1000:.2f} ms" for result in results]),
        ("latency, worst", [f"{result.latency_max_us / 1000:.2f} ms" for result in results]),
        ("server's loop late by", [f"{result.loop_lag_us / 1000:.2f} ms" for result in results]),
        ("dropped by the kernel", [str(result.kernel_drops) for result in results]),
        ("failed sends", [str(result.send_errors) for result in results]),
        ("memory of the server", [f"{result.rss_mib:.0f} MiB" for result in results]),
    ]
    for name, values in rows:
        table.add_row(name, *values)
    return table


def _print_replay(plane: str | None, as_json: bool) -> None:
    try:
        result = run_replay(ReplayBenchSettings(plane=plane or "reference"))
    except RtpfwdError as error:
        typer.echo(f"rtpfwd bench: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=2))
        return
    typer.echo(
        f"{result.plane} plane: {result.packets_per_second:.0f} packets a second by the clock, "
        f"{result.packets_per_cpu_second:.0f} by CPU time; {result.call_seconds:.0f} s of call, "
        f"{result.times_faster_than_life:.0f} times faster than life; "
        f"memory grew by {result.grown_kib} KiB after the first round"
    )
