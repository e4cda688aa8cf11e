import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.internet import Skip, serialize_udp
from rtpfwd.wire.captures.items import CapturedDatagram, LinkType
from rtpfwd.wire.captures.pcap import pcap_header, pcap_record
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.captures.reader import CaptureFormat, CaptureReader, detect_format
from rtpfwd.wire.captures.rtpdump import rtpdump_header, rtpdump_record
from rtpfwd.wire.captures.text2pcap import text2pcap_line

SOURCE, DESTINATION = ("192.0.2.1", 5004), ("192.0.2.2", 5006)
RTP = [bytes.fromhex(f"8060{number:04x}000000010000000a") + b"payload" for number in range(20)]


def pcapng(packets=RTP) -> bytes:
    writer = PcapngWriter()
    file = writer.header(comments=["a comment"])
    number, block = writer.interface("eth0")
    file += block + writer.record(0, "start", {"x": 1})
    for index, packet in enumerate(packets):
        file += writer.datagram(number, index * 20_000, SOURCE, DESTINATION, packet, comments=["c"])
    return file


def pcap() -> bytes:
    records = [pcap_record(i * 20_000, serialize_udp(SOURCE, DESTINATION, one)) for i, one in enumerate(RTP)]
    return pcap_header() + b"".join(records)


def rtpdump() -> bytes:
    return rtpdump_header(0, SOURCE, DESTINATION) + b"".join(
        rtpdump_record(0, index * 20_000, one) for index, one in enumerate(RTP)
    )


def text() -> bytes:
    return "".join(text2pcap_line(index * 20_000, one) for index, one in enumerate(RTP)).encode()


FILES = {
    CaptureFormat.PCAPNG: pcapng(),
    CaptureFormat.PCAP: pcap(),
    CaptureFormat.RTPDUMP: rtpdump(),
    CaptureFormat.TEXT2PCAP: text(),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_format_gives_the_same_datagrams(kind):
    reader = CaptureReader()
    found = [item for item in reader.read([FILES[kind]]) if isinstance(item, CapturedDatagram)]
    assert [(one.time_us, one.data) for one in found] == [(i * 20_000, one) for i, one in enumerate(RTP)]
    assert reader.format is kind
    if kind is not CaptureFormat.TEXT2PCAP:
        assert {(one.source, one.destination) for one in found} == {(SOURCE, DESTINATION)}


@pytest.mark.parametrize("kind", FILES)
def test_chunks_of_one_byte_make_no_difference(kind):
    file = FILES[kind]
    bytewise = CaptureReader().read(file[index : index + 1] for index in range(len(file)))
    assert list(bytewise) == list(CaptureReader().read([file]))


def test_what_holds_no_datagram_is_counted_and_everything_adds_up():
    good = serialize_udp(SOURCE, DESTINATION, RTP[0])
    fragment = good[:6] + b"\x20\x00" + good[8:]
    tcp = good[:9] + b"\x06" + good[10:]
    file = pcap_header() + b"".join(pcap_record(0, one) for one in (good, fragment, tcp, b"", good[:10]))
    reader = CaptureReader()
    numbers = [item.number for item in reader.read([file]) if isinstance(item, CapturedDatagram)]
    counts = reader.counts
    assert numbers == [1]
    assert counts.skipped == {Skip.FRAGMENT: 1, Skip.NOT_UDP: 1}
    assert counts.malformed == 2
    assert counts.first_malformed is not None
    assert counts.first_malformed.startswith("packet 4: ")
    assert counts.frames == counts.datagrams + counts.malformed + sum(counts.skipped.values()) == 5


def test_an_unknown_link_type_is_counted_not_guessed():
    file = pcap_header(105) + pcap_record(0, bytes(40))
    reader = CaptureReader()
    list(reader.read([file]))
    assert reader.counts.skipped == {Skip.LINK_TYPE: 1}


def test_packets_before_a_broken_block_are_given():
    reader = CaptureReader()
    found = []
    with pytest.raises(MalformedPacket, match="length 3735928559"):
        for item in reader.read([pcapng() + bytes.fromhex("06000000efbeadde") + bytes(20)]):
            found.append(item)
    assert sum(isinstance(item, CapturedDatagram) for item in found) == len(RTP)


@pytest.mark.parametrize("head", [b"", b"\x89PNG\r\n\x1a\n", b"\x7fELF", b"PK\x03\x04", bytes(600)])
def test_what_is_no_capture_is_refused(head):
    with pytest.raises(MalformedPacket, match="need"):
        detect_format(head)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_malformed(data):
    try:
        list(CaptureReader().read([data]))
    except MalformedPacket as error:
        assert str(error)


@pytest.mark.parametrize("kind", FILES)
def test_mutated_files_parse_or_are_malformed(kind):
    chance = random.Random(f"captures {kind}")
    outcomes = set()
    for _ in range(400):
        file = bytearray(FILES[kind])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(file))
            match chance.randrange(3):
                case 0:
                    file[at] = chance.randrange(256)
                case 1:
                    del file[at : at + chance.randrange(1, 9)]
                case 2:
                    file[at:at] = chance.randbytes(chance.randrange(1, 9))
        reader = CaptureReader()
        try:
            list(reader.read([bytes(file)]))
            outcomes.add("truncated" if reader.truncated else "whole")
        except MalformedPacket as error:
            assert str(error)
            outcomes.add("malformed")
    assert "whole" in outcomes


def peak_memory(packets: int) -> int:
    writer = PcapngWriter()
    number = writer.header() and 0
    interface, block = writer.interface("x")
    packet = writer.datagram(interface, 0, SOURCE, DESTINATION, bytes(1000))

    def chunks():
        yield PcapngWriter().header() + block
        for _ in range(packets // 10):
            yield packet * 10

    tracemalloc.start()
    for item in CaptureReader().read(chunks()):
        number += isinstance(item, CapturedDatagram)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == packets
    return peak


def test_memory_does_not_grow_with_the_file():
    peak_memory(100)
    short, long = peak_memory(200), peak_memory(4_000)
    assert long < 1.5 * short


def test_one_datagram_for_a_user_link_is_the_frame_itself():
    file = pcap_header(LinkType.USER0) + pcap_record(0, RTP[0][:14], original_size=19)
    (datagram,) = [item for item in CaptureReader().read([file]) if isinstance(item, CapturedDatagram)]
    assert (datagram.data, datagram.source, datagram.missing) == (RTP[0][:14], None, 5)
