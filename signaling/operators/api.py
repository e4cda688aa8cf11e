"""The operators' API: JSON over HTTP, every request checked against a schema, every answer bounded.

``GET /api/server`` | ``GET /api/routes`` ``?room&limit`` | ``GET /api/transports`` ``?room&limit`` |
``GET /api/ledger`` ``?subject&what&since&limit`` | ``GET /api/tunables`` ``?prefix``, ``PATCH`` ``{name:
value}`` | ``GET /api/drain``, ``POST`` ``{deadlineS?}``, ``DELETE`` | ``GET /api/captures``, ``POST``
``{scope, id?, wire?, maxBytes?}``, ``DELETE /api/captures/{id}`` | ``POST /api/flight`` ``{scope, id?,
maxBytes?}``.

Refusals are ``{error: {code, message}}`` with 400, 404, 409, 413, 422 or 501.
"""

import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rtpfwd.errors import CallerError, NotFoundError
from rtpfwd.sfu.ledger import What
from rtpfwd.sfu.routing_table import routing_table

from .captures import CaptureControl, CaptureTarget, FlightTarget
from .guard import Guard, error_response, json_response
from .server import OperatedServer

if TYPE_CHECKING:
    from signaling.room import Room

MOST_ROWS = 5_000
ROWS = 500
"""A row takes some 25 µs, in which the loop does nothing else."""
MOST_BODY = 65_536  # bytes
MOST_CHANGES = 200
TARGETS = 200  # recordings of which it is remembered what they are of

log = structlog.get_logger("signaling")


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowsQuery(_Query):
    """Of a room by its name, or of all."""

    room: Annotated[str, Field(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS


class LedgerQuery(_Query):
    """Of a subject by its id, of a kind, from a number on; the latest ``limit`` of them."""

    subject: Annotated[str, Field(max_length=100)] | None = None
    what: What | None = None
    since: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS


class TunablesQuery(_Query):
    """Names that begin so."""

    prefix: Annotated[str, Field(max_length=100)] = ""


class DrainRequest(_Query):
    """How long calls may go on; none: the setting ``drain_s``."""

    deadline_s: float | None = Field(default=None, ge=0, le=86_400, allow_inf_nan=False, alias="deadlineS")


Changes = TypeAdapter(
    Annotated[dict[str, bool | int | float], Field(min_length=1, max_length=MOST_CHANGES)],
    config=ConfigDict(strict=True),
)
AnyQuery = TypeVar("AnyQuery", bound=BaseModel)


class OperatorApi:
    """Answers for one server."""

    def __init__(self, server: OperatedServer) -> None:
        self.captures: CaptureControl | None = None
        self._targets: dict[str, CaptureTarget] = {}  # by recording, the latest ones
        self._server = server
        self._worker = server.driver.worker
        self._started = time.monotonic()

    def add_routes(self, router: web.UrlDispatcher, guard: Guard) -> None:
        """All of them, behind ``guard``."""
        for method, path, handler in (
            ("GET", "/api/server", self.server),
            ("GET", "/api/routes", self.routes),
            ("GET", "/api/transports", self.transports),
            ("GET", "/api/ledger", self.ledger),
            ("GET", "/api/tunables", self.tunables),
            ("PATCH", "/api/tunables", self.change_tunables),
            ("GET", "/api/drain", self.drain),
            ("POST", "/api/drain", self.begin_drain),
            ("DELETE", "/api/drain", self.cancel_drain),
            ("GET", "/api/captures", self.list_captures),
            ("POST", "/api/captures", self.start_capture),
            ("DELETE", "/api/captures/{id}", self.stop_capture),
            ("POST", "/api/flight", self.dump_flight),
        ):
            router.add_route(method, path, guard.protect(_refusing(handler)))

    async def server(self, _request: web.Request) -> web.Response:
        """How the process is."""
        server, lag = self._server, self._server.driver.loop_lag
        return json_response(
            {
                "version": version("rtpfwd"),
                "uptimeS": round(time.monotonic() - self._started, 1),
                "rooms": len(server.rooms),
                "people": server.rooms.peers,
                "loopLagMs": lag.last_us / 1000,
                "loopLagWorstMs": lag.worst_us / 1000,
                "captures": self.captures is not None,
                **server.drain.to_json(),
                "counters": self._worker.counters(),
            }
        )

    async def routes(self, request: web.Request) -> web.Response:
        """The routing table of ``sfu``, with ``rooms`` (routers) and ``people`` by transport."""
        query = _query(RowsQuery, request)
        rooms = list(self._rooms(query.room))
        router_id = None if query.room is None else rooms[0].router.id
        table = routing_table(
            self._worker, self._server.driver.now(), router_id=router_id, at_most=query.limit
        )
        rows = [*table["routes"], *table["idle"]]
        rows += [consumer for route in table["routes"] for consumer in route["consumers"]]
        shown = {row["transportId"] for row in rows}
        table["rooms"] = [
            {"routerId": room.router.id, "name": room.name, "people": len(room.peers)}
            for room in rooms[: query.limit]
        ]
        table["people"] = {
            transport_id: {"peerId": peer.id, "displayName": peer.display_name}
            for room in rooms
            for peer in room.peers.values()
            for transport_id in peer.transports
            if transport_id in shown
        }
        return json_response(table)

    async def transports(self, request: web.Request) -> web.Response:
        """Stats of each transport under mediasoup's names, its drops, and the state of its estimate."""
        query = _query(RowsQuery, request)
        now = self._server.driver.now()
        found: list[dict[str, Any]] = []
        rooms = list(self._rooms(query.room))
        every = [
            (room, peer, one)
            for room in rooms
            for peer in room.peers.values()
            for one in peer.transports.values()
        ]
        for room, peer, transport in every[: query.limit]:
            [stats] = transport.get_stats(now=now)
            dump = transport.dump()
            found.append(
                {
                    **stats,
                    "room": room.name,
                    "peerId": peer.id,
                    "displayName": peer.display_name,
                    "drops": dump["drops"],
                    "bandwidth": dump["bandwidth"],
                }
            )
        return json_response({"transports": found, "truncated": len(every) > query.limit})

    async def ledger(self, request: web.Request) -> web.Response:
        """What was decided and why."""
        query = _query(LedgerQuery, request)
        ledger = self._worker.ledger
        found = [
            one
            for one in ledger
            if one.number >= query.since
            and query.subject in (None, one.subject_id)
            and query.what in (None, one.what)
        ]
        kept = found[-query.limit :]
        return json_response(
            {
                "noted": ledger.noted,
                "truncated": len(kept) < len(found),
                "decisions": [one.to_json() for one in kept],
            }
        )

    async def tunables(self, request: web.Request) -> web.Response:
        """All that can be turned."""
        query = _query(TunablesQuery, request)
        return json_response({"tunables": self._worker.tunables.to_json(query.prefix)})

    async def change_tunables(self, request: web.Request) -> web.Response:
        """All of the changes or none; tells those that are other values now."""
        values = Changes.validate_json(await _body(request))
        changed = self._worker.tunables.change(values, now=self._server.driver.now())
        self._server.driver.flush()
        for one in changed:
            log.info("tunable changed", name=one["name"], before=one["before"], after=one["after"])
        return json_response({"changed": changed})

    async def drain(self, _request: web.Request) -> web.Response:
        """Whether the server drains."""
        return json_response(self._server.drain.to_json())

    async def begin_drain(self, request: web.Request) -> web.Response:
        """Nobody new from now on; the server stops when everybody has left, or after ``deadlineS``."""
        asked = DrainRequest.model_validate_json(await _body(request) or b"{}")
        deadline = self._server.settings.drain_s if asked.deadline_s is None else asked.deadline_s
        self._server.drain.begin(deadline, "asked by an operator")
        return json_response(self._server.drain.to_json(), 202)

    async def cancel_drain(self, _request: web.Request) -> web.Response:
        """The server goes on."""
        self._server.drain.cancel()
        return json_response(self._server.drain.to_json())

    async def list_captures(self, _request: web.Request) -> web.Response:
        """Recordings and the flight recorder's files; ``available`` tells whether there can be any."""
        listed = [] if self.captures is None else self.captures.list()
        return json_response(
            {
                "available": self.captures is not None,
                "captures": [self._described(one) for one in listed],
                "dumps": [] if self.captures is None else self.captures.dumps(),
            }
        )

    async def start_capture(self, request: web.Request) -> web.Response:
        """Begins to record."""
        target = CaptureTarget.model_validate_json(await _body(request))
        if self.captures is None:
            return _no_captures()
        made = self.captures.start(target)
        self._server.driver.flush()
        self._targets[made["id"]] = target
        if len(self._targets) > TARGETS:
            del self._targets[next(iter(self._targets))]
        log.info("recording", capture=made["id"], scope=target.scope, of=target.id, wire=target.wire)
        return json_response(self._described(made), 201)

    async def stop_capture(self, request: web.Request) -> web.Response:
        """Ends a recording."""
        if self.captures is None:
            return _no_captures()
        return json_response(self._described(self.captures.stop(request.match_info["id"])))

    async def dump_flight(self, request: web.Request) -> web.Response:
        """Writes down what the flight recorder has of the last minute."""
        target = FlightTarget.model_validate_json(await _body(request))
        if self.captures is None:
            return _no_captures()
        made = self.captures.dump(target)
        log.info("flight recorder kept", file=made["file"], scope=target.scope, of=target.id)
        return json_response(made, 201)

    def _described(self, capture: dict[str, Any]) -> dict[str, Any]:
        target = self._targets.get(capture["id"])
        return capture if target is None else {**capture, "scope": target.scope, "of": target.id}

    def _rooms(self, name: str | None) -> "Iterator[Room]":
        if name is None:
            yield from self._server.rooms
            return
        room = self._server.rooms.get(name)
        if room is None:
            raise NotFoundError("no such room")
        yield room


def _refusing(handler: Any) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)[:3]
            text = "; ".join(f"{'.'.join(map(str, one['loc']))[:100]}: {one['msg']}" for one in faults)
            return error_response(400, "bad_request", text)
        except NotFoundError as error:
            return error_response(404, "not_found", str(error)[:300])
        except OSError as error:
            log.warning("operators' request failed", reason=str(error))
            return error_response(500, "internal", error.strerror or "input or output failed")
        except CallerError as error:
            return error_response(422, "refused", str(error)[:300])
        except web.HTTPRequestEntityTooLarge:
            return error_response(413, "bad_request", f"more than {MOST_BODY} bytes")
        return response

    return answer


def _query(model: type[AnyQuery], request: web.Request) -> AnyQuery:
    return model.model_validate(dict(request.query))


async def _body(request: web.Request) -> bytes:
    body = await request.content.read(MOST_BODY + 1)
    while len(body) <= MOST_BODY and not request.content.at_eof():
        body += await request.content.read(MOST_BODY + 1 - len(body))
    if len(body) > MOST_BODY:
        raise web.HTTPRequestEntityTooLarge(MOST_BODY, len(body))
    return body


def _no_captures() -> web.Response:
    return error_response(501, "unsupported", "this server does not record")
