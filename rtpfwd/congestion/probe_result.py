"""What a probe found: the rate of its cluster, at the sender and at the receiver.

Source: libwebrtc's probe bitrate estimator and its values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, seconds
from rtpfwd.congestion.departure_log import Received

ENOUGH = 0.8  # of a cluster's packets and bytes
MAX_FASTER = 2.0  # arriving this much faster than sent is no measurement
UNSATURATED = 0.9  # arriving at this part of the rate sent: the link has more
TARGET_SHARE = 0.95  # of a saturated link, so that its queue can drain
MAX_INTERVAL_US = seconds(1)
MAX_CLUSTERS = 16


@dataclass(frozen=True, slots=True)
class Probe:
    """A stretch of packets at ``rate_bps``, until ``size_bytes`` and ``packets`` both have left.

    Its departures bear ``cluster``.
    """

    cluster: int
    rate_bps: int
    size_bytes: int
    packets: int


@dataclass(slots=True)
class _Cluster:
    probe: Probe
    packets: int = 0
    size: int = 0
    first_sent_at: int = 0
    last_sent_at: int = 0
    last_sent_size: int = 0
    first_arrived_at: int = 0
    last_arrived_at: int = 0
    first_arrived_size: int = 0

    def add(self, sent_at: int, arrived_at: int, size: int) -> None:
        if not self.packets or sent_at < self.first_sent_at:
            self.first_sent_at = sent_at
        if not self.packets or sent_at >= self.last_sent_at:
            self.last_sent_at = sent_at
            self.last_sent_size = size
        if not self.packets or arrived_at < self.first_arrived_at:
            self.first_arrived_at = arrived_at
            self.first_arrived_size = size
        if not self.packets or arrived_at > self.last_arrived_at:
            self.last_arrived_at = arrived_at
        self.packets += 1
        self.size += size

    def measure(self) -> int | None:
        """Bits per second; ``None`` while there is too little, or it makes no sense."""
        if self.packets < ENOUGH * self.probe.packets or self.size < ENOUGH * self.probe.size_bytes:
            return None
        sent_us = self.last_sent_at - self.first_sent_at
        arrived_us = self.last_arrived_at - self.first_arrived_at
        if not 0 < sent_us <= MAX_INTERVAL_US or not 0 < arrived_us <= MAX_INTERVAL_US:
            return None
        sent_bps = (self.size - self.last_sent_size) * 8 * MICROSECONDS / sent_us
        arrived_bps = (self.size - self.first_arrived_size) * 8 * MICROSECONDS / arrived_us
        if arrived_bps > MAX_FASTER * sent_bps:
            return None
        if arrived_bps < UNSATURATED * sent_bps:
            return round(TARGET_SHARE * arrived_bps)
        return round(min(sent_bps, arrived_bps))


class ProbeResults:
    """Clusters under way."""

    __slots__ = ("_clusters",)

    def __init__(self) -> None:
        self._clusters: dict[int, _Cluster] = {}

    def expect(self, probe: Probe) -> None:
        """A probe begins; the oldest is forgotten when there are many."""
        self._clusters[probe.cluster] = _Cluster(probe)
        if len(self._clusters) > MAX_CLUSTERS:
            del self._clusters[next(iter(self._clusters))]

    def add(self, received: Iterable[Received]) -> list[tuple[Probe, int]]:
        """Take acknowledged packets; returns what the clusters among them amount to so far."""
        touched: dict[int, _Cluster] = {}
        for sent_at, arrived_at, size, number in received:
            if number:
                cluster = self._clusters.get(number)
                if cluster is not None:
                    cluster.add(sent_at, arrived_at, size)
                    touched[number] = cluster
        results = []
        for cluster in touched.values():
            rate_bps = cluster.measure()
            if rate_bps is not None:
                results.append((cluster.probe, rate_bps))
        return results
