"""The receiving half of a client's congestion control: feedback about all that arrives.

``ArrivalFeedback`` answers transport-wide numbers as Chromium does (every 50 ms while something comes);
``RembFeedback`` is for receivers without that extension: once a second the rate that they believe in, from
delay and loss by a simple rule, or from a script. Source: draft-holmer-rmcat-transport-wide-cc-extensions-01
§3, draft-alvestrand-rmcat-remb-03.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.congestion.arrival_log import ArrivalLog
from rtpfwd.wire.header_extensions import parse_elements
from rtpfwd.wire.rtcp.compound import RtcpPacket
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket

FEEDBACK_INTERVAL_US = milliseconds(50)
REMB_INTERVAL_US = seconds(1)
REMB_START_BPS = 300_000
REMB_DELAY_US = milliseconds(50)
"""So much more delay than the least is a queue that grows."""
PROBATOR_SSRC = 1234
"""mediasoup's stream of padding."""


class ReceiverFeedback(Protocol):
    """What a receiver tells besides its reports."""

    def arrived(self, packet: RtpPacket, size: int, delay_us: int | None, now: Instant) -> None:
        """A packet of any stream came, ``size`` bytes long; ``delay_us`` is its one-way delay if known."""

    def next_timeout(self) -> Instant | None:
        """When ``take_due`` has something."""

    def take_due(self, sender_ssrc: int, media_ssrcs: list[int], now: Instant) -> list[RtcpPacket]:
        """What to send now."""


class ArrivalFeedback:
    """Transport-wide feedback; ``extension_id`` is the one under which numbers come."""

    def __init__(self, extension_id: int, interval_us: int = FEEDBACK_INTERVAL_US) -> None:
        self.extension_id = extension_id
        self.interval_us = interval_us
        self.numbered = self.sent = 0
        self.silent = False
        """Set it and nothing is told any more."""
        self._log = ArrivalLog()
        self._next: Instant | None = None
        self._waiting = False
        self._last_media = 0

    def arrived(self, packet: RtpPacket, size: int, delay_us: int | None, now: Instant) -> None:
        """Note its number."""
        value = parse_elements(packet.extension_profile, packet.extension).get(self.extension_id)
        if value is None or len(value) != 2:
            return
        self.numbered += 1
        self._last_media = packet.ssrc
        self._log.add([(int.from_bytes(value), now)])
        if not self._waiting:
            self._waiting = True
            self._next = Instant(max(now, (self._next or now)))

    def next_timeout(self) -> Instant | None:
        """At most every interval, and only after something came."""
        return self._next if self._waiting else None

    def take_due(self, sender_ssrc: int, media_ssrcs: list[int], now: Instant) -> list[RtcpPacket]:
        """All arrivals not told yet."""
        if not self._waiting or self._next is None or self._next > now:
            return []
        self._next = Instant(now + self.interval_us)
        self._waiting = False
        feedbacks = self._log.build()
        if self.silent:
            return []
        self.sent += len(feedbacks)
        return [
            TransportFeedback(
                sender_ssrc, self._last_media, one.base_sequence_number, one.feedback_count,
                (one.reference_time ^ 0x80_0000) - 0x80_0000, one.deltas,
            )
            for one in feedbacks
        ]  # fmt: skip


class RembFeedback:
    """REMB once a second."""

    def __init__(self, script: Callable[[Instant], int] | None = None) -> None:
        self.script = script
        self.bitrate_bps = REMB_START_BPS
        self._bytes = 0
        self._delays: list[int] = []
        self._least_us: int | None = None
        self._since: Instant | None = None
        self._next: Instant | None = None

    def arrived(self, packet: RtpPacket, size: int, delay_us: int | None, now: Instant) -> None:
        """Count it."""
        if self._next is None:
            self._since, self._next = now, Instant(now + REMB_INTERVAL_US // 4)
        self._bytes += size
        if delay_us is not None:
            self._delays.append(delay_us)
            self._least_us = delay_us if self._least_us is None else min(self._least_us, delay_us)

    def next_timeout(self) -> Instant | None:
        """Once something came."""
        return self._next

    def take_due(self, sender_ssrc: int, media_ssrcs: list[int], now: Instant) -> list[RtcpPacket]:
        """The rate of now."""
        if self._next is None or self._next > now:
            return []
        self._next = Instant(now + REMB_INTERVAL_US)
        self.bitrate_bps = self.script(now) if self.script is not None else self._judge(now)
        return [ReceiverEstimatedMaxBitrate(sender_ssrc, 0, self.bitrate_bps, tuple(media_ssrcs))]

    def _judge(self, now: Instant) -> int:
        """Grow by 8 %, within one and a half times what comes; fall to 85 % of that when a queue grows."""
        elapsed = max(now - (self._since or now), 1)
        arriving = self._bytes * 8 * MICROSECONDS // elapsed
        late = sorted(self._delays)[len(self._delays) // 2] - (self._least_us or 0) if self._delays else 0
        self._since, self._bytes, self._delays = now, 0, []
        if late > REMB_DELAY_US:
            return max(arriving * 85 // 100, 30_000)
        return max(min(self.bitrate_bps * 108 // 100, arriving * 3 // 2 + 50_000), self.bitrate_bps)
