"""The receiving half of a test client: counts one stream, asks for what is missing, and checks what a decoder
relies on.

Source: RFC 3550 A.1, A.3 and A.8 for the figures of receiver reports, RFC 4585 §6.2.1 for NACK, RFC 4588 for
RTX; libwebrtc for when a receiver asks for a key frame. What it checks is what an SFU promises: one numbering
without holes or repetitions, and timestamps that only move forward.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from rtpfwd.clock import (
    Instant,
    milliseconds,
    ntp_to_unix_us,
    seconds,
    ticks_to_us,
    us_to_ntp_short,
    us_to_ticks,
)
from rtpfwd.drivers.decoder_model import DecoderModel
from rtpfwd.drivers.fake_media import read_mark
from rtpfwd.drivers.picture_log import PictureLog
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.rtcp.reports import ReportBlock, SenderReport
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import OSN_SIZE, unwrap_payload
from rtpfwd.wire.serial import distance_32

JsonObject = dict[str, Any]

NACK_RETRY_US = milliseconds(100)
NACK_TRIES = 10
MAX_GAP = 1000  # more than this is a jump, not loss
LATE_REMEMBERED = 32
MAX_NACK_WAIT_US = milliseconds(100)
LATE_AT_START = 100  # packets before the first one that may still come
KEY_FRAME_WAIT_US = milliseconds(200)  # libwebrtc: how long to wait for a key frame before asking (again)
PICTURE_WAIT_US = seconds(3)  # libwebrtc: without a picture for so long, only a key frame helps


class MediaSink:
    """One incoming stream, as a consumer's ``rtpParameters`` announce it."""

    def __init__(self, rtp_parameters: JsonObject, *, decode: bool = False) -> None:
        encoding = rtp_parameters["encodings"][0]
        codec = rtp_parameters["codecs"][0]
        self.ssrc: int = encoding["ssrc"]
        self.rtx_ssrc: int | None = encoding.get("rtx", {}).get("ssrc")
        self.mid: str | None = rtp_parameters.get("mid")
        self.payload_type: int = codec["payloadType"]
        self.clock_rate: int = codec["clockRate"]
        self.is_vp8 = codec["mimeType"].lower() == "video/vp8"
        self.uses_nack = any(one == {"type": "nack", "parameter": ""} for one in codec["rtcpFeedback"])
        self.packets = self.octets = self.duplicates = self.repaired = self.key_frames = 0
        self.filled_us: list[int] = []
        """Of each hole that was filled, by a repair or by a late packet: how long it was open."""
        self.needless_repairs = 0
        """Repairs of what had arrived meanwhile: late is not lost, but who asks cannot know."""
        self.wrong_payload_type = self.timestamps_back = self.jumps = 0
        self.began_with_key_frame: bool | None = None
        """Of video: whether the first packet that arrived begins a key frame."""
        self.last_arrival: Instant | None = None
        self.last_timestamp: int | None = None
        self.latencies_us: list[int] = []
        self.marks: list[int] = []
        """The numbers that the source gave to the packets, in order of arrival; those without a mark leave
        none.
        """
        self.last_packet: RtpPacket | None = None
        """The last one that counted, as it came."""
        self.pictures = PictureLog()
        """Of VP8, without a decoder model: what could be shown."""
        self.decoder: DecoderModel | None = None
        if decode and codec["mimeType"].lower().startswith("video/"):
            ids = {one["uri"]: one["id"] for one in rtp_parameters.get("headerExtensions", ())}
            self.decoder = DecoderModel(codec["mimeType"], ids.get(DEPENDENCY_DESCRIPTOR))
        self.nack_retry_us = NACK_RETRY_US
        self.capture_errors_us: list[int] = []
        """Of each packet with a mark: when it was captured, by the last sender report, less when it was sent.
        Fake sources send at once.
        """
        self.last_sender_report: SenderReport | None = None
        self._sender_report_at: Instant | None = None
        self._first: int | None = None
        self._highest = 0
        # extended number -> (times asked, when to ask next, when it was seen to be missing)
        self._missing: dict[int, tuple[int, Instant, Instant]] = {}
        self._lateness_us: deque[int] = deque(maxlen=LATE_REMEMBERED)
        self._first_nack_us = 0
        self._jitter_q4 = 0
        self._last_transit: int | None = None
        self._reported_expected = self._reported_packets = 0
        self._ask_key_frame_at: Instant | None = None

    @property
    def missing(self) -> list[int]:
        """16-bit sequence numbers that have not arrived, lowest first."""
        return [extended & 0xFFFF for extended in sorted(self._missing)]

    @property
    def lost(self) -> int:
        """Packets that the numbering promises and that never came."""
        return len(self._missing)

    def receive(self, packet: RtpPacket, now: Instant) -> None:
        """A decrypted packet of this stream or of its RTX."""
        if packet.ssrc == self.rtx_ssrc:
            if len(packet.payload) <= OSN_SIZE:
                return  # padding of a prober
            number, payload = unwrap_payload(packet.payload)
            self._arrived(number, packet, payload, now, repaired=True)
            return
        if packet.payload_type != self.payload_type:
            self.wrong_payload_type += 1
            return
        transit = us_to_ticks(now, self.clock_rate) - packet.timestamp & 0xFFFF_FFFF
        if self._last_transit is not None:
            self._jitter_q4 += abs(distance_32(transit, self._last_transit)) - (self._jitter_q4 + 8 >> 4)
        self._last_transit = transit
        self._arrived(packet.sequence_number, packet, packet.payload, now, repaired=False)

    def note_sender_report(self, report: SenderReport, now: Instant) -> None:
        """An SR of this stream."""
        self.last_sender_report, self._sender_report_at = report, now

    def take_nacks(self, now: Instant) -> list[int]:
        """16-bit sequence numbers to ask for now."""
        if not self.uses_nack:
            return []
        due: list[int] = []
        for extended, (tries, at, seen_at) in sorted(self._missing.items()):
            if at <= now and tries < NACK_TRIES:
                self._missing[extended] = tries + 1, Instant(now + self.nack_retry_us), seen_at
                due.append(extended & 0xFFFF)
        return due

    def next_nack(self) -> Instant | None:
        """When ``take_nacks`` has something."""
        if not self.uses_nack:
            return None
        return min((at for tries, at, _ in self._missing.values() if tries < NACK_TRIES), default=None)

    def take_key_frame_request(self, now: Instant) -> bool:
        """Whether to ask for a key frame now: packets come and no picture has for too long."""
        if self._ask_key_frame_at is None or self._ask_key_frame_at > now:
            return False
        self._ask_key_frame_at = None
        return True

    def next_key_frame_request(self) -> Instant | None:
        """When ``take_key_frame_request`` has something."""
        return self._ask_key_frame_at

    def report_block(self, now: Instant) -> ReportBlock | None:
        """What to say of this stream in a receiver report; ``None`` before the first packet."""
        if self._first is None:
            return None
        expected = self._highest - self._first + 1
        expected_now = expected - self._reported_expected
        lost_now = expected_now - (self.packets - self._reported_packets)
        self._reported_expected, self._reported_packets = expected, self.packets
        fraction = (max(lost_now, 0) << 8) // expected_now if expected_now > 0 else 0
        report, heard_at = self.last_sender_report, self._sender_report_at
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(fraction, 255),
            packets_lost=expected - self.packets,
            highest_sequence_number=self._highest & 0xFFFF_FFFF,
            jitter=self._jitter_q4 >> 4,
            last_sender_report=report.ntp >> 16 & 0xFFFF_FFFF if report is not None else 0,
            delay_since_last_sender_report=us_to_ntp_short(now - heard_at) if heard_at is not None else 0,
        )

    def _arrived(
        self, number: int, packet: RtpPacket, payload: bytes, now: Instant, *, repaired: bool
    ) -> None:
        if self._first is None:
            self._first = number
            self._highest = number - 1
        ahead = (number - self._highest + 0x8000 & 0xFFFF) - 0x8000
        extended = self._highest + ahead
        if ahead > MAX_GAP:
            self.jumps += 1
            self._missing.clear()
            self._highest = extended
            self._ask_key_frame_at = now if self.is_vp8 or self.decoder is not None else None
        elif ahead > 0:
            at = Instant(now + self._first_nack_us)
            for gone in range(self._highest + 1, extended):
                self._missing[gone] = 0, at, now
            self._highest = extended
            if self.last_timestamp is not None and distance_32(packet.timestamp, self.last_timestamp) < 0:
                self.timestamps_back += 1
            self.last_timestamp = packet.timestamp
        elif self._first - LATE_AT_START < extended < self._first:
            for gone in range(extended + 1, self._first):
                self._missing[gone] = 0, now, now
            self._first = extended
        elif (missing := self._missing.pop(extended, None)) is None:
            if repaired:
                self.needless_repairs += 1
            else:
                self.duplicates += 1
            return
        else:
            self.filled_us.append(now - missing[2])
            if not repaired:
                # libwebrtc waits for so many packets as late ones are late in the median; the same in time.
                self._lateness_us.append(now - missing[2])
                median = sorted(self._lateness_us)[len(self._lateness_us) // 2]
                self._first_nack_us = min(median, MAX_NACK_WAIT_US)
        self._count(extended, packet, payload, now, repaired)

    def _count(self, extended: int, packet: RtpPacket, payload: bytes, now: Instant, repaired: bool) -> None:
        self.packets += 1
        self.octets += len(payload)
        self.repaired += repaired
        self.last_arrival = now
        self.last_packet = packet
        is_key_frame = False
        if self.decoder is not None:
            keys = self.decoder.key_frames
            self.decoder.add(extended, packet, payload, now)
            is_key_frame = self.decoder.key_frames > keys
            self._watch_pictures(self.decoder.shown[-1].at if self.decoder.shown else None, now)
        elif self.is_vp8:
            descriptor = parse_vp8(payload)
            is_key_frame = descriptor.is_keyframe
            self.pictures.add(extended, descriptor, packet.marker, now)
            self._watch_pictures(self.pictures.shown_at[-1] if self.pictures.shown_at else None, now)
        self.key_frames += is_key_frame
        if self.began_with_key_frame is None and (self.decoder is None or self.decoder.decoded):
            self.began_with_key_frame = is_key_frame
        mark = read_mark(payload)
        if mark is not None:
            self.marks.append(mark.number)
            self.latencies_us.append(now - mark.sent_at)
            report = self.last_sender_report
            if report is not None:
                since = ticks_to_us(distance_32(packet.timestamp, report.rtp_timestamp), self.clock_rate)
                self.capture_errors_us.append(ntp_to_unix_us(report.ntp) + since - mark.sent_at)

    def _watch_pictures(self, last_shown: Instant | None, now: Instant) -> None:
        if last_shown is not None and now - last_shown < PICTURE_WAIT_US:
            if self._ask_key_frame_at is not None and self._ask_key_frame_at > now:
                self._ask_key_frame_at = None
        elif self._ask_key_frame_at is None:
            self._ask_key_frame_at = Instant(now + KEY_FRAME_WAIT_US)
