"""What a recorded producer announces: ``rtpParameters`` and router codecs made out of its streams.

Payload types, SSRCs and extension ids are those of the recording, so that its packets fit as they are. A
recording does not keep ``fmtp`` lines; H264 and VP9 get the profiles that browsers agree on with this server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtpfwd.capture.ingress import RecordedStream
from rtpfwd.drivers.fake_media import CODEC_PARAMETERS
from rtpfwd.drivers.whatif.recorded_source import KEPT_EXTENSIONS

JsonObject = dict[str, Any]

RTX_SSRC_BASE = 0x7F00_0000
"""For repairs of streams that had none."""


def media_codec(stream: RecordedStream) -> JsonObject:
    """The codec as a router is told of it."""
    kind, _, name = stream.mime_type.partition("/")
    codec: JsonObject = {
        "kind": kind.lower(), "mimeType": stream.mime_type, "clockRate": stream.clock_rate,
        "parameters": dict(CODEC_PARAMETERS.get(name.upper(), {})),
    }  # fmt: skip
    if name.lower() == "opus":
        codec["channels"] = 2
    return codec


def producer_parameters(streams: Sequence[RecordedStream], rtx_ssrcs: Sequence[int | None]) -> JsonObject:
    """``rtpParameters`` of one producer; ``rtx_ssrcs`` are parallel to its encodings."""
    first = streams[0]
    codec = media_codec(first)
    is_video = codec.pop("kind") == "video"
    feedback = []
    if first.uses_nack:
        feedback.append({"type": "nack"})
    if is_video:
        feedback += [{"type": "nack", "parameter": "pli"}, {"type": "ccm", "parameter": "fir"}]
    codecs = [codec | {"payloadType": first.payload_type, "rtcpFeedback": feedback}]
    if any(one is not None for one in rtx_ssrcs):
        codecs.append(
            {
                "mimeType": f"{'video' if is_video else 'audio'}/rtx",
                "payloadType": rtx_payload_type(first), "clockRate": first.clock_rate,
                "parameters": {"apt": first.payload_type}, "rtcpFeedback": [],
            }
        )  # fmt: skip
    return {
        "codecs": codecs,
        "headerExtensions": [
            {"uri": uri, "id": number}
            for uri, number in first.extension_ids.items()
            if uri in KEPT_EXTENSIONS
        ],
        "encodings": [_encoding(one, rtx) for one, rtx in zip(streams, rtx_ssrcs, strict=True)],
        "rtcp": {"cname": "recorded", "reducedSize": True},
    }


def rtx_payload_type(stream: RecordedStream) -> int:
    """The recorded one, or another than the media's."""
    if stream.rtx_payload_type is not None:
        return stream.rtx_payload_type
    return stream.payload_type + 1 if stream.payload_type < 127 else 126


def _encoding(stream: RecordedStream, rtx_ssrc: int | None) -> JsonObject:
    encoding: JsonObject = {"ssrc": stream.ssrc}
    if rtx_ssrc is not None:
        encoding["rtx"] = {"ssrc": rtx_ssrc}
    sent = stream.sent
    if sent.spatial_layers > 1 or sent.temporal_layers > 1:
        mode = f"L{sent.spatial_layers}T{sent.temporal_layers}"
        encoding["scalabilityMode"] = mode + "_KEY" * sent.key_only
    return encoding
