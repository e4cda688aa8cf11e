"""A peer reduced to its SRTP keys and its address: no ICE, no DTLS, no behaviour."""

from __future__ import annotations

from collections.abc import Iterable

from rtpfwd.protocols.srtp import Profile, RtcpReceiver, RtcpSender, RtpReceiver, RtpSender, SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtcp.compound import RtcpPacket, parse_compound, serialize_compound
from rtpfwd.wire.rtp import RtpPacket
from tests.support.entropy import seeded_entropy


class SrtpPeer:
    """``server_keys`` are for the other side, ``path`` is where it is seen to be."""

    def __init__(self, number: int, profile: Profile = Profile.AEAD_AES_128_GCM) -> None:
        entropy = seeded_entropy(1000 + number)
        size = profile.key_size + profile.salt_size
        send, receive = entropy(size), entropy(size)
        keys = SrtpKeys(profile, send, receive)
        self.server_keys = SrtpKeys(profile, receive, send)
        self.path: Path = (0, (f"203.0.113.{number % 250 + 1}", 5000 + number))
        self._rtp_out, self._rtp_in = RtpSender(keys), RtpReceiver(keys)
        self._rtcp_out, self._rtcp_in = RtcpSender(keys), RtcpReceiver(keys)

    def send(self, packet: RtpPacket | bytes) -> Datagram:
        """A packet as it leaves this peer."""
        plain = packet if isinstance(packet, bytes) else packet.serialize()
        return self._rtp_out.protect(plain), self.path

    def send_rtcp(self, *packets: RtcpPacket) -> Datagram:
        """A compound as it leaves this peer."""
        return self.send_raw_rtcp(serialize_compound(packets))

    def send_raw_rtcp(self, plain: bytes) -> Datagram:
        """RTCP that no serializer would write."""
        return self._rtcp_out.protect(plain), self.path

    def read(self, datagrams: Iterable[Datagram]) -> list[RtpPacket]:
        """The RTP among these that is for this peer, decrypted."""
        return [RtpPacket.parse(self._rtp_in.unprotect(data)) for data in self._mine(datagrams, Kind.RTP)]

    def read_rtcp(self, datagrams: Iterable[Datagram]) -> list[RtcpPacket]:
        """The RTCP among these that is for this peer, decrypted; all of it parses."""
        found: list[RtcpPacket] = []
        for data in self._mine(datagrams, Kind.RTCP):
            packets, malformed = parse_compound(self._rtcp_in.unprotect(data))
            assert malformed is None
            found += packets
        return found

    def _mine(self, datagrams: Iterable[Datagram], kind: Kind) -> list[bytes]:
        return [data for data, path in datagrams if path == self.path and classify(data) is kind]
