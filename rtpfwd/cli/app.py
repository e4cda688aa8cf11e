"""Puts the command line together: our own commands, and those that other packages offer.

A package offers a command by an entry point of group ``rtpfwd.commands``: name = command, object = a function
that Typer can read. So ``serve`` reaches signaling while nothing in rtpfwd imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

import typer

from rtpfwd.cli.bench.command import bench
from rtpfwd.cli.explain import explain
from rtpfwd.cli.inspect.command import inspect
from rtpfwd.cli.live.capture import capture
from rtpfwd.cli.live.commands import drain, routes, set_tunables, tunables
from rtpfwd.cli.live.top import top
from rtpfwd.cli.minimise import minimise
from rtpfwd.cli.replay.command import replay
from rtpfwd.cli.tune.command import tune
from rtpfwd.cli.version import version

GROUP = "rtpfwd.commands"


def main() -> None:
    """Run the command that ``sys.argv`` names."""
    build_app(entry_points(group=GROUP))()


def build_app(offered: Iterable[EntryPoint]) -> typer.Typer:
    """The application with ``offered`` commands besides our own, which win over others of their name.

    An offer that cannot be imported is reported when its command is called, and hinders no other.
    """
    app = typer.Typer(
        name="rtpfwd", help="A WebRTC selective forwarding unit.", no_args_is_help=True, add_completion=False
    )
    own: dict[str, Callable[..., None]] = {
        "bench": bench,
        "explain": explain,
        "inspect": inspect,
        "minimise": minimise,
        "replay": replay,
        "drain": drain,
        "routes": routes,
        "set": set_tunables,
        "top": top,
        "tunables": tunables,
        "tune": tune,
        "version": version,
    }
    for name, command in own.items():
        app.command(name)(command)
    app.add_typer(capture)
    for entry in sorted(offered, key=lambda one: one.name):
        if entry.name in own or entry.name == capture.info.name:
            continue
        try:
            command = entry.load()
        except Exception as error:
            app.command(entry.name, help=f"Not available: {error}")(_unavailable(entry, error))
        else:
            app.command(entry.name)(command)
    return app


def _unavailable(entry: EntryPoint, error: Exception) -> Callable[[], None]:
    def refuse() -> None:
        typer.echo(f"rtpfwd {entry.name}: cannot load {entry.value}: {error}", err=True)
        raise typer.Exit(1)

    return refuse
