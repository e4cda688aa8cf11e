"""What is read off a run when it is over."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rtpfwd.clock import MICROSECONDS, Instant, ticks_to_us
from rtpfwd.drivers.decoder_model import freezes_between
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.whatif.figures import RunFigures, quantile
from rtpfwd.drivers.whatif.viewer import Viewer
from rtpfwd.wire.serial import distance_32

PLAYOUT_PICTURES = 100
PLAYOUT_SHARE = 0.95


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
    played = [
        play_out([(one.at, one.timestamp) for one in sink.decoder.shown], sink.clock_rate)
        for sink in videos
        if sink.decoder is not None
    ]
    freezes = [
        one
        for each in played
        for one in freezes_between([*(time for time in each.times if time <= end), end])
        if one[0] >= begin
    ]
    figures.freezes = len(freezes) / viewers
    figures.freeze_s = sum(length for _, length in freezes) / MICROSECONDS / viewers
    shown = sum(begin <= time < end for each in played for time in each.times)
    figures.pictures_per_s = shown / lasted_s / len(videos)
    firsts = [next(iter(each.times), end) for each in played]
    figures.first_picture_ms = sum(min(one, end) - begin for one in firsts) / len(firsts) / 1000
    late = sorted(value for each in played for value in each.late_us)
    if late:
        figures.late_p95_ms = quantile(late, 0.95) / 1000
        figures.playout_delay_ms = quantile(sorted(d for each in played for d in each.delays_us), 0.5) / 1000


@dataclass(slots=True)
class PlayedOut:
    """Pictures as a viewer sees them, in order."""

    times: list[Instant] = field(default_factory=list)
    late_us: list[int] = field(default_factory=list)
    """Of each: how much later it could be decoded than if it had taken as long as the quickest."""
    delays_us: list[int] = field(default_factory=list)
    """Of each: how much later it was shown than the quickest so far could have been."""


def play_out(decoded: Sequence[tuple[Instant, int]], clock_rate: int) -> PlayedOut:
    """Show pictures, given as when each could be decoded and its RTP timestamp, behind an adaptive delay: as
    long as all but one of twenty of the last hundred were late. What is later than that is shown at once.

    Much like libwebrtc's jitter buffer, which estimates the same from sizes and delays.
    """
    played = PlayedOut()
    if not decoded:
        return played
    taken: list[int] = []
    recent: deque[int] = deque(maxlen=PLAYOUT_PICTURES)
    first_at, first_timestamp = decoded[0]
    least = 0
    for at, timestamp in decoded:
        captured = first_at + ticks_to_us(distance_32(timestamp, first_timestamp), clock_rate)
        least = min(least, at - captured)
        taken.append(at - captured)
        late = at - captured - least
        delay = round(quantile(sorted(recent), PLAYOUT_SHARE)) if recent else 0
        recent.append(late)
        shown = max(captured + least + delay, at, played.times[-1] if played.times else 0)
        played.times.append(Instant(shown))
        played.delays_us.append(shown - captured - least)
    played.late_us = [one - least for one in taken]
    return played


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
