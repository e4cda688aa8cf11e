"""Checking what a client sends: RtpCapabilities, RtpParameters, SctpStreamParameters.

Behaviour and error texts follow the three ``validateAndNormalize…`` functions of mediasoup 3.27.1
``ortc.js``, with two differences. mediasoup writes defaults into the object it is given; here the argument
stays as it is and a normalised copy is returned. And we refuse more, each time with the field in the text:

* what mediasoup's C++ worker refuses, or cuts to the size of its fields, after ``ortc.js`` let it pass: a
  payload type outside 0..127 or used twice, an SSRC or RID used twice, an extension id of 0, an encoding with
  an unknown ``codecPayloadType``, numbers that do not fit 8, 16 or 32 bits;
* an extension id used twice (RFC 8285 §5 wants one URI for each id);
* what would only harm (reliability requirement A12): the limits of ``json_values``, more than 8 encodings,
  RIDs that are not 1 to 16 letters and digits (RFC 8852 §3 allows only those, libwebrtc cuts at 16),
  scalability modes of another form than W3C webrtc-svc gives, a list where an object belongs.

Accepted although unusual, because harmless: extension ids 15 to 255 (two-byte headers, RFC 8285 §4.3),
unknown MIME types (they fail to match later), unknown members (copied), payload types 64 to 95, duplicates in
capabilities.
"""

import re
from typing import Any

from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject, check_integer, copy_untrusted, is_number, is_truthy, show

MAX_ENCODINGS = 8  # VP9 and AV1 can name no more spatial layers; browsers send at most 3
MAX_CNAME_BYTES = 255  # one SDES item (RFC 3550 §6.5)
MAX_MID_BYTES = 32  # mediasoup's worker keeps 8 for its own MIDs; browsers send one or two digits
MAX_UINT32 = 2**32 - 1


def validate_rtp_capabilities(rtp_capabilities: Any) -> JsonObject:
    """A normalised copy of RtpCapabilities: both lists present, defaults filled in.

    Raises ``InvalidParameters``.
    """
    caps = _object(copy_untrusted(rtp_capabilities, "caps"), "caps")
    caps["codecs"] = _optional_list(caps, "codecs", "caps")
    for codec in caps["codecs"]:
        _normalize_codec_capability(codec)
    caps["headerExtensions"] = _optional_list(caps, "headerExtensions", "caps")
    for extension in caps["headerExtensions"]:
        _normalize_extension_capability(extension)
    return caps


def validate_rtp_codec_capability(codec: Any) -> JsonObject:
    """A normalised copy of one RtpCodecCapability, for example an entry of a router's media codecs.

    Raises ``InvalidParameters``.
    """
    codec = copy_untrusted(codec, "codec")
    _normalize_codec_capability(codec)
    return _object(codec, "codec")


def validate_rtp_parameters(rtp_parameters: Any) -> JsonObject:
    """A normalised copy of RtpParameters: all lists and ``rtcp`` present, defaults filled in.

    Raises ``InvalidParameters``.
    """
    params = _object(copy_untrusted(rtp_parameters, "params"), "params")
    _optional_string(params, "mid", "params.mid is not a string")
    _check_bytes(params.get("mid", ""), "params.mid", MAX_MID_BYTES)
    if not isinstance(params.get("codecs"), list):
        raise InvalidParameters("missing params.codecs")
    for codec in params["codecs"]:
        _normalize_codec_parameters(codec)
    params["headerExtensions"] = _optional_list(params, "headerExtensions", "params")
    for extension in params["headerExtensions"]:
        _normalize_extension_parameters(extension)
    params["encodings"] = _optional_list(params, "encodings", "params")
    if len(params["encodings"]) > MAX_ENCODINGS:
        raise InvalidParameters(
            f"params.encodings has {len(params['encodings'])} entries, at most {MAX_ENCODINGS} are accepted"
        )
    for encoding in params["encodings"]:
        _normalize_encoding(encoding)
    params["rtcp"] = _normalize_rtcp(params.get("rtcp"))
    _optional_string(params, "msid", "params.msid is not a string")
    _refuse_ambiguity(params)
    return params


def validate_sctp_stream_parameters(sctp_stream_parameters: Any) -> JsonObject:
    """A normalised copy of SctpStreamParameters: ``ordered`` present, at most one limit.

    ``streamId`` 0..65534 (RFC 8831 §6.2 keeps 65535), limits 0..65535 (milliseconds or retransmissions); the
    ranges are ours, mediasoup cuts to 16 bits. Raises ``InvalidParameters``.
    """
    params = _object(copy_untrusted(sctp_stream_parameters, "params"), "params")
    if not is_number(params.get("streamId")):
        raise InvalidParameters("missing params.streamId")
    check_integer(params["streamId"], "params.streamId", 0, 65534)
    for field in ("maxPacketLifeTime", "maxRetransmits"):
        value = params.get(field)
        if is_truthy(value) and not is_number(value):
            raise InvalidParameters(f"invalid params.{field}")
        if is_number(value):
            check_integer(value, f"params.{field}", 0, 65535)
        else:
            params.pop(field, None)
    limited = bool(params.get("maxPacketLifeTime") or params.get("maxRetransmits"))
    if params.get("maxPacketLifeTime") and params.get("maxRetransmits"):
        raise InvalidParameters("cannot provide both maxPacketLifeTime and maxRetransmits")
    if not isinstance(params.get("ordered"), bool):
        params["ordered"] = not limited
    elif params["ordered"] and limited:
        raise InvalidParameters("cannot be ordered with maxPacketLifeTime or maxRetransmits")
    return params


_MIME_TYPE = re.compile(r"(audio|video)/.", re.IGNORECASE)
_RID = re.compile(r"[A-Za-z0-9]{1,16}")
_SCALABILITY_MODE = re.compile(r"[LS][1-8]T[1-8]h?(_KEY(_SHIFT)?)?")


def _object(value: Any, name: str) -> JsonObject:
    if not isinstance(
        value, dict
    ):  # JavaScript calls lists and null objects too; neither means anything here
        raise InvalidParameters(f"{name} is not an object")
    return value


def _optional_list(owner: JsonObject, field: str, name: str) -> list[Any]:
    value = owner.get(field)
    if not is_truthy(value):
        return []
    if not isinstance(value, list):
        raise InvalidParameters(f"{name}.{field} is not an array")
    return value


def _optional_string(owner: JsonObject, field: str, error: str) -> None:
    """Refuse what is truthy and no string; drop what is falsy and no string."""
    value = owner.get(field)
    if isinstance(value, str):
        return
    if is_truthy(value):
        raise InvalidParameters(error)
    owner.pop(field, None)


def _check_bytes(value: str, name: str, limit: int) -> None:
    if len(value.encode()) > limit:
        raise InvalidParameters(f"{name} has {len(value.encode())} bytes, at most {limit} are accepted")


def _normalize_codec_capability(codec: Any) -> None:
    kind = _check_mime_type(codec)
    codec["kind"] = kind
    preferred = codec.get("preferredPayloadType")
    if is_number(preferred):
        check_integer(preferred, "codec.preferredPayloadType", 0, 127)
    elif is_truthy(preferred):
        raise InvalidParameters("invalid codec.preferredPayloadType")
    else:
        codec.pop("preferredPayloadType", None)
    _normalize_codec_rest(codec, kind)


def _normalize_codec_parameters(codec: Any) -> None:
    kind = _check_mime_type(codec)
    if not is_number(codec.get("payloadType")):
        raise InvalidParameters("missing codec.payloadType")
    check_integer(codec["payloadType"], "codec.payloadType", 0, 127)
    _normalize_codec_rest(codec, kind)


def _check_mime_type(codec: Any) -> str:
    """The kind, ``audio`` or ``video``, that the MIME type starts with."""
    mime_type = _object(codec, "codec").get("mimeType")
    if not isinstance(mime_type, str) or not mime_type:
        raise InvalidParameters("missing codec.mimeType")
    match = _MIME_TYPE.match(mime_type)
    if match is None:
        raise InvalidParameters("invalid codec.mimeType")
    return match[1].lower()


def _normalize_codec_rest(codec: JsonObject, kind: str) -> None:
    if not is_number(codec.get("clockRate")):
        raise InvalidParameters("missing codec.clockRate")
    check_integer(codec["clockRate"], "codec.clockRate", 1, MAX_UINT32)
    if kind == "video":
        codec.pop("channels", None)
    elif is_number(codec.get("channels")):
        check_integer(codec["channels"], "codec.channels", 1, 255)
    else:
        codec["channels"] = 1
    codec["parameters"] = _parameters_object(codec.get("parameters"), "codec.parameters")
    for key, value in codec["parameters"].items():
        if not isinstance(value, str) and not is_number(value):
            raise InvalidParameters(f"invalid codec parameter [key:{show(key)}s, value:{show(value)}]")
        if key == "apt" and not is_number(value):
            raise InvalidParameters("invalid codec apt parameter")
    if not isinstance(codec.get("rtcpFeedback"), list):
        codec["rtcpFeedback"] = []
    for feedback in codec["rtcpFeedback"]:
        kind_of_feedback = _object(feedback, "fb").get("type")
        if not isinstance(kind_of_feedback, str) or not kind_of_feedback:
            raise InvalidParameters("missing fb.type")
        if not isinstance(feedback.get("parameter"), str):
            feedback["parameter"] = ""


def _parameters_object(value: Any, name: str) -> JsonObject:
    """``value`` as an object; scalars and the empty list (how PHP writes an empty object) count as empty."""
    if isinstance(value, list) and value:
        raise InvalidParameters(f"{name} is not an object")  # JavaScript would read the indexes as names
    return value if isinstance(value, dict) else {}


def _check_uri(extension: Any) -> None:
    uri = extension.get("uri")
    if not isinstance(uri, str) or not uri:
        raise InvalidParameters("missing ext.uri")


def _normalize_flag(owner: JsonObject, field: str) -> None:
    value = owner.get(field)
    if is_truthy(value) and not isinstance(value, bool):
        raise InvalidParameters(f"invalid ext.{field}")
    owner[field] = value is True


def _normalize_extension_capability(extension: Any) -> None:
    if _object(extension, "ext").get("kind") not in ("audio", "video"):
        raise InvalidParameters("invalid ext.kind")
    _check_uri(extension)
    if not is_number(extension.get("preferredId")):
        raise InvalidParameters("missing ext.preferredId")
    check_integer(extension["preferredId"], "ext.preferredId", 1, 255)
    _normalize_flag(extension, "preferredEncrypt")
    direction = extension.get("direction")
    if is_truthy(direction) and not isinstance(direction, str):
        raise InvalidParameters("invalid ext.direction")
    extension["direction"] = direction or "sendrecv"


def _normalize_extension_parameters(extension: Any) -> None:
    _check_uri(_object(extension, "ext"))
    if not is_number(extension.get("id")):
        raise InvalidParameters("missing ext.id")
    check_integer(extension["id"], "ext.id", 1, 255)
    _normalize_flag(extension, "encrypt")
    extension["parameters"] = _parameters_object(extension.get("parameters"), "ext.parameters")
    for value in extension["parameters"].values():
        if not isinstance(value, str) and not is_number(value):
            raise InvalidParameters("invalid header extension parameter")


def _normalize_encoding(encoding: Any) -> None:
    ssrc = _object(encoding, "encoding").get("ssrc")
    if is_number(ssrc):
        # mediasoup's worker takes 0 for "no SSRC", a trap for a sender that really uses it.
        check_integer(ssrc, "encoding.ssrc", 1, MAX_UINT32)
    elif is_truthy(ssrc):
        raise InvalidParameters("invalid encoding.ssrc")
    else:
        encoding.pop("ssrc", None)
    _optional_string(encoding, "rid", "invalid encoding.rid")
    if encoding.get("rid") and not _RID.fullmatch(encoding["rid"]):
        raise InvalidParameters(
            f"invalid encoding.rid {show(encoding['rid'])}: need 1 to 16 letters and digits"
        )
    rtx = encoding.get("rtx")
    if not is_truthy(rtx):
        encoding.pop("rtx", None)
    elif not isinstance(rtx, dict):
        raise InvalidParameters("invalid encoding.rtx")
    elif not is_number(rtx.get("ssrc")):
        raise InvalidParameters("missing encoding.rtx.ssrc")
    else:
        check_integer(rtx["ssrc"], "encoding.rtx.ssrc", 1, MAX_UINT32)
    encoding["dtx"] = encoding.get("dtx") is True
    _optional_string(encoding, "scalabilityMode", "invalid encoding.scalabilityMode")
    mode = encoding.get("scalabilityMode")
    if mode and not _SCALABILITY_MODE.fullmatch(mode):
        raise InvalidParameters(f"invalid encoding.scalabilityMode {show(mode)}")
    # From here on ours: ortc.js looks at neither field, the worker writes both into integers.
    bitrate = encoding.get("maxBitrate")
    if bitrate is not None and (not is_number(bitrate) or not 0 <= bitrate <= MAX_UINT32):
        raise InvalidParameters(
            f"invalid encoding.maxBitrate {show(bitrate)}: need bits per second up to 2^32 - 1"
        )
    if "codecPayloadType" in encoding:
        check_integer(encoding["codecPayloadType"], "encoding.codecPayloadType", 0, 127)


def _normalize_rtcp(value: Any) -> JsonObject:
    rtcp = _object(value, "params.rtcp") if is_truthy(value) and value != [] else {}
    _optional_string(rtcp, "cname", "invalid rtcp.cname")
    _check_bytes(rtcp.get("cname", ""), "rtcp.cname", MAX_CNAME_BYTES)
    rtcp["reducedSize"] = True  # mediasoup turns an explicit false into true as well
    return rtcp


def _refuse_ambiguity(params: JsonObject) -> None:
    """Refuse numbers that are used twice: a packet would have two owners, or two readings."""
    payload_types = [codec["payloadType"] for codec in params["codecs"]]
    _refuse_duplicates(payload_types, "codec.payloadType")
    _refuse_duplicates([extension["id"] for extension in params["headerExtensions"]], "ext.id")
    encodings = params["encodings"]
    ssrcs = [encoding["ssrc"] for encoding in encodings if "ssrc" in encoding]
    ssrcs += [encoding["rtx"]["ssrc"] for encoding in encodings if "rtx" in encoding]
    _refuse_duplicates(ssrcs, "encoding.ssrc")
    _refuse_duplicates([encoding["rid"] for encoding in encodings if encoding.get("rid")], "encoding.rid")
    for encoding in encodings:
        if "codecPayloadType" in encoding and encoding["codecPayloadType"] not in payload_types:
            raise InvalidParameters(f"unknown encoding.codecPayloadType {encoding['codecPayloadType']}")


def _refuse_duplicates(values: list[Any], field: str) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise InvalidParameters(f"duplicated {field} {show(value)}")
        seen.add(value)
