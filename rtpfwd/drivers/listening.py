"""The sockets of a driver, in parts: one for each thread of the data plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rtpfwd.drivers.interfaces import ListenSettings, expanded_addresses, listen_addresses
from rtpfwd.drivers.udp import UdpSockets
from rtpfwd.sfu.listen import ListenAddress


def bind_parts(listen: ListenSettings, ips: Sequence[str], count: int) -> list[UdpSockets]:
    """``count`` times sockets on all of ``ips``: the first on ``listen.port``, each further one on the port
    after it (with port 0: on free ones). Raises as ``UdpSockets.bind``; then nothing stays bound.
    """
    parts: list[UdpSockets] = []
    try:
        for index in range(count):
            port = listen.port + index if listen.port else 0
            parts.append(UdpSockets.bind(ips, port, optional=expanded_addresses(listen, ips)))
    except BaseException:
        for part in parts:
            part.close()
        raise
    return parts


def listen_addresses_of_parts(listen: ListenSettings, parts: Sequence[UdpSockets]) -> list[ListenAddress]:
    """What candidates say of each part: ``local`` counts the sockets through, ``shard`` is the part."""
    found: list[ListenAddress] = []
    first = 0
    for shard, part in enumerate(parts):
        bound = [(info.address, info.port) for info in part.info()]
        found += [
            replace(one, local=first + one.local, shard=shard)
            for one in listen_addresses(bound, listen.announced, listen.expose_internal)
        ]
        first += len(part)
    return found
