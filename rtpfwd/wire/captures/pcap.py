"""Classic pcap, both ways.

Source: draft-ietf-opsawg-pcap §4 (file header) and §5 (packet record). Both byte orders, microseconds and
nanoseconds. Left out: the variants of other tools' patches, which are refused by name.
"""

from collections.abc import Iterator
from struct import error as struct_error
from struct import pack, unpack

from rtpfwd.clock import MICROSECONDS
from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import CapturedFrame, FrameItem, Interface, LinkType
from rtpfwd.wire.captures.pcapng_blocks import MAX_PACKET_SIZE, ByteOrder
from rtpfwd.wire.captures.source import ByteSource

MAGIC_US = 0xA1B2C3D4
MAGIC_NS = 0xA1B23C4D
FILE_HEADER_SIZE = 24
RECORD_HEADER_SIZE = 16
MAGICS = {pack(order + "I", magic) for order in "<>" for magic in (MAGIC_US, MAGIC_NS)}


class PcapParser:
    """See ``source.FormatParser``."""

    def __init__(self) -> None:
        self.truncated = False
        self._source = ByteSource()
        self._order: ByteOrder | None = None
        self._units = MICROSECONDS
        self._link_type = 0

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        self._source.feed(data)

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete.

        Raises ``MalformedPacket`` for an unknown magic number, a version other than 2, and a packet of more
        than 256 KiB.
        """
        source = self._source
        if self._order is None:
            if len(source) < FILE_HEADER_SIZE:
                return
            yield self._read_file_header(source.take(FILE_HEADER_SIZE))
        form = f"{self._order}IIII"
        while len(source) >= RECORD_HEADER_SIZE:
            whole, fraction, captured, original = unpack(form, source.peek(RECORD_HEADER_SIZE))
            if captured > MAX_PACKET_SIZE:
                raise MalformedPacket(
                    f"pcap record at {source.position}: {captured} bytes, need at most {MAX_PACKET_SIZE}"
                )
            if len(source) < RECORD_HEADER_SIZE + captured:
                return
            data = source.take(RECORD_HEADER_SIZE + captured)[RECORD_HEADER_SIZE:]
            time_us = whole * MICROSECONDS + fraction * MICROSECONDS // self._units
            yield CapturedFrame(time_us, data, self._link_type, max(original, captured))

    def end(self) -> Iterator[FrameItem]:
        """Tells the end of the file. Raises ``MalformedPacket`` when even its header is not whole."""
        if self._order is None:
            raise MalformedPacket(f"pcap file of {len(self._source)} bytes: need {FILE_HEADER_SIZE}")
        self.truncated = len(self._source) > 0
        return iter(())

    def _read_file_header(self, header: bytes) -> Interface:
        magic = header[:4]
        order: ByteOrder = "<" if magic[0] in (MAGIC_US & 0xFF, MAGIC_NS & 0xFF) else ">"
        if magic not in MAGICS:
            raise MalformedPacket(f"pcap magic number {magic.hex()}: need {MAGIC_US:x} or {MAGIC_NS:x}")
        if magic in (pack("<I", MAGIC_NS), pack(">I", MAGIC_NS)):
            self._units = 1_000_000_000
        major, _, _, _, _, link = unpack(order + "HHiIII", header[4:])
        if major != 2:
            raise MalformedPacket(f"pcap version {major}: need 2")
        self._order = order
        # The bits above tell of a frame check sequence at the end, which IP's own length leaves off.
        self._link_type = link & 0xFFFF
        return Interface(0, self._link_type)


def pcap_header(link_type: int = LinkType.RAW, *, order: ByteOrder = "<", nanoseconds: bool = False) -> bytes:
    """The start of a file; raises ``InvalidParameters`` for a link type beyond 16 bits."""
    if not 0 <= link_type <= 0xFFFF:
        raise InvalidParameters(f"link type {link_type}: need 16 bits")
    magic = MAGIC_NS if nanoseconds else MAGIC_US
    return pack(order + "IHHiIII", magic, 2, 4, 0, 0, MAX_PACKET_SIZE, link_type)


def pcap_record(
    time_us: int,
    frame: Buffer,
    *,
    original_size: int | None = None,
    order: ByteOrder = "<",
    nanoseconds: bool = False,
) -> bytes:
    """One packet in a file of the same byte order and resolution.

    Raises ``InvalidParameters`` for a packet or number that does not fit.
    """
    whole, fraction = divmod(time_us, MICROSECONDS)
    size = len(frame) if original_size is None else original_size
    if len(frame) > MAX_PACKET_SIZE or size < len(frame):
        raise InvalidParameters(f"packet of {len(frame)} bytes, originally {size}: no room")
    try:
        head = pack(order + "IIII", whole, fraction * (1000 if nanoseconds else 1), len(frame), size)
    except struct_error as error:
        raise InvalidParameters(f"pcap record of time {time_us} µs: {error}") from None
    return head + bytes(frame)
