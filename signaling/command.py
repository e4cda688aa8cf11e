"""``rtpfwd serve``: the calling server from the command line, until SIGINT or SIGTERM.

``rtpfwd`` finds this function by its entry point (group ``rtpfwd.commands``), as it must not import
``signaling``.
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.text import Text

from rtpfwd.drivers.loop import calm_collector, new_event_loop

from . import logs
from .addresses import page_addresses
from .app import CallServer
from .app import serve as serve_until
from .settings import Settings, SettingsError, load_settings

log = structlog.get_logger("signaling")


def serve(
    port: Annotated[int | None, typer.Option(help="HTTP and Socket.IO port [PORT, 5000]")] = None,
    host: Annotated[str | None, typer.Option(help="address that HTTP binds [HOST, all]")] = None,
    listen_ip: Annotated[
        str | None, typer.Option(help="addresses that media binds [LISTEN_IP, 0.0.0.0,::]")
    ] = None,
    announced_ip: Annotated[
        str | None,
        typer.Option(help="addresses or host names announced for media [ANNOUNCED_IP, interfaces]"),
    ] = None,
    media_port: Annotated[
        int | None, typer.Option(help="the one UDP port of all media [MEDIASOUP_LISTEN_PORT, 3000]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="threads for packets, each on a UDP port of its own [THREADS, 1]")
    ] = None,
    allowed_origins: Annotated[
        str | None, typer.Option(help="origins that may connect besides our own, * for any [ALLOWED_ORIGINS]")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain [TLS_CERT]")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key [TLS_KEY]")] = None,
    tls_self_signed: Annotated[
        bool | None, typer.Option("--tls-self-signed", help="make and keep a certificate [TLS_SELF_SIGNED]")
    ] = None,
    static_dir: Annotated[Path | None, typer.Option(help="the built web client [STATIC_DIR]")] = None,
    resume_window: Annotated[
        float | None, typer.Option(help="seconds that media outlives a lost socket [RESUME_WINDOW_S, 30]")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json [LOG_FORMAT]")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error [LOG_LEVEL]")] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings [rtpfwd.toml if there]")
    ] = None,
) -> None:
    """Serve video calls: the web page, signaling and media. In brackets: environment name and default."""
    try:
        settings = load_settings(
            config,
            port=port,
            host=host,
            listen_ip=listen_ip,
            announced_ip=announced_ip,
            mediasoup_listen_port=media_port,
            threads=threads,
            allowed_origins=allowed_origins,
            tls_cert=tls_cert,
            tls_key=tls_key,
            tls_self_signed=tls_self_signed,
            static_dir=static_dir,
            resume_window_s=resume_window,
            log_format=log_format,
            log_level=log_level,
        )
        logs.configure(settings.log_level, settings.log_format)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve_until_signal(settings))
    except SettingsError as error:
        text = Text.assemble(("error ", "bold red"), str(error))
        Console(stderr=True).print(text, soft_wrap=True)
        raise typer.Exit(1) from None


def main() -> None:
    """``python -m signaling``."""
    typer.run(serve)


async def _serve_until_signal(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    running: list[CallServer] = []

    def terminate() -> None:
        # The first SIGTERM lets calls end; the second one ends them.
        if running and not running[0].drain.active:
            running[0].drain.begin(settings.drain_s, "SIGTERM")
        else:
            stopped.set()

    def started(server: CallServer) -> None:
        running.append(server)
        _announce(server)

    calm_collector()
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    loop.add_signal_handler(signal.SIGTERM, terminate)
    await serve_until(settings, stopped, started)


def _announce(server: CallServer) -> None:
    pages = page_addresses(server.settings, server.port)
    if server.settings.log_format == "json":
        media_addresses = [f"{entry.address}:{entry.port}" for entry in server.driver.addresses]
        log.info("serving", pages=pages, media=media_addresses, operators=server.operators.url)
        return
    console = Console(file=logs.standard_error())
    first, *others = pages
    console.print(f"[bold]rtpfwd[/] serves calls at [bold cyan]{first}[/]", highlight=False, soft_wrap=True)
    for address in others:
        note = "" if server.settings.tls else "  (no camera in browsers without TLS: see --tls-self-signed)"
        console.print(f"  also {address}{note}", highlight=False, soft_wrap=True)
    media = ", ".join(f"{entry.address}:{entry.port}" for entry in server.driver.addresses)
    if server.operators.url is not None:
        console.print(f"  operators: {server.operators.url}/stats", highlight=False, soft_wrap=True)
    console.print(f"  media: UDP {media}", highlight=False, markup=False, soft_wrap=True)
