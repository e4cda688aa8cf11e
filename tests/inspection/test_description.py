import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters
from rtpfwd.inspection.codecs import CodecGuess, Confidence, find_codec, is_repair, static_codec
from rtpfwd.inspection.description import parse_description

TEXT = """
[[stream]]
name = "camera"
ssrc = [0x11223344, 5]
payload_type = 96
codec = "vp8"

[[stream]]
payload_type = [97, 98]
codec = "video/x-own"
clock_rate = 45000
repairs = 5
[stream.extensions]
3 = "urn:three"

[[stream]]
ssrc = 5
clock_rate = 16000

[extensions]
1 = "urn:one"
"""


def test_the_entry_that_says_most_counts():
    description = parse_description(TEXT)
    camera, other, clock = description.streams
    assert description.find(5, 96) is camera
    assert description.find(5, 97) is clock
    assert description.find(7, 98) is other
    assert description.find(7, 99) is None
    assert camera.codec == CodecGuess("video/VP8", 90000, Confidence.GIVEN)
    assert other.codec == CodecGuess("video/x-own", 45000, Confidence.GIVEN)
    assert clock.codec == CodecGuess(None, 16000)
    assert (other.repairs, other.extensions) == (5, {1: "urn:one", 3: "urn:three"})
    assert description.names_ssrc(0x11223344)
    assert not description.names_ssrc(6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[stream]", "not TOML"),
        ("[streams]", "streams: need"),
        ("stream = 1", "need .*stream"),
        ("[[stream]]\nssrcs = 1", "stream 1: ssrcs: need one of"),
        ("[[stream]]\nssrc = -1", "need a number from 0 to 4294967295"),
        ("[[stream]]\nssrc = true", "need a number"),
        ("[[stream]]\npayload_type = 128", "from 0 to 127"),
        ("[[stream]]\ncodec = 1", "codec: need a text"),
        ("[[stream]]\ncodec = 'video/none'", "codec 'video/none' is not known"),
        ("[[stream]]\ncodec = 'VP8'\nclock_rate = 0", "clock_rate"),
        ("[[stream]]\nname = 1", "name: need a text"),
        ("[[stream]]\nrepairs = []", "repairs: need one number"),
        ("[extensions]\n0 = 'x'", "id from 1 to 255"),
        ("[extensions]\n1 = 1", "id from 1 to 255"),
        ("extensions = 1", "need a table"),
    ],
)
def test_a_wrong_field_is_named(text, complaint):
    with pytest.raises(InvalidParameters, match=complaint):
        parse_description(text)


@settings(max_examples=100)
@given(st.text() | st.text().map(lambda tail: "[[stream]]\n" + tail))
def test_any_text_parses_or_is_refused(text):
    try:
        parse_description(text)
    except InvalidParameters as error:
        assert str(error)


def test_codecs_are_found_by_either_name():
    assert find_codec("OPUS") == find_codec("audio/Opus") == ("audio/opus", 48000)
    assert find_codec("rtx") == ("video/rtx", 90000)
    assert find_codec("none") is None
    assert static_codec(0) == CodecGuess("audio/PCMU", 8000, Confidence.STATIC)
    assert static_codec(96) == CodecGuess()
    assert is_repair("audio/RTX")
    assert not is_repair(None)
