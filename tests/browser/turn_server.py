"""A real coturn with the configuration of the README, for as long as a test lasts.

The README's addresses become one of this machine, its secret a fresh one and its port a free one; what is
added concerns files only.
"""

import asyncio
import ipaddress
import re
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rtpfwd.drivers.interfaces import interface_addresses
from tests.browser.server import PROJECT, free_udp_port

START_DEADLINE_S = 10.0
STOP_DEADLINE_S = 5.0


@dataclass(frozen=True)
class TurnServer:
    """Where it is, and the secret that it shares with the call server."""

    address: str
    port: int
    secret: str
    log: Path

    @property
    def url(self) -> str:
        return f"turn:{self.address}:{self.port}?transport=udp"

    @property
    def settings(self) -> dict[str, str]:
        """For the call server's environment."""
        return {"TURN_URLS": self.url, "TURN_SECRET": self.secret}


def coturn() -> str | None:
    """The program, if it is installed."""
    return shutil.which("turnserver")


def own_address() -> str:
    """An IPv4 address of this machine that browsers use for media: not loopback, unless there is no other."""
    usable = [
        ip for ip in interface_addresses() if ":" not in ip and not ipaddress.ip_address(ip).is_loopback
    ]
    return usable[0] if usable else "127.0.0.1"


def from_readme(server: TurnServer) -> list[str]:
    """The lines of the README's turnserver.conf, for this machine."""
    block = re.search(
        r"`/etc/turnserver.conf` is\n\n```ini\n(.*?)```", (PROJECT / "README.md").read_text(), re.S
    )
    assert block is not None, "the README has a configuration of coturn"
    text = block[1]
    for theirs, ours in (
        (r"203\.0\.113\.\d+", server.address),
        ("CHANGE-ME", server.secret),
        ("listening-port=3478", f"listening-port={server.port}"),
    ):
        text, count = re.subn(theirs, ours, text)
        assert count > 0, theirs
    return text.splitlines()


@asynccontextmanager
async def turn_server(folder: Path) -> AsyncIterator[TurnServer]:
    """Starts coturn, with a configuration of README's kind, and ends it."""
    program = coturn()
    assert program is not None, "ask coturn() first"
    folder.mkdir(parents=True, exist_ok=True)
    made = TurnServer(own_address(), free_udp_port(), secrets.token_hex(16), folder / "coturn.log")
    configuration = folder / "turnserver.conf"
    lines = [
        *from_readme(made),
        *(["allow-loopback-peers"] if made.address.startswith("127.") else []),
        "verbose",
        "log-file=stdout",
        f"pidfile={folder / 'coturn.pid'}",
        f"userdb={folder / 'coturn.sqlite'}",
    ]
    configuration.write_text("\n".join(lines) + "\n")
    with made.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(program, "-c", configuration), cwd=folder, stdout=log, stderr=log
        )
        try:
            await _until_it_listens(process, made)
            yield made
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, server: TurnServer) -> None:
    """It listens once nobody else can bind its port."""
    async with asyncio.timeout(START_DEADLINE_S):
        while process.returncode is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind((server.address, server.port))
                except OSError:
                    return
            await asyncio.sleep(0.05)
    raise RuntimeError(f"coturn ended at once:\n{server.log.read_text()}")
