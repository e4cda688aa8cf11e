"""Any capture format, one reader: chunks of a file in, UDP payloads and the rest of it out.

The format is told from the first bytes, never from a name. IP, UDP and link layers are taken off; what holds
no UDP payload is counted and left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures import mjr, rtpdump
from rtpfwd.wire.captures.frames import NO_ADDRESS, guess_frame, parse_frame
from rtpfwd.wire.captures.internet import Skip
from rtpfwd.wire.captures.items import CapturedDatagram, CapturedFrame, CaptureItem, FrameItem, Record
from rtpfwd.wire.captures.mjr import MjrParser
from rtpfwd.wire.captures.pcap import MAGICS, PcapParser
from rtpfwd.wire.captures.pcapng_blocks import SECTION_MAGIC
from rtpfwd.wire.captures.pcapng_reader import PcapngParser
from rtpfwd.wire.captures.rtpdump import RtpdumpParser
from rtpfwd.wire.captures.source import ByteSource, FormatParser
from rtpfwd.wire.captures.text2pcap import Text2pcapParser

PROBE_SIZE = 512


class CaptureFormat(StrEnum):
    """The formats that are read."""

    PCAPNG = "pcapng"
    PCAP = "pcap"
    RTPDUMP = "rtpdump"
    TEXT2PCAP = "text2pcap"
    MJR = "mjr"


@dataclass(slots=True)
class FrameCounts:
    """Every packet of the file once: ``frames == datagrams + malformed + sum(skipped.values())``."""

    frames: int = 0
    datagrams: int = 0
    malformed: int = 0
    first_malformed: str | None = None
    skipped: Counter[Skip] = field(default_factory=Counter)


class CaptureReader:
    """Sans-IO: ``feed`` a chunk, take ``items()``, and so on; at the end of the file take ``end()``.

    Memory is that of a chunk and a block, however long the file. ``format`` is None until enough bytes have
    come; ``truncated`` is True after ``end`` when the file stops in the middle of something.
    """

    def __init__(self) -> None:
        self.format: CaptureFormat | None = None
        self.truncated = False
        self.counts = FrameCounts()
        self._probe = ByteSource()
        self._parser: FormatParser | None = None
        self._number = 0

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file, of any number."""
        if self._parser is not None:
            self._parser.feed(data)
            return
        self._probe.feed(data)
        if len(self._probe) >= PROBE_SIZE:
            self._choose()

    def items(self) -> Iterator[CaptureItem]:
        """Gives what the bytes so far complete, in file order.

        Raises ``MalformedPacket`` for what is no capture, or a broken one, with the offset in the file; what
        came before has then been given.
        """
        if self._parser is not None:
            yield from self._unwrap(self._parser.items())

    def end(self) -> Iterator[CaptureItem]:
        """The file is over: gives what is left. Raises as ``items`` does, and for an empty file."""
        if self._parser is None:
            self._choose()
        if self._parser is not None:
            yield from self._unwrap(self._parser.items())
            yield from self._unwrap(self._parser.end())
            self.truncated = self._parser.truncated

    def read(self, chunks: Iterable[Buffer]) -> Iterator[CaptureItem]:
        """All of a file whose bytes ``chunks`` gives: ``read(iter(lambda: file.read(65536), b""))``."""
        for chunk in chunks:
            self.feed(chunk)
            yield from self.items()
        yield from self.end()

    def decide(self) -> None:
        """Tells the format by the bytes so far, for whoever knows that they suffice. Raises as ``items``."""
        if self._parser is None:
            self._choose()

    def _choose(self) -> None:
        head = self._probe.take(len(self._probe))
        self.format = detect_format(head)
        self._parser = _PARSERS[self.format]()
        self._parser.feed(head)

    def _unwrap(self, items: Iterator[FrameItem]) -> Iterator[CaptureItem]:
        for item in items:
            if isinstance(item, CapturedFrame):
                datagram = self._datagram(item)
                if datagram is not None:
                    yield datagram
            else:
                self._number += isinstance(item, Record)  # Wireshark lists custom blocks among the packets
                yield item

    def _datagram(self, frame: CapturedFrame) -> CapturedDatagram | None:
        counts = self.counts
        counts.frames += 1
        self._number += 1
        try:
            parsed = guess_frame(frame.data) if frame.guess_link else parse_frame(frame.link_type, frame.data)
        except MalformedPacket as error:
            counts.malformed += 1
            counts.first_malformed = counts.first_malformed or f"packet {self._number}: {error}"
            return None
        if isinstance(parsed, Skip):
            counts.skipped[parsed] += 1
            return None
        counts.datagrams += 1
        bare = parsed.source == NO_ADDRESS
        return CapturedDatagram(
            self._number,
            frame.time_us,
            parsed.payload,
            frame.source if bare else parsed.source,
            frame.destination if bare else parsed.destination,
            frame.direction,
            frame.interface,
            frame.comments,
            frame.packet_id,
            frame.original_size - len(frame.data) if bare else parsed.missing,
        )


def detect_format(head: bytes) -> CaptureFormat:
    """The format of a file that starts with ``head`` (512 bytes, or the whole file where it is shorter).

    Raises ``MalformedPacket`` for an empty file and for what is none of them. Anything without bytes that
    text does not have is taken for text with hex in it.
    """
    if not head:
        raise MalformedPacket("empty file: need a capture")
    if head.startswith(SECTION_MAGIC):
        return CaptureFormat.PCAPNG
    if head[:4] in MAGICS:
        return CaptureFormat.PCAP
    if head.startswith(rtpdump.MAGIC):
        return CaptureFormat.RTPDUMP
    if head.startswith((mjr.MAGIC, mjr.MAGIC_1)):
        return CaptureFormat.MJR
    if not any(byte in _NOT_IN_TEXT for byte in head):
        return CaptureFormat.TEXT2PCAP
    raise MalformedPacket(
        f"not a capture: starts with {head[:4].hex(' ')}, need pcapng, pcap, rtpdump, text2pcap or mjr"
    )


_NOT_IN_TEXT = frozenset((*range(32), 127)) - frozenset(b"\t\n\r\x0c\x1b")
_PARSERS: dict[CaptureFormat, type[FormatParser]] = {
    CaptureFormat.PCAPNG: PcapngParser,
    CaptureFormat.PCAP: PcapParser,
    CaptureFormat.RTPDUMP: RtpdumpParser,
    CaptureFormat.TEXT2PCAP: Text2pcapParser,
    CaptureFormat.MJR: MjrParser,
}
