"""The composition root of the calling server: driver, rooms, namespace, gateway, HTTP.

Order of a start: media sockets, then HTTP; of an end: HTTP stops accepting, clients are told, rooms close
(their transports send DTLS close_notify when the driver closes), connections close. What follows from a
request is done once for all requests of a loop turn, after their acknowledgements: the driver's flush, then
pushes in the order they arose.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import structlog
from aiohttp import web

from rtpfwd.clock import Instant
from rtpfwd.drivers.interfaces import ListenSettings
from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.errors import InvalidParameters, UnsupportedError

from .addresses import announced_addresses
from .gateway import PATH, Gateway
from .namespace import CallNamespace
from .notifications import Notifications
from .operators.drain import Drain
from .operators.site import OperatorSite
from .peer import Peer
from .recordings import Recordings, capture_settings
from .room import Rooms
from .settings import Settings, SettingsError
from .tls import server_context
from .web import WebClient, add_security_headers, healthy

log = structlog.get_logger("signaling")


class Aftermath:
    """What is to be done after the present loop callback: flush the driver, deliver pushes."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._pushes: list[tuple[list[Peer], str, dict[str, Any]]] = []
        self._scheduled = False
        self.deliver_to: Callable[[Iterable[str], str, dict[str, Any]], None] = lambda *_: None

    def post(self, recipients: Iterable[Peer], event: str, data: dict[str, Any]) -> None:
        """Notes a push (``room.Post``)."""
        self._pushes.append((list(recipients), event, data))
        self.settle()

    def settle(self) -> None:
        """Has everything done soon."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.run)

    def run(self) -> None:
        """Does it now; what the flush causes is included."""
        self._scheduled = True
        try:
            self._flush()
        finally:
            self._scheduled = False
            pushes, self._pushes = self._pushes, []
            for recipients, event, data in pushes:
                sids = [peer.connection for peer in recipients if peer.connection is not None]
                if sids:
                    self.deliver_to(sids, event, data)


class CallServer:
    """A running server. Make it with ``start``."""

    def __init__(self, settings: Settings, driver: RealtimeDriver) -> None:
        self.settings = settings
        self.driver = driver
        aftermath = Aftermath(driver.flush)
        now: Callable[[], Instant] = driver.now
        watcher = Notifications(aftermath.post, now)
        self.rooms = Rooms(driver.worker, settings.limits, aftermath.post, watcher)
        self.namespace = CallNamespace(settings, self.rooms, now, aftermath.settle)
        self.gateway = Gateway(settings, self.namespace)
        self.namespace.connections = self.gateway
        aftermath.deliver_to = self.gateway.push
        self._aftermath = aftermath
        self.drain = Drain(self.rooms, aftermath.post)
        self.operators = OperatorSite(self)
        if driver.captures is not None and settings.capture_dir is not None:
            self.operators.api.captures = Recordings(driver.captures)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self.port = 0

    @classmethod
    async def start(cls, settings: Settings) -> "CallServer":
        """Binds media and HTTP. Raises ``SettingsError`` when a setting or an address cannot be used."""
        context = server_context(settings)
        driver = await _start_driver(settings)
        server = cls(settings, driver)
        try:
            await server._listen(context)
            await server.operators.start(server.port, context)
        except OSError as error:
            await server.stop()
            where = f"{settings.host or 'all addresses'} port {settings.port}"
            raise SettingsError(f"cannot serve HTTP on {where}: {error.strerror or error}") from None
        except BaseException:
            await server.stop()
            raise
        return server

    def application(self) -> web.Application:
        """The HTTP routes."""
        application = web.Application(client_max_size=self.settings.limits.message_bytes)
        add_security_headers(application, tls=self.settings.tls)
        for method in ("GET", "POST", "OPTIONS"):
            application.router.add_route(method, PATH, self.gateway.handle)
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/readyz", self._ready)
        self.operators.add_public_routes(application.router)
        WebClient(self.settings.static_dir).add_routes(application.router)
        return application

    async def stop(self, reason: str = "shutdown") -> None:
        """Ends everything within ``shutdown_s``. Twice does nothing."""
        self.drain.cancel_timer()
        await self.operators.stop()
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        try:
            async with asyncio.timeout(self.settings.shutdown_s):
                self.namespace.end_all(reason)
                self._aftermath.run()
                await self.gateway.stop()
                await asyncio.sleep(0)  # lets the writers hand their last messages to TCP
        except TimeoutError:
            log.warning("shutdown took too long; connections were cut")
        finally:
            await self.driver.close()
            runner, self._runner = self._runner, None
            if runner is not None:
                await runner.cleanup()

    async def _listen(self, context: ssl.SSLContext | None) -> None:
        settings = self.settings
        self._runner = web.AppRunner(
            self.application(),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=settings.limits.header_deadline_s,  # also from accept to the header's end
            shutdown_timeout=min(1.0, settings.shutdown_s),
        )
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, settings.host, settings.port, ssl_context=context)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def _health(self, _request: web.Request) -> web.Response:
        return self._healthy()

    async def _ready(self, _request: web.Request) -> web.Response:
        return self._healthy(503 if self.drain.active else 200)

    def _healthy(self, status: int = 200) -> web.Response:
        state = "draining" if self.drain.active else "ok"
        return healthy(len(self.rooms), self.rooms.peers, version("rtpfwd"), state, status)


async def serve(
    settings: Settings, until: asyncio.Event, started: Callable[[CallServer], None] = lambda _server: None
) -> None:
    """Serves until ``until`` is set or the server has drained, then shuts down cleanly."""
    server = await CallServer.start(settings)
    server.drain.ended = until.set
    try:
        started(server)
        await until.wait()
    finally:
        await server.stop()


async def _start_driver(settings: Settings) -> RealtimeDriver:
    announced, failed = await announced_addresses(settings.announced_ip, settings.listen_ip)
    for name in failed:
        log.warning(
            "ANNOUNCED_IP does not resolve and is ignored; "
            + (
                "the others are announced"
                if announced
                else "media is announced under the interface addresses"
            ),
            announced_ip=name,
        )
    port = settings.mediasoup_listen_port
    listen = ListenSettings(
        ips=list(settings.listen_ip),
        port=port,
        announced=announced,
        expose_internal=settings.expose_internal_ip,
    )
    try:
        return await RealtimeDriver.start(
            listen, plane=settings.plane, threads=settings.threads, captures=capture_settings(settings)
        )
    except UnsupportedError as error:
        raise SettingsError(f"setting plane: {error}") from None
    except InvalidParameters as error:
        raise SettingsError(f"settings listen_ip, announced_ip: {error}") from None
    except OSError as error:
        raise SettingsError(f"cannot bind media to UDP port {port}: {error.strerror or error}") from None
