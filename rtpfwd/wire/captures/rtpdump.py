"""rtpdump, the format of rtptools, both ways: bare RTP and RTCP of one direction.

Source: rtptools' documentation of ``rtpdump -F dump``: a line ``#!rtpplay1.0 address/port``, a header of 16
bytes, and records of 8 bytes and the packet, all big endian. The line names where packets went to, the
header where they came from; writers that do not know leave zeros. A record's second length is the packet's
real one, 0 for RTCP.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from struct import error as struct_error
from struct import pack, unpack

from rtpfwd.clock import MICROSECONDS
from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import CapturedFrame, FrameItem, Interface, LinkType
from rtpfwd.wire.captures.source import ByteSource
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.demux import Kind, classify

MAGIC = b"#!rtpplay1.0 "
MAX_LINE = 256
FILE_HEADER_SIZE = 16
RECORD_HEADER_SIZE = 8


class RtpdumpParser:
    """See ``source.FormatParser``."""

    def __init__(self) -> None:
        self.truncated = False
        self._source = ByteSource()
        self._source_address: Address | None = None
        self._destination: Address | None = None
        self._line_read = False
        self._start_us: int | None = None

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        self._source.feed(data)

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete.

        Raises ``MalformedPacket`` for a first line of another form and a record shorter than its header.
        """
        source = self._source
        if self._start_us is None:
            if not self._read_head():
                return
            yield Interface(0, LinkType.USER0)
        start_us = self._start_us or 0
        while len(source) >= RECORD_HEADER_SIZE:
            length, plain_length, offset_ms = unpack("!HHI", source.peek(RECORD_HEADER_SIZE))
            if length < RECORD_HEADER_SIZE:
                raise MalformedPacket(
                    f"rtpdump record at {source.position}: {length} bytes, need {RECORD_HEADER_SIZE}"
                )
            if len(source) < length:
                return
            data = source.take(length)[RECORD_HEADER_SIZE:]
            yield CapturedFrame(
                start_us + offset_ms * 1000, data, LinkType.USER0, max(len(data), plain_length),
                source=self._source_address, destination=self._destination,
            )  # fmt: skip

    def end(self) -> Iterator[FrameItem]:
        """Tells the end of the file. Raises ``MalformedPacket`` when even its header is not whole."""
        if self._start_us is None:
            raise MalformedPacket(f"rtpdump file of {len(self._source)} bytes: need a line and a header")
        self.truncated = len(self._source) > 0
        return iter(())

    def _read_head(self) -> bool:
        source = self._source
        if not self._line_read:
            size = source.find(b"\n", MAX_LINE)
            if size < 0:
                if len(source) >= MAX_LINE:
                    raise MalformedPacket(f"rtpdump: no end of the first line within {MAX_LINE} bytes")
                return False
            self._destination = _parse_line(source.take(size + 1))
            self._line_read = True
        if len(source) < FILE_HEADER_SIZE:
            return False
        whole, micro, host, port = unpack("!II4sHxx", source.take(FILE_HEADER_SIZE))
        self._start_us = whole * MICROSECONDS + micro
        self._source_address = (str(IPv4Address(host)), port) if any(host) or port else None
        return True


def rtpdump_header(start_us: int, source: Address | None = None, destination: Address | None = None) -> bytes:
    """The start of a file whose records count from ``start_us``; an IPv6 source does not fit and is left out.

    Raises ``InvalidParameters`` for a time beyond 2106 and for what is not an address.
    """
    host, port = (source[0], source[1]) if source and ":" not in source[0] else ("0.0.0.0", 0)
    to_host, to_port = (destination[0], destination[1]) if destination else ("0.0.0.0", 0)
    try:
        line = MAGIC + f"{ip_address(to_host)}/{to_port}\n".encode()
        whole, micro = divmod(start_us, MICROSECONDS)
        return line + pack("!II4sHxx", whole, micro, IPv4Address(host).packed, port)
    except (ValueError, struct_error) as error:
        raise InvalidParameters(f"rtpdump header: {error}") from None


def rtpdump_record(start_us: int, time_us: int, packet: Buffer) -> bytes:
    """One packet, ``time_us`` rounded down to whole milliseconds since ``start_us``.

    Raises ``InvalidParameters`` for a time before the start or a packet that does not fit.
    """
    plain_length = 0 if classify(packet) is Kind.RTCP else len(packet)
    try:
        head = pack("!HHI", len(packet) + RECORD_HEADER_SIZE, plain_length, (time_us - start_us) // 1000)
    except struct_error as error:
        raise InvalidParameters(f"rtpdump record of {len(packet)} bytes at {time_us}: {error}") from None
    return head + packet


def _parse_line(line: bytes) -> Address | None:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedPacket(f"rtpdump: first line {line[:40]!r}, need #!rtpplay1.0 address/port")
    host, port = match[1].decode("ascii", "replace"), int(match[2])
    try:
        address = ip_address(host)
    except ValueError:
        return None  # rtpdump itself writes host names where it was given one
    if port > 0xFFFF or (not port and address.is_unspecified):
        return None
    return str(address), port


_LINE = re.compile(rb"#!rtpplay1\.0 ([^ /\r\n]*)/([0-9]{1,9})[ \r]*\n")
