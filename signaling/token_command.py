"""``rtpfwd token``: makes a signed token for one room, or the link that carries it."""

import json
import re
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from .settings import SettingsError, load_settings
from .tokens import Grants, make_token

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
KNOWN_GRANTS = tuple(Grants.model_fields)


def token(
    room: Annotated[str, typer.Option(help="the room that it opens")],
    name: Annotated[str | None, typer.Option(help="the display name; without it people choose one")] = None,
    grants: Annotated[
        str, typer.Option(help=f"what its holder may do, of {', '.join(KNOWN_GRANTS)}; commas between")
    ] = "publish,subscribe",
    expires: Annotated[str, typer.Option(help="how long it opens the room: 90s, 15m, 1h, 7d")] = "1h",
    url: Annotated[
        str | None, typer.Option(help="where the page is; prints a link to the room instead of the token")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings [rtpfwd.toml if there]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Make a token that opens one room, signed with the first of TOKEN_SECRETS."""
    try:
        settings = load_settings(config)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
    if not settings.token_secrets:
        raise typer.BadParameter(
            "no TOKEN_SECRETS in the settings: this server is open. Make a secret: openssl rand -hex 32"
        )
    try:
        made = make_token(
            settings.token_secrets[0],
            room,
            name=name,
            grants=parse_grants(grants),
            expires_at=int(time.time()) + parse_duration(expires),
            limits=settings.limits,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    link = None if url is None else room_link(url, room, made)
    typer.echo(json.dumps({"token": made, "link": link}, indent=2) if as_json else link or made)


def parse_grants(text: str) -> Grants:
    """``publish,subscribe`` to grants; whatever is not named is not given. Raises ``ValueError``."""
    named = {part.strip() for part in text.split(",") if part.strip()}
    unknown = sorted(named - set(KNOWN_GRANTS))
    if unknown:
        raise ValueError(f"unknown grant: {unknown[0]} (known: {', '.join(KNOWN_GRANTS)})")
    return Grants(**{grant: grant in named for grant in KNOWN_GRANTS})


def parse_duration(text: str) -> int:
    """``1h`` to seconds. Raises ``ValueError``."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if match is None:
        raise ValueError(f"not a duration: {text!r} (90s, 15m, 1h, 7d)")
    return int(match[1]) * UNITS[match[2]]


def room_link(url: str, room: str, made: str) -> str:
    """The page of a room with its token behind ``#``, which browsers send to no server."""
    return f"{url.rstrip('/')}/room/{quote(room, safe='')}#token={made}"
