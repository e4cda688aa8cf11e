"""A wire between two network namespaces whose delay, loss and order are a ``LinkModel``'s, in real time.

Two TUN devices, one in each namespace; a thread of its own reads packets from either and writes them to the
other when the model says. Which model a packet meets is decided by the far end's address and the direction.
It counts what goes by, by kind, which shows what a connection really did: a new DTLS handshake, say.

IPv4 only; what is not UDP passes through the same models.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import os
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rtpfwd.clock import Instant
from rtpfwd.drivers.links import LinkModel

T = TypeVar("T")

NAMESPACES = Path("/run/netns")
TUN = Path("/dev/net/tun")
MTU = 1500
UP, DOWN = "up", "down"

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_UDP = 17


class TunLink:
    """The wire. ``models`` holds the model of each (far address, ``UP`` or ``DOWN``) that has one of its own.

    Up is from the far namespace to the near one. Models may be exchanged at any time.
    """

    def __init__(self, near: int, far: int, default: Callable[[str, str], LinkModel]) -> None:
        self.models: dict[tuple[str, str], LinkModel] = {}
        self.seen: Counter[tuple[str, str, str]] = Counter()
        """UDP datagrams offered, by far address, direction and kind: stun, dtls-handshake, dtls, media."""
        self._near, self._far = near, far
        self._default = default
        self._waiting: list[tuple[int, int, int, bytes]] = []  # when, tie, device, packet
        self._number = 0
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, name="tun link", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes the devices."""
        os.write(self._stop, b"x")
        self._thread.join(timeout=5)
        for fd in (self._wake, self._stop, self._near, self._far):
            os.close(fd)

    def _run(self) -> None:
        way = {self._far: (UP, self._near), self._near: (DOWN, self._far)}
        while True:
            wait = max(0.0, (self._waiting[0][0] - _now()) / 1e6) if self._waiting else None
            readable, _, _ = select.select([self._wake, self._near, self._far], [], [], wait)
            if self._wake in readable:
                return
            for fd in readable:
                self._take(fd, *way[fd])
            now = _now()
            while self._waiting and self._waiting[0][0] <= now:
                _, _, out, packet = heapq.heappop(self._waiting)
                _write(out, packet)

    def _take(self, fd: int, direction: str, out: int) -> None:
        for _ in range(64):
            try:
                packet = os.read(fd, MTU + 100)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4:
                continue  # the kernel's own IPv6 chatter
            address = socket.inet_ntoa(packet[12:16] if direction == UP else packet[16:20])
            header = (packet[0] & 15) * 4
            if packet[9] == _UDP and len(packet) > header + 8:
                self.seen[address, direction, _kind(packet[header + 8 :])] += 1
            model = self.models.get((address, direction))
            if model is None:
                model = self.models[address, direction] = self._default(address, direction)
            for when in model.arrivals(packet, Instant(_now())):
                self._number += 1
                heapq.heappush(self._waiting, (when, self._number, out, packet))


def open_tun(namespace: str, name: str) -> int:
    """Makes TUN device ``name`` in a namespace and returns its descriptor; closing that removes the device.

    Raises ``OSError`` where that is not permitted.
    """

    def make() -> int:
        fd = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        except OSError:
            os.close(fd)
            raise
        return fd

    return within(namespace, make)


def within(namespace: str, what: Callable[[], T]) -> T:
    """The result of ``what``, called by a thread that lives in the namespace; raises what it raises."""
    result: list[T] = []
    error: list[BaseException] = []

    def call() -> None:
        try:
            with (NAMESPACES / namespace).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            result.append(what())
        except BaseException as caught:
            error.append(caught)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if error:
        raise error[0]
    return result[0]


def _now() -> int:
    return time.monotonic_ns() // 1000


def _write(fd: int, packet: bytes) -> None:
    with contextlib.suppress(OSError):  # the device is down or full: lost, as on any wire
        os.write(fd, packet)


def _kind(payload: bytes) -> str:
    """What shares the port, by its first byte (RFC 7983)."""
    first = payload[0]
    if first < 4:
        return "stun"
    if first == 22:
        return "dtls-handshake"
    return "dtls" if 20 <= first < 64 else "media"
