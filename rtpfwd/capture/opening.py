"""Opening copies of SRTP and SRTCP that pass by, with sessions of the capture's own.

A capture that begins in the middle of a call does not know how often each stream's numbers have wrapped; the
first packet of each SSRC tells (``srtp.open_late``).
"""

from __future__ import annotations

from rtpfwd.errors import MalformedPacket, Unauthentic
from rtpfwd.protocols.srtp import PlainKeys, RtcpReceiver, RtpReceiver, SrtpKeys, open_late
from rtpfwd.wire.rtp import peek_ssrc

TRIES = 3
"""Packets of one SSRC on which the rollover count is looked for; forged ones must not cost more."""
MAX_SSRCS = 256


class Opener:
    """For what one side of a transport sends. ``repeats``: the very same bytes may come again (our own
    retransmissions for peers without RTX).
    """

    def __init__(self, keys: SrtpKeys, *, repeats: bool) -> None:
        self._keys = keys
        self._repeats = repeats
        self._rtp = RtpReceiver(keys)
        self._rtcp = RtcpReceiver(keys)
        self._late: dict[int, RtpReceiver] = {}
        self._known: set[int] = set()
        self._tries: dict[int, int] = {}

    def rtp(self, packet: bytes) -> bytes | None:
        """The plain RTP packet, or None where it does not open or has been here before."""
        ssrc = peek_ssrc(packet)
        try:
            plain = self._late.get(ssrc, self._rtp).unprotect(packet)
        except Unauthentic as error:
            if error.replayed:
                again = open_late(self._keys, packet, ssrc) if self._repeats else None
                return again.unprotect(packet) if again is not None else None
            return self._find_rollovers(packet, ssrc)
        except MalformedPacket:
            return None
        self._known.add(ssrc)
        return plain

    def rtcp(self, packet: bytes) -> bytes | None:
        """The plain compound RTCP packet, or None where it does not open."""
        try:
            return self._rtcp.unprotect(packet)
        except (MalformedPacket, Unauthentic):
            return None

    def _find_rollovers(self, packet: bytes, ssrc: int) -> bytes | None:
        tries = self._tries.get(ssrc, 0)
        if ssrc in self._known or tries >= TRIES or len(self._tries) >= MAX_SSRCS:
            return None
        self._tries[ssrc] = tries + 1
        late = open_late(self._keys, packet, ssrc)
        if late is None:
            return None
        self._known.add(ssrc)
        self._late[ssrc] = late
        return late.unprotect(packet)


def openers(keys: SrtpKeys) -> tuple[Opener, Opener]:
    """For what the peer sends, and for what we send."""
    if isinstance(keys, PlainKeys):
        return Opener(keys, repeats=False), Opener(keys, repeats=True)
    ours = SrtpKeys(keys.profile, send=keys.receive, receive=keys.send)
    return Opener(keys, repeats=False), Opener(ours, repeats=True)
