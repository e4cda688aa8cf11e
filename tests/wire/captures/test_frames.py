import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.frames import NO_ADDRESS, guess_frame, parse_frame
from rtpfwd.wire.captures.internet import Skip, UdpPacket, serialize_udp
from rtpfwd.wire.captures.items import LinkType

V4 = serialize_udp(("192.0.2.1", 5004), ("192.0.2.2", 5006), b"hello")
V6 = serialize_udp(("2001:db8::1", 5004), ("2001:db8::2", 5006), b"hello")
MACS = bytes(range(12))
RTP = bytes.fromhex("80e00001000000010000000a") + b"payload"


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (LinkType.ETHERNET, MACS + b"\x08\x00" + V4),
        (LinkType.ETHERNET, MACS + b"\x86\xdd" + V6),
        (LinkType.ETHERNET, MACS + b"\x81\x00\x00\x05\x08\x00" + V4),
        (LinkType.ETHERNET, MACS + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd" + V6),
        (LinkType.RAW, V4),
        (LinkType.RAW, V6),
        (LinkType.BSD_RAW, V4),
        (LinkType.OPENBSD_RAW, V4),
        (LinkType.IPV4, V4),
        (LinkType.IPV6, V6),
        (LinkType.NULL, b"\x02\0\0\0" + V4),
        (LinkType.NULL, b"\0\0\0\x02" + V4),
        (LinkType.NULL, b"\x1e\0\0\0" + V6),
        (LinkType.LOOP, b"\0\0\0\x18" + V6),
        (LinkType.LINUX_SLL, bytes(14) + b"\x08\x00" + V4),
        (LinkType.LINUX_SLL2, b"\x86\xdd" + bytes(18) + V6),
    ],
)
def test_every_link_layer_is_taken_off(link_type, frame):
    parsed = parse_frame(link_type, frame)
    assert isinstance(parsed, UdpPacket)
    assert parsed.payload == b"hello"
    assert parsed.source[1] == 5004
    for size in range(len(frame) - 5):
        with pytest.raises(MalformedPacket, match="need"):
            parse_frame(link_type, frame[:size])


def test_user_frames_are_bare_payloads():
    assert parse_frame(150, b"abc") == UdpPacket(NO_ADDRESS, NO_ADDRESS, b"abc")


def test_other_traffic_and_other_links_are_skipped():
    assert parse_frame(LinkType.ETHERNET, MACS + b"\x08\x06" + bytes(28)) is Skip.NOT_IP
    assert parse_frame(LinkType.NULL, bytes(24)) is Skip.NOT_IP
    assert parse_frame(105, V4) is Skip.LINK_TYPE


def test_what_a_frame_starts_with_is_guessed():
    for frame in (MACS + b"\x08\x00" + V4, V4, V6):
        guessed = guess_frame(frame)
        assert isinstance(guessed, UdpPacket)
        assert guessed.payload == b"hello"
    assert guess_frame(RTP) == UdpPacket(NO_ADDRESS, NO_ADDRESS, RTP)
    assert guess_frame(b"\xff" * 40) is Skip.LINK_TYPE


@settings(max_examples=200)
@given(st.sampled_from(LinkType), st.binary(max_size=80))
def test_any_bytes_parse_or_are_malformed(link_type, data):
    assert isinstance(guess_frame(data), UdpPacket | Skip)
    try:
        assert isinstance(parse_frame(link_type, data), UdpPacket | Skip)
    except MalformedPacket as error:
        assert "need" in str(error) or "over" in str(error)
