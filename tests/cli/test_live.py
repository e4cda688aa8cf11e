"""Commands that ask a running server, run against one: a thread of its own serves, with people in a room."""

import asyncio
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from typer.testing import CliRunner, Result

from rtpfwd.cli.app import build_app
from rtpfwd.cli.live.tables import amount, routes_table
from rtpfwd.sfu.routing_table import routing_table
from signaling.app import CallServer
from tests.scenarios.call import Call, camera
from tests.signaling.clients import Person
from tests.signaling.conftest import settings_for_tests, url_of

TOKEN = "an-operators-token"


class Serving:
    """A server in a thread with its own loop, and two people in a room whose names try to harm."""

    def __init__(self, directory: Path, **changes: object) -> None:
        self.url = self.public_url = ""
        self._directory = directory
        self._changes = changes
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await CallServer.start(settings_for_tests(self._directory, **self._changes))
        people = [Person(url_of(server)), Person(url_of(server))]
        try:
            alice, bob = [await one.connect() for one in people]
            await alice.join("[bold]office", displayName="Alice [red]")
            await bob.join("[bold]office", displayName="Bob")
            await alice.transport(consumer=False)
            await bob.consume((await alice.produce("audio"))["id"])
            await bob.settled()  # and so its consumer is resumed
            self.public_url = url_of(server)
            self.url = f"http://127.0.0.1:{server.operators.port}"
            self._ready.set()
            await self._over.wait()
        finally:
            for one in people:
                await one.leave()
            await server.stop()

    def __enter__(self) -> "Serving":
        self._thread.start()
        assert self._ready.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(15)


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """The server's log would be among what the commands print, as both are in this process."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("live")) as one:
        yield one


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(build_app([]), list(arguments), env={"COLUMNS": "200", **environment})


def test_routes_are_a_table_of_ssrcs(serving: Serving) -> None:
    result = run("routes", "--url", serving.url)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split()[:4] == ["SSRC", "what", "who", "address"]
    assert lines[1].startswith("0x") and "audio/opus" in lines[1] and "Alice [red] @ [bold]office" in lines[1]
    assert lines[2].startswith("idle 0x") and "no media yet" in lines[2] and "Bob @ [bold]office" in lines[2]
    assert lines[-1].startswith("1 rooms, 2 transports, 1 streams in, 1 out")


def test_routes_as_json_are_one_document(serving: Serving) -> None:
    answer = json.loads(run("routes", "--json", "--url", serving.url).output)
    assert answer["counts"]["consumers"] == 1
    only = json.loads(run("routes", "--json", "--room", "[bold]office", RTPFWD_URL=serving.url).output)
    assert only["routes"][0]["producerId"] == answer["routes"][0]["producerId"]
    result = run("routes", "--room", "nowhere", "--url", serving.url)
    assert result.exit_code == 1 and "no such room" in result.stderr


def test_top_prints_one_screen_without_a_terminal(serving: Serving) -> None:
    result = run("top", "--url", serving.url)
    assert result.exit_code == 0
    assert "1 rooms, 2 people" in result.output and "loop lag" in result.output and "idle 0x" in result.output
    answer = json.loads(run("top", "--json", "--url", serving.url).output)
    assert answer["server"]["people"] == 2 and len(answer["routes"]["routes"]) == 1


def test_top_looks_again(serving: Serving) -> None:
    result = run("top", "--url", serving.url, "--rounds", "2", "--interval", "0.2")
    assert result.exit_code == 0 and "audio/opus" in result.output


def test_tunables_are_listed_with_range_and_reach(serving: Serving) -> None:
    result = run("tunables", "rtcp.", "--url", serving.url)
    assert result.exit_code == 0
    [line] = [one for one in result.output.splitlines() if one.startswith("rtcp.report_interval_us")]
    assert "100 ms - 30 s" in line and "running" in line and "mediasoup" in line
    answer = json.loads(run("tunables", "--json", "--url", serving.url).output)
    assert len(answer["tunables"]) > 100


def test_set_changes_a_value_and_back(serving: Serving) -> None:
    result = run("set", "rtcp.remb_interval_us=250ms", "pacing.factor=3", "--url", serving.url)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "rtcp.remb_interval_us: 1 s -> 250 ms (running)",
        "pacing.factor: 2.5 -> 3 (running)",
    ]
    changed = run("tunables", "--changed", "--json", "--url", serving.url)
    assert [one["name"] for one in json.loads(changed.output)["tunables"]] == [
        "pacing.factor",
        "rtcp.remb_interval_us",
    ]
    back = run(
        "set", "rtcp.remb_interval_us=default", "pacing.factor=default", "--json", "--url", serving.url
    )
    assert {one["after"] for one in json.loads(back.output)["changed"]} == {1_000_000, 2.5}
    assert "nothing to change" in run("set", "pacing.factor=2.5", "--url", serving.url).output


@pytest.mark.parametrize(
    ("assignment", "code", "text"),
    [
        ("rtcp.remb_interval_us=1", 1, "must be from 100000 to 10000000 µs"),
        ("rtcp.nothing=1", 1, "no tunable"),
        ("plane.history_packets=4096", 1, "cannot be changed while the worker runs"),
        ("rtcp.remb_interval_us", 2, "NAME=VALUE"),
        ("rtcp.remb_interval_us=soon", 2, "a number is expected"),
        ("rtcp.remb_interval_us=5M", 2, "a number is expected"),
    ],
)
def test_what_cannot_be_set_is_said(serving: Serving, assignment: str, code: int, text: str) -> None:
    result = run("set", assignment, "--url", serving.url)
    assert result.exit_code == code
    assert text in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


@pytest.mark.parametrize(
    "command", [["routes"], ["top"], ["tunables"], ["set", "pacing.factor=3"], ["drain"]]
)
def test_a_server_that_is_not_there_has_an_exit_code_of_its_own(command: list[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    result = run(*command, "--json", "--url", nobody)
    assert result.exit_code == 3
    assert nobody in result.stderr and "does not answer" in result.stderr and result.stdout == ""


def test_the_port_of_calls_is_told_from_that_of_operators(serving: Serving) -> None:
    result = run("routes", "--url", serving.public_url)
    assert result.exit_code == 1 and "port of operators" in result.stderr


@pytest.mark.parametrize("url", ["localhost:5001", "ftp://localhost", "http://", "http://h/?q"])
def test_an_address_that_is_none_is_the_command_lines_fault(url: str) -> None:
    assert run("routes", "--url", url).exit_code == 2


def test_a_token_is_asked_for_and_taken(tmp_path: Path) -> None:
    with Serving(tmp_path, operator_token=TOKEN) as one:
        for url in (one.url, one.public_url):
            refused = run("routes", "--url", url)
            assert refused.exit_code == 1 and "--token" in refused.stderr
            assert run("routes", "--url", url, RTPFWD_TOKEN=TOKEN).exit_code == 0
            assert run("routes", "--url", url, "--token", TOKEN, "--json").exit_code == 0
        told = run("drain", "--deadline", "60", "--url", one.url, "--token", TOKEN)
        assert told.output == "draining: 2 people left, 60 s at most\n"
        assert "DRAINING" in run("top", "--url", one.url, "--token", TOKEN).output
        assert (
            run("drain", "--cancel", "--url", one.url, "--token", TOKEN).output == "not draining: 2 people\n"
        )


def test_consumers_stand_under_the_stream_that_they_get() -> None:
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, _ = bob.watch(producer)
    call.run(3)
    console = Console(width=200, markup=False, file=io.StringIO())
    console.print(routes_table(routing_table(call.worker, call.network.now)))
    assert isinstance(console.file, io.StringIO)
    _, route, sent = console.file.getvalue().splitlines()
    assert route.split()[:2] == ["0x00001000", "video/VP8"] and "60" in route and "kbit/s" in route
    assert sent.split()[:2] == ["->", f"0x{consumer.ssrc:08x}"]
    assert "10.0.0.2:5000" in sent and sent.count("kbit/s") >= 1 and "0.0 %" in sent


def test_amounts_have_the_unit_that_suits() -> None:
    assert [
        amount(250_000, "µs"),
        amount(1_500_000, "bit/s"),
        amount(0.85, ""),
        amount(True, ""),
        amount(5, "%"),
    ] == [
        "250 ms",
        "1.5 Mbit/s",
        "0.85",
        "true",
        "5 %",
    ]
