"""What may be turned on a running worker, setting by setting: range, reach, source, meaning.

A test holds this list against the settings tree: each setting is here, and its default within its range.
The estimate's are in tunable_estimate.py. Not here: what is fixed once the worker runs and means nothing to
whoever tunes (none so far), and the plane's memory, which is shown but cannot be changed.
"""

from __future__ import annotations

from types import MappingProxyType

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.sfu.tunable_estimate import ESTIMATE
from rtpfwd.sfu.tunables import Scope, Tunable

_RUNNING, _TRANSPORTS, _PRODUCERS, _CONSUMERS, _START = Scope
_GBPS = 1_000_000_000

WORKER = (
    Tunable("consent_timeout_us", seconds(10), seconds(60), _TRANSPORTS, "RFC 7675",
            "A peer that sends no connectivity check for so long is gone."),
    Tunable("inactivity_us", milliseconds(100), seconds(60), _RUNNING, "mediasoup",
            "A simulcast stream without packets for so long is over."),
    Tunable("inactivity_dtx_us", milliseconds(100), seconds(120), _RUNNING, "mediasoup",
            "The same, of streams that may fall silent."),
    Tunable("left_behind_us", milliseconds(50), seconds(60), _RUNNING, "ours",
            "A simulcast stream is over, too, when another of its producer went on so long without it."),
    Tunable("activity_check_us", milliseconds(20), seconds(5), _RUNNING, "ours",
            "Between looks at which simulcast streams are alive."),
    Tunable("max_incoming_bitrate_bps", 0, _GBPS, _TRANSPORTS, "mediasoup",
            "Told to publishers by REMB; 0: no limit."),
    Tunable("initial_remb_bps", 30_000, _GBPS, _TRANSPORTS, "ours",
            "What publishers that know REMB only are told at first."),
    Tunable("max_transports", 1, 1_000_000, _RUNNING, "ours", "Of this worker; one more is refused."),
    Tunable("max_half_open_handshakes", 1, 100_000, _RUNNING, "ours",
            "Transports between a valid check and the end of their DTLS handshake."),
    Tunable("max_producers_per_transport", 1, 10_000, _RUNNING, "ours", "One more is refused."),
    Tunable("max_consumers_per_transport", 1, 100_000, _RUNNING, "ours", "One more is refused."),
)  # fmt: skip

RTCP = (
    Tunable("rtcp.first_report_us", milliseconds(10), seconds(10), _TRANSPORTS, "mediasoup",
            "From the keys to the first report."),
    Tunable("rtcp.report_interval_us", milliseconds(100), seconds(30), _RUNNING, "mediasoup",
            "Between sender and receiver reports."),
    Tunable("rtcp.report_jitter_percent", 0, 100, _RUNNING, "mediasoup",
            "Added to that interval at random, at most."),
    Tunable("rtcp.feedback_interval_us", milliseconds(10), seconds(1), _RUNNING, "mediasoup",
            "Between transport-wide feedback packets to publishers."),
    Tunable("rtcp.remb_interval_us", milliseconds(100), seconds(10), _RUNNING, "ours",
            "Between REMBs to publishers."),
    Tunable("rtcp.default_rtt_us", milliseconds(1), seconds(5), _RUNNING, "mediasoup",
            "Round trip until one was measured."),
    Tunable("rtcp.max_rtt_us", milliseconds(100), seconds(60), _CONSUMERS, "ours",
            "Reports that claim more are clamped; for publishers' clocks at once."),
    Tunable("rtcp.nack_numbers_per_report", 1, 10_000, _RUNNING, "ours",
            "Sequence numbers answered for one RTCP datagram."),
)  # fmt: skip

KEY_FRAMES = (
    Tunable("key_frames.burst", 1, 100, _RUNNING, "ours", "Requests that may go out within the window."),
    Tunable("key_frames.window_us", milliseconds(100), seconds(60), _RUNNING, "ours", "That window."),
    Tunable("key_frames.retry_us", milliseconds(50), seconds(30), _RUNNING, "mediasoup: 1 s",
            "Ask again when none came by then."),
    Tunable("key_frames.retries", 1, 100, _RUNNING, "ours", "Then it is given up."),
)  # fmt: skip

PACING = (
    Tunable("pacing.factor", 1.0, 20.0, _RUNNING, "libwebrtc",
            "Times the rate being sent, while nothing is known of the link."),
    Tunable("pacing.screen_factor", 0.5, 20.0, _RUNNING, "libwebrtc",
            "Packets leave so many times as fast as the estimate where a screen is among them."),
    Tunable("pacing.floor_bps", 100_000, _GBPS, _RUNNING, "ours", "Never slower, meanwhile."),
    Tunable("pacing.least_bps", 30_000, _GBPS, _RUNNING, "ours", "Never slower at all."),
)  # fmt: skip

BANDWIDTH = (
    Tunable("bandwidth.interval_us", milliseconds(20), seconds(5), _RUNNING, "ours",
            "Between allocations when nothing else asks for one."),
    Tunable("bandwidth.rates_interval_us", milliseconds(20), seconds(5), _PRODUCERS, "ours",
            "Between looks at what the layers of a producer cost."),
    Tunable("bandwidth.told_interval_us", milliseconds(100), seconds(60), _RUNNING, "mediasoup",
            "Between two words to a receiver about its downlink."),
    Tunable("bandwidth.told_change_percent", 0, 100, _RUNNING, "ours", "Smaller changes are not told."),
    Tunable("bandwidth.outage_memory_us", 0, seconds(60), _RUNNING, "ours",
            "After an outage, what is given up for so long is not held against it."),
    Tunable("bandwidth.nobody_us", 0, seconds(3600), _PRODUCERS, "ours",
            "While nobody watches a producer, its lowest encoding goes on for so long."),
    Tunable("bandwidth.trial.stretch_us", milliseconds(20), seconds(5), _TRANSPORTS, "ours",
            "Of its padding, sent at a time."),
    Tunable("bandwidth.trial.duration_us", 0, seconds(30), _TRANSPORTS, "ours",
            "Of the padding with which an upgrade is tried."),
    Tunable("bandwidth.trial.lasting_us", 0, seconds(60), _TRANSPORTS, "ours",
            "A fall of the estimate within this time of a trial's beginning is the trial's."),
    Tunable("bandwidth.trial.needless_percent", 100, 1000, _TRANSPORTS, "ours",
            "What adds less than this to what is being sent needs no trial."),
    Tunable("bandwidth.trial.leap_percent", 100, 10_000, _TRANSPORTS, "ours",
            "An upgrade over several rungs to more than this of the next one's rate is tried at its own."),
    Tunable("bandwidth.remb_growth.rate_percent", 10, 100, _TRANSPORTS, "ours",
            "Of a REMB that must grow are sent so many percent, padding included."),
    Tunable("bandwidth.remb_growth.enough_percent", 0, 100, _TRANSPORTS, "ours",
            "No padding while the media alone are so many percent of the REMB."),
    Tunable("bandwidth.remb_growth.patience_us", milliseconds(500), seconds(60), _TRANSPORTS, "ours",
            "A REMB that has not grown for so long will not grow."),
    Tunable("bandwidth.remb_growth.growth_percent", 100, 200, _TRANSPORTS, "ours",
            "Less than this in that time is no growth."),
    Tunable("bandwidth.remb_growth.fall_percent", 10, 100, _TRANSPORTS, "ours",
            "Below this part of its best REMB an attempt has failed."),
    Tunable("bandwidth.remb_growth.wait_us", seconds(1), seconds(600), _TRANSPORTS, "ours",
            "After a failure; twice as long after each further one."),
    Tunable("bandwidth.remb_growth.max_wait_us", seconds(1), seconds(3600), _TRANSPORTS, "ours",
            "That wait at most."),
    Tunable("bandwidth.wanted_layers.down_delay_us", 0, seconds(120), _PRODUCERS, "LiveKit",
            "An encoding that nobody wants is told to stop after this."),
    Tunable("bandwidth.layer_rates.window_us", milliseconds(200), seconds(30), _PRODUCERS, "mediasoup",
            "What a layer costs is its rate over so long."),
    Tunable("bandwidth.layer_rates.step_us", milliseconds(10), seconds(2), _PRODUCERS, "ours",
            "Samples closer together than this are one."),
    Tunable("bandwidth.layer_rates.fall_percent", 1, 100, _PRODUCERS, "mediasoup: 5",
            "How much a cost is believed to fall in a second."),
    Tunable("bandwidth.layer_rates.stale_us", milliseconds(200), seconds(60), _PRODUCERS, "mediasoup",
            "A layer without packets for so long is not offered."),
    Tunable("bandwidth.layer_rates.stale_screen_us", milliseconds(200), seconds(120), _PRODUCERS,
            "mediasoup", "The same, of screens."),
    Tunable("bandwidth.layer_rates.trusted_after_us", 0, seconds(60), _PRODUCERS, "mediasoup",
            "A layer has to be alive for so long before anybody goes up to it."),
)  # fmt: skip

ALLOCATION = (
    Tunable("bandwidth.allocation.up_margin_percent", 100, 300, _RUNNING, "ours",
            "Going up needs so much of the rate after it."),
    Tunable("bandwidth.allocation.tolerance_percent", 0, 50, _RUNNING, "ours",
            "What is sent may exceed a sinking budget by so much."),
    Tunable("bandwidth.allocation.resume_margin_percent", 100, 300, _RUNNING, "ours",
            "Who got nothing begins again with so much of the lowest layer's rate free."),
    Tunable("bandwidth.allocation.held_percent", 10, 100, _RUNNING, "ours",
            "Layers held already count with so much of their rate among equals."),
    Tunable("bandwidth.allocation.screen_weight", 1, 255, _RUNNING, "LiveKit",
            "A screen's priority counts so many times."),
    Tunable("bandwidth.allocation.screen_oversend_bps", 0, 10_000_000, _RUNNING, "Jitsi",
            "The foremost screen's lowest layer is sent up to this where it does not fit; 0: never."),
    Tunable("bandwidth.allocation.shown_percent", 10, 200, _RUNNING, "ours",
            "A picture is sharp enough with so much of the length at which it is shown."),
    Tunable("bandwidth.allocation.camera_min_temporal", 0, 7, _RUNNING, "ours",
            "A camera goes up to a spatial layer with this temporal layer at least."),
    Tunable("bandwidth.allocation.fill_leftover", False, True, _RUNNING, "mediasoup",
            "What is left over may go to small layers out of turn."),
    Tunable("bandwidth.allocation.pause_after_us", 0, seconds(60), _RUNNING, "ours",
            "Who has a picture keeps its lowest layer for so long although it does not fit."),
    Tunable("bandwidth.allocation.asked_us", 0, seconds(60), _RUNNING, "ours",
            "What somebody asked for is given at once when room for it is found within this time."),
    Tunable("bandwidth.allocation.hysteresis.hold_us", 0, seconds(60), _CONSUMERS, "ours",
            "There has to be room for so long before a consumer goes up."),
    Tunable("bandwidth.allocation.hysteresis.settled_us", 0, seconds(120), _CONSUMERS, "mediasoup",
            "Layers given up after more than this were good for a while."),
    Tunable("bandwidth.allocation.hysteresis.wait_us", 0, seconds(600), _CONSUMERS, "mediasoup",
            "No way up after that."),
    Tunable("bandwidth.allocation.hysteresis.failed_soon_us", 0, seconds(600), _CONSUMERS, "ours",
            "An upgrade taken back within this doubles the next wait."),
    Tunable("bandwidth.allocation.hysteresis.max_wait_us", 0, seconds(3600), _CONSUMERS, "ours",
            "The longest wait."),
)  # fmt: skip

FIXED = tuple(
    Tunable(name, lowest, highest, _START, "ours", about)
    for name, lowest, highest, about in (
        ("ledger.decisions", 0, 1 << 20, "Decisions kept, of all subjects together."),
        ("plane.ssrcs_per_transport", 1, 4096, "Receive SSRCs, unknown ones included."),
        ("plane.held_packets_per_ssrc", 0, 4096, "Packets kept for an SSRC until it is known whose it is."),
        ("plane.history_packets", 64, 1 << 15,
         "Packets kept of each stream for retransmission; a power of two."),
        ("plane.history_video_us", 0, seconds(60), "How long."),
        ("plane.history_audio_us", 0, seconds(60), "How long."),
        ("plane.nack_list", 0, 1 << 15, "Missing packets remembered of each stream."),
        ("plane.nack_max_age", 1, 1 << 15, "In sequence numbers."),
        ("plane.nack_retries", 0, 100, "Times that a packet is asked for."),
        ("plane.audio_levels", 1, 1 << 16, "Audio levels kept of each stream until they are taken."),
        ("plane.packet_bytes", 500, 9000, "Largest RTP packet forwarded, before SRTP's tag."),
    )
)  # fmt: skip

TUNABLES = MappingProxyType(
    {
        one.name: one
        for one in (*WORKER, *RTCP, *KEY_FRAMES, *PACING, *BANDWIDTH, *ALLOCATION, *ESTIMATE, *FIXED)
    }
)
"""All of them by name."""
