"""Every tunable of a worker, with its unit and where its value comes from. Frozen; one for each worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.congestion.allocation import AllocationSettings
from rtpfwd.congestion.layer_rates import LayerRateSettings
from rtpfwd.congestion.settings import EstimatorSettings, RateSettings
from rtpfwd.congestion.wanted_layers import WantedLayersSettings
from rtpfwd.dataplane.interface import PlaneLimits
from rtpfwd.sfu.ledger import LedgerSettings
from rtpfwd.sfu.remb_growth import RembGrowthSettings
from rtpfwd.sfu.upgrade_trial import TrialSettings


@dataclass(frozen=True, slots=True)
class RtcpSettings:
    """When reports and feedback leave."""

    first_report_us: int = milliseconds(500)  # mediasoup
    report_interval_us: int = seconds(1)  # mediasoup: 1000 ms x 1.0-1.5
    report_jitter_percent: int = 50
    feedback_interval_us: int = milliseconds(100)  # mediasoup TransportCongestionControlServer
    remb_interval_us: int = seconds(1)
    default_rtt_us: int = milliseconds(100)  # mediasoup RtpStreamSend
    max_rtt_us: int = seconds(10)
    """Reports that claim more are clamped."""
    nack_numbers_per_report: int = 300
    """Sequence numbers answered for one RTCP datagram; the rest are ignored."""


@dataclass(frozen=True, slots=True)
class KeyFrameSettings:
    """How often a publisher may be asked for a key frame."""

    burst: int = 2
    """Requests that may go out within ``window_us``; further ones wait."""
    window_us: int = seconds(1)
    retry_us: int = milliseconds(500)
    """Ask again when none came by then; mediasoup waits 1000 ms."""
    retries: int = 4


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """How fast a transport's packets may leave."""

    factor: float = 2.5
    """Times the rate that is being sent (libwebrtc's pacing factor)."""
    screen_factor: float = 1.0
    """Times the estimate, where a screen is among what is sent: its bursts wait here and not in the link's
    queue, where they would pass for congestion (libwebrtc's value for screens).
    """
    floor_bps: int = 5_000_000
    """Never slower while nothing is known of the peer's link."""
    least_bps: int = 500_000
    """Never slower at all: a key frame has to come through within a moment."""


@dataclass(frozen=True, slots=True)
class BandwidthSettings:
    """What a peer's downlink carries, and who gets which part of it."""

    interval_us: int = milliseconds(250)
    """Between allocations when nothing else asks for one."""
    rates_interval_us: int = milliseconds(100)
    """Between looks at what the layers of a producer cost."""
    told_interval_us: int = seconds(1)
    """Between two ``downlinkbandwidth`` events (mediasoup's allocation event) ..."""
    told_change_percent: int = 10
    """... which smaller changes do not deserve."""
    outage_memory_us: int = seconds(2)
    """After an outage the estimate finds its feet for so long; what is given up then is not held against it.
    """
    nobody_us: int = seconds(30)
    """While nobody watches a producer, its lowest encoding goes on for so long."""
    estimator: EstimatorSettings = field(
        # Layers do not follow an estimate as an encoder does: without a probe, little more is known of a link
        # than what goes over it.
        default_factory=lambda: EstimatorSettings(rate=RateSettings(max_over_acknowledged=1.15))
    )
    allocation: AllocationSettings = field(default_factory=AllocationSettings)
    layer_rates: LayerRateSettings = field(default_factory=LayerRateSettings)
    trial: TrialSettings = field(default_factory=TrialSettings)
    remb_growth: RembGrowthSettings = field(default_factory=RembGrowthSettings)
    wanted_layers: WantedLayersSettings = field(default_factory=WantedLayersSettings)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The whole tree. Durations in microseconds, rates in bits per second."""

    consent_timeout_us: int = seconds(30)  # RFC 7675; mediasoup: same, 0 or 10-60 s
    inactivity_us: int = milliseconds(1500)  # mediasoup, streams of a simulcast producer
    inactivity_dtx_us: int = seconds(5)  # mediasoup
    left_behind_us: int = milliseconds(400)
    """A simulcast stream is over, too, when another of its producer went on for so long without it: who
    watches it need not sit out ``inactivity_us`` before a still picture.
    """
    activity_check_us: int = milliseconds(100)
    max_incoming_bitrate_bps: int = 0
    """Told to publishers by REMB; 0: no limit."""
    initial_remb_bps: int = 1_000_000
    max_transports: int = 10_000
    max_half_open_handshakes: int = 200
    """Transports between a valid check and the end of their DTLS handshake."""
    max_producers_per_transport: int = 64
    max_consumers_per_transport: int = 1_000
    rtcp: RtcpSettings = field(default_factory=RtcpSettings)
    key_frames: KeyFrameSettings = field(default_factory=KeyFrameSettings)
    pacing: PacingSettings = field(default_factory=PacingSettings)
    bandwidth: BandwidthSettings = field(default_factory=BandwidthSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    plane: PlaneLimits = field(default_factory=PlaneLimits)
