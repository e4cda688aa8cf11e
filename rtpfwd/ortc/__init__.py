"""ORTC: which codecs, payload types and header extensions two ends have in common.

Pure functions over JSON dictionaries, with the results of mediasoup 3.27.1's ``ortc.js``, so that
mediasoup-client works unchanged. The order of use: ``generate_router_rtp_capabilities`` for a router; for a
producer ``get_producer_rtp_parameters``, ``…_mapping`` and ``get_consumable_rtp_parameters``; for each
consumer ``can_consume`` and ``get_consumer_rtp_parameters``. ``rtp_parameters`` has the typed views.
"""

from rtpfwd.ortc.capabilities import (
    generate_router_rtp_capabilities,
    get_supported_rtp_capabilities,
    offer_dependency_descriptor,
)
from rtpfwd.ortc.consuming import can_consume, get_consumer_rtp_parameters, get_pipe_consumer_rtp_parameters
from rtpfwd.ortc.producing import (
    get_consumable_rtp_parameters,
    get_producer_rtp_parameters,
    get_producer_rtp_parameters_mapping,
)
from rtpfwd.ortc.rtp_parameters import (
    CodecMapping,
    EncodingMapping,
    RtcpFeedback,
    RtcpParameters,
    RtpCodec,
    RtpEncoding,
    RtpHeaderExtension,
    RtpMapping,
    RtpParameters,
    parse_rtp_mapping,
    parse_rtp_parameters,
)
from rtpfwd.ortc.validation import (
    validate_rtp_capabilities,
    validate_rtp_codec_capability,
    validate_rtp_parameters,
    validate_sctp_stream_parameters,
)

__all__ = [
    "can_consume",
    "generate_router_rtp_capabilities",
    "get_consumable_rtp_parameters",
    "get_consumer_rtp_parameters",
    "get_pipe_consumer_rtp_parameters",
    "get_producer_rtp_parameters",
    "get_producer_rtp_parameters_mapping",
    "get_supported_rtp_capabilities",
    "offer_dependency_descriptor",
    "parse_rtp_mapping",
    "parse_rtp_parameters",
    "validate_rtp_capabilities",
    "validate_rtp_codec_capability",
    "validate_rtp_parameters",
    "validate_sctp_stream_parameters",
    "CodecMapping",
    "EncodingMapping",
    "RtcpFeedback",
    "RtcpParameters",
    "RtpCodec",
    "RtpEncoding",
    "RtpHeaderExtension",
    "RtpMapping",
    "RtpParameters",
]
