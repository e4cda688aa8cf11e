"""The codecs and header extensions this SFU speaks, and what a router makes of them.

Both results equal mediasoup 3.27.1: ``getSupportedRtpCapabilities`` (file ``supportedRtpCapabilities.js``)
and ``generateRouterRtpCapabilities`` (file ``ortc.js``). Payload types, extension ids and directions are wire
contract with mediasoup-client. Directions are the server's: ``recvonly`` is what only clients send.

Left out: nothing is decoded, so a codec stands here when its packets can be forwarded, not when it can be
played.
"""

from collections.abc import Iterator
from typing import Any

from rtpfwd.errors import InvalidParameters, UnsupportedError
from rtpfwd.ortc.codec_matching import match_codecs
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.validation import validate_rtp_capabilities, validate_rtp_codec_capability
from rtpfwd.wire import header_extensions as uris

DEPENDENCY_DESCRIPTOR_ID = 7

DYNAMIC_PAYLOAD_TYPES = (*range(100, 128), *range(96, 100))
"""The order in which payload types are given out: RFC 3551's dynamic range, 96 to 99 last."""


def get_supported_rtp_capabilities() -> JsonObject:
    """All this SFU can forward, as a fresh dictionary that the caller may change.

    As in mediasoup, codecs have no ``preferredPayloadType`` unless RFC 3551 assigns one, and defaults (empty
    ``parameters``, feedback ``parameter``) are not filled in; ``generate_router_rtp_capabilities`` does both.
    """
    return {"codecs": list(_codecs()), "headerExtensions": list(_header_extensions())}


def generate_router_rtp_capabilities(media_codecs: Any = ()) -> JsonObject:
    """The RtpCapabilities of a router with these media codecs (a list of RtpCodecCapability).

    Payload types come from the entry's ``preferredPayloadType``, else the static assignment, else the next of
    ``DYNAMIC_PAYLOAD_TYPES``; every video codec is followed by its RTX codec (RFC 4588). Raises
    ``InvalidParameters`` for malformed or doubly used values, ``UnsupportedError`` for an unknown codec or
    when the payload types run out (mediasoup throws a plain ``Error`` there).
    """
    if not isinstance(media_codecs, list | tuple):
        raise InvalidParameters("mediaCodecs must be an Array")
    supported = validate_rtp_capabilities(get_supported_rtp_capabilities())
    free_payload_types = list(DYNAMIC_PAYLOAD_TYPES)
    codecs: list[JsonObject] = []
    for media_codec in media_codecs:
        codec = _router_codec(
            validate_rtp_codec_capability(media_codec), supported["codecs"], free_payload_types
        )
        if any(codec["preferredPayloadType"] == other["preferredPayloadType"] for other in codecs):
            raise InvalidParameters("duplicated codec.preferredPayloadType")
        codecs.append(codec)
        if codec["kind"] == "video":
            codecs.append(
                {
                    "kind": "video",
                    "mimeType": "video/rtx",
                    "preferredPayloadType": _take_payload_type(free_payload_types),
                    "clockRate": codec["clockRate"],
                    "parameters": {"apt": codec["preferredPayloadType"]},
                    "rtcpFeedback": [],
                }
            )
    return {"codecs": codecs, "headerExtensions": supported["headerExtensions"]}


def _router_codec(
    wanted: JsonObject, supported_codecs: list[JsonObject], free_payload_types: list[int]
) -> JsonObject:
    """The supported codec that ``wanted`` asks for, with a payload type and the merged parameters."""
    for supported in supported_codecs:
        if match_codecs(wanted, supported, strict=False):
            break
    else:
        raise UnsupportedError(f"media codec not supported [mimeType:{wanted['mimeType']}]")
    codec = {
        **supported,
        "parameters": {**supported["parameters"], **wanted["parameters"]},
        "rtcpFeedback": [dict(feedback) for feedback in supported["rtcpFeedback"]],
    }
    if "preferredPayloadType" in wanted:
        codec["preferredPayloadType"] = wanted["preferredPayloadType"]
        if wanted["preferredPayloadType"] in free_payload_types:
            free_payload_types.remove(wanted["preferredPayloadType"])
    elif "preferredPayloadType" not in codec:
        codec["preferredPayloadType"] = _take_payload_type(free_payload_types)
    return codec


def _take_payload_type(free_payload_types: list[int]) -> int:
    if not free_payload_types:
        raise UnsupportedError("cannot allocate more dynamic codec payload types")
    return free_payload_types.pop(0)


def _codecs() -> Iterator[JsonObject]:
    opus_feedback = ("nack", "transport-cc")
    only_transport_cc = ("transport-cc",)
    yield _audio("opus", 48000, opus_feedback, channels=2)
    for channels, mapping, streams, coupled in (
        (4, "0,1,2,3", 2, 2),  # quadraphonic
        (6, "0,4,1,2,3,5", 4, 2),  # 5.1
        (8, "0,6,1,2,3,4,5,7", 5, 3),  # 7.1
    ):
        codec = _audio("multiopus", 48000, opus_feedback, channels=channels)
        codec["parameters"] = {
            "channel_mapping": mapping,
            "num_streams": streams,
            "coupled_streams": coupled,
        }
        yield codec
    yield _audio("PCMU", 8000, only_transport_cc, payload_type=0)
    yield _audio("PCMA", 8000, only_transport_cc, payload_type=8)
    for clock_rate in (32000, 16000):
        yield _audio("ISAC", clock_rate, only_transport_cc)
    yield _audio("G722", 8000, only_transport_cc, payload_type=9)
    yield _audio("iLBC", 8000, only_transport_cc)
    for clock_rate in (24000, 16000, 12000, 8000):
        yield _audio("SILK", clock_rate, only_transport_cc)
    for clock_rate in (32000, 16000, 8000):
        yield _audio("CN", clock_rate, (), payload_type=13)
    for clock_rate in (48000, 32000, 16000, 8000):
        yield _audio("telephone-event", clock_rate, ())
    yield _video("VP8")
    yield _video("VP9")
    yield _video("H264", {"level-asymmetry-allowed": 1})
    yield _video("AV1", {})


def _audio(
    name: str,
    clock_rate: int,
    feedback: tuple[str, ...],
    *,
    channels: int | None = None,
    payload_type: int | None = None,
) -> JsonObject:
    codec: JsonObject = {"kind": "audio", "mimeType": f"audio/{name}", "clockRate": clock_rate}
    if channels is not None:
        codec["channels"] = channels
    if payload_type is not None:
        codec["preferredPayloadType"] = payload_type
    if feedback:
        codec["rtcpFeedback"] = [{"type": kind} for kind in feedback]
    return codec


def offer_dependency_descriptor(capabilities: JsonObject) -> None:
    """Change router capabilities so that consumers, too, are offered the dependency descriptor.

    mediasoup withholds it, and then AV1 with spatial layers never decodes in Chromium.
    """
    for extension in capabilities["headerExtensions"]:
        if extension["uri"] == uris.DEPENDENCY_DESCRIPTOR:
            extension["direction"] = "sendrecv"


def _video(name: str, parameters: JsonObject | None = None) -> JsonObject:
    codec: JsonObject = {"kind": "video", "mimeType": f"video/{name}", "clockRate": 90000}
    if parameters is not None:
        codec["parameters"] = parameters
    codec["rtcpFeedback"] = [
        {"type": "nack"},
        {"type": "nack", "parameter": "pli"},
        {"type": "ccm", "parameter": "fir"},
        {"type": "goog-remb"},
        {"type": "transport-cc"},
    ]
    return codec


# uri, id, direction for audio, direction for video. An id is the same for both kinds, as BUNDLE needs (RFC
# 9143 §9.2). "recvonly" transport-cc for audio: asked from senders, never announced to receivers.
_EXTENSIONS: tuple[tuple[str, int, str | None, str | None], ...] = (
    (uris.MID, 1, "sendrecv", "sendrecv"),
    (uris.RTP_STREAM_ID, 2, None, "recvonly"),
    (uris.REPAIRED_RTP_STREAM_ID, 3, None, "recvonly"),
    (uris.ABS_SEND_TIME, 4, "sendrecv", "sendrecv"),
    (uris.TRANSPORT_CC, 5, "recvonly", "sendrecv"),
    (uris.SSRC_AUDIO_LEVEL, 6, "sendrecv", None),
    (uris.DEPENDENCY_DESCRIPTOR, DEPENDENCY_DESCRIPTOR_ID, None, "recvonly"),
    (uris.VIDEO_ORIENTATION, 8, None, "sendrecv"),
    (uris.TOFFSET, 9, None, "sendrecv"),
    (uris.ABS_CAPTURE_TIME, 10, "sendrecv", "sendrecv"),
    (uris.PLAYOUT_DELAY, 11, "sendrecv", "sendrecv"),
    (uris.PACKET_ID, 12, "sendrecv", "sendrecv"),
)


def _header_extensions() -> Iterator[JsonObject]:
    for uri, extension_id, audio_direction, video_direction in _EXTENSIONS:
        for kind, direction in (("audio", audio_direction), ("video", video_direction)):
            if direction is not None:
                yield {
                    "kind": kind,
                    "uri": uri,
                    "preferredId": extension_id,
                    "preferredEncrypt": False,
                    "direction": direction,
                }
