"""From a stream in the router's numbers to the RtpParameters of one consumer.

Results equal ``canConsume``, ``getConsumerRtpParameters`` and ``getPipeConsumerRtpParameters`` of mediasoup
3.27.1.

The consumable parameters must be those that ``get_consumable_rtp_parameters`` made; the capabilities may be a
stranger's. Nothing given is changed, and nothing returned is shared with it.
"""

from typing import Any

from rtpfwd.errors import UnsupportedError
from rtpfwd.ortc.capabilities import DEPENDENCY_DESCRIPTOR_ID
from rtpfwd.ortc.codec_matching import is_rtx_codec, match_codecs
from rtpfwd.ortc.json_values import JsonObject, copy_trusted
from rtpfwd.ortc.producing import Entropy, random_ssrc
from rtpfwd.ortc.validation import validate_rtp_capabilities
from rtpfwd.wire.header_extensions import ABS_SEND_TIME, DEPENDENCY_DESCRIPTOR, MID, TRANSPORT_CC
from rtpfwd.wire.scalability import parse_scalability_mode


def can_consume(consumable_rtp_parameters: JsonObject, rtp_capabilities: Any) -> bool:
    """Whether a peer with these RtpCapabilities can receive the stream.

    True if it has at least one of the media codecs. Raises ``InvalidParameters`` for malformed capabilities.
    """
    cap_codecs = validate_rtp_capabilities(rtp_capabilities)["codecs"]
    for codec in consumable_rtp_parameters["codecs"]:
        if _capability_for(codec, cap_codecs) is not None:
            return not is_rtx_codec(codec)
    return False


def get_consumer_rtp_parameters(
    *,
    consumable_rtp_parameters: JsonObject,
    remote_rtp_capabilities: Any,
    pipe: bool,
    enable_rtx: bool,
    entropy: Entropy,
) -> JsonObject:
    """The RtpParameters of a consumer, without ``mid``, which is the transport's to choose.

    Codecs, their feedback and the header extensions are reduced to what the peer can do; one kind of
    bandwidth feedback stays, transport-wide before REMB. All encodings become one with a random ``ssrc`` and,
    for RTX, the number after it; with ``pipe`` all stay, renumbered. ``enable_rtx`` false also takes generic
    NACK away.

    Raises ``InvalidParameters`` for malformed capabilities, ``UnsupportedError`` if no media codec is left.
    """
    caps = validate_rtp_capabilities(remote_rtp_capabilities)
    consumer = _consumer_template(consumable_rtp_parameters)
    codecs = _common_codecs(consumable_rtp_parameters["codecs"], caps["codecs"], enable_rtx)
    if not codecs or is_rtx_codec(codecs[0]):
        raise UnsupportedError("no compatible media codecs")
    has_rtx = any(is_rtx_codec(codec) for codec in codecs)
    known_extensions = {
        (extension["uri"], extension["preferredId"]) for extension in caps["headerExtensions"]
    }
    extensions = [
        copy_trusted(extension)
        for extension in consumable_rtp_parameters["headerExtensions"]
        if (extension["uri"], extension["id"]) in known_extensions
    ]
    unwanted_feedback = _feedback_to_remove({extension["uri"] for extension in extensions})
    for codec in codecs:
        codec["rtcpFeedback"] = [fb for fb in codec["rtcpFeedback"] if fb["type"] not in unwanted_feedback]
    consumer["codecs"] = codecs
    consumer["headerExtensions"] = extensions
    encodings = consumable_rtp_parameters["encodings"]
    if pipe:
        consumer["encodings"] = _renumbered_encodings(encodings, has_rtx, entropy)
    else:
        consumer["encodings"] = [_single_encoding(encodings, has_rtx, entropy)]
    return consumer


def get_pipe_consumer_rtp_parameters(
    *, consumable_rtp_parameters: JsonObject, enable_rtx: bool, entropy: Entropy
) -> JsonObject:
    """The RtpParameters of a consumer that carries a stream to another router.

    All encodings stay; bandwidth feedback and the MID go; RTX and NACK go unless ``enable_rtx``. The
    dependency descriptor is announced although routers only receive it from clients, and for audio as well,
    as in mediasoup.
    """
    consumer = _consumer_template(consumable_rtp_parameters)
    for codec in copy_trusted(consumable_rtp_parameters["codecs"]):
        if is_rtx_codec(codec) and not enable_rtx:
            continue
        kept = {("nack", "pli"), ("ccm", "fir")} | ({("nack", "")} if enable_rtx else set())
        codec["rtcpFeedback"] = [fb for fb in codec["rtcpFeedback"] if (fb["type"], fb["parameter"]) in kept]
        consumer["codecs"].append(codec)
    extensions = [
        copy_trusted(extension)
        for extension in consumable_rtp_parameters["headerExtensions"]
        if extension["uri"] not in (MID, ABS_SEND_TIME, TRANSPORT_CC, DEPENDENCY_DESCRIPTOR)
    ]
    extensions.append(
        {
            "uri": DEPENDENCY_DESCRIPTOR,
            "id": DEPENDENCY_DESCRIPTOR_ID,
            "encrypt": False,
            "parameters": {},
        }
    )
    consumer["headerExtensions"] = sorted(extensions, key=lambda extension: int(extension["id"]))
    consumer["encodings"] = _renumbered_encodings(consumable_rtp_parameters["encodings"], enable_rtx, entropy)
    return consumer


def _consumer_template(consumable: JsonObject) -> JsonObject:
    consumer: JsonObject = {
        "codecs": [],
        "headerExtensions": [],
        "encodings": [],
        "rtcp": dict(consumable["rtcp"]),
    }
    if "msid" in consumable:
        consumer["msid"] = consumable["msid"]
    return consumer


def _capability_for(codec: JsonObject, cap_codecs: list[JsonObject]) -> JsonObject | None:
    return next((cap for cap in cap_codecs if match_codecs(cap, codec, strict=True)), None)


def _common_codecs(
    codecs: list[JsonObject], cap_codecs: list[JsonObject], enable_rtx: bool
) -> list[JsonObject]:
    """The codecs both sides have, with the peer's feedback; RTX codecs only beside their media codec."""
    common: list[JsonObject] = []
    for codec in codecs:
        if is_rtx_codec(codec) and not enable_rtx:
            continue
        cap_codec = _capability_for(codec, cap_codecs)
        if cap_codec is None:
            continue
        feedback = [
            dict(fb)
            for fb in cap_codec["rtcpFeedback"]
            if enable_rtx or fb["type"] != "nack" or fb["parameter"]
        ]
        common.append({**copy_trusted(codec), "rtcpFeedback": feedback})
    payload_types = {codec["payloadType"] for codec in common}
    return [
        codec
        for codec in common
        if not is_rtx_codec(codec) or codec["parameters"].get("apt") in payload_types
    ]


def _feedback_to_remove(uris: set[str]) -> tuple[str, ...]:
    """Bandwidth feedback of which the header extension was not agreed on."""
    if TRANSPORT_CC in uris:
        return ("goog-remb",)
    if ABS_SEND_TIME in uris:
        return ("transport-cc",)
    return ("transport-cc", "goog-remb")


def _single_encoding(encodings: list[JsonObject], has_rtx: bool, entropy: Entropy) -> JsonObject:
    """One stream that stands for all encodings: simulcast streams are announced as spatial layers."""
    ssrc = random_ssrc(entropy)
    encoding: JsonObject = {"ssrc": ssrc}
    if has_rtx:
        encoding["rtx"] = {"ssrc": ssrc + 1}
    mode = next((e["scalabilityMode"] for e in encodings if e.get("scalabilityMode")), "")
    if len(encodings) > 1:
        mode = f"L{len(encodings)}T{parse_scalability_mode(mode).temporal_layers}"
    if mode:
        encoding["scalabilityMode"] = mode
    highest_bitrate = max((e.get("maxBitrate", 0) for e in encodings), default=0)
    if highest_bitrate:
        encoding["maxBitrate"] = highest_bitrate
    return encoding


def _renumbered_encodings(encodings: list[JsonObject], has_rtx: bool, entropy: Entropy) -> list[JsonObject]:
    first_ssrc = random_ssrc(entropy)
    first_rtx_ssrc = random_ssrc(entropy)
    if abs(first_rtx_ssrc - first_ssrc) < len(encodings):
        first_rtx_ssrc = first_ssrc + len(encodings)  # ours: mediasoup lets the two ranges overlap
    renumbered: list[JsonObject] = []
    for index, encoding in enumerate(encodings):
        copy = {**copy_trusted(encoding), "ssrc": first_ssrc + index}
        copy.pop("rtx", None)
        if has_rtx:
            copy["rtx"] = {"ssrc": first_rtx_ssrc + index}
        renumbered.append(copy)
    return renumbered
