"""Stats under mediasoup 3.27's names (``RtpStreamRecvStats``, ``RtpStreamSendStats``,
``WebRtcTransportStat``).

Times in milliseconds (``timestamp`` since 1970), rates in bits per second, loss shares of 255 as on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.ortc.json_values import JsonObject

if TYPE_CHECKING:
    from rtpfwd.sfu.consumer import Consumer
    from rtpfwd.sfu.context import Context
    from rtpfwd.sfu.incoming_stream import IncomingStream


def inbound_rtp(context: Context, stream: IncomingStream, now: Instant) -> JsonObject:
    """One stream of a producer."""
    counters = context.plane.receive_counters(stream.id)
    encoding = stream.producer.parameters.encodings[stream.position]
    bitrate = stream.rate.update(counters.bytes, now)
    return _without_none(
        {
            "type": "inbound-rtp",
            "timestamp": context.unix_ms(now),
            "ssrc": stream.ssrc,
            "rtxSsrc": stream.rtx_ssrc,
            "rid": stream.rid,
            "kind": stream.producer.kind,
            "mimeType": stream.producer.parameters.codec_for(encoding).mime_type,
            "packetCount": counters.packets,
            "byteCount": counters.bytes,
            "bitrate": bitrate,
            "bitrateByLayer": {f"{stream.position}.0": bitrate},
            "packetsLost": max(counters.expected - counters.received, 0),
            "fractionLost": stream.fraction_lost,
            "jitter": counters.jitter,
            "packetsDiscarded": counters.discarded,
            "packetsRetransmitted": counters.retransmitted,
            "packetsRepaired": counters.repaired,
            "rtxPacketsDiscarded": counters.rtx_discarded,
            "nackCount": counters.nack_requests,
            "nackPacketCount": counters.nack_packets,
            "pliCount": stream.pli_count,
            "firCount": stream.fir_count,
            "roundTripTime": _milliseconds(stream.rtt_us),
            "score": stream.score.value,
        }
    )


def outbound_rtp(context: Context, consumer: Consumer, now: Instant) -> JsonObject:
    """The stream of a consumer."""
    counters = context.plane.send_counters(consumer.stream)
    block = consumer.reports.last_block
    return _without_none(
        {
            "type": "outbound-rtp",
            "timestamp": context.unix_ms(now),
            "ssrc": consumer.ssrc,
            "rtxSsrc": consumer.rtx_ssrc,
            "kind": consumer.kind,
            "mimeType": consumer.parameters.codecs[0].mime_type,
            "packetCount": counters.packets,
            "byteCount": counters.bytes,
            "bitrate": consumer.rate.update(counters.bytes, now),
            "packetsLost": max(block.packets_lost, 0) if block is not None else 0,
            "fractionLost": block.fraction_lost if block is not None else 0,
            "jitter": block.jitter if block is not None else 0,
            "packetsDiscarded": sum(counters.drops.values()),
            "packetsRetransmitted": counters.retransmitted,
            "packetsRepaired": counters.retransmitted,
            "nackCount": consumer.nack_count,
            "nackPacketCount": counters.nack_packets,
            "pliCount": consumer.pli_count,
            "firCount": consumer.fir_count,
            "roundTripTime": _milliseconds(consumer.reports.rtt_us),
            "score": consumer.score["score"],
        }
    )


def _milliseconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / 1000


def _without_none(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
