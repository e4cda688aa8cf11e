"""Socket.IO's server, hardened: the one place that knows python-socketio's
insides.

What differs from the stock server (python-socketio 5.16-5.18, python-engineio 4.13-4.15):
* client events never reach python-socketio's event table, where an event *named* ``connect`` or
  ``disconnect`` would run the handlers of that name; they go to ``Application.request`` and nowhere else;
* messages that do not parse, binary ones and unknown packet types are refused and the connection lives;
* a WebSocket that does not CONNECT to the namespace within a deadline is closed;
* queues, rates and message sizes are bounded (``websocket``);
* HTTP long polling is a stepping stone only: a default socket.io-client opens with it
  and never tries anything else if it is refused. A connection that has not become a WebSocket by the same
  deadline is closed. JSONP is refused; ``polling = false`` in the settings refuses polling altogether;
* engineio's ping check, which compares wall clock times, is off: the read deadline of its own loop (ping
  interval plus timeout, monotonic) finds a dead client as well.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any, Protocol

import engineio
import socketio
from aiohttp import web
from engineio.exceptions import SocketIsClosedError
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket

from .origins import origin_allowed
from .packets import ACK, CONNECT, DISCONNECT, EVENT, CallPacket, admit
from .settings import Settings
from .websocket import GuardedWebSocket, OutgoingQueue, TokenBucket

NAMESPACE = "/call"
PATH = "/socket.io/"
POLLING_SEPARATOR = "\x1e"  # Engine.IO protocol 4: between the packets of one body
LOG_RECORDS_PER_MINUTE = 10  # of the engine's own errors; a client must not fill the disk


class Application(Protocol):
    """What the gateway serves."""

    def connected(self, sid: str) -> None:
        """A client is in the namespace."""

    def disconnected(self, sid: str, *, on_purpose: bool) -> None:
        """It is gone: ``on_purpose`` when it said so, not when the connection broke."""

    def request(self, sid: str, event: str, arguments: list[Any]) -> dict[str, Any] | list[Any]:
        """The acknowledgement of one event. Does not raise."""

    def refuse(self, event: str, text: str) -> dict[str, Any]:
        """The acknowledgement of a message that does not parse."""


class Engine(engineio.AsyncServer):
    """Engine.IO with bounded outgoing queues and guarded WebSockets."""

    _async: dict[str, Any]

    def __init__(self, *arguments: Any, settings: Settings, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.limits = settings.limits
        self._async = {**self._async, "websocket": GuardedWebSocket}

    def create_queue(self, *_arguments: Any, **_options: Any) -> OutgoingQueue:
        """The outgoing queue of a new socket."""
        return OutgoingQueue(self.limits)


class Gateway(socketio.AsyncServer):
    """The server side of the namespace. ``settings`` bounds it, ``application`` answers."""

    def __init__(self, settings: Settings, application: Application) -> None:
        super().__init__(
            async_mode="aiohttp",
            transports=["polling", "websocket"] if settings.polling else ["websocket"],
            http_compression=False,
            serializer=CallPacket,
            namespaces=[NAMESPACE],
            always_connect=True,  # CONNECT leaves before what the application pushes
            async_handlers=False,
            monitor_clients=False,
            cors_allowed_origins=[],  # checked in ``handle``
            max_http_buffer_size=settings.limits.message_bytes,
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            logger=_quiet_logger("signaling.socketio"),
            engineio_logger=_quiet_logger("signaling.engineio"),
            settings=settings,
        )
        self._settings = settings
        self._application = application
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self.refused_messages = 0
        self.on("connect", self._connected, namespace=NAMESPACE)
        self.on("disconnect", self._disconnected, namespace=NAMESPACE)

    @property
    def open_sockets(self) -> int:
        """Connections, those that are about to become or cease to be one included."""
        return len(self.eio.sockets)

    # HTTP

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route of ``PATH``: opens connections for pages that may, refuses everything else."""
        if not self._open:
            raise web.HTTPServiceUnavailable(text="shutting down")
        origin = request.headers.get("Origin")
        if not origin_allowed(origin, request.headers.get("Host"), self._settings.allowed_origins):
            raise web.HTTPForbidden(text="this origin may not connect (setting: allowed_origins)")
        cors = {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if "token" in request.query:  # addresses end up in logs of proxies
            raise web.HTTPBadRequest(text="tokens belong into joinRoom, not into addresses", headers=cors)
        transport = request.query.get("transport", "polling")
        if transport not in self.eio.transports or "j" in request.query:
            raise web.HTTPBadRequest(text="this transport is not served", headers=cors)
        if request.method == "OPTIONS":
            allowed = {
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "Content-Type",
            }
            return web.Response(status=204, headers={**cors, **allowed})
        if "sid" not in request.query and len(self.eio.sockets) >= self._settings.limits.sockets:
            raise web.HTTPServiceUnavailable(text="limit reached: sockets", headers=cors)
        if request.method == "POST":
            return web.Response(text=await self._take_post(request), headers=cors)
        response: web.StreamResponse = await self.handle_request(request)
        if not response.prepared:
            response.headers.update(cors)
        return response

    async def _take_post(self, request: web.Request) -> str:
        """What a polling client sends, until its WebSocket is up: the frames that a WebSocket would carry."""
        socket = self.eio.sockets.get(request.query.get("sid", ""))
        if socket is None or socket.closed or socket.upgraded:
            raise web.HTTPBadRequest(text="unknown session")
        body = await request.content.read(self._settings.limits.message_bytes + 1)
        if len(body) > self._settings.limits.message_bytes or not request.content.at_eof():
            raise web.HTTPRequestEntityTooLarge(self._settings.limits.message_bytes, len(body))
        for frame in body.decode("utf-8", "replace").split(POLLING_SEPARATOR):
            if not socket.bucket.take(time.monotonic()):
                self._abort(socket.sid)
                raise web.HTTPTooManyRequests(text="too many events")
            admitted = admit(frame)
            if admitted is not None and not socket.closed:
                await socket.receive(EnginePacket(encoded_packet=admitted))
        return "ok"

    # outward

    def push(self, sids: Iterable[str], event: str, data: dict[str, Any]) -> None:
        """Queues an event for each client, in order after all that was queued before; encoded once."""
        message = CallPacket(EVENT, data=[event, data], namespace=NAMESPACE).encode()
        for sid in sids:
            self._queue(self.manager.eio_sid_from_sid(sid, NAMESPACE), message)

    def drop(self, sid: str) -> None:
        """Disconnects a client for good: its library does not try again after a server's DISCONNECT."""
        self._in_background(self._disconnect_and_close(sid))

    async def stop(self) -> None:
        """Closes all connections; clients will try to connect again, to us or to our successor."""
        self._open = False
        for task in list(self._tasks):
            task.cancel()
        for handle in self._deadlines.values():
            handle.cancel()
        for eio_sid, socket in list(self.eio.sockets.items()):
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)
            socket.queue.put_nowait(None)
            self.eio.sockets.pop(eio_sid, None)

    # inward; overridden methods of python-socketio

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        socket = self.eio.sockets[eio_sid]
        limits = self._settings.limits
        socket.bucket = TokenBucket(limits.events_per_second, limits.event_burst, time.monotonic())
        socket.queue.on_overflow = partial(self._abort, eio_sid)
        socket.check_ping_timeout = partial(_still_open, socket)
        self._arm_deadline(eio_sid)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        handle = self._deadlines.pop(eio_sid, None)
        if handle is not None:
            handle.cancel()

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        message = CallPacket(encoded_packet=data)
        kind, namespace = message.packet_type, message.namespace
        if message.fault is None and kind == CONNECT:
            await self._handle_connect(eio_sid, namespace, None)  # the auth payload is not used
        elif message.fault is None and kind == DISCONNECT:
            await self._handle_disconnect(eio_sid, namespace, self.reason.CLIENT_DISCONNECT)
        elif message.fault is None and kind == EVENT:
            self._handle_request_event(eio_sid, message)
        else:
            self._refuse(eio_sid, message)

    def _handle_request_event(self, eio_sid: str, message: CallPacket) -> None:
        sid = self._sid(eio_sid, message)
        if sid is None:
            self.refused_messages += 1
            return
        answer = self._application.request(sid, message.data[0], message.data[1:])
        self._acknowledge(eio_sid, message, answer)

    def _refuse(self, eio_sid: str, message: CallPacket) -> None:
        self.refused_messages += 1
        if self._sid(eio_sid, message) is not None and message.packet_type not in (ACK, CONNECT, DISCONNECT):
            name = message.data[0] if isinstance(message.data, list) and message.data else ""
            fault = message.fault or "unexpected packet type"
            self._acknowledge(eio_sid, message, self._application.refuse(str(name), fault))

    def _acknowledge(self, eio_sid: str, message: CallPacket, answer: Any) -> None:
        if message.id is not None:
            ack = CallPacket(ACK, data=[answer], namespace=NAMESPACE, id=message.id)
            self._queue(eio_sid, ack.encode())

    def _queue(self, eio_sid: str | None, message: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and not socket.closing and not socket.closed:
            socket.queue.put_nowait(EnginePacket(MESSAGE, data=message))

    def _sid(self, eio_sid: str, message: CallPacket) -> str | None:
        if message.namespace != NAMESPACE:
            return None
        sid: str | None = self.manager.sid_from_eio_sid(eio_sid, NAMESPACE)
        return sid if sid is not None and self.manager.is_connected(sid, NAMESPACE) else None

    # handlers that only python-socketio itself calls

    async def _connected(self, sid: str, _environ: dict[str, Any], _auth: object = None) -> None:
        self._application.connected(sid)

    async def _disconnected(self, sid: str, reason: str) -> None:
        self._application.disconnected(sid, on_purpose=reason == self.reason.CLIENT_DISCONNECT)
        eio_sid = self.manager.eio_sid_from_sid(sid, NAMESPACE)
        if eio_sid in self.eio.sockets:
            self._arm_deadline(eio_sid)

    # deadlines

    def _arm_deadline(self, eio_sid: str) -> None:
        """Closes the connection unless it is a WebSocket in the namespace when the deadline comes."""
        handle = self._deadlines.pop(eio_sid, None)
        if handle is not None:
            handle.cancel()
        loop = asyncio.get_running_loop()
        self._deadlines[eio_sid] = loop.call_later(
            self._settings.limits.connect_deadline_s, self._deadline, eio_sid
        )

    def _deadline(self, eio_sid: str) -> None:
        self._deadlines.pop(eio_sid, None)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and (
            not socket.upgraded or self.manager.sid_from_eio_sid(eio_sid, NAMESPACE) is None
        ):
            self._abort(eio_sid)

    def _abort(self, eio_sid: str) -> None:
        """Ends a connection without asking the client, who may not read."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is None:
            return
        guard = getattr(socket, "guard", None)
        if guard is not None:
            guard.abort()
        if not socket.upgraded:
            self._in_background(self._close_polling(eio_sid, socket))

    async def _close_polling(self, eio_sid: str, socket: Any) -> None:
        await socket.close(wait=False, abort=True, reason=self.reason.TRANSPORT_ERROR)
        socket.queue.put_nowait(None)  # ends a poll that waits
        self.eio.sockets.pop(eio_sid, None)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _disconnect_and_close(self, sid: str) -> None:
        eio_sid = self.manager.eio_sid_from_sid(sid, NAMESPACE)
        await self.disconnect(sid, namespace=NAMESPACE)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.queue.put_nowait(None)  # the writer ends after what is queued, and closes the WebSocket


async def _still_open(socket: Any) -> bool:
    if socket.closed:
        raise SocketIsClosedError()
    return True


class _PerMinute(logging.Filter):
    """Lets ``LOG_RECORDS_PER_MINUTE`` records through."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = -1
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        minute = int(record.created // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= LOG_RECORDS_PER_MINUTE


def _quiet_logger(name: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    if not any(isinstance(existing, _PerMinute) for existing in logger.filters):
        logger.addFilter(_PerMinute())
    return logger
