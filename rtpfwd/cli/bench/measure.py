"""Runs a bench: starts the server process, finds the rate that it bears, measures there.

A rate is borne while the clients can make it, hardly anything is lost and packets do not queue up: a server
that falls behind loses nothing for seconds, because the kernel buffers, but half of its packets are late. The
median decides, because the tail belongs to whoever else runs on the machine.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rtpfwd.cli.bench.affinity import pinned, split_cpus
from rtpfwd.cli.bench.load import Interval, Load, LoadSettings, Request
from rtpfwd.cli.bench.server import ServerSettings, Usage, run_server
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.srtp import Profile

MAX_LOSS = 0.001
MAX_P50_US = 10_000
RAMP_FIRST = 5_000.0  # forwarded packets a second
RAMP_FACTOR = 1.25
RAMP_STEPS = 24
RAMP_STEP_S = 0.7
BUSY_SHARE = 0.8
DISTURBED_ATTEMPTS = 5  # at a rate that failed while the server had time to spare: the neighbours' fault
BACK_OFF = 0.93
ATTEMPTS = 4
SENT_SHARE = 0.95
"""Of what is due: clients that send less have no time left, and their reading lags as well."""
WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """``rate`` in packets a second published, ``None`` to find the highest that is borne."""

    consumers: int
    profile: Profile
    packet_bytes: int
    rate: float | None
    seconds: float
    keys_given: bool
    plane: str | None
    profile_path: str | None
    publishers: int = 1
    """One: ``consumers`` subscribers. More: a room, in which ``consumers`` are the others."""
    rooms: int = 1
    simulcast: bool = False
    threads: int = 1
    half: bool = False
    """Measure again at half the rate that was found."""
    scenario: str = ""

    @property
    def load(self) -> LoadSettings:
        """What the clients do."""
        return LoadSettings(
            self.consumers,
            self.packet_bytes,
            self.profile,
            self.keys_given,
            self.publishers,
            self.rooms,
            self.simulcast,
        )


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The figures. Rates in packets a second, CPU of the server process only."""

    scenario: str
    plane: str
    load: str
    """``full``: the highest rate that is borne, ``half`` of it, or ``told``."""
    rate: float
    """Packets a second published."""
    consumers: int
    suite: str
    handshake: str
    packet_bytes: int
    seconds: float
    packets_in: int
    forwarded: int
    received: int
    forwarded_per_s: float
    cpu_share: float
    cpu_us_per_forwarded: float
    thread_us_per_forwarded: float
    """Of it in the thread of the native plane: what a packet costs, without the control plane."""
    system_share: float
    """Of the CPU time, the kernel's part."""
    loss: float
    latency_p50_us: int
    latency_p99_us: int
    latency_p999_us: int
    latency_max_us: int
    loop_lag_us: int
    """Worst lateness of the server's loop in the last ten seconds."""
    rss_mib: float
    connect_s: float
    kernel_drops: int
    send_errors: int
    server_core: int | None
    saturated: bool
    """Whether the rate was found by the ramp."""
    borne: bool
    """Whether the server kept up; without it the other figures say little."""


def run(settings: BenchSettings) -> list[BenchResult]:
    """Measure, at one load or at two. Raises ``InvalidState`` when clients do not get through, ``OSError``
    without sockets.
    """
    with running(settings) as (load, request, core):
        connect_s = load.connect()
        rate = settings.rate
        load.send(rate or RAMP_FIRST / settings.consumers, WARM_UP_S)
        if rate is None:
            rate = _find_rate(load, settings.consumers, request)
        if settings.profile_path is not None:
            request("profile", path=None)
        results: list[BenchResult] = []
        for name in ("told",) if settings.rate is not None else ("full", "half")[: 1 + settings.half]:
            rate = rate / 2 if name == "half" else rate
            for _ in range(1 if name == "told" else ATTEMPTS):
                before: Usage = request("usage")
                interval = load.send(rate, settings.seconds)
                after: Usage = request("usage")
                if is_borne(interval):
                    break
                rate *= BACK_OFF if name == "full" else 1
            results.append(_result(settings, name, rate, interval, before, after, connect_s, core))
        if settings.profile_path is not None:
            request("profile", path=settings.profile_path)
    return results


def is_borne(interval: Interval) -> bool:
    """Whether what was sent then says something about the server, and that it keeps up."""
    if interval.sent < SENT_SHARE * interval.due:
        return False
    return interval.loss <= MAX_LOSS and interval.percentile_us(0.5) <= MAX_P50_US


@contextmanager
def running(settings: BenchSettings, *, spread: bool = False) -> Iterator[tuple[Load, Request, int | None]]:
    """A server and the clients of these settings, not yet connected; the server's core, or None where it may
    run on any (``spread``).
    """
    core, rest = (None, set()) if spread or settings.threads > 1 else split_cpus()
    server = ServerSettings(settings.profile, settings.plane, core, settings.threads)
    with _server(server) as request, pinned(rest if core is not None else set()):
        load = Load(settings.load, request)
        try:
            yield load, request, core
        finally:
            load.close()


def _find_rate(load: Load, consumers: int, request: Request) -> float:
    """The highest rate of the ramp that was borne."""
    rate = best = RAMP_FIRST / consumers
    for _ in range(RAMP_STEPS):
        if not _bears(load, rate, consumers, request):
            break
        best, rate = rate, rate * RAMP_FACTOR
    # Halfway to the step that failed, if that is borne.
    middle = best * RAMP_FACTOR**0.5
    return middle if _bears(load, middle, consumers, request) else best


def _bears(load: Load, rate: float, consumers: int, request: Request) -> bool:
    """Whether the server keeps up with ``rate``. A failure counts at once only when its core was busy."""
    for _ in range(DISTURBED_ATTEMPTS):
        before: Usage = request("usage")
        interval = load.send(rate, RAMP_STEP_S)
        after: Usage = request("usage")
        if is_borne(interval):
            return True
        if (after.cpu_us - before.cpu_us) / 1e6 > BUSY_SHARE * interval.seconds:
            return False
        if interval.sent < SENT_SHARE * interval.due:
            return False  # more load than the clients can make
    return False


def _result(
    settings: BenchSettings,
    load: str,
    rate: float,
    interval: Interval,
    before: Usage,
    after: Usage,
    connect_s: float,
    core: int | None,
) -> BenchResult:
    def delta(name: str) -> int:
        return after.counters.get(name, 0) - before.counters.get(name, 0)

    forwarded = delta("worker_forwarded")
    cpu_us = after.cpu_us - before.cpu_us
    return BenchResult(
        scenario=settings.scenario,
        plane="native" if "kernel_batches" in after.counters else "reference",
        load=load,
        rate=rate,
        consumers=settings.consumers,
        suite=settings.profile.name,
        handshake="keys given" if settings.keys_given else "ICE and DTLS",
        packet_bytes=settings.packet_bytes,
        seconds=interval.seconds,
        packets_in=interval.sent,
        forwarded=forwarded,
        received=interval.received,
        forwarded_per_s=forwarded / interval.seconds,
        cpu_share=cpu_us / 1e6 / interval.seconds,
        cpu_us_per_forwarded=cpu_us / forwarded if forwarded else 0.0,
        thread_us_per_forwarded=delta("kernel_cpu_us") / forwarded if forwarded else 0.0,
        system_share=(after.system_us - before.system_us) / cpu_us if cpu_us else 0.0,
        loss=interval.loss,
        latency_p50_us=interval.percentile_us(0.5),
        latency_p99_us=interval.percentile_us(0.99),
        latency_p999_us=interval.percentile_us(0.999),
        latency_max_us=interval.latencies_us[-1] if interval.latencies_us else 0,
        loop_lag_us=after.counters["loop_lag_worst_us"],
        rss_mib=after.rss_bytes / (1 << 20),
        connect_s=connect_s,
        kernel_drops=delta("udp_kernel_drops"),
        send_errors=sum(delta(name) for name in after.counters if name.startswith("udp_send_")),
        server_core=core,
        saturated=load == "full",
        borne=is_borne(interval),
    )


@contextmanager
def _server(settings: ServerSettings) -> Iterator[Request]:
    """A server process, and the function that asks it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_server, args=(theirs, settings), daemon=True)
    process.start()
    theirs.close()

    def request(name: str, **arguments: Any) -> Any:
        try:
            ours.send((name, arguments))
            answer = ours.recv()
        except (EOFError, OSError):
            raise InvalidState(f"the server process ended before it answered {name!r}") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    try:
        yield request
        request("stop")
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
