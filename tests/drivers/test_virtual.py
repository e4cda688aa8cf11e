import pytest

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.drivers.virtual import VirtualNetwork
from rtpfwd.errors import InvalidParameters, InvalidState
from rtpfwd.sfu.events import Emitter, Event

SERVER = ("198.51.100.1", 3000)
START = Instant(seconds(1000))


class Bell(Emitter):
    EVENTS = frozenset(("heard",))


class EchoWorker:
    """Sends everything back, and says so."""

    def __init__(self):
        self.out, self.queue, self.batches = [], [], []
        self.bell = Bell(self.queue)
        self.deadline = None
        self.timeouts = []

    def receive(self, batch, now):
        self.batches.append((now, [data for data, _ in batch]))
        self.out += batch
        self.queue.append(Event(self.bell, "heard", (now,)))

    def handle_timeout(self, now):
        self.timeouts.append(now)
        self.deadline = None

    def next_timeout(self):
        return self.deadline

    def transmit(self):
        out, self.out = self.out, []
        return out

    def events(self):
        events, self.queue[:] = list(self.queue), []
        return events


class Ticker:
    """Sends its number every second, and notes what comes."""

    def __init__(self, period_us=1_000_000):
        self.period_us = period_us
        self.due = Instant(START + period_us)
        self.count = 0
        self.out, self.heard = [], []

    def receive(self, data, path, now):
        self.heard.append((now, data, path))

    def handle_timeout(self, now):
        self.count += 1
        self.due = Instant(self.due + self.period_us)
        self.out.append((b"%d" % self.count, (0, SERVER)))

    def next_timeout(self):
        return self.due

    def transmit(self):
        out, self.out = self.out, []
        return out


@pytest.fixture
def worker():
    return EchoWorker()


@pytest.fixture
def network(worker):
    return VirtualNetwork(worker, [SERVER], start=START)


def test_a_datagram_takes_the_delay_of_each_link(network, worker):
    ticker = Ticker()
    network.attach(ticker, [("10.0.0.1", 1)], uplink=FixedDelay(3), downlink=FixedDelay(7))
    network.run_for(seconds(1.5))
    assert worker.batches == [(START + seconds(1) + 3, [b"1"])]
    assert ticker.heard == [(START + seconds(1) + 10, b"1", (0, SERVER))]
    assert network.now == START + seconds(1.5)


def test_datagrams_that_arrive_together_are_one_batch_in_the_order_of_sending(network, worker):
    for host in range(3):
        network.attach(Ticker(), [(f"10.0.0.{host}", 1)])
    network.run_for(seconds(1.5))
    assert worker.batches == [(START + seconds(1) + milliseconds(10), [b"1", b"1", b"1"])]


def test_events_are_delivered_after_each_step(network, worker):
    heard = []
    worker.bell.on("heard", heard.append)
    network.attach(Ticker(), [("10.0.0.1", 1)], uplink=FixedDelay(5))
    network.run_for(seconds(2.5))
    assert heard == [START + seconds(1) + 5, START + seconds(2) + 5]


def test_the_timers_of_the_worker_run_when_they_are_due(network, worker):
    worker.deadline = Instant(START + 123)
    network.run_for(seconds(1))
    assert worker.timeouts == [START + 123]


def test_links_can_lose_and_duplicate_and_reorder(network):
    ticker = Ticker()
    late = seconds(1.5)

    def decide(data, now):
        return {b"1": [], b"2": [now + 1, now + 2], b"3": [now + late]}.get(data)

    network.attach(ticker, [("10.0.0.1", 1)], uplink=Hook(FixedDelay(0), decide), downlink=FixedDelay(0))
    network.run_for(seconds(5.9))
    assert [data for _, data, _ in ticker.heard] == [b"2", b"2", b"4", b"3", b"5"]


def test_nothing_reaches_an_endpoint_whose_plug_was_pulled(network):
    ticker = Ticker()
    network.attach(ticker, [("10.0.0.1", 1)])
    network.run_for(seconds(1) + milliseconds(5))
    network.detach(ticker)
    network.run_for(seconds(5))
    assert ticker.heard == []
    assert network.undeliverable == 1
    with pytest.raises(InvalidState):
        network.detach(ticker)


def test_an_endpoint_that_moved_is_heard_from_its_new_address(network, worker):
    ticker = Ticker()
    network.attach(ticker, [("10.0.0.1", 1)])
    network.log = []
    network.move(ticker, [("10.9.9.9", 2)])
    network.run_for(seconds(1.5))
    assert [path for _, _, path in network.log] == [(0, ("10.9.9.9", 2))]


def test_an_address_belongs_to_one_endpoint(network):
    network.attach(Ticker(), [("10.0.0.1", 1)])
    with pytest.raises(InvalidParameters):
        network.attach(Ticker(), [("10.0.0.1", 1)])


def test_run_while_stops_as_soon_as_the_condition_fails(network, worker):
    network.attach(Ticker(), [("10.0.0.1", 1)])
    assert network.run_while(lambda: len(worker.batches) < 3, limit_us=seconds(10))
    assert network.now == START + seconds(3) + milliseconds(10)
    assert not network.run_while(lambda: True, limit_us=seconds(2))


def test_a_deadline_that_stays_due_is_reported_instead_of_running_for_ever(network, worker):
    class Stuck(Ticker):
        def handle_timeout(self, now):
            """Forgets to move its deadline."""

    network.attach(Stuck(), [("10.0.0.1", 1)])
    with pytest.raises(InvalidState, match="time stands still"):
        network.run_for(seconds(2))


def test_a_day_with_a_beat_every_ten_seconds_passes_in_no_time(network, worker):
    network.attach(Ticker(seconds(10)), [("10.0.0.1", 1)])
    network.run_for(seconds(86_400))
    assert len(worker.batches) == 8639  # the last one is on its way
