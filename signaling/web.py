"""The pages: the built web client out of ``static_dir``, security headers on everything, and the health
endpoint.

Vite names assets by their content, so they are cached for ever; the page itself never is. Without a bundle
there is a page that says how to make one, and everything but the page works.
"""

import html
from pathlib import Path
from typing import Any

from aiohttp import web

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self'",  # WebSockets to the same host are included (CSP 3 §6.7.2.8)
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a room's name is in its address
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = "max-age=31536000"
CACHE_FOR_EVER = "public, max-age=31536000, immutable"

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>rtpfwd: web client not built</title>
<h1>The web client is not built yet</h1>
<p>The server is running, but there is no page in <code>{directory}</code>. In the project's folder run</p>
<pre>make run</pre><p>or, by hand,</p><pre>cd static
npm ci
npm run build</pre>
<p>and load this page again. Node.js 20 or newer is needed for building only.</p></html>
"""


class WebClient:
    """Serves the bundle. The directory is looked at for each request: a build does not need a restart."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """The page for ``/`` and every room, and the files beside it."""
        router.add_get("/", self.page)
        router.add_get("/room/{name}", self.page)
        router.add_get("/assets/{path:[A-Za-z0-9._/-]+}", self.asset)
        router.add_get("/{path:[A-Za-z0-9_-][A-Za-z0-9._-]*}", self.file)

    async def page(self, _request: web.Request) -> web.StreamResponse:
        """``index.html``; it finds out for itself which room its address means."""
        index = self._directory / "index.html"
        if not index.is_file():
            text = NOT_BUILT.format(directory=html.escape(str(self._directory)))
            return web.Response(
                status=503, text=text, content_type="text/html", headers={"Cache-Control": "no-store"}
            )
        return web.FileResponse(index, headers={"Cache-Control": "no-store"})

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """A file that carries its hash in its name."""
        return self._send(self._directory / "assets", request.match_info["path"], CACHE_FOR_EVER)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Another file of the bundle's top folder, such as an icon."""
        return self._send(self._directory, request.match_info["path"], "no-cache")

    def _send(self, root: Path, path: str, cache: str) -> web.FileResponse:
        """Refuses whatever, links followed, is not below ``root``."""
        root = root.resolve()
        wanted = (root / path).resolve()
        if not wanted.is_relative_to(root) or not wanted.is_file():
            raise web.HTTPNotFound()
        return web.FileResponse(wanted, headers={"Cache-Control": cache})


def add_security_headers(application: web.Application, *, tls: bool) -> None:
    """Puts the headers on every response, errors included."""
    headers = {**SECURITY_HEADERS, **({"Strict-Transport-Security": HSTS} if tls else {})}

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)

    application.on_response_prepare.append(prepare)


def healthy(rooms: int, peers: int, version: str, state: str, status: int) -> web.Response:
    """The answer of ``/healthz`` (the process lives) and ``/readyz`` (new people may be sent here)."""
    body: dict[str, Any] = {"status": state, "rooms": rooms, "peers": peers, "version": version}
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
