"""The pages, their headers, TLS, and the process as a whole."""

import asyncio
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest

from signaling.addresses import announced_addresses, look_up, page_addresses
from signaling.app import CallServer
from signaling.logs import escape, escape_values
from signaling.settings import SettingsError
from tests.signaling.conftest import StartServer, settings_for_tests, url_of

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>the page</title>")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc.js").write_text("1")
    (tmp_path.parent / "secret.txt").write_text("secret")
    (tmp_path / "assets" / "link.js").symlink_to(tmp_path.parent / "secret.txt")
    return tmp_path


async def get(server: CallServer, path: str) -> tuple[int, aiohttp.typedefs.LooseHeaders, str]:
    from yarl import URL

    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(url_of(server) + path, encoded=True), allow_redirects=False) as response,
    ):
        return response.status, response.headers, await response.text()


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("path", ["/", "/room/office", "/room/my%20room%2F%3Cb%3E"])
async def test_the_page_is_served_for_the_start_and_every_room(server: CallServer, path: str) -> None:
    status, headers, text = await get(server, path)
    assert status == 200 and "the page" in text
    assert headers["Cache-Control"] == "no-store"  # type: ignore[index,call-overload]


@pytest.mark.usefixtures("bundle")
async def test_assets_are_cached_for_ever(server: CallServer) -> None:
    status, headers, _ = await get(server, "/assets/index-abc.js")
    assert status == 200
    assert "immutable" in headers["Cache-Control"]  # type: ignore[index,call-overload]
    assert (await get(server, "/favicon.svg"))[0] == 200


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets//etc/passwd",
        "/%2fetc%2fpasswd",
        "/assets/index-abc.js%00",
        "/assets/link.js",
        "/assets/",
        "/assets",
        "/.env",
        "/..",
        "/nothing.js",
    ],
)
async def test_nothing_outside_the_bundle_is_served(server: CallServer, path: str) -> None:
    status, _, text = await get(server, path)
    assert status == 404 and "secret" not in text and "root:" not in text


async def test_without_a_bundle_the_page_says_how_to_make_one(server: CallServer) -> None:
    status, _, text = await get(server, "/")
    assert status == 503 and "npm run build" in text and "make run" in text


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("path", ["/", "/nowhere", "/healthz", "/socket.io/?EIO=4&transport=none"])
async def test_every_answer_has_the_security_headers(server: CallServer, path: str) -> None:
    _, raw, _ = await get(server, path)
    headers = dict(raw)  # type: ignore[arg-type]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


async def test_health_counts_rooms_and_people(server: CallServer) -> None:
    status, _, text = await get(server, "/healthz")
    assert status == 200
    assert '"status": "ok", "rooms": 0, "peers": 0, "version": "' in text


async def test_a_self_signed_certificate_is_made_once_and_kept(start: StartServer, tmp_path: Path) -> None:
    server = await start(tls_self_signed=True)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusting) as response,
    ):
        assert response.status == 200
        assert response.headers["Strict-Transport-Security"]
    key = tmp_path / "certificates" / "self-signed.key"
    assert key.stat().st_mode & 0o077 == 0, "nobody else reads the key"
    before = key.read_bytes()
    await start(tls_self_signed=True)
    assert key.read_bytes() == before
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"https://127.0.0.1:{server.port}/healthz", ssl=old)


async def test_a_port_in_use_is_named(server: CallServer, start: StartServer) -> None:
    with pytest.raises(SettingsError, match=str(server.port)):
        await start(port=server.port)


async def test_a_certificate_that_cannot_be_read_is_named(start: StartServer, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.pem"):
        await start(tls_cert=tmp_path / "nowhere.pem", tls_key=tmp_path / "nowhere.key")


async def lookup(name: str) -> list[str]:
    return {"host.example": ["192.0.2.7", "2001:db8::7"], "six.example": ["2001:db8::6"]}.get(name, [])


@pytest.mark.parametrize(
    ("announced", "listen", "expected"),
    [
        ((), ("0.0.0.0",), ([], [])),
        (("192.0.2.1",), ("0.0.0.0",), (["192.0.2.1"], [])),
        (("192.0.2.1", "192.0.2.2"), ("0.0.0.0",), (["192.0.2.1", "192.0.2.2"], [])),
        (("your-public-ip",), ("0.0.0.0",), ([], ["your-public-ip"])),
        (("host.example",), ("0.0.0.0",), (["192.0.2.7"], [])),
        (("host.example", "192.0.2.7"), ("0.0.0.0", "::"), (["192.0.2.7", "2001:db8::7"], [])),
        (("six.example", "192.0.2.1"), ("0.0.0.0",), (["192.0.2.1"], ["six.example"])),
    ],
)
async def test_announced_names_become_addresses(
    announced: tuple[str, ...], listen: tuple[str, ...], expected: tuple[list[str], list[str]]
) -> None:
    assert await announced_addresses(announced, listen, lookup) == expected


async def test_names_are_looked_up_by_the_system() -> None:
    assert "127.0.0.1" in await look_up("localhost")
    assert await look_up("no such name") == []


async def test_a_placeholder_leaves_calls_on_this_machine_working(start: StartServer) -> None:
    server = await start(announced_ip="your public ip")
    assert [entry.address for entry in server.driver.addresses] == ["127.0.0.1"]


def test_the_addresses_to_open_begin_with_one_that_browsers_trust(tmp_path: Path) -> None:
    everywhere = settings_for_tests(tmp_path, host="0.0.0.0")
    assert page_addresses(everywhere, 5000)[0] == "http://localhost:5000/"
    six = settings_for_tests(tmp_path, host="::1", tls_self_signed=True)
    assert page_addresses(six, 1) == ["https://[::1]:1/"]


def test_logs_cannot_be_forged() -> None:
    hostile = "a\r\n2026 [info] joined \x1b[2J\u202e\x00\ud800"
    assert escape(hostile) == r"a\r\n2026 [info] joined \x1b[2J\u202e\x00\ud800"
    assert escape_values(None, "info", {"room": "x\ny", "n": 5}) == {"room": "x\\ny", "n": 5}
    assert len(escape("x" * 10_000)) < 600


async def test_the_command_serves_and_ends_cleanly_at_sigterm(tmp_path: Path) -> None:
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
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signaling", cwd=tmp_path, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    shown = ""
    async with asyncio.timeout(20):
        while "media: UDP" not in shown:
            line = await process.stderr.readline()
            assert line, shown
            shown += line.decode()
        assert f"http://127.0.0.1:{port}/" in shown
        async with aiohttp.ClientSession() as session:
            websocket = await session.ws_connect(
                f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
            )
            await websocket.receive()
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                assert await process.wait() == 0
        rest = (await process.stderr.read()).decode()
    assert "Traceback" not in shown + rest
