"""One run: the recorded ingress through the whole server, with its control plane, to modelled viewers.

Everything is a function of the ingress, the plan and the seed: time is virtual, keys are given, and every
link draws from a generator of its own. Recorded are the publishers' packets and when they arrived, and, where
the capture has them, the server's settings. Modelled are the publishers' answers, the viewers (feedback,
NACK, decoder, playout delay) and all links. The publishers' encoders do what they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from rtpfwd.capture.ingress import Ingress, RecordedStream, SettingChange
from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.dataplane.load import load_plane
from rtpfwd.drivers.links import FixedDelay, LinkModel
from rtpfwd.drivers.media_peer import MediaPeer, seeded_entropy
from rtpfwd.drivers.netem import LinkSpec, emulate
from rtpfwd.drivers.receive_loop import ArrivalFeedback, RembFeedback
from rtpfwd.drivers.virtual import VirtualNetwork
from rtpfwd.drivers.whatif.figures import RunFigures
from rtpfwd.drivers.whatif.measuring import measured
from rtpfwd.drivers.whatif.parameters import (
    RTX_SSRC_BASE,
    media_codec,
    producer_parameters,
    rtx_payload_type,
)
from rtpfwd.drivers.whatif.recorded_source import Playing, RecordedSource
from rtpfwd.drivers.whatif.viewer import Tap, Viewer, Watching
from rtpfwd.errors import CallerError, MalformedPacket
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.srtp import PlainKeys, Profile
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.router import Router
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.sfu.worker import Worker
from rtpfwd.wire.header_extensions import TRANSPORT_CC

JsonObject = dict[str, Any]

SERVER = ("198.51.100.1", 3000)
START = Instant(seconds(1_000))
BEGIN_AFTER_US = seconds(2)
"""From the start to the first packet: everybody is connected by then."""
SETTLE_US = seconds(2)
"""After the last packet: repairs still come."""
SAMPLE_US = milliseconds(100)
RECORDED_UPLINK_US = milliseconds(20)
"""Each way, between a publisher and the server: what a recording does not tell."""
LOOP_GAP_US = milliseconds(33)
UNIX_US = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all seeds."""

    settings: WorkerSettings
    link: LinkSpec
    uplink: LinkSpec | None = None
    """None: what the recording lost on its first way is lost here, and nothing else."""
    viewers: int = 1
    times: int = 1
    """How often the recording is played, one after the other."""
    feedback: str = "transport-cc"
    """What viewers tell of their downlinks: ``transport-cc``, ``remb`` or ``none``."""
    changes: tuple[SettingChange, ...] = ()
    """Made while the recording plays for the first time."""


def playable(ingress: Ingress) -> tuple[list[list[RecordedStream]], list[str]]:
    """The producers that this server can forward, each with its encodings, and why others are left out.

    Raises ``MalformedPacket`` where none is left.
    """
    producers, notes = [], []
    for name, streams in ingress.producers().items():
        try:
            _scratch_router(streams)
        except CallerError as error:
            notes.append(f"producer {name} ({streams[0].mime_type}) is left out: {error}")
            continue
        producers.append(streams)
    if not producers:
        raise MalformedPacket("; ".join(notes) or "nothing to play")
    return producers, notes


def run(producers: Sequence[Sequence[RecordedStream]], duration_us: int, plan: Plan, seed: int) -> RunFigures:
    """Play ``producers`` (of ``playable``), a recording of ``duration_us``, once through the server."""
    return _Run(producers, duration_us, plan, seed).play()


class _Run:
    def __init__(
        self, producers: Sequence[Sequence[RecordedStream]], duration_us: int, plan: Plan, seed: int
    ) -> None:
        self._plan = plan
        self._seed = seed
        self._entropy = seeded_entropy(seed + 1_000_000)
        self._hosts = 0
        self._worker = _worker(plan.settings, seed)
        self._network = VirtualNetwork(self._worker, [SERVER], start=START)
        streams = [one for encodings in producers for one in encodings]
        self._router = _router(self._worker, streams)
        loop_us = duration_us + LOOP_GAP_US
        self._begin = Instant(START + BEGIN_AFTER_US)
        self._end = Instant(self._begin + loop_us * plan.times)
        playing = Playing(self._begin, loop_us, plan.times, lose=plan.uplink is None)
        self._publishers: dict[str, MediaPeer] = {}
        self._transports: dict[str, WebRtcTransport] = {}
        self._sources: list[RecordedSource] = []
        made = [self._publish(encodings, playing) for encodings in producers]
        self._viewers = [self._watch(number, made) for number in range(plan.viewers)]

    def play(self) -> RunFigures:
        network = self._network
        changes = sorted(self._plan.changes, key=lambda one: one.at_us)
        network.run_until(self._begin)
        asked = sum(one.key_frame_requests for one in self._publishers.values())
        while network.now < self._end:
            until = Instant(min(network.now + SAMPLE_US, self._end))
            while changes and self._begin + changes[0].at_us < until:
                change = changes.pop(0)
                network.run_until(Instant(max(self._begin + change.at_us, network.now)))
                self._worker.tunables.change({change.name: change.value}, now=network.now)
            network.run_until(until)
            self._sample()
        network.run_until(Instant(self._end + SETTLE_US))
        figures = measured(self._viewers, self._begin, self._end, self._plan.link.rate_bps)
        figures.key_frames_asked = float(
            sum(one.key_frame_requests for one in self._publishers.values()) - asked
        )
        figures.nacked_upstream = float(sum(one.nacked for one in self._publishers.values()))
        return figures

    def _sample(self) -> None:
        for viewer in self._viewers:
            estimate = viewer.transport.media.bandwidth.available_bps
            if estimate is not None:
                viewer.estimates.append(estimate)
            for one in viewer.watching:
                layers = one.consumer.current_layers
                name = "-" if layers is None else f"S{layers['spatialLayer']}T{layers['temporalLayer']}"
                one.layers[name] += 1

    def _publish(self, encodings: Sequence[RecordedStream], playing: Playing) -> Producer:
        first = encodings[0]
        peer = self._publishers.get(first.publisher)
        if peer is None:
            up, answers = self._uplink()
            self._transports[first.publisher], peer = self._join(up, answers)
            self._publishers[first.publisher] = peer
        for number, stream in enumerate(encodings):
            rtx_ssrc = stream.rtx_ssrc
            if rtx_ssrc is None and stream.uses_nack:
                rtx_ssrc = RTX_SSRC_BASE + len(self._sources) + number
            source = RecordedSource(
                stream, playing, rtx_ssrc=rtx_ssrc if stream.uses_nack else None,
                rtx_payload_type=rtx_payload_type(stream),
            )  # fmt: skip
            self._sources.append(source)
            peer.add_own_source(source)
        kind = first.mime_type.partition("/")[0].lower()
        own = self._sources[-len(encodings) :]
        parameters = producer_parameters(encodings, [one.spec.rtx_ssrc for one in own])
        return self._transports[first.publisher].produce(kind, parameters, now=self._network.now)

    def _watch(self, number: int, producers: Sequence[Producer]) -> Viewer:
        plan = self._plan
        seed = self._seed * 1000 + number * 2
        down = Tap(emulate(plan.link, seed=seed))
        feedback = emulate(replace(plan.link, reorder=0.0, rate_bps=0), seed=seed + 1)
        transport, peer = self._join(feedback, down)
        viewer = Viewer(transport, peer, down)
        capabilities = self._router.rtp_capabilities
        if plan.feedback == "none":
            capabilities = _without_bandwidth_feedback(capabilities)
        for producer in producers:
            consumer = transport.consume(producer.id, capabilities, now=self._network.now)
            parameters = consumer.rtp_parameters
            self._tell_downlink(peer, parameters)
            sink = peer.add_sink(parameters, decode=True)
            round_trip_us = 2 * plan.link.delay_us + plan.link.jitter_us
            sink.nack_retry_us = max(round_trip_us + milliseconds(10), milliseconds(20))
            viewer.watching.append(Watching(consumer, sink))
            down.media.add(sink.ssrc)
        return viewer

    def _tell_downlink(self, peer: MediaPeer, parameters: JsonObject) -> None:
        if peer.feedback is not None:
            return
        if self._plan.feedback == "remb":
            peer.feedback = RembFeedback()
        elif self._plan.feedback == "transport-cc":
            ids = {one["uri"]: one["id"] for one in parameters["headerExtensions"]}
            if TRANSPORT_CC in ids:
                peer.feedback = ArrivalFeedback(ids[TRANSPORT_CC])

    def _uplink(self) -> tuple[LinkModel, LinkModel]:
        spec = self._plan.uplink
        if spec is None:
            return FixedDelay(RECORDED_UPLINK_US), FixedDelay(RECORDED_UPLINK_US)
        seed = self._seed * 1000 + 500 + 2 * len(self._publishers)
        back = replace(spec, reorder=0.0, rate_bps=0)
        return emulate(spec, seed=seed), emulate(back, seed=seed + 1)

    def _join(self, uplink: LinkModel, downlink: LinkModel) -> tuple[WebRtcTransport, MediaPeer]:
        now = self._network.now
        transport = self._router.create_web_rtc_transport(now=now)
        peer = MediaPeer.for_transport(
            transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters, _dtls("client"),
            self._entropy,
        )  # fmt: skip
        keys = PlainKeys(Profile.AEAD_AES_128_GCM)
        peer.set_keys(keys)
        transport.set_srtp_keys(keys, now=now)
        peer.start(now)
        self._hosts += 1
        address = f"10.{self._hosts >> 16 & 255}.{self._hosts >> 8 & 255}.{self._hosts & 255}", 5000
        self._network.attach(peer, [address], uplink=uplink, downlink=downlink)
        return transport, peer


@cache
def _dtls(who: str) -> DtlsContext:
    """One certificate for the server and one for all peers: making them takes longer than many a run."""
    return DtlsContext(generate(UNIX_US))


def _worker(settings: WorkerSettings, seed: int) -> Worker:
    return Worker(
        load_plane("reference", settings.plane),
        settings=settings,
        dtls_context=_dtls("server"),
        listen=[ListenAddress(*SERVER, 0)],
        entropy=seeded_entropy(seed),
        unix_us_at_zero=UNIX_US,
    )


def _router(worker: Worker, streams: Sequence[RecordedStream]) -> Router:
    codecs: dict[tuple[str, int], JsonObject] = {}
    for one in streams:
        codecs.setdefault((one.mime_type.lower(), one.clock_rate), media_codec(one))
    is_av1 = any(one.mime_type.lower() == "video/av1" for one in streams)
    return worker.create_router(list(codecs.values()), offer_dependency_descriptor=is_av1)


def _scratch_router(streams: Sequence[RecordedStream]) -> None:
    """Try whether these can be produced. Raises a ``CallerError``."""
    worker = _worker(WorkerSettings(), 0)
    transport = _router(worker, streams).create_web_rtc_transport(now=START)
    kind = streams[0].mime_type.partition("/")[0].lower()
    transport.produce(kind, producer_parameters(streams, [None] * len(streams)), now=START)


def _without_bandwidth_feedback(capabilities: JsonObject) -> JsonObject:
    kinds = ("transport-cc", "goog-remb")
    codecs = [
        codec | {"rtcpFeedback": [one for one in codec.get("rtcpFeedback", ()) if one["type"] not in kinds]}
        for codec in capabilities["codecs"]
    ]
    return capabilities | {"codecs": codecs}


def lasting_s(duration_us: int, times: int) -> float:
    """How long a run of a recording lasts, in seconds."""
    return (duration_us + LOOP_GAP_US) * times / MICROSECONDS
