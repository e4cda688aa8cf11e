"""A real coturn on an address of this machine, configured as the README says, for as long as a test lasts."""

import asyncio
import ipaddress
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rtpfwd.drivers.interfaces import interface_addresses
from tests.browser.server import free_udp_port

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


@asynccontextmanager
async def turn_server(folder: Path) -> AsyncIterator[TurnServer]:
    """Starts coturn, with a configuration of README's kind, and ends it."""
    program = coturn()
    assert program is not None, "ask coturn() first"
    folder.mkdir(parents=True, exist_ok=True)
    made = TurnServer(own_address(), free_udp_port(), secrets.token_hex(16), folder / "coturn.log")
    configuration = folder / "turnserver.conf"
    lines = [
        f"listening-ip={made.address}",
        f"listening-port={made.port}",
        f"relay-ip={made.address}",
        "realm=rtpfwd",
        "use-auth-secret",
        f"static-auth-secret={made.secret}",
        "fingerprint",
        "no-tls",
        "no-dtls",
        "no-cli",
        "no-multicast-peers",
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
