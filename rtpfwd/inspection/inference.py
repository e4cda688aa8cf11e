"""Guessing a stream's codec and clock from its first packets, for captures that nobody described.

Each judge goes through packets in order and answers how many of its codec's own rules they keep: reserved
bits, marks at both ends of a frame, lengths that add up. A codec that the stream really is keeps all of them;
ciphertext and other codecs soon break some. That is evidence, not proof, hence the word of confidence.
Source: RFC 7741 (VP8), RFC 9628 (VP9), RFC 6184 (H.264), the AV1 RTP specification, RFC 6716 §3.1 (Opus).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtpfwd.clock import MICROSECONDS
from rtpfwd.inspection.codecs import CodecGuess, Confidence, find_codec, static_codec
from rtpfwd.wire.payloads.vp9 import parse_vp9
from rtpfwd.wire.serial import distance_16, distance_32

CLOCK_RATES = (8000, 16000, 24000, 32000, 44100, 48000, 90000)
CLOCK_TOLERANCE = 1.25  # a clock this much off fits none
ACCEPTED_SHARE = 0.95
ENOUGH_RULES = 12
MARGIN = 0.05
VP8_START_CODE = b"\x9d\x01\x2a"


@dataclass(slots=True)
class Sample:
    """One packet of a stream. ``payload`` is without padding, and empty for padding alone."""

    time_us: int
    payload_type: int
    sequence_number: int
    timestamp: int
    marker: bool
    payload: bytes


@dataclass(slots=True)
class _Place:
    """A packet, and what is known of its place in a frame (None: a neighbour is missing)."""

    payload: bytes
    starts: bool | None
    ends: bool | None
    follows: bool  # right behind the packet before it in the list


@dataclass(slots=True)
class _Score:
    kept: int = 0
    broken: int = 0
    certain: bool = False

    def rule(self, kept: bool) -> None:
        if kept:
            self.kept += 1
        else:
            self.broken += 1

    @property
    def share(self) -> float:
        total = self.kept + self.broken
        return self.kept / total if total else 0.0


def infer_codec(samples: Sequence[Sample]) -> CodecGuess:
    """The codec of packets of one payload type and stream, in any order; duplicates do no harm."""
    if not samples:
        return CodecGuess()
    fixed = static_codec(samples[0].payload_type)
    if fixed.mime_type is not None:
        return fixed
    places = _places(samples)
    scores = sorted(
        ((score, name) for name, judge in _JUDGES.items() if (score := judge(places)).kept),
        key=lambda pair: (pair[0].certain, pair[0].share, pair[0].kept),
        reverse=True,
    )
    opus = _judge_opus(samples)
    if opus.share >= 0.8 and opus.kept >= 2:
        scores.insert(0, (opus, "opus"))
    clock = infer_clock(samples)
    if not scores or scores[0][0].share < (0.8 if scores[0][1] == "opus" else ACCEPTED_SHARE):
        return CodecGuess(None, clock)
    best, name = scores[0]
    second = scores[1][0].share if len(scores) > 1 else 0.0
    sure = best.certain or (best.kept >= ENOUGH_RULES and best.share - second >= MARGIN)
    mime_type, usual = find_codec(name) or (name, clock or 90000)
    return CodecGuess(mime_type, usual, Confidence.LIKELY if sure else Confidence.GUESS)


def infer_clock(samples: Sequence[Sample]) -> int | None:
    """The common clock rate that timestamps advance at against arrival; None when none is near.

    Packets that share a timestamp are video's, whose clock is always 90 kHz.
    """
    first, last = samples[0], samples[-1]
    if sum(
        a.timestamp == b.timestamp and a.sequence_number != b.sequence_number for a, b in pairwise(samples)
    ):
        return 90000
    elapsed_us = last.time_us - first.time_us
    ticks = distance_32(last.timestamp, first.timestamp)
    if elapsed_us <= 0 or ticks <= 0:
        return None
    rate = ticks * MICROSECONDS / elapsed_us
    best = min(CLOCK_RATES, key=lambda clock: max(clock / rate, rate / clock))
    return best if max(best / rate, rate / best) <= CLOCK_TOLERANCE else None


def _places(samples: Sequence[Sample]) -> list[_Place]:
    first = samples[0].sequence_number
    ordered: list[Sample] = []
    for sample in sorted(samples, key=lambda one: distance_16(one.sequence_number, first)):
        if not ordered or ordered[-1].sequence_number != sample.sequence_number:
            ordered.append(sample)
    joined = [b.sequence_number == a.sequence_number + 1 & 0xFFFF for a, b in pairwise(ordered)]
    places = []
    for index, sample in enumerate(ordered):
        if not sample.payload:
            continue
        before = index > 0 and joined[index - 1]
        behind = index + 1 < len(ordered) and joined[index]
        starts = ordered[index - 1].timestamp != sample.timestamp if before else None
        ends = (
            True if sample.marker else (ordered[index + 1].timestamp != sample.timestamp if behind else None)
        )
        follows = before and bool(ordered[index - 1].payload)
        places.append(_Place(sample.payload, starts, ends, follows))
    return places


def _judge_vp8(places: Sequence[_Place]) -> _Score:
    score = _Score()
    for place in places:
        payload = place.payload
        first = payload[0]
        score.rule(not first & 0x48)
        begins = first & 0x17 == 0x10
        if place.starts is not None:
            score.rule(begins == place.starts)
        if first & 0x80 and len(payload) > 1:
            score.rule(not payload[1] & 0x0F)
        if begins:
            at = payload.find(VP8_START_CODE, 4, 13)
            size = at - 3 if at >= 0 else _vp8_descriptor_size(payload)
            is_key = len(payload) > size and not payload[size] & 1
            score.rule(is_key == (at >= 0))
            score.certain |= is_key and at >= 0
    return score


def _vp8_descriptor_size(payload: bytes) -> int:
    if not payload[0] & 0x80 or len(payload) < 3:
        return 1
    present = payload[1]
    size = 2
    if present & 0x80:
        size += 2 if payload[2] & 0x80 else 1
    return size + bool(present & 0x40) + bool(present & 0x30)


def _judge_vp9(places: Sequence[_Place]) -> _Score:
    score = _Score()
    ended = True
    picture: int | None = None
    for place in places:
        described = parse_vp9(place.payload)
        if place.starts:
            score.rule(described.begins_picture)
            if described.picture_id is not None:
                score.rule(described.picture_id != picture)
        elif place.follows:
            score.rule(described.begins_picture == ended)
            score.rule(described.picture_id == picture)
        if place.ends:
            score.rule(described.ends_picture)
        ended, picture = described.ends_picture, described.picture_id
    return score


def _judge_h264(places: Sequence[_Place]) -> _Score:
    score = _Score()
    open_unit: int | None = None
    for place in places:
        payload = place.payload
        nal_type = payload[0] & 0x1F
        score.rule(not payload[0] & 0x80 and (1 <= nal_type <= 12 or nal_type in (24, 28)))
        fragment: int | None = None
        if nal_type == 28 and len(payload) > 2:
            head = payload[1]
            starts, ends = bool(head & 0x80), bool(head & 0x40)
            score.rule(not head & 0x20 and not (starts and ends))
            if place.follows:
                score.rule((open_unit is None) == starts and open_unit in (None, head & 0x1F))
            if place.ends is not None and place.ends:
                score.rule(ends)
            fragment = None if ends else head & 0x1F
        elif nal_type == 24:
            score.rule(_lengths_add_up(payload))
        elif place.follows:
            score.rule(open_unit is None)
        if nal_type == 7 and len(payload) > 4:
            score.rule(payload[1] in (66, 77, 88, 100))
        open_unit = fragment
    return score


def _lengths_add_up(payload: bytes) -> bool:
    offset = 1
    while offset + 2 < len(payload):
        size = payload[offset] << 8 | payload[offset + 1]
        if not size:
            return False
        offset += 2 + size
    return offset == len(payload) and offset > 1


def _judge_av1(places: Sequence[_Place]) -> _Score:
    score = _Score()
    goes_on = False
    for place in places:
        head = place.payload[0]
        continues = bool(head & 0x80)
        score.rule(not head & 0x07)
        if place.follows:
            score.rule(continues == goes_on)
        if place.starts:
            score.rule(not continues)
        if place.ends:
            score.rule(not head & 0x40)
        if not continues:
            at = 1 if head & 0x30 == 0x10 else 2  # without a length when it is the only element
            obu = place.payload[at] if len(place.payload) > at else 0x80
            score.rule(not obu & 0x81 and (obu >> 3 & 0xF) in (1, 2, 3, 4, 5, 6, 7, 15) and not obu & 0x02)
        goes_on = bool(head & 0x40)
    return score


_SILK, _CELT = (480, 960, 1920, 2880), (120, 240, 480, 960)


def _opus_duration(payload: bytes) -> int | None:
    """In ticks of 48 kHz."""
    configuration, code = payload[0] >> 3, payload[0] & 3
    if configuration < 12:
        frame = _SILK[configuration & 3]
    elif configuration < 16:
        frame = _SILK[configuration & 1]
    else:
        frame = _CELT[configuration & 3]
    if code == 3:
        return frame * (payload[1] & 0x3F) if len(payload) > 1 else None
    return frame * (1 if code == 0 else 2)


def _judge_opus(samples: Sequence[Sample]) -> _Score:
    """The first byte tells how long the sound is, and the next packet's timestamp has to agree."""
    score = _Score()
    for sample, after in pairwise(samples):
        if distance_16(after.sequence_number, sample.sequence_number) != 1 or not sample.payload:
            continue
        ticks = distance_32(after.timestamp, sample.timestamp)
        if len(sample.payload) <= 2 and ticks > 0:
            continue  # silence is not sent (DTX)
        score.rule(ticks == _opus_duration(sample.payload))
    return score


_JUDGES: dict[str, Callable[[Sequence[_Place]], _Score]] = {
    "VP8": _judge_vp8,
    "VP9": _judge_vp9,
    "H264": _judge_h264,
    "AV1": _judge_av1,
}
