"""The real server, ``python -m signaling``, as a process of its own on free ports."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUNDLE = PROJECT / "static" / "dist"
OUTPUT = PROJECT / "test-output"
START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 10.0


class NotBuilt(Exception):
    """There is no web client to test."""


@dataclass(frozen=True)
class RunningServer:
    """Where it is."""

    port: int
    media_port: int
    pid: int

    @property
    def url(self) -> str:
        """``localhost`` and not an address: browsers hand out devices on both, people type the name."""
        return f"http://localhost:{self.port}"


@asynccontextmanager
async def running_server(log: Path, **environment: str) -> AsyncIterator[RunningServer]:
    """Starts it, gives it while the block lasts, and has it shut down cleanly. ``log`` gets its output.

    ``environment`` are settings by their environment names. Raises ``NotBuilt`` without a bundle.
    """
    if not (BUNDLE / "index.html").is_file():
        raise NotBuilt(f"the web client is not built ({BUNDLE} has no index.html): run `make setup`")
    log.parent.mkdir(parents=True, exist_ok=True)
    port, media_port = free_tcp_port(), free_udp_port()
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "signaling", "--port", str(port), "--media-port", str(media_port)),
            cwd=log.parent,  # away from a developer's .env and rtpfwd.toml
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environment},
            stdout=file,
            stderr=file,
        )
        try:
            await _until_it_answers(process, port, log)
            yield RunningServer(port, media_port, process.pid)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await process.wait()


def free_tcp_port() -> int:
    """A port that is free on IPv4 and IPv6 now."""
    with socket.create_server(("", 0)) as probe:
        return int(probe.getsockname()[1])


def free_udp_port() -> int:
    """A port that is free on IPv4 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


async def _until_it_answers(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with asyncio.timeout(START_DEADLINE_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise RuntimeError(f"the server ended at once:\n{log.read_text()}")
