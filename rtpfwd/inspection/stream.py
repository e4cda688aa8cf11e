"""One RTP stream of a capture: an SSRC between two addresses at one interface.

The first packets wait until it is decided what the stream is: whether it is RTP at all (two packets that
agree), its codec and its clock; then they are counted like all that follow.
"""

from collections import Counter
from dataclasses import dataclass, field

from rtpfwd.clock import MICROSECONDS
from rtpfwd.inspection.codecs import CodecGuess, Confidence, is_repair
from rtpfwd.inspection.description import CaptureDescription, StreamDescription
from rtpfwd.inspection.inference import Sample, infer_clock, infer_codec
from rtpfwd.inspection.pictures import Pictures
from rtpfwd.inspection.reception import Arrival, Jitter, Reception
from rtpfwd.inspection.series import Keep, PeakRate, Series
from rtpfwd.wire.captures.items import Direction
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.serial import distance_16

SAMPLES = 64
MAX_STEP = 500  # packets of one stream that follow each other are rarely further apart
RECENT_ORIGINALS = 2048


@dataclass(frozen=True, slots=True)
class StreamKey:
    """What makes a stream one: tshark's key, and the interface (a capture may hold both sides of SRTP)."""

    interface: int
    source: Address | None
    destination: Address | None
    ssrc: int


@dataclass(slots=True)
class RtpArrival:
    """One RTP packet as the inspector found it. ``size`` in bytes is the whole packet's, padding included."""

    sample: Sample
    size: int
    elements: dict[int, bytes] = field(default_factory=dict)


class MediaStream:
    """The numbers of one stream. ``codec`` is that of its commonest payload type."""

    def __init__(
        self, key: StreamKey, description: CaptureDescription, origin_us: int, direction: Direction
    ) -> None:
        self.key = key
        self.direction = direction
        self.origin_us = origin_us
        self.confirmed = description.names_ssrc(key.ssrc)
        self.protected = False  # SRTP: headers can be read, payloads cannot
        self.name = ""
        self.codec = CodecGuess()
        self.repairs: int | None = None
        self.repairs_confidence = Confidence.UNKNOWN
        self.packets = self.bytes = self.payload_bytes = self.padding_packets = 0
        self.payload_types: Counter[int] = Counter()
        self.extension_ids: Counter[int] = Counter()
        self.extensions: dict[int, str] = {}
        self.first_us = self.last_us = 0
        self.longest_silence_us = 0
        self.reception = Reception()
        self.jitter: Jitter | None = None
        self.pictures: Pictures | None = None
        self.peak = PeakRate()
        self.byte_series = Series(origin_us, Keep.SUM)
        self.lost_series = Series(origin_us, Keep.SUM)
        self.jitter_series = Series(origin_us, Keep.MAX)
        self.recent: dict[int, int] = {}  # sequence number to timestamp: what an RTX stream may repeat
        self.repair_votes: Counter[int] = Counter()
        self._description = description
        self._waiting: list[RtpArrival] | None = []
        self._described: dict[int, StreamDescription | None] = {}
        self._restarts = 0

    def receive(self, arrival: RtpArrival) -> None:
        """Takes one packet, in the order of capture."""
        sample = arrival.sample
        if len(self.recent) >= RECENT_ORIGINALS:
            del self.recent[next(iter(self.recent))]
        self.recent[sample.sequence_number] = sample.timestamp
        if self._waiting is None:
            self._count(arrival)
            return
        self._waiting.append(arrival)
        if not self.confirmed:
            self.confirmed = any(_agree(sample, other.sample) for other in self._waiting[:-1])
        if len(self._waiting) >= SAMPLES:
            self.decide()

    @property
    def undecided(self) -> bool:
        """Whether packets still wait."""
        return self._waiting is not None

    @property
    def waiting(self) -> int:
        """How many packets wait."""
        return len(self._waiting or ())

    def decide(self) -> None:
        """Settles codec and clock by what there is, and counts what waited; does nothing a second time."""
        if self._waiting is None:
            return
        waiting, self._waiting = self._waiting, None
        samples = [arrival.sample for arrival in waiting]
        main = Counter(sample.payload_type for sample in samples).most_common(1)
        if main:
            self._settle(main[0][0], [one for one in samples if one.payload_type == main[0][0]])
        for arrival in waiting:
            self._count(arrival)

    def finish(self) -> None:
        """No packet comes any more."""
        self.decide()
        self.reception.finish()
        self._take_losses()

    def _settle(self, payload_type: int, samples: list[Sample]) -> None:
        described = self._find(payload_type)
        if described is not None:
            self.name, self.repairs = described.name, described.repairs
            self.extensions = dict(described.extensions)
            if self.repairs is not None:
                self.repairs_confidence = Confidence.GIVEN
        else:
            self.extensions = dict(self._description.extensions)
        if described is not None and described.codec.mime_type is not None:
            self.codec = described.codec
        elif self.protected:
            self.codec = CodecGuess(None, infer_clock(samples))
        else:
            self.codec = self._infer(samples)
            if described is not None and described.codec.clock_rate is not None:
                self.codec = CodecGuess(
                    self.codec.mime_type, described.codec.clock_rate, self.codec.confidence
                )
        if self.repairs is None and is_repair(self.codec.mime_type):
            self._vote(samples)
        if self.codec.clock_rate is not None:
            self.jitter = Jitter(self.codec.clock_rate)
        mime_type = self.codec.mime_type
        if mime_type is not None and self.codec.is_video and not self.protected and not is_repair(mime_type):
            self.pictures = Pictures(mime_type, self.origin_us)

    def _infer(self, samples: list[Sample]) -> CodecGuess:
        tested = sum(bool(sample.payload) for sample in samples)
        repeated, votes = self._most_likely_original()
        if votes >= 2 and votes * 10 >= tested * 8:
            self.repairs, self.repairs_confidence = repeated, Confidence.LIKELY
            clock = infer_clock(samples)
            mime_type = "audio/rtx" if clock == 48000 else "video/rtx"
            return CodecGuess(mime_type, 48000 if clock == 48000 else 90000, Confidence.LIKELY)
        return infer_codec(samples)

    def _vote(self, samples: list[Sample]) -> None:
        repeated, votes = self._most_likely_original()
        if votes and votes * 2 >= sum(bool(sample.payload) for sample in samples):
            self.repairs, self.repairs_confidence = repeated, Confidence.LIKELY

    def _most_likely_original(self) -> tuple[int, int]:
        """SSRC and votes; none has no votes."""
        return next(iter(self.repair_votes.most_common(1)), (0, 0))

    def _find(self, payload_type: int) -> StreamDescription | None:
        if payload_type not in self._described:
            self._described[payload_type] = self._description.find(self.key.ssrc, payload_type)
        return self._described[payload_type]

    def _count(self, arrival: RtpArrival) -> None:
        sample = arrival.sample
        if not self.packets:
            self.first_us = self.last_us = sample.time_us
        else:
            self.longest_silence_us = max(self.longest_silence_us, sample.time_us - self.last_us)
            self.first_us = min(self.first_us, sample.time_us)
            self.last_us = max(self.last_us, sample.time_us)
        self.packets += 1
        self.bytes += arrival.size
        self.payload_bytes += len(sample.payload)
        self.padding_packets += not sample.payload
        self.payload_types[sample.payload_type] += 1
        self.extension_ids.update(arrival.elements.keys())
        self.byte_series.add(sample.time_us, arrival.size)
        self.peak.add(sample.time_us, arrival.size)
        what = self.reception.receive(sample.sequence_number, sample.time_us)
        self._take_losses()
        if what in (Arrival.DUPLICATE, Arrival.STRAY):
            return
        self._clock(sample)
        if self.pictures is not None and sample.payload and self._is_picture(sample.payload_type):
            self.pictures.receive(
                sample.timestamp, sample.payload, arrival.size, sample.time_us,
                self._dependency(arrival.elements),
            )  # fmt: skip

    def _clock(self, sample: Sample) -> None:
        if self.jitter is None:
            return
        if self.reception.restarts != self._restarts:
            self._restarts = self.reception.restarts
            self.jitter.restart()
        self.jitter.receive(sample.timestamp, sample.time_us)
        self.jitter_series.add(sample.time_us, self.jitter.value_ms)

    def _take_losses(self) -> None:
        if self.reception.lost_times:
            for time_us in self.reception.lost_times:
                self.lost_series.add(time_us, 1)
            self.reception.lost_times.clear()

    def _is_picture(self, payload_type: int) -> bool:
        """Comfort noise, FEC and the like may share an SSRC with pictures: only the main type is read."""
        main = self.payload_types.most_common(1)[0][0] if len(self.payload_types) > 1 else payload_type
        if payload_type == main:
            return True
        described = self._find(payload_type)
        return described is not None and described.codec.mime_type == self.codec.mime_type

    def _dependency(self, elements: dict[int, bytes]) -> bytes | None:
        for element_id, uri in self.extensions.items():
            if uri == DEPENDENCY_DESCRIPTOR:
                return elements.get(element_id)
        return None

    @property
    def duration_us(self) -> int:
        """From the first packet to the last."""
        return self.last_us - self.first_us

    @property
    def mean_bps(self) -> float:
        """Bits a second over the whole stream, or over one second where it is shorter."""
        return self.bytes * 8 * MICROSECONDS / max(self.duration_us, MICROSECONDS)


def _agree(one: Sample, other: Sample) -> bool:
    step = distance_16(one.sequence_number, other.sequence_number)
    return one.payload_type == other.payload_type and 0 < abs(step) <= MAX_STEP
