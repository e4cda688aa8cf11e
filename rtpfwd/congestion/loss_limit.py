"""The rate that loss allows.

Source: draft-ietf-rmcat-gcc-02 §6, made patient with loss that does not depend on the rate: it is judged over
a window of departures, a little loss lets the limit grow when the delay is fine, and the limit does not
shrink below what libwebrtc's second loss-based estimator calls the instant upper bound.
"""

from __future__ import annotations

from rtpfwd.clock import MICROSECONDS, Instant
from rtpfwd.congestion.departure_log import FeedbackReport
from rtpfwd.congestion.settings import LossSettings

SLOW_WEIGHT = 0.25  # of an observation in what is thought to be the link's own loss
SLOW_SHARE = 0.4  # of the growth, with loss between low and high
QUEUE_BACK_OFF = 0.85  # of what arrives through a full queue, as for overuse
RELEASED_OVER = 1.5  # times the estimate: the limit no longer means anything


class LossLimit:
    """``bps`` is ``None`` while loss sets no limit; ``ratio`` is the loss of the last two observations."""

    __slots__ = (
        "_began_at",
        "_lost",
        "_observed_at",
        "_previous",
        "_received",
        "_settings",
        "_since",
        "_slow_ratio",
        "bps",
        "ratio",
    )

    def __init__(self, settings: LossSettings) -> None:
        self._settings = settings
        self.bps: int | None = None
        self.ratio = 0.0
        self._slow_ratio = 0.0
        self._received = self._lost = 0
        self._previous: tuple[int, int] | None = None
        self._began_at: Instant | None = None
        self._observed_at: Instant | None = None
        self._since = Instant(-1)

    def ignore_before(self, at: Instant) -> None:
        """Packets that left before ``at`` say nothing: they met an outage, or a rate that is cut already."""
        self._since = at
        self._received = self._lost = 0
        self._previous = None
        self._began_at = None

    def lift(self, bps: int) -> None:
        """A probe went through at ``bps``."""
        if self.bps is not None and bps > self.bps:
            self.bps = bps

    def update(
        self, report: FeedbackReport, estimate_bps: int, acknowledged_bps: int | None, now: Instant
    ) -> bool:
        """Take a feedback; ``estimate_bps`` is the present target. ``acknowledged_bps`` is what arrives when
        the link has a standing queue, so that loss is the queue's, else ``None``. Returns whether the limit
        has changed.
        """
        since = self._since
        received = report.received
        count = len(received)
        if received and received[0][0] < since:
            count = sum(1 for record in received if record[0] >= since)
        self._received += count
        self._lost += sum(1 for sent_at in report.lost if sent_at >= since) - report.recovered
        if self._lost < 0:
            self._lost = 0
        at = report.last_sent_at
        if at is None or at < since:
            if not self._lost:
                return False
            at = report.lost[-1] if report.lost else None
            if at is None:
                return False
        if self._began_at is None:
            self._began_at = at
        settings = self._settings
        total = self._received + self._lost
        if at - self._began_at < settings.observe_us or total < settings.observe_packets:
            return False
        previous_lost, previous_total = self._previous or (0, 0)
        self.ratio = (self._lost + previous_lost) / (total + previous_total)
        self._previous = (self._lost, total)
        if self._observed_at is None:
            self._slow_ratio = self.ratio
        else:
            self._slow_ratio += SLOW_WEIGHT * (self.ratio - self._slow_ratio)
        self._received = self._lost = 0
        self._began_at = at
        changed = self._judge(estimate_bps, acknowledged_bps, now)
        self._observed_at = now
        return changed

    def _judge(self, estimate_bps: int, acknowledged_bps: int | None, now: Instant) -> bool:
        settings = self._settings
        ratio = self.ratio
        before = self.bps
        ceiling: float = RELEASED_OVER * estimate_bps
        high = settings.high if acknowledged_bps is None else settings.queue_high
        if ratio > high:
            lowered = estimate_bps * (1 - 0.5 * ratio)
            if acknowledged_bps is not None:
                lowered = bearable = min(lowered, acknowledged_bps * QUEUE_BACK_OFF)
            else:
                bearable = settings.balance_bps / (max(self._slow_ratio, high) - settings.offset)
            if max(lowered, bearable) < estimate_bps:
                self.bps = round(max(lowered, bearable))
                self.ignore_before(now)
                return True
            # The rate is so low already that this loss cannot be its doing.
            ceiling = bearable
        if before is None:
            return False
        growth = settings.increase - 1
        if ratio >= settings.low:
            growth *= SLOW_SHARE
        elapsed_s = (now - (self._observed_at or now)) / MICROSECONDS
        grown = round(before * (1 + growth) ** min(elapsed_s, 1.0)) + 1
        if ratio > high:
            self.bps = max(before, min(grown, round(ceiling)))
        else:
            self.bps = None if grown > ceiling else grown
        return self.bps != before
