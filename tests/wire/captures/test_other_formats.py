import json
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, CapturedFrame, Direction, Interface, LinkType
from rtpfwd.wire.captures.mjr import MjrParser
from rtpfwd.wire.captures.pcap import PcapParser, pcap_header, pcap_record
from rtpfwd.wire.captures.reader import CaptureFormat, CaptureReader
from rtpfwd.wire.captures.rtpdump import RtpdumpParser, rtpdump_header, rtpdump_record
from rtpfwd.wire.captures.text2pcap import DAY_US, Text2pcapParser, text2pcap_line

RTP = bytes.fromhex("80e00001000000010000000a") + b"payload"
RTCP = bytes.fromhex("81c9000700000001") + bytes(24)

# tcpdump's form, by hand: little endian, microseconds, Ethernet; one packet of 4 bytes, 60 on the wire.
PCAP = bytes.fromhex(
    "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000 0a000000 07000000 04000000 3c000000 61626364"
)
PCAP_NS = bytes.fromhex(
    "a1b23c4d 0002 0004 00000000 00000000 00040000 f0000065 0000000a 00001b58 00000002 00000002 6162"
)
RTPDUMP = (
    b"#!rtpplay1.0 224.2.0.1/3456\n"
    + bytes.fromhex("3b9aca00 00000005 c0000201 1388 0000")
    + bytes.fromhex("001b 0013 00000014") + RTP
    + bytes.fromhex("0028 0000 00000028") + RTCP
)  # fmt: skip
MJR = (
    b"MJR00002" + pack("!H", 34) + b'{"t":"v","c":"vp8","s":1,"u":2000}'
    + b"MEET" + pack("!IH", 0, 19) + RTP + b"MEET" + pack("!IH", 33, 19) + RTP
)  # fmt: skip
PARSERS = [PcapParser, RtpdumpParser, Text2pcapParser, MjrParser]


def frames(parser, data, chunk=5):
    found = []
    for start in range(0, len(data), chunk):
        parser.feed(data[start : start + chunk])
        found += parser.items()
    found += parser.end()
    return [item for item in found if isinstance(item, CapturedFrame)]


def test_pcap_of_both_byte_orders_and_resolutions():
    assert frames(PcapParser(), PCAP) == [CapturedFrame(10_000_007, b"abcd", 1, 60)]
    assert frames(PcapParser(), PCAP_NS) == [CapturedFrame(10_000_007, b"ab", 101, 2)]


@settings(max_examples=100)
@given(
    st.sampled_from("<>"),
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(0, (1 << 32) * 1_000_000 - 1), st.binary(max_size=40), st.integers(0, 9))),
)
def test_every_pcap_comes_back(order, nanoseconds, link_type, packets):
    file = pcap_header(link_type, order=order, nanoseconds=nanoseconds)
    for time_us, data, missing in packets:
        size = len(data) + missing
        file += pcap_record(time_us, data, original_size=size, order=order, nanoseconds=nanoseconds)
    found = frames(PcapParser(), file, 64)
    assert found == [CapturedFrame(t, data, link_type, len(data) + missing) for t, data, missing in packets]


def test_rtpdump_as_rtptools_writes_it():
    start_us = 1_000_000_000_000_005
    places = {"source": ("192.0.2.1", 5000), "destination": ("224.2.0.1", 3456)}
    assert frames(RtpdumpParser(), RTPDUMP) == [
        CapturedFrame(start_us + 20_000, RTP, LinkType.USER0, len(RTP), **places),
        CapturedFrame(start_us + 40_000, RTCP, LinkType.USER0, len(RTCP), **places),
    ]
    written = rtpdump_header(start_us, ("192.0.2.1", 5000), ("224.2.0.1", 3456))
    written += rtpdump_record(start_us, start_us + 20_000, RTP)
    written += rtpdump_record(start_us, start_us + 40_000, RTCP)
    assert written == RTPDUMP


def test_rtpdump_without_addresses_and_with_headers_only():
    file = b"#!rtpplay1.0 0.0.0.0/0\n" + bytes(16) + pack("!HHI", 20, 100, 3) + RTP[:12]
    (datagram,) = [item for item in CaptureReader().read([file]) if isinstance(item, CapturedDatagram)]
    assert (datagram.source, datagram.destination, datagram.missing) == (None, None, 88)
    named = b"#!rtpplay1.0 some.host/1\n" + file[23:]
    assert frames(RtpdumpParser(), named)[0].destination is None


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 0xFFFF_FFFF), st.binary(max_size=40)), max_size=5))
def test_every_rtpdump_comes_back(packets):
    file = rtpdump_header(77)
    for offset_ms, data in packets:
        file += rtpdump_record(77, 77 + offset_ms * 1000, data)
    assert [(one.time_us, one.data) for one in frames(RtpdumpParser(), file)] == [
        (77 + offset_ms * 1000, data) for offset_ms, data in packets
    ]


def test_text_of_janus_and_of_chrome():
    text = (
        "[1:2:1122/10.0:VERBOSE1:srtp_session.cc] some log line\n\n"
        f"I 23:59:59.900000 000000 {RTP.hex(' ')} # RTP_DUMP\n"
        f"O 00:00:00.1 000000 {RTCP.hex(' ')}\r\n"
    ).encode()
    assert frames(Text2pcapParser(), text) == [
        CapturedFrame(
            DAY_US - 100_000, RTP, LinkType.USER0, len(RTP), direction=Direction.INBOUND, guess_link=True
        ),
        CapturedFrame(
            DAY_US + 100_000, RTCP, LinkType.USER0, len(RTCP), direction=Direction.OUTBOUND, guess_link=True
        ),
    ]


def test_hex_dumps_of_several_lines():
    text = (
        b"0000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ........ab cd ef\n"
        b"0010  10 11 12 13\n\n0000   ff fe\n000002 fd\n# comment\n0000 aa\n0009 bb\n"
    )
    # The last packet has a hole in it, which makes all of it useless.
    assert [one.data for one in frames(Text2pcapParser(), text)] == [bytes(range(20)), b"\xff\xfe\xfd"]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.sampled_from(Direction)), min_size=1))
def test_every_line_of_text_comes_back(packets):
    text = "".join(text2pcap_line(n * 20_000, data, way) for n, (data, way) in enumerate(packets)).encode()
    found = frames(Text2pcapParser(), text, 100)
    assert [(one.time_us, one.data, one.direction) for one in found] == [
        (n * 20_000, data, way) for n, (data, way) in enumerate(packets)
    ]


def test_a_recording_of_janus():
    parser = MjrParser()
    parser.feed(MJR)
    interface, first, second = parser.items()
    assert interface == Interface(0, LinkType.USER0, "", "video/vp8")
    assert (first.time_us, second.time_us, second.data) == (2000, 35_000, RTP)


@pytest.mark.parametrize(("file", "kind"), [(PCAP, "pcap"), (RTPDUMP, "rtpdump"), (MJR, "mjr")])
def test_a_cut_file_gives_what_is_whole_and_says_so(file, kind):
    reader = CaptureReader()
    list(reader.read([file[:-1]]))
    assert (reader.format, reader.truncated) == (CaptureFormat(kind), True)
    assert reader.counts.frames == {"pcap": 0, "rtpdump": 1, "mjr": 1}[kind]


@pytest.mark.parametrize(
    ("parser", "file", "complaint"),
    [
        (PcapParser, PCAP[:20], "file of 20 bytes: need 24"),
        (PcapParser, b"\xd4\xc3\xb2\xa0" + PCAP[4:], "magic number d4c3b2a0"),
        (PcapParser, PCAP[:4] + b"\x03" + PCAP[5:], "version 3: need 2"),
        (PcapParser, PCAP[:32] + b"\xff\xff\xff\xff" + PCAP[36:], "at 24: 4294967295 bytes, need at most"),
        (RtpdumpParser, b"#!rtpplay2.0 1.2.3.4/5\n", "need #!rtpplay1.0"),
        (RtpdumpParser, b"#!rtpplay1.0 " + b"a" * 300, "no end of the first line"),
        (RtpdumpParser, RTPDUMP[:40], "need a line and a header"),
        (RtpdumpParser, RTPDUMP[:44] + b"\0\x07" + bytes(6), "record at 44: 7 bytes, need 8"),
        (Text2pcapParser, b"no hex in here\n", "text without packets"),
        (Text2pcapParser, b"", "text without packets"),
        (MjrParser, b"MEETECHO" + bytes(9), "version 1"),
        (MjrParser, MJR[:30], "need a whole header"),
        (MjrParser, b"MJR00002\0\x02{]", "need JSON"),
        (MjrParser, b'MJR00002\0\x09{"t":"d"}', "recording of 'd'"),
        (MjrParser, MJR[:44] + b"MEAT" + MJR[48:], "frame at 44"),
    ],
)
def test_what_is_broken_is_named(parser, file, complaint):
    with pytest.raises(MalformedPacket, match=complaint):
        frames(parser(), file)


def test_writers_refuse_what_does_not_fit():
    for call in (
        lambda: pcap_header(1 << 16),
        lambda: pcap_record(-1, b""),
        lambda: pcap_record(0, b"ab", original_size=1),
        lambda: rtpdump_header(-1),
        lambda: rtpdump_header(0, ("host", 1)),
        lambda: rtpdump_record(5000, 0, b""),
        lambda: rtpdump_record(0, 0, bytes(65536)),
        lambda: text2pcap_line(0, b""),
    ):
        with pytest.raises(InvalidParameters):
            call()


@pytest.mark.parametrize("parser", PARSERS)
@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([b"", PCAP, RTPDUMP, MJR, b"0000 aa\n"]))
def test_any_bytes_parse_or_are_malformed(parser, data, head):
    try:
        assert isinstance(frames(parser(), head + data, 50), list)
    except MalformedPacket as error:
        assert str(error)


def test_a_header_of_janus_with_numbers_of_the_wrong_kind_is_malformed():
    for about in ({"t": "v", "u": []}, {"t": "a", "u": 1e999}, [], {"c": "x"}):
        text = json.dumps(about).encode()
        with pytest.raises(MalformedPacket):
            frames(MjrParser(), b"MJR00002" + pack("!H", len(text)) + text)
