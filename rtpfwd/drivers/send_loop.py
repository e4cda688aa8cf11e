"""The sending half of a client's congestion control: transport-wide numbers, a pacer, an estimator, probes.

As in libwebrtc the pacer lets 2.5 times the target leave, in ticks of 5 ms; audio and repairs do not wait.
Without an estimator everything is numbered and paced all the same, and the cameras keep the rate they were
given. Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §2 for the numbers. Left out: fairness
between the cameras beyond their maximum rates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds
from rtpfwd.congestion.arrival_log import Feedback
from rtpfwd.drivers.encoder_source import EncodedCamera
from rtpfwd.drivers.fake_media import EXTENSION_IDS
from rtpfwd.wire.header_extensions import ONE_BYTE_PROFILE, TRANSPORT_CC
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

TICK_US = milliseconds(5)
PACING_FACTOR = 2.5
AUDIO_BPS = 40_000
"""Kept back from the target for sound."""
PAYLOAD_SHARE = 0.95
"""Of a datagram; the target counts headers too."""
SRTP_BYTES = 16
"""What AES-GCM adds; departures count the datagram."""
MAX_WAITING_US = milliseconds(2000)

Departure = tuple[int, Instant, int, int]


class ProbeLike(Protocol):
    """A stretch of sending at a given rate."""

    @property
    def cluster(self) -> int:
        """1 and up."""

    @property
    def rate_bps(self) -> int:
        """How fast."""

    @property
    def size_bytes(self) -> int:
        """At least so much."""

    @property
    def packets(self) -> int:
        """At least so many."""


class Estimator(Protocol):
    """What the loop needs of a bandwidth estimator."""

    @property
    def target_bps(self) -> int:
        """What may be sent."""

    def sent(self, departures: Sequence[Departure]) -> None:
        """Packets left."""

    def feedback(self, record: Feedback, now: Instant) -> bool:
        """The other side told of arrivals; whether ``target_bps`` changed."""

    def set_demand(self, desired_bps: int, now: Instant) -> None:
        """What the cameras could use."""

    def next_timeout(self) -> Instant | None:
        """When ``handle_timeout`` has something to do."""

    def handle_timeout(self, now: Instant) -> bool:
        """Time passed; whether ``target_bps`` changed."""

    def probes(self) -> Sequence[ProbeLike]:
        """Probes to send, once."""


class SendLoop:
    """Packets go in as the sources make them and come out numbered, as time allows."""

    def __init__(self, estimator: Estimator | None = None) -> None:
        self.estimator = estimator
        self.cameras: list[EncodedCamera] = []
        self.make_padding: Callable[[int], bytes | None] = lambda size: None
        self.sent_packets = self.sent_bytes = self.probe_bytes = self.feedbacks = 0
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._number = self._demand = 0
        self._asked_until = Instant(0)
        self._next_tick: Instant | None = None
        self._allowance = 0.0
        self._departures: list[Departure] = []
        self._probes: deque[ProbeLike] = deque()
        self._probe_left: tuple[int, int] | None = None

    @property
    def target_bps(self) -> int:
        """Of the estimator, or what the cameras want together."""
        if self.estimator is not None:
            return self.estimator.target_bps
        return sum(camera.encoder.target_bps for camera in self.cameras) + AUDIO_BPS

    @property
    def queued_bytes(self) -> int:
        """Waiting in the pacer."""
        return self._queued

    def send_now(self, packet: bytes, now: Instant) -> bytes:
        """A packet that does not wait (sound, repairs), numbered if it has room for it."""
        return self._stamp(packet, now, 0)

    def enqueue(self, packets: Sequence[bytes], now: Instant) -> None:
        """Packets that are paced."""
        self._queue += packets
        self._queued += sum(map(len, packets))
        if self._next_tick is None and self._queue:
            self._next_tick = now

    def feedback(self, packet: TransportFeedback, now: Instant) -> None:
        """Transport-wide feedback arrived."""
        self.feedbacks += 1
        if self.estimator is None:
            return
        record = Feedback(
            packet.base_sequence_number, packet.feedback_count, packet.reference_time, packet.packets
        )
        self.estimator.feedback(record, now)
        self._follow(now)

    def next_timeout(self) -> Instant | None:
        """When ``take_due`` has something."""
        due = self._estimator_due()
        if due is None or self._next_tick is None:
            return self._next_tick if due is None else due
        return min(due, self._next_tick)

    def take_due(self, now: Instant) -> list[bytes]:
        """The packets that may leave now."""
        due = self._estimator_due()
        if self.estimator is not None and due is not None and due <= now:
            # What stays due (a probe that must wait for better weather) is asked again with the next tick.
            self._asked_until = Instant(now + TICK_US)
            self.estimator.handle_timeout(now)
            self._follow(now)
        if self._next_tick is None or self._next_tick > now:
            return []
        rate = max(self.target_bps * PACING_FACTOR, self._queued * 8 * MICROSECONDS / MAX_WAITING_US)
        probe = self._probes[0] if self._probes else None
        if probe is not None:
            rate = probe.rate_bps
        tick_bytes = rate / 8 * TICK_US / MICROSECONDS
        self._allowance = min(self._allowance, 0.0) + tick_bytes
        out = []
        while self._allowance > 0 and (data := self._take(probe)) is not None:
            self._allowance -= len(data)
            out.append(self._stamp(data, now, probe.cluster if probe is not None else 0))
            if probe is not None and self._probe_done(probe, len(data)):
                probe = None
                break
        busy = self._queue or self._probes or self._allowance < 0
        self._next_tick = Instant(now + TICK_US) if busy else None
        return out

    def take_departures(self) -> list[Departure]:
        """Departures since the last call, without an estimator that takes them."""
        departures, self._departures = self._departures, []
        return departures

    def _estimator_due(self) -> Instant | None:
        due = self.estimator.next_timeout() if self.estimator is not None else None
        return due if due is None else max(due, self._asked_until)

    def _take(self, probe: ProbeLike | None) -> bytes | None:
        if self._queue:
            data = self._queue.popleft()
            self._queued -= len(data)
            return data
        if probe is None:
            return None
        padding = self.make_padding(1200)
        if padding is None:
            self._probes.clear()
            self._probe_left = None
            return None
        self.probe_bytes += len(padding)
        return padding

    def _probe_done(self, probe: ProbeLike, size: int) -> bool:
        left = self._probe_left or (probe.size_bytes, probe.packets)
        self._probe_left = left[0] - size, left[1] - 1
        if self._probe_left[0] > 0 or self._probe_left[1] > 0:
            return False
        self._probes.popleft()
        self._probe_left = None
        self._allowance = 0.0
        return True

    def _stamp(self, packet: bytes, now: Instant, cluster: int) -> bytes:
        self.sent_packets += 1
        self.sent_bytes += len(packet)
        at = _room_for_number(packet)
        if at is None:
            return packet
        self._number = self._number + 1 & 0xFFFF
        departure = (self._number, now, len(packet) + SRTP_BYTES, cluster)
        if self.estimator is not None:
            self.estimator.sent([departure])
        else:
            self._departures.append(departure)
            if len(self._departures) > 4096:
                del self._departures[:2048]
        return packet[:at] + self._number.to_bytes(2) + packet[at + 2 :]

    def _follow(self, now: Instant) -> None:
        assert self.estimator is not None
        most = [camera.encoder.wanted_bps for camera in self.cameras]
        wanted = round(sum(most) / PAYLOAD_SHARE) + AUDIO_BPS
        if wanted != self._demand:
            self._demand = wanted
            self.estimator.set_demand(wanted, now)
        self._probes += self.estimator.probes()
        if self._probes and self._next_tick is None:
            self._next_tick = now
        for camera, share in zip(self.cameras, most, strict=True):
            room = max(round((self.estimator.target_bps - AUDIO_BPS) * PAYLOAD_SHARE), 0)
            target = room * share // max(sum(most), 1)
            if target != camera.encoder.target_bps:
                camera.encoder.set_target(target)


def _room_for_number(packet: bytes) -> int | None:
    """Where the two bytes of the number are: sources put that extension first."""
    if not packet[0] & 0x10 or packet[0] & 0x0F:
        return None
    number = EXTENSION_IDS[TRANSPORT_CC]
    if packet[12] << 8 | packet[13] == ONE_BYTE_PROFILE:
        return 17 if packet[16] == number << 4 | 1 else None
    return 18 if packet[16] == number and packet[17] == 2 else None
