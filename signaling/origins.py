"""Which web pages may open a connection (RFC 6455 §10.2).

A page is known by its ``Origin``, which browsers always send and scripts cannot change. Programs that are no
browsers send none and are let in: they could send any. ``X-Forwarded-Host`` is ignored, as nothing tells a
proxy's from a client's; behind a proxy that rewrites ``Host``, name the public origin in ``allowed_origins``.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_allowed(origin: str | None, host: str | None, allowed: Iterable[str]) -> bool:
    """Whether a page of ``origin`` may connect to the server that it calls ``host`` (the two request
    headers).
    """
    if origin is None:
        return True
    permitted = {entry.rstrip("/").lower() for entry in allowed}
    return "*" in permitted or origin.lower() in permitted or _same_origin(origin, host)


def _same_origin(origin: str, host: str | None) -> bool:
    try:
        page = urlsplit(origin)
        here = urlsplit(f"//{host}")
        if page.scheme not in DEFAULT_PORTS or page.path or page.query or page.fragment or not host:
            return False
        if page.username is not None or here.username is not None or here.path:
            return False
        default = DEFAULT_PORTS[
            page.scheme
        ]  # behind a proxy that ends TLS, the page's scheme is the public one
        return (page.hostname, page.port or default) == (here.hostname, here.port or default)
    except ValueError:
        return False
