"""What is read off a run when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtpfwd.clock import MICROSECONDS, Instant, ticks_to_us
from rtpfwd.drivers.links import LinkModel
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.netem import IP_UDP_BYTES
from rtpfwd.drivers.whatif.figures import RunFigures, quantile
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtp import peek_ssrc
from rtpfwd.wire.serial import distance_32

if TYPE_CHECKING:
    from rtpfwd.drivers.whatif.call import Viewer


class Tap:
    """Counts what is given to a link, in bytes: media (of the SSRCs in ``media``), other RTP, which is
    repairs and padding, and all with IP and UDP. SRTP leaves SSRCs readable.
    """

    def __init__(self, inner: LinkModel) -> None:
        self.media: set[int] = set()
        self.media_bytes = self.other_bytes = self.wire_bytes = 0
        self._inner = inner

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's."""
        self.wire_bytes += len(data) + IP_UDP_BYTES
        if classify(data) is Kind.RTP:
            if peek_ssrc(data) in self.media:
                self.media_bytes += len(data)
            else:
                self.other_bytes += len(data)
        return self._inner.arrivals(data, now)


def measured(viewers: Sequence[Viewer], begin: Instant, end: Instant, rate_bps: int) -> RunFigures:
    """The figures of all viewers together, but for what publishers count. ``rate_bps``: of their links."""
    figures = RunFigures()
    sinks = [one.sink for viewer in viewers for one in viewer.watching]
    videos = [one for one in sinks if one.decoder is not None]
    figures.residual_loss_percent = _missing_percent(videos)
    figures.audio_loss_percent = _missing_percent([one for one in sinks if one.decoder is None])
    filled = sorted(one for sink in sinks for one in sink.filled_us)
    if filled:
        figures.repair_p50_ms = quantile(filled, 0.5) / 1000
        figures.repair_p95_ms = quantile(filled, 0.95) / 1000
    media = sum(one.down.media_bytes for one in viewers)
    if media:
        figures.overhead_percent = 100 * sum(one.down.other_bytes for one in viewers) / media
    lasted_s = (end - begin) / MICROSECONDS
    figures.sent_kbps = sum(one.down.wire_bytes for one in viewers) * 8 / 1000 / lasted_s / len(viewers)
    if videos:
        _pictures(figures, videos, begin, end, len(viewers), lasted_s)
    _layers(figures, viewers)
    estimates = sorted(one for viewer in viewers for one in viewer.estimates)
    if estimates:
        figures.estimate_kbps = quantile(estimates, 0.5) / 1000
        if rate_bps:
            figures.estimate_to_capacity_percent = 100 * quantile(estimates, 0.5) / rate_bps
    return figures


def _missing_percent(sinks: Sequence[MediaSink]) -> float | None:
    expected = sum(one.packets + one.lost for one in sinks)
    return 100 * sum(one.lost for one in sinks) / expected if expected else None


def _pictures(
    figures: RunFigures,
    videos: Sequence[MediaSink],
    begin: Instant,
    end: Instant,
    viewers: int,
    lasted_s: float,
) -> None:
    freezes = [one for sink in videos if sink.decoder for one in sink.decoder.freezes(begin, end)]
    figures.freezes = len(freezes) / viewers
    figures.freeze_s = sum(length for _, length in freezes) / MICROSECONDS / viewers
    shown = sum(begin <= one.at < end for sink in videos if sink.decoder for one in sink.decoder.shown)
    figures.pictures_per_s = shown / lasted_s / len(videos)
    firsts = [next((one.at for one in sink.decoder.shown), end) for sink in videos if sink.decoder]
    figures.first_picture_ms = sum(min(one, end) - begin for one in firsts) / len(firsts) / 1000
    late = sorted(value for sink in videos for value in _lateness_us(sink))
    if late:
        figures.late_p95_ms = quantile(late, 0.95) / 1000


def _lateness_us(sink: MediaSink) -> list[int]:
    """Of each picture: how much later it was shown than if it had taken as long as the quickest."""
    shown = sink.decoder.shown if sink.decoder is not None else []
    if not shown:
        return []
    first = shown[0]
    delays = [
        one.at - first.at - ticks_to_us(distance_32(one.timestamp, first.timestamp), sink.clock_rate)
        for one in shown
    ]
    least = min(delays)
    return [one - least for one in delays]


def _layers(figures: RunFigures, viewers: Sequence[Viewer]) -> None:
    counts: Counter[str] = Counter()
    for viewer in viewers:
        for one in viewer.watching:
            if one.consumer.type != "simple":
                counts.update(one.layers)
    total = sum(counts.values())
    if not total:
        return
    figures.layer_shares = {name: count / total for name, count in sorted(counts.items())}
    sent = {name: count for name, count in counts.items() if name != "-"}
    if sent:
        times = sum(sent.values())
        figures.mean_spatial = sum(int(name[1 : name.index("T")]) * one for name, one in sent.items()) / times
        figures.mean_temporal = (
            sum(int(name[name.index("T") + 1 :]) * one for name, one in sent.items()) / times
        )
