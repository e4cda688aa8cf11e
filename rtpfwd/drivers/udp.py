"""Raw UDP sockets: datagrams in and out, every failure counted, nothing ever queued in this process.

asyncio's datagram transports are not used on purpose: they queue without limit when the link is slow, and one
impossible destination closes the whole transport. Here a full socket buffer drops the datagram and counts
EAGAIN, and no errno closes a socket.

One socket for each listen address, all on one port; the index in that list is the ``local`` of a ``Path``.
Left out: sendmmsg, recvmmsg and GSO, which are the native plane's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from rtpfwd.errors import InvalidParameters, LimitExceeded
from rtpfwd.wire.datagram import Address, Datagram

BUFFER_SIZE = 2048
"""Bytes of the largest datagram that is taken; WebRTC's stay below 1500."""
DEFAULT_SOCKET_BUFFER = 4 << 20
"""Bytes asked of the kernel for each direction; it may grant less (``net.core.rmem_max``) and counts overhead
double.
"""
BATCH = 64
"""Datagrams taken in one go, so that a flood on one socket starves neither the others nor timers."""
PORT_ATTEMPTS = 32

_SO_MEMINFO = 55  # Linux 4.12: nine 32-bit words, of which the last is sk_drops
_MEMINFO_WORDS = 9
_IP_MTU_DISCOVER, _IP_PMTUDISC_WANT = 10, 1  # Linux; the native plane's thread sets another


@dataclass(frozen=True, slots=True)
class SocketInfo:
    """A bound socket; buffer sizes in bytes as the kernel reports them, which is twice what can be used."""

    address: str
    port: int
    receive_buffer: int
    send_buffer: int


class UdpSockets:
    """The listening sockets of one process. Errors of single datagrams are counted, never raised."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = list(sockets)
        self._receivers = [one.recvfrom for one in self._sockets]
        self._senders = [one.sendto for one in self._sockets]
        self.received = self.received_bytes = self.sent = self.sent_bytes = self.truncated = 0
        self.send_errors: Counter[str] = Counter()
        """Datagrams not sent, by errno's name (``ADDRESS`` where Python already refused the address)."""
        self.receive_errors: Counter[str] = Counter()

    @classmethod
    def bind(
        cls,
        ips: Sequence[str],
        port: int,
        *,
        optional: Collection[str] = (),
        socket_buffer: int = DEFAULT_SOCKET_BUFFER,
    ) -> Self:
        """One non-blocking socket for each IP address, all on ``port``.

        With port 0 the first socket gets a free one and the others follow it; where one of them cannot,
        another port is tried. Those of ``ips`` that are ``optional`` too are left out when the system
        cannot assign them (an address still being checked for duplicates, say), unless none remains.
        Raises ``OSError`` when an address cannot be bound, ``InvalidParameters`` for no address,
        ``LimitExceeded`` when no port is free.
        """
        if not ips:
            raise InvalidParameters("listen.ips: need at least one address")
        for _ in range(PORT_ATTEMPTS):
            bound: list[socket.socket] = []
            refused: OSError | None = None
            try:
                for ip in ips:
                    wanted = bound[0].getsockname()[1] if bound else port
                    try:
                        bound.append(_bind(ip, wanted, socket_buffer))
                    except OSError as error:
                        if ip not in optional or error.errno != errno.EADDRNOTAVAIL:
                            raise
                        refused = error
                if not bound and refused is not None:
                    raise refused
            except OSError as error:
                for one in bound:
                    one.close()
                if port == 0 and bound and error.errno == errno.EADDRINUSE:
                    continue
                raise
            return cls(bound)
        raise LimitExceeded(f"no UDP port is free on all of {', '.join(ips)}")

    @classmethod
    def joined(cls, parts: Sequence[UdpSockets]) -> UdpSockets:
        """All sockets of these as one, in order; the parts are not to be used any more."""
        return cls([one for part in parts for one in part._sockets])

    def __len__(self) -> int:
        return len(self._sockets)

    def filenos(self) -> list[int]:
        """The file descriptors, by index."""
        return [one.fileno() for one in self._sockets]

    def info(self) -> list[SocketInfo]:
        """What was bound, by index."""
        return [
            SocketInfo(
                one.getsockname()[0],
                one.getsockname()[1],
                one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
            )
            for one in self._sockets
        ]

    def receive(self, index: int, limit: int = BATCH) -> list[Datagram]:
        """At most ``limit`` waiting datagrams of one socket, oldest first; those above 2048 bytes are
        dropped.
        """
        datagrams: list[Datagram] = []
        receive = self._receivers[index]
        taken = 0
        for _ in range(limit):
            try:
                # One byte more than allowed tells a truncated datagram from one that just fits.
                data, address = receive(BUFFER_SIZE + 1)
            except BlockingIOError:
                break
            except OSError as error:
                # Late news of an earlier send (ICMP). The socket stays good.
                self.receive_errors[_name(error)] += 1
                continue
            if len(data) > BUFFER_SIZE:
                self.truncated += 1
                continue
            taken += len(data)
            datagrams.append((data, (index, address)))
        self.received += len(datagrams)
        self.received_bytes += taken
        return datagrams

    def send(self, datagrams: Iterable[Datagram]) -> None:
        """Send each, now or never. One that fails is counted and does not stop the others."""
        senders = self._senders
        sent = size = 0
        for data, (local, address) in datagrams:
            try:
                size += senders[local](data, address)
                sent += 1
            except OSError as error:
                if error.errno == errno.EMSGSIZE and (again := self._send_in_fragments(data, local, address)):
                    size += again
                    sent += 1
                else:
                    self.send_errors[_name(error)] += 1
            except (OverflowError, TypeError, ValueError, IndexError):
                # A port beyond 65535, a host that is no address, an index without a socket: one bad
                # destination.
                self.send_errors["ADDRESS"] += 1
        self.sent += sent
        self.sent_bytes += size

    def _send_in_fragments(self, data: bytes, local: int, address: Address) -> int:
        """Once more over a path that is too narrow, on a socket that from now on lets the system divide
        datagrams; the bytes sent, 0 where it fails again.
        """
        one = self._sockets[local]
        if one.family != socket.AF_INET or sys.platform != "linux":
            return 0
        one.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_WANT)
        try:
            return one.sendto(data, address)
        except OSError:
            return 0

    def kernel_drops(self) -> int | None:
        """Datagrams that the kernel dropped because a receive buffer was full; ``None`` where it does not
        say.
        """
        total = 0
        for one in self._sockets:
            try:
                words = one.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO_WORDS * 4)
            except OSError:
                return None
            if len(words) < _MEMINFO_WORDS * 4:
                return None
            total += struct.unpack_from("=I", words, (_MEMINFO_WORDS - 1) * 4)[0]
        return total

    def counters(self) -> dict[str, int]:
        """Running totals under flat names; a counter that is nowhere has not happened."""
        totals = {
            "udp_received": self.received,
            "udp_received_bytes": self.received_bytes,
            "udp_sent": self.sent,
            "udp_sent_bytes": self.sent_bytes,
            "udp_truncated": self.truncated,
        }
        dropped = self.kernel_drops()
        if dropped is not None:
            totals["udp_kernel_drops"] = dropped
        totals.update({f"udp_send_{name}": count for name, count in self.send_errors.items()})
        totals.update({f"udp_receive_{name}": count for name, count in self.receive_errors.items()})
        return totals

    def close(self) -> None:
        """Close every socket; again is harmless."""
        for one in self._sockets:
            one.close()


def is_ipv6(ip: str) -> bool:
    """Whether an IP address in text is of that family."""
    return ":" in ip


def _bind(ip: str, port: int, socket_buffer: int) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if is_ipv6(ip) else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        if one.family == socket.AF_INET6:
            # IPv4 peers have sockets of their own; mapped addresses would give one peer two names.
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            # Some systems refuse above their ceiling instead of granting less; the default then has to do.
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, option, socket_buffer)
        one.bind((ip, port))
    except OSError as error:
        one.close()
        raise OSError(error.errno, f"UDP {ip} port {port}: {error.strerror}") from None
    return one


def _name(error: OSError) -> str:
    code = error.errno
    if code is None:
        return "ADDRESS"  # socket.gaierror of a host that is no address has none, or a negative one
    return errno.errorcode.get(code, "ADDRESS" if code < 0 else os.strerror(code))
