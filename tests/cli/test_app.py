import json
from importlib.metadata import EntryPoint, entry_points

import typer
from typer.testing import CliRunner

from rtpfwd.cli.app import GROUP, build_app

runner = CliRunner()


def say_hello() -> None:
    """Greet."""
    typer.echo("hello from elsewhere")


def offer(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_version_tells_what_is_installed():
    result = runner.invoke(build_app([]), ["version"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == [
        "rtpfwd", "Python", "aioice", "pylibsrtp", "cryptography", "pyOpenSSL",
    ]  # fmt: skip


def test_every_command_speaks_json_but_the_server():
    app = build_app(entry_points(group=GROUP))
    every = list(typer.main.get_command(app).commands.items())
    [(_, capture)] = [one for one in every if one[0] == "capture"]
    every += [(f"capture {name}", command) for name, command in capture.commands.items()]
    without = [name for name, one in every if not any("--json" in option.opts for option in one.params)]
    assert sorted(without) == ["capture", "serve"]
    found = json.loads(runner.invoke(build_app([]), ["version", "--json"]).output)
    assert found.keys() >= {"rtpfwd", "Python", "aioice"}


def test_commands_that_others_offer_are_there():
    app = build_app([offer("hello", "tests.cli.test_app:say_hello")])
    assert runner.invoke(app, ["hello"]).output == "hello from elsewhere\n"
    assert "hello" in runner.invoke(app, ["--help"]).output


def test_an_offer_that_cannot_be_loaded_hinders_no_other_command():
    app = build_app([offer("broken", "no.such.module:command")])
    assert runner.invoke(app, ["version"]).exit_code == 0
    result = runner.invoke(app, ["broken"])
    assert result.exit_code == 1
    assert "no.such.module" in result.output


def test_our_own_commands_are_not_replaced():
    app = build_app([offer("version", "tests.cli.test_app:say_hello")])
    assert "hello" not in runner.invoke(app, ["version"]).output
