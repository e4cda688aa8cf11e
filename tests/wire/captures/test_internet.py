import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.captures.internet import (
    Skip,
    UdpPacket,
    checksums_hold,
    internet_checksum,
    parse_ip,
    serialize_udp,
)

V4 = serialize_udp(("192.0.2.1", 5004), ("192.0.2.2", 5006), b"hello")
V6 = serialize_udp(("2001:db8::1", 5004), ("2001:db8::2", 5006), b"hello")
HOSTS = ("2001:db8::1", 5004), ("2001:db8::2", 5006)


def with_headers(chain: bytes, first: int) -> bytes:
    """V6 with extension headers between its header and UDP."""
    size = len(V6) - 40 + len(chain)
    return V6[:4] + size.to_bytes(2) + bytes((first,)) + V6[7:40] + chain + V6[40:]


def test_the_checksum_is_that_of_rfc_1071_section_3():
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


def test_the_checksum_of_a_known_ipv4_header():
    assert internet_checksum(bytes.fromhex("45000073000040004011 0000 c0a80001c0a800c7")) == 0xB861


def test_a_packet_is_built_as_by_hand():
    assert V4.hex(" ", -4) == ("45000021 00004000 4011b6c8 c0000201 c0000202 138c138e 000d10e4 68656c6c 6f")
    assert V6[:8].hex() == "60000000000d1140"


@pytest.mark.parametrize("packet", [V4, V6])
def test_checksums_hold_until_a_bit_changes(packet):
    assert checksums_hold(packet)
    assert not checksums_hold(packet[:-1] + bytes((packet[-1] ^ 1,)))


hosts = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@settings(max_examples=150)
@given(st.data(), st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=100), st.integers(0, 100))
def test_every_datagram_comes_back(data, source_port, destination_port, payload, missing):
    version = data.draw(st.sampled_from([4, 6]))
    source = str(data.draw(st.ip_addresses(v=version))), source_port
    destination = str(data.draw(st.ip_addresses(v=version))), destination_port
    packet = serialize_udp(source, destination, payload, missing=missing)
    assert parse_ip(packet) == UdpPacket(source, destination, payload, missing)
    if not missing:
        assert checksums_hold(packet)


def test_ipv4_options_are_stepped_over_and_ethernet_padding_left_off():
    packet = b"\x46" + V4[1:2] + (len(V4) + 4).to_bytes(2) + V4[4:20] + b"\x01\x01\x01\0" + V4[20:] + bytes(9)
    assert parse_ip(packet) == parse_ip(V4)


def test_ipv6_extension_headers_are_stepped_over():
    hop_by_hop, destination, authentication = bytes(8), b"\x33\x01" + bytes(14), b"\x11\x01" + bytes(10)
    chain = b"\x3c" + hop_by_hop[1:] + destination + authentication
    assert parse_ip(with_headers(chain, 0)) == UdpPacket(*HOSTS, b"hello")


def test_fragments_are_told_from_whole_packets():
    for flags in (b"\x20\x00", b"\x00\x10"):
        assert parse_ip(V4[:6] + flags + V4[8:]) is Skip.FRAGMENT
    assert parse_ip(with_headers(bytes.fromhex("1100000100000000"), 44)) is Skip.FRAGMENT
    assert parse_ip(with_headers(bytes.fromhex("1100000000000000"), 44)) == UdpPacket(*HOSTS, b"hello")


def test_what_is_not_udp_is_skipped():
    assert parse_ip(V4[:9] + b"\x06" + V4[10:]) is Skip.NOT_UDP
    assert parse_ip(V6[:6] + b"\x3a" + V6[7:]) is Skip.NOT_UDP
    assert parse_ip(b"\x10" + V4[1:]) is Skip.NOT_IP


def test_a_cut_packet_tells_how_much_is_missing():
    assert parse_ip(V4[:-3]) == UdpPacket(("192.0.2.1", 5004), ("192.0.2.2", 5006), b"he", 3)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        V4[:19],
        V4[:27],
        b"\x44" + V4[1:],
        b"\x4f" + V4[1:],
        V6[:39],
        V6[:47],
        with_headers(bytes(8), 0)[:44],
        V4[:24] + b"\0\x07" + V4[26:],
        V4[:24] + b"\0\xff" + V4[26:],
        with_headers(bytes(8) * 20, 0),
    ],
)
def test_headers_that_contradict_themselves_are_malformed(packet):
    with pytest.raises(MalformedPacket, match=r"need|over 16"):
        parse_ip(packet)


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: V6[:7] + tail))
def test_any_bytes_parse_or_are_malformed(data):
    try:
        assert isinstance(parse_ip(data), UdpPacket | Skip)
    except MalformedPacket as error:
        assert str(error)


@pytest.mark.parametrize(
    ("source", "destination", "payload"),
    [
        (("192.0.2.1", 1), ("::1", 1), b""),
        (("host", 1), ("::1", 1), b""),
        (("::1", 65536), ("::1", 1), b""),
        (("::1", 1), ("::1", 1), bytes(65508)),
    ],
)
def test_what_does_not_fit_is_refused(source, destination, payload):
    with pytest.raises(InvalidParameters):
        serialize_udp(source, destination, payload)
