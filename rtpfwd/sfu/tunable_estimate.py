"""The tunables of the estimate of a downlink (``congestion/settings.py``).

They reach estimates that begin afterwards: an estimate under way keeps what it began with, as its state means
something under those settings only. Not here: the factors of the first probes, which are no single number.
"""

from __future__ import annotations

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.sfu.tunables import Number, Scope, Tunable

_GBPS = 1_000_000_000


def _of(part: str, rows: tuple[tuple[str, Number, Number, str, str], ...]) -> tuple[Tunable, ...]:
    return tuple(
        Tunable(f"bandwidth.estimator.{part}{name}", lowest, highest, Scope.NEW_TRANSPORTS, source, about)
        for name, lowest, highest, source, about in rows
    )


ESTIMATE = (
    *_of("", (
        ("initial_bps", 30_000, _GBPS, "mediasoup", "Before anything is known of a downlink."),
        ("min_bps", 0, _GBPS, "mediasoup", "The estimate stays above."),
        ("max_bps", 30_000, 10 * _GBPS, "ours", "The estimate stays below."),
        ("pacing_factor", 1.0, 20.0, "libwebrtc", "Packets leave so many times as fast as the estimate."),
        ("app_limited_below", 0.1, 1.0, "libwebrtc",
         "Sending less than this part of the estimate is the application's choice."),
        ("app_limited_window_us", milliseconds(50), seconds(10), "libwebrtc", "Looked at over this time."),
        ("history_packets", 256, 1 << 16, "ours", "Departures remembered."),
        ("history_us", seconds(1), seconds(60), "ours", "How long."),
        ("feedback_statuses", 256, 1 << 16, "ours", "Of one feedback that are read."),
        ("decisions", 16, 1 << 16, "ours", "Changes kept until they are taken."),
    )),
    *_of("delay.", (
        ("burst_us", 0, milliseconds(50), "GCC 5.2", "Packets sent within this time are one group."),
        ("burst_max_us", milliseconds(10), seconds(1), "libwebrtc",
         "Longest group that arrival in one clump may make."),
        ("clock_jump_us", milliseconds(500), seconds(60), "libwebrtc",
         "Arrival against departure; more is a broken clock."),
        ("window", 2, 1000, "libwebrtc", "Groups in the trendline."),
        ("smoothing", 0.0, 0.999, "libwebrtc", "Weight of the past in the smoothed delay."),
        ("gain", 0.1, 100.0, "libwebrtc", "Of the slope, against the threshold."),
        ("max_deltas", 1, 10_000, "libwebrtc",
         "The slope weighs with the number of deltas seen, up to here."),
        ("initial_threshold_ms", 1.0, 600.0, "GCC 5.4", "Of delay, before it adapts."),
        ("min_threshold_ms", 0.1, 600.0, "libwebrtc", "It goes no lower."),
        ("max_threshold_ms", 1.0, 6000.0, "libwebrtc", "It goes no higher."),
        ("threshold_up", 0.0, 1.0, "libwebrtc", "Growth of the threshold, a millisecond."),
        ("threshold_down", 0.0, 1.0, "libwebrtc", "Its shrinking."),
        ("overuse_us", 0, seconds(1), "GCC 5.4", "How long a growing queue is tolerated."),
    )),
    *_of("rate.", (
        ("back_off", 0.1, 0.99, "GCC 5.5", "Of the acknowledged rate, on overuse."),
        ("increase_per_s", 0.0, 2.0, "GCC 5.5", "Growth while the capacity is unknown."),
        ("max_over_acknowledged", 1.0, 10.0, "GCC 5.5",
         "The estimate grows at most to this multiple of what arrives."),
        ("over_acknowledged_bps", 0, 10_000_000, "libwebrtc", "Plus this."),
        ("growth_over_demand", 1.0, 10.0, "ours",
         "Growth without a probe ends at this multiple of what allocation can use."),
        ("response_us", 0, seconds(2), "GCC 5.5", "What a reaction takes besides the round trip."),
        ("min_additive_bps", 0, 10_000_000, "libwebrtc", "Growth a second near the capacity, at least."),
        ("default_rtt_us", milliseconds(1), seconds(5), "libwebrtc", "Round trip until one was measured."),
        ("fast_below", 0.1, 1.0, "ours",
         "Of the known capacity: below it the rate grows as if none were known."),
        ("capacity_weight", 0.001, 1.0, "libwebrtc", "Of a new sample in the link's capacity."),
        ("acknowledged_window_us", milliseconds(50), seconds(5), "ours",
         "Arrivals that count for the acknowledged rate."),
        ("acknowledged_packets", 1, 1000, "libwebrtc", "Fewer in the window say nothing."),
        ("outage_after_us", milliseconds(100), seconds(30), "ours",
         "Silence of the feedback that counts as an outage."),
        ("outage_every_us", milliseconds(50), seconds(10), "ours", "Then the estimate shrinks this often."),
        ("outage_factor", 0.1, 0.99, "ours", "By this."),
    )),
    *_of("probe.", (
        ("further_factor", 1.0, 10.0, "libwebrtc", "Of what the last probe found."),
        ("further_threshold", 0.1, 1.0, "libwebrtc", "When it found this part of its own rate."),
        ("demand_factor", 1.0, 10.0, "mediasoup",
         "Nobody needs more than this multiple of what allocation can use."),
        ("demand_change", 0.0, 1.0, "mediasoup", "Smaller changes of demand are ignored."),
        ("periodic_factor", 1.0, 10.0, "libwebrtc", "Of the estimate."),
        ("interval_us", milliseconds(500), seconds(120), "libwebrtc", "Between probes while more is wanted."),
        ("quiet_us", 0, seconds(120), "ours",
         "Who sent nothing for so long may probe whatever was known before."),
        ("back_off_base_us", 0, seconds(120), "LiveKit", "To wait after a probe that found nothing."),
        ("back_off_factor", 1.0, 10.0, "LiveKit", "Times the wait before."),
        ("back_off_max_us", 0, seconds(3600), "LiveKit", "The longest wait."),
        ("duration_us", milliseconds(5), seconds(1), "libwebrtc", "Of a cluster."),
        ("long_duration_us", milliseconds(5), seconds(1), "ours",
         "Of a cluster on a link that the media fills already."),
        ("packets", 2, 100, "libwebrtc", "Of a cluster, at least."),
        ("long_queue_us", milliseconds(5), seconds(5), "ours",
         "A round trip this much above the shortest: no time for a probe."),
        ("stuck_below", 0.0, 1.0, "ours",
         "Less arrives than this part of the estimate: it will not grow by itself."),
        ("result_wait_us", milliseconds(100), seconds(10), "libwebrtc",
         "What has no result by then has failed."),
        ("large_drop", 0.0, 1.0, "libwebrtc",
         "A fall below this part of the estimate is worth a recovery probe."),
        ("drop_memory_us", 0, seconds(60), "libwebrtc", "Within this time."),
        ("recovery_factor", 0.1, 1.0, "libwebrtc", "At this part of the rate before the fall."),
        ("recovery_spacing_us", milliseconds(500), seconds(120), "libwebrtc", "Between recovery probes."),
        ("success_gain", 1.0, 2.0, "ours", "A probe that raises the estimate by less has failed."),
    )),
    *_of("loss.", (
        ("low", 0.0, 0.5, "GCC 6", "Below this loss the limit grows."),
        ("high", 0.0, 0.9, "GCC 6", "Above it the limit shrinks by half the loss."),
        ("increase", 1.0, 2.0, "mediasoup", "For each second with little loss."),
        ("observe_us", milliseconds(50), seconds(10), "ours", "Of departures in one observation."),
        ("observe_packets", 1, 1000, "ours", "And packets at least."),
        ("balance_bps", 0, 10_000_000, "libwebrtc",
         "A link may lose offset + balance / rate before loss alone pushes the rate down."),
        ("offset", 0.0, 0.5, "libwebrtc", "That offset."),
        ("standing_queue_us", milliseconds(5), seconds(5), "ours",
         "A round trip this much above the shortest: loss comes from a full queue."),
        ("queue_high", 0.0, 0.9, "ours", "In place of high, then."),
        ("remb_allowance", 1.0, 2.0, "mediasoup", "Of a REMB, when the peer loses little."),
    )),
)  # fmt: skip
"""All of them."""
