"""Prometheus metrics: read from the server when asked for, out of a registry of our own.

Labels come from fixed lists only (reasons, kinds, directions, states): no room, no peer, no id, so that the
number of series does not grow with the calls. Counters are the worker's totals, which outlive their streams.
The dashboard of these is ``files/grafana.json``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import accumulate

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .server import OperatedServer

ESTIMATES_BPS = (
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    4_000_000,
    8_000_000,
    16_000_000,
    50_000_000,
)
"""Upper bounds of the histogram's buckets."""
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_DIRECTED = (
    ("rtpfwd_key_frame_requests", "PLI and FIR sent to publishers, received from receivers.",
     "keyframerequestssent", "keyframerequestsreceived"),
    ("rtpfwd_nacks", "NACKs sent to publishers, received from receivers.", "nackssent", "nacksreceived"),
    ("rtpfwd_nack_packets", "Packets asked for by them.", "nackpacketssent", "nackpacketsreceived"),
)  # fmt: skip
_PLAIN = (
    ("rtpfwd_key_frames", "Key frames that came in.", "keyframes"),
    ("rtpfwd_repaired_packets", "Packets that RTX brought in.", "packetsrepaired"),
    ("rtpfwd_retransmitted_packets", "Packets sent again.", "packetsretransmitted"),
    ("rtpfwd_received_media_bytes", "RTP that streams took, whole.", "bytesreceived"),
    ("rtpfwd_forwarded_media_bytes", "RTP sent, whole, one for each consumer.", "bytesforwarded"),
    ("rtpfwd_retransmitted_media_bytes", "RTP sent again, whole.", "bytesretransmitted"),
)


class Metrics:
    """Of one server."""

    def __init__(self, server: OperatedServer) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_ServerCollector(server))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def render(self) -> bytes:
        """The text format, version 0.0.4."""
        return generate_latest(self.registry)


class _ServerCollector(Collector):
    def __init__(self, server: OperatedServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Metric]:
        flat = self._server.driver.counters()
        yield from _traffic(flat)
        yield from _streams(flat)
        yield from self._objects()
        yield from self._health(flat)

    def _objects(self) -> Iterator[Metric]:
        server = self._server
        transports = [
            one for router in server.driver.worker.routers.values() for one in router.transports.values()
        ]
        yield GaugeMetricFamily("rtpfwd_rooms", "Rooms.", value=len(server.rooms))
        yield GaugeMetricFamily("rtpfwd_peers", "People in rooms.", value=server.rooms.peers)
        yield GaugeMetricFamily(
            "rtpfwd_sockets", "Open signaling connections.", value=server.gateway.open_sockets
        )
        yield _labelled(
            GaugeMetricFamily("rtpfwd_transports", "Transports by DTLS state.", labels=("dtls_state",)),
            Counter({"new": 0, "connecting": 0, "connected": 0, "failed": 0, "closed": 0})
            + Counter(one.dtls_state for one in transports),
            ("new", "connecting", "connected", "failed", "closed"),
        )
        for name, kinds in (
            ("producers", Counter(p.kind for one in transports for p in one.producers.values())),
            ("consumers", Counter(c.kind for one in transports for c in one.consumers.values())),
        ):
            family = GaugeMetricFamily(f"rtpfwd_{name}", f"{name.capitalize()} by kind.", labels=("kind",))
            yield _labelled(family, kinds, ("audio", "video"))
        estimates = [one.media.bandwidth.available_bps for one in transports]
        yield _histogram([one for one in estimates if one is not None])

    def _health(self, flat: dict[str, int]) -> Iterator[Metric]:
        server = self._server
        yield GaugeMetricFamily(
            "rtpfwd_loop_lag_seconds",
            "How late the loop runs: media waits that long.",
            flat["loop_lag_us"] / 1e6,
        )
        yield GaugeMetricFamily(
            "rtpfwd_loop_lag_worst_seconds",
            "The worst of the last ten seconds.",
            flat["loop_lag_worst_us"] / 1e6,
        )
        failures = CounterMetricFamily("rtpfwd_failures", "Exceptions caught: bugs.", labels=("where",))
        for where in ("receive", "timer", "listener", "capture"):
            failures.add_metric([where], flat[f"driver_{where}_failures"])
        yield failures
        yield CounterMetricFamily(
            "rtpfwd_refused_messages",
            "Signaling messages that did not parse.",
            server.gateway.refused_messages,
        )
        yield CounterMetricFamily(
            "rtpfwd_tunable_changes", "Settings changed while running.", server.driver.worker.tunables.changes
        )
        yield GaugeMetricFamily("rtpfwd_draining", "1 while nobody new is taken.", int(server.drain.active))
        yield InfoMetricFamily("rtpfwd_build", "What runs.", {"version": version("rtpfwd")})


def _traffic(flat: dict[str, int]) -> Iterator[Metric]:
    for name, about, received, sent in (
        ("rtpfwd_udp_packets", "Datagrams, STUN and DTLS included.", "udp_received", "udp_sent"),
        ("rtpfwd_udp_bytes", "Payloads of them.", "udp_received_bytes", "udp_sent_bytes"),
    ):
        family = CounterMetricFamily(name, about, labels=("direction",))
        family.add_metric(["in"], flat.get(received, 0))
        family.add_metric(["out"], flat.get(sent, 0))
        yield family
    family = CounterMetricFamily(
        "rtpfwd_received_packets", "Packets taken, by protocol.", labels=("protocol",)
    )
    for protocol in ("stun", "dtls", "rtcp", "rtp"):
        family.add_metric([protocol], flat[f"worker_{protocol}"])
    yield family
    yield CounterMetricFamily(
        "rtpfwd_forwarded_packets", "RTP packets sent, one for each consumer.", flat["worker_forwarded"]
    )
    yield _by_rest(flat, "worker_drops_", "rtpfwd_dropped_packets", "Received and dropped, by reason.")
    yield _by_rest(
        flat, "worker_senddrops_", "rtpfwd_unforwarded_packets", "Not forwarded to a consumer, by reason."
    )
    yield _by_rest(
        flat, "udp_send_", "rtpfwd_send_errors", "Datagrams that the system did not take.", "error"
    )
    yield _by_rest(flat, "udp_receive_", "rtpfwd_receive_errors", "Errors of receiving.", "error")
    if "udp_kernel_drops" in flat:
        yield CounterMetricFamily(
            "rtpfwd_kernel_dropped_packets",
            "Datagrams that a full receive buffer cost.",
            flat["udp_kernel_drops"],
        )


def _streams(flat: dict[str, int]) -> Iterator[Metric]:
    for name, about, sent, received in _DIRECTED:
        family = CounterMetricFamily(name, about, labels=("direction",))
        family.add_metric(["sent"], flat[f"worker_streams_{sent}"])
        family.add_metric(["received"], flat[f"worker_streams_{received}"])
        yield family
    for name, about, key in _PLAIN:
        yield CounterMetricFamily(name, about, flat[f"worker_streams_{key}"])


def _by_rest(
    flat: dict[str, int], prefix: str, name: str, about: str, label: str = "reason"
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=(label,))
    for key, count in flat.items():
        if key.startswith(prefix):
            family.add_metric([key.removeprefix(prefix)], count)
    return family


def _labelled(family: GaugeMetricFamily, counts: Counter[str], labels: tuple[str, ...]) -> GaugeMetricFamily:
    for label in labels:
        family.add_metric([label], counts[label])
    return family


def _histogram(estimates: list[int]) -> GaugeHistogramMetricFamily:
    within = Counter(next((bound for bound in ESTIMATES_BPS if one <= bound), None) for one in estimates)
    below = accumulate(within[bound] for bound in ESTIMATES_BPS)
    buckets = [(str(float(bound)), count) for bound, count in zip(ESTIMATES_BPS, below, strict=True)]
    return GaugeHistogramMetricFamily(
        "rtpfwd_downlink_estimate_bits_per_second",
        "What the receivers' links are taken to carry, now.",
        buckets=[*buckets, ("+Inf", len(estimates))],
        gsum_value=sum(estimates),
    )
