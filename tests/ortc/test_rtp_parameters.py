"""The typed views say the same as the dictionaries they are made from."""

from typing import Any

import pytest

from rtpfwd import ortc
from rtpfwd.errors import InvalidParameters
from tests.ortc.mediasoup_vectors import VECTORS

# What the SFU has no use for.
DROPPED = ("active", "scaleResolutionDownBy", "bar")


def without_unused(params: dict[str, Any]) -> dict[str, Any]:
    encodings = [{k: v for k, v in e.items() if k not in DROPPED} for e in params["encodings"]]
    codecs = [{k: v for k, v in c.items() if k != "foo"} for c in params["codecs"]]
    rtcp = {k: v for k, v in params["rtcp"].items() if k != "mux"}
    return {**params, "encodings": encodings, "codecs": codecs, "rtcp": rtcp}


def with_dtx(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "encodings": [{"dtx": False, **encoding} for encoding in params["encodings"]]}


def test_parsing_and_writing_again_keeps_every_producers_parameters() -> None:
    compared = 0
    for vector in VECTORS["produced"]:
        if "result" not in vector or not vector["result"]["rtpParameters"]["codecs"]:
            continue
        for params in (vector["result"]["rtpParameters"], vector["result"]["consumableRtpParameters"]):
            parsed = ortc.parse_rtp_parameters(params)
            assert parsed.to_json() == with_dtx(without_unused(params))
            assert ortc.parse_rtp_parameters(parsed.to_json()) == parsed
        mapping = vector["result"]["rtpMapping"]
        assert ortc.parse_rtp_mapping(mapping).to_json() == mapping
        compared += 1
    assert compared > 50


def test_parsing_and_writing_again_keeps_every_consumers_parameters() -> None:
    for vector in VECTORS["consumed"]:
        if "result" in vector:
            parsed = ortc.parse_rtp_parameters(vector["result"])
            assert parsed.to_json() == with_dtx(without_unused(vector["result"]))


def video() -> ortc.RtpParameters:
    return ortc.parse_rtp_parameters(
        ortc.validate_rtp_parameters(VECTORS["producers"]["VP8 and VP9 in one"]["rtpParameters"])
    )


def test_an_encoding_has_the_codec_it_names_or_the_first() -> None:
    params = video()
    assert params.codec_for(params.encodings[0]).mime_type == "video/VP9"
    assert params.codec_for(ortc.RtpEncoding(ssrc=1)).mime_type == "video/VP8"


def test_rtx_is_found_by_the_payload_type_it_repairs() -> None:
    rtx = video().rtx_codec_for(98)
    assert rtx is not None
    assert (rtx.payload_type, rtx.is_rtx, rtx.associated_payload_type) == (99, True, 98)
    assert video().rtx_codec_for(99) is None


def test_codecs_feedback_and_extensions_are_found_by_name() -> None:
    params = video()
    vp8 = params.codec(96)
    assert vp8 is not None
    assert (vp8.kind, vp8.clock_rate, vp8.channels, vp8.associated_payload_type) == (
        "video",
        90000,
        None,
        None,
    )
    assert vp8.has_feedback("nack")
    assert vp8.has_feedback("nack", "pli")
    assert not vp8.has_feedback("nack", "rpsi")
    assert params.codec(77) is None
    assert params.header_extension_id("urn:ietf:params:rtp-hdrext:sdes:mid") == 4
    assert params.header_extension_id("urn:nobody") is None


def test_a_mapping_translates_payload_types() -> None:
    mapping = ortc.parse_rtp_mapping(
        {
            "codecs": [{"payloadType": 96, "mappedPayloadType": 101}],
            "encodings": [{"rid": "r0", "mappedSsrc": 5}],
        }
    )
    assert mapping.mapped_payload_type(96) == 101
    assert mapping.mapped_payload_type(97) is None
    assert mapping.encodings == (ortc.EncodingMapping(mapped_ssrc=5, rid="r0"),)


def test_format_parameters_are_read_only() -> None:
    with pytest.raises(TypeError):
        video().codecs[0].parameters["apt"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("codecs", "text"),
    [
        ([], "empty params.codecs"),
        ([{"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000}], "empty params.codecs"),
        (
            [
                {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000},
                {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000},
            ],
            "missing media codec found for RTX PT 97",
        ),
    ],
)
def test_parameters_that_cannot_be_received_are_refused(codecs: Any, text: str) -> None:
    with pytest.raises(InvalidParameters, match=text):
        ortc.parse_rtp_parameters(ortc.validate_rtp_parameters({"codecs": codecs}))
