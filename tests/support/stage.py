"""A data plane on a stage: peers, streams with short names, and a clock that the test moves."""

from __future__ import annotations

from typing import Any

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import (
    DataPlane,
    PlaneLimits,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendStreamId,
    SendStreamSpec,
    TransportId,
    Upcall,
)
from rtpfwd.dataplane.load import load_plane
from rtpfwd.protocols.srtp import Profile
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.header_extensions import MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, TRANSPORT_CC
from rtpfwd.wire.rtp import RtpPacket
from tests.support.packets import OPUS_TYPE, RTX_TYPE, VP8_TYPE
from tests.support.srtp_peer import SrtpPeer

ROUTER_VP8, ROUTER_RTX, ROUTER_OPUS = 101, 102, 100
PUBLISHER_IDS = {MID: 4, RTP_STREAM_ID: 10, REPAIRED_RTP_STREAM_ID: 11, TRANSPORT_CC: 3}
CONSUMER_IDS = {MID: 1, TRANSPORT_CC: 5}


UNPACED = 1_000_000_000_000
"""Bits per second at which nothing ever waits: pacing has tests of its own."""


class Stage:
    """Transports are numbered from 0 in the order of ``join``."""

    def __init__(
        self, plane_name: str, limits: PlaneLimits | None = None, plane: DataPlane | None = None
    ) -> None:
        self.plane: DataPlane = plane or load_plane(plane_name, limits)
        self.now = Instant(seconds(100))
        self.peers: list[SrtpPeer] = []
        self.sent: list[Datagram] = []

    def join(self, profile: Profile = Profile.AEAD_AES_128_GCM) -> SrtpPeer:
        """A peer with keys and a selected path."""
        number = len(self.peers)
        peer = SrtpPeer(number, profile)
        self.peers.append(peer)
        transport = TransportId(number)
        self.plane.add_transport(transport)
        self.plane.set_keys(transport, peer.server_keys)
        self.plane.set_receive_extensions(transport, PUBLISHER_IDS)
        self.plane.add_path(transport, peer.path)
        self.plane.select_path(transport, peer.path)
        self.plane.set_pacing_rate(transport, UNPACED)
        return peer

    def camera(self, transport: int, stream: int, ssrc: int, **changes: Any) -> ReceiveStreamId:
        """A VP8 stream of that transport, with RTX on the next SSRC."""
        spec: dict[str, Any] = {
            "transport": TransportId(transport), "ssrc": ssrc, "payload_types": {VP8_TYPE: ROUTER_VP8},
            "rtx_ssrc": ssrc + 1, "rtx_payload_types": {RTX_TYPE: VP8_TYPE}, "clock_rate": 90_000,
            "mime_type": "video/VP8", "extension_ids": PUBLISHER_IDS, "mapped_extension_ids": CONSUMER_IDS,
            "use_nack": True,
        }  # fmt: skip
        self.plane.add_receive_stream(ReceiveStreamId(stream), ReceiveStreamSpec(**spec | changes))
        return ReceiveStreamId(stream)

    def microphone(self, transport: int, stream: int, ssrc: int, **changes: Any) -> ReceiveStreamId:
        """An Opus stream of that transport."""
        return self.camera(
            transport, stream, ssrc,
            **{"payload_types": {OPUS_TYPE: ROUTER_OPUS}, "rtx_ssrc": None, "rtx_payload_types": {},
               "clock_rate": 48_000, "mime_type": "audio/opus", "use_nack": False} | changes,
        )  # fmt: skip

    def screen(
        self, transport: int, stream: int, ssrc: int, source: int | None, **changes: Any
    ) -> SendStreamId:
        """A VP8 stream to that transport, with RTX on the next SSRC."""
        spec: dict[str, Any] = {
            "transport": TransportId(transport), "ssrc": ssrc, "rtx_ssrc": ssrc + 1,
            "rtx_payload_types": {ROUTER_VP8: ROUTER_RTX}, "payload_types": frozenset((ROUTER_VP8,)),
            "clock_rate": 90_000, "mime_type": "video/VP8", "mid": b"7", "extension_ids": CONSUMER_IDS,
            "first_sequence_number": 1000, "first_rtx_sequence_number": 500, "needs_key_frame": True,
            "keep_ciphertext": False,
        }  # fmt: skip
        self.plane.add_send_stream(SendStreamId(stream), SendStreamSpec(**spec | changes))
        if source is not None:
            self.plane.set_source(SendStreamId(stream), ReceiveStreamId(source), self.now)
        return SendStreamId(stream)

    def speaker(
        self, transport: int, stream: int, ssrc: int, source: int | None, **changes: Any
    ) -> SendStreamId:
        """An Opus stream to that transport."""
        return self.screen(
            transport, stream, ssrc, source,
            **{"rtx_ssrc": None, "rtx_payload_types": {}, "payload_types": frozenset((ROUTER_OPUS,)),
               "clock_rate": 48_000, "mime_type": "audio/opus", "needs_key_frame": False} | changes,
        )  # fmt: skip

    def send(self, peer: SrtpPeer, *packets: RtpPacket | bytes) -> list[Datagram]:
        """Let these arrive in one batch; what leaves is returned, and kept in ``sent``."""
        return self.arrive(*(peer.send(packet) for packet in packets))

    def arrive(self, *datagrams: Datagram) -> list[Datagram]:
        """The same for datagrams."""
        out = self.plane.forward(datagrams, self.now)
        self.sent += out
        return out

    def wait(self, duration_us: int) -> None:
        """Let time pass."""
        self.now = Instant(self.now + duration_us)

    def upcalls(self, *kinds: type) -> list[Upcall]:
        """Upcalls since the last call, of these kinds if any are given."""
        return [one for one in self.plane.take_upcalls() if not kinds or isinstance(one, kinds)]

    def assert_reconciled(self) -> None:
        """Every datagram that arrived is accounted for, once."""
        totals = self.plane.counters()
        found = (
            totals.stun + totals.dtls + totals.rtcp + totals.rtp + totals.held + sum(totals.drops.values())
        )
        assert totals.datagrams == found, totals
