"""A transport's stats and dump under mediasoup 3.27's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.clock import Instant
from rtpfwd.ortc.json_values import JsonObject

if TYPE_CHECKING:
    from rtpfwd.sfu.context import Context
    from rtpfwd.sfu.webrtc_transport import WebRtcTransport


def webrtc_transport(context: Context, transport: WebRtcTransport, now: Instant) -> JsonObject:
    """``WebRtcTransportStat``; rates in bits per second over about the last second."""
    plane = context.plane
    rtp_in = rtx_in = rtp_out = rtx_out = rate_in = rate_out = 0
    for producer in transport.producers.values():
        for stream in producer.streams:
            received = plane.receive_counters(stream.id)
            rtp_in += received.bytes
            rtx_in += received.rtx_bytes
            rate_in += stream.rate.update(received.bytes, now)
    for consumer in transport.consumers.values():
        sent = plane.send_counters(consumer.stream)
        rtp_out += sent.bytes
        rtx_out += sent.retransmitted_bytes
        rate_out += consumer.rate.update(sent.bytes, now)
    media = transport.media
    found: JsonObject = {
        "type": "webrtc-transport",
        "transportId": transport.id,
        "timestamp": context.unix_ms(now),
        "iceRole": "controlled",
        "iceState": transport.ice_state,
        "dtlsState": transport.dtls_state,
        "bytesReceived": rtp_in + rtx_in + media.bytes_received,
        "recvBitrate": rate_in,
        "bytesSent": rtp_out + rtx_out + media.bytes_sent,
        "sendBitrate": rate_out,
        "rtpBytesReceived": rtp_in,
        "rtpRecvBitrate": rate_in,
        "rtpBytesSent": rtp_out,
        "rtpSendBitrate": rate_out,
        "rtxBytesReceived": rtx_in,
        "rtxBytesSent": rtx_out,
        "maxIncomingBitrate": media.max_incoming_bps,
    }
    if transport.ice_selected_tuple is not None:
        found["iceSelectedTuple"] = transport.ice_selected_tuple
    if media.session is not None and media.session.available_bitrate_bps is not None:
        found["availableOutgoingBitrate"] = media.session.available_bitrate_bps
    if media.reports.available_incoming_bps:
        found["availableIncomingBitrate"] = media.reports.available_incoming_bps
    return found


def dump(transport: WebRtcTransport) -> JsonObject:
    """Everything, for people who debug; no secrets."""
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
        "mapSsrcConsumerId": {str(ssrc): one.id for ssrc, one in transport.media.consumers.items()},
        "rtpListener": transport.listener.dump(),
        "drops": dict(transport.secure.drop_counts() + transport.media.drops()),
    }
