"""What mediasoup's answers do not cover: our own refusals, random numbers, and sharing nothing."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd import ortc
from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.producing import random_ssrc
from tests.ortc.mediasoup_vectors import VECTORS

CAPS = VECTORS["routers"]["call application"]["result"]
SIMULCAST = VECTORS["producers"]["VP8 simulcast by rid"]["rtpParameters"]


def zeros(size: int) -> bytes:
    return bytes(size)


def consumable() -> dict[str, Any]:
    mapping = ortc.get_producer_rtp_parameters_mapping(SIMULCAST, CAPS, entropy=zeros)
    return ortc.get_consumable_rtp_parameters("video", SIMULCAST, CAPS, mapping)


@settings(max_examples=200)
@given(st.binary(min_size=8, max_size=8))
def test_ssrcs_and_the_rtx_ssrc_after_them_have_nine_digits(raw: bytes) -> None:
    ssrc = random_ssrc(lambda size: raw[:size])
    assert 100_000_000 <= ssrc <= 999_999_998


def test_ssrcs_come_from_the_entropy_given() -> None:
    assert random_ssrc(zeros) == 100_000_000
    assert random_ssrc(lambda size: (899_999_998).to_bytes(size, "big")) == 999_999_998
    assert random_ssrc(lambda size: (899_999_999).to_bytes(size, "big")) == 100_000_000


def test_a_codec_of_the_other_kind_is_refused() -> None:
    mapping = ortc.get_producer_rtp_parameters_mapping(SIMULCAST, CAPS, entropy=zeros)
    with pytest.raises(InvalidParameters, match=r"codec\.mimeType video/VP8 is not of kind audio"):
        ortc.get_consumable_rtp_parameters("audio", SIMULCAST, CAPS, mapping)


def test_a_mapping_of_another_producer_is_refused() -> None:
    mapping = ortc.get_producer_rtp_parameters_mapping(SIMULCAST, CAPS, entropy=zeros)
    with pytest.raises(InvalidParameters, match="fewer encodings"):
        ortc.get_consumable_rtp_parameters("video", SIMULCAST, CAPS, {**mapping, "encodings": []})
    with pytest.raises(InvalidParameters, match=r"codec\.payloadType 96 is not in the RTP mapping"):
        ortc.get_consumable_rtp_parameters("video", SIMULCAST, CAPS, {**mapping, "codecs": []})


def test_media_and_rtx_ssrcs_of_a_pipe_consumer_never_overlap() -> None:
    for second in range(-4, 5):
        numbers = iter([1000, 1000 + second])
        consumer = ortc.get_pipe_consumer_rtp_parameters(
            consumable_rtp_parameters=consumable(),
            enable_rtx=True,
            entropy=lambda size, numbers=numbers: next(numbers).to_bytes(size, "big"),  # type: ignore[misc]
        )
        ssrcs = [e["ssrc"] for e in consumer["encodings"]] + [e["rtx"]["ssrc"] for e in consumer["encodings"]]
        assert len(set(ssrcs)) == 6


def scribble(value: Any) -> None:
    """Change everything that can be changed."""
    if isinstance(value, dict):
        for member in value.values():
            scribble(member)
        value["scribble"] = True
    elif isinstance(value, list):
        for item in value:
            scribble(item)
        value.append("scribble")


def test_results_share_nothing_with_what_they_are_made_from() -> None:
    caps, params = copy.deepcopy(CAPS), copy.deepcopy(SIMULCAST)
    mapping = ortc.get_producer_rtp_parameters_mapping(params, caps, entropy=zeros)
    template = ortc.get_consumable_rtp_parameters("video", params, caps, mapping)
    scribble(ortc.get_consumable_rtp_parameters("video", params, caps, mapping))
    for pipe in (False, True):
        scribble(
            ortc.get_consumer_rtp_parameters(
                consumable_rtp_parameters=template,
                remote_rtp_capabilities=caps,
                pipe=pipe,
                enable_rtx=True,
                entropy=zeros,
            )
        )
    scribble(
        ortc.get_pipe_consumer_rtp_parameters(
            consumable_rtp_parameters=template, enable_rtx=True, entropy=zeros
        )
    )
    scribble(mapping)
    assert template == consumable()
    assert (caps, params) == (CAPS, SIMULCAST)


def test_two_routers_share_nothing() -> None:
    codecs = VECTORS["routers"]["call application"]["mediaCodecs"]
    first = ortc.generate_router_rtp_capabilities(codecs)
    scribble(first)
    assert ortc.generate_router_rtp_capabilities(codecs) == CAPS
