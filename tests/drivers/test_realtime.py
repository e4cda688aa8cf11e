import asyncio
import contextlib
import os
import socket

import pytest
import structlog

from rtpfwd.clock import Instant
from rtpfwd.dataplane.load import PLANES
from rtpfwd.drivers.captures import CaptureSettings
from rtpfwd.drivers.fake_media import SourceSpec, producer_parameters, router_media_codecs
from rtpfwd.drivers.interfaces import ListenSettings
from rtpfwd.drivers.media_peer import MediaPeer
from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.drivers.udp import BATCH
from rtpfwd.errors import InvalidParameters, UnsupportedError
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.ice_lite import StunDrop
from rtpfwd.sfu.router import Router

LOOPBACK = ListenSettings(ips=["127.0.0.1"])


@pytest.fixture
async def driver():
    started = await RealtimeDriver.start(LOOPBACK)
    yield started
    await started.close()


@pytest.fixture(scope="module")
def client_context():
    return DtlsContext(generate(1_700_000_000_000_000))


class SocketClient:
    """A MediaPeer on a real socket of the test's own loop."""

    def __init__(self, driver: RealtimeDriver, context: DtlsContext, router: Router | None = None) -> None:
        self.driver = driver
        router = router or next(iter(driver.worker.routers.values()), None)
        self.router = router or driver.worker.create_router(router_media_codecs())
        self.transport = self.router.create_web_rtc_transport(now=driver.now())
        self.peer = MediaPeer.for_transport(
            self.transport.ice_parameters,
            self.transport.ice_candidates,
            self.transport.dtls_parameters,
            context,
            os.urandom,
        )
        self.transport.connect(self.peer.dtls_parameters, now=driver.now())
        driver.flush()
        server = self.peer.peer.server
        self.socket = socket.socket(
            socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM
        )
        self.socket.setblocking(False)
        self.socket.connect(server)
        self.peer.start(driver.now())
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)
        self.task = asyncio.create_task(self._run())

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data = self.socket.recv(2048)
                self.peer.receive(data, (0, self.peer.peer.server), self.driver.now())

    async def _run(self) -> None:
        while True:
            now = self.driver.now()
            deadline = self.peer.next_timeout()
            if deadline is not None and deadline <= now:
                self.peer.handle_timeout(now)
            for data, _ in self.peer.transmit():
                with contextlib.suppress(ConnectionRefusedError):
                    self.socket.send(data)
            await asyncio.sleep(0.002)

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.socket.close()


async def until(condition, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_a_call_over_real_sockets(client_context, ip):
    driver = await RealtimeDriver.start(ListenSettings(ips=[ip]))
    alice, bob = SocketClient(driver, client_context), SocketClient(driver, client_context)
    try:
        await until(lambda: alice.peer.connected and bob.peer.connected)
        spec = SourceSpec(kind="video", ssrc=0x1000, mid="0", interval_us=5_000)
        alice.peer.add_source(spec)
        producer = alice.transport.produce("video", producer_parameters(spec), now=driver.now())
        consumer = bob.transport.consume(producer.id, bob.router.rtp_capabilities, now=driver.now())
        sink = bob.peer.add_sink(consumer.rtp_parameters)
        driver.flush()
        await until(lambda: sink.packets > 50)
        assert sink.began_with_key_frame
        assert sink.lost == sink.duplicates == 0
        counters = driver.counters()
        assert counters["worker_forwarded"] >= 50
        assert counters["udp_received"] == counters["worker_datagrams"]
        assert not [name for name in counters if name.startswith("udp_send_")]
    finally:
        await alice.close()
        await bob.close()
        await driver.close()


async def test_events_reach_listeners_and_one_that_raises_hinders_no_other(driver, client_context):
    heard = []
    client = SocketClient(driver, client_context)

    def broken(*values):
        raise RuntimeError("a listener's own fault")

    client.transport.on("dtlsstatechange", broken)
    client.transport.on("dtlsstatechange", heard.append)
    with structlog.testing.capture_logs() as logs:
        await until(lambda: client.peer.connected and "connected" in heard)
    await client.close()
    assert driver.counters()["driver_listener_failures"] == len(heard)
    assert len([one for one in logs if one["log_level"] == "error"]) == 1, "one line a second"


async def test_a_listener_may_call_the_api_and_flush(driver):
    router = driver.worker.create_router(router_media_codecs())
    closed = []

    def close_the_rest(number: int) -> None:
        closed.append(number)
        if number < 3:
            other = router.create_web_rtc_transport(now=driver.now())
            other.on("close", lambda: close_the_rest(number + 1))
            other.close(now=driver.now())
            driver.flush()

    first = router.create_web_rtc_transport(now=driver.now())
    first.on("close", lambda: close_the_rest(1))
    first.close(now=driver.now())
    assert closed == [], "nothing is delivered inside a call"
    driver.flush()
    assert closed == [1, 2, 3]


async def test_an_exception_out_of_the_worker_is_counted_and_the_loop_goes_on(monkeypatch):
    driver = await RealtimeDriver.start(LOOPBACK, plane="reference")
    info = driver.addresses[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, structlog.testing.capture_logs() as logs:
        with monkeypatch.context() as broken:

            def receive(batch, now):
                raise RuntimeError("a bug")

            broken.setattr(driver.worker, "receive", receive)
            for _ in range(5):
                one.sendto(b"\x00", (info.address, info.port))
                await until(lambda: driver.counters()["driver_receive_failures"] > 0)
            await until(lambda: driver.counters()["udp_received"] == 5)
        one.sendto(b"\x05", (info.address, info.port))
        await until(lambda: driver.worker.counters()["datagrams"] == 1)
    assert len([line for line in logs if line["log_level"] == "error"]) == 1
    await driver.close()


async def test_a_timer_that_raises_does_not_spin_the_loop(driver, monkeypatch):
    calls = []

    def handle_timeout(now):
        calls.append(now)
        raise RuntimeError("a bug")

    monkeypatch.setattr(driver.worker, "next_timeout", lambda: Instant(0))
    monkeypatch.setattr(driver.worker, "handle_timeout", handle_timeout)
    with structlog.testing.capture_logs():
        driver.flush()
        await until(lambda: len(calls) == 3, seconds=5)
    assert calls[2] - calls[0] >= 150_000


async def test_a_flood_on_one_socket_starves_neither_the_other_nor_timers(client_context):
    driver = await RealtimeDriver.start(ListenSettings(ips=["127.0.0.1", "127.0.0.2"]), plane="reference")
    sizes = []
    real = driver.worker.receive

    def receive(batch, now):
        sizes.append((batch[0][1][0], len(batch)))
        real(batch, now)

    driver.worker.receive = receive
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        first, second = driver.addresses
        for _ in range(1000):
            one.sendto(b"\x05junk", (first.address, first.port))
        one.sendto(b"\x05junk", (second.address, second.port))
        await until(lambda: driver.counters()["udp_received"] == 1001)
    await driver.close()
    assert max(size for _, size in sizes) <= BATCH
    place = next(index for index, (local, _) in enumerate(sizes) if local == 1)
    assert place <= 2, "the other socket had its turn among the first batches"


async def test_closing_frees_the_port_and_tells_the_clients(client_context):
    driver = await RealtimeDriver.start(LOOPBACK)
    port = driver.addresses[0].port
    client = SocketClient(driver, client_context)
    await until(lambda: client.peer.connected and client.transport.dtls_state == "connected")
    await driver.close()
    await driver.close()
    assert driver.closed
    await until(lambda: client.peer.peer.dtls_state == "closed")
    await client.close()
    again = await RealtimeDriver.start(ListenSettings(ips=["127.0.0.1"], port=port))
    await again.close()


async def test_settings_that_make_no_sense_leave_nothing_open():
    with pytest.raises(InvalidParameters):
        await RealtimeDriver.start(ListenSettings(ips=["127.0.0.1"], announced=["2001:db8::1"]))


async def test_the_clock_is_monotonic_microseconds(driver):
    before = driver.now()
    await asyncio.sleep(0.01)
    assert 10_000 <= driver.now() - before < 5_000_000
    assert driver.loop_lag.worst_us >= 0


async def served_by(**options) -> dict:
    with structlog.testing.capture_logs() as logs:
        driver = await RealtimeDriver.start(LOOPBACK, **options)
        await driver.close()
    [line] = [line for line in logs if line["event"] == "data plane"]
    return line


async def test_the_compiled_plane_serves_where_it_is_there_and_the_log_says_why_not(monkeypatch):
    monkeypatch.delenv("RTPFWD_DATAPLANE", raising=False)
    told = await served_by()
    if "native" in PLANES:
        assert (told["plane"], told["threads"]) == ("native", 1)
    else:
        assert (told["plane"], told["log_level"]) == ("reference", "warning")
        assert told["reason"]


async def test_the_reference_plane_serves_where_somebody_asks_for_it(monkeypatch):
    monkeypatch.setenv("RTPFWD_DATAPLANE", "reference")
    assert (await served_by())["plane"] == "reference"
    monkeypatch.setenv("RTPFWD_DATAPLANE", "quantum")
    assert (await served_by(plane="reference"))["plane"] == "reference"
    with pytest.raises(UnsupportedError):
        await RealtimeDriver.start(LOOPBACK)


async def test_a_server_that_may_record_has_its_packets_in_the_loop(tmp_path):
    told = await served_by(captures=CaptureSettings(tmp_path), plane="auto")
    assert told["log_level"] == ("info" if "native" in PLANES else "warning")
    assert told["plane"] == PLANES[-1]
    assert told.get("recording_to", str(tmp_path)) == str(tmp_path)


@pytest.mark.skipif("native" not in PLANES, reason="the native plane is not built")
async def test_with_two_threads_rooms_are_spread_over_two_ports_and_each_call_works(client_context):
    driver = await RealtimeDriver.start(LOOPBACK, threads=2)
    rooms = [driver.worker.create_router(router_media_codecs()) for _ in range(2)]
    pairs = [[SocketClient(driver, client_context, room) for _ in range(2)] for room in rooms]
    try:
        ports = [{one.transport.ice_candidates[0]["port"] for one in pair} for pair in pairs]
        assert [len(one) for one in ports] == [1, 1]
        assert ports[0] != ports[1]
        await until(lambda: all(one.peer.connected for pair in pairs for one in pair))
        sinks = []
        for (alice, bob), place in zip(pairs, (0, 1), strict=True):
            spec = SourceSpec(kind="video", ssrc=0x1000 + place, mid="0", interval_us=5_000)
            alice.peer.add_source(spec)
            producer = alice.transport.produce("video", producer_parameters(spec), now=driver.now())
            consumer = bob.transport.consume(producer.id, bob.router.rtp_capabilities, now=driver.now())
            sinks.append(bob.peer.add_sink(consumer.rtp_parameters))
        driver.flush()
        await until(lambda: all(sink.packets > 20 for sink in sinks))
        assert driver.counters()["worker_forwarded"] >= 40
        tuples = [pair[0].transport.ice_selected_tuple["localPort"] for pair in pairs]
        assert [{one} for one in tuples] == ports
        third = driver.worker.create_router(router_media_codecs())
        rooms[1].close(now=driver.now())
        assert third.shard == 0, "it was made while both had two"
        assert driver.worker.create_router(router_media_codecs()).shard == 1
    finally:
        for pair in pairs:
            for one in pair:
                await one.close()
        await driver.close()


@pytest.mark.skipif("native" not in PLANES, reason="the native plane is not built")
async def test_who_comes_to_the_port_of_another_thread_is_not_answered(client_context):
    driver = await RealtimeDriver.start(LOOPBACK, threads=2)
    client = SocketClient(driver, client_context)
    try:
        other = next(one for one in driver.addresses if one.port != client.peer.peer.server[1])
        client.socket.connect((other.address, other.port))
        await until(lambda: driver.worker.counters()["drops"].get(StunDrop.UNKNOWN_UFRAG.value, 0) > 0)
        assert not client.peer.connected
    finally:
        await client.close()
        await driver.close()


async def test_threads_need_a_plane_that_runs_by_itself():
    with structlog.testing.capture_logs() as logs:
        driver = await RealtimeDriver.start(LOOPBACK, plane="reference", threads=2)
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["one thread only"]
    assert len(driver.addresses) == 1
    await driver.close()
