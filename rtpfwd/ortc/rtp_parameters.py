"""RtpParameters and RtpMapping as types: parsed once from checked dictionaries, read everywhere in the SFU.

The W3C's camelCase names become ours in this file and nowhere else; ``parse_…`` and ``to_json`` are a pair.
The dictionaries are those of ``producing.py`` and ``consuming.py`` (normalised). What mediasoup's worker
demands beyond ``ortc.js`` is checked here: at least one media codec, an ``apt`` that leads to a media codec
for every RTX codec, no spatial layers inside simulcast streams.

Left out: members the SFU has no use for (``active``, ``scaleResolutionDownBy``, ``priority`` …) are dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.wire.scalability import parse_scalability_mode

FormatParameters: TypeAlias = Mapping[str, str | int | float]
"""The ``a=fmtp`` values of a codec, or the parameters of a header extension; read-only."""


@dataclass(frozen=True, slots=True)
class RtcpFeedback:
    """One ``a=rtcp-fb`` line, for example ``nack pli`` (RFC 4585 §4.2); ``parameter`` may be empty."""

    type: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class RtpCodec:
    """One payload type. ``clock_rate`` in hertz; ``channels`` is ``None`` for video."""

    mime_type: str
    payload_type: int
    clock_rate: int
    channels: int | None
    parameters: FormatParameters
    rtcp_feedback: tuple[RtcpFeedback, ...]

    @property
    def kind(self) -> str:
        """``audio`` or ``video``."""
        return self.mime_type.partition("/")[0].lower()

    @property
    def is_rtx(self) -> bool:
        """Whether the payload type carries retransmissions (RFC 4588)."""
        return self.mime_type.lower().endswith("/rtx")

    @property
    def associated_payload_type(self) -> int | None:
        """For RTX, the payload type it repairs (``apt``)."""
        apt = self.parameters.get("apt")
        return apt if self.is_rtx and isinstance(apt, int) else None

    def has_feedback(self, type_: str, parameter: str = "") -> bool:
        """Whether this RTCP feedback was agreed on."""
        return RtcpFeedback(type_, parameter) in self.rtcp_feedback


@dataclass(frozen=True, slots=True)
class RtpHeaderExtension:
    """One header extension and the id it has in this stream (RFC 8285)."""

    uri: str
    id: int
    encrypt: bool = False
    parameters: FormatParameters = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class RtpEncoding:
    """One stream of a producer (found by ``ssrc`` or ``rid``) or of a consumer (``ssrc``)."""

    ssrc: int | None = None
    rid: str | None = None
    rtx_ssrc: int | None = None
    codec_payload_type: int | None = None
    dtx: bool = False
    scalability_mode: str | None = None
    max_bitrate_bps: int | None = None


@dataclass(frozen=True, slots=True)
class RtcpParameters:
    """``cname`` names the sender's clock (RFC 3550 §6.5.1); ``reduced_size`` is RFC 5506."""

    cname: str | None = None
    reduced_size: bool = True


@dataclass(frozen=True, slots=True)
class RtpParameters:
    """All that is needed to receive, or send, the streams of one producer or consumer."""

    mid: str | None
    codecs: tuple[RtpCodec, ...]
    header_extensions: tuple[RtpHeaderExtension, ...]
    encodings: tuple[RtpEncoding, ...]
    rtcp: RtcpParameters
    msid: str | None = None

    def codec(self, payload_type: int) -> RtpCodec | None:
        """The codec with this payload type."""
        return next((codec for codec in self.codecs if codec.payload_type == payload_type), None)

    def codec_for(self, encoding: RtpEncoding) -> RtpCodec:
        """The media codec of an encoding: the one it names, else the first."""
        named = None if encoding.codec_payload_type is None else self.codec(encoding.codec_payload_type)
        if named is not None and not named.is_rtx:
            return named
        return next(codec for codec in self.codecs if not codec.is_rtx)

    def rtx_codec_for(self, payload_type: int) -> RtpCodec | None:
        """The RTX codec that repairs this payload type."""
        return next((codec for codec in self.codecs if codec.associated_payload_type == payload_type), None)

    def header_extension_id(self, uri: str) -> int | None:
        """The id of a header extension, or ``None`` where it was not agreed on."""
        return next((extension.id for extension in self.header_extensions if extension.uri == uri), None)

    def to_json(self) -> JsonObject:
        """The dictionary that ``parse_rtp_parameters`` reads; absent values are absent keys."""
        return _without_none(
            {
                "mid": self.mid,
                "codecs": [_codec_to_json(codec) for codec in self.codecs],
                "headerExtensions": [_header_extension_to_json(item) for item in self.header_extensions],
                "encodings": [_encoding_to_json(encoding) for encoding in self.encodings],
                "rtcp": _without_none({"cname": self.rtcp.cname, "reducedSize": self.rtcp.reduced_size}),
                "msid": self.msid,
            }
        )


@dataclass(frozen=True, slots=True)
class CodecMapping:
    """A producer's payload type and the router's for the same codec."""

    payload_type: int
    mapped_payload_type: int


@dataclass(frozen=True, slots=True)
class EncodingMapping:
    """A producer's encoding, by ``ssrc`` or ``rid``, and its SSRC inside the router."""

    mapped_ssrc: int
    ssrc: int | None = None
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class RtpMapping:
    """A producer's numbers and the router's; ``encodings`` in the order of the producer's encodings."""

    codecs: tuple[CodecMapping, ...]
    encodings: tuple[EncodingMapping, ...]

    def mapped_payload_type(self, payload_type: int) -> int | None:
        """The router's payload type for a producer's."""
        return next((c.mapped_payload_type for c in self.codecs if c.payload_type == payload_type), None)

    def to_json(self) -> JsonObject:
        """The dictionary that ``parse_rtp_mapping`` reads."""
        return {
            "codecs": [
                {"payloadType": codec.payload_type, "mappedPayloadType": codec.mapped_payload_type}
                for codec in self.codecs
            ],
            "encodings": [
                _without_none({"ssrc": item.ssrc, "rid": item.rid, "mappedSsrc": item.mapped_ssrc})
                for item in self.encodings
            ],
        }


def parse_rtp_parameters(params: JsonObject) -> RtpParameters:
    """Read normalised RtpParameters (from ``validate_rtp_parameters`` or any ``get_…_rtp_parameters``).

    Raises ``InvalidParameters`` without a media codec, when ``apt`` is missing or leads to no media codec, or
    when several encodings are given and one of them has spatial layers.
    """
    codecs = tuple(_parse_codec(codec) for codec in params["codecs"])
    media_payload_types = {codec.payload_type for codec in codecs if not codec.is_rtx}
    if not media_payload_types:
        raise InvalidParameters("empty params.codecs: need at least one media codec")
    for codec in codecs:
        if codec.is_rtx and codec.associated_payload_type not in media_payload_types:
            raise InvalidParameters(f"missing media codec found for RTX PT {codec.payload_type}")
    encodings = tuple(_parse_encoding(encoding) for encoding in params["encodings"])
    if len(encodings) > 1 and any(_spatial_layers(encoding) > 1 for encoding in encodings):
        raise InvalidParameters("cannot use both simulcast and encodings with multiple SVC spatial layers")
    return RtpParameters(
        mid=params.get("mid") or None,
        codecs=codecs,
        header_extensions=tuple(_parse_header_extension(item) for item in params["headerExtensions"]),
        encodings=encodings,
        rtcp=RtcpParameters(params["rtcp"].get("cname"), params["rtcp"]["reducedSize"]),
        msid=params.get("msid"),
    )


def parse_rtp_mapping(mapping: JsonObject) -> RtpMapping:
    """Read an RtpMapping from ``get_producer_rtp_parameters_mapping``."""
    return RtpMapping(
        codecs=tuple(CodecMapping(c["payloadType"], c["mappedPayloadType"]) for c in mapping["codecs"]),
        encodings=tuple(
            EncodingMapping(item["mappedSsrc"], item.get("ssrc"), item.get("rid"))
            for item in mapping["encodings"]
        ),
    )


def _parse_codec(codec: JsonObject) -> RtpCodec:
    return RtpCodec(
        mime_type=codec["mimeType"],
        payload_type=codec["payloadType"],
        clock_rate=codec["clockRate"],
        channels=codec.get("channels"),
        parameters=MappingProxyType(dict(codec["parameters"])),
        rtcp_feedback=tuple(RtcpFeedback(fb["type"], fb["parameter"]) for fb in codec["rtcpFeedback"]),
    )


def _codec_to_json(codec: RtpCodec) -> JsonObject:
    return _without_none(
        {
            "mimeType": codec.mime_type,
            "payloadType": codec.payload_type,
            "clockRate": codec.clock_rate,
            "channels": codec.channels,
            "parameters": dict(codec.parameters),
            "rtcpFeedback": [{"type": fb.type, "parameter": fb.parameter} for fb in codec.rtcp_feedback],
        }
    )


def _parse_header_extension(extension: JsonObject) -> RtpHeaderExtension:
    return RtpHeaderExtension(
        uri=extension["uri"],
        id=extension["id"],
        encrypt=extension["encrypt"],
        parameters=MappingProxyType(dict(extension["parameters"])),
    )


def _header_extension_to_json(extension: RtpHeaderExtension) -> JsonObject:
    return {
        "uri": extension.uri,
        "id": extension.id,
        "encrypt": extension.encrypt,
        "parameters": dict(extension.parameters),
    }


def _parse_encoding(encoding: JsonObject) -> RtpEncoding:
    max_bitrate = encoding.get("maxBitrate")
    return RtpEncoding(
        ssrc=encoding.get("ssrc"),
        rid=encoding.get("rid") or None,
        rtx_ssrc=encoding["rtx"]["ssrc"] if "rtx" in encoding else None,
        codec_payload_type=encoding.get("codecPayloadType"),
        dtx=encoding.get("dtx", False),
        scalability_mode=encoding.get("scalabilityMode") or None,
        max_bitrate_bps=None if max_bitrate is None else int(max_bitrate),
    )


def _spatial_layers(encoding: RtpEncoding) -> int:
    return parse_scalability_mode(encoding.scalability_mode).spatial_layers


def _encoding_to_json(encoding: RtpEncoding) -> JsonObject:
    return _without_none(
        {
            "ssrc": encoding.ssrc,
            "rid": encoding.rid,
            "rtx": None if encoding.rtx_ssrc is None else {"ssrc": encoding.rtx_ssrc},
            "codecPayloadType": encoding.codec_payload_type,
            "dtx": encoding.dtx,
            "scalabilityMode": encoding.scalability_mode,
            "maxBitrate": encoding.max_bitrate_bps,
        }
    )


def _without_none(members: dict[str, Any]) -> JsonObject:
    return {key: value for key, value in members.items() if value is not None}
