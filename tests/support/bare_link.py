"""A sender and a receiver with one link between them and no server: what closed loops do by themselves."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings
from rtpfwd.drivers.bottleneck import Bottleneck, BottleneckLink, RateSchedule
from rtpfwd.drivers.decoder_model import DecoderModel
from rtpfwd.drivers.encoder_model import EncoderSpec
from rtpfwd.drivers.encoder_source import EncodedCamera, simulcast_streams
from rtpfwd.drivers.fake_media import EXTENSION_IDS
from rtpfwd.drivers.receive_loop import ArrivalFeedback
from rtpfwd.drivers.send_loop import SendLoop
from rtpfwd.wire.header_extensions import TRANSPORT_CC
from rtpfwd.wire.rtcp.compound import parse_compound, serialize_compound
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket

START = Instant(seconds(100))
BACK_US = milliseconds(25)


def schedule(*steps: tuple[float, int]) -> RateSchedule:
    """Rates from so many seconds after the start on."""
    return RateSchedule([(START + seconds(at), bps) for at, bps in steps])


@dataclass
class Flow:
    """One camera, its send loop, its receiver. ``history`` has (time, target, sent bytes) each 100 ms."""

    spec: EncoderSpec
    link: BottleneckLink
    codec: str = "VP8"
    settings: EstimatorSettings = field(default_factory=EstimatorSettings)
    begins_s: float = 0.0
    history: list[tuple[Instant, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        begin = Instant(START + seconds(self.begins_s))
        self.estimator = SendSideEstimator(self.settings, begin)
        self.sender = SendLoop(self.estimator)
        self.camera = EncodedCamera(
            self.spec, simulcast_streams(self.spec, codec=self.codec), target_bps=self.settings.initial_bps
        )
        self.sender.cameras.append(self.camera)
        self.sender.make_padding = lambda size: self.camera.sources[0].make_probe(size)
        self.feedback = ArrivalFeedback(EXTENSION_IDS[TRANSPORT_CC])
        self.decoder = DecoderModel(f"video/{self.codec}")
        self.begin = begin

    def target_between(self, begin_s: float, end_s: float) -> list[int]:
        """Targets sampled in that time."""
        return [
            target
            for at, target, _ in self.history
            if START + seconds(begin_s) <= at < START + seconds(end_s)
        ]


def run(flows: list[Flow], until_s: float) -> None:
    """Let the flows share their links until then."""
    end = START + seconds(until_s)
    now = START
    events: list[tuple[Instant, int, Flow, bytes, bool]] = []
    serial = 0
    sample_at = START
    while now <= end:
        for flow in flows:
            if now >= flow.begin and not flow.camera.running:
                flow.camera.start(now)
            flow.sender.enqueue(flow.camera.take_due(now), now)
            for packet in flow.sender.take_due(now):
                for at in flow.link.arrivals(packet + bytes(16), now):
                    serial += 1
                    heapq.heappush(events, (at, serial, flow, packet, True))
            told = flow.feedback.take_due(1, [1], now)
            if told:
                serial += 1
                data = serialize_compound(told)
                heapq.heappush(events, (Instant(now + BACK_US), serial, flow, data, False))
        if now >= sample_at:
            sample_at = Instant(sample_at + milliseconds(100))
            for flow in flows:
                flow.history.append((now, flow.estimator.target_bps, flow.sender.sent_bytes))
        due: list[Any] = [sample_at] + ([events[0][0]] if events else [])
        for flow in flows:
            due += [flow.camera.next_timeout(), flow.sender.next_timeout(), flow.feedback.next_timeout()]
            due += [flow.begin] if flow.begin > now else []
        now = Instant(max(now, min(one for one in due if one is not None)))
        while events and events[0][0] <= now:
            _, _, flow, data, forth = heapq.heappop(events)
            if forth:
                _arrive(flow, data, now)
                continue
            packets, malformed = parse_compound(data)
            assert malformed is None
            for one in packets:
                if isinstance(one, TransportFeedback):
                    flow.sender.feedback(one, now)


def _arrive(flow: Flow, data: bytes, now: Instant) -> None:
    packet = RtpPacket.parse(data)
    flow.feedback.arrived(packet, len(data), None, now)
    if packet.ssrc == 0x1000:
        flow.decoder.add(packet.sequence_number, packet, packet.payload, now)


def bottleneck(*steps: tuple[float, int]) -> Bottleneck:
    """A queue of 300 ms."""
    return Bottleneck(schedule(*steps))
