"""A TCP-like cross flow: NewReno's window (RFC 6582) without bytes, options or a real handshake."""

from __future__ import annotations

from tests.congestion.simulation.network import OVERHEAD, SECOND, Clock, Link, Packet

SEGMENT = 1500 - OVERHEAD
FIRST_WINDOW = 10.0  # RFC 6928
RTO_US = SECOND


class TcpFlow:
    """Sends ``total_bytes`` (without end when ``None``) from ``start_s`` until ``stop_s``."""

    def __init__(
        self,
        clock: Clock,
        link: Link,
        back: Link,
        start_s: float,
        stop_s: float | None = None,
        total_bytes: int | None = None,
    ) -> None:
        self._clock = clock
        self._link = link
        self._back = back
        self._stop_s = stop_s
        self._left = total_bytes
        self._window = FIRST_WINDOW
        self._threshold = float("inf")
        self._next = 0
        self._flying: dict[int, int] = {}
        self._recover = -1
        self._heard_at = 0
        self.acked_bytes = 0
        self.finished_at_s: float | None = None
        clock.at(SECOND + round(start_s * SECOND), self._begin)

    def _begin(self) -> None:
        self._heard_at = self._clock.now
        self._fill()
        self._clock.after(RTO_US, self._watch)

    def _fill(self) -> None:
        if self._stop_s is not None and self._clock.elapsed_s >= self._stop_s:
            return
        while len(self._flying) < int(self._window) and (self._left is None or self._left > 0):
            if self._left is not None:
                self._left -= SEGMENT
            self._flying[self._next] = self._clock.now
            self._link.push(Packet(SEGMENT, self._arrived, self._next))
            self._next += 1

    def _arrived(self, packet: Packet) -> None:
        self._back.push(Packet(40, self._acked, packet.number))

    def _acked(self, packet: Packet) -> None:
        if self._flying.pop(packet.number, None) is None:
            return
        self._heard_at = self._clock.now
        self.acked_bytes += SEGMENT
        lost = [number for number in self._flying if number < packet.number - 3]
        for number in lost:
            del self._flying[number]
            if self._left is not None:
                self._left += SEGMENT
        if lost and max(lost) > self._recover:
            self._recover = self._next
            self._threshold = max(self._window / 2, 2.0)
            self._window = self._threshold
        elif not lost:
            self._window += 1.0 if self._window < self._threshold else 1.0 / self._window
        if self._left is not None and self._left <= 0 and not self._flying and self.finished_at_s is None:
            self.finished_at_s = self._clock.elapsed_s
        self._fill()

    def _watch(self) -> None:
        if self.finished_at_s is not None:
            return
        self._clock.after(RTO_US // 4, self._watch)
        if self._flying and self._clock.now - self._heard_at > RTO_US:
            if self._left is not None:
                self._left += SEGMENT * len(self._flying)
            self._flying.clear()
            self._threshold, self._window = max(self._window / 2, 2.0), 1.0
            self._heard_at = self._clock.now
            self._fill()
