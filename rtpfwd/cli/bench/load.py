"""The load of a bench: publishers and subscribers on loopback, each with a socket and a transport of its own.

They are real clients (ICE, then DTLS or given keys, SRTP, RTCP). All subscribers count what arrives; a few
decrypt it as well, to read how long each packet took. Decrypting everything would cost more than the server
spends.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rtpfwd.clock import Instant
from rtpfwd.dataplane.load import packet_sink
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec, producer_parameters
from rtpfwd.drivers.media_peer import MediaPeer
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.errors import InvalidState
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.srtp import Profile, SrtpKeys

Request = Callable[..., Any]
"""Asks the server process: ``request(name, **arguments)``."""

SAMPLED = 2
"""Subscribers that decrypt."""
RTP_OVERHEAD = 20  # header, and the extension with the MID
SOCKET_BUFFER = 4 << 20
CONNECT_TIMEOUT_S = 60.0
HOUSEKEEPING_US = 20_000
LONGEST_BURST = 8  # packets that may leave at once when the load is late
DRAIN_IDLE_S, DRAIN_LIMIT_S = 0.1, 3.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What to send. ``packet_bytes`` is the RTP packet before SRTP; ``consumers`` are those of one producer.

    With one publisher they are so many subscribers; with several, a room in which everybody publishes one
    stream and takes those of all the others.
    """

    consumers: int
    packet_bytes: int
    profile: Profile
    keys_given: bool
    publishers: int = 1


@dataclass(slots=True)
class Interval:
    """What one stretch of sending brought."""

    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    latencies_us: list[int] = field(default_factory=list)
    """Of the subscribers that decrypt, sorted."""

    def percentile_us(self, share: float) -> int:
        """Latency that ``share`` of the packets kept below; 0 without any."""
        if not self.latencies_us:
            return 0
        return self.latencies_us[min(int(len(self.latencies_us) * share), len(self.latencies_us) - 1)]


class _Client:
    __slots__ = ("count", "peer", "sinks", "socket", "source")

    def __init__(self, peer: MediaPeer, one: socket.socket) -> None:
        self.peer = peer
        self.socket = one
        self.sinks: list[MediaSink] = []
        self.source: MediaSource | None = None
        self.count = 0


class Load:
    """The clients of one bench, on this thread."""

    def __init__(self, settings: LoadSettings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._context = DtlsContext(generate(time.time_ns() // 1000), (settings.profile,))
        self._publishers: list[_Client] = []
        producers = [self._add_publisher(index) for index in range(settings.publishers)]
        self._subscribers: list[_Client] = []
        for index in range(settings.consumers if settings.publishers == 1 else settings.publishers):
            client, transport = self._new_client()
            for place, producer in enumerate(producers):
                if settings.publishers > 1 and place == index:
                    continue
                parameters = request("consume", transport=transport, producer=producer)
                if index < SAMPLED:
                    client.sinks.append(client.peer.add_sink(parameters))
            self._subscribers.append(client)
        counted = [client.socket.fileno() for client in self._subscribers[SAMPLED:]]
        self._sink = packet_sink(counted)
        self._counted = frozenset(counted) if self._sink is not None else frozenset()

    @property
    def received(self) -> int:
        """Packets that have arrived at all subscribers."""
        count = sum(client.count for client in self._subscribers)
        return count + self._sink.packets if self._sink is not None else count

    def connect(self) -> float:
        """ICE and DTLS of all clients; the seconds that it took. Raises ``InvalidState`` when it takes too
        long.
        """
        begun = time.monotonic()
        for client in self._clients.values():
            client.peer.start(_now())
        while not all(client.peer.connected for client in self._clients.values()):
            self._poll(0.005)
            self._housekeep()
            if time.monotonic() - begun > CONNECT_TIMEOUT_S:
                connected = sum(client.peer.connected for client in self._clients.values())
                raise InvalidState(f"only {connected} of {len(self._clients)} clients got through")
        return time.monotonic() - begun

    def send(self, rate: float, duration_s: float) -> Interval:
        """Publish ``rate`` packets a second for a while, then wait for the stragglers."""
        interval = Interval()
        before = self.received
        sinks = [sink for client in self._subscribers[:SAMPLED] for sink in client.sinks]
        for sink in sinks:
            sink.latencies_us.clear()
        begun = now = _now()
        end = begun + round(duration_s * 1e6)
        next_housekeeping = begun
        while now < end:
            due = int((now - begun) * rate / 1e6) + 1 - interval.sent
            for _ in range(min(due, LONGEST_BURST)):
                publisher = self._publishers[interval.sent % len(self._publishers)]
                if publisher.source is not None:
                    for packet in publisher.source.make_frame(now, now):
                        publisher.peer.peer.send_rtp(packet)
                interval.sent += 1
                self._flush(publisher)
            self._poll(min(max((begun + interval.sent * 1e6 / rate - now) / 1e6, 0.0), 0.005))
            now = _now()
            if now >= next_housekeeping:
                next_housekeeping = Instant(now + HOUSEKEEPING_US)
                self._housekeep()
        interval.seconds = (now - begun) / 1e6
        self._drain()
        interval.received = self.received - before
        for sink in sinks:
            interval.latencies_us += sink.latencies_us
        interval.latencies_us.sort()
        return interval

    def close(self) -> None:
        """Say goodbye and close the sockets."""
        for client in self._clients.values():
            client.peer.close()
            self._flush(client)
            client.socket.close()
        self._epoll.close()

    def _add_publisher(self, index: int) -> str:
        client, transport = self._new_client()
        spec = SourceSpec(
            kind="video",
            ssrc=0x1000 + 2 * index,
            mid="0",
            payload_bytes=self._settings.packet_bytes - RTP_OVERHEAD,
        )
        # Not handed to the peer, whose timers would pace it: the bench does.
        client.source = client.peer.sources[spec.ssrc] = MediaSource(spec)
        self._publishers.append(client)
        return str(
            self._request(
                "produce", transport=transport, kind="video", rtp_parameters=producer_parameters(spec)
            )
        )

    def _new_client(self) -> tuple[_Client, str]:
        described = self._request("transport")
        transport = described.pop("id")
        peer = MediaPeer.for_transport(**described, context=self._context, entropy=os.urandom)
        if self._settings.keys_given:
            size = self._settings.profile.key_size + self._settings.profile.salt_size
            send, receive = os.urandom(size), os.urandom(size)
            peer.set_keys(SrtpKeys(self._settings.profile, send, receive))
            self._request(
                "keys", transport=transport, profile=self._settings.profile, send=receive, receive=send
            )
        else:
            self._request("connect", transport=transport, dtls_parameters=peer.dtls_parameters)
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        one.connect(peer.peer.server)
        self._epoll.register(one.fileno(), select.EPOLLIN)
        client = self._clients[one.fileno()] = _Client(peer, one)
        return client, transport

    def _poll(self, timeout_s: float) -> None:
        """Take one datagram of each socket that has any."""
        clients = self._clients
        ready = [fileno for fileno, _ in self._epoll.poll(timeout_s)]
        if self._sink is not None and self._counted:
            counted = [fileno for fileno in ready if fileno in self._counted]
            for fileno, data in self._sink.poll(counted):
                clients[fileno].peer.receive(data, (0, clients[fileno].peer.peer.server), _now())
                self._flush(clients[fileno])
            ready = [fileno for fileno in ready if fileno not in self._counted]
        for fileno in ready:
            client = clients[fileno]
            try:
                data = client.socket.recv(2048)
            except OSError:
                continue
            if 0x80 <= data[0] < 0xC0 and not 192 <= data[1] < 224:  # RTP
                client.count += 1
                if not client.sinks:
                    continue
            client.peer.receive(data, (0, client.peer.peer.server), _now())
            self._flush(client)

    def _flush(self, client: _Client) -> None:
        for data, _ in client.peer.transmit():
            # Lost like any other datagram when it fails; the figures will show it.
            with contextlib.suppress(OSError):
                client.socket.send(data)

    def _housekeep(self) -> None:
        now = _now()
        for client in self._clients.values():
            deadline = client.peer.next_timeout()
            if deadline is not None and deadline <= now:
                client.peer.handle_timeout(now)
                self._flush(client)

    def _drain(self) -> None:
        limit = time.monotonic() + DRAIN_LIMIT_S
        seen, idle_since = -1, time.monotonic()
        while time.monotonic() < limit and time.monotonic() - idle_since < DRAIN_IDLE_S:
            self._poll(0.01)
            count = self.received
            if count != seen:
                seen, idle_since = count, time.monotonic()


def _now() -> Instant:
    return Instant(time.monotonic_ns() // 1000)
