"""Captures of calls that never were, with known numbers in them."""

from __future__ import annotations

from collections.abc import Iterable

from rtpfwd.clock import us_to_ticks
from rtpfwd.inspection.description import CaptureDescription
from rtpfwd.inspection.inspector import Inspector
from rtpfwd.inspection.stream import MediaStream
from rtpfwd.wire.captures.items import CapturedDatagram
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import wrap_payload

ALICE, BOB = ("192.0.2.1", 5004), ("192.0.2.2", 5006)
START_US = 1_700_000_000_000_000
Packet = tuple[int, Address, Address, bytes]
"""Microseconds since the start, from, to, UDP payload."""


def voice(
    count: int,
    *,
    ssrc: int = 1,
    payload_type: int = 111,
    first: int = 100,
    clock: int = 48000,
    size: int = 40,
) -> list[Packet]:
    """20 ms of Opus a packet (code 0, CELT 20 ms), exactly on time."""
    return [
        (
            number * 20_000, ALICE, BOB,
            RtpPacket(
                payload_type, first + number & 0xFFFF, us_to_ticks(number * 20_000, clock), ssrc,
                payload=b"\xf8" + bytes(size - 1),
            ).serialize(),
        )
        for number in range(count)
    ]  # fmt: skip


def camera(
    frames: int, *, ssrc: int = 2, per_frame: int = 3, key_every: int = 30, first: int = 0
) -> list[Packet]:
    """VP8 of 640 x 480 at 25 frames a second; every other frame is of temporal layer 1."""
    packets: list[Packet] = []
    for frame in range(frames):
        key = frame % key_every == 0
        for part in range(per_frame):
            descriptor = bytes(
                (0x90 if part == 0 else 0x80, 0xE0, 0x80 | frame >> 8 & 0x7F, frame & 0xFF, 0, frame % 2 << 6)
            )
            start = (
                (b"\x50\x42\x00\x9d\x01\x2a\x80\x02\xe0\x01" if key else b"\x51\0\0") if part == 0 else b""
            )
            packet = RtpPacket(
                96, first + len(packets) & 0xFFFF, frame * 3600, ssrc, part == per_frame - 1,
                payload=(descriptor + start).ljust(500, b"\x7f"),
            )  # fmt: skip
            packets.append((frame * 40_000 + part * 100, ALICE, BOB, packet.serialize()))
    return packets


def repair(packet: Packet, number: int, *, ssrc: int = 3, delay_us: int = 50_000) -> Packet:
    """The retransmission of one packet (RFC 4588)."""
    time_us, source, destination, data = packet
    original = RtpPacket.parse(data)
    original.payload = wrap_payload(original.sequence_number, original.payload)
    original.payload_type, original.sequence_number, original.ssrc = 97, number, ssrc
    return time_us + delay_us, source, destination, original.serialize()


def back(time_us: int, data: bytes) -> Packet:
    """Something that Bob sends."""
    return time_us, BOB, ALICE, data


def inspect(
    packets: Iterable[Packet], description: CaptureDescription | None = None
) -> tuple[Inspector, list[MediaStream]]:
    """What the inspector makes of packets, in the order of their times."""
    inspector = Inspector(description or CaptureDescription())
    for number, (time_us, source, destination, data) in enumerate(sorted(packets, key=lambda one: one[0]), 1):
        inspector.add(CapturedDatagram(number, START_US + time_us, data, source, destination))
    return inspector, inspector.finish()


def pcapng(packets: Iterable[Packet]) -> bytes:
    """The same as a file."""
    writer = PcapngWriter()
    file = writer.header()
    interface, block = writer.interface("test")
    file += block
    for time_us, source, destination, data in sorted(packets, key=lambda one: one[0]):
        file += writer.datagram(interface, START_US + time_us, source, destination, data)
    return file
