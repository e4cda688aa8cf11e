"""The result of an inspection as plain data: for tables, pages and, by ``to_json``, programs.

Times are in microseconds as the capture has them, rates in bits a second, sizes in bytes, durations with the
unit in their name. What is not known is None, in JSON ``null``.
"""

from dataclasses import asdict, dataclass, field

from rtpfwd.inspection.codecs import is_repair
from rtpfwd.inspection.control import Feedback
from rtpfwd.inspection.inspector import Inspector
from rtpfwd.inspection.series import Series, Spread
from rtpfwd.inspection.stream import MediaStream
from rtpfwd.wire.captures.items import Interface, JsonValue
from rtpfwd.wire.captures.reader import CaptureReader
from rtpfwd.wire.datagram import Address


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What one spatial and temporal layer brought."""

    spatial_layer: int
    temporal_layer: int
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Values over time: (seconds since the capture's start, value), from buckets of ``width_s`` seconds."""

    width_s: float
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One RTP stream.

    ``lost`` counts sequence numbers that never came (a duplicate does not make up for one); ``packets``
    includes duplicates; ``bytes`` counts whole RTP packets, ``payload_bytes`` without headers and padding.
    ``jitter_ms`` is RFC 3550's running value at the end. ``codec_confidence``: given, static, likely, guess
    or unknown. ``repairs``: the SSRC that an RTX stream repeats. ``encrypted``: SRTP, by the DTLS beside it.
    """

    ssrc: int
    payload_type: int
    codec: str | None
    codec_confidence: str
    clock_rate: int | None
    name: str
    source: str | None
    destination: str | None
    direction: str
    interface: int
    encrypted: bool
    repairs: int | None
    cname: str | None
    packets: int
    bytes: int
    payload_bytes: int
    padding_packets: int
    lost: int
    duplicates: int
    reordered: int
    restarts: int
    strays: int
    longest_loss_run: int
    loss_runs: dict[str, int]
    jitter_ms: float | None
    jitter_mean_ms: float | None
    jitter_max_ms: float | None
    first_us: int
    last_us: int
    longest_silence_ms: float
    bitrate_mean_bps: float
    bitrate_max_bps: int
    frames: int | None
    frames_per_second: float | None
    key_frames: int | None
    width: int | None
    height: int | None
    layers: tuple[LayerReport, ...]
    payload_types: dict[str, int]
    extensions: dict[str, int]
    feedback: dict[str, float | None]
    bitrate_plot: Plot = Plot(1.0)
    lost_plot: Plot = Plot(1.0)
    jitter_plot: Plot = Plot(1.0)
    frame_plot: Plot = Plot(1.0)
    key_frame_plot: Plot = Plot(1.0)

    @property
    def loss_share(self) -> float:
        """Lost packets of all that were sent, 0 to 1."""
        sent = self.packets - self.duplicates - self.strays + self.lost
        return self.lost / sent if sent > 0 else 0.0

    @property
    def is_repair(self) -> bool:
        """Whether it repeats or protects another stream."""
        return is_repair(self.codec)


@dataclass(frozen=True, slots=True)
class SpreadReport:
    """Round trips in milliseconds or estimates in bits a second, of one reporting SSRC."""

    ssrc: int
    count: int
    smallest: float
    mean: float
    largest: float
    plot: Plot = Plot(1.0)


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """All of it. ``rtcp`` counts packets by type; ``datagrams`` and ``bytes`` count UDP payloads by kind.

    ``noise``: packets that start like RTP and belong to no stream. ``error``: what broke off the reading;
    what came before it is reported all the same.
    """

    file: str
    format: str | None
    truncated: bool
    error: str | None
    frames: int
    malformed_frames: int
    first_malformed: str | None
    skipped_frames: dict[str, int]
    datagrams: dict[str, int]
    bytes: dict[str, int]
    noise: int
    beyond_limits: int
    first_us: int | None
    last_us: int | None
    interfaces: tuple[Interface, ...]
    comments: int
    records: dict[str, int]
    streams: tuple[StreamReport, ...]
    rtcp: dict[str, int]
    rtcp_encrypted: int
    rtcp_malformed: int
    round_trips_ms: tuple[SpreadReport, ...]
    bandwidth_estimates_bps: tuple[SpreadReport, ...]
    transport_cc: dict[str, int]

    @property
    def duration_s(self) -> float:
        """From the first datagram to the last."""
        return (self.last_us - self.first_us) / 1e6 if self.first_us is not None and self.last_us else 0.0

    def to_json(self) -> dict[str, JsonValue]:
        """Values that ``json.dumps`` takes, the plots left out."""
        document: dict[str, JsonValue] = asdict(self)
        document["streams"] = [_without_plots(asdict(one)) for one in self.streams]
        document["round_trips_ms"] = [_without_plots(asdict(one)) for one in self.round_trips_ms]
        document["bandwidth_estimates_bps"] = [
            _without_plots(asdict(one)) for one in self.bandwidth_estimates_bps
        ]
        return document


@dataclass(slots=True)
class CaptureFacts:
    """What the file says beside its packets, gathered while it is read."""

    file: str
    error: str | None = None
    interfaces: list[Interface] = field(default_factory=list)
    comments: int = 0
    records: dict[str, int] = field(default_factory=dict)


def make_report(facts: CaptureFacts, reader: CaptureReader, inspector: Inspector) -> CaptureReport:
    """Puts everything together; ``inspector.finish`` is called here."""
    streams = inspector.finish()
    control, counts = inspector.control, reader.counts
    return CaptureReport(
        file=facts.file,
        format=reader.format.value if reader.format else None,
        truncated=reader.truncated,
        error=facts.error,
        frames=counts.frames,
        malformed_frames=counts.malformed,
        first_malformed=counts.first_malformed,
        skipped_frames={reason.value: count for reason, count in counts.skipped.items()},
        datagrams=dict(inspector.datagrams),
        bytes=dict(inspector.bytes),
        noise=inspector.noise,
        beyond_limits=inspector.beyond_limits,
        first_us=inspector.first_us,
        last_us=inspector.last_us,
        interfaces=tuple(facts.interfaces),
        comments=facts.comments,
        records=facts.records,
        streams=tuple(
            _stream(one, control.feedback.get(one.key.ssrc), control.cnames.get(one.key.ssrc))
            for one in streams
        ),
        rtcp=dict(sorted(control.types.items())),
        rtcp_encrypted=control.encrypted,
        rtcp_malformed=control.malformed,
        round_trips_ms=_spreads(control.round_trips, control.round_trip_series),
        bandwidth_estimates_bps=_spreads(control.estimates, control.estimate_series),
        transport_cc={"reported": control.transport_reported, "lost": control.transport_lost},
    )


def _stream(stream: MediaStream, feedback: Feedback | None, cname: str | None) -> StreamReport:
    reception, jitter, pictures = stream.reception, stream.jitter, stream.pictures
    duration_s = stream.duration_us / 1e6
    resolution = pictures.resolutions[-1][1] if pictures and pictures.resolutions else (None, None)
    rate = 8 / (stream.byte_series.width_us / 1e6)
    return StreamReport(
        ssrc=stream.key.ssrc,
        payload_type=stream.payload_types.most_common(1)[0][0],
        codec=stream.codec.mime_type,
        codec_confidence=stream.codec.confidence.value,
        clock_rate=stream.codec.clock_rate,
        name=stream.name,
        source=address_text(stream.key.source),
        destination=address_text(stream.key.destination),
        direction=stream.direction.name.lower(),
        interface=stream.key.interface,
        encrypted=stream.protected,
        repairs=stream.repairs,
        cname=cname,
        packets=stream.packets,
        bytes=stream.bytes,
        payload_bytes=stream.payload_bytes,
        padding_packets=stream.padding_packets,
        lost=reception.lost,
        duplicates=reception.duplicates,
        reordered=reception.reordered,
        restarts=reception.restarts,
        strays=reception.strays,
        longest_loss_run=reception.longest_run,
        loss_runs=dict(reception.runs),
        jitter_ms=round(jitter.value_ms, 3) if jitter else None,
        jitter_mean_ms=round(jitter.spread.mean, 3) if jitter else None,
        jitter_max_ms=round(jitter.spread.largest, 3) if jitter else None,
        first_us=stream.first_us,
        last_us=stream.last_us,
        longest_silence_ms=stream.longest_silence_us / 1000,
        bitrate_mean_bps=round(stream.mean_bps),
        bitrate_max_bps=stream.peak.peak * 8,
        frames=pictures.frames if pictures else None,
        frames_per_second=round(pictures.frames / duration_s, 2) if pictures and duration_s else None,
        key_frames=pictures.key_frames if pictures else None,
        width=resolution[0],
        height=resolution[1],
        layers=tuple(
            LayerReport(*layer, packets, size)
            for layer, (packets, size) in sorted(pictures.layers.items() if pictures else ())
        ),
        payload_types={str(number): count for number, count in sorted(stream.payload_types.items())},
        extensions={
            stream.extensions.get(number, f"id {number}"): count
            for number, count in sorted(stream.extension_ids.items())
        },
        feedback=_feedback(feedback),
        bitrate_plot=_plot(stream.byte_series, rate),
        lost_plot=_plot(stream.lost_series),
        jitter_plot=_plot(stream.jitter_series),
        frame_plot=_plot(pictures.frame_series, 1e6 / pictures.frame_series.width_us)
        if pictures
        else Plot(1.0),
        key_frame_plot=_plot(pictures.key_frame_series) if pictures else Plot(1.0),
    )


def address_text(address: Address | None) -> str | None:
    """``1.2.3.4:5`` or ``[::1]:5``; None for None."""
    if address is None:
        return None
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def _feedback(feedback: Feedback | None) -> dict[str, float | None]:
    found = feedback or Feedback()
    return {
        "nacks": found.nacks,
        "nacked_packets": found.nacked_packets,
        "plis": found.plis,
        "firs": found.firs,
        "reports": found.reports,
        "fraction_lost_max": round(found.fraction_lost_max, 4),
        "reported_lost": found.reported_lost,
    }


def _spreads(spreads: dict[int, Spread], series: dict[int, Series]) -> tuple[SpreadReport, ...]:
    return tuple(
        SpreadReport(
            ssrc,
            spread.count,
            round(spread.smallest, 3),
            round(spread.mean, 3),
            round(spread.largest, 3),
            _plot(series[ssrc]),
        )
        for ssrc, spread in spreads.items()
    )


def _plot(series: Series, factor: float = 1.0) -> Plot:
    points = tuple((start_us / 1e6, value * factor) for start_us, value in series.points())
    return Plot(series.width_us / 1e6, points)


def _without_plots(entry: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in entry.items() if key != "plot" and not key.endswith("_plot")}
