"""What a viewer's downlink looked like over time, sampled every 100 ms of virtual time.

A ``Scene`` is a call whose viewers sit behind bottlenecks; ``Scene.run`` lets time pass and fills the
timelines. Every time in here is in seconds since the scene began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.congestion.send_side import SendSideEstimator
from rtpfwd.congestion.settings import EstimatorSettings
from rtpfwd.drivers.bottleneck import Bottleneck, BottleneckLink, RateSchedule
from rtpfwd.drivers.decoder_model import DecoderModel
from rtpfwd.drivers.encoder_model import EncoderSpec
from rtpfwd.drivers.encoder_source import EncodedCamera
from rtpfwd.drivers.links import FixedDelay
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.send_loop import SendLoop
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.producer import Producer
from tests.scenarios.call import START, Call, Client

SAMPLE_US = milliseconds(100)
DELAY = FixedDelay(milliseconds(25))


def since_start(now: int) -> float:
    """Seconds of the scene."""
    return (now - START) / MICROSECONDS


def at(moment_s: float) -> Instant:
    """The instant so many seconds into the scene."""
    return Instant(START + seconds(moment_s))


def rates(*steps: tuple[float, int]) -> RateSchedule:
    """Bits per second from so many seconds on."""
    return RateSchedule([(at(moment_s), bps) for moment_s, bps in steps])


@dataclass
class Timeline:
    """One viewer's; all lists are parallel to ``times_s``."""

    name: str
    times_s: list[float] = field(default_factory=list)
    estimate_bps: list[float | None] = field(default_factory=list)
    sent_bps: list[float] = field(default_factory=list)
    """Offered to the link within the sample."""
    capacity_bps: list[int] = field(default_factory=list)
    queue_ms: list[float] = field(default_factory=list)
    """The longest wait of a packet that came within the sample."""
    chosen: list[list[tuple[int, int] | None]] = field(default_factory=list)
    """Of each sample: the (spatial, temporal) layers that the server sends, one for each thing watched."""
    shown: list[list[tuple[int, int] | None]] = field(default_factory=list)
    """The layers on the screen within the sample: (spatial, highest temporal)."""

    def index(self, moment_s: float) -> int:
        """The first sample at or after a time."""
        return next((i for i, t in enumerate(self.times_s) if t >= moment_s - 1e-9), len(self.times_s) - 1)

    def between(self, values: list[Any], begin_s: float, end_s: float) -> list[Any]:
        """One series' samples of a time."""
        both = zip(self.times_s, values, strict=True)
        return [value for time_s, value in both if begin_s <= time_s < end_s]


@dataclass
class Watched:
    """Something on a viewer's screen."""

    consumer: Consumer
    sink: MediaSink

    @property
    def decoder(self) -> DecoderModel:
        """What became of it."""
        assert self.sink.decoder is not None
        return self.sink.decoder

    def chosen(self) -> tuple[int, int] | None:
        """The layers being sent; (0, 0) of a simple stream that is sent."""
        layers = self.consumer.current_layers
        if layers is not None:
            return layers["spatialLayer"], layers["temporalLayer"]
        return (0, 0) if self.consumer.type == "simple" and self.consumer.current is not None else None

    def freezes(self, begin_s: float, end_s: float) -> list[tuple[float, int]]:
        """When they ended and how long they were (in milliseconds)."""
        found = self.decoder.freezes(at(begin_s), at(end_s))
        return [(round(since_start(ended), 2), length // 1000) for ended, length in found]

    def seen(self, spatial: int, *, after_s: float, temporal: int | None = None) -> float | None:
        """When a layer was first on the screen from then on."""
        moment = self.decoder.first_shown(at(after_s), spatial=spatial, temporal=temporal)
        return None if moment is None else since_start(moment)

    def share_shown(self, spatial: int, begin_s: float, end_s: float) -> float:
        """Of the pictures shown in that time, the share of this spatial layer."""
        found = [one.spatial for one in self.decoder.shown if at(begin_s) <= one.at < at(end_s)]
        return found.count(spatial) / len(found) if found else 0.0

    def spatial_switches(self, begin_s: float, end_s: float) -> int:
        """How often the spatial layer on the screen changed in that time."""
        return sum(at(begin_s) <= moment < at(end_s) for moment, _ in self.decoder.spatial_changes()[1:])

    def oscillations(self, begin_s: float, end_s: float) -> int:
        """How often it turned round: down after up or up after down."""
        changes = self.decoder.spatial_changes()
        steps = [
            (after[0], after[1] - before[1])
            for before, after in pairwise(changes)
            if at(begin_s) <= after[0] < at(end_s)
        ]
        return sum((one[1] > 0) != (two[1] > 0) for one, two in pairwise(steps))


@dataclass
class Viewer:
    """A client behind a bottleneck."""

    client: Client
    link: BottleneckLink
    timeline: Timeline
    watched: list[Watched] = field(default_factory=list)
    _offered: int = 0
    _waits: int = 0

    def watch(self, producer: Producer, **options: Any) -> Watched:
        """Put a producer on the screen."""
        self.watched.append(Watched(*self.client.watch(producer, **options)))
        return self.watched[-1]

    @property
    def estimate_bps(self) -> int | None:
        """The server's word on this downlink."""
        return self.client.transport.media.bandwidth.available_bps

    def queue_ms(self, share: float, begin_s: float, end_s: float) -> float:
        """A quantile of the packets' waiting times."""
        waits = sorted(wait for moment, wait in self.link.waits if at(begin_s) <= moment < at(end_s))
        return waits[min(int(len(waits) * share), len(waits) - 1)] / 1000 if waits else 0.0

    def sample(self, now: Instant) -> None:
        """Note how things are."""
        line, link = self.timeline, self.link
        line.times_s.append(since_start(now))
        line.estimate_bps.append(self.estimate_bps)
        line.sent_bps.append((link.bytes_offered - self._offered) * 8 * MICROSECONDS / SAMPLE_US)
        line.capacity_bps.append(link.bottleneck.rate_at(now - 1))
        waits = link.waits[self._waits :]
        line.queue_ms.append(max((wait for _, wait in waits), default=0) / 1000)
        line.chosen.append([one.chosen() for one in self.watched])
        line.shown.append([_shown(one.decoder, now) for one in self.watched])
        self._offered, self._waits = link.bytes_offered, len(link.waits)


class Scene:
    """A call, its viewers and its cameras."""

    def __init__(self, *, seed: int = 1, codecs: tuple[str, ...] = ("VP9", "AV1", "H264")) -> None:
        self.call = Call(seed=seed, keys=True, codecs=codecs)
        self.viewers: list[Viewer] = []

    def viewer(
        self, name: str, queue: Bottleneck | RateSchedule | int, *, feedback: str = "transport-cc"
    ) -> Viewer:
        """Somebody behind a link; hand the same ``Bottleneck`` to several and they share it."""
        link = (queue if isinstance(queue, Bottleneck) else Bottleneck(queue)).link(DELAY)
        client = self.call.join(uplink=DELAY, downlink=link, feedback=feedback)
        self.viewers.append(Viewer(client, link, Timeline(name)))
        return self.viewers[-1]

    def publisher(self, uplink: Bottleneck | None = None, *, initial_bps: int = 300_000) -> Client:
        """Somebody who sends; behind a bottleneck with an estimator that follows it."""
        if uplink is None:
            return self.call.join(DELAY, DELAY)
        client = self.call.join(uplink.link(DELAY), DELAY)
        estimator = SendSideEstimator(EstimatorSettings(initial_bps=initial_bps), self.call.network.now)
        client.peer.sender = SendLoop(estimator)
        return client

    def camera(
        self,
        spec: EncoderSpec,
        codec: str = "VP8",
        *,
        of: Client | None = None,
        ssrc: int = 0x1000,
        mid: str = "0",
    ) -> tuple[Producer, EncodedCamera]:
        """A camera of a publisher, of a new one unless told."""
        client = of or self.publisher()
        options = {"app_data": {"source": "screen"}} if spec.screen else {}
        producer, camera = client.produce_camera(spec, codec, ssrc=ssrc, mid=mid, **options)
        if not spec.svc:  # as browsers do that follow what is wanted
            producer.on("wantedencodings", lambda wanted: _follow(camera, wanted))
        return producer, camera

    @property
    def now_s(self) -> float:
        """Seconds since the scene began."""
        return since_start(self.call.network.now)

    def run_until(self, end_s: float) -> None:
        """Let time pass, sampling."""
        while self.call.network.now < at(end_s):
            self.call.network.run_until(Instant(min(self.call.network.now + SAMPLE_US, at(end_s))))
            for viewer in self.viewers:
                viewer.sample(self.call.network.now)


def _follow(camera: EncodedCamera, wanted: list[bool]) -> None:
    for encoding, active in enumerate(wanted):
        camera.encoder.set_active(encoding, active)


def _shown(decoder: DecoderModel, now: Instant) -> tuple[int, int] | None:
    spatial, temporal = -1, 0
    for count, one in enumerate(reversed(decoder.shown)):
        if one.at <= now - 2 * SAMPLE_US:
            break
        if count < 2:  # of the last one, upper layers may still come
            spatial = max(spatial, one.spatial)
        temporal = max(temporal, one.temporal)
    return (spatial, temporal) if spatial >= 0 else None
