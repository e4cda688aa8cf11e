"""Who may use the operators' API.

With a token: whoever sends it as ``Authorization: Bearer`` (RFC 6750 §2.1), compared in constant time.
Without one the API is on loopback only, and then a web page is the danger: one that the operator's browser
has open could ask ``127.0.0.1``, also under a name of its own that resolves to it. So no cookies exist,
``Host`` must name loopback, ``Origin`` and ``Sec-Fetch-Site`` must be ours, and what changes anything must be
JSON, which no page of another origin may send.
"""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from signaling.origins import origin_allowed

OWN_SITES = frozenset({"same-origin", "none"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """``token`` of ``None`` means: loopback only, by whoever is on this machine. ``origins`` of pages that
    may ask besides our own, for proxies that rewrite ``Host``.
    """

    def __init__(self, token: str | None, origins: Sequence[str] = ()) -> None:
        self._origins = origins
        self._digest = None if token is None else _digest(token)

    def protect(self, handler: Handler) -> Handler:
        """``handler`` behind all checks, with its refusals as JSON and nothing cached."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            refusal = self._refusal(request)
            response = refusal if refusal is not None else await handler(request)
            response.headers["Cache-Control"] = "no-store"
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            return response

        return guarded

    def _refusal(self, request: web.Request) -> web.Response | None:
        host = request.headers.get("Host")
        if self._digest is None and not is_loopback(_hostname(host)):
            return error_response(403, "forbidden", "without operator_token only loopback is served")
        if not origin_allowed(request.headers.get("Origin"), host, self._origins):
            return error_response(403, "forbidden", "pages of other origins may not ask")
        if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
            return error_response(403, "forbidden", "pages of other sites may not ask")
        if self._digest is not None and not self._knows(request.headers.get("Authorization", "")):
            refusal = error_response(401, "unauthorized", "send Authorization: Bearer with operator_token")
            refusal.headers["WWW-Authenticate"] = 'Bearer realm="rtpfwd operators"'
            return refusal
        if request.method in ("POST", "PATCH", "PUT") and request.content_type != "application/json":
            return error_response(415, "bad_request", "Content-Type must be application/json")
        return None

    def _knows(self, header: str) -> bool:
        scheme, _, given = header.partition(" ")
        right = hmac.compare_digest(_digest(given.strip()), self._digest or b"")
        return right and scheme.lower() == "bearer"


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address without port is this machine's loopback."""
    if host is None:
        return False
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def error_response(status: int, code: str, message: str) -> web.Response:
    """``{error: {code, message}}``."""
    return json_response({"error": {"code": code, "message": message}}, status)


def json_response(body: Any, status: int = 200) -> web.Response:
    """``body`` as JSON; no NaN, which is none."""
    return web.Response(
        status=status, text=json.dumps(body, allow_nan=False), content_type="application/json"
    )


def _hostname(host: str | None) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname if host else None
    except ValueError:
        return None


def _digest(text: str) -> bytes:
    # Of equal length whatever was sent, so that a comparison tells nothing of the token's.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
