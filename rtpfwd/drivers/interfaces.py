"""Which addresses to bind and which to announce in ICE candidates.

A wildcard becomes one socket for each address of the machine, because an answer has to leave from the address
that the question went to (RFC 8445 §7.3: the 5-tuple), and a wildcard socket lets the kernel choose another
one. Behind NAT (Docker, clouds) the bound addresses mean nothing to peers, so ``announced`` replaces them, as
mediasoup's ``announcedAddress`` does.

Left out: following addresses that come and go while the process runs; sends from a vanished one fail and are
counted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ifaddr

from rtpfwd.drivers.udp import is_ipv6
from rtpfwd.errors import InvalidParameters
from rtpfwd.sfu.listen import ListenAddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Where media is received. ``port`` 0 takes a free one (tests)."""

    ips: Sequence[str] = ("0.0.0.0",)
    """IP addresses to bind; ``0.0.0.0`` and ``::`` stand for every address of their family."""
    port: int = 0
    announced: Sequence[str] = ()
    """IP addresses or host names for the candidates, in order of preference, in place of the bound ones."""
    expose_internal: bool = False
    """Tell the bound addresses too, after the announced ones (mediasoup's ``exposeInternalIp``)."""


def interface_addresses() -> list[str]:
    """Every IP address of this machine, in the order in which the system lists its interfaces."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            # ifaddr gives IPv6 as (address, flowinfo, scope id).
            found.append(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    return found


def bind_addresses(
    listen: ListenSettings, interfaces: Callable[[], list[str]] = interface_addresses
) -> list[str]:
    """The IP addresses to bind: wildcards expanded, repetitions left out, loopback last.

    Raises ``InvalidParameters`` for what is no IP address, for multicast, and when nothing remains.
    """
    if not 0 <= listen.port <= 65535:
        raise InvalidParameters(f"listen.port {listen.port}: need 0 to 65535")
    wanted: dict[IpAddress, None] = {}
    for text in listen.ips:
        ip = _parse(text, "listen.ips")
        if ip.is_multicast:
            raise InvalidParameters(f"listen.ips: {text} is multicast")
        if not ip.is_unspecified:
            wanted[ip] = None
            continue
        for candidate in map(ipaddress.ip_address, interfaces()):
            if candidate.version == ip.version and _is_usable(candidate):
                wanted[candidate] = None
    if not wanted:
        raise InvalidParameters("listen.ips: no interface has an address of that family")
    return [str(ip) for ip in sorted(wanted, key=lambda ip: ip.is_loopback)]


def expanded_addresses(listen: ListenSettings, bound: Sequence[str]) -> list[str]:
    """Those of ``bind_addresses``' answer that a wildcard stood for: a server can do without one of them."""
    named = {str(ipaddress.ip_address(text)) for text in listen.ips}
    return [ip for ip in bound if ip not in named]


def listen_addresses(
    bound: Sequence[tuple[str, int]], announced: Sequence[str], expose_internal: bool = False
) -> list[ListenAddress]:
    """What candidates say, for sockets bound to ``(ip, port)``: each ``local`` is an index into ``bound``.

    An announced IP belongs to the first socket of its family (loopback ones are last), a host name to the
    first socket. ``expose_internal`` adds the bound ones after them. Raises ``InvalidParameters`` for an
    announced IP of a family that nothing is bound to.
    """
    if not announced:
        return [ListenAddress(ip, port, index) for index, (ip, port) in enumerate(bound)]
    addresses: list[ListenAddress] = []
    for name in dict.fromkeys(announced):
        index = _socket_for(name, bound)
        if index is None:
            raise InvalidParameters(f"listen.announced: no socket of the family of {name}")
        addresses.append(ListenAddress(name, bound[index][1], index))
    if expose_internal:
        told = {one.address for one in addresses}
        addresses += [
            ListenAddress(ip, port, index, internal=True)
            for index, (ip, port) in enumerate(bound)
            if ip not in told
        ]
    return addresses


def _socket_for(name: str, bound: Sequence[tuple[str, int]]) -> int | None:
    if not name or any(character.isspace() for character in name):
        raise InvalidParameters(f"listen.announced: {name!r} is neither an IP address nor a host name")
    try:
        version = ipaddress.ip_address(name).version
    except ValueError:
        return 0
    for index, (ip, _) in enumerate(bound):
        if is_ipv6(ip) == (version == 6):
            return index
    return None


def _is_usable(ip: IpAddress) -> bool:
    # Link-local IPv6 needs a scope, which no candidate can carry.
    return not (ip.is_multicast or ip.is_unspecified or (ip.version == 6 and ip.is_link_local))


def _parse(text: str, field: str) -> IpAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise InvalidParameters(f"{field}: {text!r} is no IP address") from None
