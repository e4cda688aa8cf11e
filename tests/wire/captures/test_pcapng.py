import json
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.captures.items import (
    CapturedDatagram,
    CapturedFrame,
    Direction,
    Interface,
    LinkType,
    Record,
    Secrets,
    Section,
    Statistics,
)
from rtpfwd.wire.captures.pcapng_blocks import (
    CustomBlock,
    EnhancedPacket,
    InterfaceDescription,
    UnknownBlock,
    serialize_block,
)
from rtpfwd.wire.captures.pcapng_reader import PcapngParser
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.captures.reader import CaptureReader

# Written by hand after the draft: a section, an interface, a packet of five bytes; each in both byte orders.
LITTLE = bytes.fromhex(
    "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"
    "01000000 14000000 6500 0000 00000000 14000000"
    "06000000 28000000 00000000 21430500 78563412 05000000 05000000 6162636465000000 28000000"
)
BIG = bytes.fromhex(
    "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c"
    "00000001 00000014 0065 0000 00000000 00000014"
    "00000006 00000028 00000000 00054321 12345678 00000005 00000005 6162636465000000 00000028"
)


def read(data, chunk=None):
    parser = PcapngParser()
    items = []
    for start in range(0, len(data), chunk or len(data) or 1):
        parser.feed(data[start : start + (chunk or len(data))])
        items += parser.items()
    items += parser.end()
    return items, parser.truncated


@pytest.mark.parametrize("file", [LITTLE, BIG])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_both_byte_orders_are_read_in_chunks_of_any_size(file, chunk):
    assert read(file, chunk) == (
        [
            Section(),
            Interface(0, LinkType.RAW),
            CapturedFrame(0x0005432112345678, b"abcde", LinkType.RAW, 5),
        ],
        False,
    )


def test_sections_of_different_byte_order_follow_each_other_and_interfaces_count_on():
    items, _ = read(LITTLE + BIG)
    assert [item.index for item in items if isinstance(item, Interface)] == [0, 1]
    assert [item.interface for item in items if isinstance(item, CapturedFrame)] == [0, 1]


@pytest.mark.parametrize(
    ("resolution", "timestamp", "time_us"),
    [(9, 1_234_567_891, 1_234_567), (3, 1500, 1_500_000), (0, 7, 7_000_000), (0x80 | 10, 1536, 1_500_000)],
)
def test_times_of_any_resolution_become_microseconds(resolution, timestamp, time_us):
    options = ((9, bytes((resolution,))), (14, pack("<q", 100)))
    file = LITTLE[:28] + serialize_block(InterfaceDescription(1, 0, options), "<")
    file += serialize_block(EnhancedPacket(0, timestamp, b"", 0), "<")
    assert read(file)[0][-1].time_us == time_us + 100_000_000


def test_simple_and_obsolete_packets_are_read_and_strangers_stepped_over():
    file = LITTLE + serialize_block(UnknownBlock(4, b"name"), "<")
    file += serialize_block(CustomBlock(32473, b"somebody else's"), "<")
    file += serialize_block(CustomBlock(1, b"x"), "<")
    file += bytes.fromhex("03000000 18000000 06000000 313233343536 0000 18000000")
    file += bytes.fromhex("02000000 24000000 0000 0900 00000000 07000000 02000000 02000000 61620000 24000000")
    frames = [item for item in read(file)[0] if isinstance(item, CapturedFrame)]
    assert [frame.data for frame in frames] == [b"abcde", b"123456", b"ab"]
    assert frames[1].time_us == frames[0].time_us
    assert frames[2].time_us == 7


def test_a_simple_packet_is_cut_to_the_snap_length():
    file = LITTLE[:28] + serialize_block(InterfaceDescription(101, 4), "<")
    file += bytes.fromhex("03000000 14000000 06000000 31323334 14000000")
    frame = read(file)[0][-1]
    assert (frame.data, frame.original_size) == (b"1234", 6)


def test_what_the_writer_is_told_is_what_the_reader_tells():
    writer = PcapngWriter()
    file = writer.header(application="a test", system="none", comments=["one", "two"])
    number, block = writer.interface("eth0", "up", filter_text="udp", comments=["here"])
    file += block + writer.key_log("CLIENT_RANDOM 00 11\n") + writer.record(5, "start", {"a": [1, None, "ü"]})
    file += writer.datagram(
        number, 1_700_000_000_123_456, ("10.0.0.1", 5000), ("10.0.0.2", 6000), b"payload",
        direction=Direction.INBOUND, comments=["dropped: late", "☂"], packet_id=1 << 63,
    )  # fmt: skip
    file += writer.datagram(number, 7, ("fe80::1%eth0", 1, 0, 2), ("::1", 2, 0, 0), b"cut", missing=10)
    file += writer.comment(8, "done") + writer.statistics(number, 9, received=3, dropped=1)
    reader = CaptureReader()
    assert list(reader.read([file])) == [
        Section("", "none", "a test", ("one", "two")),
        Interface(0, LinkType.RAW, "eth0", "up", "udp", ("here",)),
        Secrets(0x544C534B, b"CLIENT_RANDOM 00 11\n"),
        Record(5, "start", {"a": [1, None, "ü"]}),
        CapturedDatagram(
            2, 1_700_000_000_123_456, b"payload", ("10.0.0.1", 5000), ("10.0.0.2", 6000), Direction.INBOUND,
            0, ("dropped: late", "☂"), 1 << 63,
        ),
        CapturedDatagram(3, 7, b"cut", ("fe80::1", 1), ("::1", 2), missing=10),
        Record(8, "comment", "done"),
        Statistics(0, 9, 3, 1),
    ]  # fmt: skip
    assert (reader.counts.frames, reader.truncated) == (2, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.integers(0, 1 << 62), st.text(), json_values)
def test_every_record_comes_back(time_us, kind, value):
    writer = PcapngWriter()
    (record,) = read(writer.header() + writer.record(time_us, kind, value))[0][1:]
    assert record == Record(time_us, kind, json.loads(json.dumps(value)))


@settings(max_examples=150)
@given(
    st.integers(0, (1 << 64) - 1),
    st.binary(max_size=64),
    st.sampled_from(Direction),
    st.lists(st.text(), max_size=3),
    st.none() | st.integers(0, (1 << 64) - 1),
    st.integers(0, 5000),
)
def test_every_packet_comes_back(time_us, frame, direction, comments, packet_id, missing):
    writer = PcapngWriter()
    file = writer.header()
    number, block = writer.interface("x", link_type=LinkType.ETHERNET)
    file += block + writer.packet(
        number, time_us, frame, direction=direction, comments=comments, packet_id=packet_id,
        original_size=len(frame) + missing,
    )  # fmt: skip
    assert read(file)[0][-1] == CapturedFrame(
        time_us, frame, LinkType.ETHERNET, len(frame) + missing, 0, direction, tuple(comments), packet_id
    )


@pytest.mark.parametrize("size", range(1, 40))
def test_a_cut_file_gives_what_is_whole_and_says_so(size):
    items, truncated = read(LITTLE[:-size])
    assert items == [Section(), Interface(0, LinkType.RAW)]
    assert truncated == (size != 40)


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (b"", "file of 0 bytes"),
        (LITTLE[:20], "file of 20 bytes"),
        (LITTLE[28:], "no section header at 0"),
        (LITTLE[:8] + b"\0\0\0\0" + LITTLE[12:], "byte order magic 00000000, need 1a2b3c4d"),
        (LITTLE[:12] + b"\2\0" + LITTLE[14:], "version 2, need 1"),
        (LITTLE[:28] + pack("<III", 1, 13, 0), "at 28: length 13"),
        (LITTLE[:28] + pack("<III", 1, 8, 0), "at 28: length 8"),
        (LITTLE[:28] + pack("<III", 1, 1 << 25, 0), "at 28: length 33554432, need a multiple of 4 from 12"),
        (LITTLE[:44] + b"\x18\0\0\0" + LITTLE[48:], "at 28: length 20, at its end 24"),
        (LITTLE[:28] + LITTLE[48:], "at 28: interface 0, need one of 0"),
        (LITTLE[:68] + pack("<I", 9) + LITTLE[72:], "at 48: body of 28 bytes, need 29"),
        (LITTLE + pack("<IIII", 6, 16, 0, 16), "at 88: body of 4 bytes, need 20"),
        (LITTLE[:28] + pack("<IIHHIHHI", 1, 24, 101, 0, 0, 2, 9, 24), "option 2 in the block at 28"),
        (LITTLE + serialize_block(CustomBlock(32473, b"rtpfwd\0\1{}  "), "<"), "record at 88"),
        (LITTLE + pack("<IIIII", 10, 20, 1, 9, 20), "secrets at 88"),
    ],
)
def test_what_is_broken_is_named_with_its_place(file, complaint):
    if complaint.startswith("at 48: body"):
        file = LITTLE[:68] + pack("<II", 9, 9) + LITTLE[76:]
    with pytest.raises(MalformedPacket, match=complaint):
        read(file)


def test_the_writer_refuses_what_does_not_fit():
    writer = PcapngWriter()
    with pytest.raises(InvalidParameters, match="need one of 0"):
        writer.packet(0, 0, b"")
    number, _ = writer.interface("x")
    for call in (
        lambda: writer.packet(number, -1, b""),
        lambda: writer.packet(number, 0, b"", packet_id=1 << 64),
        lambda: writer.packet(number, 0, b"abc", original_size=2),
        lambda: writer.packet(number, 0, bytes((1 << 18) + 1)),
        lambda: writer.packet(number, 0, b"", comments=["x" * 70_000]),
        lambda: writer.record(0, "x", float("nan")),
        lambda: writer.statistics(number, 0, received=-1, dropped=0),
        lambda: writer.interface("x", link_type=1 << 16),
        lambda: writer.datagram(number, 0, ("1.2.3.4", 1), ("::1", 1), b""),
    ):
        with pytest.raises(InvalidParameters):
            call()
