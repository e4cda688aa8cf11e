"""A transport's stats and dump under mediasoup 3.27's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.dump import pairs

if TYPE_CHECKING:
    from rtpfwd.sfu.context import Context
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport

LOSS_UNIT = 256  # of a fraction lost on the wire; mediasoup tells a share of 1


def webrtc_transport(context: Context, transport: WebRtcTransport, now: Instant) -> JsonObject:
    """``WebRtcTransportStat``; rates in bits per second over about the last second."""
    plane = context.plane
    rtp_in = rtx_in = rtp_out = rtx_out = 0
    rtp_rate_in = rtx_rate_in = rtp_rate_out = rtx_rate_out = 0
    lost_in: list[int] = []
    lost_out: list[int] = []
    for producer in transport.producers.values():
        for stream in producer.streams:
            received = plane.receive_counters(stream.id)
            rtp_in += received.bytes
            rtx_in += received.rtx_bytes
            rtp_rate_in += stream.rate.update(received.bytes, now)
            rtx_rate_in += stream.rtx_rate.update(received.rtx_bytes, now)
            lost_in.append(stream.fraction_lost)
    for consumer in transport.consumers.values():
        sent = plane.send_counters(consumer.stream)
        rtp_out += sent.bytes
        rtx_out += sent.retransmitted_bytes
        rtp_rate_out += consumer.rate.update(sent.bytes, now)
        rtx_rate_out += consumer.rtx_rate.update(sent.retransmitted_bytes, now)
        if consumer.reports.last_block is not None:
            lost_out.append(consumer.reports.last_block.fraction_lost)
    media = transport.media
    padding = plane.transport_counters(transport.number).padding_bytes
    found: JsonObject = {
        "type": "webrtc-transport",
        "transportId": transport.id,
        "timestamp": context.unix_ms(now),
        "iceRole": "controlled",
        "iceState": transport.ice_state,
        "dtlsState": transport.dtls_state,
        "bytesReceived": rtp_in + rtx_in + media.bytes_received,
        "recvBitrate": rtp_rate_in + rtx_rate_in,
        "bytesSent": rtp_out + rtx_out + media.bytes_sent,
        "sendBitrate": rtp_rate_out + rtx_rate_out,
        "rtpBytesReceived": rtp_in,
        "rtpRecvBitrate": rtp_rate_in,
        "rtpBytesSent": rtp_out,
        "rtpSendBitrate": rtp_rate_out,
        "rtxBytesReceived": rtx_in,
        "rtxRecvBitrate": rtx_rate_in,
        "rtxBytesSent": rtx_out,
        "rtxSendBitrate": rtx_rate_out,
        "probationBytesSent": padding,
        "probationSendBitrate": media.bandwidth.padding_rate.update(padding, now),
        "maxIncomingBitrate": media.max_incoming_bps,
    }
    if lost_in:
        found["rtpPacketLossReceived"] = sum(lost_in) / len(lost_in) / LOSS_UNIT
    if lost_out:
        found["rtpPacketLossSent"] = sum(lost_out) / len(lost_out) / LOSS_UNIT
    if transport.ice_selected_tuple is not None:
        found["iceSelectedTuple"] = transport.ice_selected_tuple
    if media.bandwidth.available_bps is not None:
        found["availableOutgoingBitrate"] = media.bandwidth.available_bps
    if media.bandwidth.max_bps:
        found["maxOutgoingBitrate"] = media.bandwidth.max_bps
    if media.bandwidth.min_bps:
        found["minOutgoingBitrate"] = media.bandwidth.min_bps
    if media.reports.available_incoming_bps:
        found["availableIncomingBitrate"] = media.reports.available_incoming_bps
    return found


def dump(transport: WebRtcTransport) -> JsonObject:
    """Everything, for people who debug; no secrets."""
    consumers = transport.consumers.values()
    return {
        "id": transport.id,
        "type": "webrtc",
        "iceRole": "controlled",
        "iceState": transport.ice_state,
        "iceCandidates": transport.ice_candidates,
        "iceSelectedTuple": transport.ice_selected_tuple,
        "dtlsParameters": transport.dtls_parameters,
        "dtlsState": transport.dtls_state,
        "producerIds": list(transport.producers),
        "consumerIds": list(transport.consumers),
        "mapSsrcConsumerId": pairs({one.ssrc: one.id for one in consumers}),
        "mapRtxSsrcConsumerId": pairs(
            {one.rtx_ssrc: one.id for one in consumers if one.rtx_ssrc is not None}
        ),
        "rtpListener": transport.listener.dump(),
        "bandwidth": transport.media.bandwidth.explain(),
        "dtlsRecordDrops": dict(transport.secure.record_drop_counts()),
        "drops": dict(transport.secure.drop_counts() + transport.media.drops()),
    }
