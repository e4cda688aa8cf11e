"""A media flow: an encoder that follows the estimate, a pacer that sends probes, a receiver that reports.

The receiver is the project's own ``ArrivalLog``, so that the estimator sees real feedback records.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

from rtpfwd.clock import Instant
from rtpfwd.congestion.arrival_log import ArrivalLog, Feedback
from rtpfwd.congestion.departure_log import Departure
from rtpfwd.congestion.probe_result import Probe
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings
from tests.congestion.simulation.network import SECOND, Clock, Link, Packet

MTU = 1200
PADDING = 1100
CONTROL_US = 20_000
SAMPLE_US = 100_000


@dataclass(slots=True)
class FlowSettings:
    """``layers``: rates the source has, the highest that fits is sent (an SFU's case); otherwise the encoder
    follows the estimate up to ``max_bps``. ``demand`` as the allocator would tell it, ``None``: never told.
    """

    start_s: float = 0.0
    stop_s: float | None = None
    pauses: list[tuple[float, float]] = field(default_factory=list)
    max_bps: float = 50e6
    layers: list[float] | None = None
    demand_bps: int | None = None
    feedback_ms: float = 100
    lag_s: float = 0.2
    noise: float = 0.15
    fps: int = 30
    extra_delay_ms: float = 0.0
    """Of this flow alone, on each way."""
    initial_bps: int = 600_000


@dataclass(slots=True)
class Trace:
    """One sample each 100 ms, rates in bits per second; ``waits_ms`` one for each packet that arrived."""

    seconds: list[float] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    waits_ms: list[tuple[float, float]] = field(default_factory=list)
    packets_sent: int = 0
    packets_arrived: int = 0


class MediaFlow:
    """Sender and receiver of one flow; forward packets take ``link``, feedback takes ``back``."""

    def __init__(self, clock: Clock, link: Link, back: Link, settings: FlowSettings, seed: int) -> None:
        self._clock = clock
        self._link = link
        self._back = back
        self._settings = settings
        self._random = Random(seed)
        self.estimator = SendSideEstimator(
            EstimatorSettings(initial_bps=settings.initial_bps), Instant(clock.now)
        )
        self.trace = Trace()
        self._arrivals = ArrivalLog()
        self._encoder_bps = float(settings.initial_bps)
        self._queue: deque[int] = deque()
        self._probes: deque[Probe] = deque()
        self._probe_left = (0, 0)
        self._free_at = 0
        self._pump_at: int | None = None
        self._number = 60_000  # wraps soon
        self._departures: list[Departure] = []
        self._sent_bytes = self._arrived_bytes = 0
        start = SECOND + round(settings.start_s * SECOND)
        clock.at(start, self._frame)
        clock.at(start, self._control)
        clock.at(start + seed % 7 * 9000, self._report)
        clock.at(SECOND, self._sample)
        if settings.demand_bps is not None:
            self.estimator.set_demand(settings.demand_bps, Instant(start))

    def _active(self) -> bool:
        elapsed = self._clock.elapsed_s
        return (self._settings.stop_s is None or elapsed < self._settings.stop_s) and not any(
            start <= elapsed < end for start, end in self._settings.pauses
        )

    # sender

    def _frame(self) -> None:
        settings = self._settings
        interval = 1 / settings.fps
        self._clock.after(round(interval * SECOND), self._frame)
        wanted = min(float(self.estimator.target_bps), settings.max_bps)
        if settings.layers is not None:
            wanted = max((rate for rate in settings.layers if rate <= wanted), default=0.0)
            self._encoder_bps = wanted
        else:
            self._encoder_bps += (wanted - self._encoder_bps) * min(interval / settings.lag_s, 1.0)
        if not self._active() or not self._encoder_bps:
            return
        factor = min(max(self._random.gauss(1.0, settings.noise), 0.3), 2.0)
        size = max(round(self._encoder_bps * interval / 8 * factor), 50)
        count = -(-size // MTU)
        self._queue.extend([size // count] * count)
        self._pump()

    def _pump(self) -> None:
        clock = self._clock
        while True:
            if clock.now < self._free_at:
                if self._pump_at is None or self._pump_at < clock.now:
                    self._pump_at = self._free_at
                    clock.at(self._free_at, self._pumped)
                return
            probe = self._probes[0] if self._probes else None
            if self._queue:
                size = self._queue.popleft()
            elif probe is not None:
                size = PADDING
            else:
                return
            rate = self.estimator.pacing_bps if probe is None else probe.rate_bps
            rate = max(rate, sum(self._queue) * 32 if len(self._queue) > 50 else 0)
            self._free_at = clock.now + size * 8 * SECOND // rate
            self._send(size, probe.cluster if probe is not None else 0)
            if probe is not None:
                left_bytes, left_packets = self._probe_left[0] - size, self._probe_left[1] - 1
                self._probe_left = (left_bytes, left_packets)
                if left_bytes <= 0 and left_packets <= 0:
                    self._probes.popleft()
                    self._load_probe()

    def _pumped(self) -> None:
        self._pump_at = None
        self._pump()

    def _load_probe(self) -> None:
        if self._probes:
            self._probe_left = (self._probes[0].size_bytes, self._probes[0].packets)

    def _send(self, size: int, cluster: int) -> None:
        now = self._clock.now
        self._departures.append((self._number & 0xFFFF, Instant(now), size, cluster))
        self._sent_bytes += size
        self.trace.packets_sent += 1
        delay = round(self._settings.extra_delay_ms * 1000)
        self._link.push(
            Packet(size, self._arrived, self._number & 0xFFFF, now, cluster, extra_delay_us=delay)
        )
        self._number += 1

    def _tell_departures(self) -> None:
        self.estimator.sent(self._departures)
        self._departures = []

    def _control(self) -> None:
        self._clock.after(CONTROL_US, self._control)
        now = Instant(self._clock.now)
        self._tell_departures()
        due = self.estimator.next_timeout()
        if due is not None and due <= now:
            self.estimator.handle_timeout(now)
        self._take_probes()

    def _take_probes(self) -> None:
        if probes := self.estimator.probes():
            if not self._active():
                return
            fresh = not self._probes
            self._probes.extend(probes)
            if fresh:
                self._load_probe()
            self._pump()

    def _feedback_came(self, packet: Packet) -> None:
        self._tell_departures()
        record: Feedback = packet.content
        self.estimator.feedback(record, Instant(self._clock.now))
        self._take_probes()

    # receiver

    def _arrived(self, packet: Packet) -> None:
        self._arrivals.add([(packet.number, Instant(self._clock.now))])
        self._arrived_bytes += packet.size
        self.trace.packets_arrived += 1
        self.trace.waits_ms.append((self._clock.elapsed_s, packet.waited_us / 1000))

    def _report(self) -> None:
        self._clock.after(round(self._settings.feedback_ms * 1000), self._report)
        for record in self._arrivals.build():
            size = 40 + 3 * len(record.deltas)
            delay = round(self._settings.extra_delay_ms * 1000)
            self._back.push(Packet(size, self._feedback_came, content=record, extra_delay_us=delay))

    # observer

    def _sample(self) -> None:
        self._clock.after(SAMPLE_US, self._sample)
        trace = self.trace
        trace.seconds.append(self._clock.elapsed_s)
        trace.target.append(self.estimator.target_bps)
        trace.sent.append(self._sent_bytes * 8 * SECOND / SAMPLE_US)
        trace.arrived.append(self._arrived_bytes * 8 * SECOND / SAMPLE_US)
        self._sent_bytes = self._arrived_bytes = 0
