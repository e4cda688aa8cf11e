"""A worker and any number of sans-IO endpoints on one virtual clock: the sibling of realtime.py for tests and
replays.

The clock jumps to the earliest thing that is due: a datagram that arrives, a deadline of somebody. Nothing
waits, so an idle call of an hour takes milliseconds, and the same inputs give the same bytes each time.

Order at one instant: arrivals in the order of sending (all for the worker as one batch), then deadlines
(worker first, then endpoints in the order of attachment), then everybody's output. Exceptions pass through:
here they are findings.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Protocol

from rtpfwd.clock import Instant
from rtpfwd.drivers.links import FixedDelay, LinkModel
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.sfu.events import Event, deliver
from rtpfwd.wire.datagram import Address, Datagram, Path

EVENT_ROUNDS = 64
STEPS_AT_ONE_INSTANT = 10_000
"""More without the clock moving means that two parties wake each other for ever."""


class Endpoint(Protocol):
    """The five verbs of a machine, as far as a network needs them. Paths are (own socket's index, remote
    address).
    """

    def receive(self, data: bytes, path: Path, now: Instant) -> None:
        """Take a datagram."""

    def handle_timeout(self, now: Instant) -> None:
        """Do what is due."""

    def next_timeout(self) -> Instant | None:
        """When something is due next; the past means at once."""

    def transmit(self) -> list[Datagram]:
        """What to send, once."""


class WorkerLike(Protocol):
    """What the network needs of a ``Worker``."""

    def receive(self, batch: Sequence[Datagram], now: Instant) -> None:
        """Take datagrams."""

    def handle_timeout(self, now: Instant) -> None:
        """Do what is due."""

    def next_timeout(self) -> Instant | None:
        """When something is due next."""

    def transmit(self) -> list[Datagram]:
        """What to send, once."""

    def events(self) -> list[Event]:
        """What happened, once."""


class _Party:
    """An attached endpoint: its addresses, by index of its socket, and its two links."""

    __slots__ = ("addresses", "attached", "downlink", "endpoint", "next_timeout", "uplink")

    def __init__(
        self, endpoint: Endpoint, addresses: list[Address], uplink: LinkModel, downlink: LinkModel
    ) -> None:
        self.endpoint = endpoint
        self.addresses = addresses
        self.uplink = uplink
        self.downlink = downlink
        self.next_timeout = endpoint.next_timeout()
        self.attached = True


class VirtualNetwork:
    """The clock, the wires, and who hangs on them. ``addresses`` are the worker's sockets by index."""

    def __init__(self, worker: WorkerLike, addresses: Sequence[Address], *, start: Instant) -> None:
        self._worker = worker
        self._worker_sockets = {address: index for index, address in enumerate(addresses)}
        self._worker_addresses = list(addresses)
        self._now = start
        self._parties: list[_Party] = []
        self._by_address: dict[Address, tuple[_Party, int]] = {}
        self._queue: list[tuple[Instant, int, bytes, Path, _Party | None]] = []
        self._serial = 0
        self._worker_timeout: Instant | None = None
        self.log: list[tuple[Instant, bytes, Path]] | None = None
        """Set it to a list to record what the worker sends: (time, bytes, path)."""
        self.undeliverable = 0
        """Datagrams to an address that nobody has."""

    @property
    def now(self) -> Instant:
        """The virtual time."""
        return self._now

    def attach(
        self,
        endpoint: Endpoint,
        addresses: Sequence[Address],
        *,
        uplink: LinkModel | None = None,
        downlink: LinkModel | None = None,
    ) -> None:
        """Connect an endpoint; a link is ten milliseconds each way unless told.

        ``addresses`` are its sockets by index. Raises ``InvalidParameters`` for an address that is taken.
        """
        for address in addresses:
            if address in self._by_address or address in self._worker_sockets:
                raise InvalidParameters(f"address {address} is taken")
        party = _Party(endpoint, list(addresses), uplink or FixedDelay(), downlink or FixedDelay())
        self._parties.append(party)
        for index, address in enumerate(addresses):
            self._by_address[address] = party, index

    def detach(self, endpoint: Endpoint) -> None:
        """Pull the plug: what is under way to it is lost. ``InvalidState`` for one that is not attached."""
        party = self._find(endpoint)
        self._parties.remove(party)
        party.attached = False
        for address in party.addresses:
            del self._by_address[address]

    def move(self, endpoint: Endpoint, addresses: Sequence[Address]) -> None:
        """Give an endpoint new addresses (NAT rebinding, another network)."""
        party = self._find(endpoint)
        for address in party.addresses:
            del self._by_address[address]
        party.addresses = list(addresses)
        for index, address in enumerate(addresses):
            self._by_address[address] = party, index

    def set_links(
        self, endpoint: Endpoint, *, uplink: LinkModel | None = None, downlink: LinkModel | None = None
    ) -> None:
        """Exchange the links of an endpoint; what is under way arrives as planned."""
        party = self._find(endpoint)
        party.uplink = uplink or party.uplink
        party.downlink = downlink or party.downlink

    def flush(self) -> None:
        """Put everybody's output on the wire and deliver events. ``run_*`` begin with it; listeners need not
        call it.
        """
        self._drain_worker()
        for party in self._parties:
            self._drain(party)

    def run_for(self, duration_us: int) -> None:
        """Let ``duration_us`` pass."""
        self.run_until(Instant(self._now + duration_us))

    def run_until(self, end: Instant) -> None:
        """Let time pass until ``end``, at which everything due has been done."""
        self._run(end, lambda: False)

    def run_while(self, condition: Callable[[], bool], *, limit_us: int) -> bool:
        """Let time pass as long as ``condition()`` holds, for ``limit_us`` at most; whether it came to an
        end.
        """
        self._run(Instant(self._now + limit_us), lambda: not condition())
        return not condition()

    def _run(self, end: Instant, done: Callable[[], bool]) -> None:
        self.flush()
        steps = 0
        while not done():
            due = self._next_due()
            if due is None or due > end:
                self._now = max(self._now, end)
                return
            if due > self._now:
                self._now = due
                steps = 0
            steps += 1
            if steps > STEPS_AT_ONE_INSTANT:
                raise InvalidState(f"time stands still at {self._now}: a deadline stays due")
            self._step()

    def _next_due(self) -> Instant | None:
        due = self._worker_timeout
        if self._queue and (due is None or self._queue[0][0] < due):
            due = self._queue[0][0]
        for party in self._parties:
            deadline = party.next_timeout
            if deadline is not None and (due is None or deadline < due):
                due = deadline
        return due

    def _step(self) -> None:
        """Everything due at the present instant, once."""
        now = self._now
        touched: dict[_Party, None] = {}
        batch: list[Datagram] = []
        while self._queue and self._queue[0][0] <= now:
            _, _, data, path, party = heapq.heappop(self._queue)
            if party is None:
                batch.append((data, path))
            elif party.attached:
                party.endpoint.receive(data, path, now)
                touched[party] = None
        if batch:
            self._worker.receive(batch, now)
        timeout = self._worker.next_timeout()
        if timeout is not None and timeout <= now:
            self._worker.handle_timeout(now)
        for party in self._parties:
            if party.next_timeout is not None and party.next_timeout <= now:
                party.endpoint.handle_timeout(now)
                touched[party] = None
        self._drain_worker()
        for party in touched:
            self._drain(party)

    def _drain_worker(self) -> None:
        worker = self._worker
        for _ in range(EVENT_ROUNDS):
            for data, (local, address) in worker.transmit():
                if self.log is not None:
                    self.log.append((self._now, data, (local, address)))
                self._send_down(data, local, address)
            events = worker.events()
            if not events:
                break
            for event in events:
                deliver(event)
        self._worker_timeout = worker.next_timeout()

    def _send_down(self, data: bytes, local: int, address: Address) -> None:
        found = self._by_address.get(address)
        if found is None:
            self.undeliverable += 1
            return
        party, index = found
        path: Path = (index, self._worker_addresses[local])
        for arrival in party.downlink.arrivals(data, self._now):
            self._put(arrival, data, path, party)

    def _drain(self, party: _Party) -> None:
        for data, (local, address) in party.endpoint.transmit():
            target = self._worker_sockets.get(address)
            if target is None or local >= len(party.addresses):
                self.undeliverable += 1
                continue
            path: Path = (target, party.addresses[local])
            for arrival in party.uplink.arrivals(data, self._now):
                self._put(arrival, data, path, None)
        party.next_timeout = party.endpoint.next_timeout()

    def _put(self, arrival: Instant, data: bytes, path: Path, party: _Party | None) -> None:
        self._serial += 1  # unique, so the heap never compares further, and equal times keep their order
        heapq.heappush(self._queue, (max(arrival, self._now), self._serial, data, path, party))

    def _find(self, endpoint: Endpoint) -> _Party:
        for party in self._parties:
            if party.endpoint is endpoint:
                return party
        raise InvalidState("endpoint is not attached")
