"""Packets as lines of hex: what Wireshark's text2pcap reads and Janus, Chrome and Firefox write.

Source: text2pcap's manual page. A line of these programs is ``I 12:34:56.789000 000000 80 60 ...``, with I or
O for the direction, mostly bare RTP or RTCP, often among lines of a log, which are stepped over. Hex dumps of
several lines, each with its offset, are read too. There is no date: times count from midnight, and go on
after it. Text behind the bytes is ignored.
"""

import re
from collections.abc import Iterator

from rtpfwd.clock import MICROSECONDS
from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import CapturedFrame, Direction, FrameItem, Interface, LinkType
from rtpfwd.wire.captures.pcapng_blocks import MAX_PACKET_SIZE
from rtpfwd.wire.captures.source import ByteSource

MAX_LINE = 3 * MAX_PACKET_SIZE + 256
DAY_US = 24 * 3600 * MICROSECONDS


class Text2pcapParser:
    """See ``source.FormatParser``."""

    def __init__(self) -> None:
        self.truncated = False
        self._source = ByteSource()
        self._announced = False
        self._packets = 0
        self._data: bytearray | None = None  # of the packet whose lines are being read
        self._time_us = 0
        self._direction = Direction.UNKNOWN

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        self._source.feed(data)

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete. Raises ``MalformedPacket`` for a line over 768 KiB."""
        if not self._announced:
            self._announced = True
            yield Interface(0, LinkType.USER0)
        source = self._source
        while True:
            size = source.find(b"\n", MAX_LINE)
            if size < 0:
                if len(source) >= MAX_LINE:
                    raise MalformedPacket(f"text at {source.position}: line of over {MAX_LINE} bytes")
                return
            yield from self._read_line(source.take(size + 1))

    def end(self) -> Iterator[FrameItem]:
        """Gives the last packet. Raises ``MalformedPacket`` when there was none in the whole text."""
        yield from self._read_line(self._source.take(len(self._source)))
        yield from self._finish()
        if not self._packets:
            raise MalformedPacket("text without packets: need lines like I 12:34:56.789 000000 80 60")

    def _read_line(self, line: bytes) -> Iterator[FrameItem]:
        match = _LINE.match(line)
        if match is None:
            return
        direction, clock, offset, text = match.groups()
        start = int(offset, 16)
        if start == 0:
            yield from self._finish()
            self._data = bytearray()
            self._direction = _DIRECTIONS.get(direction, Direction.UNKNOWN)
            if clock is not None:
                self._time_us = _later(_parse_clock(clock), self._time_us)
        elif self._data is None or start > len(self._data):
            self._data = None  # lines are missing: what there is of the packet is of no use
            return
        if self._data is not None:
            # Digits of the text behind the bytes may have been taken for bytes: the next offset tells.
            del self._data[start:]
            self._data += bytes.fromhex(text.decode("ascii"))
            if len(self._data) > MAX_PACKET_SIZE:
                raise MalformedPacket(
                    f"text before {self._source.position}: packet of over {MAX_PACKET_SIZE} bytes"
                )

    def _finish(self) -> Iterator[FrameItem]:
        data, self._data = self._data, None
        if data:
            self._packets += 1
            yield CapturedFrame(
                self._time_us, bytes(data), LinkType.USER0, len(data), direction=self._direction,
                guess_link=True,
            )  # fmt: skip


def text2pcap_line(time_us: int, packet: Buffer, direction: Direction = Direction.UNKNOWN) -> str:
    """One packet as a line with its newline, for ``text2pcap -D -n -t %H:%M:%S.%f`` (without I or O: no -D).

    Raises ``InvalidParameters`` for an empty packet or a negative time.
    """
    if not len(packet) or time_us < 0:
        raise InvalidParameters(f"packet of {len(packet)} bytes at {time_us} µs: need bytes and a time")
    whole, micro = divmod(time_us % DAY_US, MICROSECONDS)
    clock = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{micro:06}"
    letter = {Direction.INBOUND: "I ", Direction.OUTBOUND: "O "}.get(direction, "")
    return f"{letter}{clock} 000000 {bytes(packet).hex(' ')}\n"


_LINE = re.compile(
    rb"[ \t]*(?:([IO])[ \t]+)?"
    rb"(?:([0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)[ \t]+)?"
    rb"([0-9A-Fa-f]{3,8}):?[ \t]+"
    rb"((?:[0-9A-Fa-f]{2}[ \t]+)*[0-9A-Fa-f]{2})(?=\s|$)"
)
_DIRECTIONS = {b"I": Direction.INBOUND, b"O": Direction.OUTBOUND}


def _parse_clock(text: bytes) -> int:
    clock, _, fraction = text.decode("ascii").replace(",", ".").partition(".")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return (hours * 3600 + minutes * 60 + seconds) * MICROSECONDS + int(fraction.ljust(6, "0")[:6])


def _later(time_us: int, before_us: int) -> int:
    """The time of day ``time_us`` on the day that brings it nearest to ``before_us``."""
    days = (before_us - time_us + DAY_US // 2) // DAY_US
    return time_us + max(days, 0) * DAY_US
