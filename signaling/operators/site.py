"""Where operators find all this: a listener of their own on loopback, and with a token also the server's
port.

Not a check of the client's address on the public port: behind a proxy on the same machine everybody comes
from loopback. The page itself holds nothing secret and is served to anybody who may reach the port.
"""

import ssl
from pathlib import Path

import structlog
from aiohttp import web

from signaling.settings import Settings, SettingsError
from signaling.web import add_security_headers

from .api import OperatorApi
from .guard import Guard, is_loopback
from .metrics import CONTENT_TYPE, Metrics
from .server import OperatedServer

FILES = Path(__file__).resolve().parent / "files"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = {
    "/stats": ("stats.html", "text/html"),
    "/stats/stats.css": ("stats.css", "text/css"),
    "/stats/stats.js": ("stats.js", "text/javascript"),
    "/stats/icon.svg": ("icon.svg", "image/svg+xml"),
    "/stats/grafana.json": ("grafana.json", "application/json"),
}

log = structlog.get_logger("signaling")


class OperatorSite:
    """Of one server."""

    def __init__(self, server: OperatedServer) -> None:
        self.api = OperatorApi(server)
        self.metrics = Metrics(server)
        self.port: int | None = None
        """Where it listens; none while it does not."""
        self._settings = server.settings
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str | None:
        """Its address for people on this machine; none while it does not listen."""
        if self.port is None:
            return None
        host = self._settings.operator_host
        if host in ("", "0.0.0.0", "::") or is_loopback(host):
            shown = "localhost" if host != "::1" else "[::1]"
        else:
            shown = f"[{host}]" if ":" in host else host
        scheme = "https" if self._settings.tls and not is_loopback(host) else "http"
        return f"{scheme}://{shown}:{self.port}"

    async def start(self, public_port: int, context: ssl.SSLContext | None) -> None:
        """Listens, unless told not to. Raises ``SettingsError`` where that is not possible or not safe.

        A port that was not asked for and is taken is no reason not to serve calls: that is logged.
        """
        settings = self._settings
        if not settings.operator:
            return
        check_exposure(settings)
        port = settings.operator_port
        if port is None:
            port = public_port + 1 if settings.port else 0
        application = web.Application()
        add_security_headers(application, tls=settings.tls)
        application.router.add_get("/", _to_page)
        self.add_routes(application.router)
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=settings.limits.header_deadline_s,
            shutdown_timeout=min(1.0, settings.shutdown_s),
        )
        await runner.setup()
        site = web.TCPSite(
            runner,
            settings.operator_host,
            port,
            ssl_context=None if is_loopback(settings.operator_host) else context,
        )
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            where = f"{settings.operator_host} port {port}"
            reason = getattr(error, "strerror", None) or str(error)
            if settings.operator_port is not None:
                raise SettingsError(f"cannot serve operators on {where}: {reason}") from None
            log.warning("operators are not served; set OPERATOR_PORT", where=where, reason=reason)
            return
        self._runner = runner
        self.port = runner.addresses[0][1]

    def add_public_routes(self, router: web.UrlDispatcher) -> None:
        """The same on the port of calls, for whoever has the token; nothing without one."""
        if self._settings.operator and self._settings.operator_token is not None:
            self.add_routes(router)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """API, metrics and page."""
        token = self._settings.operator_token
        guard = Guard(token, self._settings.allowed_origins if token is not None else ())
        self.api.add_routes(router, guard)
        router.add_get("/metrics", guard.protect(self._metrics))
        for path in PAGE:
            router.add_get(path, _file)

    async def stop(self) -> None:
        """Listens no more; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def check_exposure(settings: Settings) -> None:
    """Raises ``SettingsError`` for a listener that others could reach without a token."""
    if settings.operator_token is None and not is_loopback(settings.operator_host):
        raise SettingsError(
            f"setting operator_host: {settings.operator_host} is not loopback, and there is no operator_token"
        )


async def _to_page(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/stats")


async def _file(request: web.Request) -> web.StreamResponse:
    name, content_type = PAGE[request.path]
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Content-Type": f"{content_type}; charset=utf-8",
    }
    return web.FileResponse(FILES / name, headers=headers)
