"""Real links for real browsers: a small network of namespaces that a test makes and removes itself.

    publisher --veth--+                                  veth: each person's own last mile, with loss
                      +-- router --TUN, delay-- server         (nftables) and rate (tbf) of its own
    receiver  --veth--+                                  TUN:  the wide area, 25 ms each way

The router gives each person's UDP an address of its own towards the server (stateless, so that a change
of it is a NAT that forgot), and leaves TCP alone. All addresses exist inside these namespaces only.
Without nftables the TUN link does the losing, and nobody's address can change.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.netem import EmulatedLink, LinkSpec, emulate
from tests.browser import chromium
from tests.browser.server import BUNDLE, PROJECT, NotBuilt
from tests.support.tun_link import TUN, UP, TunLink, open_tun, within

COMMAND_S = 10.0  # no command of ours takes longer than a moment
START_S = 30.0
STOP_S = 10.0
SERVER = "10.77.0.1"
PORT, MEDIA_PORT = 5000, 3000
URL = f"http://{SERVER}:{PORT}"
DELAY_US = milliseconds(25)
PEOPLE = ("publisher", "receiver")


class NotPossibleHere(Exception):
    """What is missing for namespaces on this machine, for a person to read."""


@dataclass
class Mile:
    """The last mile of one person. Loss is a share, up is what they send."""

    name: str
    number: int
    loss_up: float = 0.0
    loss_down: float = 0.0
    cut: bool = False
    moves: int = 0

    @property
    def private(self) -> str:
        return f"10.77.{self.number}.2"

    @property
    def gateway(self) -> str:
        return f"10.77.{self.number}.1"

    @property
    def public(self) -> str:
        """Where the server sees their media coming from."""
        return f"100.64.{self.number}.{2 + self.moves}"


class Network:
    """The namespaces and what is between them. Made by ``network``."""

    def __init__(self, prefix: str, has_nft: bool, people: Sequence[str] = PEOPLE) -> None:
        self.prefix = prefix
        self.has_nft = has_nft
        self.people = tuple(people)
        self.miles = {name: Mile(name, number) for number, name in enumerate(people, 1)}
        self._spec = LinkSpec(delay_us=DELAY_US)
        self._link: TunLink | None = None

    def namespace(self, name: str) -> str:
        """The namespace of the ``server``, the ``router`` or a person."""
        return f"{self.prefix}-{name}"

    # what can be done to it

    def lose(self, name: str, *, up: float = 0.0, down: float = 0.0) -> None:
        """From now on a person's last mile loses these shares of packets, TCP's too."""
        mile = self.miles[name]
        mile.loss_up, mile.loss_down = up, down
        self._apply()

    def cut(self, *names: str) -> None:
        """Nothing goes to these people or comes from them; their own end stays up."""
        for name in names:
            self.miles[name].cut = True
        self._apply()

    def mend(self, *names: str) -> None:
        for name in names:
            self.miles[name].cut = False
        self._apply()

    def move(self, name: str) -> None:
        """A person's media comes from another address from now on, and the old one leads nowhere."""
        self.miles[name].moves += 1
        self._apply()

    def limit(self, name: str, rate: str, latency: str, burst: str = "8kb") -> None:
        """What goes down to a person leaves through a token bucket (tc's notation of rate, time, size)."""
        device = self.miles[name].name
        tbf = ("root", "tbf", "rate", rate, "burst", burst, "latency", latency)
        self._in_router("tc", "qdisc", "replace", "dev", device, *tbf)

    def queue_drops(self, name: str) -> str:
        """What tc says about a person's queue."""
        return self._in_router("tc", "-s", "qdisc", "show", "dev", self.miles[name].name)

    def shape(self, spec: LinkSpec) -> None:
        """The wide area, for everybody and both ways."""
        self._spec = spec
        if self._link is not None:
            self._link.models.clear()

    def restore(self) -> None:
        """As at the beginning, but for addresses."""
        for mile in self.miles.values():
            mile.loss_up = mile.loss_down = 0.0
            mile.cut = False
            _run("ip", "netns", "exec", self.namespace("router"), "tc", "qdisc", "del", "dev", mile.name,
                 "root", check=False)  # fmt: skip
        self.shape(LinkSpec(delay_us=DELAY_US))
        self._apply()

    def handshakes(self, name: str) -> int:
        """DTLS handshake datagrams that a person and the server exchanged so far, whatever the address."""
        assert self._link is not None
        prefix = f"100.64.{self.miles[name].number}." if self.has_nft else self.miles[name].private
        seen = self._link.seen.copy().items()
        return sum(n for (far, _, kind), n in seen if kind == "dtls-handshake" and far.startswith(prefix))

    def traffic(self) -> dict[str, int]:
        """Datagrams on the TUN link by address, direction and kind."""
        assert self._link is not None
        return {" ".join(key): count for key, count in sorted(self._link.seen.copy().items())}

    # how it is made

    def build(self, undo: ExitStack) -> None:
        for name in ("server", "router", *self.people):
            namespace = self.namespace(name)
            _run("ip", "netns", "add", namespace)
            undo.callback(_run, "ip", "netns", "del", namespace, check=False)
            # An IPv6 address that is ready a second later makes Chromium drop what it is loading.
            _set(namespace, "net/ipv6/conf/all/disable_ipv6", "1")
            _ip(namespace, "link", "set", "lo", "up")
        near = open_tun(self.namespace("server"), "wan")
        far = open_tun(self.namespace("router"), "wan")
        self._link = TunLink(near, far, self._model)
        undo.callback(self._link.close)
        server, router = self.namespace("server"), self.namespace("router")
        _ip(server, "addr", "add", f"{SERVER}/32", "dev", "lo")
        for namespace in (server, router):
            _ip(namespace, "link", "set", "wan", "up")
        _ip(server, "route", "add", "default", "dev", "wan", "src", SERVER)
        _ip(router, "route", "add", f"{SERVER}/32", "dev", "wan")
        _set(router, "net/ipv4/ip_forward", "1")
        for mile in self.miles.values():
            own = self.namespace(mile.name)
            _run("ip", "link", "add", mile.name, "netns", router, "type", "veth",
                 "peer", "name", "eth0", "netns", own)  # fmt: skip
            _ip(router, "addr", "add", f"{mile.gateway}/24", "dev", mile.name)
            _ip(router, "link", "set", mile.name, "up")
            _ip(own, "addr", "add", f"{mile.private}/24", "dev", "eth0")
            _ip(own, "link", "set", "eth0", "up")
            _ip(own, "route", "add", "default", "via", mile.gateway)
        try:
            self.lose(self.people[0], up=0.5)  # a kernel may lack what the command offers
        except subprocess.CalledProcessError:
            self.has_nft = False
        self.lose(self.people[0])

    def _model(self, address: str, direction: str) -> EmulatedLink:
        spec = self._spec
        mile = next((one for one in self.miles.values() if one.private == address), None)
        if mile is not None and not self.has_nft:
            loss = 1.0 if mile.cut else mile.loss_up if direction == UP else mile.loss_down
            spec = replace(spec, loss=loss)
        return emulate(spec, seed=_seed(address, direction))

    def _apply(self) -> None:
        if self.has_nft:
            self._in_router("nft", "-f", "-", text="\n".join(self._rules()))
        elif self._link is not None:
            self._link.models.clear()

    def _rules(self) -> Iterator[str]:
        yield "flush ruleset"
        yield "table ip miles {"
        yield "chain arriving { type filter hook prerouting priority raw;"
        for mile in self.miles.values():
            yield f"ip daddr {mile.public} meta l4proto udp ip daddr set {mile.private}"
        yield "}"
        yield "chain passing { type filter hook forward priority filter;"
        for mile in self.miles.values():
            for side, loss in (("iifname", mile.loss_up), ("oifname", mile.loss_down)):
                if mile.cut:
                    yield f"{side} {mile.name} counter drop"
                elif loss:
                    yield f"{side} {mile.name} numgen random mod 1000 < {round(loss * 1000)} counter drop"
        yield "}"
        yield "chain leaving { type filter hook postrouting priority srcnat;"
        for mile in self.miles.values():
            yield f"ip saddr {mile.private} meta l4proto udp ip saddr set {mile.public}"
        yield "}"
        yield "}"

    def _in_router(self, *command: str, text: str | None = None) -> str:
        return _run("ip", "netns", "exec", self.namespace("router"), *command, text=text)


@contextmanager
def network(people: Sequence[str] = PEOPLE) -> Iterator[Network]:
    """A network for as long as the block lasts. Raises ``NotPossibleHere``; leaves nothing behind."""
    for tool in ("ip", "tc"):
        if shutil.which(tool) is None:
            raise NotPossibleHere(f"no {tool!r} command: apt-get install iproute2")
    if not TUN.exists():
        raise NotPossibleHere(f"no {TUN}")
    made = Network(f"rtpfwd-{secrets.token_hex(3)}", shutil.which("nft") is not None, people)
    with ExitStack() as undo:
        try:
            made.build(undo)
        except (subprocess.CalledProcessError, OSError) as error:
            said = (error.stderr or "").strip() if isinstance(error, subprocess.CalledProcessError) else ""
            raise NotPossibleHere(f"network namespaces are not permitted ({said or error})") from error
        yield made


@asynccontextmanager
async def server_in(network: Network, log: Path) -> AsyncIterator[str]:
    """The real server in its namespace; gives its address as seen by the others."""
    if not (BUNDLE / "index.html").is_file():
        raise NotBuilt(f"the web client is not built ({BUNDLE} has no index.html): run `make setup`")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", network.namespace("server")),
            *(sys.executable, "-m", "signaling", "--port", str(PORT), "--media-port", str(MEDIA_PORT)),
            cwd=log.parent,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(PROJECT),
                "LISTEN_IP": SERVER,
                "ANNOUNCED_IP": SERVER,
            },
            stdout=file,
            stderr=file,
        )
        try:
            await _until_it_listens(network, process, log)
            yield URL
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_S):
                        await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def browser_in(network: Network, name: str, folder: Path, *more: str) -> AsyncIterator[Browser]:
    """A browser in a person's namespace, which takes the server's page for a secure one; ``more`` are further
    switches.
    """
    start = folder / f"chromium-{name}"
    start.write_text(
        f'#!/bin/sh\nexec ip netns exec {network.namespace(name)} {chromium.chromium_path()} "$@"\n'
    )
    start.chmod(0o755)
    switches = [
        *chromium.FLAGS,
        chromium.DEVICES_ALLOWED,
        f"--unsafely-treat-insecure-origin-as-secure={URL}",
        *more,
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=start, args=switches)
        try:
            yield browser
        finally:
            await browser.close()


def _seed(address: str, direction: str) -> int:
    return int.from_bytes(f"{address} {direction}".encode(), "big") % 65_521


def _set(namespace: str, name: str, value: str) -> None:
    """Sets a kernel variable of a namespace, unless the kernel has no such thing."""
    path = Path("/proc/sys") / name
    if path.exists():
        within(namespace, lambda: path.write_text(value))


def _ip(namespace: str, *command: str) -> None:
    _run("ip", "-n", namespace, *command)


def _run(*command: str, text: str | None = None, check: bool = True) -> str:
    """Runs a command to its end. Raises ``CalledProcessError`` with what it said, unless not to check."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=COMMAND_S, check=check)
    return done.stdout


async def _until_it_listens(network: Network, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            listening = _run("ip", "netns", "exec", network.namespace("server"), "cat", "/proc/net/tcp")
            if f":{PORT:04X} 00000000:0000 0A" in listening:
                return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the server ended at once:\n{log.read_text()}")
