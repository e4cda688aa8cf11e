"""Draining: nobody new, calls go on, then the end."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from signaling.app import CallServer, serve
from tests.signaling.clients import Person, until
from tests.signaling.conftest import MeetPerson, StartServer, settings_for_tests, url_of
from tests.signaling.test_operators import Operator, operators_url

PROJECT = Path(__file__).resolve().parents[2]


async def test_nobody_new_comes_in_and_the_call_goes_on(server: CallServer, meet: MeetPerson) -> None:
    alice, bob = await meet(), await meet()
    await alice.join("office")
    server.drain.begin(60, "a test")
    for room in ("office", "another"):
        refused = await bob.ask("joinRoom", {"roomName": room})
        assert refused["code"] == "draining" and "about to stop" in refused["error"]
    await alice.transport(consumer=False)
    assert (await alice.produce("audio"))["id"]


async def test_a_lost_socket_may_resume_meanwhile(server: CallServer, meet: MeetPerson) -> None:
    alice = await meet()
    await alice.join("office", displayName="Alice")
    server.drain.begin(60, "a test")
    await alice.vanish()
    again = await meet()
    answer = await again.ask(
        "joinRoom", {"roomName": "office", "resumeToken": alice.answer["resumeToken"], "resume": True}
    )
    assert answer["peerId"] == alice.answer["peerId"]


async def test_people_are_told_when_it_ends_and_when_it_was_called_off(
    server: CallServer, meet: MeetPerson
) -> None:
    alice, seed = await meet(), await meet()
    await alice.join("office", displayName="Alice")
    await seed.join("office")
    server.drain.begin(60, "a test")
    assert 59 < (await alice.push("server-draining"))["remainingS"] <= 60
    server.drain.begin(30, "sooner")
    assert 29 < (await alice.push("server-draining"))["remainingS"] <= 30
    await alice.vanish()
    again = await meet()
    answer = await again.join("office", resumeToken=alice.answer["resumeToken"], resume=True)
    assert answer["draining"] is True
    server.drain.cancel()
    assert await again.push("server-draining") == {}
    assert "server-draining" not in await seed.settled(), "a client of part 1 does not know it"


async def test_it_ends_when_the_last_one_leaves(server: CallServer, meet: MeetPerson) -> None:
    ended = asyncio.Event()
    server.drain.ended = ended.set
    alice = await meet()
    await alice.join("office")
    server.drain.begin(60, "a test")
    await asyncio.sleep(0.15)
    assert not ended.is_set()
    await alice.ask("leaveRoom")
    await asyncio.wait_for(ended.wait(), 5)


async def test_it_ends_at_its_deadline_with_people_left(server: CallServer, meet: MeetPerson) -> None:
    ended = asyncio.Event()
    server.drain.ended = ended.set
    await (await meet()).join("office")
    server.drain.begin(0.2, "a test")
    await asyncio.wait_for(ended.wait(), 5)
    assert server.rooms.peers == 1


async def test_cancelled_it_takes_people_again(server: CallServer, meet: MeetPerson) -> None:
    ended = asyncio.Event()
    server.drain.ended = ended.set
    alice, bob = await meet(), await meet()
    await alice.join("office")
    server.drain.begin(0.2, "a test")
    server.drain.cancel()
    await bob.join("office")
    await asyncio.sleep(0.3)
    assert not ended.is_set() and not server.drain.active


async def test_it_is_asked_for_shown_and_cancelled_over_http(server: CallServer, meet: MeetPerson) -> None:
    await (await meet()).join("office")
    operator = Operator(operators_url(server))
    try:
        status, told = await operator.ask("POST", "/api/drain", json={"deadlineS": 30})
        assert status == 202 and told["draining"] and told["people"] == 1 and 29 < told["remainingS"] <= 30
        async with operator.session.get(url_of(server) + "/readyz") as ready:
            assert ready.status == 503 and (await ready.json())["status"] == "draining"
        async with operator.session.get(url_of(server) + "/healthz") as healthy:
            assert healthy.status == 200 and (await healthy.json())["status"] == "draining"
        assert (await operator.ask("POST", "/api/drain", json={"deadlineS": -1}))[0] == 400
        status, told = await operator.ask("DELETE", "/api/drain")
        assert told == {"draining": False, "people": 1}
        async with operator.session.get(url_of(server) + "/readyz") as ready:
            assert ready.status == 200
    finally:
        await operator.session.close()


async def test_serving_ends_once_drained(tmp_path: Path) -> None:
    servers: list[CallServer] = []
    serving = asyncio.create_task(serve(settings_for_tests(tmp_path), asyncio.Event(), servers.append))
    await until(lambda: bool(servers))
    servers[0].drain.begin(60, "a test")
    await asyncio.wait_for(serving, 5)
    assert servers[0].operators.port is not None and servers[0].driver.closed


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``rtpfwd serve`` by itself, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "LISTEN_IP": "127.0.0.1",
        "MEDIASOUP_LISTEN_PORT": "0",
        "ANNOUNCED_IP": "",
        "DRAIN_S": "30",
        "OPERATOR_PORT": "0",
    }
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signaling", cwd=tmp_path, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert made.stderr is not None
    async with asyncio.timeout(20):
        while b"media: UDP" not in await made.stderr.readline():
            assert made.returncode is None
    yield made, f"http://127.0.0.1:{port}"
    if made.returncode is None:
        made.kill()
    await made.wait()


async def test_sigterm_waits_for_the_call_to_end(process: tuple[asyncio.subprocess.Process, str]) -> None:
    made, url = process
    alice, bob = await Person(url).connect(), await Person(url).connect()
    await alice.join("office")
    made.send_signal(signal.SIGTERM)
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(5):
            while True:
                async with session.get(f"{url}/readyz") as ready:
                    if ready.status == 503:
                        break
    assert (await bob.ask("joinRoom", {"roomName": "office"}))["code"] == "draining"
    assert made.returncode is None
    await bob.leave()
    await alice.leave()
    assert await asyncio.wait_for(made.wait(), 10) == 0


async def test_a_second_sigterm_ends_at_once(process: tuple[asyncio.subprocess.Process, str]) -> None:
    made, url = process
    alice = await Person(url).connect()
    await alice.join("office", displayName="Alice")
    made.send_signal(signal.SIGTERM)
    async with aiohttp.ClientSession() as session, asyncio.timeout(5):
        while True:
            async with session.get(f"{url}/readyz") as ready:
                if ready.status == 503:
                    break
    made.send_signal(signal.SIGTERM)
    assert (await alice.push("room-closed"))["reason"] == "shutdown"
    assert await asyncio.wait_for(made.wait(), 10) == 0
    await alice.leave()


async def test_without_a_drain_time_sigterm_is_the_end(start: StartServer, meet: MeetPerson) -> None:
    server = await start(drain_s=0)
    ended = asyncio.Event()
    server.drain.ended = ended.set
    await (await meet(server)).join("office")
    server.drain.begin(server.settings.drain_s, "SIGTERM")
    await asyncio.wait_for(ended.wait(), 5)
