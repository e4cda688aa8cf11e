"""How much may one transport send? The pieces of the send-side estimate, put together.

Source: draft-ietf-rmcat-gcc-02 and libwebrtc's send-side controller of today; mediasoup for REMB and for the
bounds. In: what left (``sent``), what the peer says (``feedback``, ``note_report``, ``note_remb``), what is
wanted (``set_limits``, ``set_demand``), and time. Out: ``target_bps``, ``pacing_bps``, probes to send, and
a reason for every change. All rates count the bytes of UDP payloads, as departures do: a link of 1 Mbit/s
that counts 28 bytes of IPv4 and UDP for each packet of 1200 has 977 kbit/s to give.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from rtpfwd.clock import Instant
from rtpfwd.congestion.acknowledged_rate import AcknowledgedRate
from rtpfwd.congestion.application_limit import ApplicationLimit
from rtpfwd.congestion.arrival_groups import ArrivalGroups
from rtpfwd.congestion.arrival_log import Feedback
from rtpfwd.congestion.decisions import DecisionLog, EstimateChange, Reason
from rtpfwd.congestion.departure_log import Departure, DepartureLog, FeedbackReport
from rtpfwd.congestion.loss_limit import LossLimit
from rtpfwd.congestion.outage import Outage
from rtpfwd.congestion.probe_control import ProbeControl
from rtpfwd.congestion.probe_result import Probe, ProbeResults
from rtpfwd.congestion.rate_control import RateControl
from rtpfwd.congestion.remb_limit import RembLimit
from rtpfwd.congestion.settings import EstimatorSettings
from rtpfwd.congestion.trendline import Trendline, Usage

RTT_WEIGHT = 0.125  # of a new sample (RFC 6298 §2)
MAX_RTT_US = 10_000_000
FORGET_SHORTEST = 512
_BY_ARRIVAL = itemgetter(1)


class SendSideEstimator:
    """One transport's estimate. ``target_bps`` is what media, repairs and padding may take together."""

    __slots__ = (
        "_acknowledged",
        "_app_limit",
        "_decisions",
        "_delay",
        "_departures",
        "_dropped_at",
        "_dropped_from",
        "_groups",
        "_heard",
        "_last_rtt_us",
        "_loss",
        "_max_bps",
        "_min_bps",
        "_outage",
        "_probe_results",
        "_probing",
        "_rate",
        "_remb",
        "_rtt_us",
        "_sent_at",
        "_settings",
        "_shortest_rtt_us",
        "target_bps",
    )

    def __init__(self, settings: EstimatorSettings, now: Instant) -> None:
        self._settings = settings
        self._min_bps = settings.min_bps
        self._max_bps = settings.max_bps
        self._departures = DepartureLog(
            settings.history_packets, settings.history_us, settings.feedback_statuses
        )
        self._groups = ArrivalGroups(settings.delay)
        self._delay = Trendline(settings.delay)
        self._acknowledged = AcknowledgedRate(settings.rate)
        self._rate = RateControl(settings.rate, settings.initial_bps)
        self._app_limit = ApplicationLimit(settings.app_limited_below, settings.app_limited_window_us)
        self._loss = LossLimit(settings.loss)
        self._remb = RembLimit(settings.loss)
        self._outage = Outage(settings.rate)
        self._probing = ProbeControl(settings.probe, settings.max_bps)
        self._probe_results = ProbeResults()
        self._decisions = DecisionLog(settings.decisions)
        self._rtt_us: int | None = None
        self._sent_at: Instant | None = None
        self._last_rtt_us: int | None = None
        self._shortest_rtt_us: int | None = None
        self._heard = False
        self._dropped_from: int | None = None
        self._dropped_at = now
        self.target_bps = settings.initial_bps
        self._decisions.add(
            EstimateChange(now, 0, self.target_bps, Reason.START, {"initial_bps": settings.initial_bps})
        )

    @property
    def pacing_bps(self) -> int:
        """How fast packets may leave, in bits per second."""
        return round(self.target_bps * self._settings.pacing_factor)

    @property
    def rtt_us(self) -> int | None:
        """The smoothed round trip in microseconds, the receiver's delay of its feedback not counted."""
        return self._rtt_us

    @property
    def outstanding_bytes(self) -> int:
        """Bytes sent after the newest packet that is known to have arrived."""
        return self._departures.outstanding_bytes

    @property
    def has_feedback(self) -> bool:
        """Whether transport-wide feedback ever told something; otherwise a REMB is the estimate."""
        return self._heard

    @property
    def in_outage(self) -> bool:
        """Whether packets leave and nothing is heard of them."""
        return self._outage.before_bps is not None

    def sent(self, departures: Sequence[Departure]) -> None:
        """Note what left, in order: (number, when, bytes of UDP payload, probe cluster or 0)."""
        if not departures:
            return
        self._departures.add(departures)
        at = self._sent_at = departures[-1][1]
        size = 0
        for _, _, bytes_, _ in departures:
            size += bytes_
        self._app_limit.sent(size, self.target_bps, at)
        self._outage.sent(departures[0][1], self._rtt_us or 0)
        self._probing.start(self.target_bps, at)

    def feedback(self, record: Feedback, now: Instant) -> bool:
        """Take one transport-wide feedback. Returns whether ``target_bps`` has changed. Never raises,
        whatever the record claims.
        """
        report = self._departures.match(record)
        if not report.received and not report.lost:
            return False
        self._heard = True
        before = self.target_bps
        self._end_outage(report, now)
        received = report.received
        received.sort(key=_BY_ARRIVAL)
        if report.last_sent_at is not None:
            self._note_rtt(now - report.last_sent_at)
        acknowledged = self._acknowledged.add(received)
        usage_before = self._delay.usage
        usage = self._delay.update(self._groups.add(received))
        standing = self._has_standing_queue()
        self._loss.update(report, self.target_bps, acknowledged if standing else None, now)
        if acknowledged is not None and not standing:
            # What a radio lost at random the link has carried.
            acknowledged = round(acknowledged / (1 - min(self._loss.ratio, self._settings.loss.high)))
        probed = self._take_probe_results(received, usage, now)
        if probed is None:
            self._rate.update(
                usage,
                acknowledged,
                self._app_limit.limited,
                self._growth_limit_bps(),
                now,
            )
        reason = Reason.PROBE if probed is not None and usage is not Usage.OVERUSE else None
        self._settle(reason, now)
        self._note_fall(before, now)
        if usage is Usage.NORMAL and not self._queue_is_long():
            self._recover(usage_before, now)
            if self._rate.capacity_grew:
                self._probing.hurry(self.target_bps, now)
        self._tick_probing(now)
        return self.target_bps != before

    def note_report(self, fraction_lost: float, rtt_us: int | None, now: Instant) -> None:
        """A receiver report: loss from 0 to 1 over its interval, round trip in microseconds if known."""
        self._remb.note_loss(fraction_lost)
        if rtt_us is not None:
            self._note_rtt(rtt_us)
        self._settle(None, now)

    def note_remb(self, bps: int, now: Instant) -> None:
        """A REMB: the estimate while there is no transport-wide feedback, an upper bound when there is."""
        self._remb.note(max(bps, 0), now)
        self._settle(None, now)

    def remb_bps(self, now: Instant) -> int | None:
        """The last REMB as it came, unless there is none or it is too old."""
        return self._remb.cap_bps(now)

    def set_limits(self, min_bps: int | None, max_bps: int | None, now: Instant) -> None:
        """The application's bounds in bits per second; ``None``: as the settings have it."""
        self._max_bps = self._settings.max_bps if max_bps is None else max_bps
        self._min_bps = min(self._settings.min_bps if min_bps is None else min_bps, self._max_bps)
        self._probing.set_max(self._max_bps)
        self._settle(None, now)

    def set_demand(self, desired_bps: int, now: Instant) -> None:
        """What allocation could use if it had it: bounds growth and probes, never cuts the estimate."""
        self._probing.set_demand(desired_bps, self.target_bps, now)

    def next_timeout(self) -> Instant | None:
        """When ``handle_timeout`` has something to do."""
        times = [self._outage.next_timeout(), self._probing.next_timeout()]
        known = [at for at in times if at is not None]
        return min(known) if known else None

    def handle_timeout(self, now: Instant) -> bool:
        """Let time pass. Returns whether ``target_bps`` has changed."""
        before = self.target_bps
        if self._heard:
            lowered = self._outage.step(before, now)
            if lowered is not None:
                self._rate.set(max(lowered, self._min_bps), now)
                self._settle(Reason.NO_FEEDBACK, now)
        elif self._outage.next_timeout() is not None:
            # A peer without transport-wide feedback: its silence is no outage.
            self._outage.heard()
        self._tick_probing(now)
        return self.target_bps != before

    def probes(self) -> list[Probe]:
        """Probes to begin now, each once."""
        probes = self._probing.take()
        for probe in probes:
            self._probe_results.expect(probe)
        return probes

    def take_decisions(self) -> list[EstimateChange]:
        """Changes of the estimate since the last call, the oldest first; a steady climb is one change."""
        return self._decisions.take()

    def explain(self) -> dict[str, int | float | str | None]:
        """The state of every piece, for people."""
        return {
            "target_bps": self.target_bps,
            "delay_based_bps": self._rate.bps,
            "loss_limit_bps": self._loss.bps,
            "loss": round(self._loss.ratio, 4),
            "remb_bps": self._remb.bps,
            "acknowledged_bps": self._acknowledged.bps,
            "usage": self._delay.usage.value,
            "trend_ms": round(self._delay.trend_ms, 2),
            "threshold_ms": round(self._delay.threshold_ms, 2),
            "capacity_kbps": self._rate.capacity.kbps and round(self._rate.capacity.kbps),
            "rtt_us": self._rtt_us,
            "application_limited": str(self._app_limit.limited).lower(),
            "probe_ceiling_bps": self._probing.ceiling_bps,
            "probe_back_off_us": self._probing.back_off_us,
            "outstanding_bytes": self._departures.outstanding_bytes,
        }

    def _settle(self, reason: Reason | None, now: Instant) -> None:
        """The target from all pieces; a change is noted with ``reason`` or with the piece that binds."""
        before = self.target_bps
        target = self._rate.bps
        binding = reason
        if self._loss.bps is not None and self._loss.bps < target:
            target = self._loss.bps
            binding = Reason.LOSS if target < before else Reason.LOSS_RECOVERY
        if self._heard:
            remb = self._remb.cap_bps(now)
            if remb is not None and remb < target:
                target, binding = remb, Reason.REMB
        elif (allowed := self._remb.allowed_bps()) is not None:
            target, binding = allowed, Reason.REMB
        if target > self._max_bps or target < self._min_bps:
            target = min(max(target, self._min_bps), self._max_bps)
            binding = reason or Reason.LIMIT
        if not self._heard or self._rate.bps > self._max_bps or self._rate.bps < self._min_bps:
            self._rate.bps = min(max(target, self._min_bps), self._max_bps)
        if target == before:
            return
        self.target_bps = target
        if binding is None:
            binding = Reason.INCREASE if target > before else Reason.OVERUSE
        figures: dict[str, int | float | str | None] = {
            "acknowledged_bps": self._acknowledged.bps,
            "trend_ms": round(self._delay.trend_ms, 2),
            "threshold_ms": round(self._delay.threshold_ms, 2),
            "loss": round(self._loss.ratio, 4),
            "rtt_us": self._rtt_us,
            "remb_bps": self._remb.bps,
        }
        self._decisions.add(EstimateChange(now, before, target, binding, figures))

    def _take_probe_results(
        self, received: list[tuple[Instant, int, int, int]], usage: Usage, now: Instant
    ) -> int | None:
        """The estimate from probes in this feedback, when one raises it, or corrects the initial one."""
        best: int | None = None
        for probe, rate_bps in self._probe_results.add(received):
            before = self.target_bps if best is None else max(best, self.target_bps)
            self._probing.note_result(rate_bps, before, now)
            if usage is Usage.OVERUSE:
                continue
            if rate_bps > before:
                best = rate_bps
            elif best is None and self._probing.is_first(probe):
                # The initial rate was a guess; later the media know better than a few packets.
                best = max(rate_bps, self._acknowledged.bps or 0)
        if best is not None:
            self._rate.probed(best, now)
            self._loss.lift(best)
            if self._rate.capacity.exceeded_by(best):
                self._rate.forget_capacity()
        return best

    def _end_outage(self, report: FeedbackReport, now: Instant) -> None:
        before = self._outage.heard()
        if before is None:
            return
        # What left during the outage met no queue; it says nothing of the rate.
        self._loss.ignore_before(now)
        self._acknowledged.reset()
        self._rate.set(self.target_bps, now)
        self._dropped_from = before
        self._dropped_at = now
        if report.received:
            self._probing.recover(before, self.target_bps, now)

    def _note_fall(self, before: int, now: Instant) -> None:
        if self.target_bps < before * self._settings.probe.large_drop:
            self._dropped_from = before
            self._dropped_at = now

    def _recover(self, usage_before: Usage, now: Instant) -> None:
        """After a large fall, once the queue is gone: is the old rate still there?"""
        if self._dropped_from is None or usage_before is Usage.NORMAL:
            return
        if now - self._dropped_at < self._settings.probe.drop_memory_us:
            self._probing.recover(self._dropped_from, self.target_bps, now)
        self._dropped_from = None

    def _tick_probing(self, now: Instant) -> None:
        arrives = self._acknowledged.bps
        limited = self._app_limit.limited or (
            arrives is not None and arrives < self._settings.probe.stuck_below * self.target_bps
        )
        if self._is_quiet(now):
            # Nothing was sent, so nothing is known any more of queue and loss: padding alone can tell.
            self._outage.heard()
            self._probing.forgive()
            self._probing.tick(self.target_bps, self._heard, now)
            return
        allowed = (
            self._heard
            and limited
            and not self._queue_is_long()
            and self._delay.usage is Usage.NORMAL
            and self._outage.before_bps is None
            and self._loss.ratio <= self._settings.loss.high
        )
        self._probing.tick(self.target_bps, allowed, now)

    def _has_standing_queue(self) -> bool:
        if self._rtt_us is None or self._shortest_rtt_us is None:
            return False
        return self._rtt_us - self._shortest_rtt_us > self._settings.loss.standing_queue_us

    def _queue_is_long(self) -> bool:
        """Now, not on the average: a probe would meet it, and pass for the others' share."""
        if self._last_rtt_us is None or self._shortest_rtt_us is None:
            return False
        return self._last_rtt_us - self._shortest_rtt_us > self._settings.probe.long_queue_us

    def _growth_limit_bps(self) -> int:
        """Where growth ends that only media justify: what is wanted, for nothing tests more than that."""
        demand = self._probing.demand_bps
        if demand is None:
            return self._max_bps
        return max(self._settings.initial_bps, round(demand * self._settings.rate.growth_over_demand))

    def _is_quiet(self, now: Instant) -> bool:
        return self._sent_at is not None and now - self._sent_at >= self._settings.probe.quiet_us

    def _note_rtt(self, sample_us: int) -> None:
        if not 0 <= sample_us <= MAX_RTT_US:
            return
        self._last_rtt_us = sample_us
        if self._rtt_us is None:
            self._rtt_us = sample_us
        else:
            self._rtt_us += round((sample_us - self._rtt_us) * RTT_WEIGHT)
        if self._shortest_rtt_us is None or sample_us < self._shortest_rtt_us:
            self._shortest_rtt_us = sample_us
        else:
            # A path may become longer: the shortest is forgotten little by little.
            self._shortest_rtt_us += (sample_us - self._shortest_rtt_us) // FORGET_SHORTEST
        self._rate.rtt_us = self._rtt_us
        self._rate.path_rtt_us = self._shortest_rtt_us
