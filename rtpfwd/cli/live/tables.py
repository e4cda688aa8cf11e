"""A running server's answers as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from rtpfwd.cli.inspect.words import count, plain, rate

BAD_LOSS_PERCENT = 5.0
DURATIONS = ((1_000_000, "s"), (1_000, "ms"))
RATES = ((1_000_000, "Mbit/s"), (1_000, "kbit/s"))


def routes_table(answer: dict[str, Any], *, at_most: int | None = None) -> Table:
    """One block for each producer SSRC, its consumers under it; then consumers that get nothing.

    ``at_most`` lines of it, the liveliest routes first, for a screen.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("SSRC", "what", "who", "address"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("packets/s", "rate", "loss"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("layers", no_wrap=True)
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("drops by reason", overflow="fold")
    rows = _route_rows(answer)
    for number, row in enumerate(rows):
        if at_most is not None and number >= at_most:
            break
        table.add_row(*row)
    return table


def summary(answer: dict[str, Any]) -> str:
    """One line about the whole table."""
    counts = answer["counts"]
    text = (
        f"{counts['routers']} rooms, {counts['transports']} transports, "
        f"{counts['streams']} streams in, {counts['consumers']} out"
    )
    return text + (" (more than is shown: --limit)" if answer["truncated"] else "")


def tunables_table(tunables: list[dict[str, Any]]) -> Table:
    """Name, value, range, reach and meaning; changed values stand out."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("default", justify="right", no_wrap=True)
    table.add_column("range", no_wrap=True)
    table.add_column("reaches", no_wrap=True)
    table.add_column("what (source)", overflow="fold")
    for one in tunables:
        changed = one["value"] != one["default"]
        lowest, highest = (amount(one[end], one["unit"]) for end in ("lowest", "highest"))
        table.add_row(
            plain(one["name"]),
            Text(amount(one["value"], one["unit"]), "bold yellow" if changed else ""),
            amount(one["default"], one["unit"]),
            "-" if one["scope"] == "start" else f"{lowest} - {highest}",
            plain(one["scope"]),
            Text(f"{plain(one['about'])} ({plain(one['source'])})"),
        )
    return table


def amount(value: Any, unit: str) -> str:
    """A value with the unit that suits; ``rtpfwd set`` reads what this writes, without the space."""
    if isinstance(value, bool):
        return "true" if value else "false"
    sizes = DURATIONS if unit == "µs" else RATES if unit == "bit/s" else ()
    for size, name in sizes:
        if abs(value) >= size:
            return f"{value / size:g} {name}"
    return f"{value:g} {unit}".rstrip() if isinstance(value, float) else f"{value} {unit}".rstrip()


def _route_rows(answer: dict[str, Any]) -> Iterable[tuple[str | Text, ...]]:
    rooms = {room["routerId"]: room["name"] for room in answer.get("rooms", ())}
    people = answer.get("people", {})

    def who(row: dict[str, Any]) -> str:
        name = people.get(row["transportId"], {}).get("displayName", row["transportId"][:8])
        room = rooms.get(row["routerId"])
        return plain(name if room is None else f"{name} @ {room}")

    def consumer_row(one: dict[str, Any], mark: str, nothing: str) -> tuple[str | Text, ...]:
        why = "paused" if one["paused"] else plain(one.get("reason", nothing))
        return (
            Text(f"{mark} {_ssrc(one)}", "cyan"),
            why,
            who(one),
            plain(one.get("to", "-")),
            count(one["packetRate"]),
            rate(one["bitrate"]),
            _loss(one.get("lostPercent")),
            _layers(one.get("layers")),
            rate(one["estimateBps"]) if "estimateBps" in one else "-",
            _drops(one["drops"]),
        )

    for route in sorted(answer["routes"], key=lambda one: -one["bitrate"]):
        rid = f" {plain(route['rid'])}" if "rid" in route else ""
        state = " paused" if route["paused"] else "" if route["active"] else " silent"
        yield (
            Text(_ssrc(route), "bold"),
            f"{plain(route['mimeType'])}{rid}{state}",
            who(route),
            plain(route.get("from", "-")),
            count(route["packetRate"]),
            rate(route["bitrate"]),
            _loss(route["lostPercent"]),
            "",
            "",
            _drops(route["drops"]),
        )
        for one in sorted(route["consumers"], key=lambda one: -one["bitrate"]):
            yield consumer_row(one, " ->", "")
    for one in answer["idle"]:
        yield consumer_row(one, "idle", "no media yet")


def _ssrc(row: dict[str, Any]) -> str:
    return f"0x{row['ssrc']:08x}"


def _loss(percent: float | None) -> Text:
    if percent is None:
        return Text("-")
    return Text(f"{percent:.1f} %", "bold red" if percent >= BAD_LOSS_PERCENT else "")


def _layers(layers: dict[str, Any] | None) -> str:
    return "" if layers is None else f"{layers['spatialLayer']}/{layers.get('temporalLayer', 0)}"


def _drops(drops: dict[str, int]) -> str:
    return ", ".join(f"{plain(name)} {number:,}" for name, number in drops.items())
