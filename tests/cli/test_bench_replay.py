"""The bench of replays: equal, and flat in memory."""

import json

from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from rtpfwd.cli.bench.replay import ReplayBenchSettings, run_replay


def test_a_replay_is_measured_and_its_memory_stays_flat():
    result = run_replay(ReplayBenchSettings(packets=3000, rounds=2))
    assert result.packets == 3000 * 3
    assert result.packets_per_cpu_second > 1000
    assert result.times_faster_than_life > 1
    assert result.grown_kib < result.file_bytes // 1024 // 2


def test_the_command_prints_it(monkeypatch):
    monkeypatch.setattr(
        "rtpfwd.cli.bench.command.ReplayBenchSettings", lambda plane: ReplayBenchSettings(300)
    )
    result = CliRunner().invoke(build_app([]), ["bench", "replay", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["packets"] == 900
    assert "faster than life" in CliRunner().invoke(build_app([]), ["bench", "replay"]).stdout
