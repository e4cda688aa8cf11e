"""A call in virtual time: a worker, a router, and clients that join, produce, consume and leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.dataplane.interface import SendCounters
from rtpfwd.dataplane.load import load_plane
from rtpfwd.drivers.encoder_model import EncoderSpec
from rtpfwd.drivers.encoder_source import EncodedCamera, simulcast_streams, svc_stream
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec, producer_parameters, router_media_codecs
from rtpfwd.drivers.links import FixedDelay, LinkModel
from rtpfwd.drivers.media_peer import MediaPeer, seeded_entropy
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.receive_loop import ArrivalFeedback, RembFeedback
from rtpfwd.drivers.virtual import VirtualNetwork
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.srtp import Profile, SrtpKeys
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.sfu.worker import Worker
from rtpfwd.wire.header_extensions import TRANSPORT_CC

JsonObject = dict[str, Any]

SERVER = ("198.51.100.1", 3000)
START = Instant(seconds(1_000))
UNIX_US = 1_700_000_000_000_000


@cache
def dtls_context(who: str) -> DtlsContext:
    """One certificate for the server and one for all clients: making them is most of a short story's time."""
    return DtlsContext(generate(UNIX_US))


@dataclass
class Client:
    """A person in the call; with one transport for both directions."""

    call: Call
    transport: WebRtcTransport
    peer: MediaPeer
    ice_states: list[str] = field(default_factory=list)
    dtls_states: list[str] = field(default_factory=list)
    feedback: str | None = None
    """``transport-cc``, ``remb`` or nothing: how it tells of its downlink, from the first ``watch`` on."""

    def produce(self, *specs: SourceSpec, **options: Any) -> tuple[Producer, list[MediaSource]]:
        """Send these streams as one producer."""
        sources = [self.peer.add_source(spec) for spec in specs]
        producer = self.transport.produce(
            specs[0].kind, producer_parameters(*specs), now=self.call.network.now, **options
        )
        return producer, sources

    def consume(
        self, producer: Producer, capabilities: Any = None, **options: Any
    ) -> tuple[Consumer, MediaSink]:
        """Receive a producer, with the router's capabilities unless told, and without bandwidth feedback: the
        server then takes the downlink for unlimited. ``watch`` is for links that matter.
        """
        consumer = self.transport.consume(
            producer.id,
            capabilities or without_bandwidth_feedback(self.call.router.rtp_capabilities),
            now=self.call.network.now,
            **options,
        )
        return consumer, self.peer.add_sink(consumer.rtp_parameters)

    def produce_camera(
        self,
        spec: EncoderSpec,
        codec: str = "VP8",
        *,
        target_bps: int = 10_000_000,
        ssrc: int = 0x1000,
        mid: str = "0",
        **options: Any,
    ) -> tuple[Producer, EncodedCamera]:
        """Send what an encoder model makes; ``target_bps`` holds unless the client has an estimator."""
        make = svc_stream if spec.svc else simulcast_streams
        streams = make(spec, codec=codec, ssrc=ssrc, mid=mid)
        camera = self.peer.add_camera(spec, streams, target_bps=target_bps)
        parameters = producer_parameters(*streams)
        return self.transport.produce("video", parameters, now=self.call.network.now, **options), camera

    def watch(self, producer: Producer, **options: Any) -> tuple[Consumer, MediaSink]:
        """Receive a producer as a browser does: decoded, and with feedback as the client was made to give."""
        now = self.call.network.now
        capabilities = self.call.router.rtp_capabilities
        if self.feedback == "remb":
            capabilities = without_transport_cc(capabilities)
        consumer = self.transport.consume(producer.id, capabilities, now=now, **options)
        parameters = consumer.rtp_parameters
        if self.feedback == "remb" and self.peer.feedback is None:
            self.peer.feedback = RembFeedback()
        elif self.feedback == "transport-cc" and self.peer.feedback is None:
            ids = {one["uri"]: one["id"] for one in parameters["headerExtensions"]}
            if TRANSPORT_CC in ids:
                self.peer.feedback = ArrivalFeedback(ids[TRANSPORT_CC])
        return consumer, self.peer.add_sink(parameters, decode=True)

    def leave(self) -> None:
        """Hang up: close the transport as signaling would."""
        self.transport.close(now=self.call.network.now)


class Call:
    """A function of ``seed`` when ``keys`` replaces handshakes, in which OpenSSL throws dice of its own."""

    def __init__(
        self,
        *,
        seed: int = 1,
        keys: bool = False,
        settings: WorkerSettings | None = None,
        codecs: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings or WorkerSettings()
        self.worker = Worker(
            load_plane("reference", self.settings.plane),
            settings=self.settings,
            dtls_context=dtls_context("server"),
            listen=[ListenAddress(*SERVER, 0)],
            entropy=seeded_entropy(seed),
            unix_us_at_zero=UNIX_US,
        )
        self.network = VirtualNetwork(self.worker, [SERVER], start=START)
        self.router = self.worker.create_router(
            router_media_codecs(*codecs), offer_dependency_descriptor="AV1" in codecs
        )
        self._keys = keys
        self._entropy = seeded_entropy(seed + 1_000_000)
        self._hosts = 0

    def join(
        self,
        uplink: LinkModel | None = None,
        downlink: LinkModel | None = None,
        *,
        feedback: str | None = None,
    ) -> Client:
        """A client that begins to connect now."""
        now = self.network.now
        transport = self.router.create_web_rtc_transport(now=now)
        peer = MediaPeer.for_transport(
            transport.ice_parameters,
            transport.ice_candidates,
            transport.dtls_parameters,
            dtls_context("client"),
            self._entropy,
        )
        client = Client(self, transport, peer, feedback=feedback)
        transport.on("icestatechange", client.ice_states.append)
        transport.on("dtlsstatechange", client.dtls_states.append)
        if self._keys:
            ours, theirs = self._entropy(28), self._entropy(28)
            peer.set_keys(SrtpKeys(Profile.AEAD_AES_128_GCM, theirs, ours))
            transport.set_srtp_keys(SrtpKeys(Profile.AEAD_AES_128_GCM, ours, theirs), now=now)
        else:
            transport.connect(peer.dtls_parameters, now=now)
        peer.start(now)
        self._hosts += 1
        self.network.attach(
            peer,
            [(f"10.0.0.{self._hosts}", 5000)],
            uplink=uplink or FixedDelay(milliseconds(10)),
            downlink=downlink or FixedDelay(milliseconds(10)),
        )
        return client

    def worker_counters(self, consumer: Consumer) -> SendCounters:
        """What the data plane counted of a consumer's stream."""
        return self.worker._context.plane.send_counters(consumer.stream)

    def run(self, duration_s: float) -> None:
        """Let time pass."""
        self.network.run_for(seconds(duration_s))

    def connect(self, *clients: Client) -> None:
        """Let time pass until these have their keys."""
        done = self.network.run_while(
            lambda: (
                not all(one.peer.connected and one.transport.dtls_state == "connected" for one in clients)
            ),
            limit_us=seconds(10),
        )
        assert done, [one.transport.dtls_state for one in clients]


def without_bandwidth_feedback(capabilities: JsonObject) -> JsonObject:
    """Those of a receiver that tells nothing of its downlink."""
    return _without_feedback(capabilities, "transport-cc", "goog-remb")


def without_transport_cc(capabilities: JsonObject) -> JsonObject:
    """Those of a receiver that knows REMB only."""
    extensions = [one for one in capabilities["headerExtensions"] if one["uri"] != TRANSPORT_CC]
    return _without_feedback(capabilities, "transport-cc") | {"headerExtensions": extensions}


def _without_feedback(capabilities: JsonObject, *kinds: str) -> JsonObject:
    codecs = [
        codec | {"rtcpFeedback": [one for one in codec.get("rtcpFeedback", ()) if one["type"] not in kinds]}
        for codec in capabilities["codecs"]
    ]
    return capabilities | {"codecs": codecs}


def camera(ssrc: int = 0x1000, *, rtx: bool = True, **more: Any) -> SourceSpec:
    """30 frames a second of two packets."""
    options: dict[str, Any] = {"mid": "0", "packets_per_frame": 2, "payload_bytes": 800} | more
    return SourceSpec(kind="video", ssrc=ssrc, rtx_ssrc=ssrc + 1 if rtx else None, **options)


def microphone(ssrc: int = 0x2000) -> SourceSpec:
    """50 packets a second."""
    return SourceSpec(kind="audio", ssrc=ssrc, mid="1", interval_us=20_000, payload_bytes=100)


def assert_whole(sink: MediaSink) -> None:
    """What the receiver got has no hole, no repetition, no step back."""
    assert sink.packets > 0, "nothing arrived"
    assert sink.lost == 0, f"missing {sink.missing[:10]}"
    assert sink.duplicates == 0
    assert sink.jumps == 0
    assert sink.timestamps_back == 0
    assert sink.wrong_payload_type == 0
