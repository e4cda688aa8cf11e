"""The report as one HTML page that opens anywhere: no scripts, nothing loaded, light and dark.

Whatever comes out of the capture goes through ``_text``; a content security policy forbids the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from rtpfwd.cli.inspect import words
from rtpfwd.cli.inspect.plots import WIDE, Line, chart
from rtpfwd.cli.inspect.style import STYLE
from rtpfwd.inspection.report import CaptureReport, StreamReport

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
MAX_DETAILED = 40
MAX_LINES = 8


def make_page(report: CaptureReport) -> str:
    """The page's text; write it as UTF-8."""
    title = _text(report.file)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title} - rtpfwd inspect</title><style>{STYLE}</style></head><body><main>",
        f"<header><p class=eyebrow>rtpfwd inspect</p><h1>{title}</h1>",
        f"<p class=sub>{report.format or 'unknown format'} · from {words.when(report.first_us)}</p></header>",
        _tiles(report),
    ]
    remarks = words.remarks(report)
    if remarks:
        items = "".join(f"<li>{_text(remark)}</li>" for remark in remarks)
        parts.append(f"<section class=remarks aria-label=Remarks><ul>{items}</ul></section>")
    if report.streams:
        parts += [_overview(report), _streams(report)]
        detailed = sorted(report.streams, key=lambda stream: -stream.bytes)[:MAX_DETAILED]
        parts += [_detail(stream, report) for stream in report.streams if stream in detailed]
        if len(report.streams) > MAX_DETAILED:
            parts.append(f"<p class=note>Plots are of the {MAX_DETAILED} largest streams.</p>")
    else:
        parts.append("<section><h2>Streams</h2><p>No RTP streams were found.</p></section>")
    parts += [_rtcp(report), _places(report), _GLOSSARY, "</main></body></html>"]
    return "".join(parts)


def _tiles(report: CaptureReport) -> str:
    packets = sum(stream.packets for stream in report.streams)
    lost = sum(stream.lost for stream in report.streams)
    tiles = [
        ("duration", f"{report.duration_s:.1f} s"),
        ("streams", words.count(len(report.streams))),
        ("RTP packets", words.count(packets)),
        ("lost", f"{lost:,}" + (f" · {lost / (lost + packets):.2%}" if lost else "")),
        ("RTCP packets", words.count(sum(report.rtcp.values()))),
        ("UDP payload", words.size(sum(report.bytes.values()))),
    ]
    return "<dl class=tiles>" + "".join(f"<div><dt>{n}</dt><dd>{v}</dd></div>" for n, v in tiles) + "</dl>"


def _overview(report: CaptureReport) -> str:
    largest = sorted(report.streams, key=lambda stream: -stream.bytes)[:MAX_LINES]
    lines = [
        Line(_name(stream), stream.bitrate_plot, index, gaps=True) for index, stream in enumerate(largest)
    ]
    legend = "".join(
        f'<li><span class="swatch c{index}"></span>{_text(_name(stream))}</li>'
        for index, stream in enumerate(largest)
    )
    title = "Bitrate of the largest streams"
    drawn = chart(title, lines, report.duration_s, words.short_rate, width=WIDE)
    figure = f"<figure>{drawn}</figure><ul class=legend>{legend}</ul>"
    return f"<section><h2>Bitrate <small>bit/s</small></h2>{figure}</section>"


def _streams(report: CaptureReport) -> str:
    head = ["SSRC", "codec", "PT", "from", "to", "packets", "lost", "dup.", "late", "jitter", "mean", "peak"]
    rows = [
        [
            f'<a href="#s{index}">{words.ssrc(stream.ssrc)}</a>'
            + (
                f"<br><small>{_text(stream.name or stream.cname)}</small>"
                if stream.name or stream.cname
                else ""
            ),
            _text(words.codec(stream)),
            str(stream.payload_type),
            _text(stream.source) or "-",
            _text(stream.destination) or "-",
            words.count(stream.packets),
            words.losses(stream),
            words.count(stream.duplicates),
            words.count(stream.reordered),
            words.milliseconds(stream.jitter_ms),
            words.rate(stream.bitrate_mean_bps),
            words.rate(stream.bitrate_max_bps),
        ]
        for index, stream in enumerate(report.streams)
    ]
    return f"<section><h2>Streams</h2>{_table(head, rows, numbers=5)}</section>"


def _detail(stream: StreamReport, report: CaptureReport) -> str:
    duration_s, index = report.duration_s, report.streams.index(stream)
    marks = [(time_s, f"key frame near {time_s:g} s") for time_s, _ in stream.key_frame_plot.points]
    figures = [
        _figure(
            "Bitrate, bit/s" + ("; key frames marked" if marks else ""),
            chart(
                f"Bitrate of {words.ssrc(stream.ssrc)}",
                [Line("bitrate", stream.bitrate_plot, 0, fill=True, gaps=True)],
                duration_s,
                words.short_rate,
                marks,
            ),
        )
    ]
    if stream.frames:
        frames = Line("frames a second", stream.frame_plot, 2, gaps=True)
        drawn = chart(f"Frames of {words.ssrc(stream.ssrc)}", [frames], duration_s, "{:g}".format)
        figures.append(_figure("Frames a second", drawn))
    if stream.jitter_plot.points:
        jitter = Line("jitter", stream.jitter_plot, 1)
        drawn = chart(f"Jitter of {words.ssrc(stream.ssrc)}", [jitter], duration_s, "{:g} ms".format)
        figures.append(_figure("Jitter (highest in each bucket)", drawn))
    if stream.lost:
        lost = Line("lost packets", stream.lost_plot, 3, bars=True)
        drawn = chart(f"Loss of {words.ssrc(stream.ssrc)}", [lost], duration_s, "{:g}".format)
        figures.append(_figure("Packets lost", drawn))
    return (
        f'<section id="s{index}"><h2>{words.ssrc(stream.ssrc)} <small>{_text(words.codec(stream))}'
        f"{' · ' + _text(stream.name) if stream.name else ''}</small></h2>"
        f"{_facts(stream)}{_layers(stream)}<div class=plots>{''.join(figures)}</div></section>"
    )


def _facts(stream: StreamReport) -> str:
    facts = [
        ("clock", f"{stream.clock_rate:,} Hz" if stream.clock_rate else "unknown"),
        ("picture", words.picture(stream)),
        ("frames", f"{stream.frames:,} · {stream.frames_per_second or 0:.1f}/s" if stream.frames else ""),
        ("key frames", words.count(stream.key_frames) if stream.frames else ""),
        ("bytes", words.size(stream.bytes)),
        ("padding only", words.count(stream.padding_packets) if stream.padding_packets else ""),
        ("longest silence", words.milliseconds(stream.longest_silence_ms)),
        (
            "jitter, mean / most",
            f"{stream.jitter_mean_ms} / {stream.jitter_max_ms} ms" if stream.jitter_ms else "",
        ),
        ("longest loss", f"{stream.longest_loss_run:,} in a row" if stream.lost else ""),
        ("runs lost", ", ".join(f"{runs} of {length}" for length, runs in stream.loss_runs.items())),
        ("restarts", words.count(stream.restarts) if stream.restarts else ""),
        ("CNAME", words.plain(stream.cname)),
        ("direction", stream.direction if stream.direction != "unknown" else ""),
        ("other payload types", _others(stream)),
        ("header extensions", ", ".join(words.plain(uri).rpartition("/")[2] for uri in stream.extensions)),
    ]
    for what, text in (
        ("nacked_packets", "asked again (NACK)"),
        ("plis", "key frames asked (PLI)"),
        ("firs", "FIR"),
    ):
        if stream.feedback[what]:
            facts.append((text, words.count(int(stream.feedback[what] or 0))))
    cells = "".join(f"<div><dt>{_text(n)}</dt><dd>{_text(v)}</dd></div>" for n, v in facts if v)
    return f"<dl class=facts>{cells}</dl>"


def _layers(stream: StreamReport) -> str:
    total = sum(layer.bytes for layer in stream.layers)
    if len(stream.layers) < 2 or not total:
        return ""
    bars = "".join(
        f'<span class="bg c{index % 8}" style="width:{100 * layer.bytes / total:.2f}%"></span>'
        for index, layer in enumerate(stream.layers)
    )
    legend = "".join(
        f'<li><span class="swatch c{index % 8}"></span>S{layer.spatial_layer} T{layer.temporal_layer} '
        f"<b>{layer.bytes / total:.1%}</b> · {layer.packets:,} packets</li>"
        for index, layer in enumerate(stream.layers)
    )
    return f"<h3>Layers by bytes</h3><div class=stack>{bars}</div><ul class=legend>{legend}</ul>"


def _rtcp(report: CaptureReport) -> str:
    if not report.rtcp:
        return ""
    counts = [[_text(name), words.count(number)] for name, number in report.rtcp.items()]
    by_type = _table(["type", "packets"], counts, numbers=1)
    parts = [f"<section><h2>RTCP</h2><div class=columns><div>{by_type}</div>"]
    rows = [
        [
            words.ssrc(one.ssrc),
            what,
            words.count(one.count),
            *(form(v) for v in (one.smallest, one.mean, one.largest)),
        ]
        for what, entries, form in (
            ("round trip", report.round_trips_ms, words.milliseconds),
            ("REMB", report.bandwidth_estimates_bps, words.rate),
        )
        for one in entries
    ]
    if rows:
        parts.append(
            f"<div>{_table(['SSRC', 'what', 'count', 'least', 'mean', 'most'], rows, numbers=2)}</div>"
        )
    parts.append("</div><div class=plots>")
    for title, entries, unit in (
        ("Round trip, from here to the receiver and back", report.round_trips_ms, "{:g} ms".format),
        ("Estimates of receivers (REMB), bit/s", report.bandwidth_estimates_bps, words.short_rate),
    ):
        lines = [Line(words.ssrc(one.ssrc), one.plot, i) for i, one in enumerate(entries[:MAX_LINES])]
        if lines:
            parts.append(_figure(title, chart(title, lines, report.duration_s, unit)))
    return "".join(parts) + "</div></section>"


def _places(report: CaptureReport) -> str:
    rows = [
        [_text(kind), words.count(n), words.size(report.bytes[kind])] for kind, n in report.datagrams.items()
    ]
    parts = ["<section><h2>In the file</h2><div class=columns>"]
    parts.append(f"<div>{_table(['datagrams', 'count', 'bytes'], rows, numbers=1)}</div>")
    named = [one for one in report.interfaces if one.name or one.description]
    if named:
        cells = [[str(one.index), _text(one.name), _text(one.description)] for one in named]
        parts.append(f"<div>{_table(['interface', 'name', 'description'], cells, numbers=9)}</div>")
    if report.records:
        cells = [[_text(kind), words.count(number)] for kind, number in report.records.items()]
        parts.append(f"<div>{_table(['record', 'count'], cells, numbers=1)}</div>")
    return "".join(parts) + "</div></section>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: int) -> str:
    """Cells are HTML already; columns from ``numbers`` on are aligned to the right."""

    def line(tag: str, cells: Iterable[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if index >= numbers else ''}>{cell}</{tag}>"
            for index, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    head_row = f"<thead><tr>{line('th', head)}</tr></thead>"
    return f"<div class=scroll><table>{head_row}<tbody>{body}</tbody></table></div>"


def _figure(caption: str, drawn: str) -> str:
    return f"<figure><figcaption>{_text(caption)}</figcaption>{drawn}</figure>"


def _name(stream: StreamReport) -> str:
    return " ".join(filter(None, (words.ssrc(stream.ssrc), words.codec(stream), words.plain(stream.name))))


def _others(stream: StreamReport) -> str:
    return ", ".join(
        f"{number} ({packets:,})"
        for number, packets in stream.payload_types.items()
        if number != str(stream.payload_type)
    )


def _text(text: str | None) -> str:
    return escape(words.plain(text))


_GLOSSARY = """<section class=glossary><h2>How to read this</h2><dl>
<dt>lost</dt><dd>Sequence numbers that never came, over all restarts of the numbering. A duplicate does not
make up for one. Percentages are of what was sent.</dd>
<dt>late</dt><dd>Packets that came behind one sent after them.</dd>
<dt>jitter</dt><dd>RFC 3550's interarrival jitter at the end of the stream. The packets of a video frame leave
together, so video has some by nature.</dd>
<dt>peak</dt><dd>The most within one second.</dd>
<dt>round trip</dt><dd>From the place of the capture to the receiver and back, by its reports.</dd>
</dl></section>"""
