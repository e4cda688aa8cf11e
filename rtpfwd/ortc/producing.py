"""From a producer's RtpParameters to what consumers can have of it.

Results equal ``getProducerRtpParametersMapping`` and ``getConsumableRtpParameters`` of mediasoup 3.27.1. A
client numbers payload types, SSRCs and extensions as it likes; the mapping translates to the router's
numbers, and the consumable parameters describe the stream in those.

One difference in form: mediasoup writes the negotiated H.264 ``profile-level-id`` into the parameters it is
given, so that the next function finds it there. Nothing is written into arguments here.
``get_consumable_rtp_parameters`` negotiates by itself, and ``get_producer_rtp_parameters`` gives the changed
parameters, as the producer shows them.

The router's capabilities and the mapping must be those that this package made; the parameters may be a
stranger's.
"""

from collections.abc import Callable
from typing import Any

from rtpfwd.errors import InvalidParameters, UnsupportedError
from rtpfwd.ortc.codec_matching import is_rtx_codec, match_codecs
from rtpfwd.ortc.h264_profile import answer_profile_level_id
from rtpfwd.ortc.json_values import JsonObject, copy_trusted, show
from rtpfwd.ortc.validation import validate_rtp_parameters
from rtpfwd.wire.header_extensions import ABS_CAPTURE_TIME

Entropy = Callable[[int], bytes]
"""``entropy(n)`` gives ``n`` random bytes."""

LOWEST_SSRC = 100_000_000
SSRC_CHOICES = 899_999_999  # mediasoup's generateRandomNumber: 100,000,000 to 999,999,998


def get_producer_rtp_parameters(rtp_parameters: Any, caps: JsonObject) -> JsonObject:
    """A producer's own RtpParameters: normalised, H.264 levels as negotiated, at least one encoding.

    What ``Transport.produce()`` of mediasoup hands to its worker, except for the CNAME, which is the
    transport's. Raises ``InvalidParameters``, or ``UnsupportedError`` for a codec that the router does not
    have.
    """
    params = validate_rtp_parameters(rtp_parameters)
    for codec, cap_codec in _pair_codecs(params, caps):
        codec["parameters"] = _negotiated_parameters(codec, cap_codec)
    if not params["encodings"]:
        params["encodings"] = [{}]
    return params


def get_producer_rtp_parameters_mapping(params: Any, caps: JsonObject, *, entropy: Entropy) -> JsonObject:
    """An RtpMapping: the client's payload types and encodings to the router's payload types and new SSRCs.

    Mapped SSRCs are consecutive from one random number; mind that the caller must see to it that no other
    stream of the router has them. Raises ``InvalidParameters``, or ``UnsupportedError`` for a codec the
    router does not have.
    """
    params = validate_rtp_parameters(params)
    codecs = [
        {"payloadType": codec["payloadType"], "mappedPayloadType": cap_codec["preferredPayloadType"]}
        for codec, cap_codec in _pair_codecs(params, caps)
    ]
    first_ssrc = random_ssrc(entropy)
    encodings = []
    for index, encoding in enumerate(params["encodings"]):
        mapped = {name: encoding[name] for name in ("ssrc", "rid") if name in encoding}
        encodings.append({**mapped, "mappedSsrc": first_ssrc + index})
    return {"codecs": codecs, "encodings": encodings}


def get_consumable_rtp_parameters(
    kind: str, rtp_parameters: Any, caps: JsonObject, rtp_mapping: JsonObject
) -> JsonObject:
    """The producer's stream in the router's numbers: the template for each consumer's RtpParameters.

    Codecs keep the producer's parameters and get the router's payload types and feedback, each followed by
    its RTX codec even if the producer has none. Header extensions are those that the router sends. Raises
    ``InvalidParameters``, also (ours) when a codec is not of ``kind``.
    """
    params = validate_rtp_parameters(rtp_parameters)
    consumable: JsonObject = {
        "codecs": _consumable_codecs(kind, params, caps, rtp_mapping),
        "headerExtensions": _consumable_header_extensions(kind, params, caps),
        "encodings": [],
        "rtcp": {"reducedSize": True},
    }
    if len(rtp_mapping["encodings"]) < len(params["encodings"]):
        raise InvalidParameters("the RTP mapping has fewer encodings than params.encodings")
    for index, encoding in enumerate(params["encodings"]):
        dropped = {"rid", "rtx", "codecPayloadType"}
        if "dtx" not in rtp_parameters["encodings"][index]:
            dropped.add(
                "dtx"
            )  # the encoding that mediasoup adds when there is none stays without the default
        kept = {key: value for key, value in encoding.items() if key not in dropped}
        consumable["encodings"].append({**kept, "ssrc": rtp_mapping["encodings"][index]["mappedSsrc"]})
    if "cname" in params["rtcp"]:
        consumable["rtcp"]["cname"] = params["rtcp"]["cname"]
    if "msid" in params:
        consumable["msid"] = params["msid"]
    return consumable


def random_ssrc(entropy: Entropy) -> int:
    """A random SSRC from mediasoup's range of nine-digit numbers, from eight bytes (bias below 2^-34)."""
    return LOWEST_SSRC + int.from_bytes(entropy(8), "big") % SSRC_CHOICES


def _pair_codecs(params: JsonObject, caps: JsonObject) -> list[tuple[JsonObject, JsonObject]]:
    """Each codec of the producer with the router's: media codecs first, then RTX codecs."""
    paired: list[tuple[JsonObject, JsonObject]] = []
    router_payload_types: dict[int, int] = {}
    for codec in params["codecs"]:
        if is_rtx_codec(codec):
            continue
        cap_codec = next((cap for cap in caps["codecs"] if match_codecs(codec, cap, strict=True)), None)
        if cap_codec is None:
            described = f"mimeType:{show(codec['mimeType'])}, payloadType:{codec['payloadType']}"
            raise UnsupportedError(f"unsupported codec [{described}]")
        paired.append((codec, cap_codec))
        router_payload_types[codec["payloadType"]] = cap_codec["preferredPayloadType"]
    for codec in params["codecs"]:
        if not is_rtx_codec(codec):
            continue
        # An apt that leads to an RTX codec ends here too (ours; mediasoup fails in other ways).
        router_payload_type = router_payload_types.get(codec["parameters"].get("apt"))
        if router_payload_type is None:
            raise InvalidParameters(f"missing media codec found for RTX PT {codec['payloadType']}")
        cap_rtx = _rtx_for(router_payload_type, caps)
        if cap_rtx is None:
            raise UnsupportedError(f"no RTX codec for capability codec PT {router_payload_type}")
        paired.append((codec, cap_rtx))
    return paired


def _rtx_for(payload_type: int, caps: JsonObject) -> JsonObject | None:
    """The capability of the RTX codec that repairs ``payload_type``."""
    for cap_codec in caps["codecs"]:
        if is_rtx_codec(cap_codec) and cap_codec["parameters"].get("apt") == payload_type:
            found: JsonObject = cap_codec
            return found
    return None


def _negotiated_parameters(codec: JsonObject, cap_codec: JsonObject) -> JsonObject:
    """The codec's parameters, for H.264 with the level that both sides can do."""
    parameters = dict(codec["parameters"])
    if codec["mimeType"].lower() == "video/h264":
        answer = answer_profile_level_id(parameters, cap_codec["parameters"])
        if answer is None:
            parameters.pop("profile-level-id", None)
        else:
            parameters["profile-level-id"] = answer
    return parameters


def _consumable_codecs(
    kind: str, params: JsonObject, caps: JsonObject, rtp_mapping: JsonObject
) -> list[JsonObject]:
    mapped = {entry["payloadType"]: entry["mappedPayloadType"] for entry in rtp_mapping["codecs"]}
    cap_codecs = {cap_codec["preferredPayloadType"]: cap_codec for cap_codec in caps["codecs"]}
    codecs: list[JsonObject] = []
    for codec in params["codecs"]:
        if not codec["mimeType"].lower().startswith(f"{kind}/"):
            raise InvalidParameters(f"codec.mimeType {show(codec['mimeType'])} is not of kind {show(kind)}")
        if is_rtx_codec(codec):
            continue
        cap_codec = cap_codecs.get(mapped.get(codec["payloadType"]))
        if cap_codec is None:
            raise InvalidParameters(f"codec.payloadType {codec['payloadType']} is not in the RTP mapping")
        codecs.append(_as_codec_parameters(cap_codec, _negotiated_parameters(codec, cap_codec)))
        cap_rtx = _rtx_for(cap_codec["preferredPayloadType"], caps)
        if cap_rtx is not None:
            codecs.append(_as_codec_parameters(cap_rtx, cap_rtx["parameters"]))
    return codecs


def _as_codec_parameters(cap_codec: JsonObject, parameters: JsonObject) -> JsonObject:
    codec: JsonObject = {
        "mimeType": cap_codec["mimeType"],
        "payloadType": cap_codec["preferredPayloadType"],
        "clockRate": cap_codec["clockRate"],
        "parameters": dict(parameters),
        "rtcpFeedback": copy_trusted(cap_codec["rtcpFeedback"]),
    }
    if "channels" in cap_codec:
        codec["channels"] = cap_codec["channels"]
    return codec


def _consumable_header_extensions(kind: str, params: JsonObject, caps: JsonObject) -> list[JsonObject]:
    offered = {extension["uri"] for extension in params["headerExtensions"]}
    extensions: list[JsonObject] = []
    for cap in caps["headerExtensions"]:
        if cap["kind"] != kind or cap["direction"] not in ("sendrecv", "sendonly"):
            continue
        # The SFU does not make capture times: it can pass on only those that the producer sends.
        if cap["uri"] == ABS_CAPTURE_TIME and cap["uri"] not in offered:
            continue
        extensions.append(
            {
                "uri": cap["uri"],
                "id": cap["preferredId"],
                "encrypt": cap["preferredEncrypt"],
                "parameters": {},
            }
        )
    return extensions
