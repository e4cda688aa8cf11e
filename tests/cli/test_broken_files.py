"""Every command that reads a file, and every kind of wrong file: a clear line, an exit code, no traceback."""

import gzip
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from tests.inspection.calls import pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
GOOD = (PCAPS / "opus.pcapng").read_bytes()
START = GOOD[:60_000]
COMMANDS = {
    "inspect": [],
    "replay": [],
    "explain": ["--consumer", "9"],
    "minimise": ["--check", "tests.cli.test_broken_files:fails", "--tries", "3", "--out", "out.pcapng"],
    "tune": ["--repeat", "1", "--seeds", "1", "--jobs", "1"],
}
READABLE = {"cut", "foreign", "block length", "bad call", "bad argument", "other version", "start only"}
"""Some commands make something of these, up to where they break."""
FILES = {
    "empty": b"",
    "one byte": b"\x0a",
    "text": b"this is no capture at all, whatever it says",
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "random": random.Random(1).randbytes(5000),
    "no packets": pcapng([]),
    "cut": GOOD[: len(GOOD) // 2],
    "start only": GOOD[:600],
    "other version": GOOD.replace(b'"version":1', b'"version":9', 1),
    "bad call": GOOD.replace(b'"kind":"seam.add_transport"', b'"kind":"seam.add_transp0rt"', 1),
    "bad argument": GOOD.replace(b'"seam.set_keys","value":[', b'"seam.set_keys","value":{', 1),
    "block length": START + b"\xff\xff\xff\xff" * 8 + GOOD[60_000:],
    "foreign": pcapng(voice(40))[:-7],
    "gzip": gzip.compress(GOOD)[:5000],
    "gzip of nothing": gzip.compress(b""),
}


def fails(played: object) -> None:
    raise AssertionError("as it should")


def run(command: str, path: Path):
    result = CliRunner().invoke(build_app([]), [command, str(path), *COMMANDS[command]])
    assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exception)
    assert "Traceback" not in result.output
    return result


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", FILES)
def test_a_wrong_file_is_one_line_and_a_code(tmp_path: Path, command: str, kind: str):
    path = tmp_path / "file"
    path.write_bytes(FILES[kind])
    result = run(command, path)
    if kind in READABLE and result.exit_code in (0, 3):
        return
    if kind == "no packets" and command == "inspect":
        assert result.exit_code == 0  # there is nothing wrong with it
        return
    assert result.exit_code in (1, 2), result.output
    [line] = result.stderr.splitlines()
    assert line.startswith(f"rtpfwd {command}: ") and len(line) > 25


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", ["absent", "."])
def test_what_cannot_be_opened_is_one_line_and_a_code(command: str, path: str):
    result = run(command, Path(path))
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"rtpfwd {command}: {path}: ")


def test_the_check_that_is_asked_for_here_is_found(tmp_path: Path):
    (tmp_path / "file").write_bytes(FILES["cut"])
    assert run("minimise", tmp_path / "file").exit_code == 0
    check = COMMANDS["minimise"][:2]
    for path in (".", "/", "..", "file"):
        result = CliRunner().invoke(build_app([]), ["minimise", path, *check, "--tries", "2"])
        assert result.exit_code == (0 if path == "file" else 1), result.output
    assert Path("file-minimised.pcapng").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_with_bytes_changed_anywhere_breaks_nothing(tmp_path: Path, command: str):
    chance = random.Random(f"{command} 1")
    small = GOOD[: 30_000 if command == "tune" else 60_000]
    for _ in range(3 if command == "tune" else 8):
        data = bytearray(small)
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / "file"
        path.write_bytes(data)
        result = run(command, path)
        assert result.exit_code in (0, 1, 2, 3)
        assert result.exit_code in (0, 3) or f"rtpfwd {command}: " in result.stderr


def test_json_goes_with_the_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(FILES["cut"])
    for command in ("inspect", "replay", "explain"):
        result = CliRunner().invoke(build_app([]), [command, "file", "--json", *COMMANDS[command]])
        assert result.exit_code == 1 and "stops in the middle" in result.stderr
        assert isinstance(json.loads(result.stdout), dict)
