"""The real world around a worker: sockets, the monotonic clock, asyncio. The composition root of a serving
process.

The whole contract: after any input (datagrams, a timer, a control call) send what waits, hand out events,
re-arm the timer. Control calls are synchronous; whoever makes them calls ``flush`` afterwards, once for a
batch of them.

Source of the shape: aioquic's asyncio adapter. Reads take at most 64 datagrams of one socket per wake-up, and
the loop runs every other socket and every timer before it comes back for more, so that a flood starves
nobody.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from rtpfwd.capture.recording_plane import RecordingPlane
from rtpfwd.clock import Instant
from rtpfwd.dataplane.load import AUTO, Kernel, kernel_of, load_plane, sharded, why_not_native
from rtpfwd.drivers.captures import Captures, CaptureSettings
from rtpfwd.drivers.interfaces import ListenSettings, bind_addresses
from rtpfwd.drivers.listening import bind_parts, listen_addresses_of_parts
from rtpfwd.drivers.log_limit import LogLimit
from rtpfwd.drivers.loop import LagMeter, LoopLag
from rtpfwd.drivers.udp import UdpSockets
from rtpfwd.protocols.certificate import Certificate, generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.srtp import Profile
from rtpfwd.sfu.events import Event
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.worker import Worker

EVENT_ROUNDS = 64
"""How often listeners may cause further events within one flush, before the loop gets a turn."""
TIMER_BACKOFF_US = 100_000
"""After an exception out of a timer, so that a deadline that stays due does not spin the loop."""
CHECK_S = 1.0
SHORTEST_TIMER_S = 0.001  # what uvloop and epoll can tell apart

log = structlog.get_logger("rtpfwd.driver")


class RealtimeDriver:
    """One worker on the running event loop. Make it with ``start``; not thread-safe."""

    def __init__(
        self,
        worker: Worker,
        sockets: UdpSockets,
        addresses: list[ListenAddress],
        kernel: Kernel | None = None,
        captures: Captures | None = None,
    ) -> None:
        self.worker = worker
        self.captures = captures
        """Recording of what goes through; None where packets do not come through here."""
        self.addresses = addresses
        """What the candidates of this worker say."""
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._lag = LagMeter(self._loop)
        self._errors = LogLimit(self.now)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for: Instant | None = None
        self._flushing = False
        self._closed = False
        self._failures = {"receive": 0, "timer": 0, "listener": 0, "capture": 0}
        self._checks = self._loop.call_later(CHECK_S, self._check)
        self._kernel = kernel
        if kernel is not None:
            # Packets never come through here: the data plane's thread takes them off the sockets itself.
            self._watched = [kernel.start(sockets.filenos())]
            self._loop.add_reader(self._watched[0], self._upcalls_wait)
            return
        self._watched = sockets.filenos()
        for index, fileno in enumerate(self._watched):
            self._loop.add_reader(fileno, self._readable, index)

    @classmethod
    async def start(
        cls,
        listen: ListenSettings,
        settings: WorkerSettings | None = None,
        *,
        certificate: Certificate | None = None,
        profiles: tuple[Profile, ...] = tuple(Profile),
        plane: str | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        captures: CaptureSettings | None = None,
        threads: int = 1,
    ) -> RealtimeDriver:
        """Bind, make a worker, serve.

        ``certificate`` is made afresh for ``None``; ``profiles`` are the SRTP profiles to offer, best first;
        ``plane``: ``native``, ``reference``, or ``auto`` for the compiled one where it can run; ``None`` is
        what RTPFWD_DATAPLANE says, else ``auto``. Raises ``OSError`` when an address cannot be bound,
        ``InvalidParameters`` for settings that make no sense, and ``UnsupportedError`` for a plane that is
        not there.

        ``threads``: of the native plane. Each has a port of its own, counted up from ``listen.port``, and the
        routers that were made when it had the fewest transports.

        ``captures``: what may be recorded. Where there is a directory for it, packets come through here even
        with a plane that could do without: a recording has them in order with the calls.
        """
        settings = settings or WorkerSettings()
        unix_us = time.time_ns() // 1000
        context = DtlsContext(certificate or generate(unix_us), profiles)
        ips = bind_addresses(listen)
        plane = plane or os.environ.get("RTPFWD_DATAPLANE") or AUTO
        data_plane = load_plane(plane, settings.plane)
        captures = captures or CaptureSettings()
        runs_itself = kernel_of(data_plane) is not None and captures.directory is None
        if threads > 1 and not runs_itself:
            log.warning("one thread only", reason="packets come through the event loop")
        parts = bind_parts(listen, ips, threads if runs_itself else 1)
        sockets = UdpSockets.joined(parts)
        try:
            addresses = listen_addresses_of_parts(listen, parts)
            unix_us_at_zero = unix_us - time.monotonic_ns() // 1000
            data_plane = sharded(data_plane, settings.plane, [len(part) for part in parts])
            kernel = kernel_of(data_plane) if runs_itself else None
            recording = RecordingPlane(data_plane) if kernel is None else None
            worker = Worker(
                recording or data_plane,
                settings=settings,
                dtls_context=context,
                listen=addresses,
                entropy=entropy,
                unix_us_at_zero=unix_us_at_zero,
            )
            driver = cls(
                worker,
                sockets,
                addresses,
                kernel,
                Captures(
                    worker,
                    recording,
                    [(info.address, info.port) for info in sockets.info()],
                    captures,
                    unix_us_at_zero=unix_us_at_zero,
                    now=lambda: Instant(time.monotonic_ns() // 1000),
                )
                if recording is not None
                else None,
            )
        except BaseException:
            sockets.close()
            raise
        _tell_plane(plane, len(parts) if runs_itself else 0, captures)
        for info in sockets.info():
            log.info(
                "listening",
                address=info.address,
                port=info.port,
                receive_buffer=info.receive_buffer,
                send_buffer=info.send_buffer,
            )
        for ip in ips:
            if ip not in {info.address for info in sockets.info()}:
                log.warning("not listening", address=ip, reason="the system cannot assign it")
        return driver

    def now(self) -> Instant:
        """The monotonic clock, in microseconds."""
        return Instant(time.monotonic_ns() // 1000)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    @property
    def loop_lag(self) -> LoopLag:
        """How late the loop runs."""
        return self._lag.read()

    def flush(self) -> None:
        """Send what waits, deliver events, re-arm the timer. Call after control calls; harmless from within a
        listener.
        """
        if self._closed or self._flushing:
            return
        self._drain()
        if not self._closed:
            self._arm()

    def counters(self) -> dict[str, int]:
        """Running totals of sockets, loop and worker under flat names, for metrics and for tests."""
        lag = self._lag.read()
        totals = self._sockets.counters()
        if self._kernel is not None:
            for name, count in self._kernel.socket_counters().items():
                totals[name] = totals.get(name, 0) + count
        totals.update({f"driver_{name}_failures": count for name, count in self._failures.items()})
        totals["loop_lag_us"] = lag.last_us
        totals["loop_lag_worst_us"] = lag.worst_us
        totals.update(_flat("worker", self.worker.counters()))
        return totals

    async def close(self) -> None:
        """Close the worker, send its goodbyes, release the port. Again is harmless."""
        if self._closed:
            return
        try:
            self.worker.close(now=self.now())
            self._drain()
        finally:
            self._closed = True
            for fileno in self._watched:
                self._loop.remove_reader(fileno)
            if self._kernel is not None:
                self._kernel.stop()
            self._disarm()
            self._checks.cancel()
            self._lag.close()
            self._sockets.close()
            if self.captures is not None:
                self.captures.close()
        await asyncio.sleep(0)  # what the readers scheduled has run before the caller goes on

    def _readable(self, index: int) -> None:
        if self._closed:
            return
        datagrams = self._sockets.receive(index)
        if datagrams:
            try:
                self.worker.receive(datagrams, self.now())
            except Exception:
                # Network input must never raise, so this is a bug of ours; the rest of the calls go on.
                self._fail("receive", datagrams=len(datagrams))
        self.flush()

    def _upcalls_wait(self) -> None:
        if self._closed or self._kernel is None:
            return
        self._kernel.heard()
        try:
            self.worker.receive([], self.now())
        except Exception:
            self._fail("receive", datagrams=0)
        self.flush()

    def _timeout(self) -> None:
        self._timer = self._armed_for = None
        if self._closed:
            return
        now = self.now()
        deadline = self.worker.next_timeout()
        if deadline is not None and deadline <= now:
            try:
                self.worker.handle_timeout(now)
            except Exception:
                self._fail("timer")
                self._drain()
                if not self._closed:
                    self._arm_at(Instant(now + TIMER_BACKOFF_US), now)
                return
        self._drain()
        if not self._closed:
            self._arm()

    def _check(self) -> None:
        """What the flight recorder wants to look at once a second."""
        self._checks = self._loop.call_later(CHECK_S, self._check)
        if self.captures is not None:
            try:
                for path in self.captures.check(self.now()):
                    log.warning("flight recorder kept", file=str(path))
            except Exception:
                self._fail("capture")

    def _drain(self) -> None:
        worker = self.worker
        self._flushing = True
        try:
            for _ in range(EVENT_ROUNDS):
                datagrams = worker.transmit()
                if datagrams:
                    if self.captures is not None:
                        self.captures.sent(datagrams, self.now())
                    self._sockets.send(datagrams)
                if self.captures is not None:
                    self.captures.settle(self.now())
                events = worker.events()
                if not events:
                    return
                for event in events:
                    self._deliver(event)
            self._loop.call_soon(self.flush)
        finally:
            self._flushing = False

    def _deliver(self, event: Event) -> None:
        for listener in event.source.listeners(event.name):
            try:
                listener(*event.values)
            except Exception:
                self._fail("listener", listening_to=f"{type(event.source).__name__}.{event.name}")

    def _arm(self) -> None:
        deadline = self.worker.next_timeout()
        if deadline is None:
            self._disarm()
        elif self._armed_for is None or deadline < self._armed_for:
            self._arm_at(deadline, self.now())
        # A later deadline waits until the timer fires in vain: cheaper than re-arming for every batch.

    def _arm_at(self, deadline: Instant, now: Instant) -> None:
        self._disarm()
        self._armed_for = deadline
        if deadline <= now:
            # Behind what is ready already, so that a worker with endless work does not starve its sockets.
            self._timer = self._loop.call_later(0, self._timeout)
        else:
            delay = max((deadline - now) / 1e6, SHORTEST_TIMER_S)
            self._timer = self._loop.call_later(delay, self._timeout)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._armed_for = None

    def _fail(self, kind: str, **details: Any) -> None:
        self._failures[kind] += 1
        suppressed = self._errors.allow(kind)
        if suppressed is not None:
            log.exception(f"exception in {kind}", suppressed=suppressed, **details)


def _tell_plane(asked: str, threads: int, captures: CaptureSettings) -> None:
    """Which plane serves, and why not a better one."""
    if threads:
        log.info("data plane", plane="native", threads=threads)
    elif asked == "reference":
        log.info("data plane", plane="reference", reason="asked for")
    elif why := why_not_native():
        log.warning("data plane", plane="reference", reason=f"the compiled one is not there: {why}")
    else:
        log.info("data plane", plane="native", threads=0, recording_to=str(captures.directory))


def _flat(prefix: str, value: Any) -> dict[str, int]:
    """Nested mappings and records of counts as ``prefix_name`` -> count."""
    if isinstance(value, bool) or value is None:
        return {}
    if isinstance(value, int):
        return {prefix: int(value)}
    if isinstance(value, Mapping):
        pairs = [(getattr(key, "name", str(key)).lower(), inner) for key, inner in value.items()]
    else:
        names = getattr(type(value), "__dataclass_fields__", {})
        pairs = [(name, getattr(value, name)) for name in names]
    flat: dict[str, int] = {}
    for name, inner in pairs:
        flat.update(_flat(f"{prefix}_{name}", inner))
    return flat
