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

SAMPLED, SAMPLED_IN_ROOMS = 2, 1
"""Subscribers that decrypt; in a room each has the streams of all the others to read."""
ENCODINGS = ("a", "b", "c")
PATTERN = (2, 1, 2, 2, 0, 1, 2)
"""Which of them sends the next packet."""
RTP_OVERHEAD = 20  # header, and the extension with the MID
SOCKET_BUFFER = 4 << 20
CONNECT_TIMEOUT_S = 60.0
HOUSEKEEPING_US = 20_000
LONGEST_BURST = 8  # packets that may leave at once when the load is late
DRAIN_POLL_S, DRAIN_IDLE_POLLS, DRAIN_LIMIT_S = 0.01, 10, 3.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What to send. ``packet_bytes`` is the RTP packet before SRTP; ``consumers`` are those of one producer.

    With one publisher they are so many subscribers; with several, a room in which everybody publishes one
    stream and takes those of all the others. ``simulcast``: the one publisher sends three encodings at rates
    of 1 to 2 to 4, and a third of the subscribers wants each.
    """

    consumers: int
    packet_bytes: int
    profile: Profile
    keys_given: bool
    publishers: int = 1
    rooms: int = 1
    """So many of them beside each other."""
    simulcast: bool = False


@dataclass(slots=True)
class Interval:
    """What one stretch of sending brought."""

    sent: int = 0
    expected: int = 0
    """Packets that subscribers should have got for it."""
    received: int = 0
    seconds: float = 0.0
    due: int = 0
    """Packets that should have been sent."""
    latencies_us: list[int] = field(default_factory=list)
    """Of the subscribers that decrypt, sorted."""

    @property
    def loss(self) -> float:
        """Share of the expected packets that did not arrive."""
        return 1 - self.received / self.expected if self.expected else 0.0

    def percentile_us(self, share: float) -> int:
        """Latency that ``share`` of the packets kept below; 0 without any."""
        if not self.latencies_us:
            return 0
        return self.latencies_us[min(int(len(self.latencies_us) * share), len(self.latencies_us) - 1)]


class _Client:
    __slots__ = ("count", "peer", "sent", "sinks", "socket", "sources", "transport", "viewers")

    def __init__(self, peer: MediaPeer, one: socket.socket, transport: str) -> None:
        self.peer = peer
        self.socket = one
        self.transport = transport
        self.sinks: list[MediaSink] = []
        self.sources: list[MediaSource] = []
        self.viewers: list[int] = []
        self.sent = 0
        self.count = 0

    def publish(self, now: Instant) -> int:
        """The next packet; how many subscribers shall get it."""
        place = PATTERN[self.sent % len(PATTERN)] if len(self.sources) > 1 else 0
        self.sent += 1
        for packet in self.sources[place].make_frame(now, now):
            self.peer.peer.send_rtp(packet)
        return self.viewers[place]


class Load:
    """The clients of one bench, on this thread."""

    def __init__(self, settings: LoadSettings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._context = DtlsContext(generate(time.time_ns() // 1000), (settings.profile,))
        self._publishers: list[_Client] = []
        self._sampled = SAMPLED if settings.publishers == 1 else SAMPLED_IN_ROOMS
        self._subscribers: list[_Client] = []
        for room in range(settings.rooms):
            self._add_room(None if room == 0 else str(request("router")))
        counted = [client.socket.fileno() for client in self._subscribers[self._sampled :]]
        self._sink = packet_sink(counted)
        self._counted = frozenset(counted) if self._sink is not None else frozenset()

    def add_client(self, router: str | None = None) -> str:
        """One that is not yet connected; its transport's id."""
        return self._new_client(router).transport

    def remove_clients(self) -> None:
        """All say goodbye; the server's side of them stays."""
        for client in self._clients.values():
            client.peer.close()
            self._flush(client)
            self._epoll.unregister(client.socket.fileno())
            client.socket.close()
        self._clients.clear()

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
        sinks = [sink for client in self._subscribers[: self._sampled] for sink in client.sinks]
        for sink in sinks:
            sink.latencies_us.clear()
        begun = now = _now()
        end = begun + round(duration_s * 1e6)
        next_housekeeping = begun
        while now < end:
            due = int((now - begun) * rate / 1e6) + 1 - interval.sent
            for _ in range(min(due, LONGEST_BURST)):
                publisher = self._publishers[interval.sent % len(self._publishers)]
                interval.expected += publisher.publish(now)
                interval.sent += 1
                self._flush(publisher)
            self._poll(min(max((begun + interval.sent * 1e6 / rate - now) / 1e6, 0.0), 0.005))
            now = _now()
            if now >= next_housekeeping:
                next_housekeeping = Instant(now + HOUSEKEEPING_US)
                self._housekeep()
        interval.seconds = (now - begun) / 1e6
        interval.due = int(rate * interval.seconds)
        self._drain()
        interval.received = self.received - before
        for sink in sinks:
            interval.latencies_us += sink.latencies_us
        interval.latencies_us.sort()
        return interval

    def close(self) -> None:
        """Say goodbye and close the sockets."""
        self.remove_clients()
        self._epoll.close()

    def _add_room(self, router: str | None) -> None:
        settings, request = self._settings, self._request
        producers = [self._add_publisher(index, router) for index in range(settings.publishers)]
        for index in range(settings.consumers if settings.publishers == 1 else settings.publishers):
            client = self._new_client(router)
            for place, producer in enumerate(producers):
                if settings.publishers > 1 and place == index:
                    continue
                layer = index % len(ENCODINGS) if settings.simulcast else 0
                parameters = request(
                    "consume",
                    transport=client.transport,
                    producer=producer,
                    layer=layer if settings.simulcast else None,
                )
                self._publishers[place - len(producers)].viewers[layer] += 1
                if len(self._subscribers) < self._sampled:
                    client.sinks.append(client.peer.add_sink(parameters))
            self._subscribers.append(client)

    def _add_publisher(self, index: int, router: str | None) -> str:
        client = self._new_client(router)
        specs = [
            SourceSpec(
                kind="video",
                ssrc=0x1000 + 16 * index + 2 * place,
                mid="0",
                rid=rid,
                payload_bytes=self._settings.packet_bytes - RTP_OVERHEAD,
            )
            for place, rid in enumerate(ENCODINGS if self._settings.simulcast else (None,))
        ]
        for spec in specs:
            # Not handed to the peer, whose timers would pace it: the bench does.
            client.peer.sources[spec.ssrc] = MediaSource(spec)
            client.sources.append(client.peer.sources[spec.ssrc])
            client.viewers.append(0)
        self._publishers.append(client)
        return str(
            self._request(
                "produce",
                transport=client.transport,
                kind="video",
                rtp_parameters=producer_parameters(*specs),
            )
        )

    def _new_client(self, router: str | None) -> _Client:
        described = self._request("transport", router=router)
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
        client = self._clients[one.fileno()] = _Client(peer, one, transport)
        return client

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
        # Looks that found nothing are counted, not time: this process may not get any for a while.
        limit = time.monotonic() + DRAIN_LIMIT_S
        seen, idle = -1, 0
        while time.monotonic() < limit and idle < DRAIN_IDLE_POLLS:
            self._poll(DRAIN_POLL_S)
            idle = idle + 1 if self.received == seen else 0
            seen = self.received


def _now() -> Instant:
    return Instant(time.monotonic_ns() // 1000)
