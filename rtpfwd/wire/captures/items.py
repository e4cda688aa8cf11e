"""What a capture file consists of, whatever its format.

Format parsers give ``CapturedFrame`` (a packet as it stands in the file, link layer and all), the reader on
top of them ``CapturedDatagram``; the rest is the same for both. Times are integer microseconds, since 1970
where the format knows the date (pcapng, pcap, rtpdump, mjr), since midnight in text2pcap text. Finer
resolutions are rounded down.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from rtpfwd.wire.datagram import Address

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


class Direction(IntEnum):
    """Which way a packet went at the interface; the numbers are pcapng's (``epb_flags``, bits 0 and 1)."""

    UNKNOWN = 0
    INBOUND = 1
    OUTBOUND = 2


class LinkType(IntEnum):
    """What a frame starts with: the registered numbers (``LINKTYPE_...``) that this package reads."""

    NULL = 0
    ETHERNET = 1
    BSD_RAW = 12
    OPENBSD_RAW = 14
    RAW = 101
    LOOP = 108
    LINUX_SLL = 113
    USER0 = 147
    USER15 = 162
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


@dataclass(slots=True)
class CapturedFrame:
    """One packet as captured.

    ``original_size`` is its size on the wire, ``len(data)`` or more. ``interface`` counts all interfaces of
    the file from 0. ``source`` and ``destination`` are set only by formats whose packets are bare UDP
    payloads; ``link_type`` is then ``USER0``. ``guess_link`` says that the format does not tell what frames
    start with (text2pcap).
    """

    time_us: int
    data: bytes
    link_type: int
    original_size: int
    interface: int = 0
    direction: Direction = Direction.UNKNOWN
    comments: tuple[str, ...] = ()
    packet_id: int | None = None
    source: Address | None = None
    destination: Address | None = None
    guess_link: bool = False


@dataclass(slots=True)
class CapturedDatagram:
    """One UDP payload of a capture.

    ``number`` counts all packets and records of the file from 1, as Wireshark does. Addresses are None where
    the format or link has none. ``missing`` is how many bytes of the payload's end the capture cut off; the
    payload was ``len(data) + missing`` bytes long.
    """

    number: int
    time_us: int
    data: bytes
    source: Address | None = None
    destination: Address | None = None
    direction: Direction = Direction.UNKNOWN
    interface: int = 0
    comments: tuple[str, ...] = ()
    packet_id: int | None = None
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """Where packets were captured. ``index`` counts all interfaces of the file from 0."""

    index: int
    link_type: int
    name: str = ""
    description: str = ""
    filter: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The start of a pcapng section: who wrote it."""

    hardware: str = ""
    system: str = ""
    application: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys for what is encrypted in the capture. ``kind`` 0x544C534B: an NSS key log, as text in ``data``."""

    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many packets an interface received and dropped, as the capturer counted them (None: not told)."""

    interface: int
    time_us: int
    received: int | None = None
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record of our own: something that happened at ``time_us`` and is not a packet.

    ``kind`` names it; ``value`` is any JSON. A file's order of records and packets is the order in which they
    happened.
    """

    time_us: int
    kind: str
    value: JsonValue = field(default=None)


Frameless: TypeAlias = Section | Interface | Secrets | Statistics | Record
FrameItem: TypeAlias = CapturedFrame | Frameless
CaptureItem: TypeAlias = CapturedDatagram | Frameless
