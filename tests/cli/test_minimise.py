"""``rtpfwd minimise`` as people call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CHECKS = """
from rtpfwd.testing.gaps import assert_no_gaps

def gaps(played):
    assert_no_gaps(played.consumer().packets)

def nothing(played):
    pass

number = 5
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A directory with a module of checks, whose name it gives."""
    monkeypatch.chdir(tmp_path)
    name = "checks_of_captures"
    (tmp_path / f"{name}.py").write_text(CHECKS)
    return name


def run(*arguments):
    result = CliRunner().invoke(build_app([]), ["minimise", *(str(one) for one in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_capture_becomes_as_small_as_the_fault(here):
    file = PCAPS / "opus-loss.pcapng"
    result = run(file, "--check", f"{here}:gaps", "--out", "small.pcapng", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["packets"], document["finished"], document["file"]) == (2, True, "small.pcapng")
    assert document["bytes"] == Path("small.pcapng").stat().st_size < document["bytesBefore"]
    text = run("small.pcapng", "--check", f"{here}:gaps", "--tries", 1).stdout
    assert text.startswith("small-minimised.pcapng: 2 of 2 packets")
    assert "stopped there" in text


@pytest.mark.parametrize(
    ("file", "check", "code", "complaint"),
    [
        ("opus.pcapng", "nothing", 1, "the check passes"),
        ("none.pcapng", "nothing", 1, "No such file"),
        ("README.md", "nothing", 1, "README.md: "),
        ("opus.pcapng", "absent", 2, "has no attribute 'absent'"),
        ("opus.pcapng", "number", 2, "is no function"),
    ],
)
def test_what_cannot_be_done_is_one_line(here, file, check, code, complaint):
    result = run(PCAPS / file, "--check", f"{here}:{check}", "--out", "out.pcapng")
    assert (result.exit_code, result.stdout) == (code, "")
    assert complaint in result.stderr and len(result.stderr.splitlines()) == 1
    assert not Path("out.pcapng").exists()


def test_a_wrong_command_line_is_exit_code_2(here):
    file = PCAPS / "opus.pcapng"
    for check in ("nowhere:check", "nocolon", ":", f"{here}:"):
        assert run(file, "--check", check).exit_code == 2
    assert run(file).exit_code == 2
    assert run(file, "--check", f"{here}:gaps", "--out", file).exit_code == 2
    assert run(file, "--check", f"{here}:gaps", "--plane", "imaginary", "--out", "o").exit_code == 2
