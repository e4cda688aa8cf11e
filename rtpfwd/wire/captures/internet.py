"""UDP in IPv4 or IPv6: finding the payload in an IP packet, and building the packet around a payload.

Source: RFC 768 (UDP), RFC 791 (IPv4), RFC 8200 (IPv6, extension headers), RFC 1071 (checksum).
Fragments are told apart and not put together again. Reading does not verify checksums: with offloading, a
capture on the sending machine holds packets whose checksums the card was still to write. ``checksums_hold``
is for who wants to know.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct, pack

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.datagram import Address

UDP = 17
UDP_HEADER_SIZE = 8
IPV4_HEADER_SIZE = 20
IPV6_HEADER_SIZE = 40
HOP_LIMIT = 64
MAX_UDP_PAYLOAD = 0xFFFF - IPV4_HEADER_SIZE - UDP_HEADER_SIZE
MAX_EXTENSION_HEADERS = 16

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS, MOBILITY = 0, 43, 44, 51, 60, 135


class Skip(StrEnum):
    """Why a frame that is in order holds no UDP payload for us."""

    NOT_IP = "not IP"
    NOT_UDP = "not UDP"
    FRAGMENT = "fragment"
    LINK_TYPE = "unknown link type"


@dataclass(slots=True)
class UdpPacket:
    """A UDP payload and its addresses; ``missing`` bytes of its end are not in the packet (cut captures)."""

    source: Address
    destination: Address
    payload: bytes
    missing: int = 0


def parse_ip(packet: Buffer) -> UdpPacket | Skip:
    """The UDP payload of an IP packet of either version.

    What follows the length in the headers (Ethernet's padding) is left off. Raises ``MalformedPacket`` for
    headers that are cut short or contradict themselves.
    """
    if not len(packet):
        raise MalformedPacket("IP packet of 0 bytes: need 20")
    version = packet[0] >> 4
    if version == 4:
        return _parse_ipv4(packet)
    if version == 6:
        return _parse_ipv6(packet)
    return Skip.NOT_IP


def serialize_udp(source: Address, destination: Address, payload: Buffer, *, missing: int = 0) -> bytes:
    """An IP packet of the addresses' version with checksums, don't-fragment and a hop limit of 64.

    ``missing`` is added to the lengths in the headers, for payloads that are cut; checksums are then 0 for
    UDP over IPv4 ("none") and wrong over IPv6. Raises ``InvalidParameters`` for addresses of different
    versions or none, ports beyond 16 bits, and more than 65507 bytes.
    """
    try:
        ips = [ip_address(str(address[0]).partition("%")[0]) for address in (source, destination)]
        ports = _PORTS.pack(source[1], destination[1])
    except Exception as error:
        raise InvalidParameters(f"address {source} or {destination}: {error}") from None
    size = UDP_HEADER_SIZE + len(payload) + missing
    if size - UDP_HEADER_SIZE > MAX_UDP_PAYLOAD or missing < 0:
        raise InvalidParameters(
            f"UDP payload of {size - UDP_HEADER_SIZE} bytes: need at most {MAX_UDP_PAYLOAD}"
        )
    if ips[0].version != ips[1].version:
        raise InvalidParameters(f"addresses {ips[0]} and {ips[1]}: need the same IP version")
    header = ports + pack("!HH", size, 0)
    checksum = 0
    if not missing or ips[0].version == 6:
        checksum = udp_checksum(ips[0].packed, ips[1].packed, header + payload)
    segment = header[:6] + pack("!H", checksum) + payload
    if ips[0].version == 6:
        return pack("!IHBB", 6 << 28, size, UDP, HOP_LIMIT) + ips[0].packed + ips[1].packed + segment
    parts = (0x45, 0, IPV4_HEADER_SIZE + size, 0, 0x4000, HOP_LIMIT, UDP, 0, ips[0].packed, ips[1].packed)
    ip_header = _IPV4.pack(*parts)
    return ip_header[:10] + pack("!H", internet_checksum(ip_header)) + ip_header[12:] + segment


def internet_checksum(data: Buffer) -> int:
    """The ones' complement of the ones' complement sum of 16-bit words (RFC 1071)."""
    padded = bytes(data) + bytes(len(data) % 2)
    # 2^16 is 1 modulo 2^16 - 1, so the sum of all words is the whole number modulo 2^16 - 1.
    total = int.from_bytes(padded) % 0xFFFF
    if not total and any(padded):
        total = 0xFFFF
    return ~total & 0xFFFF


def udp_checksum(source: bytes, destination: bytes, segment: Buffer) -> int:
    """The checksum of a UDP header (its checksum field 0) and payload, with the pseudo-header.

    ``source`` and ``destination`` are packed addresses. A result of 0 is sent as 0xFFFF (RFC 768).
    """
    pseudo = source + destination + pack("!IxxxB", len(segment), UDP)
    return internet_checksum(pseudo + segment) or 0xFFFF


def checksums_hold(packet: Buffer) -> bool:
    """Whether the checksums of a whole IP packet that holds UDP are right; none at all counts as right.

    Raises ``MalformedPacket`` for what ``parse_ip`` refuses, and for a packet without UDP or cut short.
    """
    parsed = parse_ip(packet)
    if isinstance(parsed, Skip) or parsed.missing:
        raise MalformedPacket(f"IP packet of {len(packet)} bytes: need a whole one with UDP")
    ips = [ip_address(address[0]).packed for address in (parsed.source, parsed.destination)]
    if packet[0] >> 4 == 4:
        header_size = (packet[0] & 0xF) * 4
        if internet_checksum(packet[:header_size]):
            return False
        start = header_size
    else:
        start = _find_udp_ipv6(packet)[0]
    end = start + UDP_HEADER_SIZE + len(parsed.payload)
    sent = packet[start + 6] << 8 | packet[start + 7]
    if not sent:
        return packet[0] >> 4 == 4
    segment = bytes(packet[start : start + 6]) + b"\0\0" + bytes(packet[start + 8 : end])
    return udp_checksum(ips[0], ips[1], segment) == sent


_IPV4 = Struct("!BBHHHBBH4s4s")
_PORTS = Struct("!HH")
_UDP = Struct("!HHH")


def _parse_ipv4(packet: Buffer) -> UdpPacket | Skip:
    if len(packet) < IPV4_HEADER_SIZE:
        raise MalformedPacket(f"IPv4 packet of {len(packet)} bytes: need {IPV4_HEADER_SIZE}")
    first, _, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(packet)
    header_size = (first & 0xF) * 4
    # Segmentation offload leaves a total of 0: the packet was longer than 16 bits can say.
    total = total or len(packet)
    if not IPV4_HEADER_SIZE <= header_size <= min(total, len(packet)):
        raise MalformedPacket(
            f"IPv4 header of {header_size} bytes: need {IPV4_HEADER_SIZE} to {min(total, len(packet))}"
        )
    if protocol != UDP:
        return Skip.NOT_UDP
    if fragment & 0x3FFF:  # more fragments, or an offset
        return Skip.FRAGMENT
    hosts = _host(source), _host(destination)
    return _parse_udp(packet, header_size, total, hosts)


def _parse_ipv6(packet: Buffer) -> UdpPacket | Skip:
    start, skip = _find_udp_ipv6(packet)
    if skip is not None:
        return skip
    hosts = _host(bytes(packet[8:24])), _host(bytes(packet[24:40]))
    total = IPV6_HEADER_SIZE + (packet[4] << 8 | packet[5])
    return _parse_udp(packet, start, total if total > IPV6_HEADER_SIZE else len(packet), hosts)


def _find_udp_ipv6(packet: Buffer) -> tuple[int, Skip | None]:
    if len(packet) < IPV6_HEADER_SIZE:
        raise MalformedPacket(f"IPv6 packet of {len(packet)} bytes: need {IPV6_HEADER_SIZE}")
    following, offset = packet[6], IPV6_HEADER_SIZE
    for _ in range(MAX_EXTENSION_HEADERS):
        if following == UDP:
            return offset, None
        if following not in (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS, MOBILITY):
            return offset, Skip.NOT_UDP
        if offset + 8 > len(packet):
            raise MalformedPacket(f"IPv6 packet of {len(packet)} bytes: need {offset + 8}")
        if following == FRAGMENT:
            # An "atomic" fragment (RFC 6946) is a whole packet: no offset, no more to come.
            if (packet[offset + 2] << 8 | packet[offset + 3]) & 0xFFF9:
                return offset, Skip.FRAGMENT
            size = 8
        elif following == AUTHENTICATION:
            size = (packet[offset + 1] + 2) * 4
        else:
            size = (packet[offset + 1] + 1) * 8
        following = packet[offset]
        offset += size
    raise MalformedPacket(f"IPv6 packet with over {MAX_EXTENSION_HEADERS} extension headers")


@lru_cache(1024)
def _host(packed: bytes) -> str:
    """A capture has few addresses and many packets."""
    return str(ip_address(packed))


def _parse_udp(packet: Buffer, start: int, total: int, hosts: tuple[str, str]) -> UdpPacket:
    if start + UDP_HEADER_SIZE > min(total, len(packet)):
        raise MalformedPacket(
            f"IP packet of {min(total, len(packet))} bytes: need {start + UDP_HEADER_SIZE} for UDP"
        )
    source, destination, size = _UDP.unpack_from(packet, start)
    end = start + size if size else total  # 0: longer than 16 bits can say (RFC 2675, offload)
    if size and not UDP_HEADER_SIZE <= size <= total - start:
        raise MalformedPacket(f"UDP length {size}: need {UDP_HEADER_SIZE} to {total - start}")
    payload = bytes(packet[start + UDP_HEADER_SIZE : end])
    missing = end - start - UDP_HEADER_SIZE - len(payload)
    return UdpPacket((hosts[0], source), (hosts[1], destination), payload, missing)
