"""The tunables of the send-side estimate: one frozen record, each with its unit and where the value is from.

"GCC" is draft-ietf-rmcat-gcc-02; "libwebrtc" its present send-side controller; "ours" was found on the
simulated links of tests/congestion. Rates count the bytes of UDP payloads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rtpfwd.clock import milliseconds, seconds


@dataclass(frozen=True, slots=True)
class DelaySettings:
    """From arrival times to "the queue grows"."""

    burst_us: int = milliseconds(5)
    """Packets sent within this time are one group (GCC §5.2)."""
    burst_max_us: int = milliseconds(100)
    """Longest group that arrival in one clump may make (libwebrtc)."""
    clock_jump_us: int = seconds(3)
    """Arrival against departure; more than that is a broken clock, and the history is void (libwebrtc)."""
    window: int = 20
    """Groups in the trendline (libwebrtc)."""
    smoothing: float = 0.9
    """Weight of the past in the smoothed delay (libwebrtc)."""
    gain: float = 4.0
    """Of the slope, against the threshold (libwebrtc)."""
    max_deltas: int = 60
    """The slope weighs with the number of deltas seen, up to here (libwebrtc)."""
    initial_threshold_ms: float = 12.5
    """(GCC §5.4)"""
    min_threshold_ms: float = 6.0
    max_threshold_ms: float = 600.0
    threshold_up: float = 0.0087
    """Growth of the threshold, a millisecond (libwebrtc; GCC has 0.01)."""
    threshold_down: float = 0.039
    """Its shrinking (libwebrtc; GCC has 0.00018)."""
    overuse_us: int = milliseconds(10)
    """How long a growing queue is tolerated (GCC §5.4)."""


@dataclass(frozen=True, slots=True)
class RateSettings:
    """From "the queue grows" to a rate."""

    back_off: float = 0.85
    """Of the acknowledged rate, on overuse (GCC §5.5)."""
    increase_per_s: float = 0.08
    """While the capacity is unknown (GCC §5.5)."""
    max_over_acknowledged: float = 1.5
    """The estimate grows at most to this multiple of what arrives ... (GCC §5.5)"""
    over_acknowledged_bps: int = 10_000
    """... plus this (libwebrtc)."""
    growth_over_demand: float = 1.05
    """Growth without a probe ends at this multiple of what allocation can use (ours)."""
    response_us: int = milliseconds(100)
    """What a reaction takes besides the round trip (GCC §5.5)."""
    min_additive_bps: int = 4000
    """A second, near the capacity (libwebrtc)."""
    default_rtt_us: int = milliseconds(200)
    """Until one was measured (libwebrtc)."""
    fast_below: float = 0.9
    """Of the known capacity: the rate grows as if none were known (ours: a back-off is made good in two
    seconds, not in fifteen)."""
    capacity_weight: float = 0.05
    """Of a new sample in the link's capacity (libwebrtc)."""
    acknowledged_window_us: int = milliseconds(500)
    """Arrivals that count for the acknowledged rate (ours; libwebrtc has 150 ms and 1 s in its two ways)."""
    acknowledged_packets: int = 10
    """Fewer in the window say nothing (libwebrtc)."""
    outage_after_us: int = seconds(1)
    """Silence of the feedback while packets leave that counts as an outage (ours) ..."""
    outage_every_us: int = milliseconds(500)
    """... then the estimate shrinks this often ..."""
    outage_factor: float = 0.7
    """... by this."""


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """When to send padding to learn more."""

    first_factors: tuple[float, ...] = (3.0, 6.0)
    """Of the initial rate, one cluster each (libwebrtc)."""
    further_factor: float = 2.0
    """Of what the last probe found (libwebrtc) ..."""
    further_threshold: float = 0.7
    """... when it found this part of its own rate."""
    demand_factor: float = 1.35
    """Nobody needs more than this multiple of what allocation can use (mediasoup)."""
    demand_change: float = 0.1
    """Smaller changes of demand are ignored (mediasoup)."""
    periodic_factor: float = 2.0
    """Of the estimate (libwebrtc's ALR probes)."""
    interval_us: int = seconds(5)
    """Between probes while the application sends less than it could or wants more (libwebrtc)."""
    back_off_base_us: int = seconds(3)
    """To wait after a probe that found nothing (LiveKit) ..."""
    back_off_factor: float = 1.5
    back_off_max_us: int = seconds(120)
    duration_us: int = milliseconds(15)
    """Of a cluster (libwebrtc)."""
    long_duration_us: int = milliseconds(40)
    """Of a cluster on a link that the media fills already, where a shorter one may meet a gap between the
    frames of others and take their share for free (ours)."""
    quiet_us: int = seconds(3)
    """Who sent nothing for so long may probe whatever was known before (ours)."""
    packets: int = 5
    """Of a cluster, at least (libwebrtc)."""
    long_queue_us: int = milliseconds(80)
    """A round trip this much above the shortest: no time for a probe (ours)."""
    stuck_below: float = 0.75
    """What arrives is less than this part of the estimate: the estimate will not grow by itself (ours)."""
    result_wait_us: int = seconds(1)
    """What has no result by then has failed (libwebrtc)."""
    large_drop: float = 0.66
    """A fall below this part of the estimate is worth a recovery probe ... (libwebrtc)"""
    drop_memory_us: int = seconds(5)
    """... within this time ..."""
    recovery_factor: float = 0.85
    """... at this part of the rate before the fall."""
    recovery_spacing_us: int = seconds(5)
    """Between recovery probes (libwebrtc)."""
    success_gain: float = 1.05
    """A probe that raises the estimate by less than this has failed (ours)."""


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What loss says when delay says nothing."""

    low: float = 0.02
    """Below it the loss-based limit grows (GCC §6) ..."""
    high: float = 0.10
    """... above it it shrinks by half the loss."""
    increase: float = 1.08
    """For each second with little loss (mediasoup; GCC §6: 1.05 an interval)."""
    observe_us: int = milliseconds(500)
    """Of departures in one observation (ours) ..."""
    observe_packets: int = 20
    """... and packets at least."""
    balance_bps: int = 75_000
    """A link may lose ``offset + balance / rate`` before loss alone pushes the rate down: what remains after
    a shrink where rate has no say, as on a bad radio link (the idea and the values are libwebrtc's)."""
    offset: float = 0.05
    standing_queue_us: int = milliseconds(100)
    """A round trip this much above the shortest: loss comes from a full queue, and the rate has its say."""
    queue_high: float = 0.04
    """In place of ``high`` then: a full queue whose delay grows no more is seen by its loss alone."""
    remb_allowance: float = 1.08
    """Of a REMB, when the peer loses less than ``low`` (mediasoup)."""


@dataclass(frozen=True, slots=True)
class EstimatorSettings:
    """Everything. Rates in bits per second."""

    initial_bps: int = 600_000
    """(mediasoup's ``initialAvailableOutgoingBitrate``)"""
    min_bps: int = 30_000
    """(mediasoup's floor)"""
    max_bps: int = 100_000_000
    """Until ``set_limits``."""
    pacing_factor: float = 2.5
    """Of the estimate (libwebrtc)."""
    app_limited_below: float = 0.65
    """Sending less than this part of the estimate is the application's choice (libwebrtc's ALR) ..."""
    app_limited_window_us: int = milliseconds(500)
    """... looked at over this time."""
    history_packets: int = 8192
    """Departures remembered."""
    history_us: int = seconds(10)
    """How long."""
    feedback_statuses: int = 4096
    """Of one feedback that are read; honest ones have a few hundred."""
    decisions: int = 256
    """Changes kept until they are taken; the oldest go first."""
    delay: DelaySettings = field(default_factory=DelaySettings)
    rate: RateSettings = field(default_factory=RateSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    loss: LossSettings = field(default_factory=LossSettings)
