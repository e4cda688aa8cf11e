"""All datagrams of a capture, one by one, to streams and control statistics.

RTP is known by its first bits only, and so is much else. An SSRC counts as a stream when two packets of it
agree: same addresses, SSRC and payload type, sequence numbers near each other; or when the description names
it. What never comes to that is counted as noise. Memory is bounded by the number of streams (10000 at most).
"""

from collections import Counter

from rtpfwd.errors import MalformedPacket
from rtpfwd.inspection.control import ControlStatistics
from rtpfwd.inspection.description import CaptureDescription
from rtpfwd.inspection.inference import Sample
from rtpfwd.inspection.stream import MediaStream, RtpArrival, StreamKey
from rtpfwd.wire.captures.items import CapturedDatagram
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.header_extensions import parse_elements
from rtpfwd.wire.rtp import RtpHeader, parse_header
from rtpfwd.wire.serial import distance_32

MAX_STREAMS = 10_000
MAX_CANDIDATES = 1024
MAX_PATHS = 65_536
MAX_GAP = 64  # how far from a lost packet its neighbours are looked for

Path = tuple[int, Address | None, Address | None]


class Inspector:
    """``add`` every datagram in the order of the file, then ``finish`` once and read."""

    def __init__(self, description: CaptureDescription) -> None:
        self.datagrams: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.noise = 0
        self.beyond_limits = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.control = ControlStatistics(0)
        self._description = description
        self._streams: dict[StreamKey, MediaStream] = {}
        self._candidates: dict[StreamKey, MediaStream] = {}
        self._by_path: dict[Path, list[MediaStream]] = {}
        self._secured: set[Path] = set()

    def add(self, datagram: CapturedDatagram) -> None:
        """Counts one datagram. Never raises."""
        time_us = datagram.time_us
        if self.first_us is None or self.last_us is None:
            self.first_us = self.last_us = self.control.origin_us = time_us
        self.first_us, self.last_us = min(self.first_us, time_us), max(self.last_us, time_us)
        kind = classify(datagram.data)
        if kind is Kind.RTP:
            header = _plain_header(datagram)
            if header is None:
                kind = Kind.UNKNOWN
            else:
                self._add_rtp(datagram, header)
        elif kind is Kind.RTCP:
            if self._is_secured(datagram):
                self.control.encrypted += 1
            elif not datagram.missing:
                self.control.receive(datagram.data, time_us)
        elif kind is Kind.DTLS:
            self._secure(datagram)
        self.datagrams[kind.value] += 1
        self.bytes[kind.value] += len(datagram.data) + datagram.missing

    def finish(self) -> list[MediaStream]:
        """The streams, in the order of their first packets."""
        self.noise += sum(candidate.waiting for candidate in self._candidates.values())
        self._candidates.clear()
        for stream in self._streams.values():
            stream.finish()
        return sorted(self._streams.values(), key=lambda stream: (stream.first_us, stream.key.ssrc))

    def _add_rtp(self, datagram: CapturedDatagram, header: RtpHeader) -> None:
        key = StreamKey(datagram.interface, datagram.source, datagram.destination, header.ssrc)
        stream = self._streams.get(key) or self._candidates.pop(key, None)
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                self.beyond_limits += 1
                return
            stream = MediaStream(key, self._description, self.control.origin_us, datagram.direction)
            stream.protected = self._is_secured(datagram)
        data = datagram.data
        arrival = RtpArrival(
            Sample(
                datagram.time_us,
                header.payload_type,
                header.sequence_number,
                header.timestamp,
                header.marker,
                data[header.header_length : header.payload_end],
            ),
            len(data) + datagram.missing,
            parse_elements(header.extension_profile, data[header.extension_start : header.extension_end])
            if header.extension_profile is not None
            else {},
        )
        if stream.undecided:
            self._look_for_original(stream, arrival.sample)
        stream.receive(arrival)
        self._keep(stream)

    def _keep(self, stream: MediaStream) -> None:
        key = stream.key
        if key in self._streams:
            return
        if stream.confirmed:
            self._streams[key] = stream
            path = key.interface, key.source, key.destination
            self._by_path.setdefault(path, []).append(stream)
            return
        if stream.undecided:
            self._candidates[key] = stream
        else:  # as many packets as one waits for, and no two agree
            self.noise += stream.packets
        if len(self._candidates) > MAX_CANDIDATES:
            oldest = next(iter(self._candidates))
            self.noise += self._candidates.pop(oldest).waiting

    def _look_for_original(self, stream: MediaStream, sample: Sample) -> None:
        """A vote for each stream on the same path that this packet may be a retransmission from."""
        if len(sample.payload) < 3:
            return
        key = stream.key
        original = sample.payload[0] << 8 | sample.payload[1]
        for other in self._by_path.get((key.interface, key.source, key.destination), ())[-64:]:
            if other is stream or not other.recent:
                continue
            timestamp = other.recent.get(original)
            if timestamp is not None:
                stream.repair_votes[other.key.ssrc] += timestamp == sample.timestamp
                continue
            # The original need not be in the capture: between its neighbours in number it has to be in time.
            before = _neighbour(other.recent, original, -1)
            behind = _neighbour(other.recent, original, 1)
            if before is None or behind is None:
                continue
            after_the_one = distance_32(sample.timestamp, before) >= 0
            stream.repair_votes[other.key.ssrc] += (
                after_the_one and distance_32(behind, sample.timestamp) >= 0
            )

    def _is_secured(self, datagram: CapturedDatagram) -> bool:
        return (datagram.interface, datagram.source, datagram.destination) in self._secured

    def _secure(self, datagram: CapturedDatagram) -> None:
        """Where DTLS was, what follows both ways is SRTP."""
        if len(self._secured) < MAX_PATHS:
            self._secured.add((datagram.interface, datagram.source, datagram.destination))
            self._secured.add((datagram.interface, datagram.destination, datagram.source))


def _neighbour(timestamps: dict[int, int], number: int, step: int) -> int | None:
    """The timestamp of the nearest sequence number in one direction."""
    for distance in range(1, MAX_GAP):
        found = timestamps.get(number + step * distance & 0xFFFF)
        if found is not None:
            return found
    return None


def _plain_header(datagram: CapturedDatagram) -> RtpHeader | None:
    data = datagram.data
    if datagram.missing and data[0] & 0x20:
        data = bytes((data[0] & ~0x20,)) + data[1:]  # the padding's length is in what was cut off
    try:
        return parse_header(data)
    except MalformedPacket:
        return None
