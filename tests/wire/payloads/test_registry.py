import pytest

from rtpfwd.wire.payloads.registry import descriptor_parser


@pytest.mark.parametrize("mime_type", ["video/VP8", "video/vp8", "VIDEO/Vp9", "video/H264", "video/AV1"])
def test_video_codecs_have_a_parser_in_any_case(mime_type: str) -> None:
    parse = descriptor_parser(mime_type)
    assert parse is not None
    assert not parse(b"").is_keyframe
    assert not parse(b"\xff\xff", 1, 1).is_keyframe


def test_each_codec_has_its_own_parser() -> None:
    assert len({descriptor_parser(f"video/{name}") for name in ("VP8", "VP9", "H264", "AV1")}) == 4


@pytest.mark.parametrize("mime_type", ["audio/opus", "video/rtx", "video/H265", "", "vp8"])
def test_other_types_have_none(mime_type: str) -> None:
    assert descriptor_parser(mime_type) is None
