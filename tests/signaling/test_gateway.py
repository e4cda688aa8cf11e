"""The door: origins, deadlines, rates, queues, polling as a stepping stone."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest
import socketio

from signaling.app import CallServer
from signaling.origins import origin_allowed
from signaling.settings import Limits
from signaling.websocket import OutgoingQueue, TokenBucket
from tests.signaling.clients import NAMESPACE, PATIENCE_S, Wire, until
from tests.signaling.conftest import MeetPerson, StartServer, url_of

OPEN = "/socket.io/?EIO=4&transport="


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "expected"),
    [
        (None, "a.example", (), True),
        ("https://a.example", "a.example", (), True),
        ("http://a.example", "a.example:80", (), True),
        ("http://a.example:5000", "a.example:5000", (), True),
        ("https://A.Example", "a.example:443", (), True),
        ("http://[::1]:5000", "[::1]:5000", (), True),
        ("https://evil.example", "a.example", (), False),
        ("https://a.example.evil.example", "a.example", (), False),
        ("https://evil-a.example", "a.example", (), False),
        ("http://a.example:5001", "a.example:5000", (), False),
        ("http://a.example", "a.example:5000", (), False),
        ("https://user@a.example", "a.example", (), False),
        ("https://a.example/path", "a.example", (), False),
        ("null", "a.example", (), False),
        ("", "a.example", (), False),
        ("file://", "a.example", (), False),
        ("ftp://a.example", "a.example", (), False),
        ("http://a.example:99999", "a.example:99999", (), False),
        ("http://a.example", None, (), False),
        ("http://", "", (), False),
        ("https://app.example", "a.example", ("https://app.example",), True),
        ("https://app.example", "a.example", ("https://APP.example/",), True),
        ("http://app.example", "a.example", ("https://app.example",), False),
        ("https://evil.example", "a.example", ("*",), True),
        ("null", "a.example", ("*",), True),
    ],
)
def test_origins(origin: str | None, host: str | None, allowed: tuple[str, ...], expected: bool) -> None:
    assert origin_allowed(origin, host, allowed) is expected


async def test_a_page_of_another_origin_does_not_get_in(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        forged = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
        for transport in ("websocket", "polling"):
            async with session.get(url + OPEN + transport, headers=forged) as response:
                assert response.status == 403
                assert "Access-Control-Allow-Origin" not in response.headers
    async with Wire(url, Origin=url):
        pass


async def test_a_setting_lets_other_origins_in(start: StartServer) -> None:
    server = await start(allowed_origins="https://app.example, https://b.example")
    async with Wire(url_of(server), Origin="https://b.example"):
        pass
    async with aiohttp.ClientSession() as session:
        headers = {"Origin": "https://app.example"}
        async with session.get(url_of(server) + OPEN + "polling", headers=headers) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        async with session.options(url_of(server) + OPEN + "polling", headers=headers) as response:
            assert response.status == 204


async def test_a_default_client_moves_from_polling_to_websocket(server: CallServer) -> None:
    person = socketio.AsyncClient(reconnection=False)
    await person.connect(url_of(server), namespaces=[NAMESPACE])
    answer = await person.call("joinRoom", {"roomName": "r"}, namespace=NAMESPACE, timeout=PATIENCE_S)
    assert "rtpCapabilities" in answer
    assert person.transport() == "websocket"
    for _ in range(20):
        answer = await person.call("createWebRtcTransport", {"consumer": True}, namespace=NAMESPACE)
        assert "id" in answer["params"]
    queue = next(iter(server.gateway.eio.sockets.values())).queue
    await until(lambda: (queue.messages, queue.bytes) == (0, 0))
    await person.disconnect()
    await until(lambda: not server.rooms)


async def test_who_stays_on_polling_is_closed_at_the_deadline(start: StartServer) -> None:
    server = await start(limits={"connect_deadline_s": 0.2})
    async with aiohttp.ClientSession() as session:
        async with session.get(url_of(server) + OPEN + "polling") as response:
            sid = json.loads((await response.text())[1:])["sid"]
        poll = f"{url_of(server)}{OPEN}polling&sid={sid}"
        async with session.post(poll, data=f"40{NAMESPACE},\x1ex\x1e4[[[[") as response:
            assert (response.status, await response.text()) == (200, "ok")
        async with session.post(poll, data="4" * 70_000) as response:
            assert response.status == 413
        async with asyncio.timeout(PATIENCE_S):
            while server.gateway.eio.sockets:
                async with session.get(poll) as response:
                    await response.text()
        async with session.post(poll, data=f'42{NAMESPACE},["leaveRoom"]') as response:
            assert response.status == 400


async def test_a_flood_by_polling_ends_the_connection(start: StartServer) -> None:
    server = await start(limits={"event_burst": 10, "events_per_second": 1})
    async with aiohttp.ClientSession() as session:
        async with session.get(url_of(server) + OPEN + "polling") as response:
            sid = json.loads((await response.text())[1:])["sid"]
        flood = "\x1e".join([f"40{NAMESPACE},"] + [f'42{NAMESPACE},["leaveRoom"]'] * 20)
        poll = f"{url_of(server)}{OPEN}polling&sid={sid}"
        async with session.post(poll, data=flood) as response:
            assert response.status == 429
    await until(lambda: not server.gateway.eio.sockets)


async def test_polling_can_be_switched_off(start: StartServer) -> None:
    server = await start(polling=False)
    async with aiohttp.ClientSession() as session:
        for query in ("polling", "polling&j=0", "websocket&j=0", "webtransport"):
            async with session.get(url_of(server) + OPEN + query) as response:
                assert response.status == 400
        async with session.get(url_of(server) + "/socket.io/") as response:
            assert response.status == 400
    async with Wire(url_of(server)):
        pass


async def test_jsonp_is_not_served(url: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + OPEN + "polling&j=0") as response,
    ):
        assert response.status == 400


@pytest.mark.parametrize("first_frames", [[], ["3"], ["40"], ["40/other,"], ["40/call,", "41/call,"]])
async def test_a_socket_outside_the_namespace_is_closed_at_the_deadline(
    start: StartServer, first_frames: list[str]
) -> None:
    server = await start(limits={"connect_deadline_s": 0.1})
    wire = Wire(url_of(server))
    await wire.open()
    for frame in first_frames:
        await wire.socket.send_str(frame)
    await wire.closed()
    await wire.session.close()
    await until(lambda: not server.gateway.eio.sockets)


async def test_who_is_in_the_namespace_stays(start: StartServer) -> None:
    server = await start(limits={"connect_deadline_s": 0.05})
    async with Wire(url_of(server)) as wire:
        await asyncio.sleep(0.1)
        assert await wire.alive()


async def test_a_slow_header_is_cut_off(start: StartServer) -> None:
    server = await start(limits={"header_deadline_s": 0.2})
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b""
    writer.close()


async def test_a_burst_is_taken_in_order_and_then_at_the_rate(start: StartServer) -> None:
    server = await start(limits={"event_burst": 20, "events_per_second": 200})
    async with Wire(url_of(server)) as wire:
        began = asyncio.get_running_loop().time()
        for number in range(60):
            await wire.socket.send_str(f'42{NAMESPACE},{number}["leaveRoom"]')
        for number in range(60):
            assert (await wire.text()).startswith(f"43{NAMESPACE},{number}[")
        assert asyncio.get_running_loop().time() - began > 0.15


async def test_a_flood_closes_the_socket(server: CallServer) -> None:
    async with Wire(url_of(server)) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        try:
            for _ in range(20_000):
                await wire.socket.send_str(f'42{NAMESPACE},["leaveRoom"]')
        except (ConnectionError, aiohttp.ClientError):
            pass
        await wire.closed()
        assert wire.socket.close_code in (1008, 1006)
    await until(lambda: not server.gateway.eio.sockets)


async def test_a_flood_does_not_hold_up_anybody_else(url: str) -> None:
    async with Wire(url) as flooding, Wire(url) as other:
        for _ in range(300):
            await flooding.socket.send_str(f'42{NAMESPACE},1["leaveRoom"]')
        async with asyncio.timeout(1.0):
            assert await other.alive()


async def test_a_client_that_does_not_read_is_cut_off_and_costs_only_itself(start: StartServer) -> None:
    limits = {"events_per_second": 100_000, "event_burst": 100_000, "chat_history": 0}
    server = await start(limits=limits)
    loop = asyncio.get_running_loop()
    async with Wire(url_of(server)) as talker, Wire(url_of(server)) as other:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", server.port))
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        upgrade = (
            f"GET {OPEN}websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        await loop.sock_sendall(deaf, upgrade.encode())
        for frame in (f"40{NAMESPACE},", f'42{NAMESPACE},["joinRoom",{{"roomName":"r"}}]'):
            await loop.sock_sendall(deaf, masked(frame))
        await until(lambda: server.rooms.peers == 1)
        await talker.ask("joinRoom", {"roomName": "r"})
        await other.ask("joinRoom", {"roomName": "r"})
        queues = [each.queue for each in server.gateway.eio.sockets.values()]
        for _ in range(5000):
            await talker.ask("chat-send", {"text": "\U0001f600" * 2000})
            assert all(queue.messages <= 256 and queue.bytes <= 1 << 20 for queue in queues)
            if server.rooms.peers == 2:
                break
        assert server.rooms.peers == 2, "the deaf one is out"
        deaf.close()


def masked(text: str) -> bytes:
    """A client's text frame (RFC 6455 §5.2) with a mask of zeros."""
    data = text.encode()
    return bytes((0x81, 0x80 | len(data))) + bytes(4) + data


async def test_a_message_over_the_limit_closes_with_1009(url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str(f'42{NAMESPACE},["{"x" * 70_000}"]')
        await wire.closed()
        assert wire.socket.close_code == 1009


async def test_more_sockets_than_allowed_are_refused(start: StartServer) -> None:
    server = await start(limits={"sockets": 1})
    async with (
        Wire(url_of(server)),
        aiohttp.ClientSession() as session,
        session.get(url_of(server) + OPEN + "websocket") as response,
    ):
        assert response.status == 503


async def test_connecting_to_the_namespace_twice_is_refused(url: str) -> None:
    async with Wire(url) as wire:
        await wire.socket.send_str(f"40{NAMESPACE},")
        assert (await wire.text()).startswith(f"44{NAMESPACE},")
        assert await wire.alive()


async def test_a_wall_clock_that_jumps_disconnects_nobody(
    start: StartServer, meet: MeetPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(ping_interval_s=0.05)
    async with Wire(url_of(server)) as wire:
        import time

        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        for _ in range(4):
            assert await wire.alive()
            await asyncio.sleep(0.04)


async def test_a_client_that_falls_silent_is_noticed(start: StartServer) -> None:
    server = await start(ping_interval_s=0.05, ping_timeout_s=0.05)
    async with Wire(url_of(server)) as wire:
        await wire.ask("joinRoom", {"roomName": "r"})
        await until(lambda: not server.rooms)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(10.0, 3, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.delay() == pytest.approx(0.1)
    assert not bucket.take(0.05)
    assert bucket.take(0.11) and not bucket.take(0.12)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(0.0), "a clock that goes back gives nothing"


def test_a_queue_over_its_limit_says_so_once_and_drops() -> None:
    class Item:
        def __init__(self, data: Any) -> None:
            self.data = data

    queue = OutgoingQueue(Limits(queue_messages=2, queue_bytes=100))
    calls: list[int] = []
    queue.on_overflow = lambda: calls.append(1)
    for _ in range(4):
        queue.put_nowait(Item("x"))
    assert (queue.qsize(), queue.messages, queue.bytes, calls) == (2, 2, 2, [1])
    queue.put_nowait(None)
    assert queue.qsize() == 3
    queue.get_nowait()
    assert (queue.messages, queue.bytes) == (1, 1), "on polling a packet that was fetched is gone"
    queue.until_sent = True
    queue.get_nowait()
    assert queue.messages == 1, "on a WebSocket it counts until it is sent"
    queue.sent("4x")
    assert (queue.messages, queue.bytes) == (0, 0)
