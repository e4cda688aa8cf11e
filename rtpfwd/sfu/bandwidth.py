"""One transport's downlink: how much it carries, and which layers of whom it is used for.

Puts the estimate and the allocation of ``congestion`` together with the plane that they steer: departures and
feedback go in; pacing rate, probes and layers come out. Peers that negotiated no bandwidth feedback get all
they ask for, as from mediasoup. Every decision is noted in the worker's ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtpfwd.clock import Instant
from rtpfwd.congestion.allocation import Allocator
from rtpfwd.congestion.arrival_log import Feedback
from rtpfwd.congestion.demands import Assignment, Demand, Reason, VideoKind
from rtpfwd.congestion.rate_window import RateWindow
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.dataplane.interface import ProbatorSpec, Probe, TransportId
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.checks import check_bitrate_limits
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.context import Context, Deadline
from rtpfwd.sfu.ledger import Figure, LedgerReason, SubjectKind, What
from rtpfwd.sfu.remb_growth import RembGrowth
from rtpfwd.sfu.settings import BandwidthSettings
from rtpfwd.sfu.upgrade_trial import UpgradeTrial
from rtpfwd.wire.header_extensions import TRANSPORT_CC
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

UNLIMITED_BPS = 1 << 40
"""What a peer without any bandwidth feedback is taken to carry."""
WITHOUT_PICTURE = (Reason.NOT_ENOUGH_BANDWIDTH, Reason.HYSTERESIS)
PROBATOR_SSRC, PROBATOR_PAYLOAD_TYPE, PROBATOR_MID = 1234, 127, "probator"
"""What mediasoup-client tells its browser when the first video consumer is made."""


class BandwidthControl:
    """One for each transport. ``consumers`` gives those of the transport; ``tell`` emits
    ``downlinkbandwidth``; ``trace`` is told what mediasoup's ``bwe`` and ``probation`` traces tell.
    """

    def __init__(
        self,
        context: Context,
        transport: TransportId,
        transport_id: str,
        consumers: Callable[[], Sequence[Consumer]],
        tell: Callable[[JsonObject], None],
        trace: Callable[[str, JsonObject, Instant], None],
    ) -> None:
        self.initial_bps = context.settings.bandwidth.estimator.initial_bps
        self.min_bps = self.max_bps = 0
        """The application's limits in bits per second; 0: none."""
        self.desired_bps = 0
        """What the consumers could use at best."""
        self._context = context
        self._transport = transport
        self._transport_id = transport_id
        self._consumers = consumers
        self._tell = tell
        self._trace = trace
        self._estimator: SendSideEstimator | None = None
        self._allocator = Allocator(self._settings.allocation)
        self._trial = UpgradeTrial(self._settings.trial)
        self._growth = RembGrowth(self._settings.remb_growth)
        self._sent_bps = 0
        self._has_departures = False
        self._sent_rate = RateWindow()
        self.padding_rate = RateWindow()
        self._probator = False
        self._has_screen = False
        self._outage_until = Instant(0)
        self._told_at: Instant | None = None
        self._told: tuple[int, int, frozenset[str]] = (0, 0, frozenset())

    @property
    def _settings(self) -> BandwidthSettings:
        return self._context.settings.bandwidth  # which may change while the worker runs

    @property
    def available_bps(self) -> int | None:
        """The estimate in bits per second; None for peers that give no feedback to estimate from."""
        return None if self._estimator is None else self._estimator.target_bps

    def explain(self) -> JsonObject | None:
        """The state of every piece of the estimate, for people who debug."""
        return None if self._estimator is None else dict(self._estimator.explain())

    # -- the peer's word -----------------------------------------------------------------------------------

    def feedback(self, packet: TransportFeedback, now: Instant) -> None:
        """Transport-wide feedback of the peer."""
        estimator = self._estimator
        if estimator is None:
            return
        estimator.sent(self._context.plane.take_departures(self._transport))
        record = Feedback(
            packet.base_sequence_number,
            packet.feedback_count,
            packet.reference_time & 0xFF_FFFF,
            packet.packets,
        )
        if estimator.feedback(record, now):
            self._follow_estimate(estimator, now)
        self._send_probes(estimator, now)

    def remb(self, bps: int, now: Instant) -> None:
        """A REMB of the peer."""
        if self._estimator is not None:
            before = self._estimator.target_bps
            self._estimator.note_remb(bps, now)
            if self._estimator.target_bps != before:
                self._follow_estimate(self._estimator, now)

    def report(self, fraction_lost: float, rtt_us: int | None, now: Instant) -> None:
        """A receiver report of the peer about video, loss from 0 to 1."""
        if self._estimator is not None:
            self._estimator.note_report(fraction_lost, rtt_us, now)

    # -- the application's word ----------------------------------------------------------------------------

    def set_limits(self, min_bps: int, max_bps: int, now: Instant) -> None:
        """Bounds of the estimate in bits per second; 0: none. Raises ``InvalidParameters``."""
        self.min_bps, self.max_bps = check_bitrate_limits(min_bps, max_bps)
        if self._estimator is not None:
            self._estimator.set_limits(min_bps or None, max_bps or None, now)
            self._follow_estimate(self._estimator, now)

    def consumer_added(self, consumer: Consumer, now: Instant) -> None:
        """Its peer may be the first that gives feedback."""
        if consumer.kind == "video":
            if self._estimator is None and _gives_feedback(consumer):
                settings = replace(self._settings.estimator, initial_bps=self.initial_bps)
                self._estimator = SendSideEstimator(settings, now)
                self._estimator.set_limits(self.min_bps or None, self.max_bps or None, now)
            if not self._probator:
                self._add_probator(consumer)
        if (self._transport, Deadline.BANDWIDTH) not in self._context.timers:
            self.handle_timeout(now)

    # -- time ----------------------------------------------------------------------------------------------

    def handle_timeout(self, now: Instant) -> None:
        """Look at everything again; a few times a second while there are consumers."""
        consumers = self._consumers()
        if not consumers:
            return
        estimator = self._estimator
        total = 0
        for consumer in consumers:
            total += consumer.note_sent(now)
        sent_bps = self._sent_bps = self._sent_rate.update(total, now)
        at = now + self._settings.interval_us
        if estimator is not None:
            if estimator.has_feedback or not self._has_departures:
                # Once is enough to begin with. Peers that never tell would cost as much as those that do.
                departures = self._context.plane.take_departures(self._transport)
                self._has_departures = bool(departures)
                estimator.sent(departures)
            if estimator.handle_timeout(now):
                self._follow_estimate(estimator, now)
            due = estimator.next_timeout()
            if due is not None and now < due < at:
                at = due
        self._context.timers.set((self._transport, Deadline.BANDWIDTH), Instant(at))
        self._pace(sent_bps)
        self.allocate(now)
        if estimator is not None:
            self._send_probes(estimator, now)

    def allocate(self, now: Instant) -> None:
        """Share out what there is among the video consumers."""
        consumers = self._consumers()
        video = [consumer for consumer in consumers if consumer.kind == "video"]
        if not video:
            return
        estimator = self._estimator
        available = UNLIMITED_BPS if estimator is None else estimator.target_bps
        reserved = sum(one.sent_bps for one in consumers if one.kind == "audio" and one.is_numbered)
        demands = [consumer.demand(now) for consumer in video]
        if estimator is not None:
            refused = self._trial.failed(estimator.target_bps, now)
            if refused is not None:
                self._allocator.trial_failed(refused, now)
        if estimator is not None and estimator.in_outage:
            self._outage_until = Instant(now + self._settings.outage_memory_us)
        outage = now < self._outage_until
        self._allocator.settings = self._settings.allocation
        assignments = self._allocator.allocate(demands, available, reserved, now, outage=outage)
        if estimator is not None and not estimator.has_feedback:
            assignments = [
                _at_least_lowest(one, demand) for one, demand in zip(assignments, demands, strict=True)
            ]
        self._has_screen = any(
            demand.kind is VideoKind.SCREEN and assignment.layers is not None
            for demand, assignment in zip(demands, assignments, strict=True)
        )
        for consumer, assignment in zip(video, assignments, strict=True):
            consumer.assign(assignment, now)
        if estimator is not None:
            self.desired_bps = self._allocator.desired_bps(demands) + reserved
            step = self._allocator.next_step(now)
            # A probe that finds less than the next step needs would have been in vain.
            wanted = self.desired_bps if step is None else max(self.desired_bps, step.available_bps)
            estimator.set_demand(wanted, now)
            if estimator.has_feedback:
                self._trial.begin(step, estimator.target_bps, self._sent_bps, now)
                trial = self._trial.probe(now)
            else:
                media_bps = max(self._sent_bps, sum(one.bitrate_bps for one in assignments) + reserved)
                trial = self._growth.probe(
                    step, estimator.remb_bps(now), estimator.target_bps, media_bps, self._probator, now
                )
            if trial is not None:
                self._probe(trial, LedgerReason.UPGRADE, estimator, now)
            starved = [
                consumer.id
                for consumer, assignment in zip(video, assignments, strict=True)
                if assignment.reason is Reason.NOT_ENOUGH_BANDWIDTH
            ]
            self._tell_downlink(estimator, starved, now)

    # -- inside --------------------------------------------------------------------------------------------

    def _follow_estimate(self, estimator: SendSideEstimator, now: Instant) -> None:
        for change in estimator.take_decisions():
            self._context.ledger.note(
                change.at,
                SubjectKind.TRANSPORT,
                self._transport_id,
                What.ESTIMATE,
                change.reason,
                change.before_bps,
                change.after_bps,
                change.figures,
            )
        self._context.plane.set_pacing_rate(self._transport, self._pacing_bps(estimator))
        self.allocate(now)

    def _pace(self, sent_bps: int) -> None:
        pacing = self._context.settings.pacing
        estimator = self._estimator
        if estimator is None or not estimator.has_feedback:
            # Nothing is known of the link yet.
            rate = max(int(sent_bps * pacing.factor), pacing.floor_bps)
        else:
            rate = self._pacing_bps(estimator)
        self._context.plane.set_pacing_rate(self._transport, rate)

    def _pacing_bps(self, estimator: SendSideEstimator) -> int:
        pacing = self._context.settings.pacing
        if not estimator.has_feedback or estimator.in_outage:
            # Nothing is known of the link yet, or any more: a key frame is waited for after an outage.
            return max(estimator.pacing_bps, pacing.floor_bps)
        if self._has_screen:
            return max(round(estimator.target_bps * pacing.screen_factor), pacing.least_bps)
        return max(estimator.pacing_bps, pacing.least_bps)

    def _send_probes(self, estimator: SendSideEstimator, now: Instant) -> None:
        for probe in estimator.probes():
            spec = Probe(probe.cluster, probe.rate_bps, probe.size_bytes, probe.packets)
            self._probe(spec, LedgerReason.ASKED, estimator, now)

    def _probe(self, probe: Probe, reason: LedgerReason, estimator: SendSideEstimator, now: Instant) -> None:
        self._context.outgoing += self._context.plane.probe(self._transport, probe, now)
        self._context.ledger.note(
            now,
            SubjectKind.TRANSPORT,
            self._transport_id,
            What.PROBE,
            reason,
            estimator.target_bps,
            probe.rate_bps,
            {Figure.CLUSTER: probe.cluster, Figure.DESIRED_BPS: self.desired_bps},
        )
        self._trace("probation", {"bitrate": probe.rate_bps, "size": probe.size_bytes}, now)

    def _add_probator(self, consumer: Consumer) -> None:
        number = consumer.parameters.header_extension_id(TRANSPORT_CC)
        if number is None:
            return
        self._probator = True
        entropy = self._context.entropy
        self._context.plane.set_probator(
            self._transport,
            ProbatorSpec(
                ssrc=PROBATOR_SSRC,
                payload_type=PROBATOR_PAYLOAD_TYPE,
                mid=PROBATOR_MID.encode(),
                extension_ids={one.uri: one.id for one in consumer.parameters.header_extensions},
                first_sequence_number=int.from_bytes(entropy(2)) & 0x7FFF,
            ),
        )

    def _tell_downlink(self, estimator: SendSideEstimator, starved: list[str], now: Instant) -> None:
        settings = self._settings
        before_bps, before_desired_bps, before_starved = self._told
        changed = any(
            abs(now_bps - told_bps) * 100 > told_bps * settings.told_change_percent
            for now_bps, told_bps in (
                (estimator.target_bps, before_bps),
                (self.desired_bps, before_desired_bps),
            )
        )
        lately = self._told_at is not None and now - self._told_at < settings.told_interval_us
        if frozenset(starved) == before_starved and (lately or not changed):
            return
        self._told = (estimator.target_bps, self.desired_bps, frozenset(starved))
        self._told_at = now
        self._tell(
            {
                "availableBitrate": estimator.target_bps,
                "desiredBitrate": self.desired_bps,
                "pausedConsumerIds": starved,
            }
        )
        info: JsonObject = {
            "bweType": "transport-cc" if estimator.has_feedback else "remb",
            "desiredBitrate": self.desired_bps,
            "effectiveDesiredBitrate": self.desired_bps,
            "minBitrate": self.min_bps or settings.estimator.min_bps,
            "maxBitrate": self.max_bps or settings.estimator.max_bps,
            "startBitrate": self.initial_bps,
            "maxPaddingBitrate": 0,
            "availableBitrate": estimator.target_bps,
        }
        self._trace("bwe", info, now)


def _gives_feedback(consumer: Consumer) -> bool:
    codecs = consumer.parameters.codecs
    return any(codec.has_feedback("transport-cc") or codec.has_feedback("goog-remb") for codec in codecs)


def _at_least_lowest(assignment: Assignment, demand: Demand) -> Assignment:
    # Nobody goes without a picture for a number that we began with, or for a REMB that nothing would raise
    # again once nothing is sent. Nor while it waits for room that lasts: it has a picture by this rule.
    if assignment.layers is not None or assignment.reason not in WITHOUT_PICTURE:
        return assignment
    lowest = demand.options[0]
    return assignment._replace(
        layers=(lowest.spatial, lowest.temporal), bitrate_bps=lowest.bitrate_bps, reason=Reason.BASE_LAYER
    )
