"""The quick reader and the general one say the same of any file."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.capture.quick_reader import QuickReader
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import Direction
from rtpfwd.wire.captures.pcap import pcap_header
from rtpfwd.wire.captures.pcapng_blocks import SectionHeader, serialize_block
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.captures.reader import CaptureReader

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def made() -> bytes:
    """All kinds of blocks, of which some are ours and some nearly."""
    writer = PcapngWriter()
    out = writer.header()
    number, block = writer.interface("one")
    out += block
    four, six = ("192.0.2.1", 5), ("2001:db8::1", 6)
    for index in range(3):
        out += writer.datagram(number, index, four, four, b"x" * index, direction=Direction.INBOUND)
        out += writer.record(index, "seam.x", [index])
    out += writer.datagram(number, 9, six, six, b"six", direction=Direction.OUTBOUND)
    out += writer.datagram(number, 9, four, four, b"said", direction=Direction.OUTBOUND, comments=("so",))
    out += writer.datagram(number, 9, four, four, b"cut", direction=Direction.OUTBOUND, missing=5)
    out += writer.datagram(number, 9, four, four, b"no direction")
    out += writer.statistics(number, 10, received=3, dropped=1)
    again = PcapngWriter()
    out += again.header()
    number, block = again.interface("two")
    return out + block + again.datagram(number, 11, four, four, b"end", direction=Direction.INBOUND)


def both(data: bytes, size: int = 1 << 16):
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    results = []
    for reader in (QuickReader(), CaptureReader()):
        items = []
        error = False
        try:
            items += list(_taken(reader, chunks, items))
        except MalformedPacket:
            error = True
        results.append((items, error, not error and reader.truncated))
    return results


def _taken(reader, chunks, items):
    for item in reader.read(chunks):
        items.append(item)
    return ()


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_they_agree_on_all_kinds_of_blocks(size):
    quick, slow = both(made(), size)
    assert quick == slow
    assert len(quick[0]) > 12


@pytest.mark.parametrize("name", ["opus-loss", "vp9-l3t3-key"])
def test_they_agree_on_recordings(name):
    quick, slow = both((PCAPS / f"{name}.pcapng").read_bytes())
    assert quick == slow
    assert len(quick[0]) > 500


def test_other_formats_and_other_byte_orders_are_read_too():
    for data in (
        pcap_header(),
        serialize_block(SectionHeader(), ">"),
        made() + serialize_block(SectionHeader(), ">"),
    ):
        quick, slow = both(data)
        assert quick == slow
        assert not quick[1]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255), st.integers(0, 2000))
def test_they_agree_on_broken_files(at, value, end):
    data = bytearray(made())
    data[at % len(data)] = value
    quick, slow = both(bytes(data[: len(data) - end % len(data)]))
    assert quick == slow
