"""A worker with one router, and peers that speak SRTP to it: no network, no handshake, a hand-moved clock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.load import load_plane
from rtpfwd.drivers.fake_media import EXTENSION_IDS, SourceSpec, producer_parameters, router_media_codecs
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DtlsContext
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.events import Event, deliver
from rtpfwd.sfu.listen import ListenAddress
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.sfu.worker import Worker
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.rtcp.compound import RtcpPacket
from rtpfwd.wire.rtp import RtpPacket
from tests.support.entropy import seeded_entropy
from tests.support.srtp_peer import SrtpPeer

CHECK_US = seconds(5)
MAX_ROUNDS = 1000
"""Of work at one instant, before it counts as a loop without end."""
UNIX_US = 1_700_000_000_000_000
MID_ID = EXTENSION_IDS["urn:ietf:params:rtp-hdrext:sdes:mid"]
RID_ID = EXTENSION_IDS["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"]
REPAIRED_RID_ID = EXTENSION_IDS["urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"]


@cache
def server_certificate() -> DtlsContext:
    """Made once: that is most of a short test's time."""
    return DtlsContext(generate(UNIX_US))


class Member:
    """A peer with its transport; what it received is in ``rtp`` and, with its time, in ``rtcp``."""

    def __init__(self, room: Room, transport: WebRtcTransport, peer: SrtpPeer) -> None:
        self.room = room
        self.transport = transport
        self.peer = peer
        self.rtp: list[RtpPacket] = []
        self.rtcp: list[tuple[Instant, RtcpPacket]] = []
        self.alive = True
        """Whether ``Room.wait`` renews consent for it."""
        self._checks = 0

    def check(self, *, use_candidate: bool = True, ice_parameters: dict[str, Any] | None = None) -> None:
        """A connectivity check, which validates and nominates."""
        parameters = ice_parameters or self.transport.ice_parameters
        self._checks += 1
        request = stun.binding_request(
            self._checks.to_bytes(12), f"{parameters['usernameFragment']}:peer",
            parameters["password"].encode(), priority=1, controlling=7, use_candidate=use_candidate,
        )  # fmt: skip
        self.room.arrive((request, self.peer.path))

    def send(self, *packets: RtpPacket | bytes) -> None:
        """RTP to the worker, as one batch."""
        self.room.arrive(*(self.peer.send(packet) for packet in packets))

    def send_rtcp(self, *packets: RtcpPacket) -> None:
        """One RTCP compound to the worker."""
        self.room.arrive(self.peer.send_rtcp(*packets))

    def produce(self, *specs: SourceSpec, **options: Any) -> Producer:
        """Announce these streams as one producer."""
        made = self.transport.produce(
            specs[0].kind, producer_parameters(*specs), now=self.room.now, **options
        )
        self.room.settle()
        return made

    def consume(self, producer: Producer, **options: Any) -> Consumer:
        """Receive a producer with the router's capabilities."""
        made = self.transport.consume(
            producer.id, self.room.router.rtp_capabilities, now=self.room.now, **options
        )
        self.room.settle()
        return made

    def told(self, kind: type) -> list[Any]:
        """RTCP packets of this kind that arrived so far."""
        return [packet for _, packet in self.rtcp if isinstance(packet, kind)]


class Room:
    """``told`` collects (source, event name, values) of everything that happens.

    ``codecs`` are more than VP8; with any of them dependency descriptors are offered, as the product does.
    ``plane`` is a data plane's name, that which would serve by default.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        settings: WorkerSettings | None = None,
        codecs: Sequence[str] = (),
        plane: str | None = None,
    ) -> None:
        self.settings = settings or WorkerSettings()
        self.worker = Worker(
            load_plane(plane, self.settings.plane),
            settings=self.settings,
            dtls_context=server_certificate(),
            listen=[ListenAddress("198.51.100.1", 3000, 0)],
            entropy=seeded_entropy(seed),
            unix_us_at_zero=UNIX_US,
        )
        self.router = self.worker.create_router(
            router_media_codecs(*codecs), offer_dependency_descriptor=bool(codecs)
        )
        self.now = Instant(seconds(1000))
        self.members: list[Member] = []
        self.told: list[Event] = []

    def join(self, *, connected: bool = True) -> Member:
        """A peer with SRTP keys, and a selected tuple unless told otherwise."""
        transport = self.router.create_web_rtc_transport(now=self.now)
        member = Member(self, transport, SrtpPeer(len(self.members)))
        self.members.append(member)
        member.alive = connected
        if connected:
            transport.set_srtp_keys(member.peer.server_keys, now=self.now)
            member.check()
        return member

    def arrive(self, *datagrams: Datagram) -> None:
        """Datagrams to the worker."""
        self.worker.receive(datagrams, self.now)
        self.settle()

    def wait(self, duration_us: int) -> None:
        """Let time pass, doing what falls due in between; peers that are alive check every five seconds."""
        end = self.now + duration_us
        while (check_at := (self.now // CHECK_US + 1) * CHECK_US) <= end:
            self._run_until(check_at)
            for member in self.members:
                if member.alive and not member.transport.closed:
                    member.check()
        self._run_until(end)

    def _run_until(self, end: int) -> None:
        while (due := self.worker.next_timeout()) is not None and due <= end:
            self.now = Instant(max(self.now, due))
            self.worker.handle_timeout(self.now)
            self.settle()
        self.now = Instant(end)

    def settle(self) -> None:
        """Hand out output and events; do what is due at once."""
        for _ in range(MAX_ROUNDS):
            out = self.worker.transmit()
            for member in self.members:
                member.rtp += member.peer.read(out)
                member.rtcp += [(self.now, packet) for packet in member.peer.read_rtcp(out)]
            events = self.worker.events()
            self.told += events
            for event in events:
                deliver(event)
            due = self.worker.next_timeout()
            if due is not None and due <= self.now:
                self.worker.handle_timeout(self.now)
            elif not out and not events:
                return
        raise AssertionError(f"something is due again and again at {self.now} us")

    def names(self, source: object) -> list[str]:
        """The names of what happened to one object, in order."""
        return [event.name for event in self.told if event.source is source]


def camera(ssrc: int = 0x1000, *, rtx: bool = True, mid: str = "0", **more: Any) -> SourceSpec:
    """A VP8 stream, with RTX on the next SSRC."""
    return SourceSpec(kind="video", ssrc=ssrc, mid=mid, rtx_ssrc=ssrc + 1 if rtx else None, **more)


def microphone(ssrc: int = 0x2000, *, mid: str = "1") -> SourceSpec:
    """An Opus stream."""
    return SourceSpec(kind="audio", ssrc=ssrc, mid=mid)
