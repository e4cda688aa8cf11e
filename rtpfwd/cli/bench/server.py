"""The measured half of a bench: a real driver in a process of its own, remote-controlled over a pipe.

The process does what a serving process does and nothing else, so its CPU time is the price of forwarding.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import logging
import os
import resource
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import structlog

from rtpfwd.cli.bench.affinity import pin
from rtpfwd.cli.bench.nuisances import Nuisances
from rtpfwd.drivers.fake_media import router_media_codecs
from rtpfwd.drivers.interfaces import ListenSettings
from rtpfwd.drivers.loop import calm_collector, new_event_loop
from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.protocols.srtp import Profile, SrtpKeys
from rtpfwd.sfu.settings import PacingSettings, WorkerSettings

JsonObject = dict[str, Any]

UNPACED_BPS = 100_000_000_000
UNLIMITED_BPS = 2_000_000_000
SESSIONS = frozenset(("RtpReceiver", "RtpSender", "RtcpReceiver", "RtcpSender", "Session", "Connection"))


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to run the measured process. ``cpu`` is the core to stay on, ``None`` for any."""

    profile: Profile
    plane: str | None
    cpu: int | None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process has used so far."""

    user_us: int
    system_us: int
    rss_bytes: int
    counters: dict[str, int]

    @property
    def cpu_us(self) -> int:
        """User and system time."""
        return self.user_us + self.system_us


class BenchServer:
    """Answers requests ``(name, arguments)`` on the pipe until ``stop``."""

    def __init__(self, driver: RealtimeDriver, pipe: Connection) -> None:
        self._driver = driver
        self._pipe = pipe
        self._router = driver.worker.create_router(router_media_codecs())
        self._routers = {self._router.id: self._router}
        self._nuisances = Nuisances()
        self._transports: dict[str, Any] = {}
        self._profiler: cProfile.Profile | None = None
        self.stopped = asyncio.Event()

    def readable(self) -> None:
        """A request waits on the pipe."""
        try:
            name, arguments = self._pipe.recv()
        except EOFError:
            self.stopped.set()
            return
        try:
            answer = getattr(self, f"do_{name}")(**arguments)
        except Exception as error:
            answer = error
        self._pipe.send(answer)
        self._driver.flush()

    def do_router(self) -> str:
        """One more room; its id."""
        router = self._driver.worker.create_router(router_media_codecs())
        self._routers[router.id] = router
        return router.id

    def do_transport(self, router: str | None = None) -> JsonObject:
        """A new transport, as signaling would describe it; in the first room unless told."""
        home = self._router if router is None else self._routers[router]
        transport = home.create_web_rtc_transport(
            initial_available_outgoing_bitrate=UNLIMITED_BPS, now=self._driver.now()
        )
        self._transports[transport.id] = transport
        return {
            "id": transport.id,
            "ice_parameters": transport.ice_parameters,
            "ice_candidates": transport.ice_candidates,
            "dtls_parameters": transport.dtls_parameters,
        }

    def do_connect(self, transport: str, dtls_parameters: JsonObject) -> None:
        """What signaling would say of the client."""
        self._transports[transport].connect(dtls_parameters, now=self._driver.now())

    def do_keys(self, transport: str, profile: Profile, send: bytes, receive: bytes) -> None:
        """Keys in place of a handshake."""
        keys = SrtpKeys(profile, send, receive)
        self._transports[transport].set_srtp_keys(keys, now=self._driver.now())

    def do_produce(self, transport: str, kind: str, rtp_parameters: JsonObject) -> str:
        """A producer; its id."""
        producer = self._transports[transport].produce(kind, rtp_parameters, now=self._driver.now())
        return str(producer.id)

    def do_consume(self, transport: str, producer: str, layer: int | None = None) -> JsonObject:
        """A consumer, of this spatial layer at most; its ``rtpParameters``."""
        consumer = self._transports[transport].consume(
            producer, self._router.rtp_capabilities, now=self._driver.now()
        )
        if layer is not None:
            consumer.set_preferred_layers({"spatialLayer": layer}, now=self._driver.now())
        parameters: JsonObject = consumer.rtp_parameters
        return parameters

    def do_usage(self) -> Usage:
        """CPU, memory and counters up to now."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Usage(
            round(used.ru_utime * 1e6), round(used.ru_stime * 1e6), _rss_bytes(), self._driver.counters()
        )

    def do_nuisance(self, kind: str) -> None:
        """From now on disturb Python so: ``burn``, ``collect`` or ``none``."""
        self._nuisances.start(kind)

    def do_close_transports(self) -> None:
        """All of them."""
        for transport in self._transports.values():
            transport.close(now=self._driver.now())
        self._transports.clear()

    def do_left(self) -> dict[str, int]:
        """What the process holds: file descriptors, libsrtp's sessions, entries of tables."""
        gc.collect()
        context = self._driver.worker.context
        return {
            "fds": len(os.listdir("/proc/self/fd")),
            "sessions": sum(type(one).__name__ in SESSIONS for one in gc.get_objects()),
            "transports": len(context.transports),
            "streams": len(context.incoming) + len(context.consumers),
            "names": len(context.by_ufrag),
            "deadlines": len(context.deadline_owners),
        }

    def do_profile(self, path: str | None) -> None:
        """Begin to profile (``None``), or write what was found to ``path``."""
        if path is None:
            self._profiler = cProfile.Profile()
            self._profiler.enable()
        elif self._profiler is not None:
            self._profiler.disable()
            self._profiler.dump_stats(path)

    def do_stop(self) -> None:
        """Shut down."""
        self._nuisances.start("none")
        self.stopped.set()


def run_server(pipe: Connection, settings: ServerSettings) -> None:
    """The process's main function."""
    # Standard output is the report's.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if settings.cpu is not None:
        pin({settings.cpu})
    loop = new_event_loop()
    try:
        loop.run_until_complete(_serve(pipe, settings))
    finally:
        loop.close()


async def _serve(pipe: Connection, settings: ServerSettings) -> None:
    driver = await RealtimeDriver.start(
        ListenSettings(ips=["127.0.0.1"]),
        # Pacing would hold the load back: nobody here says what its link carries.
        WorkerSettings(max_half_open_handshakes=100_000, pacing=PacingSettings(floor_bps=UNPACED_BPS)),
        profiles=(settings.profile,),
        plane=settings.plane,
        threads=settings.threads,
    )
    calm_collector()
    server = BenchServer(driver, pipe)
    asyncio.get_running_loop().add_reader(pipe.fileno(), server.readable)
    await server.stopped.wait()
    asyncio.get_running_loop().remove_reader(pipe.fileno())
    await driver.close()


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # the peak, where there is no /proc
