"""Asks the operators' API of a running server.

Straight to the address that was given: proxies of the environment and redirections are not followed, as they
would carry the token to somebody else.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlencode, urlsplit

import typer

from rtpfwd.cli.inspect.words import plain

DEFAULT_URL = "http://localhost:5001"
TIMEOUT_S = 5.0
LONGEST_ANSWER = 64 << 20  # bytes
REFUSED, UNREACHABLE = 1, 3
"""Exit codes; 2 is for a command line that is wrong."""

Url = Annotated[
    str, typer.Option("--url", envvar="RTPFWD_URL", help="Where the server shows itself to operators.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="RTPFWD_TOKEN", show_envvar=True, help="Its operator_token, if it has one."
    ),
]
Ca = Annotated[
    Path | None, typer.Option("--ca", help="PEM file with the certificate to trust, if it made its own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Unreachable(Exception):
    """No answer, or none of ours; the text is for people."""


class Refused(Exception):
    """The server said no; the text is for people."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


class Server:
    """A running server. Raises ``typer.BadParameter`` for an address that is none."""

    def __init__(self, url: str, token: str | None, ca: Path | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise typer.BadParameter(f"{url!r} is no http or https address", param_hint="--url")
        self.url = url.rstrip("/")
        self._token = token
        try:
            context = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise typer.BadParameter(f"{ca}: {error}", param_hint="--ca") from None
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect(), urllib.request.HTTPSHandler(context=context)
        )

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON. Raises ``Unreachable`` and ``Refused``."""
        given = {name: value for name, value in query.items() if value is not None}
        address = f"{self.url}{path}{'?' + urlencode(given) if given else ''}"
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        try:
            request = urllib.request.Request(address, data, headers, method=method)
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return _parsed(response.read(LONGEST_ANSWER + 1))
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(_why(error.code, error.read(LONGEST_ANSWER))) from None
        except urllib.error.URLError as error:
            raise Unreachable(f"{self.url} does not answer: {error.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{self.url} does not answer: {error}") from None


def answer_of(server: Server, command: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """``Server.ask`` for a command: says on standard error what went wrong, and exits."""
    try:
        return server.ask(method, path, body, **query)
    except Unreachable as error:
        fail(command, f"{error} (is `rtpfwd serve` running? --url says where)", UNREACHABLE)
    except Refused as error:
        fail(command, str(error), REFUSED)


def fail(command: str, text: str, code: int) -> NoReturn:
    """A line on standard error, and the end."""
    typer.echo(f"rtpfwd {command}: {plain(text)}", err=True)
    raise typer.Exit(code)


def _parsed(answer: bytes) -> Any:
    if len(answer) > LONGEST_ANSWER:
        raise Unreachable("the answer is too long")
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreachable("what answers there is no rtpfwd: its answer is no JSON object")
    return found


def _why(status: int, answer: bytes) -> str:
    if status == 401:
        return "the server wants a token: --token or RTPFWD_TOKEN"
    try:
        error = json.loads(answer)["error"]
        return str(error["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        if status == 404:
            return "what answers there has no operators' API (HTTP 404); is it the port of operators?"
        return f"HTTP {status}"
