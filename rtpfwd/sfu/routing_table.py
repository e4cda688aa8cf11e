"""The routing table of a running worker as plain JSON: which producer SSRC goes to which consumer SSRCs.

One route for each stream that is received, under it the consumers that are being sent it; consumers that
are sent nothing stand apart with the reason. Rates are over about the last second and bits count RTP packets
whole, before SRTP; loss is what the receiving side last reported. Words are W3C's and mediasoup's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import TransportId
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.wire.datagram import Path

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.context import Context
    from rtpfwd.sfu.incoming_stream import IncomingStream
    from rtpfwd.sfu.worker import Worker

LOSS_UNIT = 256  # of a fraction lost on the wire
MICROSECONDS_PER_MS = 1000


def routing_table(
    worker: Worker, now: Instant, *, router_id: str | None = None, at_most: int | None = None
) -> JsonObject:
    """``{timestamp, routes, idle, counts, truncated}``.

    A route: ``{routerId, transportId, producerId, kind, type, mimeType, encodingIdx, rid?, ssrc, rtxSsrc?,
    from?, paused, active, packets, bytes, packetRate, bitrate, lostPercent, jitterMs, rttMs?, score, drops,
    consumers}``; a consumer: ``{routerId, transportId, consumerId, producerId, kind, ssrc, rtxSsrc?, to?,
    paused, layers?, reason?, packets, bytes, packetRate, bitrate, retransmitted, lostPercent?, rttMs?, score,
    estimateBps?, desiredBps?, neededBps?, queuedPackets, drops}``. ``idle`` are consumers without a stream.
    Of ``router_id`` only, if given. No more than ``at_most`` rows of both kinds; ``truncated`` tells that
    there are more.
    """
    context = worker._context
    routers = {
        transport.number: router.id
        for router in worker.routers.values()
        if router_id in (None, router.id)
        for transport in router.transports.values()
    }
    table = _Table(context, routers, now, at_most)
    receivers: dict[int, list[Consumer]] = {}
    idle: list[Consumer] = []
    for consumer in context.consumers.values():
        if consumer.current is None:
            idle.append(consumer)
        else:
            receivers.setdefault(consumer.current.id, []).append(consumer)
    routes = [
        {**table.route(stream), "consumers": table.consumers(receivers.get(stream.id, ()))}
        for stream in sorted(context.incoming.values(), key=lambda one: (one.producer.id, one.position))
        if table.takes(stream.producer.transport)
    ]
    return {
        "timestamp": context.unix_ms(now),
        "routes": routes,
        "idle": table.consumers(idle),
        "counts": {
            "routers": len(worker.routers),
            "transports": len(context.transports),
            "streams": len(context.incoming),
            "consumers": len(context.consumers),
        },
        "truncated": table.truncated,
    }


class _Table:
    """Makes rows until there are enough."""

    def __init__(
        self, context: Context, routers: dict[TransportId, str], now: Instant, at_most: int | None
    ) -> None:
        self.truncated = False
        self._context = context
        self._routers = routers
        self._now = now
        self._left = at_most

    def takes(self, transport: TransportId) -> bool:
        """Whether a row of this transport is wanted and has room; takes the room."""
        if transport not in self._routers:
            return False
        if self._left is None:
            return True
        if self._left == 0:
            self.truncated = True
            return False
        self._left -= 1
        return True

    def route(self, stream: IncomingStream) -> JsonObject:
        """A stream that comes in."""
        context, producer = self._context, stream.producer
        counters = context.plane.receive_counters(stream.id)
        codec = producer.parameters.codec_for(producer.parameters.encodings[stream.position])
        return {
            "routerId": self._routers[producer.transport],
            "transportId": context.transports[producer.transport].id,
            "producerId": producer.id,
            "kind": producer.kind,
            "type": producer.type.value,
            "mimeType": codec.mime_type,
            "encodingIdx": stream.position,
            **_known(rid=stream.rid),
            "ssrc": stream.ssrc,
            **_known(rtxSsrc=stream.rtx_ssrc),
            **_known(**{"from": self._address(producer.transport)}),
            "paused": producer.paused,
            "active": stream.active,
            "packets": counters.packets,
            "bytes": counters.bytes,
            "packetRate": stream.packet_rate.update(counters.packets, self._now) // 8,
            "bitrate": stream.rate.update(counters.bytes, self._now),
            "lostPercent": _percent(stream.fraction_lost),
            "jitterMs": round(counters.jitter * 1000 / codec.clock_rate, 1),
            **_known(rttMs=_ms(stream.rtt_us)),
            "score": stream.score.value,
            "drops": {
                name: count
                for name, count in (
                    ("discarded", counters.discarded),
                    ("duplicates", counters.duplicates),
                    ("rtxDiscarded", counters.rtx_discarded),
                )
                if count
            },
        }

    def consumers(self, consumers: list[Consumer] | tuple[()]) -> list[JsonObject]:
        """Those that are wanted."""
        return [self._consumer(one) for one in consumers if self.takes(one.transport)]

    def _consumer(self, consumer: Consumer) -> JsonObject:
        context = self._context
        transport = context.transports[consumer.transport]
        bandwidth = transport.media.bandwidth
        counters = context.plane.send_counters(consumer.stream)
        block = consumer.reports.last_block
        assignment = consumer.assignment
        return {
            "routerId": self._routers[consumer.transport],
            "transportId": transport.id,
            "consumerId": consumer.id,
            "producerId": consumer.producer_id,
            "kind": consumer.kind,
            "ssrc": consumer.ssrc,
            **_known(rtxSsrc=consumer.rtx_ssrc, to=self._address(consumer.transport)),
            "paused": consumer.paused or consumer.producer.paused,
            **_known(
                layers=consumer.current_layers,
                reason=None if assignment is None else assignment.reason.value,
                neededBps=None if assignment is None else assignment.needed_bps,
            ),
            "packets": counters.packets,
            "bytes": counters.bytes,
            "packetRate": consumer.packet_rate.update(counters.packets, self._now) // 8,
            "bitrate": consumer.rate.update(counters.bytes, self._now),
            "retransmitted": counters.retransmitted,
            **_known(
                lostPercent=None if block is None else _percent(block.fraction_lost),
                rttMs=_ms(consumer.reports.rtt_us),
                estimateBps=bandwidth.available_bps,
                desiredBps=None if bandwidth.available_bps is None else bandwidth.desired_bps,
            ),
            "score": consumer.score["score"],
            "queuedPackets": context.plane.transport_counters(consumer.transport).queued_packets,
            "drops": {reason.name.lower(): count for reason, count in counters.drops.items() if count},
        }

    def _address(self, transport: TransportId) -> str | None:
        path = self._context.transports[transport].secure.selected
        return None if path is None else _shown(path)


def _shown(path: Path) -> str:
    host, port = path[1][0], path[1][1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _percent(fraction: int) -> float:
    return round(100 * fraction / LOSS_UNIT, 1)


def _ms(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / MICROSECONDS_PER_MS


def _known(**members: object) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
