"""The systemd unit and the container file, checked as far as that goes without running either."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signaling.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
UNIT = (PROJECT / "rtpfwd.service").read_text()
CONTAINER = (PROJECT / "Containerfile").read_text()


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on the search path")
    unit = tmp_path / "rtpfwd.service"
    # The paths are those of the README's steps; any program that exists will do.
    unit.write_text(UNIT.replace("/opt/rtpfwd/.venv/bin/rtpfwd", sys.executable))
    done = subprocess.run([program, "verify", unit], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_gives_what_the_settings_ask_for() -> None:
    def value(name: str) -> int:
        found = re.search(rf"^{name}=(\d+)$", UNIT, re.MULTILINE)
        assert found is not None, name
        return int(found[1])

    settings = Settings(_env_file=None)
    assert value("LimitNOFILE") >= settings.limits.sockets + 128
    assert value("TimeoutStopSec") > settings.drain_s + settings.shutdown_s + 5
    assert "Restart=always" in UNIT and "rtpfwd serve" in UNIT and "rtpfwd doctor" in UNIT


def test_all_that_the_container_file_copies_is_there() -> None:
    for line in CONTAINER.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (PROJECT / source).exists(), source
    assert "USER rtpfwd" in CONTAINER, "not as root"


def test_the_journal_gets_one_json_object_a_line(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "signaling", "--port", "0", "--media-port", "0", "--log-format", "json"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "LISTEN_IP": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    with process, process.stdout:
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "serving":
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    serving = next(line for line in lines if line["event"] == "serving")
    assert serving["pages"][0].startswith("http://localhost:") and serving["media"][0].startswith(
        "127.0.0.1:"
    )
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
