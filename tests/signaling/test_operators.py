"""Who may ask the operators' API, and what it answers: real HTTP to a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling.app import CallServer
from signaling.settings import SettingsError
from tests.signaling.clients import Person
from tests.signaling.conftest import MeetPerson, StartServer, url_of

TOKEN = "an-operators-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Operator:
    """Asks one server; ``ask`` gives the status and the JSON."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = aiohttp.ClientSession()

    async def ask(self, method: str, path: str, *, headers: Any = None, **options: Any) -> tuple[int, Any]:
        async with self.session.request(
            method, self.base + path, headers=headers, allow_redirects=False, **options
        ) as response:
            text = await response.text()
            self.headers = response.headers
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return await self.ask("GET", path, headers=headers)


def operators_url(server: CallServer) -> str:
    return f"http://127.0.0.1:{server.operators.port}"


@pytest.fixture
async def operator(server: CallServer) -> AsyncIterator[Operator]:
    one = Operator(operators_url(server))
    yield one
    await one.session.close()


@pytest.fixture
async def call(meet: MeetPerson) -> list[Person]:
    """Two people in a room, one of whom publishes to the other."""
    alice, bob = await meet(), await meet()
    await alice.join("office", displayName="Alice")
    await bob.join("office", displayName="Bob")
    await alice.transport(consumer=False)
    producer = await alice.produce("audio")
    await bob.consume(producer["id"])
    return [alice, bob]


# -- who may ask


async def test_without_a_token_it_listens_on_loopback_alone(server: CallServer, operator: Operator) -> None:
    assert server.operators._runner is not None
    assert [address[0] for address in server.operators._runner.addresses] == ["127.0.0.1"]
    assert (await operator.get("/api/server"))[0] == 200
    assert operator.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/server", "/api/routes", "/metrics", "/stats", "/api/tunables"])
async def test_the_port_of_calls_knows_nothing_of_it_without_a_token(server: CallServer, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url_of(server) + path) as response:
        assert response.status == 404


async def test_another_address_needs_a_token(start: StartServer) -> None:
    with pytest.raises(SettingsError, match=r"operator_host: 0\.0\.0\.0 is not loopback"):
        await start(operator_host="0.0.0.0")
    server = await start(operator_host="0.0.0.0", operator_token=TOKEN)
    assert server.operators.port is not None


async def test_a_short_token_is_refused_and_not_printed(start: StartServer) -> None:
    with pytest.raises(SettingsError, match="operator_token") as refused:
        await start(operator_token="short-one")
    assert "short-one" not in str(refused.value)


async def test_it_can_be_off(start: StartServer) -> None:
    assert (await start(operator=False)).operators.port is None


async def test_a_port_in_use_hinders_nothing_unless_it_was_asked_for(
    start: StartServer, server: CallServer
) -> None:
    taken = server.operators.port
    with pytest.raises(SettingsError, match=f"operators on 127.0.0.1 port {taken}"):
        await start(operator_port=taken)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Cookie": f"token={TOKEN}"}, 401),
        (BEARER, 200),
        ({**BEARER, "Host": "calls.example"}, 200),
        ({**BEARER, "Origin": "https://evil.example"}, 403),
        ({**BEARER, "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_with_a_token_both_ports_serve_whoever_has_it(
    start: StartServer, headers: dict[str, str], status: int
) -> None:
    server = await start(operator_token=TOKEN)
    for base in (operators_url(server), url_of(server)):
        one = Operator(base)
        try:
            for path in ("/api/server", "/api/routes", "/metrics", "/api/ledger"):
                assert (await one.get(path, **headers))[0] == status, path
            assert (await one.get("/stats"))[0] == 200, "the page has nothing to hide"
        finally:
            await one.session.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name of the attacker's that resolves to loopback
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "10.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_pages_of_others_cannot_ask_through_the_operators_browser(
    operator: Operator, headers: dict[str, str]
) -> None:
    for path in ("/api/server", "/metrics"):
        status, answer = await operator.get(path, **headers)
        assert status == 403 and answer["error"]["code"] == "forbidden"
    status, _ = await operator.ask("PATCH", "/api/tunables", headers=headers, json={"pacing.factor": 3})
    assert status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1", "[::1]:5001"])
async def test_names_of_loopback_are_served(operator: Operator, host: str) -> None:
    assert (await operator.get("/api/server", Host=host))[0] == 200


async def test_what_a_form_can_send_changes_nothing(operator: Operator) -> None:
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        status, _ = await operator.ask(
            "POST", "/api/drain", data="{}", headers={"Content-Type": content_type}
        )
        assert status == 415
    assert (await operator.get("/api/drain"))[1] == {"draining": False, "people": 0}


# -- what it answers


@pytest.mark.usefixtures("call")
async def test_routes_name_rooms_and_people(server: CallServer, operator: Operator) -> None:
    status, table = await operator.get("/api/routes")
    assert status == 200
    assert table["counts"] == {"routers": 1, "transports": 2, "streams": 1, "consumers": 1}
    [route] = table["routes"]
    [consumer] = route["consumers"] + table["idle"]
    assert [room["name"] for room in table["rooms"]] == ["office"]
    assert route["routerId"] == table["rooms"][0]["routerId"]
    assert table["people"][route["transportId"]]["displayName"] == "Alice"
    assert table["people"][consumer["transportId"]]["displayName"] == "Bob"
    assert (await operator.get("/api/routes?room=office&limit=1"))[1]["truncated"]
    status, answer = await operator.get("/api/routes?room=nowhere")
    assert (status, answer["error"]["code"]) == (404, "not_found")


@pytest.mark.usefixtures("call")
async def test_transports_and_server_are_told(operator: Operator) -> None:
    _, told = await operator.get("/api/transports")
    assert {one["displayName"] for one in told["transports"]} == {"Alice", "Bob"}
    assert {one["room"] for one in told["transports"]} == {"office"} and not told["truncated"]
    _, server = await operator.get("/api/server")
    assert (server["rooms"], server["people"], server["draining"]) == (1, 2, False)
    assert server["counters"]["streams"]["keyFrames"] == 0


async def test_tunables_are_read_changed_and_in_the_ledger(server: CallServer, operator: Operator) -> None:
    _, told = await operator.get("/api/tunables?prefix=rtcp.report_interval")
    [one] = told["tunables"]
    assert (one["name"], one["value"], one["unit"]) == ("rtcp.report_interval_us", 1_000_000, "µs")
    status, told = await operator.ask("PATCH", "/api/tunables", json={"rtcp.report_interval_us": 500_000})
    assert status == 200 and told["changed"][0]["after"] == 500_000
    assert server.driver.worker.tunables.read("rtcp.report_interval_us") == 500_000
    _, told = await operator.get("/api/ledger?subject=rtcp.report_interval_us&what=tunable")
    [decision] = told["decisions"]
    assert (decision["before"], decision["after"], decision["reason"]) == (1_000_000, 500_000, "asked")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"rtcp.report_interval_us": 1}', 422),
        (b'{"rtcp.nothing": 1}', 404),
        (b'{"rtcp.report_interval_us": "500000"}', 400),
        (b'{"rtcp.report_interval_us": null}', 400),
        (b'{"rtcp.report_interval_us": NaN}', 422),
        (b"{}", 400),
        (b"[]", 400),
        (b"", 400),
        (b"{", 400),
        (b'{"a": ' * 5000, 400),
        (b'{"' + b"a" * 70_000 + b'": 1}', 413),
        (json.dumps({f"a{n}": 1 for n in range(300)}).encode(), 400),
    ],
)
async def test_changes_that_cannot_be_are_refused(operator: Operator, body: bytes, status: int) -> None:
    got, answer = await operator.ask(
        "PATCH", "/api/tunables", data=body, headers={"Content-Type": "application/json"}
    )
    assert got == status and answer["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/routes?limit=0",
        "/api/routes?limit=many",
        "/api/routes?limit=999999999",
        "/api/routes?unknown=1",
        "/api/ledger?since=-1",
        "/api/ledger?what=nothing",
        f"/api/tunables?prefix={'x' * 200}",
    ],
)
async def test_queries_are_checked(operator: Operator, path: str) -> None:
    status, answer = await operator.get(path)
    assert status == 400 and answer["error"]["code"] == "bad_request"


async def test_what_is_not_served_is_not_there(operator: Operator) -> None:
    assert (await operator.get("/api/nothing"))[0] == 404
    assert (await operator.ask("DELETE", "/api/routes"))[0] == 405
    assert (await operator.get("/"))[0] == 302


# -- captures


async def test_without_a_recorder_captures_are_not_available(operator: Operator) -> None:
    assert (await operator.get("/api/captures"))[1] == {"available": False, "captures": [], "dumps": []}
    assert (await operator.ask("POST", "/api/flight", json={"scope": "server"}))[0] == 501
    assert (await operator.ask("POST", "/api/captures", json={"scope": "server"}))[0] == 501
    assert (await operator.ask("DELETE", "/api/captures/c0"))[0] == 501


async def test_captures_are_started_listed_and_stopped(
    start: StartServer, meet: MeetPerson, tmp_path: Path
) -> None:
    server = await start(capture_dir=tmp_path / "captures")
    alice = await meet(server)
    await alice.join("office")
    transport = await alice.transport(consumer=False)
    operator = Operator(operators_url(server))
    try:
        nothing = {"available": True, "captures": [], "dumps": []}
        assert (await operator.get("/api/captures"))[1] == nothing
        target = {"scope": "transport", "id": transport["id"]}
        status, made = await operator.ask("POST", "/api/captures", json=target)
        assert status == 201 and made["running"]
        _, listed = await operator.get("/api/captures")
        assert [(one["id"], one["scope"], one["of"]) for one in listed["captures"]] == [
            (made["id"], "transport", transport["id"])
        ]
        await operator.ask("PATCH", "/api/tunables", json={"pacing.factor": 3})
        status, ended = await operator.ask("DELETE", f"/api/captures/{made['id']}")
        assert status == 200 and not ended["running"]
        assert (await operator.ask("DELETE", "/api/captures/none"))[0] == 404
        assert (await operator.ask("POST", "/api/captures", json={"scope": "room", "id": "x"}))[0] == 404
        for wrong in ({"scope": "server", "id": "x"}, {"scope": "producer"}, {"scope": "disk"}, []):
            assert (await operator.ask("POST", "/api/captures", json=wrong))[0] == 400
    finally:
        await operator.session.close()
    await server.stop()  # the file is complete then
    assert b"pacing.factor" in Path(made["file"]).read_bytes(), "a change is in the captures of its time"


@pytest.mark.parametrize("scope", ["room", "peer", "transport", "producer"])
async def test_every_scope_can_be_recorded_also_in_wire_form(
    start: StartServer, meet: MeetPerson, tmp_path: Path, scope: str
) -> None:
    server = await start(capture_dir=tmp_path)
    alice = await meet(server)
    await alice.join("office")
    transport = await alice.transport(consumer=False)
    producer = await alice.produce("audio")
    [room] = server.rooms
    ids = {
        "room": room.router.id,
        "peer": next(iter(room.peers.values())).id,
        "transport": transport["id"],
        "producer": producer["id"],
    }
    operator = Operator(operators_url(server))
    try:
        target = {"scope": scope, "id": ids[scope], "wire": True, "maxBytes": 50_000}
        status, made = await operator.ask("POST", "/api/captures", json=target)
        assert status == 201, made
        assert (made["scope"], made["of"], made["running"]) == (scope, ids[scope], True)
        assert (await operator.ask("DELETE", f"/api/captures/{made['id']}"))[0] == 200
        for wrong in ({"maxBytes": 5}, {"maxBytes": True}, {"wire": "yes"}, {"id": None}, {"more": 1}):
            assert (await operator.ask("POST", "/api/captures", json=target | wrong))[0] == 400
    finally:
        await operator.session.close()
    await server.stop()
    assert transport["id"].encode() in Path(made["file"]).read_bytes()


async def test_the_flight_recorder_can_be_kept(start: StartServer, meet: MeetPerson, tmp_path: Path) -> None:
    server = await start(capture_dir=tmp_path)
    alice = await meet(server)
    await alice.join("office")
    transport = await alice.transport(consumer=False)
    [room] = server.rooms
    peer_id = next(iter(room.peers.values())).id
    operator = Operator(operators_url(server))
    try:
        files = []
        for target in (
            {"scope": "server", "maxBytes": 100_000},
            {"scope": "room", "id": room.router.id},
            {"scope": "peer", "id": peer_id},
            {"scope": "transport", "id": transport["id"]},
        ):
            status, made = await operator.ask("POST", "/api/flight", json=target)
            assert status == 201, made
            files.append(made["file"])
        _, listed = await operator.get("/api/captures")
        assert [one["file"] for one in listed["dumps"]] == files[::-1]
        for unknown in ({"scope": "room", "id": "x"}, {"scope": "peer", "id": "x"}):
            assert (await operator.ask("POST", "/api/flight", json=unknown))[0] == 404
        for wrong in (
            {"scope": "producer", "id": "x"},
            {"scope": "room"},
            {"scope": "server", "maxBytes": 1},
            [],
        ):
            assert (await operator.ask("POST", "/api/flight", json=wrong))[0] == 400
    finally:
        await operator.session.close()
    await server.stop()
    assert all(b"headers only: asked" in Path(one).read_bytes() for one in files)


async def test_many_at_once_are_answered(operator: Operator) -> None:
    answers = await asyncio.gather(*(operator.get("/api/server") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
