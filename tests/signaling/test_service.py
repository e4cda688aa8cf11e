"""The systemd unit and the container file, checked as far as that goes without running either."""

import re
import shutil
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
    assert value("TimeoutStopSec") > settings.shutdown_s + 5
    assert "Restart=always" in UNIT and "rtpfwd serve" in UNIT and "rtpfwd doctor" in UNIT


def test_all_that_the_container_file_copies_is_there() -> None:
    for line in CONTAINER.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (PROJECT / source).exists(), source
    assert "USER rtpfwd" in CONTAINER, "not as root"
