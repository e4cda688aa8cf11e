"""``rtpfwd token`` makes what the server takes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from signaling.settings import Limits
from signaling.token_command import parse_duration, parse_grants, token
from signaling.tokens import Doorkeeper, Grants
from tests.signaling.conftest import MeetPerson, StartServer

SECRETS = ("a secret of the tests of thirty-two or more", "the secret before that one and just as long")
DOOR = Doorkeeper(SECRETS[:1], Limits())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN_SECRETS", ",".join(SECRETS))
    yield


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(token)
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output.strip()


def test_it_prints_a_token_signed_with_the_first_secret() -> None:
    code, made = run("--room", "r", "--name", "Ann", "--grants", "subscribe,moderate", "--expires", "5m")
    assert code == 0
    ticket = DOOR.admit("r", made)
    assert (ticket.name, ticket.grants) == ("Ann", Grants(publish=False, subscribe=True, moderate=True))


def test_a_link_carries_it_where_no_server_sees_it() -> None:
    _, link = run("--room", "our room/1", "--url", "https://call.example/")
    page, _, made = link.partition("#token=")
    assert page == "https://call.example/room/our%20room%2F1"
    assert DOOR.admit("our room/1", made).grants == Grants()


def test_programs_get_both_as_json() -> None:
    _, text = run("--room", "r", "--url", "https://call.example", "--json")
    found = json.loads(text)
    assert found["link"].endswith("#token=" + found["token"])
    assert json.loads(run("--room", "r", "--json")[1])["link"] is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--room", ""], "room"),
        (["--room", "r", "--name", "a\nb"], "name"),
        (["--room", "r", "--grants", "everything"], "unknown grant: everything"),
        (["--room", "r", "--expires", "soon"], "not a duration"),
    ],
)
def test_what_makes_no_token_is_said(arguments: list[str], why: str) -> None:
    code, output = run(*arguments)
    assert code == 2 and why in output


def test_an_open_server_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN_SECRETS")
    code, output = run("--room", "r")
    assert code == 2 and "openssl rand -hex 32" in output


def test_durations_and_grants() -> None:
    assert [parse_duration(text) for text in ("90s", "15m", "1h", "7d")] == [90, 900, 3600, 604_800]
    assert parse_grants("") == Grants(publish=False, subscribe=False, moderate=False)


async def test_the_server_takes_it(start: StartServer, meet: MeetPerson) -> None:
    server = await start(token_secrets=",".join(SECRETS))
    _, made = run("--room", "r", "--name", "Ann")
    ann = await meet(server)
    assert (await ann.join(token=made))["displayName"] == "Ann"
