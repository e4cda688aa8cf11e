"""A ``MediaPeer`` on a real socket: the client for what no client library would do.

Datagrams of the server pass ``filter`` first, which may lose them.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from rtpfwd.clock import Instant
from rtpfwd.drivers.media_peer import MediaPeer

SHORTEST_S = 0.001


class UdpPeer:
    """Runs from the moment it is made, on the running loop."""

    def __init__(self, media: MediaPeer, host: str = "127.0.0.1") -> None:
        self.media = media
        self.filter: Callable[[bytes], bool] = lambda _datagram: True
        """Whether a datagram of the server arrives."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        self._timer: asyncio.TimerHandle | None = None
        media.start(_now())
        self.settle()

    def settle(self) -> None:
        """Sends what waits and arms the timer; call it after having changed ``media``."""
        for data, (_, address) in self.media.transmit():
            self._socket.sendto(data, address)
        if self._timer is not None:
            self._timer.cancel()
        due = self.media.next_timeout()
        if due is not None:
            self._timer = self._loop.call_later(max((due - _now()) / 1e6, SHORTEST_S), self._timeout)

    async def close(self) -> None:
        """Says goodbye and releases the port."""
        self.media.close()
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        while True:
            try:
                data, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                break
            if self.filter(data):
                self.media.receive(data, (0, address), _now())
        self.settle()

    def _timeout(self) -> None:
        self.media.handle_timeout(_now())
        self.settle()


def _now() -> Instant:
    return Instant(time.monotonic_ns() // 1000)
