"""From a captured frame to the UDP payload in it: the link layers that captures have.

Source: the tcpdump group's list of link-layer header types (LINKTYPE_NULL, ETHERNET, RAW, LOOP, LINUX_SLL,
LINUX_SLL2, IPV4, IPV6, USER0 to USER15); IEEE 802.1Q for VLAN tags. A frame of a USER type is taken for a
bare UDP payload, which is how payloads without addresses are kept.
"""

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.internet import Skip, UdpPacket, parse_ip
from rtpfwd.wire.captures.items import LinkType
from rtpfwd.wire.demux import Kind, classify

NO_ADDRESS = ("", 0)
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
ADDRESS_FAMILIES = frozenset({2, 10, 24, 28, 30})  # AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD, macOS


def parse_frame(link_type: int, frame: Buffer) -> UdpPacket | Skip:
    """The UDP payload in a frame, or why there is none.

    Bare payloads have the addresses ``("", 0)``. Raises ``MalformedPacket`` for headers that are cut short or
    contradict themselves.
    """
    match link_type:
        case LinkType.ETHERNET:
            return _parse_ethernet(frame)
        case LinkType.RAW | LinkType.IPV4 | LinkType.IPV6 | LinkType.BSD_RAW | LinkType.OPENBSD_RAW:
            return parse_ip(frame)
        case LinkType.NULL | LinkType.LOOP:
            return _parse_loopback(frame)
        case LinkType.LINUX_SLL:
            return _parse_by_ethertype(frame, 14)
        case LinkType.LINUX_SLL2:
            _need(frame, 20, "Linux cooked frame")
            return _parse_ethertype(frame, frame[0] << 8 | frame[1], 20)
    if LinkType.USER0 <= link_type <= LinkType.USER15:
        return UdpPacket(NO_ADDRESS, NO_ADDRESS, bytes(frame))
    return Skip.LINK_TYPE


def guess_frame(frame: Buffer) -> UdpPacket | Skip:
    """Like ``parse_frame`` where nothing says what the frame starts with: Ethernet, IP or bare payload.

    An Ethernet or IP header whose lengths fit down to UDP does not come about by chance, so these go first.
    Never raises.
    """
    for link_type in (LinkType.ETHERNET, LinkType.RAW):
        try:
            parsed = parse_frame(link_type, frame)
        except MalformedPacket:
            continue
        if isinstance(parsed, UdpPacket) and not parsed.missing:
            return parsed
    if classify(frame) is not Kind.UNKNOWN:
        return UdpPacket(NO_ADDRESS, NO_ADDRESS, bytes(frame))
    return Skip.LINK_TYPE


def _parse_ethernet(frame: Buffer) -> UdpPacket | Skip:
    return _parse_by_ethertype(frame, 12)


def _parse_by_ethertype(frame: Buffer, offset: int) -> UdpPacket | Skip:
    _need(frame, offset + 2, "frame")
    ethertype = frame[offset] << 8 | frame[offset + 1]
    return _parse_ethertype(frame, ethertype, offset + 2)


def _parse_ethertype(frame: Buffer, ethertype: int, offset: int) -> UdpPacket | Skip:
    while ethertype in VLAN_TAGS:
        _need(frame, offset + 4, "VLAN tag")
        ethertype = frame[offset + 2] << 8 | frame[offset + 3]
        offset += 4
    if ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return parse_ip(memoryview(frame)[offset:])
    return Skip.NOT_IP


def _parse_loopback(frame: Buffer) -> UdpPacket | Skip:
    """NULL is in the byte order of whoever captured, LOOP in network order: take either."""
    _need(frame, 4, "loopback frame")
    if {int.from_bytes(frame[:4], "little"), int.from_bytes(frame[:4])} & ADDRESS_FAMILIES:
        return parse_ip(memoryview(frame)[4:])
    return Skip.NOT_IP


def _need(frame: Buffer, size: int, what: str) -> None:
    if len(frame) < size:
        raise MalformedPacket(f"{what} of {len(frame)} bytes: need {size}")
