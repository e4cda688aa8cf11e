"""A real server on a free port of the loopback address, and clients that are gone when the test ends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from signaling.app import CallServer
from signaling.settings import Settings, load_settings
from tests.signaling.clients import Person

StartServer = Callable[..., Awaitable[CallServer]]
MeetPerson = Callable[..., Awaitable[Person]]


def settings_for_tests(tmp_path: Path, **changes: Any) -> Settings:
    return load_settings(
        env_file=None,
        **{
            "host": "127.0.0.1",
            "port": 0,
            "listen_ip": "127.0.0.1",
            "mediasoup_listen_port": 0,
            "static_dir": tmp_path,
            "tls_dir": tmp_path / "certificates",
            "shutdown_s": 2.0,
            **changes,
        },
    )


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers with changed settings."""
    servers: list[CallServer] = []

    async def start_one(**changes: Any) -> CallServer:
        server = await CallServer.start(settings_for_tests(tmp_path, **changes))
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        await server.stop()


@pytest.fixture
async def server(start: StartServer) -> CallServer:
    """A server with the default limits."""
    return await start()


@pytest.fixture
def url(server: CallServer) -> str:
    """Where that server is."""
    return url_of(server)


def url_of(server: CallServer) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
async def meet(server: CallServer) -> AsyncIterator[MeetPerson]:
    """Connects people; without ``at`` to the default server."""
    people: list[Person] = []

    async def meet_one(at: CallServer | None = None, **headers: str) -> Person:
        person = Person(url_of(at or server), **headers)
        people.append(person)
        return await person.connect()

    yield meet_one
    for person in people:
        await person.leave()
