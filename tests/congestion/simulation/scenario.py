"""A scenario: links, flows, time; and the figures that judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from tests.congestion.simulation.media import FlowSettings, MediaFlow, Trace
from tests.congestion.simulation.network import SECOND, Clock, Link, LinkSettings
from tests.congestion.simulation.tcp import TcpFlow

WIDE = 100e6


@dataclass(slots=True)
class TcpSettings:
    start_s: float
    stop_s: float | None = None
    total_bytes: int | None = None


@dataclass(slots=True)
class Scenario:
    """``backward`` flows send on the way back, in the feedback's queue."""

    name: str
    seconds: float
    link: LinkSettings
    flows: list[FlowSettings] = field(default_factory=lambda: [FlowSettings()])
    back: LinkSettings | None = None
    backward: list[FlowSettings] = field(default_factory=list)
    tcp: list[TcpSettings] = field(default_factory=list)
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    scenario: Scenario
    link: Link
    flows: list[MediaFlow]
    tcp: list[TcpFlow]
    backward: list[MediaFlow]

    @property
    def trace(self) -> Trace:
        return self.flows[0].trace

    def mean_target(self, start: float, end: float, flow: int = 0) -> float:
        return _mean(self.flows[flow].trace, self.flows[flow].trace.target, start, end)

    def mean_sent(self, start: float, end: float, flow: int = 0) -> float:
        return _mean(self.flows[flow].trace, self.flows[flow].trace.arrived, start, end)

    def share_of_link(self, start: float, end: float, flow: int = 0) -> float:
        """The mean estimate against the mean capacity, outages left out."""
        trace = self.flows[flow].trace
        pairs = [
            (target, self.link.capacity_at(at))
            for at, target in zip(trace.seconds, trace.target, strict=True)
            if start <= at < end
        ]
        return sum(target for target, capacity in pairs if capacity) / sum(c for _, c in pairs)

    def utilisation(self, start: float, end: float) -> float:
        """What all media flows got of the link."""
        capacity = fmean(self.link.capacity_at(start + (end - start) * i / 200) for i in range(200))
        return sum(self.mean_sent(start, end, flow) for flow in range(len(self.flows))) / capacity

    def wait_ms(self, share: float, start: float = 0, end: float = 1e9) -> float:
        """A percentile of the time that media packets stood in the queue."""
        waits = sorted(wait for flow in self.flows for at, wait in flow.trace.waits_ms if start <= at < end)
        return waits[min(int(share * len(waits)), len(waits) - 1)] if waits else 0.0

    def loss(self) -> float:
        sent = sum(flow.trace.packets_sent for flow in self.flows)
        return 1 - sum(flow.trace.packets_arrived for flow in self.flows) / sent

    def first_time(self, start: float, below: float = 1e12, above: float = 0.0, flow: int = 0) -> float:
        """Seconds after ``start`` until the estimate lies between ``above`` and ``below``; 1e9: never."""
        trace = self.flows[flow].trace
        for at, target in zip(trace.seconds, trace.target, strict=True):
            if at >= start and above <= target <= below:
                return at - start
        return 1e9

    def fairness(self, start: float, end: float) -> float:
        """Jain's index of what the media flows got."""
        rates = [self.mean_sent(start, end, flow) for flow in range(len(self.flows))]
        return sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates))

    def large_falls(self, start: float, end: float, flow: int = 0) -> int:
        """How often the estimate fell below three quarters of its height of the second before."""
        trace = self.flows[flow].trace
        falls, quiet_until = 0, start
        for index in range(10, len(trace.seconds)):
            at = trace.seconds[index]
            if quiet_until <= at < end and trace.target[index] < 0.75 * max(trace.target[index - 10 : index]):
                falls += 1
                quiet_until = at + 2
        return falls


def run(scenario: Scenario) -> Outcome:
    """Let it happen."""
    clock = Clock()
    link = Link(clock, scenario.link, scenario.seed)
    back_settings = scenario.back or LinkSettings(
        [(0, WIDE)], scenario.link.delay_ms, outages=list(scenario.link.outages)
    )
    back = Link(clock, back_settings, scenario.seed + 1)
    flows = [
        MediaFlow(clock, link, back, flow, scenario.seed * 100 + number)
        for number, flow in enumerate(scenario.flows)
    ]
    backward = [
        MediaFlow(clock, back, link, flow, scenario.seed * 100 + 50 + number)
        for number, flow in enumerate(scenario.backward)
    ]
    tcp = [TcpFlow(clock, link, back, one.start_s, one.stop_s, one.total_bytes) for one in scenario.tcp]
    clock.run_until(SECOND + round(scenario.seconds * SECOND))
    return Outcome(scenario, link, flows, tcp, backward)


def _mean(trace: Trace, values: list[float], start: float, end: float) -> float:
    return fmean(
        [value for at, value in zip(trace.seconds, values, strict=True) if start <= at < end] or [0.0]
    )
