"""A modelled viewer, with all that is noted of it while a run lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rtpfwd.clock import Instant
from rtpfwd.drivers.links import LinkModel
from rtpfwd.drivers.media_peer import MediaPeer
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.drivers.netem import IP_UDP_BYTES
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtp import peek_ssrc


class Tap:
    """Counts what is given to a link, in bytes: media (of the SSRCs in ``media``), other RTP, which is
    repairs and padding, and all with IP and UDP. SRTP leaves SSRCs readable.
    """

    def __init__(self, inner: LinkModel) -> None:
        self.media: set[int] = set()
        self.media_bytes = self.other_bytes = self.wire_bytes = 0
        self._inner = inner

    def arrivals(self, data: bytes, now: Instant) -> Sequence[Instant]:
        """The inner model's."""
        self.wire_bytes += len(data) + IP_UDP_BYTES
        if classify(data) is Kind.RTP:
            if peek_ssrc(data) in self.media:
                self.media_bytes += len(data)
            else:
                self.other_bytes += len(data)
        return self._inner.arrivals(data, now)


@dataclass(slots=True)
class Watching:
    """One producer at one viewer."""

    consumer: Consumer
    sink: MediaSink
    layers: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Viewer:
    """A modelled receiver."""

    transport: WebRtcTransport
    peer: MediaPeer
    down: Tap
    watching: list[Watching] = field(default_factory=list)
    estimates: list[int] = field(default_factory=list)
