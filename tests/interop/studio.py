"""An SFU in the test's own process with its driver, and the peers that talk to it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from rtpfwd.drivers.media_peer import MediaPeer
from rtpfwd.drivers.realtime import RealtimeDriver
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.protocols.dtls_states import DtlsRole
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.router import Router
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from tests.interop.aiortc_peer import AiortcReceiver, AiortcSender
from tests.interop.sdp_bridge import JsonObject, receiving_capabilities
from tests.interop.udp_peer import UdpPeer

PATIENCE_S = 10.0
OPUS: JsonObject = {"kind": "audio", "mimeType": "audio/opus", "clockRate": 48000, "channels": 2}
VP8: JsonObject = {"kind": "video", "mimeType": "video/VP8", "clockRate": 90000}
H264: JsonObject = {
    "kind": "video",
    "mimeType": "video/H264",
    "clockRate": 90000,
    "parameters": {"packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1},
}


class Studio:
    """One router on one driver. Close it at the end: peers first."""

    def __init__(self, driver: RealtimeDriver, *codecs: JsonObject) -> None:
        self.driver = driver
        self.router: Router = driver.worker.create_router([*(codecs or (OPUS, VP8, H264))])
        self.producers: list[Producer] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    async def close(self) -> None:
        """Ends every peer, then the SFU."""
        for close in reversed(self._closers):
            await close()
        await self.driver.close()

    def at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Has something closed before the SFU is."""
        self._closers.append(close)

    def transport(self) -> WebRtcTransport:
        """A new transport."""
        made = self.router.create_web_rtc_transport(now=self.driver.now())
        self.driver.flush()
        return made

    def consume(self, transport: WebRtcTransport, producer: Producer, **options: Any) -> Consumer:
        """A consumer of all that the router's codecs allow."""
        capabilities = options.pop("rtp_capabilities", receiving_capabilities(self.router.rtp_capabilities))
        consumer = transport.consume(producer.id, capabilities, now=self.driver.now(), **options)
        self.driver.flush()
        return consumer

    def produce(self, transport: WebRtcTransport, kind: str, parameters: JsonObject) -> Producer:
        """A producer."""
        producer = transport.produce(kind, parameters, now=self.driver.now())
        self.driver.flush()
        self.producers.append(producer)
        return producer

    async def publish(self, sender: AiortcSender, **options: Any) -> WebRtcTransport:
        """aiortc publishes on a transport of its own."""
        self.at_end(sender.close)
        transport = self.transport()

        async def produce(kind: str, parameters: JsonObject) -> None:
            self.produce(transport, kind, parameters)

        await sender.publish(describe(transport), self._connecting(transport), produce, **options)
        return transport

    async def subscribe(
        self, receiver: AiortcReceiver, *, described: JsonObject | None = None, **options: Any
    ) -> WebRtcTransport:
        """aiortc receives all that is published; ``consume`` has options for ``transport.consume``."""
        self.at_end(receiver.close)
        transport = self.transport()
        more = options.pop("consume", {})
        consumers = [
            {"kind": one.kind, "rtpParameters": self.consume(transport, one, **more).rtp_parameters}
            for one in self.producers
        ]
        await receiver.subscribe(
            described or describe(transport), self._connecting(transport), consumers, **options
        )
        return transport

    def media_peer(
        self, transport: WebRtcTransport, *, connect: bool = True, role: DtlsRole = DtlsRole.CLIENT
    ) -> UdpPeer:
        """A hand-written client on its own socket, started; ``connect`` tells the SFU its true identity."""
        media = MediaPeer.for_transport(
            transport.ice_parameters,
            transport.ice_candidates,
            transport.dtls_parameters,
            DtlsContext(generate(time.time_ns() // 1000)),
            os.urandom,
            role=role,
        )
        peer = UdpPeer(media)
        self.at_end(peer.close)
        if connect:
            transport.connect(media.dtls_parameters, now=self.driver.now())
            self.driver.flush()
        return peer

    def _connecting(self, transport: WebRtcTransport) -> Callable[[JsonObject], Awaitable[None]]:
        async def connect(dtls_parameters: JsonObject) -> None:
            transport.connect(dtls_parameters, now=self.driver.now())
            self.driver.flush()

        return connect


def describe(transport: WebRtcTransport) -> JsonObject:
    """A transport as signaling tells a client of it."""
    return {
        "id": transport.id,
        "iceParameters": transport.ice_parameters,
        "iceCandidates": transport.ice_candidates,
        "dtlsParameters": transport.dtls_parameters,
    }


async def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Gives the loop turns until ``condition`` holds."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.01)
