"""The report as tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtpfwd.cli.inspect import words
from rtpfwd.inspection.report import CaptureReport, StreamReport

WIDTH_OF_A_FILE = 200  # where there is no terminal to ask


def print_report(report: CaptureReport, console: Console) -> None:
    """Prints all tables that have something in them."""
    console.print(Text(_headline(report)))
    if report.streams:
        console.print(_streams(report))
    if any(stream.frames for stream in report.streams):
        console.print(_video(report))
    if report.rtcp:
        console.print(_rtcp(report))
    if report.round_trips_ms or report.bandwidth_estimates_bps:
        console.print(_spreads(report))
    for remark in words.remarks(report):
        console.print(Text(remark, style="yellow"))


def _headline(report: CaptureReport) -> str:
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(report.datagrams.items()))
    return (
        f"{words.plain(report.file)}: {report.format or 'unknown format'}, {report.frames:,} packets in "
        f"{report.duration_s:.3f} s from {words.when(report.first_us)}" + (f" ({kinds})" if kinds else "")
    )


def _streams(report: CaptureReport) -> Table:
    table = _table("RTP streams", "SSRC", "name", "from", "to", "codec", "PT")
    for name in ("packets", "lost", "dup.", "late", "jitter", "mean", "peak", "length"):
        table.add_column(name, justify="right")
    for stream in report.streams:
        _row(
            table,
            words.ssrc(stream.ssrc),
            words.plain(stream.name or stream.cname),
            f"{words.plain(stream.source) or '-'}{_ARROWS.get(stream.direction, '')}",
            words.plain(stream.destination) or "-",
            words.codec(stream),
            str(stream.payload_type),
            words.count(stream.packets),
            words.losses(stream),
            words.count(stream.duplicates),
            words.count(stream.reordered),
            words.milliseconds(stream.jitter_ms),
            words.rate(stream.bitrate_mean_bps),
            words.rate(stream.bitrate_max_bps),
            f"{(stream.last_us - stream.first_us) / 1e6:.2f} s",
        )
    return table


def _video(report: CaptureReport) -> Table:
    table = _table("Video", "SSRC", "size")
    for name in ("frames", "frames/s", "key frames", "NACKs", "PLIs", "FIRs"):
        table.add_column(name, justify="right")
    table.add_column("layers: share of bytes")
    for stream in report.streams:
        if stream.frames is None:
            continue
        _row(
            table,
            words.ssrc(stream.ssrc),
            words.picture(stream),
            words.count(stream.frames),
            f"{stream.frames_per_second:.1f}" if stream.frames_per_second else "-",
            words.count(stream.key_frames),
            _told(stream, "nacked_packets"),
            _told(stream, "plis"),
            _told(stream, "firs"),
            layer_shares(stream),
        )
    return table


def _rtcp(report: CaptureReport) -> Table:
    table = _table("RTCP", *report.rtcp)
    _row(table, *(words.count(number) for number in report.rtcp.values()))
    return table


def _spreads(report: CaptureReport) -> Table:
    table = _table("Told by receivers", "SSRC", "what")
    for name in ("count", "least", "mean", "most"):
        table.add_column(name, justify="right")
    for one in report.round_trips_ms:
        values = (words.milliseconds(value) for value in (one.smallest, one.mean, one.largest))
        _row(table, words.ssrc(one.ssrc), "round trip", words.count(one.count), *values)
    for one in report.bandwidth_estimates_bps:
        rates = (words.rate(value) for value in (one.smallest, one.mean, one.largest))
        _row(table, words.ssrc(one.ssrc), "REMB", words.count(one.count), *rates)
    return table


def layer_shares(stream: StreamReport) -> str:
    """``S0T0 61 %, S0T1 39 %``; empty for a stream of one layer."""
    total = sum(layer.bytes for layer in stream.layers)
    if len(stream.layers) < 2 or not total:
        return ""
    return ", ".join(
        f"S{layer.spatial_layer}T{layer.temporal_layer} {layer.bytes / total:.0%}" for layer in stream.layers
    )


_ARROWS = {"inbound": " (in)", "outbound": " (out)"}


def _told(stream: StreamReport, what: str) -> str:
    return words.count(int(stream.feedback[what] or 0))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _row(table: Table, *cells: str) -> None:
    """Text objects: brackets in a name are not markup."""
    table.add_row(*(Text(cell) for cell in cells))
