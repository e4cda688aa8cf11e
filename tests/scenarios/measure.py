"""How well media gets through a pair of links: one publisher, one consumer, virtual time, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.drivers.links import LinkModel
from rtpfwd.drivers.netem import BurstEvery, LinkSpec, emulate
from tests.scenarios.call import Call, camera

WARM_UP_S = 3.0
"""Long enough for both sides to know their round trip."""
SETTLE_S = 3.0
"""What is sent in the last seconds may still be under repair and does not count."""
NEAR = LinkSpec(delay_us=milliseconds(25))
"""Half of a round trip of 50 ms."""


class Tap:
    """Notes which RTP packets a link let through, by SSRC and number: SRTP leaves the header readable."""

    def __init__(self, inner: LinkModel) -> None:
        self.inner = inner
        self.passed: dict[tuple[int, int], bool] = {}
        self.repeated = 0
        """Packets that were sent a second time under the same number."""

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's."""
        arrivals = self.inner.arrivals(data, now)
        if data[0] & 0xC0 == 0x80 and not 192 <= data[1] < 224:
            packet = int.from_bytes(data[8:12]), int.from_bytes(data[2:4])
            self.repeated += packet in self.passed
            self.passed[packet] = bool(arrivals)
        return arrivals


@dataclass(frozen=True, slots=True)
class Scenario:
    """``burst`` loses (every so many microseconds, so many packets) on both links that are not clean."""

    name: str
    uplink: LinkSpec = NEAR
    downlink: LinkSpec = NEAR
    duration_s: float = 20.0
    seed: int = 1
    burst: tuple[int, int] | None = None
    video: dict[str, Any] = field(default_factory=lambda: {"packets_per_frame": 10, "payload_bytes": 1000})
    """2.4 Mbit/s: 300 packets a second."""


@dataclass(frozen=True, slots=True)
class Result:
    """Shares are of the packets sent; times in microseconds."""

    sent: int
    missing: int
    """Packets that never came."""
    late_us: list[int]
    """Of each packet that came after a later one: by how much it was later than the fastest."""
    uplink_repeats: int
    downlink_repeats: int
    key_frames: int
    """Asked of the publisher after the start."""
    longest_freeze_us: int
    duplicates: int
    """Packets that left the server twice under one number."""
    nacked: int
    """Different numbers asked of the publisher."""
    falsely_nacked: int
    """Of these, the ones that arrived by themselves."""
    reordered: int
    """Datagrams that the uplink held back."""

    @property
    def residual(self) -> float:
        """Share that never came."""
        return self.missing / self.sent

    @property
    def overhead(self) -> tuple[float, float]:
        """Packets sent again for each packet sent, up and down."""
        return self.uplink_repeats / self.sent, self.downlink_repeats / self.sent

    def late(self, share: float) -> int:
        """A quantile of ``late_us``; 0 when nothing was late."""
        ordered = sorted(self.late_us)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0


def measure(scenario: Scenario) -> Result:
    """Run it."""
    call = Call(keys=True, seed=scenario.seed)
    seed = scenario.seed * 10
    up, down = emulate(scenario.uplink, seed=seed), emulate(scenario.downlink, seed=seed + 1)
    uplink: LinkModel = up
    downlink: LinkModel = down
    if scenario.burst is not None:
        uplink, downlink = BurstEvery(up, *scenario.burst), BurstEvery(down, *scenario.burst)
    # Feedback suffers the same as media.
    answers = emulate(replace(scenario.uplink, reorder=0.0), seed=seed + 2)
    requests = emulate(replace(scenario.downlink, reorder=0.0), seed=seed + 3)
    tap = Tap(uplink)
    alice = call.join(uplink=tap, downlink=answers)
    forwarded = Tap(downlink)
    bob = call.join(uplink=requests, downlink=forwarded)
    producer, [source] = alice.produce(camera(**scenario.video))
    consumer, sink = bob.consume(producer)
    call.run(WARM_UP_S)
    first, asked_before = source.packets, alice.peer.key_frame_requests
    repeats_before = call.worker_counters(consumer).retransmitted, source.retransmitted
    nacks_before = len(alice.peer.nacks)
    call.run(scenario.duration_s)
    last = source.packets
    repeats = call.worker_counters(consumer).retransmitted, source.retransmitted
    call.run(SETTLE_S)
    came = {number for number in sink.marks if first <= number < last}
    nacked = {(ssrc, one) for _, ssrc, numbers in alice.peer.nacks[nacks_before:] for one in numbers}
    return Result(
        sent=last - first,
        missing=last - first - len(came),
        late_us=_late(sink.marks, sink.latencies_us, first, last),
        uplink_repeats=repeats[1] - repeats_before[1],
        downlink_repeats=repeats[0] - repeats_before[0],
        key_frames=alice.peer.key_frame_requests - asked_before,
        longest_freeze_us=sink.pictures.longest_freeze_us,
        duplicates=forwarded.repeated,
        nacked=len(nacked),
        falsely_nacked=sum(tap.passed.get(one, False) for one in nacked),
        reordered=up.counters.reordered,
    )


def _late(marks: list[int], latencies_us: list[int], first: int, last: int) -> list[int]:
    fastest, highest, late = min(latencies_us), -1, []
    for number, latency_us in zip(marks, latencies_us, strict=True):
        if number < highest and first <= number < last:
            late.append(latency_us - fastest)
        highest = max(highest, number)
    return late
