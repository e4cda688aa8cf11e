"""A transport's turn: what waits leaves, and where a probe is under way and nothing waits, padding."""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.dataplane.reference.route_table import Transport
from rtpfwd.dataplane.reference.send_stream import FindPacket
from rtpfwd.wire.datagram import Datagram


def take_turn(transport: Transport, find: FindPacket, now: Instant, out: list[Datagram]) -> bool:
    """Send what may leave now; returns whether the transport wants another turn.

    ``find`` gives a source's packet by its extended number.
    """
    pacer = transport.pacer
    transport.probes.expire(now)
    while True:
        if (outgoing := pacer.pop(now)) is not None:
            outgoing.stream.depart(outgoing, now, out)
        elif wanted := pacer.wants_padding(now):
            size = transport.padding.send(transport, wanted, find, now, out)
            if size:
                pacer.occupy(size, now)
            else:
                pacer.stall(now)
        else:
            return pacer.next_timeout() is not None
