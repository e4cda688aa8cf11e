"""From RtpParameters to what the data plane is told of a stream on the wire."""

from __future__ import annotations

from rtpfwd.dataplane.interface import ReceiveStreamSpec, SendStreamSpec, TransportId
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpEncoding, RtpMapping, RtpParameters
from rtpfwd.protocols.ice_lite import Entropy
from rtpfwd.wire.payloads.registry import descriptor_parser


def receive_stream_spec(
    parameters: RtpParameters,
    mapping: RtpMapping,
    consumable: JsonObject,
    transport: TransportId,
    encoding: RtpEncoding,
    ssrc: int,
    rtx_ssrc: int | None,
    paused: bool,
) -> ReceiveStreamSpec:
    """One encoding of a producer; ``consumable`` has the router's extension ids."""
    codec = parameters.codec_for(encoding)
    media = [one for one in parameters.codecs if not one.is_rtx]
    return ReceiveStreamSpec(
        transport=transport,
        ssrc=ssrc,
        payload_types={
            one.payload_type: mapped
            for one in media
            if (mapped := mapping.mapped_payload_type(one.payload_type)) is not None
        },
        rtx_ssrc=rtx_ssrc,
        rtx_payload_types={
            one.payload_type: apt
            for one in parameters.codecs
            if (apt := one.associated_payload_type) is not None
        },
        clock_rate=codec.clock_rate,
        mime_type=codec.mime_type,
        extension_ids={one.uri: one.id for one in parameters.header_extensions},
        mapped_extension_ids={one["uri"]: one["id"] for one in consumable["headerExtensions"]},
        use_nack=codec.has_feedback("nack"),
        paused=paused,
    )


def send_stream_spec(
    parameters: RtpParameters, transport: TransportId, entropy: Entropy, paused: bool, ignore_dtx: bool
) -> SendStreamSpec:
    """The one encoding of a consumer; ``entropy`` gives its first sequence numbers."""
    encoding = parameters.encodings[0]
    media = [codec for codec in parameters.codecs if not codec.is_rtx]
    codec = media[0]
    rtx = {
        apt: one.payload_type for one in parameters.codecs if (apt := one.associated_payload_type) is not None
    }
    return SendStreamSpec(
        transport=transport,
        ssrc=encoding.ssrc or 0,
        rtx_ssrc=encoding.rtx_ssrc,
        rtx_payload_types=rtx,
        payload_types=frozenset(one.payload_type for one in media),
        clock_rate=codec.clock_rate,
        mime_type=codec.mime_type,
        mid=(parameters.mid or "").encode(),
        extension_ids={one.uri: one.id for one in parameters.header_extensions},
        first_sequence_number=int.from_bytes(entropy(2)) & 0x7FFF,
        first_rtx_sequence_number=int.from_bytes(entropy(2)) & 0x7FFF,
        needs_key_frame=descriptor_parser(codec.mime_type) is not None,
        keep_ciphertext=codec.has_feedback("nack") and (encoding.rtx_ssrc is None or not rtx),
        paused=paused,
        ignore_dtx=ignore_dtx and codec.mime_type.lower() == "audio/opus",
    )
