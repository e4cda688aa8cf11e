"""How fast a recording is replayed, and whether memory stays flat: one camera and two viewers, made up.

The clock runs from opening the file to the last comparison; making the file is not in it.
"""

from __future__ import annotations

import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rtpfwd.capture.quick_reader import QuickReader
from rtpfwd.capture.recorder import Recorder
from rtpfwd.capture.recording_plane import RecordingPlane
from rtpfwd.capture.replay import Replay
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    PlaneLimits,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendStreamId,
    SendStreamSpec,
    TransportId,
)
from rtpfwd.dataplane.load import load_plane
from rtpfwd.errors import RtpfwdError
from rtpfwd.protocols.srtp import PlainKeys, Profile
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.datagram import Path as WirePath
from rtpfwd.wire.rtp import RtpPacket

SERVER: Address = ("192.0.2.1", 3000)
VIEWERS = 2
PACKETS_IN_FRAME = 5
FRAME_US = 33_333
TAG = bytes(16)
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class ReplayBenchSettings:
    """``packets`` go in; each comes out once for each viewer."""

    packets: int = 20_000
    packet_bytes: int = 1000
    plane: str = "reference"
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class ReplayBenchResult:
    """Packets are those in and out together; the best of the rounds, and by CPU time beside the clock."""

    plane: str
    packets: int
    file_bytes: int
    call_seconds: float
    packets_per_second: float
    packets_per_cpu_second: float
    times_faster_than_life: float
    grown_kib: int
    """By how much the process's peak grew after the first round."""


def run_replay(settings: ReplayBenchSettings) -> ReplayBenchResult:
    """Make a recording, replay it. Raises ``RtpfwdError`` when the replay is not equal."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bench.pcapng"
        make_recording(path, settings)
        best = cpu = 0.0
        peak = grown = 0
        packets, lasted = 0, 0.0
        for number in range(settings.rounds):
            begun, begun_cpu = time.perf_counter(), time.process_time()
            result = _replay(path, settings.plane)
            took, took_cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
            if not result.result.comparison.equal:
                raise RtpfwdError(f"the replay differs: {result.result.comparison.differences[:1]}")
            packets = result.result.received + result.result.sent
            lasted = ((result.result.last_us or 0) - (result.result.first_us or 0)) / 1e6
            best, cpu = max(best, packets / took), max(cpu, packets / took_cpu)
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            grown = now - peak if number else 0
            peak = peak or now
        size = path.stat().st_size
    return ReplayBenchResult(
        settings.plane, packets, size, lasted, best, cpu, lasted / (packets / best), grown
    )


def make_recording(path: Path, settings: ReplayBenchSettings) -> None:
    """A camera of 30 frames a second with two viewers, through a real plane."""
    plane = RecordingPlane(load_plane("reference"))
    with path.open("wb") as file:
        recorder = Recorder(
            plane, plane.mirror, write=lambda data: file.write(data) > 0, local=[SERVER], unix_us_at_zero=0,
            limits=PlaneLimits(), now=Instant(1), everything=True, max_bytes=1 << 40,
        )  # fmt: skip
        plane.attach(recorder)
        paths = [_transport(plane, number) for number in range(1, VIEWERS + 2)]
        _streams(plane)
        body = bytes(settings.packet_bytes)
        now = 1_000_000
        for number in range(settings.packets):
            of_frame = number % PACKETS_IN_FRAME
            if not of_frame:
                now += FRAME_US
            head = b"\x10" if of_frame == 0 else b"\x00"  # VP8: the start of a partition
            # The first frame of each 300 is a key frame: the lowest bit of its first byte is 0.
            frame = b"\x00" if number % 1500 < PACKETS_IN_FRAME else b"\x01"
            packet = RtpPacket(
                payload_type=96,
                sequence_number=number & 0xFFFF,
                timestamp=number // PACKETS_IN_FRAME * 3000 & 0xFFFF_FFFF,
                ssrc=1,
                marker=of_frame == PACKETS_IN_FRAME - 1,
                payload=head + frame + body,
            )
            plane.forward([(packet.serialize() + TAG, paths[0])], Instant(now + of_frame * 100))
            due = plane.next_timeout()
            if due is not None:
                plane.handle_timeout(Instant(max(due, now + of_frame * 100)))
            plane.take_upcalls()
        recorder.finish("asked", Instant(now + FRAME_US))


def _transport(plane: RecordingPlane, number: int) -> WirePath:
    transport, path = TransportId(number), (0, (f"192.0.2.{10 + number}", 5000))
    plane.add_transport(transport)
    plane.set_keys(transport, PlainKeys(Profile.AEAD_AES_128_GCM))
    plane.add_path(transport, path)
    plane.select_path(transport, path)
    return path


def _streams(plane: RecordingPlane) -> None:
    source = ReceiveStreamId(1)
    plane.add_receive_stream(
        source,
        ReceiveStreamSpec(TransportId(1), 1, {96: 96}, None, {}, 90_000, "video/VP8", {}, {}, use_nack=True),
    )
    for number in range(2, VIEWERS + 2):
        stream = SendStreamId(number)
        plane.add_send_stream(
            stream,
            SendStreamSpec(
                TransportId(number), 100 + number, None, {}, frozenset((96,)), 90_000, "video/VP8", b"", {},
                1, 1, needs_key_frame=True, keep_ciphertext=False,
            ),
        )  # fmt: skip
        plane.set_pacing_rate(TransportId(number), 1_000_000_000)
        plane.set_source(stream, source, Instant(1))


def _replay(path: Path, plane: str) -> Replay:
    player = Replay(lambda limits: load_plane(plane, limits), plain=plane == "reference")
    with path.open("rb") as file:
        for item in QuickReader().read(iter(lambda: file.read(CHUNK), b"")):
            player.take(item)
    player.finish()
    return player
