"""``rtpfwd capture`` against a server that may record, and one that may not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from rtpfwd.cli.app import build_app
from rtpfwd.drivers.recordings import read_items
from rtpfwd.wire.captures.items import Record
from tests.cli import test_live
from tests.cli.test_live import Serving

quiet = test_live.quiet


def run(*arguments: str) -> Result:
    result = test_live.run("capture", *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    directory = tmp_path_factory.mktemp("captures")
    with Serving(directory, capture_dir=directory / "files") as one:
        yield one


@pytest.fixture(scope="module")
def table(serving: Serving) -> dict:
    return json.loads(test_live.run("routes", "--json", "--url", serving.url).output)


def started(*arguments: str, url: str) -> dict:
    result = run("start", *arguments, "--json", "--url", url)
    assert result.exit_code == 0, result.output
    made: dict = json.loads(result.stdout)
    return made


@pytest.mark.parametrize("scope", ["everything", "room", "peer", "transport", "producer", "consumer"])
def test_every_scope_is_recorded_until_it_is_stopped(serving: Serving, table: dict, scope: str) -> None:
    route = table["routes"][0]
    transport = route["transportId"]
    ids = {
        "room": "[bold]office",
        "peer": table["people"][transport]["peerId"],
        "transport": transport,
        "producer": route["producerId"],
        "consumer": table["idle"][0]["consumerId"],
    }
    options = [] if scope == "everything" else [f"--{scope}", ids[scope]]
    made = started(*options, url=serving.url)
    assert made["running"]
    result = run("stop", made["id"], "--json", "--url", serving.url)
    [ended] = json.loads(result.stdout)["captures"]
    assert (ended["id"], ended["running"], ended["ended"]) == (made["id"], False, "asked")
    assert Path(made["file"]).exists()


def test_people_read_what_is_recorded_and_where(serving: Serving) -> None:
    result = run("start", "--wire", "--max-mb", "0.5", "--url", serving.url)
    assert result.exit_code == 0
    name, _, path = result.output.strip().partition(": recording to ")
    listed = run("list", "--url", serving.url).output
    assert any(name in line and "running" in line and path in line for line in listed.splitlines())
    stopped = run("stop", "--url", serving.url).output
    assert stopped.startswith(f"{name}: ") and path in stopped
    assert run("stop", "--url", serving.url).output == "nothing is being recorded\n"
    assert "asked" in run("list", "--url", serving.url).output


def test_the_flight_recorder_is_kept(serving: Serving, table: dict) -> None:
    transport = table["routes"][0]["transportId"]
    for options in ([], ["--room", "[bold]office"], ["--transport", transport, "--max-mb", "1"]):
        result = run("flight", *options, "--url", serving.url)
        assert result.exit_code == 0, result.output
        path = result.output.strip()
        assert path.endswith(".pcapng") and "flight-asked" in path
        listed = json.loads(run("list", "--json", "--url", serving.url).stdout)
        assert listed["dumps"][0]["file"] == path
    assert json.loads(run("flight", "--json", "--url", serving.url).stdout)["file"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["start", "--room", "nowhere"], 1, "no such room"),
        (["start", "--peer", "nobody"], 1, "no transport of a peer 'nobody'"),
        (["start", "--transport", "none"], 1, "no transport 'none'"),
        (["start", "--producer", "none"], 1, "no producer or consumer 'none'"),
        (["start", "--peer", "a", "--transport", "b"], 2, "not several"),
        (["start", "--max-mb", "0"], 2, "max-mb"),
        (["stop", "no/such"], 1, "no capture 'no/such'"),
        (["flight", "--peer", "nobody"], 1, "no transport of a peer"),
        (["flight", "--producer", "x"], 2, "No such option"),
    ],
)
def test_what_cannot_be_recorded_is_said(
    serving: Serving, arguments: list[str], code: int, text: str
) -> None:
    result = run(*arguments, "--url", serving.url)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in " ".join(result.stderr.replace("│", " ").split())


def test_a_server_without_a_directory_says_so(tmp_path: Path) -> None:
    with Serving(tmp_path) as one:
        assert "does not record" in run("list", "--url", one.url).output
        for command in ("start", "flight"):
            result = run(command, "--url", one.url)
            assert result.exit_code == 1 and "does not record" in result.stderr


def test_a_recording_that_was_asked_for_holds_the_calls(tmp_path: Path) -> None:
    with Serving(tmp_path, capture_dir=tmp_path / "files") as one:
        made = started("--room", "[bold]office", url=one.url)
    items = list(read_items(Path(made["file"])))  # complete, as the server has ended
    kinds = [one.kind for one in items if isinstance(one, Record)]
    assert kinds[0] == "start" and kinds[-1] == "end" and "seam.add_transport" in kinds


def test_commands_of_others_cannot_take_its_name() -> None:
    assert [one.typer_instance.info.name for one in build_app([]).registered_groups] == ["capture"]
