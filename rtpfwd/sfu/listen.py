"""Where a worker can be reached: the announced addresses behind its ICE candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtpfwd.wire.datagram import Path

HOST_TYPE_PREFERENCE = 64  # mediasoup's value for its host candidates
LOCAL_PREFERENCE = 10_000  # mediasoup: minus 100 for each further listen info
LOCAL_PREFERENCE_STEP = 100
INTERNAL_PENALTY = 1000  # mediasoup's exposeInternalIp: the announced address is to be tried first
COMPONENT = 1


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A local UDP socket, by index, and the address under which peers reach it."""

    address: str
    port: int
    local: int
    internal: bool = False
    """A bound address that is told beside the announced ones, for peers on the inside."""
    shard: int = 0
    """Which part of the data plane serves the socket, where it has parts."""


def ice_candidates(listen: Sequence[ListenAddress]) -> list[dict[str, object]]:
    """``iceCandidates`` as mediasoup gives them, best first (RFC 8445 §5.1.2.1 for the priority)."""
    return [_candidate(one, position) for position, one in enumerate(listen)]


def transport_tuple(path: Path, listen: Sequence[ListenAddress]) -> dict[str, object]:
    """A path as mediasoup's ``TransportTuple``; of the local side, what is announced."""
    local = next((one for one in listen if one.local == path[0]), ListenAddress("", 0, path[0]))
    return {
        "localAddress": local.address,
        "localPort": local.port,
        "remoteIp": path[1][0],
        "remotePort": path[1][1],
        "protocol": "udp",
    }


def _candidate(listen: ListenAddress, position: int) -> dict[str, object]:
    local_preference = LOCAL_PREFERENCE - LOCAL_PREFERENCE_STEP * position
    local_preference = max(local_preference - INTERNAL_PENALTY * listen.internal, 0)
    return {
        "foundation": "udpcandidate",
        "priority": HOST_TYPE_PREFERENCE << 24 | local_preference << 8 | 256 - COMPONENT,
        # "ip" for clients that are older than "address"
        "ip": listen.address,
        "address": listen.address,
        "protocol": "udp",
        "port": listen.port,
        "type": "host",
    }
