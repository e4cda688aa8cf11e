"""Every setting of the calling server, in one frozen tree.

Where a value comes from, strongest first: command line flags, environment, ``.env``, TOML file, defaults.
Names are the same everywhere: ``port`` in TOML is ``PORT`` in the environment; limits are a table,
``[limits]`` in TOML and ``LIMITS__ROOMS=20`` in the environment. ``PORT``, ``LISTEN_IP``, ``ANNOUNCED_IP``
and ``MEDIASOUP_LISTEN_PORT`` mean what they mean in the application that this one grew from.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

DEFAULT_TOML = Path("rtpfwd.toml")
DEFAULT_STATIC_DIR = Path(__file__).resolve().parent.parent / "static" / "dist"


SECRETS = frozenset({"token_secrets", "turn_secret", "operator_token"})
SHORTEST_OPERATOR_TOKEN = 16  # characters
SHORTEST_SECRET = 32  # characters; HS256 wants a key of 256 bits (RFC 7518 §3.2)


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and is fit to be shown to a person."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Limits(BaseModel):
    """How much one client, one room and the server may take.

    Passing a limit is refused by name, never silently.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sockets: Count = 2000  # open Socket.IO connections
    rooms: Count = 1000
    peers_per_room: Count = 50
    producers_per_room: Count = 200
    transports_per_peer: Count = 64  # a part-1 client makes one receive transport for each remote producer
    producers_per_peer: Count = 8
    consumers_per_peer: Count = 200
    room_name_length: Count = 64  # characters
    display_name_length: Count = 64  # characters
    chat_length: Count = 2000  # characters of one message
    chat_history: Annotated[int, Field(ge=0)] = 100  # messages kept for each room
    reactions_per_second: Annotated[float, Field(gt=0)] = 2.0  # of one peer, sustained
    reaction_burst: Count = 8  # reactions taken at once before the rate applies
    app_data_bytes: Count = 4096  # of one appData, as JSON
    message_bytes: Count = 65_536  # of one WebSocket message from a client
    nesting: Count = 32  # levels of lists and objects in one message
    events_per_second: Annotated[float, Field(gt=0)] = 50.0  # for each socket, sustained
    event_burst: Count = 100  # events taken at once before the rate applies
    pending_events: Count = 400  # events that may wait for the rate; one more closes the socket
    queue_messages: Count = (
        256  # messages waiting for a client that does not read; one more closes the socket
    )
    queue_bytes: Count = 1_048_576  # the same in bytes, each way
    connect_deadline_s: Seconds = 10.0  # from the WebSocket's opening to the namespace's CONNECT
    header_deadline_s: Seconds = 10.0  # from TCP accept to the end of the request's header
    send_deadline_s: Seconds = 15.0  # for one message to be taken by the client's TCP

    def for_clients(self) -> dict[str, int]:
        """Those that a client can keep to by itself, as ``joinRoom`` answers them."""
        return {
            "peers": self.peers_per_room,
            "producers": self.producers_per_peer,
            "consumers": self.consumers_per_peer,
            "transports": self.transports_per_peer,
            "chatLength": self.chat_length,
            "displayNameLength": self.display_name_length,
            "messageBytes": self.message_bytes,
        }


class Settings(BaseSettings):
    """The whole tree. Build it with ``load_settings``; ``Settings()`` alone reads no TOML file."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_nested_delimiter="__", env_ignore_empty=True
    )

    host: str | None = None  # address that HTTP binds; none means all of IPv4 and IPv6
    port: Port = 5000  # of HTTP and Socket.IO
    listen_ip: Names = ("0.0.0.0", "::")  # addresses that media binds
    announced_ip: Names = ()  # addresses or host names put into ICE candidates; none: those of the interfaces
    expose_internal_ip: bool = False  # announce the bound addresses too, after ANNOUNCED_IP
    mediasoup_listen_port: Port = Field(
        default=3000, validation_alias=AliasChoices("mediasoup_listen_port", "media_port")
    )  # the one UDP port of all media
    plane: Literal["auto", "reference", "native"] = Field(
        default="auto", validation_alias=AliasChoices("plane", "rtpfwd_dataplane")
    )  # what forwards packets; auto: the compiled plane where it was built
    threads: Annotated[int, Field(ge=1, le=64)] = 1  # of the compiled plane, each on a port after the first
    allowed_origins: Names = ()  # besides the server's own origin; "*" is any
    tls_cert: Path | None = None  # PEM chain
    tls_key: Path | None = None  # PEM key
    tls_self_signed: bool = False  # make a certificate and keep it in tls_dir
    tls_dir: Path = Path("certificates")
    static_dir: Path = DEFAULT_STATIC_DIR  # the built web client
    token_secrets: Names = Field(default=(), repr=False)  # of signed tokens: the first signs, all verify
    stun_urls: Names = ()  # handed to clients: stun:HOST:PORT
    turn_urls: Names = ()  # handed to clients: turn:HOST:PORT?transport=udp, turns:HOST:PORT
    turn_secret: str | None = Field(default=None, repr=False)  # coturn's static-auth-secret
    turn_ttl_s: Seconds = 43_200.0  # how long TURN credentials are good for
    ice_servers: tuple[dict[str, Any], ...] = ()  # further RTCIceServer dictionaries for clients, as JSON
    polling: bool = True  # let clients open by HTTP long polling; they must move to WebSocket at once
    resume_window_s: Annotated[float, Field(ge=0, le=3600)] = 30.0  # media outlives a lost socket this long
    ping_interval_s: Seconds = 25.0  # Engine.IO
    ping_timeout_s: Seconds = 20.0  # Engine.IO
    shutdown_s: Seconds = 4.0  # for a clean end; what is left then is cut
    drain_s: Annotated[float, Field(ge=0, le=86_400)] = 20.0  # from SIGTERM on, calls may go on for so long
    operator: bool = True  # serve the operators' page, API and metrics
    operator_host: str = "127.0.0.1"  # where; anything but loopback needs operator_token
    operator_port: Port | None = None  # none: PORT + 1
    operator_token: str | None = Field(default=None, repr=False)  # bearer token; also opens them on PORT
    capture_dir: Path | None = None  # where captures and flight recordings go; none: there are none
    capture_mb: Count = 256  # size of one capture
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    limits: Limits = Limits()

    @property
    def tls(self) -> bool:
        """Whether HTTP is served over TLS."""
        return self.tls_self_signed or self.tls_cert is not None


def load_settings(
    toml: Path | None = None, *, env_file: Path | None = Path(".env"), **flags: object
) -> Settings:
    """The settings from all sources. ``flags`` that are ``None`` were not given.

    ``toml`` must exist; without it ``rtpfwd.toml`` in the working directory is read if it is there.
    Raises ``SettingsError`` naming the setting and, for a TOML file, also for a key that does not exist.
    """
    table = _read_toml(toml)

    class Loaded(Settings):
        """``Settings`` with a TOML table underneath."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            dotenv = DotEnvSettingsSource(settings_cls, env_file=env_file)
            below = InitSettingsSource(settings_cls, init_kwargs=table)
            return init_settings, env_settings, dotenv, below

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Loaded(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        given_value = "" if first["loc"][0] in SECRETS else f" (got {first['input']!r})"
        raise SettingsError(f"setting {name}: {first['msg']}{given_value}") from None
    _check_secrets(settings)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("settings tls_cert and tls_key: give both or neither")
    return settings


def _check_secrets(settings: Settings) -> None:
    if any(len(secret) < SHORTEST_SECRET for secret in settings.token_secrets):
        raise SettingsError(f"setting token_secrets: each must have {SHORTEST_SECRET} characters or more")
    if settings.operator_token is not None and len(settings.operator_token) < SHORTEST_OPERATOR_TOKEN:
        raise SettingsError(f"setting operator_token: must have {SHORTEST_OPERATOR_TOKEN} characters or more")
    if settings.turn_urls and settings.turn_secret is None:
        raise SettingsError("setting turn_urls: needs turn_secret, the TURN server's static-auth-secret")
    for name, schemes in (("stun_urls", ("stun:", "stuns:")), ("turn_urls", ("turn:", "turns:"))):
        for url in getattr(settings, name):
            if not url.startswith(schemes) or len(url) <= len(schemes[-1]):
                raise SettingsError(f"setting {name}: {url!r} does not begin with {' or '.join(schemes)}")


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None and not DEFAULT_TOML.is_file():
        return {}
    path = path or DEFAULT_TOML
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    known = {*Settings.model_fields, "media_port", "rtpfwd_dataplane"}
    for key in table:
        if key not in known:
            raise SettingsError(f"{path} has an unknown setting: {key}")
    return table
