"""What all streams of a worker have counted since its start, those that have ended included.

Counters live with their streams and go with them; what is summed here never goes back, as those who draw
rates from it (Prometheus) need.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rtpfwd.dataplane.interface import ReceiveCounters, SendCounters

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.context import Context
    from rtpfwd.sfu.incoming_stream import IncomingStream

NAMES = (
    "keyFrames",
    "keyFrameRequestsSent",
    "keyFrameRequestsReceived",
    "nacksSent",
    "nackPacketsSent",
    "nacksReceived",
    "nackPacketsReceived",
    "packetsRepaired",
    "packetsRetransmitted",
    "bytesReceived",
    "bytesForwarded",
    "bytesRetransmitted",
)
"""Of ``sums``; all are there from the start."""


class Ended:
    """What ended streams had counted. One for each worker."""

    __slots__ = ("drops", "sums")

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()

    def stream(self, stream: IncomingStream, counters: ReceiveCounters) -> None:
        """A stream of a producer is about to go."""
        _add_received(self.sums, stream, counters)

    def consumer(self, consumer: Consumer, counters: SendCounters) -> None:
        """A consumer is about to go."""
        _add_sent(self.sums, self.drops, consumer, counters)


def totals(context: Context) -> tuple[dict[str, int], dict[str, int]]:
    """Sums under ``NAMES``, and packets that were not forwarded to somebody by reason (``SendDrop``)."""
    sums, drops = Counter(context.ended.sums), Counter(context.ended.drops)
    plane = context.plane
    for stream in context.incoming.values():
        _add_received(sums, stream, plane.receive_counters(stream.id))
    for consumer in context.consumers.values():
        _add_sent(sums, drops, consumer, plane.send_counters(consumer.stream))
    return {name: sums[name] for name in NAMES}, dict(sorted(drops.items()))


def _add_received(sums: Counter[str], stream: IncomingStream, counters: ReceiveCounters) -> None:
    sums["keyFrames"] += counters.key_frames
    sums["keyFrameRequestsSent"] += stream.pli_count + stream.fir_count
    sums["nacksSent"] += counters.nack_requests
    sums["nackPacketsSent"] += counters.nack_packets
    sums["packetsRepaired"] += counters.repaired
    sums["bytesReceived"] += counters.bytes + counters.rtx_bytes


def _add_sent(sums: Counter[str], drops: Counter[str], consumer: Consumer, counters: SendCounters) -> None:
    sums["keyFrameRequestsReceived"] += consumer.pli_count + consumer.fir_count
    sums["nacksReceived"] += consumer.nack_count
    sums["nackPacketsReceived"] += counters.nack_packets
    sums["packetsRetransmitted"] += counters.retransmitted
    sums["bytesForwarded"] += counters.bytes
    sums["bytesRetransmitted"] += counters.retransmitted_bytes
    for reason, count in counters.drops.items():
        drops[reason.name.lower()] += count
