"""Besides speed: is the plane disturbed, does it scale, what does a peer take, does it leak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rtpfwd.cli.bench.load import Load, Request
from rtpfwd.cli.bench.measure import BenchResult, BenchSettings, run, running
from rtpfwd.cli.bench.server import Usage

WARM_UP_S = 1.0
ISOLATION_ROUNDS = 3
SCALE_CONSUMERS = (10, 100, 1000)
SCALE_ROOMS = (1, 10, 50, 200)
ROOM_CONSUMERS = 4
SCALE_FORWARDED_PER_S = 20_000
MEMORY_PEERS = 200
LEAK_CHUNK = 50
LEAK_WARM_UP = 0.1  # of the cycles


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Latency under one nuisance, the medians of three rounds in turn; microseconds."""

    nuisance: str
    latency_p50_us: int
    latency_p99_us: int
    latency_p999_us: int
    p99_ratio: float
    """To that of peace."""
    loss: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What idle peers with two connected transports each take."""

    peers: int
    before_mib: float
    after_mib: float
    kib_per_peer: float


@dataclass(frozen=True, slots=True)
class Leak:
    """What is left of transports that were created, connected and closed."""

    cycles: int
    warm_up: int
    grown_kib: int
    """Resident memory, from the end of the warm-up on."""
    bytes_per_cycle: float
    before: dict[str, int]
    after: dict[str, int]
    """Descriptors, sessions and table entries."""

    @property
    def clean(self) -> bool:
        """Whether all but memory is as it was."""
        return self.before == self.after


def run_isolation(settings: BenchSettings) -> list[Disturbance]:
    """The same load in peace, beside a thread that burns CPU, and while 1,000 objects are collected again and
    again. Server and clients may use all cores. ``rate`` has to be given. Raises as ``run`` does.
    """
    rate = settings.rate or 1000.0
    found: dict[str, list[tuple[int, int, int, float]]] = {"none": [], "burn": [], "collect": []}
    with running(settings, spread=True) as (load, request, _):
        load.connect()
        load.send(rate, WARM_UP_S)
        for _ in range(ISOLATION_ROUNDS):
            for nuisance, rounds in found.items():
                request("nuisance", kind=nuisance)
                interval = load.send(rate, settings.seconds)
                shares = [interval.percentile_us(share) for share in (0.5, 0.99, 0.999)]
                rounds.append((shares[0], shares[1], shares[2], interval.loss))
        request("nuisance", kind="none")
    medians = {
        name: [sorted(values)[len(values) // 2] for values in zip(*rounds, strict=True)]
        for name, rounds in found.items()
    }
    quiet = max(medians["none"][1], 1)
    return [
        Disturbance(name, int(p50), int(p99), int(p999), p99 / quiet, loss)
        for name, (p50, p99, p999, loss) in medians.items()
    ]


def run_scale(settings: BenchSettings) -> Iterator[BenchResult]:
    """The cost of a packet for more and more consumers, then rooms, at one rate of forwarded packets."""
    for consumers in SCALE_CONSUMERS:
        yield from run(
            replace(
                settings,
                consumers=consumers,
                publishers=1,
                rate=settings.rate or SCALE_FORWARDED_PER_S / consumers,
                keys_given=True,
                scenario=f"1x{consumers}",
            )
        )
    for rooms in SCALE_ROOMS:
        yield from run(
            replace(
                settings,
                consumers=ROOM_CONSUMERS,
                publishers=1,
                rooms=rooms,
                rate=settings.rate or SCALE_FORWARDED_PER_S / ROOM_CONSUMERS,
                keys_given=True,
                scenario=f"{rooms} x 1x{ROOM_CONSUMERS}",
            )
        )


def run_memory(settings: BenchSettings, peers: int = MEMORY_PEERS) -> Memory:
    """Peers with two transports connected by DTLS over which nothing is sent."""
    with running(replace(settings, publishers=0, consumers=0)) as (load, request, _):
        _cycle(load, request, 20)  # what the first ones bring with them is not theirs
        before: Usage = request("usage")
        for _ in range(2 * peers // LEAK_CHUNK):
            for _ in range(LEAK_CHUNK):
                load.add_client()
            load.connect()
        after: Usage = request("usage")
    grown = after.rss_bytes - before.rss_bytes
    count = 2 * peers // LEAK_CHUNK * LEAK_CHUNK // 2
    mib = 1 << 20
    return Memory(count, before.rss_bytes / mib, after.rss_bytes / mib, grown / count / 1024)


def run_leak(settings: BenchSettings, cycles: int) -> Leak:
    """Transports made, connected by ICE and DTLS, and closed, fifty at a time."""
    with running(replace(settings, publishers=0, consumers=0)) as (load, request, _):
        warm_up = max(round(cycles * LEAK_WARM_UP), 1)
        _cycle(load, request, warm_up)
        left = request("left")
        before: Usage = request("usage")
        _cycle(load, request, cycles - warm_up)
        left_then = request("left")  # which collects garbage
        after: Usage = request("usage")
        grown = after.rss_bytes - before.rss_bytes
        return Leak(cycles, warm_up, grown // 1024, grown / max(cycles - warm_up, 1), left, left_then)


def _cycle(load: Load, request: Request, count: int) -> None:
    for done in range(0, count, LEAK_CHUNK):
        for _ in range(min(LEAK_CHUNK, count - done)):
            load.add_client()
        load.connect()
        load.remove_clients()
        request("close_transports")
