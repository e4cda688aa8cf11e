"""A log that cannot be written costs nobody their call."""

import asyncio
import io
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from signaling.logs import LogStream
from tests.browser.server import PROJECT, free_tcp_port, free_udp_port
from tests.signaling.clients import Wire


@pytest.mark.parametrize("form", ["console", "json"])
async def test_a_full_disk_leaves_calls_alone(tmp_path: Path, form: str) -> None:
    port, media_port = free_tcp_port(), free_udp_port()
    command = ["-m", "signaling", "--port", str(port), "--media-port", str(media_port), "--log-format", form]
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "LISTEN_IP": "127.0.0.1"},
            stdout=full,
            stderr=full,
        )
    try:
        async with asyncio.timeout(20):
            while process.poll() is None:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        async with Wire(f"http://127.0.0.1:{port}") as wire:
            assert "rtpCapabilities" in await wire.ask("joinRoom", {"roomName": "r"})
            assert await wire.alive()
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_what_the_system_does_not_take_is_counted(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        stream = LogStream(file)
        assert stream.write("grüße \ud800\n") == 8
        assert (tmp_path / "log").read_text() == "grüße \\ud800\n" and stream.lost == 0
    with open("/dev/full", "w") as full:
        stream = LogStream(full)
        stream.write("a\n")
        stream.write("b\n")
        assert stream.lost == 2 and not stream.isatty()


def test_a_reader_that_is_gone_is_no_error() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as file:
        stream = LogStream(file)
        os.close(read_end)
        stream.write("a\n")
        assert stream.lost == 1


def test_a_stream_without_a_descriptor_is_written_as_it_is() -> None:
    kept = io.StringIO()
    stream = LogStream(kept)
    stream.write("a\n")
    assert kept.getvalue() == "a\n"
    kept.close()
    stream.write("b\n")
    assert stream.lost == 1 and not stream.isatty()
