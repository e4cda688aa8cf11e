"""Real servers on the loopback address, and everything that was opened closed again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aioice.ice
import pytest

from rtpfwd.drivers.interfaces import ListenSettings
from rtpfwd.drivers.realtime import RealtimeDriver
from signaling.app import CallServer
from signaling.settings import load_settings
from tests.interop.studio import Studio


@pytest.fixture(autouse=True)
def loopback_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiortc gathers on 127.0.0.1 alone, so that the tests need no other interface."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """An SFU in this process, and its peers."""
    driver = await RealtimeDriver.start(ListenSettings(ips=["127.0.0.1"], port=0))
    one = Studio(driver)
    yield one
    failures = driver_failures(driver)
    await one.close()
    assert not failures


@pytest.fixture
async def call_server(tmp_path: Path) -> AsyncIterator[CallServer]:
    """The signaling server with its SFU on free ports of the loopback address."""
    settings = load_settings(
        env_file=None,
        host="127.0.0.1",
        port=0,
        listen_ip="127.0.0.1",
        mediasoup_listen_port=0,
        static_dir=tmp_path,
        tls_dir=tmp_path / "certificates",
        shutdown_s=2.0,
    )
    server = await CallServer.start(settings)
    yield server
    failures = driver_failures(server.driver)
    await server.stop()
    assert not failures


def driver_failures(driver: RealtimeDriver) -> dict[str, int]:
    """Exceptions that the driver survived: bugs, whatever the peers did."""
    return {name: count for name, count in driver.counters().items() if name.endswith("_failures") and count}
