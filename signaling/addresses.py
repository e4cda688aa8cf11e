"""Addresses: which to announce for media, and which to show to the person who started the server.

``ANNOUNCED_IP`` takes IP addresses and host names, as mediasoup's ``announcedAddress``. Host names are looked
up once, at the start, and announced as addresses, because not every browser looks up the name in a candidate.
A name that does not resolve (``your-public-ip`` of the example ``.env``) is left out with a warning; with
nothing left, media is announced under the addresses of the interfaces, so that a call on this machine or
network works all the same.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from rtpfwd.drivers.interfaces import interface_addresses

from .settings import Settings

LOOKUP_S = 3.0

Lookup = Callable[[str], Awaitable[list[str]]]


async def look_up(name: str) -> list[str]:
    """The IP addresses of a host name, none when it has none or the answer takes more than three seconds."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_S):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def announced_addresses(
    announced: Sequence[str], listen: Sequence[str], lookup: Lookup = look_up
) -> tuple[list[str], list[str]]:
    """The IP addresses to announce, and the names that gave none.

    Of a name only addresses of a family that ``listen`` binds are taken. None at all means: those of the
    interfaces.
    """
    families = {ipaddress.ip_address(ip).version for ip in listen if is_ip(ip)} or {4, 6}
    addresses: list[str] = []
    failed: list[str] = []
    for name in announced:
        if is_ip(name):
            addresses.append(name)
            continue
        found = [
            ip for ip in await lookup(name) if is_ip(ip) and ipaddress.ip_address(ip).version in families
        ]
        addresses.extend(found)
        if not found:
            failed.append(name)
    return list(dict.fromkeys(addresses)), failed


def page_addresses(settings: Settings, port: int) -> list[str]:
    """Where the page can be opened, the most likely first.

    Browsers allow cameras on ``localhost`` and over TLS only.
    """
    scheme = "https" if settings.tls else "http"
    if settings.host not in (None, "", "0.0.0.0", "::"):
        hosts = [settings.host or ""]
    else:
        others = [ip for ip in interface_addresses() if not ipaddress.ip_address(ip).is_loopback]
        hosts = ["localhost", *(ip for ip in others if ":" not in ip)]
    return [f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/" for host in hosts]


def is_ip(text: str) -> bool:
    """Whether ``text`` is an IP address, not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
