"""The scenarios: RFC 8867's test cases, and links that an SFU meets.

RFC 8867 counts a path's capacity as a multiple of a reference; here are the products. Where it names a codec
model, ours is ``FlowSettings``'s encoder.
"""

from __future__ import annotations

from random import Random

from tests.congestion.simulation.media import FlowSettings
from tests.congestion.simulation.network import LinkSettings
from tests.congestion.simulation.scenario import Scenario, TcpSettings


def reference_cases() -> list[Scenario]:
    """RFC 8867 §5.1 to §5.8."""
    random = Random(57)
    short_tcp = [
        TcpSettings(start, total_bytes=random.randint(30_000, 1_000_000))
        for start in sorted(random.uniform(0, 280) for _ in range(10))
    ]
    return [
        Scenario("5.1 variable capacity", 100, LinkSettings([(0, 1e6), (40, 2.5e6), (60, 0.6e6), (80, 1e6)])),
        Scenario(
            "5.2 variable capacity, two flows",
            125,
            LinkSettings([(0, 4e6), (25, 2e6), (50, 3.5e6), (75, 1e6), (100, 2e6)]),
            [FlowSettings(), FlowSettings()],
        ),
        Scenario(
            "5.3 congested feedback",
            100,
            LinkSettings([(0, 2e6), (20, 1e6), (40, 0.5e6), (60, 2e6)]),
            back=LinkSettings([(0, 2e6), (35, 0.8e6), (70, 2e6)]),
            backward=[FlowSettings()],
        ),
        Scenario(
            "5.4 competing flows",
            120,
            LinkSettings([(0, 3.5e6)]),
            [FlowSettings(start_s=start) for start in (0, 20, 40)],
        ),
        Scenario(
            "5.5 RTT fairness",
            300,
            LinkSettings([(0, 4e6)], delay_ms=10),
            [
                FlowSettings(start_s=10.0 * number, extra_delay_ms=delay)
                for number, delay in enumerate((0, 15, 40, 90, 140))
            ],
        ),
        Scenario("5.6 long TCP", 120, LinkSettings([(0, 2e6)]), tcp=[TcpSettings(5)]),
        Scenario(
            "5.7 short TCP", 300, LinkSettings([(0, 2e6)]), [FlowSettings(), FlowSettings()], tcp=short_tcp
        ),
        Scenario(
            "5.8 pause and resume",
            120,
            LinkSettings([(0, 3.5e6)]),
            [FlowSettings(), FlowSettings(pauses=[(40, 60)]), FlowSettings()],
        ),
    ]


def step() -> Scenario:
    return Scenario("step 3M 300k 3M", 80, LinkSettings([(0, 3e6), (20, 0.3e6), (40, 3e6)], delay_ms=25))


def layered_step() -> Scenario:
    """An SFU's source: three layers, and demand for the highest."""
    flow = FlowSettings(layers=[150e3, 500e3, 1.5e6], demand_bps=1_500_000)
    return Scenario(
        "layers, step 3M 300k 3M", 80, LinkSettings([(0, 3e6), (20, 0.3e6), (40, 3e6)], delay_ms=25), [flow]
    )


def steady(rate: float, rtt_ms: float, loss: float = 0.0, seconds: float = 60, seed: int = 1) -> Scenario:
    name = f"steady {rate / 1e6:g}M rtt {rtt_ms:g} ms loss {loss:.0%}"
    return Scenario(name, seconds, LinkSettings([(0, rate)], delay_ms=rtt_ms / 2, loss=loss), seed=seed)


def outage(length_s: float) -> Scenario:
    return Scenario(
        f"outage {length_s:g} s",
        40 + length_s,
        LinkSettings([(0, 2e6)], delay_ms=25, outages=[(20, 20 + length_s)]),
    )


def jittery() -> Scenario:
    return Scenario("jitter 20 ms", 60, LinkSettings([(0, 2e6)], delay_ms=25, jitter_ms=20))


def lossy(loss: float) -> Scenario:
    return Scenario(f"random loss {loss:.0%}", 60, LinkSettings([(0, 2e6)], delay_ms=25, loss=loss))


def two_flows() -> Scenario:
    return Scenario(
        "two flows",
        120,
        LinkSettings([(0, 3e6)], delay_ms=25),
        [FlowSettings(), FlowSettings(start_s=20)],
    )


def product_cases() -> list[Scenario]:
    """What the acceptance figures are about."""
    return [
        step(),
        layered_step(),
        *(steady(rate, rtt, loss) for rate, rtt, loss in STEADY),
        outage(3),
        outage(10),
        jittery(),
        lossy(0.05),
        lossy(0.20),
        two_flows(),
    ]


STEADY = [
    (rate, rtt, loss)
    for rate in (0.3e6, 1e6, 3e6, 10e6)
    for rtt, loss in ((20, 0.0), (100, 0.0), (20, 0.02), (100, 0.02))
]
