"""aiortc as a client of the SFU: a second, independent WebRTC stack with real encoders and decoders.

``AiortcSender`` and ``AiortcReceiver`` are written against callables that stand for signaling, so that the
same peers talk to a ``RealtimeDriver`` in the same process and to the signaling server. Where aiortc has no
switch for a thing (kind of certificate, SRTP profiles, loss), its private parts are set before the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, SRTPProtectionProfile
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from tests.interop.sdp_bridge import (
    JsonObject,
    Section,
    local_dtls_parameters,
    remote_sdp,
    sections_of,
    sending_parameters,
    setup_of,
)

WIDTH, HEIGHT = 320, 240
PICTURE = (180, 60, 200)
"""Y, U and V of all that ``ColouredTrack`` shows."""
PATIENCE_S = 10.0

Connect = Callable[[JsonObject], Awaitable[None]]
Produce = Callable[[str, JsonObject], Awaitable[None]]


class ColouredTrack(VideoStreamTrack):
    """aiortc's synthetic video at 30 pictures a second, in one colour that a decoder must show again."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, value in zip(frame.planes, PICTURE, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, Fraction(time_base)
        return frame


class AnyKindCertificate(RTCCertificate):
    """aiortc's certificate holder with RSA allowed: its own cipher list has ECDSA only."""

    def __init__(self, key: Any, certificate: x509.Certificate, alpn: list[bytes] | None = None) -> None:
        super().__init__(key, certificate)
        self._alpn = alpn or []

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        if isinstance(self._key, rsa.RSAPrivateKey):
            context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+AES")
        if self._alpn:
            context.set_alpn_protos(self._alpn)
        return context


class AiortcPeer:
    """What sender and receiver share: a peer connection that is closed at the end."""

    def __init__(self, certificate: RTCCertificate | None = None) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if certificate is not None:
            self.connection._RTCPeerConnection__certificates = [certificate]  # type: ignore[attr-defined]
        self.srtp_profiles: list[SRTPProtectionProfile] | None = None
        self.fingerprint_algorithm: str | None = None
        """The only one that is told to the SFU; ``None`` tells all."""
        self.before_start: Callable[[RTCDtlsTransport], None] | None = None

    @property
    def dtls(self) -> RTCDtlsTransport:
        """The one DTLS transport of the BUNDLE group."""
        transport: RTCDtlsTransport = self.connection.getTransceivers()[0].receiver.transport
        return transport

    @property
    def srtp_profile(self) -> bytes:
        """What was negotiated, by OpenSSL's name; empty before."""
        return b"" if self.dtls._ssl is None else self.dtls._ssl.get_selected_srtp_profile()

    async def close(self) -> None:
        """Ends it; again is harmless."""
        await self.connection.close()

    async def until_dtls(self, state: str) -> None:
        """Waits for a DTLS state."""
        async with asyncio.timeout(PATIENCE_S):
            while self.dtls.state != state:
                await asyncio.sleep(0.01)

    def _prepare(self) -> None:
        if self.srtp_profiles is not None:
            self.dtls._srtp_profiles = self.srtp_profiles
        if self.before_start is not None:
            self.before_start(self.dtls)


class AiortcSender(AiortcPeer):
    """Publishes synthetic sound and pictures."""

    async def publish(
        self,
        transport: JsonObject,
        connect: Connect,
        produce: Produce,
        *,
        video: str = "video/VP8",
        kinds: tuple[str, ...] = ("audio", "video"),
        role: str = "client",
        extensions: bool = True,
    ) -> None:
        """``role`` is aiortc's in DTLS. ``connect`` takes dtlsParameters, ``produce`` kind and
        rtpParameters.
        """
        tracks: dict[str, MediaStreamTrack] = {"audio": AudioStreamTrack(), "video": ColouredTrack()}
        for kind in kinds:
            self.connection.addTrack(tracks[kind])
        await self.connection.setLocalDescription()
        local = self.connection.localDescription.sdp
        self._prepare()
        await connect(local_dtls_parameters(local, role, self.fingerprint_algorithm))
        answer = []
        for kind, mid in sections_of(local):
            mime_type = video if kind == "video" else "audio/opus"
            profile = "42e01f" if mime_type == "video/H264" else None
            parameters = sending_parameters(local, mid, mime_type, profile=profile, extensions=extensions)
            await produce(kind, parameters)
            answer.append(Section(kind, mid, "recvonly", parameters))
        theirs = {"client": "server", "server": "client"}[role]
        sdp = remote_sdp(transport, answer, role=theirs)
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


class AiortcReceiver(AiortcPeer):
    """Consumes and decodes."""

    def __init__(self, certificate: RTCCertificate | None = None) -> None:
        super().__init__(certificate)
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.connection.on("track", self._arrived)

    async def subscribe(
        self,
        transport: JsonObject,
        connect: Connect,
        consumers: list[JsonObject],
        *,
        role: str = "client",
    ) -> None:
        """``consumers`` have kind and rtpParameters; ``role`` is aiortc's in DTLS."""
        theirs = {"client": "auto", "server": "client"}[role]
        offer = [
            Section(one["kind"], one["rtpParameters"]["mid"], "sendonly", one["rtpParameters"])
            for one in consumers
        ]
        sdp = remote_sdp(transport, offer, role=theirs)
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        self._prepare()
        answer = await self.connection.createAnswer()
        await self.connection.setLocalDescription(answer)
        local = self.connection.localDescription.sdp
        assert setup_of(local) == role
        await connect(local_dtls_parameters(local, role, self.fingerprint_algorithm))

    async def pictures(self, count: int) -> list[tuple[int, int, int]]:
        """The mean Y, U and V of that many decoded pictures."""
        shown = []
        for frame in await self._frames("video", count):
            assert (frame.width, frame.height) == (WIDTH, HEIGHT)
            shown.append(_yuv(frame))
        return shown

    async def sound(self, count: int) -> int:
        """Decodes that many frames of sound; returns their samples."""
        return sum(frame.samples for frame in await self._frames("audio", count))

    async def _frames(self, kind: str, count: int) -> list[Any]:
        async with asyncio.timeout(PATIENCE_S):
            return [await self.tracks[kind].recv() for _ in range(count)]

    def _arrived(self, track: MediaStreamTrack) -> None:
        self.tracks[track.kind] = track


def _yuv(frame: av.VideoFrame) -> tuple[int, int, int]:
    means = []
    for plane in frame.planes:
        row = bytes(plane)[plane.line_size * (plane.height // 2) :][: plane.width]
        means.append(sum(row) // len(row))
    return means[0], means[1], means[2]
